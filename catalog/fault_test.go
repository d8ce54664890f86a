package catalog_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// A trigger is a Point that can be armed.
type trigger struct {
	point atomic.Pointer[lake.Point]
}

func (g *trigger) set(p lake.Point) {
	if p == nil {
		g.point.Store(nil)
		return
	}
	g.point.Store(&p)
}

func (g *trigger) hit(name, key string) error {
	if p := g.point.Load(); p != nil {
		return (*p)(name, key)
	}
	return nil
}

// withFaults opens the warehouse's catalog with a trigger at every point of it
// and of its storage.
func (w *warehouse) withFaults() (*catalog.Catalog, *trigger) {
	g := &trigger{}
	w.options.Storage = w.openStorage(g.hit)
	w.options.Point = g.hit
	return w.open(), g
}

// A publication fails at every point in turn, before and after each effect: the
// catalog holds the load before it or the load itself in every table, and no
// file is left.
func TestFaultEverywhere(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c, faults := w.withFaults()
	renamed := tasks
	load := func(n int) error {
		renamed.Table = []string{"tasks", "todo"}[n%2] // every load renames a table
		_, err := w.publish(c, loadID(n), change{schema: renamed, rows: 2})
		return err
	}
	w.mustPublish(c, loadID(0), change{schema: tasks, rows: 1}, change{schema: users, rows: 1})
	if err := load(1); err != nil {
		t.Fatal(err)
	}
	counter := &laketest.Counter{}
	faults.set(counter.Point())
	if err := load(2); err != nil {
		t.Fatal(err)
	}
	points := len(counter.Names)
	for _, name := range []string{"catalog.write-metadata", "catalog.begin", "catalog.update", "catalog.commit", "catalog.hint"} {
		if !slices.Contains(counter.Names, name) || !slices.Contains(counter.Names, name+".done") {
			t.Errorf("no point %s", name)
		}
	}
	failed, landed := 0, 0
	for n := 1; n <= points; n++ {
		before, tags := w.pointers(), w.loads()
		id := loadID(2 + n)
		faults.set(laketest.Fail(n, false))
		err := load(2 + n)
		faults.set(nil)
		if err != nil {
			failed++
			if !errors.Is(err, laketest.ErrInjected) {
				t.Errorf("point %d: %v", n, err)
			}
			if d := cmp.Diff(before, w.pointers()); d != "" {
				t.Errorf("point %d: the load failed and the catalog moved: %s", n, d)
			}
			w.checkFiles()
		} else {
			landed++
			if d := cmp.Diff(append(tags, id.Tag()), w.loads()); d != "" {
				t.Errorf("point %d: the load succeeded: %s", n, d)
			}
		}
		if t.Failed() {
			t.Fatalf("stopped at point %d of %d", n, points)
		}
	}
	if failed < points/2 || landed == 0 {
		t.Errorf("%d points: %d loads failed, %d succeeded", points, failed, landed)
	}
	t.Logf("%d points: %d loads failed, %d succeeded", points, failed, landed)
	// One more makes good what failed after the publications: hints.
	if err := load(2 + points + 1); err != nil {
		t.Fatal(err)
	}
	pointers := w.pointers()
	for name, meta := range w.metadata() {
		hint := string(w.file(meta.Location() + "/metadata/version-hint.text"))
		if !strings.Contains(pointers[name], hint) {
			t.Errorf("table %s: version hint %s, metadata %s", name, hint, pointers[name])
		}
	}
}

// The same with the load that makes the tables.
func TestFaultInFirstLoad(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c, faults := w.withFaults()
	for n := 1; ; n++ {
		faults.set(laketest.Fail(n, false))
		_, err := w.publish(c, loadID(n), change{schema: tasks, rows: 2}, change{schema: empty})
		faults.set(nil)
		w.checkFiles()
		if err == nil {
			if d := cmp.Diff([]string{loadID(n).Tag()}, w.loads()); d != "" || len(w.pointers()) != 3 {
				t.Errorf("point %d: the load succeeded: %s, %v", n, d, w.pointers())
			}
			return
		}
		if len(w.pointers()) > 0 {
			t.Errorf("point %d: the load failed and there are tables: %v", n, w.pointers())
		}
		if t.Failed() {
			t.Fatalf("stopped at point %d", n)
		}
	}
}

// From some point on everything fails: never a mix of loads, and where the
// outcome could not be looked up that is said, and only there.
func TestFaultForever(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c, faults := w.withFaults()
	w.mustPublish(c, loadID(0), change{schema: tasks, rows: 2}, change{schema: users, rows: 2})
	var points []string // of this load
	load := func(n int, p lake.Point) error {
		points = nil
		var mu sync.Mutex
		faults.set(func(name, key string) error {
			mu.Lock()
			points = append(points, name)
			mu.Unlock()
			return p.Hit(name, key)
		})
		defer faults.set(nil)
		// Without the ledger, so that every load has the same points.
		staged, err := w.stage(c, change{schema: tasks, rows: 2})
		if err != nil {
			return err
		}
		_, err = c.Publish(context.Background(), lake.Publication{Load: lake.Load{ID: loadID(n)}, Changes: []lake.Change{staged}})
		return err
	}
	if err := load(1, nil); err != nil {
		t.Fatal(err)
	}
	unknown := 0
	for n := 1; ; n++ {
		before, tags := w.pointers(), w.loads()
		id := loadID(1 + n)
		err := load(1+n, laketest.Fail(n, true))
		done := cmp.Equal(append(tags, id.Tag()), w.loads())
		switch {
		case errors.Is(err, lake.ErrUnknown):
			unknown++
			if at := points[n-1]; at != "catalog.commit" && at != "catalog.commit.done" {
				t.Errorf("point %d, %s: %v", n, at, err)
			}
		case err != nil && !cmp.Equal(before, w.pointers()):
			t.Errorf("point %d: the load failed and the catalog moved: %v", n, err)
		case err == nil && !done:
			t.Errorf("point %d: the load succeeded and is not there", n)
		}
		if _, missing := w.strays(); len(missing) > 0 {
			t.Errorf("point %d: files that tables name are missing: %v", n, missing)
		}
		if t.Failed() {
			t.Fatalf("stopped at point %d", n)
		}
		if err == nil {
			break // the next ones follow the commit too
		}
	}
	if unknown != 2 { // the commit failed, or its answer did
		t.Errorf("%d loads with an unknown outcome, want 2", unknown)
	}
}

// The answer to a commit is lost, and what became of it cannot be looked up:
// nothing is deleted.
func TestOutcomeUnknown(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c, faults := w.withFaults()
	w.mustPublish(c, loadID(1), change{schema: tasks, rows: 2})
	faults.set(func(name, _ string) error {
		if name == "catalog.commit.done" || name == "catalog.outcome" {
			return laketest.ErrInjected
		}
		return nil
	})
	_, err := w.publish(c, loadID(2), change{schema: tasks, rows: 2})
	if !errors.Is(err, lake.ErrUnknown) || !errors.Is(err, laketest.ErrInjected) {
		t.Errorf("publish: %v, want an unknown outcome", err)
	}
	if d := cmp.Diff([]string{loadID(1).Tag(), loadID(2).Tag()}, w.loads()); d != "" {
		t.Errorf("loads: %s", d)
	}
	if strays, missing := w.strays(); len(strays)+len(missing) > 0 {
		t.Errorf("files that no table names: %v; named and missing: %v", strays, missing)
	}
}

// A publication that is cancelled while it writes leaves nothing.
func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c, faults := w.withFaults()
	w.mustPublish(c, loadID(1), change{schema: tasks, rows: 2}, change{schema: users, rows: 2})
	before := w.pointers()
	staged, err := w.stage(c, change{schema: tasks, rows: 2})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	faults.set(func(name, key string) error {
		if name == "catalog.write-metadata.done" && strings.HasSuffix(key, "-m0.avro") {
			cancel()
		}
		return nil
	})
	_, err = c.Publish(ctx, lake.Publication{Load: lake.Load{ID: loadID(2)}, Changes: []lake.Change{staged}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("publish: %v, want cancelled", err)
	}
	if d := cmp.Diff(before, w.pointers()); d != "" {
		t.Errorf("the catalog moved: %s", d)
	}
	w.checkFiles()
}
