// Package lake is the core of notionlake: schema, rows, data files and the load
// itself.
//
// A load is one run. It reads a Source and produces tables: each has a Schema
// and a stream of rows. Rows become Parquet data files in the warehouse; the
// files become readable when a Catalog publishes snapshots, all tables of the
// load at once. Nothing that a load writes is visible before it is published. A
// load that fails, is cancelled or is killed changes nothing that a reader sees.
//
// The kinds of values and what holds them:
//
//	Kind       Go              Iceberg      Parquet
//	Bool       Value.Bool      boolean      BOOLEAN
//	Int64      Value.Int       long         INT64
//	Float64    Value.Float     double       DOUBLE, never NaN, never dictionary-encoded
//	String     Value.Text      string       BYTE_ARRAY (STRING)
//	JSON       Value.Text      string       BYTE_ARRAY (STRING), without bounds
//	Timestamp  Value.Micros    timestamptz  INT64 (TIMESTAMP_MICROS, UTC)
//	List       Value.Items     list         3-level LIST
//	Struct     Value.Items     struct       group
package lake
