package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// A schemaVersion is a version in the document of `schema --history --json`.
type schemaVersion struct {
	SchemaID int `json:"schema_id"`
	// LoadID is the first load with the schema; empty where all of them have expired.
	LoadID  lake.LoadID         `json:"load_id"`
	Time    *time.Time          `json:"time"`
	Changes []lake.SchemaChange `json:"changes"`
}

// schemaHistory prints what changed in the columns of a table, and with which load.
func (p *program) schemaHistory(ctx context.Context, l *lakeAt, name string, asJSON bool) error {
	versions, err := l.catalog.SchemaHistory(ctx, name)
	if err != nil {
		return l.tableError(ctx, name, err)
	}
	docs := []schemaVersion{}
	var b strings.Builder
	for i, v := range versions {
		doc := schemaVersion{SchemaID: v.SchemaID, LoadID: v.Snapshot.LoadID, Changes: append([]lake.SchemaChange{}, v.Changes...)}
		head := "before the oldest load that is left"
		if v.Snapshot.ID != 0 {
			doc.Time = &v.Snapshot.Time
			head = fmt.Sprintf("load %s, %s", v.Snapshot.LoadID, when(v.Snapshot.Time))
		}
		docs = append(docs, doc)
		if i == 0 {
			head += fmt.Sprintf(": %s", plural(int64(len(v.Schema.Columns)), "column"))
		}
		fmt.Fprintln(&b, head)
		for _, c := range v.Changes {
			fmt.Fprintf(&b, "  %s\n", safeText(c.String()))
		}
	}
	if asJSON {
		return p.printJSON(struct {
			Table    string          `json:"table"`
			Versions []schemaVersion `json:"versions"`
		}{name, docs})
	}
	return p.printText(b.String())
}
