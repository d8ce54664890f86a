package lake_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// TestLook looks at a lake before and after a load: nothing changes, and it ends
// as a load would.
func TestLook(t *testing.T) {
	w := newWorld(t, nil)
	now, err := w.loader().Look(t.Context())
	if err != nil || now.Last != "" || now.Continues != "" {
		t.Fatalf("an empty lake: %+v, %v", now, err)
	}
	if files := w.files(); len(files) > 0 {
		t.Errorf("files were made: %v", files)
	}
	report := w.run(textTable("a", "1", "2"))
	files := w.files()
	if now, err = w.loader().Look(t.Context()); err != nil || now.Last != report.LoadID {
		t.Fatalf("after a load: %+v, %v", now, err)
	}
	if state, ok := now.State("a"); !ok || state.Snapshot.Rows != 2 {
		t.Errorf("table a is %+v, %v", state.Snapshot, ok)
	}
	if _, ok := now.State("b"); ok {
		t.Error("there is a table b")
	}
	name := textTable("a").Schema.Columns[0].Name
	var got []string
	for row, err := range now.Columns(t.Context(), "a", "none", name) {
		if err != nil {
			t.Fatal(err)
		}
		if len(row.Values) != 2 || !row.Values[0].IsNull() {
			t.Errorf("row %v", row.Values)
		}
		got = append(got, row.Values[1].Clone().Text())
	}
	if d := cmp.Diff([]string{"1", "2"}, got); d != "" {
		t.Errorf("column %s: %s", name, d)
	}
	for range now.Columns(t.Context(), "b", name) {
		t.Error("a table that is not there has a row")
	}
	if d := cmp.Diff(files, w.files()); d != "" {
		t.Errorf("looking changed files: %s", d)
	}
	w.catalog = laketest.NewCatalog()
	if _, err := w.loader().Look(t.Context()); !errors.Is(err, lake.ErrCatalogEmptied) {
		t.Errorf("over a catalog that was emptied: %v", err)
	}
}

// TestReadOnlyStorage opens warehouses of which nothing is to be made.
func TestReadOnlyStorage(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "a", "b")
	s, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: missing, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.ReadAll(t.Context(), "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read: %v", err)
	}
	for o, err := range s.List(t.Context(), "") {
		t.Errorf("list: %v, %v", o, err)
	}
	if want := "file://" + filepath.ToSlash(missing); s.Root() != want {
		t.Errorf("root %s, want %s", s.Root(), want)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("made: %v, %v", entries, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{file, filepath.Join(file, "below")} {
		_, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: url, ReadOnly: true})
		_, same := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: url})
		if err == nil || same == nil || err.Error() != same.Error() {
			t.Errorf("%s: %v, and to write: %v", url, err, same)
		}
	}
}
