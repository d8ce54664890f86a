package lake

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// LedgerTable is the name and key of the table with a row per published load.
const LedgerTable = "_loads"

// LedgerSchema is the schema of the ledger.
func LedgerSchema() Schema {
	id := Field("load_id", String)
	id.Required = true
	id.Doc = "UTC time as 20261121T030000Z; loads sort by it as text"
	snapshots := Field("table_snapshots", JSON)
	snapshots.Doc = "JSON object: table name to snapshot id and rows"
	return Schema{Table: LedgerTable, Key: LedgerTable, Columns: []Column{
		id, Field("tag", String), Field("status", String), Field("started", Timestamp), Field("finished", Timestamp),
		Field("requests", Int64), Field("rows", Int64), Field("tables", Int64), Field("version", String),
		Field("rollback_to", String), snapshots,
	}}
}

// tableSnapshot is the entry of a table in the ledger's table_snapshots.
type tableSnapshot struct {
	SnapshotID int64 `json:"snapshot_id"`
	Rows       int64 `json:"rows"`
}

// A ledgerRow is the row of a load.
type ledgerRow struct {
	load     Load
	at       time.Time // of publication
	requests int64
	tables   map[string]tableSnapshot
}

// values are the cells, in the order of the schema.
func (l ledgerRow) values() ([]Value, error) {
	var rows int64
	for _, t := range l.tables {
		rows += t.Rows
	}
	doc, err := json.Marshal(l.tables)
	if err != nil {
		return nil, err
	}
	to := Value{}
	if l.load.RollbackTo != "" {
		to = TextValue(string(l.load.RollbackTo))
	}
	return []Value{
		TextValue(string(l.load.ID)), TextValue(l.load.ID.Tag()), TextValue(l.load.Status), TimeValue(l.load.Started), TimeValue(l.at),
		IntValue(l.requests), IntValue(rows), IntValue(int64(len(l.tables))), TextValue(l.load.Version), to, JSONBytes(doc),
	}, nil
}

// ledger writes the ledger's row of the load, which is published at at.
func (r *run) ledger(ctx context.Context, at time.Time, snapshots []Snapshot) (Change, error) {
	own := ledgerRow{load: r.load, at: at, requests: r.report.Requests, tables: map[string]tableSnapshot{}}
	for _, s := range snapshots {
		own.tables[s.Table] = tableSnapshot{s.ID, s.Rows}
	}
	row, err := own.values()
	rows := [][]Value{row}
	if err == nil && r.ledgerLost {
		var before [][]Value
		before, err = r.ledgerAnew(ctx)
		rows = append(before, row)
	}
	if err != nil {
		return Change{}, fmt.Errorf("table %s: %w", LedgerTable, err)
	}
	schema := LedgerSchema()
	staged, err := r.Catalog.Stage(ctx, schema, r.ledgerDisposition())
	if err != nil {
		return Change{}, fmt.Errorf("stage %s: %w", LedgerTable, err)
	}
	w, err := NewWriter(r.Storage, schema, staged.Layout(), WriterOptions{Name: string(r.load.ID), Run: r.run})
	if err != nil {
		return Change{}, fmt.Errorf("table %s: %w", LedgerTable, err)
	}
	for _, row := range rows {
		if err := w.Write(ctx, row); err != nil {
			return Change{}, abandon(ctx, w, err)
		}
	}
	files, err := w.Close(ctx)
	if err != nil {
		return Change{}, abandon(ctx, w, err)
	}
	return Change{Staged: staged, Files: files}, nil
}
