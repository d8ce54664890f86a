package catalog_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/lake"
)

// alter changes the catalog's file as another program would.
func (w *warehouse) alter(statement string, args ...any) {
	w.t.Helper()
	db, err := sql.Open("sqlite", w.options.URI)
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = db.ExecContext(w.t.Context(), statement, args...)
	if err := errors.Join(err, db.Close()); err != nil {
		w.t.Fatal(err)
	}
}

// The files of a table that someone dropped stay as they are when its data source
// gets a table again.
func TestDroppedTable(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	tasks := change{schema: schema("tasks", "tasks"), rows: 3}
	w.mustPublish(c, loadID(1), tasks)
	was := strings.TrimPrefix(w.pointers()["tasks"], "file://")
	w.alter(`DELETE FROM iceberg_tables WHERE table_name = 'tasks'`)
	w.mustPublish(c, loadID(2), tasks)
	now := w.pointers()["tasks"]
	if !strings.Contains(now, "/tasks-2/metadata/00000-") {
		t.Errorf("the table that came anew is at %s, was at %s", now, was)
	}
	for _, file := range []string{was, filepath.Dir(was) + "/version-hint.text"} {
		if _, err := os.Stat(file); err != nil {
			t.Errorf("of the table that was dropped: %v", err)
		}
	}
	w.mustPublish(c, loadID(3), tasks)
	if after := w.pointers()["tasks"]; filepath.Dir(after) != filepath.Dir(now) {
		t.Errorf("the table moved from %s to %s", now, after)
	}
}

func TestCheckNewest(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	tasks, users := change{schema: schema("tasks", "tasks"), rows: 3}, change{schema: schema("_users", "_users"), rows: 1}
	w.mustPublish(c, loadID(1), tasks, users)
	old := w.pointers()
	if err := c.CheckNewest(t.Context()); err != nil {
		t.Errorf("after the first load: %v", err)
	}
	w.mustPublish(c, loadID(2), tasks, users)
	newer := w.pointers()
	point := func(to map[string]string) {
		for name, location := range to {
			w.alter(`UPDATE iceberg_tables SET metadata_location = ? WHERE table_name = ?`, location, name)
		}
	}
	point(map[string]string{"_users": old["_users"]})
	err := c.CheckNewest(t.Context())
	if !errors.Is(err, lake.ErrCatalogOld) || !strings.Contains(err.Error(), "table _users was published as 00001-") {
		t.Errorf("one table is older: %v", err)
	}
	point(newer)
	if err := c.CheckNewest(t.Context()); err != nil {
		t.Errorf("all is newest again: %v", err)
	}
	// A backup is restored, published with, and gives way to what it was restored over:
	// the numbers are the same.
	point(old)
	for _, location := range newer {
		hint := filepath.Dir(strings.TrimPrefix(location, "file://")) + "/version-hint.text"
		if err := os.Remove(hint); err != nil {
			t.Fatal(err)
		}
	}
	w.mustPublish(w.open(), loadID(3), tasks, users)
	other := w.pointers()
	point(newer)
	if err := c.CheckNewest(t.Context()); !errors.Is(err, lake.ErrCatalogOld) || !strings.Contains(err.Error(), "was published as 00001-") {
		t.Errorf("another catalog published: %v", err)
	}
	point(other)
	if err := c.CheckNewest(t.Context()); err != nil {
		t.Errorf("the catalog that published it: %v", err)
	}
	newer = other
	// What the hint names cannot be read: nothing is known then.
	for name, location := range newer {
		file := filepath.Dir(strings.TrimPrefix(location, "file://")) + "/version-hint.text"
		hint, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		damaged := "00000-damaged.metadata.json"
		if err := errors.Join(os.WriteFile(filepath.Join(filepath.Dir(file), damaged), []byte("{"), 0o600),
			os.WriteFile(file, []byte("00000-damaged"), 0o600)); err != nil {
			t.Fatal(err)
		}
		err = c.CheckNewest(t.Context())
		if err == nil || errors.Is(err, lake.ErrCatalogOld) || !strings.Contains(err.Error(), "table "+name) || !strings.Contains(err.Error(), damaged) {
			t.Errorf("the metadata of %s's hint is damaged: %v", name, err)
		}
		if err := os.WriteFile(file, hint, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A hint that was not written, or is of something else, tells nothing.
	for _, text := range []string{"", "7", "no-number", "00000-x", strings.Repeat("9", 40) + "-x"} {
		hint := filepath.Dir(strings.TrimPrefix(newer["tasks"], "file://")) + "/version-hint.text"
		if err := os.WriteFile(hint, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.CheckNewest(t.Context()); err != nil {
			t.Errorf("hint %q: %v", text, err)
		}
	}
}

// A catalog that tells of no past, as Nessie does, says nothing of a hint that was not
// written after the last publication.
func TestCheckNewestWithoutPast(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	tasks := change{schema: schema("tasks", "tasks"), rows: 3}
	w.mustPublish(w.open(), loadID(1), tasks)
	old := strings.TrimPrefix(w.pointers()["tasks"], "file://")
	w.mustPublish(w.open(), loadID(2), tasks)
	w.editMetadata("tasks", func(m map[string]any) {
		for _, list := range []string{"snapshots", "snapshot-log"} {
			all := m[list].([]any)
			m[list] = all[len(all)-1:]
		}
		m["refs"] = map[string]any{"main": m["refs"].(map[string]any)["main"]}
		delete(m, "metadata-log")
	})
	hint := filepath.Dir(old) + "/version-hint.text"
	if err := os.WriteFile(hint, []byte(strings.TrimSuffix(filepath.Base(old), ".metadata.json")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.open().CheckNewest(t.Context()); err != nil {
		t.Error(err)
	}
}

// Folders of what other programs made are known, and a table that they changed is
// not compacted from what it was.
func TestOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	snapshots := w.mustPublish(c, loadID(1), change{schema: schema("tasks", "tasks"), rows: 3})
	w.alter(`INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, iceberg_type, metadata_location)
		VALUES ('notionlake', 'notion', 'theirs', 'VIEW', ?)`, w.storage.URI("notion/theirs/metadata/00000-x.metadata.json"))
	folders, err := c.Folders(t.Context())
	if err != nil || !slices.Contains(folders, "notion/theirs") || !slices.Contains(folders, "notion/tasks") {
		t.Errorf("folders %v, %v", folders, err)
	}
	w.mustPublish(c, loadID(2), change{schema: schema("tasks", "tasks"), rows: 4})
	if _, err := c.StageCompaction(t.Context(), "tasks", snapshots[0].ID); !errors.Is(err, lake.ErrConflict) {
		t.Errorf("a compaction of what the table was: %v", err)
	}
}
