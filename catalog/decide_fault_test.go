package catalog_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// sweep is 1 in `make chaos`.
var sweep = flag.Int("sweep", 29, "cut decisions short at every `n`-th point")

// A decision is what is done about a lake with two loads and, where hold is
// set, a third one that is held. Where nights are given there are so many loads
// more before.
type decision struct {
	name   string
	hold   bool
	nights int
	do     func(ctx context.Context, l *lake.Loader, first, held lake.LoadID) error
}

var decisions = []decision{
	{"hold", false, 0, func(ctx context.Context, l *lake.Loader, _, _ lake.LoadID) error {
		_, err := l.Run(ctx)
		var held *lake.HeldError
		if errors.As(err, &held) && !errors.Is(err, laketest.ErrInjected) {
			return nil
		}
		return err
	}},
	{"publish", true, 0, func(ctx context.Context, l *lake.Loader, _, held lake.LoadID) error {
		_, err := l.PublishHeld(ctx, held)
		return err
	}},
	{"discard", true, 0, func(ctx context.Context, l *lake.Loader, _, held lake.LoadID) error { return l.Discard(ctx, held) }},
	{"rollback", false, 0, func(ctx context.Context, l *lake.Loader, first, _ lake.LoadID) error {
		_, err := l.Rollback(ctx, first)
		return err
	}},
	{"expire", true, 2, maintain(lake.Maintenance{Retention: lake.Retention{Last: 1}})},
	{"compact", false, 7, maintain(lake.Maintenance{Compact: true})},
	{"maintain", false, 7, maintain(lake.Maintenance{Retention: lake.Retention{Last: 2}, Compact: true, Orphans: time.Nanosecond})},
}

func maintain(plan lake.Maintenance) func(context.Context, *lake.Loader, lake.LoadID, lake.LoadID) error {
	return func(ctx context.Context, l *lake.Loader, _, _ lake.LoadID) error {
		_, err := l.Maintain(ctx, plan)
		return err
	}
}

// TestDecisionsCutShort ends each decision at points all over it: from there on
// nothing that it tries succeeds, as if it had been killed. The tables are of one
// load then, and after the next load, and once what is still held is discarded,
// no file is left that no table names and none is missing.
func TestDecisionsCutShort(t *testing.T) {
	t.Parallel()
	for _, d := range decisions {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			points := d.cut(t, 1<<30)
			if points < 50 {
				t.Fatalf("only %d points", points)
			}
			tried := 0
			for n := 1; n <= points && !t.Failed(); n += *sweep {
				d.cut(t, n)
				tried++
			}
			t.Logf("%d points, %d tried", points, tried)
		})
	}
}

// cut does it, with everything failing from the n-th point on, and returns how
// many points there were.
func (d decision) cut(t *testing.T, n int) int {
	t.Helper()
	w := newWarehouse(t)
	w.written = true
	c, faults := w.withFaults()
	s, now := w.options.Storage, w.at
	loader := func(tables ...lake.Table) *lake.Loader {
		now = now.Add(time.Hour)
		at := now
		return &lake.Loader{
			Source: &laketest.Source{List: tables}, Storage: s, Catalog: c, Logger: slog.New(slog.DiscardHandler),
			Now: func() time.Time { return at }, TempDir: t.TempDir(), Parallel: 1, Point: faults.hit,
		}
	}
	small := laketest.Table(onlyID("a"), idRow("1"))
	points := small.Schema
	points.Columns = append(slices.Clone(points.Columns), property("p", "points", lake.Float64))
	wide := laketest.Table(points, []lake.Value{lake.TextValue("1"), lake.FloatValue(1)}, []lake.Value{lake.TextValue("2"), {}})
	other := laketest.Table(onlyID("other"), idRow("x"))
	for range d.nights {
		if _, err := loader(small).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	first, err := loader(small).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loader(wide).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	hold := func() *lake.Loader {
		l := loader(small, other)
		l.Audit.Freeze = true
		return l
	}
	var held lake.Report
	if d.hold {
		if held, err = hold().Run(t.Context()); held.Status != lake.StatusHeld {
			t.Fatalf("not held: %v", err)
		}
	}
	counter := &laketest.Counter{}
	count, fail := counter.Point(), laketest.Fail(n, true)
	faults.set(func(name, key string) error { return errors.Join(count(name, key), fail(name, key)) })
	l := loader()
	if d.name == "hold" {
		l = hold()
	}
	err = d.do(t.Context(), l, first.LoadID, held.LoadID)
	faults.set(nil)
	where := fmt.Sprintf("%s cut short at point %d, %s (%v)", d.name, n, slices.Concat(counter.Names, []string{"-"})[min(n, len(counter.Names))-1], err)
	if n > len(counter.Names) && err != nil {
		t.Fatalf("%s: %v", d.name, err)
	}
	loads := map[string]bool{}
	for _, meta := range w.metadata() {
		loads[meta.CurrentSnapshot().Summary.Properties["notionlake.load-id"]] = true
	}
	if len(loads) != 1 {
		t.Errorf("%s: the tables are of the loads %v", where, slices.Sorted(maps.Keys(loads)))
	}
	_, missing := w.strays()
	for _, key := range missing {
		if !strings.HasSuffix(key, "/version-hint.text") { // which may lag
			t.Errorf("%s: missing: %s", where, key)
		}
	}
	if _, err := loader(wide, other).Run(t.Context()); err != nil {
		t.Fatalf("%s: the next load: %v", where, err)
	}
	left, err := lake.HeldLoads(t.Context(), s, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range left {
		if err := loader().Discard(t.Context(), h.Load.ID); err != nil {
			t.Errorf("%s: discard what is left: %v", where, err)
		}
	}
	if strays, missing := w.strays(); len(strays)+len(missing) > 0 {
		t.Errorf("%s: left over: %v; missing: %v", where, strays, missing)
	}
	for o, err := range s.List(t.Context(), "_notionlake/") {
		if err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s: left in the journal: %s", where, filepath.Base(o.Key))
	}
	if err := errors.Join(c.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	return len(counter.Names)
}

// TestDeadBeforeDrop ends a load after its commit, just before it deletes the
// metadata files that left the tables' logs. They carry the IDs of other runs:
// only the journal knows that they are to go.
func TestDeadBeforeDrop(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	w.written = true
	c, faults := w.withFaults()
	loader := hourly(w, c)
	load := func(ctx context.Context) error {
		_, err := loader().Run(ctx)
		return err
	}
	for range 13 { // more than a log holds
		if err := load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	dropping := false
	faults.set(func(name, _ string) error {
		dropping = dropping || name == "catalog.delete"
		if dropping {
			return laketest.ErrInjected
		}
		return nil
	})
	if err := load(t.Context()); err == nil || !dropping {
		t.Fatalf("no file was to be dropped, or the load did not see that nothing works any more: %v", err)
	}
	faults.set(nil)
	if strays, _ := w.strays(); len(strays) == 0 {
		t.Fatal("nothing was left behind")
	}
	if err := load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if strays, missing := w.strays(); len(strays)+len(missing) > 0 {
		t.Errorf("left over: %v; missing: %v", strays, missing)
	}
}

func onlyID(key string) lake.Schema {
	return lake.Schema{Table: key, Key: key, Columns: []lake.Column{{Key: "_id", Name: "_id", Type: lake.Type{Kind: lake.String}, Required: true}}}
}

func idRow(id string) []lake.Value { return []lake.Value{lake.TextValue(id)} }

// hourly makes loaders of one table, each an hour after the one before.
func hourly(w *warehouse, c *catalog.Catalog) func() *lake.Loader {
	now := w.at
	return func() *lake.Loader {
		now = now.Add(time.Hour)
		at := now
		return &lake.Loader{
			Source: &laketest.Source{List: []lake.Table{laketest.Table(onlyID("a"), idRow("1"))}}, Storage: w.options.Storage, Catalog: c,
			Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return at }, TempDir: w.t.TempDir(),
		}
	}
}

// TestDeadHints ends a load after its commit, before it writes a version hint. Whoever
// comes next writes it, also where that publishes nothing.
func TestDeadHints(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c, faults := w.withFaults()
	loader := hourly(w, c)
	behind := func() (names []string) {
		pointers := w.pointers()
		for name, meta := range w.metadata() {
			hint := string(w.file(meta.Location() + "/metadata/version-hint.text"))
			if !strings.HasSuffix(pointers[name], "/"+hint+".metadata.json") {
				names = append(names, name)
			}
		}
		return names
	}
	if _, err := loader().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	dead := false
	faults.set(func(name, _ string) error {
		if dead = dead || name == "catalog.hint"; dead {
			return laketest.ErrInjected
		}
		return nil
	})
	if _, err := loader().Run(t.Context()); err == nil {
		t.Fatal("the load did not see that nothing works any more")
	}
	faults.set(nil)
	if len(behind()) != 2 {
		t.Fatalf("the hints of %v are behind, want two", behind())
	}
	if _, err := loader().Maintain(t.Context(), lake.Maintenance{}); err != nil {
		t.Fatal(err)
	}
	if names := behind(); len(names) > 0 {
		t.Errorf("the hints of %v are still behind", names)
	}
}

// TestDropFails fails once where a load, and a compaction, delete a metadata file
// that left a table's log. The load is published; the file goes all the same.
func TestDropFails(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	w.written = true
	c, faults := w.withFaults()
	loader := hourly(w, c)
	for range 13 { // more than a log holds
		if _, err := loader().Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, do := range map[string]func() error{
		"load":    func() error { _, err := loader().Run(t.Context()); return err },
		"compact": func() error { _, err := loader().Maintain(t.Context(), lake.Maintenance{Compact: true}); return err },
	} {
		failed := false
		faults.set(func(name, _ string) error {
			if name == "catalog.delete" && !failed {
				failed = true
				return laketest.ErrInjected
			}
			return nil
		})
		err := do()
		faults.set(nil)
		if err != nil || !failed {
			t.Fatalf("%s: %v, a deletion failed: %v", name, err, failed)
		}
		if strays, missing := w.strays(); len(strays)+len(missing) > 0 {
			t.Errorf("%s: left over: %v; missing: %v", name, strays, missing)
		}
	}
}
