package lake_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// A catalog that lost its tables must not begin a new history over the old one.
func TestEmptiedCatalog(t *testing.T) {
	w := newWorld(t, nil)
	w.run(textTable("a", "1"))
	full, files := w.catalog, w.files()
	w.catalog = laketest.NewCatalog()
	if _, err := w.loader(textTable("a", "1")).Run(t.Context()); !errors.Is(err, lake.ErrCatalogEmptied) {
		t.Errorf("a load over the tables of another catalog: %v", err)
	}
	if d := cmp.Diff(files, w.files()); d != "" {
		t.Error(d)
	}
	w.catalog = full
	w.run(textTable("a", "1", "2"))
	w.catalog = laketest.NewCatalog()
	if err := w.storage.Delete(t.Context(), w.files()...); err != nil {
		t.Fatal(err)
	}
	if err := w.storage.WriteAll(t.Context(), w.catalog.Folder()+".DS_Store", []byte("x")); err != nil {
		t.Fatal(err)
	}
	w.run(textTable("a", "1"))
	if !slices.Contains(w.files(), w.catalog.Folder()+".DS_Store") {
		t.Error("a file of someone else is gone")
	}
}

// What a first load writes is not taken for the remains of a dead one by a program with
// another catalog, one that has no ID to compare with included.
func TestFirstLoadOfAnotherCatalog(t *testing.T) {
	for _, nameless := range []bool{false, true} {
		w := newWorld(t, nil)
		l := w.loader(textTable("a", "1"))
		l.Source = overtaken{l.Source, func() {
			other := w.loader(textTable("a", "2"))
			catalog := laketest.NewCatalog()
			catalog.Nameless = nameless
			other.Catalog = catalog
			if _, err := other.Run(t.Context()); !errors.Is(err, lake.ErrOtherCatalog) {
				t.Errorf("nameless %v: %v", nameless, err)
			}
		}}
		if _, err := l.Run(t.Context()); err != nil {
			t.Error(err)
		}
		if got := w.rows("a"); len(got) != 1 {
			t.Errorf("rows %v", got)
		}
	}
}
