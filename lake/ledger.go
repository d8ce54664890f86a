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

// ledger writes the ledger's row of the load, which is published at at.
func (l *Loader) ledger(ctx context.Context, load Load, run RunID, report *Report, at time.Time, snapshots []Snapshot) (Change, error) {
	tables := map[string]tableSnapshot{}
	var rows int64
	for _, s := range snapshots {
		tables[s.Table] = tableSnapshot{s.ID, s.Rows}
		rows += s.Rows
	}
	doc, err := json.Marshal(tables)
	if err != nil {
		return Change{}, fmt.Errorf("table %s: %w", LedgerTable, err)
	}
	schema := LedgerSchema()
	staged, err := l.Catalog.Stage(ctx, schema, Append)
	if err != nil {
		return Change{}, fmt.Errorf("stage %s: %w", LedgerTable, err)
	}
	w, err := NewWriter(l.Storage, schema, staged.Layout(), WriterOptions{Name: string(load.ID), Run: run})
	if err != nil {
		return Change{}, fmt.Errorf("table %s: %w", LedgerTable, err)
	}
	err = w.Write(ctx, []Value{
		TextValue(string(load.ID)), TextValue(load.ID.Tag()), TextValue(load.Status), TimeValue(load.Started), TimeValue(at),
		IntValue(report.Requests), IntValue(rows), IntValue(int64(len(snapshots))), TextValue(load.Version),
		rollbackTo(load),
		JSONBytes(doc),
	})
	if err != nil {
		return Change{}, abandon(ctx, w, err)
	}
	files, err := w.Close(ctx)
	if err != nil {
		return Change{}, abandon(ctx, w, err)
	}
	return Change{Staged: staged, Files: files}, nil
}

func rollbackTo(load Load) Value {
	if load.RollbackTo == "" {
		return Value{}
	}
	return TextValue(string(load.RollbackTo))
}
