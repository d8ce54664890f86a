package catalog_test

import (
	"context"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/catalog"
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
