package catalog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/iceberg-go"

	"github.com/notionlake/notionlake/lake"
)

// dataFile is the manifest's entry for a file that was written with schema.
func (c *Catalog) dataFile(f lake.File, spec iceberg.PartitionSpec, schema *iceberg.Schema) (iceberg.DataFile, error) {
	if f.Rows <= 0 || f.Bytes <= 0 {
		return nil, fmt.Errorf("file %s has %d rows and %d bytes", f.Key, f.Rows, f.Bytes)
	}
	b, err := iceberg.NewDataFileBuilder(spec, iceberg.EntryContentData, c.store.URI(f.Key), iceberg.ParquetFile, nil, nil, nil, f.Rows, f.Bytes)
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", f.Key, err)
	}
	sizes, values, nulls, nans := map[int]int64{}, map[int]int64{}, map[int]int64{}, map[int]int64{}
	lower, upper := map[int][]byte{}, map[int][]byte{}
	for _, s := range f.Columns {
		if _, ok := schema.FindFieldByID(s.FieldID); !ok {
			return nil, fmt.Errorf("file %s has a column with field ID %d, which its table has not", f.Key, s.FieldID)
		}
		sizes[s.FieldID], values[s.FieldID], nulls[s.FieldID] = s.Bytes, s.Values, s.Nulls
		if s.Float {
			nans[s.FieldID] = 0
		}
		if b := encodeBound(s.Min, false); b != nil {
			lower[s.FieldID] = b
		}
		if b := encodeBound(s.Max, true); b != nil {
			upper[s.FieldID] = b
		}
	}
	return b.ColumnSizes(sizes).ValueCounts(values).NullValueCounts(nulls).NaNValueCounts(nans).
		LowerBoundValues(lower).UpperBoundValues(upper).SplitOffsets(f.SplitOffsets).Build(), nil
}

// encodeBound writes a bound as Iceberg's single-value serialization; nil for
// none. Zeros get the sign that makes them bound both zeros, because Java orders
// -0.0 before 0.0. An empty text is no bound: not every reader tells it from a
// missing one. NaN must not be a bound.
func encodeBound(v lake.Value, upper bool) []byte {
	switch v.Kind() {
	case lake.Bool:
		if v.Bool() {
			return []byte{1}
		}
		return []byte{0}
	case lake.Int64:
		return binary.LittleEndian.AppendUint64(nil, uint64(v.Int()))
	case lake.Timestamp:
		return binary.LittleEndian.AppendUint64(nil, uint64(v.Micros()))
	case lake.Float64:
		f := v.Float()
		if math.IsNaN(f) {
			return nil
		}
		if f == 0 {
			f = 0
			if !upper {
				f = math.Copysign(0, -1)
			}
		}
		return binary.LittleEndian.AppendUint64(nil, math.Float64bits(f))
	case lake.String, lake.JSON:
		if v.Text() == "" {
			return nil
		}
		return []byte(v.Text())
	case lake.Invalid, lake.List, lake.Struct:
	}
	return nil
}

// decodeBound reads a bound of a type back; null for none.
func decodeBound(b []byte, t iceberg.Type) lake.Value {
	switch t.(type) {
	case iceberg.BooleanType:
		if len(b) == 1 {
			return lake.BoolValue(b[0] != 0)
		}
	case iceberg.StringType:
		if len(b) > 0 {
			return lake.TextValue(string(bytes.Clone(b)))
		}
	case iceberg.Int64Type:
		if len(b) == 8 {
			return lake.IntValue(int64(binary.LittleEndian.Uint64(b)))
		}
	case iceberg.Float64Type:
		if len(b) == 8 {
			return lake.FloatValue(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	case iceberg.TimestampTzType:
		if len(b) == 8 {
			return lake.MicrosValue(int64(binary.LittleEndian.Uint64(b)))
		}
	}
	return lake.Value{}
}

// lakeFile is the File of a manifest's entry; columns follow the schema's order.
func (c *Catalog) lakeFile(d iceberg.DataFile, schema *iceberg.Schema) (lake.File, error) {
	key, ok := c.store.Key(d.FilePath())
	if !ok {
		return lake.File{}, fmt.Errorf("data file %s is not in the warehouse %s", d.FilePath(), c.store.Root())
	}
	if d.FileFormat() != iceberg.ParquetFile {
		return lake.File{}, fmt.Errorf("data file %s is %s, which another program wrote; only Parquet can be read", d.FilePath(), d.FileFormat())
	}
	f := lake.File{Key: key, Rows: d.Count(), Bytes: d.FileSizeBytes(), SplitOffsets: d.SplitOffsets()}
	sizes, values, nulls := d.ColumnSizes(), d.ValueCounts(), d.NullValueCounts()
	lower, upper := d.LowerBoundValues(), d.UpperBoundValues()
	for _, leaf := range leaves(nil, schema.Fields()) {
		n, ok := values[leaf.ID]
		if !ok {
			continue
		}
		_, float := leaf.Type.(iceberg.Float64Type)
		f.Columns = append(f.Columns, lake.ColumnStats{
			FieldID: leaf.ID, Bytes: sizes[leaf.ID], Values: n, Nulls: nulls[leaf.ID],
			Min: decodeBound(lower[leaf.ID], leaf.Type), Max: decodeBound(upper[leaf.ID], leaf.Type), Float: float,
		})
	}
	return f, nil
}

// leaves appends the fields that have no parts.
func leaves(list, fields []iceberg.NestedField) []iceberg.NestedField {
	for _, f := range fields {
		switch t := f.Type.(type) {
		case *iceberg.StructType:
			list = leaves(list, t.FieldList)
		case *iceberg.ListType:
			list = leaves(list, []iceberg.NestedField{t.ElementField()})
		default:
			list = append(list, f)
		}
	}
	return list
}
