package catalog_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// A publication on what has moved since changes nothing and leaves nothing.
func TestPublishConflict(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		// between happens after tasks and users have been staged
		between func(w *warehouse) error
		load    lake.LoadID
	}{
		{"a newer load", func(w *warehouse) error {
			_, err := w.publish(w.open(), loadID(9), change{schema: tasks, rows: 1})
			return err
		}, loadID(5)},
		{"an older load of the same table", func(w *warehouse) error {
			_, err := w.publish(w.open(), loadID(2), change{schema: tasks, rows: 1})
			return err
		}, loadID(5)},
		{"an older load of another table", func(w *warehouse) error {
			_, err := w.publish(w.open(), loadID(2), change{schema: empty, rows: 1})
			return err
		}, loadID(5)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWarehouse(t)
			c := w.open()
			w.mustPublish(c, loadID(1), change{schema: tasks, rows: 3}, change{schema: users, rows: 2})
			var changes []lake.Change
			for _, s := range []lake.Schema{tasks, users, schema("fresh", "fresh")} {
				staged, err := w.stage(c, change{schema: s, rows: 1})
				if err != nil {
					t.Fatal(err)
				}
				changes = append(changes, staged)
			}
			if err := test.between(w); err != nil {
				t.Fatal(err)
			}
			before := w.pointers()
			_, err := c.Publish(t.Context(), lake.Publication{Load: lake.Load{ID: test.load}, Changes: changes})
			if !errors.Is(err, lake.ErrConflict) {
				t.Errorf("publish: %v, want a conflict", err)
			}
			if d := cmp.Diff(before, w.pointers()); d != "" {
				t.Errorf("the catalog moved: %s", d)
			}
			w.checkFiles()
		})
	}
}

// A load that began before another one was published is a conflict even where it
// stages its tables on what that one published.
func TestPublishConflictSinceBegin(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	w.mustPublish(c, loadID(1), change{schema: tasks, rows: 3})
	if last, err := c.LastLoad(t.Context()); err != nil || last != loadID(1) {
		t.Fatalf("last load %s, %v", last, err)
	}
	w.mustPublish(w.open(), loadID(2), change{schema: tasks, rows: 4})
	if _, err := w.publish(c, loadID(3), change{schema: tasks, rows: 3}); !errors.Is(err, lake.ErrConflict) {
		t.Errorf("publish: %v, want a conflict", err)
	}
	if _, err := c.LastLoad(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.mustPublish(c, loadID(4), change{schema: tasks, rows: 3})
	w.mustPublish(c, loadID(5), change{schema: tasks, rows: 3})
	w.checkFiles()
}

// Several programs publish at once: whoever succeeds is one snapshot of every
// table, all others end with a conflict and leave nothing.
func TestPublishConcurrently(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	const programs, rounds = 4, 6
	w.mustPublish(w.open(), loadID(0), change{schema: tasks, rows: 1}, change{schema: users, rows: 1})
	var mu sync.Mutex
	published := map[lake.LoadID]bool{loadID(0): true}
	var wg sync.WaitGroup
	for program := range programs {
		c := w.open()
		wg.Go(func() {
			for round := range rounds {
				last, err := c.LastLoad(t.Context())
				if err != nil {
					t.Errorf("last load: %v", err)
					return
				}
				// Programs that begin at once have IDs of their own all the same.
				id := lake.NextLoadID(w.at.Add(time.Duration(round*programs+program)*time.Minute), last)
				_, err = w.publish(c, id, change{schema: tasks, rows: 1}, change{schema: users, rows: 1})
				switch {
				case err == nil:
					mu.Lock()
					published[id] = true
					mu.Unlock()
				case !errors.Is(err, lake.ErrConflict):
					t.Errorf("publish %s: %v", id, err)
				}
			}
		})
	}
	wg.Wait()
	var want []string
	for id := range maps.Keys(published) {
		want = append(want, id.Tag())
	}
	slices.Sort(want)
	if d := cmp.Diff(want, w.loads()); d != "" {
		t.Errorf("published loads: %s", d)
	}
	for name, meta := range w.metadata() {
		if len(meta.Snapshots()) != len(published) {
			t.Errorf("table %s has %d snapshots after %d loads", name, len(meta.Snapshots()), len(published))
		}
	}
	w.checkFiles()
}

// TestSameSecond: a load that began in the same second as another one has the
// same ID. Whoever publishes later has lost and is told so.
func TestSameSecond(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := func() time.Time { return time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC) }
	loader := func(rows ...[]lake.Value) *lake.Loader {
		s, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: filepath.Join(dir, "lake")})
		if err != nil {
			t.Fatal(err)
		}
		c, err := catalog.Open(t.Context(), catalog.Options{URI: filepath.Join(dir, "catalog.db"), Storage: s})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(c.Close(), s.Close()); err != nil {
				t.Error(err)
			}
		})
		id := lake.Column{Key: "_id", Name: "_id", Type: lake.Type{Kind: lake.String}, Required: true}
		table := laketest.Table(lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{id}}, rows...)
		return &lake.Loader{
			// What keeps them apart is not the lock: it may be one that does not hold.
			Source: &laketest.Source{List: []lake.Table{table}}, Storage: s, Catalog: unlocked{c},
			Logger: slog.New(slog.DiscardHandler), Now: now, TempDir: dir,
		}
	}
	first, second := loader([]lake.Value{lake.TextValue("first")}), loader()
	source := second.Source
	second.Source = sourceFunc(func(ctx context.Context, v lake.View) iter.Seq2[lake.Table, error] {
		if _, err := first.Run(ctx); err != nil { // after the second has its ID
			t.Error(err)
		}
		return source.Tables(ctx, v)
	})
	report, err := second.Run(t.Context())
	if !errors.Is(err, lake.ErrConflict) || report.Status != lake.StatusFailed {
		t.Errorf("the later one of two loads %s: status %s, error %v, want a conflict", report.LoadID, report.Status, err)
	}
}

// unlocked is a catalog whose lock lets everyone in.
type unlocked struct{ *catalog.Catalog }

func (unlocked) Lock(context.Context) (func() error, error) {
	return func() error { return nil }, nil
}

type sourceFunc func(context.Context, lake.View) iter.Seq2[lake.Table, error]

func (f sourceFunc) Tables(ctx context.Context, v lake.View) iter.Seq2[lake.Table, error] {
	return f(ctx, v)
}

// Another program publishes when everything is written and compared, just before
// the transaction: only the transaction itself can see it.
func TestPublishConflictAtTheLastMoment(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	other := w.open()
	w.mustPublish(other, loadID(1), change{schema: tasks, rows: 3}, change{schema: users, rows: 2})
	c, faults := w.withFaults()
	var once sync.Once
	faults.set(func(name, _ string) error {
		if name == "catalog.begin" {
			once.Do(func() { w.mustPublish(other, loadID(2), change{schema: users, rows: 7}) })
		}
		return nil
	})
	if _, err := w.publish(c, loadID(3), change{schema: tasks, rows: 4}, change{schema: users, rows: 5}); !errors.Is(err, lake.ErrConflict) {
		t.Errorf("%v, want ErrConflict", err)
	}
	if got := w.loads(); !slices.Equal(got, []string{loadID(1).Tag(), loadID(2).Tag()}) {
		t.Errorf("loads: %v", got)
	}
	w.checkFiles()
}
