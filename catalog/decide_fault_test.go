package catalog_test

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// sweep is 1 in `make chaos`.
var sweep = flag.Int("sweep", 43, "make decisions fail at every `n`-th point; in ways that are tried at every tenth, at every 10n-th")

// A decision is what is done about a lake with two loads, three tables in each,
// and, where hold is set, a third one that is held. Where nights are given there
// are so many loads more before.
type decision struct {
	name   string
	hold   bool
	nights int
	keeps  int // loads that stay, of those before; 0: all
	do     func(ctx context.Context, l *lab, first, held lake.LoadID) error
}

var decisions = []decision{
	{"load", false, 13, 0, func(ctx context.Context, l *lab, _, _ lake.LoadID) error { // more loads than a log holds
		_, err := l.loader(l.tables("renamed")...).Run(ctx)
		return err
	}},
	{"hold", false, 0, 0, func(ctx context.Context, l *lab, _, _ lake.LoadID) error {
		_, err := l.holder().Run(ctx)
		var held *lake.HeldError
		if errors.As(err, &held) && err.Error() == held.Error() { // nothing else is wrong
			return nil
		}
		return err
	}},
	{"publish", true, 0, 0, func(ctx context.Context, l *lab, _, held lake.LoadID) error {
		_, err := l.loader().PublishHeld(ctx, held)
		return err
	}},
	{"discard", true, 0, 0, func(ctx context.Context, l *lab, _, held lake.LoadID) error { return l.loader().Discard(ctx, held) }},
	{"rollback", false, 0, 0, func(ctx context.Context, l *lab, first, _ lake.LoadID) error {
		_, err := l.loader().Rollback(ctx, first)
		return err
	}},
	{"expire", true, 2, 1, maintain(lake.Maintenance{Retention: lake.Retention{Last: 1}})},
	{"compact", false, 7, 0, maintain(lake.Maintenance{Compact: true})},
	{"maintain", false, 7, 2, maintain(lake.Maintenance{Retention: lake.Retention{Last: 2}, Compact: true, Orphans: time.Nanosecond})},
}

func maintain(plan lake.Maintenance) func(context.Context, *lab, lake.LoadID, lake.LoadID) error {
	return func(ctx context.Context, l *lab, _, _ lake.LoadID) error {
		_, err := l.loader().Maintain(ctx, plan)
		return err
	}
}

// TestDecisionsCutShort ends each decision at points all over it: from there on
// nothing that it tries succeeds, as if it had been killed.
func TestDecisionsCutShort(t *testing.T) {
	t.Parallel()
	for _, d := range decisions {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			newLab(t, d).sweep(t, cutShort)
		})
	}
}

// TestDecisionsHurt lets something fail once in each decision, in all the ways
// that a disk, a catalog and whoever waits can fail.
func TestDecisionsHurt(t *testing.T) {
	t.Parallel()
	for _, d := range decisions {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, d)
			for _, m := range hurts {
				t.Run(m.how, func(t *testing.T) { l.sweep(t, m) })
			}
		})
	}
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
