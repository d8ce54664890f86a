package catalog_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// TestBadInput has a subtest per row of the table of bad inputs that is this
// package's, by its number.
func TestBadInput(t *testing.T) {
	t.Parallel()
	t.Run("33", badForeignTable)
	t.Run("34", badColumnType)
	t.Run("35", badColumns)
	t.Run("36", func(t *testing.T) {
		badTable(t, catalog.ErrForeign, map[string]func(map[string]any){
			"format version 1": func(d map[string]any) {
				d["format-version"] = 1
				delete(d, "last-sequence-number")
				for _, s := range d["snapshots"].([]any) {
					delete(s.(map[string]any), "sequence-number")
				}
				d["schema"] = d["schemas"].([]any)[0]
				d["partition-spec"] = []any{}
			},
			"format version 3": func(d map[string]any) { d["format-version"], d["next-row-id"] = 3, 0 },
		})
		badTable(t, lake.ErrAltered, map[string]func(map[string]any){
			"partitioned": func(d map[string]any) {
				field := map[string]any{"source-id": 1, "field-id": 1000, "name": "b", "transform": "bucket[4]"}
				d["partition-specs"] = append(d["partition-specs"].([]any), map[string]any{"spec-id": 1, "fields": []any{field}})
				d["default-spec-id"], d["last-partition-id"] = 1, 1000
			},
			"sort order": func(d map[string]any) {
				field := map[string]any{"source-id": 1, "transform": "identity", "direction": "asc", "null-order": "nulls-first"}
				d["sort-orders"] = []any{map[string]any{"order-id": 1, "fields": []any{field}}}
				d["default-sort-order-id"] = 1
			},
		})
		// One that is not known cannot even be read.
		badTable(t, catalog.ErrForeign, map[string]func(map[string]any){
			"format version 9": func(d map[string]any) { d["format-version"] = 9 },
		})
		badTable(t, catalog.ErrForeign, map[string]func(map[string]any){
			"exists and is not notionlake's (it has Iceberg format version 9": func(d map[string]any) {
				d["format-version"] = 9
				delete(d["properties"].(map[string]any), "notionlake.key")
			},
		})
	})
	t.Run("37", func(t *testing.T) {
		edits := map[string]func(map[string]any){}
		for _, key := range []string{"s3.endpoint", "s3.access-key-id", "client.region", "gcs.oauth2.token", "adls.sas-token.x", "My-Password"} {
			edits[key] = property2(key)
		}
		badTable(t, catalog.ErrUnsafe, edits)
	})
	t.Run("42", badKeys)
}

// Whatever a table is called and known by, its files are below the namespace's
// folder.
func badKeys(t *testing.T) {
	w := newWarehouse(t)
	c := w.open()
	for _, key := range []string{"../../etc", "a/b", "a\x00b", "CON", "dot. ", "/abs", "", strings.Repeat("x", 5000)} {
		st, err := c.Stage(t.Context(), schema("con", key), lake.Replace)
		if key == "" {
			if err == nil {
				t.Error("a table without a key is taken")
			}
			continue
		}
		if err != nil {
			t.Errorf("key %.20q: %v", key, err)
		} else if prefix := st.Layout().Prefix; !plainPrefix.MatchString(prefix) {
			t.Errorf("key %.20q: files go to %q", key, prefix)
		}
	}
}

var plainPrefix = regexp.MustCompile(`^notion/[0-9a-z-]{1,64}/data/$`)

var namesTasks = regexp.MustCompile(`table (notion\.)?tasks\b`)

// badTable edits the metadata of a table, by what the refusal must say. Nothing
// is written, and the error shows no value.
func badTable(t *testing.T, is error, edits map[string]func(map[string]any)) {
	t.Helper()
	for says, edit := range edits {
		w := newWarehouse(t)
		w.mustPublish(w.open(), loadID(1), change{schema: tasks, rows: 1})
		w.editMetadata("tasks", edit)
		before := w.pointers()
		_, err := w.publish(w.open(), loadID(2), change{schema: tasks, rows: 1})
		switch {
		case err == nil || is != nil && !errors.Is(err, is):
			t.Errorf("%s: error %v, want %v", says, err, is)
		case !namesTasks.MatchString(err.Error()) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hush"):
			t.Errorf("%s: error %v", says, err)
		}
		if d := cmp.Diff(before, w.pointers()); d != "" {
			t.Errorf("%s: the catalog moved: %s", says, d)
		}
	}
}

// What another program made under the name of a table stays as it is.
func badForeignTable(t *testing.T) {
	w := newWarehouse(t)
	c := w.open()
	sc := iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "x", Type: iceberg.PrimitiveTypes.String})
	if _, err := w.foreign().CreateTable(t.Context(), table.Identifier{"notion", "tasks"}, sc); err != nil {
		t.Fatal(err)
	}
	before := w.pointers()
	_, err := w.publish(c, loadID(1), change{schema: users, rows: 1}, change{schema: tasks, rows: 1})
	if !errors.Is(err, catalog.ErrForeign) || !strings.Contains(err.Error(), "table notion.tasks exists and is not notionlake's") {
		t.Errorf("error %v, want a foreign table", err)
	}
	if d := cmp.Diff(before, w.pointers()); d != "" {
		t.Errorf("the catalog moved: %s", d)
	}
}

// editSchema edits the fields of all schemas of the table tasks.
func (w *warehouse) editSchema(edit func(fields []any) []any) {
	w.t.Helper()
	w.editMetadata("tasks", func(d map[string]any) {
		for _, s := range d["schemas"].([]any) {
			s := s.(map[string]any)
			s["fields"] = edit(s["fields"].([]any))
		}
		d["last-column-id"] = json.Number("50")
	})
}

// next loads the table tasks once more and returns what the load changed, and
// the columns that the table then has.
func (w *warehouse) next() (changes []lake.SchemaChange, schema *iceberg.Schema) {
	w.t.Helper()
	c := w.open()
	staged, err := w.stage(c, change{schema: tasks, rows: 2})
	if err != nil {
		w.t.Fatal(err)
	}
	w.mustPublish(c, loadID(2), change{schema: tasks, rows: 2})
	if s := w.metadata()["tasks"].CurrentSnapshot().Summary; s.Properties["total-records"] != "2" {
		w.t.Errorf("the load wrote %v", s)
	}
	return staged.Staged.Changes(), w.metadata()["tasks"].CurrentSchema()
}

// A column that is of another type by now gives way to a new one of its name.
func badColumnType(t *testing.T) {
	w := newWarehouse(t)
	w.mustPublish(w.open(), loadID(1), change{schema: tasks, rows: 1})
	old := w.metadata()["tasks"]
	w.editSchema(func(fields []any) []any {
		fields[2].(map[string]any)["type"] = "date"
		return fields
	})
	changes, schema := w.next()
	want := []lake.SchemaChange{{Kind: "retype", Column: "points", From: "date", To: "double"}}
	if d := cmp.Diff(want, changes); d != "" {
		t.Errorf("changes: %s", d)
	}
	was, _ := old.CurrentSchema().FindFieldByName("points")
	if f, ok := schema.FindFieldByName("points"); !ok || f.ID <= was.ID || f.Type.String() != "double" || len(schema.Fields()) != 3 {
		t.Errorf("columns: %s, points was %s", schema, was)
	}
	// The rows of the load before keep the columns that they have.
	for _, s := range w.metadata()["tasks"].Schemas() {
		if f, _ := s.FindFieldByName("points"); s.ID == *old.CurrentSnapshot().SchemaID && f.Type.String() != "date" {
			t.Errorf("the schema of the first load: %s", s)
		}
	}
}

// A column that another program dropped is made anew, never with a field ID that
// was used; one that it added and requires is kept, and required no more.
func badColumns(t *testing.T) {
	w := newWarehouse(t)
	w.mustPublish(w.open(), loadID(1), change{schema: tasks, rows: 1})
	w.editSchema(func(fields []any) []any {
		return append(fields[:2:2], map[string]any{"id": 40, "name": "must", "type": "long", "required": true})
	})
	changes, schema := w.next()
	want := []lake.SchemaChange{{Kind: "add", Column: "points", To: "double"}, {Kind: "retire", Column: "must", From: "long"}}
	if d := cmp.Diff(want, changes); d != "" {
		t.Errorf("changes: %s", d)
	}
	if f, ok := schema.FindFieldByName("points"); !ok || f.ID != 51 || f.Required {
		t.Errorf("column points is %s", f)
	}
	if f, ok := schema.FindFieldByName("must"); !ok || f.ID != 40 || f.Required {
		t.Errorf("column must is %s", f)
	}
}
