package catalog_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

func historyOf(t *testing.T, c *catalog.Catalog, table string) []string {
	t.Helper()
	versions, err := c.SchemaHistory(t.Context(), table)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{}
	for _, v := range versions {
		line := string(v.Snapshot.LoadID)
		for _, change := range v.Changes {
			line += strings.TrimSuffix(fmt.Sprintf("; %s %s %s -> %s", change.Kind, change.Column, change.From, change.To), " -> ")
		}
		lines = append(lines, line)
	}
	return lines
}

func TestSchemaHistory(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	w.options.Removed = "retire"
	c := w.open()
	number, text := lake.Float64, lake.String
	place := func(fields ...string) lake.Column {
		p := property("w", "where", lake.Struct)
		for _, f := range fields {
			p.Type.Fields = append(p.Type.Fields, lake.Field(f, text))
		}
		return p
	}
	described := property("t", "points", text)
	described.Doc = "described anew"
	for n, columns := range [][]lake.Column{
		{property("t", "title", text), property("p", "points", number), place("name")},
		{property("t", "title", text), property("p", "points", number), place("name")},         // nothing
		{property("t", "points", text), property("p", "title", number), place("name", "town")}, // swapped and widened
		{described, property("p", "title", number), place("name", "town")},                     // no change of columns
		{property("t", "points", number), place("name", "town")},                               // retyped, retired
		{property("t", "points", number), place("name", "town"), property("p", "title", number)},
	} {
		s := tasks
		s.Columns = append([]lake.Column{tasks.Columns[0]}, columns...)
		w.mustPublish(c, loadID(n), change{schema: s, rows: 1})
		w.at = w.at.Add(time.Hour)
	}
	want := []string{
		string(loadID(0)),
		string(loadID(2)) + "; rename points title -> points; rename title points -> title; widen where struct<name string> -> struct<name string, town string>",
		string(loadID(4)) + "; retype points string -> double; retire title double",
		string(loadID(5)) + "; add title  -> double",
	}
	if d := cmp.Diff(want, historyOf(t, c, "tasks")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	versions, err := c.SchemaHistory(t.Context(), "tasks")
	if err != nil || len(versions[1].Schema.Columns) != 4 || versions[1].Schema.Columns[1].Name != "points" || versions[1].Layout.FieldIDs["points"] != 2 {
		t.Errorf("version 1: %+v, %v", versions[1], err)
	}
	if _, err := c.SchemaHistory(t.Context(), "nowhere"); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("no such table: %v", err)
	}

	// The first four loads expire: their schemas are there, their loads are not.
	file := strings.TrimPrefix(w.pointers()["tasks"], "file://")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var meta map[string]any
	if err := json.Unmarshal(raw, &meta); err != nil {
		t.Fatal(err)
	}
	snapshots, log, refs := meta["snapshots"].([]any), meta["snapshot-log"].([]any), meta["refs"].(map[string]any)
	meta["snapshots"], meta["snapshot-log"] = snapshots[4:], log[4:]
	for n := range 4 {
		delete(refs, loadID(n).Tag())
	}
	if raw, err = json.Marshal(meta); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	want[0], want[1] = "", strings.TrimPrefix(want[1], string(loadID(2)))
	if d := cmp.Diff(want, historyOf(t, w.open(), "tasks")); d != "" {
		t.Errorf("after expiry (-want +got)\n%s", d)
	}
}
