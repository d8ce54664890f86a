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
// the same tables since or not. Every load that is there has one snapshot per table,
// nothing that a table names is deleted, and of a load that did not land nothing is left.
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
				point := map[bool]string{true: "catalog.commit.done", false: "catalog.commit"}[landed]
				var lost, looked atomic.Bool
				faults.set(func(name, _ string) error {
					switch {
					case name == point && lost.CompareAndSwap(false, true):
						return laketest.ErrInjected
					case name == "catalog.outcome" && looked.CompareAndSwap(false, true) && overtaken:
						p := lake.Publication{Load: lake.Load{ID: loadID(50000)}}
						for _, name := range []string{"a", "b", "c"} {
							staged, err := other.Stage(t.Context(), onlyID(name), lake.Replace)
							if err != nil {
								t.Error(err)
							}
							p.Changes = append(p.Changes, lake.Change{Staged: staged})
						}
						if _, err := other.Publish(t.Context(), p); err != nil {
							t.Error(err)
						}
					}
					return nil
				})
				_, err := second.Run(t.Context())
				faults.set(nil)
				if !looked.Load() {
					t.Error("nobody looked what became of the commit")
				}
				if landed && err != nil || !landed && !errors.Is(err, laketest.ErrInjected) || errors.Is(err, lake.ErrUnknown) || errors.Is(err, lake.ErrConflict) {
					t.Errorf("the run: %v", err)
				}
				want := 1
				if landed {
					want++
				}
				if overtaken {
					want++
				}
				for name, meta := range w.metadata() {
					if n := len(meta.Snapshots()); (name == "a" || name == "b") && n != want {
						t.Errorf("table %s: %d snapshots, want %d", name, n, want)
					}
				}
				w.checkFiles()
			})
		}
	}
}
