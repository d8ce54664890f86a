package catalog_test

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// A run that another process has fenced cannot publish, before it has planned
// anything and after; long after, nothing of the fences is left.
func TestStepwiseFence(t *testing.T) {
	t.Parallel()
	eachStepwise(t, func(t *testing.T, w *warehouse) {
		changes := []change{{schema: schema("tasks", "tasks"), rows: 1}}
		for n := range 2 {
			taken, run := w.open(), lake.NewRunID()
			if err := taken.Admit(t.Context(), run); err != nil {
				t.Fatal(err)
			}
			staged, err := w.stage(taken, changes[0])
			if err != nil {
				t.Fatal(err)
			}
			p := lake.Publication{Load: lake.Load{ID: loadID(2*n + 1), Status: "complete"}, Run: run, Changes: []lake.Change{staged}}
			if err := w.open().Fence(t.Context(), run, lake.NewRunID()); err != nil {
				t.Fatal(err)
			}
			if _, err := taken.Publish(t.Context(), p); !errors.Is(err, lake.ErrConflict) {
				t.Errorf("a run that another process has fenced: %v", err)
			}
			w.mustPublish(w.open(), loadID(2*n+2), changes...)
		}
		w.at = time.Now().Add(100 * 24 * time.Hour) // the storage tells how old its objects are
		w.brought()
		for o, err := range w.storage.List(t.Context(), "_notionlake/") {
			if err != nil || strings.Contains(o.Key, "publications") {
				t.Errorf("left: %s, %v", o.Key, err)
			}
		}
	})
}

// A process that is stopped in the middle of a publication, and goes on when another
// has brought it to its end and has published the next load, does no harm.
func TestStepwiseStalled(t *testing.T) {
	t.Parallel()
	eachStepwise(t, func(t *testing.T, shared *warehouse) {
		points := []string{"catalog.commit", "catalog.commit.done", "catalog.move", "catalog.move.done", "catalog.decide", "catalog.decide.done", "catalog.rename", "catalog.rename.done"}
		for n := range 2 * len(points) {
			at, long := points[n%len(points)], n >= len(points) // for so long that the plan is gone
			w := shared.beside()
			w.mustPublish(w.open(), loadID(0), swapped(0)...)
			stopped, goOn := make(chan struct{}), make(chan struct{})
			o := w.options
			hit := false // of the first table only: there is one at a time
			o.Point = func(name, _ string) error {
				if name == at && !hit {
					hit = true
					close(stopped)
					<-goOn
				}
				return nil
			}
			late, err := catalog.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			result := make(chan error, 1)
			go func() {
				_, err := w.publish(late, loadID(1), swapped(1)...)
				result <- err
			}()
			<-stopped
			next := w.brought()
			if _, err := w.publish(next, loadID(2), swapped(2)...); err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			if long {
				w.at = time.Now().Add(2 * time.Hour) // the storage tells how old its objects are
				w.brought()
				for o, err := range w.storage.List(t.Context(), "_notionlake/") {
					if err != nil || strings.Contains(o.Key, "publications") {
						t.Fatalf("%s: left: %s, %v", at, o.Key, err)
					}
				}
			}
			close(goOn)
			// Before it has planned, another load was first; after it, it is published.
			if err := <-result; (at == "catalog.commit") != errors.Is(err, lake.ErrConflict) || err != nil && at != "catalog.commit" {
				t.Errorf("%s, long %t: the one that was stopped: %v", at, long, err)
			}
			w.checkSwapped(w.brought(), 2)
			w.mustPublish(w.open(), loadID(3), swapped(3)...)
			w.checkSwapped(w.open(), 3)
		}
	})
}

// An answer of Glue that gets lost is looked up.
func TestGlueLostAnswers(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 12; n++ {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			w := newStepWarehouse(t, "glue")
			server, uri := newGlueServer(t)
			w.options.URI = uri
			w.mustPublish(w.open(), loadID(0), swapped(0)...)
			c := w.open()
			server.lose(n)
			if _, err := w.publish(c, loadID(1), swapped(1)...); err != nil {
				t.Error(err)
			}
			w.checkSwapped(w.brought(), 1)
		})
	}
}

// A process that is stopped in the middle of a publication, which another takes
// back because of a third one's change, finds nothing as it expects it.
func TestStepwiseStalledAndTakenBack(t *testing.T) {
	t.Parallel()
	changes := []change{{schema: schema("a", "a"), rows: 1}, {schema: schema("b", "b"), rows: 1}, {schema: schema("c", "c"), rows: 1}}
	eachStepwise(t, func(t *testing.T, shared *warehouse) {
		for _, at := range []string{"catalog.commit.done", "catalog.move", "catalog.move.done"} {
			w := shared.beside()
			w.mustPublish(w.open(), loadID(0), changes...)
			before := w.dumpTables()
			stopped, goOn := make(chan struct{}), make(chan struct{})
			o := w.options
			hit := false // of the first table only: there is one at a time
			var moved atomic.Int32
			o.Point = func(name, _ string) error {
				switch {
				case name == at && !hit:
					hit = true
					close(stopped)
					<-goOn
				case name == "catalog.move.done":
					moved.Add(1)
				}
				return nil
			}
			late, err := catalog.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			result := make(chan error, 1)
			go func() {
				_, err := w.publish(late, loadID(1), changes...)
				result <- err
			}()
			<-stopped
			w.touch("b")
			w.brought()
			close(goOn)
			if err := <-result; !errors.Is(err, lake.ErrConflict) {
				t.Errorf("%s: the one that was stopped: %v", at, err)
			}
			if n := moved.Load(); n > 0 {
				t.Errorf("%s: the one that was stopped moved %d tables: their files may be deleted", at, n)
			}
			if after := w.dumpTables(); after != before {
				t.Errorf("%s: before\n%s\nafter\n%s", at, before, after)
			}
			w.mustPublish(w.brought(), loadID(2), changes...)
			w.checkOneLoad()
		}
	})
}

// While a load is being published, the ledger does not say that it is before every
// other table is.
func TestStepwiseLedgerLast(t *testing.T) {
	t.Parallel()
	eachStepwise(t, func(t *testing.T, w *warehouse) {
		w.mustPublish(w.open(), loadID(0), swapped(0)...)
		reader := w.open()
		o := w.options
		mixed, wrong := 0, 0
		var mu sync.Mutex
		o.Point = func(name, _ string) error {
			if name != "catalog.move.done" {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			tables, err := reader.Tables(t.Context())
			if err != nil {
				return err
			}
			old := false
			for _, s := range tables {
				old = old || s.Snapshot.LoadID == loadID(0) && s.Schema.Key != "new0" && s.Schema.Key != lake.LedgerTable
			}
			for _, s := range tables {
				if s.Schema.Key == lake.LedgerTable && s.Snapshot.LoadID == loadID(1) && old {
					wrong++
				}
			}
			if old {
				mixed++
			}
			return nil
		}
		c, err := catalog.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		w.mustPublish(c, loadID(1), swapped(1)...)
		if wrong > 0 || mixed == 0 {
			t.Errorf("%d readings in between, %d of them with the ledger ahead", mixed, wrong)
		}
	})
}
