package catalog_test

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// The answer of a commit is lost: it landed or not, and another program published
// since or not. Every load that is there has one snapshot per table, and nothing
// that a table names is deleted.
func TestOutcomeCells(t *testing.T) {
	t.Parallel()
	for _, landed := range []bool{true, false} {
		for _, overtaken := range []bool{false, true} {
			t.Run(fmt.Sprintf("landed %v, overtaken %v", landed, overtaken), func(t *testing.T) {
				w := newWarehouse(t)
				w.written = true
				other := w.open()
				c, faults := w.withFaults()
				now := w.at
				loader := func(row string) *lake.Loader {
					now = now.Add(time.Hour)
					at := now
					return &lake.Loader{
						Source:  &laketest.Source{List: []lake.Table{laketest.Table(onlyID("a"), idRow(row)), laketest.Table(onlyID("b"), idRow(row))}},
						Storage: w.options.Storage, Catalog: c, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return at }, TempDir: t.TempDir(),
					}
				}
				if _, err := loader("1").Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				second := loader("2")
				point := map[bool]string{true: "catalog.commit.done", false: "catalog.begin"}[landed]
				var armed atomic.Bool
				armed.Store(true)
				faults.set(func(name, _ string) error {
					if name != point || !armed.CompareAndSwap(true, false) {
						return nil
					}
					if overtaken {
						staged, err := other.Stage(t.Context(), onlyID("c"), lake.Replace)
						if err == nil {
							_, err = other.Publish(t.Context(), lake.Publication{Load: lake.Load{ID: loadID(50000)}, Changes: []lake.Change{{Staged: staged}}})
						}
						if err != nil {
							t.Error(err)
						}
					}
					return laketest.ErrInjected
				})
				_, err := second.Run(t.Context())
				faults.set(nil)
				if landed && err != nil || !landed && !errors.Is(err, laketest.ErrInjected) {
					t.Errorf("the run: %v", err)
				}
				want := 1
				if landed {
					want++
				}
				for name, meta := range w.metadata() {
					if n := len(meta.Snapshots()); (name == "a" || name == "b") && n != want {
						t.Errorf("table %s: %d snapshots, want %d", name, n, want)
					}
				}
				_, missing := w.strays()
				for _, uri := range missing {
					t.Errorf("deleted, although it is named: %s", uri)
				}
			})
		}
	}
}
