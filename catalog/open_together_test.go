package catalog_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// Programs that begin at the same time in a warehouse without a catalog all get it.
func TestOpenTogether(t *testing.T) {
	for range 60 {
		uri := filepath.Join(t.TempDir(), "catalog.db")
		var g errgroup.Group
		for range 6 {
			g.Go(func() error {
				c, err := catalog.Open(context.Background(), catalog.Options{URI: uri})
				if err != nil {
					return err
				}
				return c.Close()
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

// A catalog has one ID and one lock, by whatever path it is named, from the first time on.
func TestOpenByLink(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "real", "catalog.db"), filepath.Join(dir, "link.db")
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("real", "catalog.db"), link); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, uri := range []string{link, file} {
		c, err := catalog.Open(t.Context(), catalog.Options{URI: uri, LockTimeout: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		id, err := c.ID(t.Context())
		if err != nil || id == "" {
			t.Fatalf("ID %q, %v", id, err)
		}
		if ids = append(ids, id); len(ids) > 1 && ids[0] != id {
			t.Errorf("IDs %v", ids)
		}
		unlock, err := c.Lock(t.Context())
		if uri == link {
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = unlock() })
		} else if !errors.Is(err, lake.ErrLocked) {
			t.Errorf("the same catalog is locked twice: %v", err)
		}
	}
}
