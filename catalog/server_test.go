package catalog_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// testRace publishes loads at the same time: of those that are published at the same time one is, and the others find out.
func testRace(t *testing.T, w *warehouse) {
	w.mustPublish(w.open(), loadID(0), change{schema: schema("tasks", "tasks"), rows: 1}, change{schema: schema("_users", "_users"), rows: 1})
	for round := range 10 {
		errs := make([]error, 4)
		catalogs := make([]*catalog.Catalog, len(errs))
		for i := range catalogs {
			catalogs[i] = w.open()
			if _, err := catalogs[i].LastLoad(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var all sync.WaitGroup
		for i, c := range catalogs {
			all.Go(func() {
				_, errs[i] = w.publish(c, loadID(1+round), change{schema: schema("tasks", "tasks"), rows: 2}, change{schema: schema("_users", "_users"), rows: 2})
			})
		}
		all.Wait()
		done := 0
		for i, err := range errs {
			switch {
			case err == nil:
				done++
			case !errors.Is(err, lake.ErrConflict):
				t.Errorf("round %d, %d: %v", round, i, err)
			}
		}
		if done != 1 {
			t.Fatalf("round %d: %d were published: %v", round, done, errs)
		}
	}
	loads, err := w.open().Loads(t.Context())
	if err != nil || len(loads) != 11 {
		t.Errorf("loads %v, %v", loads, err)
	}
}

// testFaultAtEveryPoint lets a publication fail at each of its points: it
// is published, in all tables, or it is not.
func testFaultAtEveryPoint(t *testing.T, w *warehouse) {
	changes := []change{{schema: schema("tasks", "tasks"), rows: 2}, {schema: schema("_users", "_users"), rows: 2}}
	w.mustPublish(w.open(), loadID(0), changes...)
	published := 1
	for k := 1; ; k++ {
		fail := laketest.Fail(k, false)
		hit := false
		o := w.options
		o.Point = func(name, key string) error {
			err := fail(name, key)
			hit = hit || err != nil
			return err
		}
		c, err := catalog.Open(t.Context(), o)
		if err == nil {
			_, err = w.publish(c, loadID(k), changes...)
			err = errors.Join(err, c.Close())
		}
		loads, e := w.open().Loads(t.Context())
		if e != nil {
			t.Fatal(e)
		}
		switch landed := len(loads) == published+1; {
		case landed:
			published++
		case err == nil:
			t.Fatalf("point %d: published, and not there", k)
		case len(loads) != published:
			t.Fatalf("point %d: %d loads, had %d", k, len(loads), published)
		}
		if !hit {
			if err != nil {
				t.Fatalf("without a fault: %v", err)
			}
			t.Logf("%d points", k-1)
			if k < 20 {
				t.Error(fmt.Sprint("few points: ", k))
			}
			return
		}
	}
}
