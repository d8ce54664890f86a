package catalog_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// TestForesee compares what is foreseen with what is staged, load after load.
func TestForesee(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	before := ""
	for n, s := range []lake.Schema{
		schema("tasks", "k", property("a", "due", lake.Timestamp), property("b", "done", lake.Bool)),
		schema("tasks", "k", property("a", "deadline", lake.Timestamp), property("b", "done", lake.Bool), property("c", "risk", lake.String)),
		schema("tasks", "k", property("a", "deadline", lake.String), property("c", "risk", lake.String)),
		schema("todo", "k", property("a", "risk", lake.String), property("c", "deadline", lake.String), property("b", "done", lake.Bool)),
		schema("todo", "k"),
	} {
		pointers := map[string]string{}
		if n > 0 {
			pointers = w.pointers()
		}
		list, err := c.Foresee(t.Context(), []lake.Schema{s, schema("other", "other")})
		if err != nil {
			t.Fatal(err)
		}
		staged, err := c.Stage(t.Context(), s, lake.Replace)
		if err != nil {
			t.Fatal(err)
		}
		got := list[0]
		if d := cmp.Diff(staged.Changes(), got.Changes); d != "" {
			t.Errorf("load %d: (-staged +foreseen) %s", n, d)
		}
		if got.Before != before || list[1].Before != "" {
			t.Errorf("load %d: the table was called %q, and the new one %q", n, got.Before, list[1].Before)
		}
		if d := cmp.Diff(pointers, w.pointers()); d != "" {
			t.Errorf("load %d: the catalog moved: %s", n, d)
		}
		w.mustPublish(c, loadID(n+1), change{schema: s, rows: 1})
		before = s.Table
		var names, columns []string
		for _, f := range w.metadata()[s.Table].CurrentSchema().Fields() {
			names = append(names, f.Name)
		}
		for _, column := range got.Schema.Columns {
			columns = append(columns, column.Name)
		}
		if d := cmp.Diff(names, columns); d != "" {
			t.Errorf("load %d: columns (-made +foreseen) %s", n, d)
		}
		if empty := len(columns) - len(s.Columns); len(got.Kept) != empty {
			t.Errorf("load %d: %v stay without values, want %d", n, got.Kept, empty)
		}
	}
	w.checkFiles()
}

func TestForeseeForeign(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	sc := iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "x", Type: iceberg.PrimitiveTypes.String})
	if _, err := w.foreign().CreateTable(t.Context(), table.Identifier{"notion", "tasks"}, sc); err != nil {
		t.Fatal(err)
	}
	_, err := c.Foresee(t.Context(), []lake.Schema{schema("tasks", "k")})
	_, staged := c.Stage(t.Context(), schema("tasks", "k"), lake.Replace)
	if !errors.Is(err, catalog.ErrForeign) || staged == nil || err.Error() != staged.Error() {
		t.Errorf("foreseen: %v; staged: %v", err, staged)
	}
}

// TestAbsent opens catalogs that do not exist only to look at them.
func TestAbsent(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]*string{"none": nil, "empty": new(string)} {
		w := newWarehouse(t)
		w.options.ReadOnly, w.options.Absent = true, true
		w.options.URI = filepath.Join(w.dir, "folder", name)
		if text != nil {
			w.options.URI = filepath.Join(w.dir, name)
			if err := os.WriteFile(w.options.URI, []byte(*text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c := w.open()
		list, err := c.Foresee(t.Context(), []lake.Schema{schema("tasks", "k")})
		if err != nil || len(list) != 1 || list[0].Before != "" || len(list[0].Changes) != 0 {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
		if last, err := c.LastLoad(t.Context()); last != "" || err != nil {
			t.Errorf("%s: the last load is %q, %v", name, last, err)
		}
		if _, err := os.Stat(filepath.Join(w.dir, "folder")); err == nil {
			t.Errorf("%s: the folder was made", name)
		}
		if data, err := os.ReadFile(w.options.URI); (err == nil) != (text != nil) || len(data) != 0 {
			t.Errorf("%s: the file is %d bytes now, %v", name, len(data), err)
		}
	}
}

// TestReadOnlyJournalMode looks at a catalog of another journal mode, which stays
// as it is.
func TestReadOnlyJournalMode(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	w.mustPublish(c, loadID(1), change{schema: schema("tasks", "k"), rows: 1})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", w.options.URI)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA journal_mode = DELETE"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before := w.file(w.options.URI)
	w.options.ReadOnly = true
	if tables, err := w.open().Tables(t.Context()); err != nil || len(tables) != 2 {
		t.Errorf("%d tables, %v", len(tables), err)
	}
	if string(before) != string(w.file(w.options.URI)) {
		t.Error("looking at the catalog changed its file")
	}
}
