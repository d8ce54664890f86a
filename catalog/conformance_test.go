package catalog_test

import (
	"testing"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	laketest.TestCatalog(t, func(t *testing.T) (lake.Catalog, *lake.Storage) {
		w := newWarehouse(t)
		return w.open(), w.storage
	})
}
