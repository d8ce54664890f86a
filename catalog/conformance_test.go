package catalog_test

import (
	"context"
	"testing"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	laketest.TestCatalog(t, func(t *testing.T) (laketest.PastCatalog, *lake.Storage) {
		w := newWarehouse(t)
		return past{w.open()}, w.storage
	})
}

// past reads a catalog as loads left it.
type past struct{ *catalog.Catalog }

func (p past) At(key string, load lake.LoadID) (lake.TableState, bool) {
	state, err := p.TableAt(context.Background(), key, catalog.Ref{Tag: load.Tag()})
	return state, err == nil
}
