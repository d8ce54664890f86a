package catalog_test

import (
	"errors"
	"log/slog"
	"os"
	"path"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// loadInto runs a load of two tables with a catalog.
func (w *warehouse) loadInto(o catalog.Options, point lake.Point, row string) error {
	o.Point = point
	c, err := catalog.Open(w.t.Context(), o)
	if err != nil {
		return err
	}
	w.at = w.at.Add(time.Hour)
	at := w.at
	l := &lake.Loader{
		Source:  &laketest.Source{List: []lake.Table{laketest.Table(onlyID("a"), idRow(row)), laketest.Table(onlyID("b"), idRow(row))}},
		Storage: w.storage, Catalog: c, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return at }, TempDir: w.t.TempDir(),
	}
	_, err = l.Run(w.t.Context())
	return errors.Join(err, c.Close())
}

// sameAddress lets plans be of the same catalog under another address, as docs/catalogs.md
// says: a server that gets transactions has two here.
func (w *warehouse) sameAddress() {
	w.t.Helper()
	line := regexp.MustCompile(`(?m)^  "catalog": .*\n`)
	for o, err := range w.storage.List(w.t.Context(), "_notionlake/") {
		if err != nil {
			w.t.Fatal(err)
		}
		if path.Base(path.Dir(o.Key)) != "publications" || path.Ext(o.Key) != ".json" {
			continue
		}
		data, err := w.storage.ReadAll(w.t.Context(), o.Key)
		if err == nil {
			err = w.storage.Replace(w.t.Context(), o.Key, line.ReplaceAll(data, nil))
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// A publication that died after its first table is brought to its end by its own catalog
// only: a command with another one, by mistake, neither takes it back nor makes its tables.
func TestStepwiseOthersPlan(t *testing.T) {
	if os.Getenv(glueVariable)+os.Getenv(hiveVariable) != "" {
		t.Skip("there is one server only")
	}
	for _, kind := range []string{"glue", "hive", "rest"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newStepWarehouse(t, kind)
			w.options.Storage = w.storage
			if err := w.loadInto(w.options, nil, "1"); err != nil {
				t.Fatal(err)
			}
			var planned, dead atomic.Bool
			err := w.loadInto(w.options, func(name, _ string) error {
				if dead.Load() || planned.Load() && strings.HasSuffix(name, ".done") {
					dead.Store(true)
					return errors.New("dead")
				}
				planned.Store(planned.Load() || name == "catalog.commit.done")
				return nil
			}, "2")
			if err == nil || !dead.Load() {
				t.Fatalf("invalid: it did not die: %v", err)
			}
			other := w.options
			other.LeaseTime, other.LockTimeout = 100*time.Millisecond, 5*time.Second
			own := other
			other.URI = newStepWarehouse(t, kind).options.URI
			if err := w.loadInto(other, nil, "9"); !errors.Is(err, lake.ErrOtherCatalog) {
				t.Errorf("with another catalog: %v", err)
			}
			if err := w.loadInto(own, func(name, _ string) error {
				if name == "load.begin" {
					return errors.New("enough")
				}
				return nil
			}, "3"); err != nil && !strings.Contains(err.Error(), "enough") {
				t.Fatal(err)
			}
			c, err := catalog.Open(t.Context(), own)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			tables, err := c.Tables(t.Context())
			if err != nil || len(tables) != 3 {
				t.Fatalf("tables %v, %v", tables, err)
			}
			for _, table := range tables {
				if table.Snapshot.LoadID != tables[0].Snapshot.LoadID {
					t.Errorf("table %s is of load %s, table %s of load %s", table.Schema.Table, table.Snapshot.LoadID, tables[0].Schema.Table, tables[0].Snapshot.LoadID)
				}
			}
			if err := w.loadInto(own, nil, "4"); err != nil {
				t.Error(err)
			}
		})
	}
}
