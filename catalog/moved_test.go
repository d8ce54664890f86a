package catalog_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// TestMovedWarehouse: a catalog whose tables lie in another warehouse is not
// taken for an empty one, nor are its tables for those of another program.
func TestMovedWarehouse(t *testing.T) {
	dir := t.TempDir()
	open := func(root, db string) (*catalog.Catalog, *lake.Storage) {
		s, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: root})
		if err != nil {
			t.Fatal(err)
		}
		c, err := catalog.Open(t.Context(), catalog.Options{URI: db, Storage: s})
		if err != nil {
			t.Fatal(err)
		}
		return c, s
	}
	old, db := filepath.Join(dir, "old"), filepath.Join(dir, "catalog.db")
	c, s := open(old, db)
	schema := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{{Key: "_id", Name: "_id", Type: lake.Type{Kind: lake.String}, Required: true}}}
	l := lake.Loader{Source: &laketest.Source{List: []lake.Table{laketest.Table(schema)}}, Storage: s, Catalog: c, Logger: slog.New(slog.DiscardHandler)}
	if _, err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(dir, "new")
	if err := os.Rename(old, moved); err != nil {
		t.Fatal(err)
	}
	c, s = open(moved, db)
	defer func() {
		if err := errors.Join(c.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	}()
	_, err := c.Tables(t.Context())
	if !errors.Is(err, catalog.ErrMoved) || !strings.Contains(err.Error(), old) || !strings.Contains(err.Error(), moved) {
		t.Errorf("tables: %v, want ErrMoved with both places", err)
	}
	if _, err := c.Stage(t.Context(), schema, lake.Replace); !errors.Is(err, catalog.ErrMoved) {
		t.Errorf("stage: %v, want ErrMoved", err)
	}
}
