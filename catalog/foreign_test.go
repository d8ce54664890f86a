package catalog_test

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	icebergsql "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/apache/iceberg-go"
	icebergcatalog "github.com/apache/iceberg-go/catalog"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// foreign is iceberg-go's own catalog over the same file.
func (w *warehouse) foreign() *icebergsql.Catalog {
	w.t.Helper()
	db, err := sql.Open("sqlite", w.options.URI+"?_pragma=busy_timeout(10000)")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = db.Close() })
	c, err := icebergsql.NewCatalog("notionlake", db, icebergsql.SQLite, iceberg.Properties{"warehouse": w.storage.Root()})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// Tables that another program made are left alone, and their names are taken.
func TestForeignTables(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	w.mustPublish(c, loadID(1), change{schema: users, rows: 1})
	sc := iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "x", Type: iceberg.PrimitiveTypes.String})
	if _, err := w.foreign().CreateTable(t.Context(), table.Identifier{"notion", "tasks"}, sc); err != nil {
		t.Fatal(err)
	}
	before := w.pointers()
	renamed := users
	renamed.Table = "tasks"
	for _, s := range []lake.Schema{tasks, renamed} {
		if _, err := c.Stage(t.Context(), s, lake.Replace); !errors.Is(err, catalog.ErrForeign) || !strings.Contains(err.Error(), "notion.tasks") {
			t.Errorf("stage %s: %v, want a foreign table", s.Key, err)
		}
	}
	w.mustPublish(c, loadID(2), change{schema: users, rows: 1})
	if got := w.pointers(); got["tasks"] != before["tasks"] {
		t.Errorf("a foreign table was moved to %s", got["tasks"])
	}
	if list, err := c.Tables(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("%d tables, %v, want 2", len(list), err)
	}
	// It appears between staging and publication.
	st, err := c.Stage(t.Context(), schema("late", "late"), lake.Replace)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.foreign().CreateTable(t.Context(), table.Identifier{"notion", "late"}, sc); err != nil {
		t.Fatal(err)
	}
	_, err = c.Publish(t.Context(), lake.Publication{Load: lake.Load{ID: loadID(3)}, Changes: []lake.Change{{Staged: st}}})
	if !errors.Is(err, catalog.ErrForeign) {
		t.Errorf("publish: %v, want a foreign table", err)
	}
}

// Tables of ours that another program turned into what must not be written.
func TestAlteredTables(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		edit func(doc map[string]any)
		want string
		is   error
	}{
		{"format version 3", func(d map[string]any) { d["format-version"], d["next-row-id"] = 3, 0 }, "format version 3", catalog.ErrForeign},
		{"partitioned", func(d map[string]any) {
			d["partition-specs"] = []any{
				map[string]any{"spec-id": 0, "fields": []any{}},
				map[string]any{"spec-id": 1, "fields": []any{map[string]any{"source-id": 1, "field-id": 1000, "name": "b", "transform": "bucket[4]"}}},
			}
			d["default-spec-id"], d["last-partition-id"] = 1, 1000
		}, "partitioned", lake.ErrAltered},
		{"sorted", func(d map[string]any) {
			d["sort-orders"] = []any{map[string]any{"order-id": 1, "fields": []any{
				map[string]any{"source-id": 1, "transform": "identity", "direction": "asc", "null-order": "nulls-first"},
			}}}
			d["default-sort-order-id"] = 1
		}, "sort order", lake.ErrAltered},
		{"endpoint", property2("s3.endpoint"), "s3.endpoint", catalog.ErrUnsafe},
		{"token", property2("my.Access-Token"), "my.Access-Token", catalog.ErrUnsafe},
		{"credential", property2("gcs.oauth2.credential"), "gcs.oauth2.credential", catalog.ErrUnsafe},
		{"properties of ours", func(d map[string]any) {
			d["properties"].(map[string]any)["notionlake.properties"] = "{"
		}, "notionlake.properties", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWarehouse(t)
			w.mustPublish(w.open(), loadID(1), change{schema: tasks, rows: 1})
			w.editMetadata("tasks", test.edit)
			if err := w.open().CheckWritable(t.Context()); err == nil || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("check: %v, want %v", err, test.is)
			}
			_, err := w.open().Stage(t.Context(), tasks, lake.Replace)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "table tasks") || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("stage: %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("the value is shown: %v", err)
			}
		})
	}
}

func property2(name string) func(map[string]any) {
	return func(d map[string]any) { d["properties"].(map[string]any)[name] = "hush" }
}

// editMetadata edits the current metadata file of a table.
func (w *warehouse) editMetadata(name string, edit func(map[string]any)) {
	w.t.Helper()
	location := w.pointers()[name]
	d := json.NewDecoder(bytes.NewReader(w.file(location)))
	d.UseNumber()
	var doc map[string]any
	if err := d.Decode(&doc); err != nil {
		w.t.Fatal(err)
	}
	edit(doc)
	data, err := json.Marshal(doc)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(strings.TrimPrefix(location, "file://"), data, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// What someone set for a table is kept.
func TestForeignProperties(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	w.mustPublish(w.open(), loadID(1), change{schema: tasks, rows: 1})
	w.editMetadata("tasks", func(d map[string]any) {
		props := d["properties"].(map[string]any)
		props["history.expire.min-snapshots-to-keep"], props["comment"] = "5", "mine"
	})
	w.mustPublish(w.open(), loadID(2), change{schema: tasks, rows: 1})
	props := w.metadata()["tasks"].Properties()
	if props["history.expire.min-snapshots-to-keep"] != "5" || props["comment"] != "mine" {
		t.Errorf("properties: %v", props)
	}
}

// A table that someone set to keep its old metadata files keeps them.
func TestKeptMetadata(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		w := newWarehouse(t)
		w.mustPublish(w.open(), loadID(1), change{schema: tasks, rows: 1})
		w.editMetadata("tasks", func(d map[string]any) {
			props := d["properties"].(map[string]any)
			props["write.metadata.previous-versions-max"] = "1"
			if keep {
				props["write.metadata.delete-after-commit.enabled"] = "false"
			}
		})
		first := w.pointers()["tasks"]
		for n := 2; n <= 4; n++ {
			w.mustPublish(w.open(), loadID(n), change{schema: tasks, rows: 1})
		}
		if _, err := os.Stat(strings.TrimPrefix(first, "file://")); (err == nil) != keep {
			t.Errorf("keep %t: the first metadata file: %v", keep, err)
		}
	}
}

// What this catalog writes, iceberg-go's own catalog reads and writes, and this
// one goes on from there.
func TestForeignWriter(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	w.mustPublish(c, loadID(1), change{schema: tasks, rows: 3})
	var foreign icebergcatalog.Catalog = w.foreign()
	loaded, err := foreign.LoadTable(t.Context(), table.Identifier{"notion", "tasks"})
	if err != nil {
		t.Fatal(err)
	}
	txn := loaded.NewTransaction()
	if err := txn.SetProperties(iceberg.Properties{"comment": "theirs"}); err != nil {
		t.Fatal(err)
	}
	if err := txn.UpdateSchema(true, false).AddColumn([]string{"note"}, iceberg.PrimitiveTypes.Date, "", false, nil).Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := txn.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.mustPublish(c, loadID(2), change{schema: tasks, rows: 3})
	meta := w.metadata()["tasks"]
	if got := meta.Properties()["comment"]; got != "theirs" {
		t.Errorf("property comment is %q", got)
	}
	var names []string
	for _, f := range meta.CurrentSchema().Fields() {
		names = append(names, f.Name)
	}
	if d := cmp.Diff([]string{"_id", "title", "points", "note"}, names); d != "" {
		t.Errorf("columns: %s", d)
	}
	if s := meta.CurrentSnapshot(); s.SequenceNumber != 2 || len(meta.Snapshots()) != 2 {
		t.Errorf("snapshot %s of %d", s, len(meta.Snapshots()))
	}
}

// deleteRows makes the newest snapshot of a table one of which another program
// deleted rows by position; dead: its delete files are gone again.
func (w *warehouse) deleteRows(name string, dead bool) {
	w.t.Helper()
	s := w.metadata()[name].CurrentSnapshot()
	list, err := w.manifestList(s.ManifestList)
	if err != nil {
		w.t.Fatal(err)
	}
	b := iceberg.NewManifestFile(2, w.storage.URI("deletes.avro"), 1, 0, s.SnapshotID).Content(iceberg.ManifestContentDeletes).SequenceNum(s.SequenceNumber, s.SequenceNumber)
	if dead {
		b.DeletedFiles(1)
	} else {
		b.AddedFiles(1)
	}
	var out bytes.Buffer
	sequence := s.SequenceNumber
	if err := iceberg.WriteManifestList(2, &out, s.SnapshotID, s.ParentSnapshotID, &sequence, 0, append(list, b.Build())); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(strings.TrimPrefix(s.ManifestList, "file://"), out.Bytes(), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// Rows that another program deleted without writing their files anew leave with a
// replaced table. A table that is appended to is refused, and what cannot be read.
func TestRowLevelDeletes(t *testing.T) {
	t.Parallel()
	for _, dead := range []bool{false, true} {
		w := newWarehouse(t)
		w.mustPublish(w.open(), loadID(1), change{schema: tasks, rows: 3})
		for _, name := range []string{"tasks", "_loads"} {
			w.deleteRows(name, dead)
		}
		c := w.open()
		readable := func(name string) error {
			state, err := c.TableAt(t.Context(), name, catalog.Ref{})
			if err == nil {
				_, err = state.Files(t.Context())
			}
			return err
		}
		_, replaced := c.Stage(t.Context(), tasks, lake.Replace)
		_, appended := c.Stage(t.Context(), ledger.schema, lake.Append)
		if replaced != nil {
			t.Errorf("a table that is replaced: %v", replaced)
		}
		for what, err := range map[string]error{
			"ledger": appended, "check": c.CheckWritable(t.Context()), "reading tasks": readable("tasks"), "reading _loads": readable("_loads"),
		} {
			switch {
			case dead && err != nil:
				t.Errorf("%s, with a delete file that is gone: %v", what, err)
			case !dead && (!errors.Is(err, lake.ErrAltered) || !strings.Contains(err.Error(), "rewrite_data_files")):
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}
