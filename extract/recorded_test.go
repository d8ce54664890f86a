package extract

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/extract/notiontest/truth"
)

// TestRecorded loads a workspace of responses that Notion really gave: every
// property value arrives, in a cell of the type and value that the contract
// wants. NOTION_RESPONSES names the folder.
func TestRecorded(t *testing.T) {
	dir := os.Getenv("NOTION_RESPONSES")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "notion-responses")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no recorded responses in %s: NOTION_RESPONSES names their folder", dir)
	}
	w, expected, err := notiontest.Recorded(dir)
	if err != nil {
		t.Fatal(err)
	}
	const load = "20260101T000000Z"
	server := notiontest.NewServer(w, notiontest.Options{Shuffle: true})
	tables, err := newMemoryLake().run(t.Context(), load, NewSource(allOptions(newClient(t, server))))
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := truth.Tables(w.Model(), nil, truth.Options{Load: load})
	if err != nil {
		t.Fatal(err)
	}
	cells := 0
	for _, table := range want {
		cells += compareTable(t, load, table, tables[table.Key])
	}
	values := 0
	for _, e := range expected {
		table := tables[e.Source]
		if table == nil {
			t.Errorf("data source %s has no table", e.Source)
			continue
		}
		column := -1
		for i, c := range table.schema.Columns {
			if c.Property && c.Key == e.Property {
				column = i
			}
		}
		if column < 0 {
			if e.Type != "button" {
				t.Errorf("property %s (%s) of data source %s has no column", e.Property, e.Type, e.Source)
			}
			values++
			continue
		}
		rows := 0
		for _, row := range table.rows {
			if row[0].Text() != e.Page {
				continue
			}
			rows++
			if row[column].IsNull() && !nothing(e.JSON) {
				t.Errorf("page %s, property %s (%s): null, Notion has %s", e.Page, e.Property, e.Type, e.JSON)
			}
		}
		if rows != 1 {
			t.Errorf("page %s is in %d rows", e.Page, rows)
		}
		values++
	}
	if values < 1000 {
		t.Errorf("only %d values", values)
	}
	t.Logf("%d recorded property values compared, %d cells in all", values, cells)
}

// nothing reports whether what stands under a property's type is no value.
func nothing(json string) bool {
	switch json {
	case "null", `{"prefix":null,"number":null}`, `{"type":"string","string":null}`, `{"type":"number","number":null}`, `{"type":"boolean","boolean":null}`, `{"type":"date","date":null}`:
		return true
	}
	return false
}
