package lake_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// keeping is a source that has something put aside, and looks at what was before.
type keeping struct {
	t    *testing.T
	from lake.Source
	kept *[]string
}

func (s keeping) Tables(ctx context.Context, v lake.View) iter.Seq2[lake.Table, error] {
	keptIn(s.t, v, s.kept)
	if err := v.Keep(ctx, []byte("read")); err != nil {
		s.t.Error(err)
	}
	return s.from.Tables(ctx, v)
}

// deadPart is a world of tables a, b and c, in which a run of some parts was killed when it
// had written its files.
type deadPart struct {
	*world
	killed lake.LoadID
	kept   []string
	log    strings.Builder
}

func newDeadPart(t *testing.T, parts ...string) *deadPart {
	t.Helper()
	d := newKilledPart(t, parts...)
	d.now = d.now.Add(20 * time.Hour)
	return d
}

// newKilledPart is deadPart soon after the kill.
func newKilledPart(t *testing.T, parts ...string) *deadPart {
	t.Helper()
	var dead atomic.Bool
	d := &deadPart{world: newWorld(t, func(string, string) error {
		if dead.Load() {
			return errors.New("dead")
		}
		return nil
	})}
	d.run(textTable("a", "1"), textTable("b", "1"), textTable("c", "1"))
	l := d.part("a", textTable("a", "1", "2"))
	l.Parts = parts
	l.Point = func(name, _ string) error {
		if name == "load.publish" {
			dead.Store(true)
			return errors.New("killed")
		}
		return nil
	}
	report, err := l.Run(t.Context())
	if err == nil {
		t.Fatal("not killed")
	}
	dead.Store(false)
	d.killed, d.kept = report.LoadID, nil
	if d.unnamed() == 0 || len(d.journalFiles()) != 2 {
		t.Fatalf("the dead run left %v", d.files())
	}
	return d
}

// part is the loader of a part.
func (d *deadPart) part(name string, tables ...lake.Table) *lake.Loader {
	l := d.loader(tables...)
	l.Config, l.Resume, l.Parts = name, 48*time.Hour, []string{name}
	l.Source = keeping{d.t, l.Source, &d.kept}
	l.Logger = slog.New(slog.NewTextHandler(&d.log, nil))
	return l
}

// failingTable is a table that cannot be read.
func failingTable(key string) lake.Table {
	table := textTable(key)
	table.Rows = laketest.RowsThen(errors.New("HTTP 500"))
	return table
}

// unnamed counts the data files that nothing needs.
func (d *deadPart) unnamed() (n int) {
	d.t.Helper()
	refs, err := d.catalog.References(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	for _, key := range d.files() {
		if strings.HasSuffix(key, ".parquet") && !refs[key] {
			n++
		}
	}
	return n
}

// What a run of a part that was killed wrote goes when another part is loaded. What it read
// stays as long as the next run of its part can continue it.
func TestDeadPart(t *testing.T) {
	d := newDeadPart(t, "a")
	if _, err := d.part("b", failingTable("b")).Run(t.Context()); err == nil {
		t.Fatal("it does not fail")
	}
	if n := d.unnamed(); n > 0 || len(d.journalFiles()) != 2 {
		t.Errorf("%d files are left, and of the load %v", n, d.journalFiles())
	}
	waiting, err := lake.WaitingLoads(t.Context(), d.storage, d.catalog)
	if err != nil || len(waiting) != 1 || waiting[0].Load.ID != d.killed || waiting[0].Runs {
		t.Errorf("waiting %+v, %v", waiting, err)
	}
	before := d.files()
	if _, err := d.part("c", failingTable("c")).Run(t.Context()); err == nil { // leaves what was interrupted
		t.Fatal("it does not fail")
	}
	if diff := cmp.Diff(before, d.files()); diff != "" {
		t.Error(diff)
	}
	d.kept = nil
	report, err := d.part("a", textTable("a", "1", "2")).Run(t.Context())
	if err != nil || report.LoadID != d.killed || !slices.Equal(d.kept, []string{"read"}) {
		t.Errorf("load %s does not continue %s, with %v: %v", report.LoadID, d.killed, d.kept, err)
	}
	if strings.Contains(d.log.String(), "is not continued") {
		t.Errorf("the log says:\n%s", d.log.String())
	}
	if left := d.journalFiles(); d.unnamed() > 0 || len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// A run of a part that seems to have died may live: for the first hours nothing of it is
// touched by another part.
func TestPartMayLive(t *testing.T) {
	d := newKilledPart(t, "a")
	left := d.unnamed()
	if _, err := d.part("b", textTable("b", "2")).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := d.unnamed(); n != left || len(d.journalFiles()) != 2 {
		t.Errorf("%d files are left of %d, and of the load %v", n, left, d.journalFiles())
	}
	if _, err := d.loader(textTable("a", "1"), textTable("b", "1"), textTable("c", "1")).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := d.unnamed(); n > 0 {
		t.Errorf("after a run of the whole %d files are left", n)
	}
}

// A part gets a later ID when others have published, and is killed before the entry of the
// earlier one is deleted: what it had read is of the later one.
func TestPartRenamedAndKilled(t *testing.T) {
	var dead, renames atomic.Bool
	d := &deadPart{world: newWorld(t, func(name, key string) error {
		if renames.Load() && name == "storage.delete" && strings.Contains(key, "journal/") {
			dead.Store(true)
		}
		if dead.Load() {
			return errors.New("killed")
		}
		return nil
	})}
	d.run(textTable("a", "1"), textTable("c", "1"))
	table := textTable("a", "1", "2")
	early := d.part("a", table)
	later := d.part("c", textTable("c", "9"))
	rows := table.Rows
	table.Rows = func(ctx context.Context) iter.Seq2[lake.Row, error] {
		if _, err := later.Run(ctx); err != nil {
			t.Error(err)
		}
		renames.Store(true)
		return rows(ctx)
	}
	early.Source = keeping{t, &laketest.Source{List: []lake.Table{table}}, &d.kept}
	if _, err := early.Run(t.Context()); err == nil {
		t.Fatal("not killed")
	}
	dead.Store(false)
	renames.Store(false)
	d.kept = nil
	if left := d.journalFiles(); len(left) != 3 {
		t.Fatalf("two entries and what was read are to be there: %v", left)
	}
	report, err := d.part("a", textTable("a", "1", "2")).Run(t.Context())
	if err != nil || report.Continues == nil || !slices.Equal(d.kept, []string{"read"}) {
		t.Errorf("load %s continues %+v, with %v: %v", report.LoadID, report.Continues, d.kept, err)
	}
	if left := d.journalFiles(); d.unnamed() > 0 || len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Once another load is published nobody can continue it: nothing of it is left after that.
func TestDeadPartOvertaken(t *testing.T) {
	d := newDeadPart(t, "a")
	for _, name := range []string{"b", "c"} {
		if _, err := d.part(name, textTable(name, "2")).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := d.unnamed(); n > 0 {
			t.Errorf("after %s %d files are left", name, n)
		}
	}
	if left := d.journalFiles(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if log := d.log.String(); !strings.Contains(log, "an earlier run has been cleaned up") || strings.Contains(log, "is not continued") {
		t.Errorf("the log says:\n%s", log)
	}
}

// One that is too old to be continued goes at once, and why is said.
func TestDeadPartTooOld(t *testing.T) {
	d := newDeadPart(t, "a")
	d.now = d.now.Add(48 * time.Hour)
	if _, err := d.part("b", failingTable("b")).Run(t.Context()); err == nil {
		t.Fatal("it does not fail")
	}
	if left := d.journalFiles(); d.unnamed() > 0 || len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if log := d.log.String(); !strings.Contains(log, "is not continued") || !strings.Contains(log, "it is older than resume allows") {
		t.Errorf("the log says:\n%s", log)
	}
}

// A run has the locks of all its parts until it ends: one that has not does not live, though
// a run that has begun since has another one.
func TestDeadPartOfSeveral(t *testing.T) {
	for _, parts := range [][]string{{"a"}, {"a", "x"}} {
		d := newDeadPart(t, parts...)
		unlock, err := d.catalog.LockPart(t.Context(), "a", 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.part("b", failingTable("b")).Run(t.Context()); err == nil {
			t.Fatal("it does not fail")
		}
		if lives := len(parts) == 1; lives != (d.unnamed() > 0) {
			t.Errorf("parts %v: %d files are left", parts, d.unnamed())
		}
		if err := unlock(); err != nil {
			t.Fatal(err)
		}
	}
}

// Who looks whether a part lives has its lock for a moment: a run of the part that begins
// then waits for it, also where it is to wait for no other run.
func TestPartBeginsWhileLookedAt(t *testing.T) {
	d := newDeadPart(t, "a")
	unlock, err := d.catalog.LockPart(t.Context(), "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	released := make(chan error, 1)
	time.AfterFunc(100*time.Millisecond, func() { released <- unlock() })
	l := d.part("a", textTable("a", "1", "2"))
	l.LockTimeout = 0
	if report, err := l.Run(t.Context()); err != nil || report.LoadID != d.killed {
		t.Errorf("load %s, %v", report.LoadID, err)
	}
	if err := <-released; err != nil {
		t.Error(err)
	}
}
