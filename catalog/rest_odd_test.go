package catalog_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// newOddWarehouse is one whose catalog is a server with its own ways.
func newOddWarehouse(t *testing.T, s *restServer) *warehouse {
	t.Helper()
	w := newRESTWarehouse(t)
	w.options.URI = s.start(t)
	return w
}

// A server may show what it has done a little later. It is never taken for not done.
func TestRESTStale(t *testing.T) {
	t.Parallel()
	changes := []change{{schema: schema("tasks", "tasks"), rows: 1}, {schema: schema("_users", "_users"), rows: 1}}
	for lag, unknown := range map[int]bool{5: false, 1000: true} {
		s := &restServer{}
		w := newOddWarehouse(t, s)
		c := w.open()
		w.mustPublish(c, loadID(0), changes...)
		s.mu.Lock()
		s.lag = lag
		s.mu.Unlock()
		if _, err := w.publish(c, loadID(1), changes...); errors.Is(err, lake.ErrUnknown) != unknown || err != nil && !unknown {
			t.Errorf("%d readings late: %v", lag, err)
		}
		s.mu.Lock()
		s.lag, s.left = 0, 0
		s.mu.Unlock()
		w.checkThere(c)
		w.mustPublish(c, loadID(2), changes...)
	}
}

// What a rollback takes over must be there when it is published.
func TestRESTTakesOver(t *testing.T) {
	t.Parallel()
	w := newRESTWarehouse(t)
	changes := []change{{schema: schema("tasks", "tasks"), rows: 1}}
	other := w.open()
	for n := range 3 {
		w.mustPublish(other, loadID(n), changes...)
	}
	o := w.options
	o.Point = func(name, _ string) error {
		if name != "catalog.commit" {
			return nil
		}
		run := lake.NewRunID()
		err := other.Admit(t.Context(), run)
		if err == nil {
			err = other.Expire(t.Context(), []lake.LoadID{loadID(0)}, run, func(context.Context, lake.Prepared) error { return nil })
		}
		return err
	}
	c, err := catalog.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	staged, err := c.StageLoad(t.Context(), "tasks", loadID(0))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Publish(t.Context(), lake.Publication{Load: lake.Load{ID: loadID(5), Status: "complete"}, Changes: []lake.Change{{Staged: staged}}})
	if !errors.Is(err, lake.ErrConflict) {
		t.Errorf("a rollback to a load that expires meanwhile: %v, want ErrConflict", err)
	}
	w.checkThere(other)
}

// Tables get their names although the server refuses for a while, if not with this
// load then with the next one that reads them.
func TestRESTRenames(t *testing.T) {
	t.Parallel()
	before, after := map[string]string{"one": "a", "two": "b"}, map[string]string{"one": "b", "two": "a"}
	for failures, want := range map[int]map[string]string{2: after, 5: after, 15: before} {
		s := &restServer{}
		w := newOddWarehouse(t, s)
		c := w.open()
		w.mustPublish(c, loadID(0), change{schema: schema("a", "one"), rows: 1}, change{schema: schema("b", "two"), rows: 1})
		s.fails(failures)
		swap := []change{{schema: schema("b", "one"), rows: 2}, {schema: schema("a", "two"), rows: 2}}
		w.mustPublish(c, loadID(1), swap...)
		if got := w.names(c); !maps.Equal(got, want) {
			t.Errorf("%d failures: names %v, want %v", failures, got, want)
		}
		s.fails(0)
		w.mustPublish(c, loadID(2), swap...)
		if got := w.names(c); !maps.Equal(got, after) {
			t.Errorf("%d failures, after the next load: names %v", failures, got)
		}
	}
}

// A table that was left under a name of the way gets its own with the next load,
// although that does not read it.
func TestRESTLeftOnTheWay(t *testing.T) {
	t.Parallel()
	s := &restServer{}
	w := newOddWarehouse(t, s)
	w.mustPublish(w.open(), loadID(0), change{schema: schema("a", "one"), rows: 1}, change{schema: schema("b", "two"), rows: 1})
	renamed := 0
	w.options.Point = func(name, _ string) error {
		if name == "catalog.rename" {
			if renamed++; renamed > 2 {
				return errors.New("died")
			}
		}
		return nil
	}
	w.mustPublish(w.open(), loadID(1), change{schema: schema("b", "one"), rows: 2}, change{schema: schema("a", "two"), rows: 2})
	w.options.Point = nil
	c := w.open()
	if got := w.names(c); !strings.HasPrefix(got["one"], "renamed-") {
		t.Fatalf("nothing was left on the way: %v", got)
	}
	w.mustPublish(c, loadID(2), change{schema: schema("c", "three"), rows: 3})
	if got, want := w.names(c), map[string]string{"one": "b", "two": "a", "three": "c"}; !maps.Equal(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
}

func (s *restServer) fails(renames int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renames = renames
}

// names are the tables' names by their keys.
func (w *warehouse) names(c *catalog.Catalog) map[string]string {
	w.t.Helper()
	tables, err := c.Tables(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	names := map[string]string{}
	for _, table := range tables {
		if table.Schema.Key != lake.LedgerTable {
			names[table.Schema.Key] = table.Schema.Table
		}
	}
	return names
}

// A table that gets another name while the tables are listed is not missed, and no
// file of it taken for nobody's.
func TestRESTRenamedMeanwhile(t *testing.T) {
	t.Parallel()
	s := &restServer{}
	w := newOddWarehouse(t, s)
	c := w.open()
	w.mustPublish(c, loadID(0), change{schema: schema("a", "one"), rows: 1}, change{schema: schema("b", "two"), rows: 1})
	want, err := c.References(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.meanwhile = func() {
		from, to := w.options.Namespace+"\x00b", w.options.Namespace+"\x00other"
		s.tables[to] = s.tables[from]
		delete(s.tables, from)
	}
	s.mu.Unlock()
	got, err := c.References(t.Context())
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%d files are named, %d before, %v", len(got), len(want), err)
	}
}
