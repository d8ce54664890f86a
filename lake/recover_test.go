package lake_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// journalFiles are the keys of the journal.
func (w *world) journalFiles() []string {
	w.t.Helper()
	return slices.DeleteFunc(w.files(), func(key string) bool { return !strings.HasPrefix(key, "_notionlake/") })
}

// unreadable is a catalog of which it cannot be said what it needs.
type unreadable struct{ *laketest.Catalog }

func (unreadable) References(context.Context) (map[string]bool, error) {
	return nil, errors.New("manifest damaged")
}

// While it is not known what the tables need, nothing of a dead run is deleted,
// and it is not forgotten either.
func TestUnreadableReferences(t *testing.T) {
	w := newWorld(t, nil)
	w.run(textTable("a", "1"))
	w.catalog.Fail = lake.ErrUnknown // its files stay
	if _, err := w.loader(textTable("a", "1", "2")).Run(t.Context()); !errors.Is(err, lake.ErrUnknown) {
		t.Fatal(err)
	}
	dead := w.files()
	l := w.loader(textTable("a", "1", "2", "3"))
	l.Catalog = unreadable{w.catalog}
	if _, err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, key := range dead {
		if !slices.Contains(w.files(), key) {
			t.Errorf("deleted, although it may be needed: %s", key)
		}
	}
	if len(w.journalFiles()) != 1 {
		t.Errorf("journal: %v, want the dead run", w.journalFiles())
	}
	w.run(textTable("a", "1"))
	if len(w.journalFiles()) != 0 || len(w.files()) >= len(dead)+4 {
		t.Errorf("not cleaned up once it can be read: %v", w.files())
	}
}

// fenced is a source under which another run takes this one for dead, as where a
// lock does not hold.
type fenced struct {
	lake.Source
	w *world
}

func (f fenced) Tables(ctx context.Context, v lake.View) iter.Seq2[lake.Table, error] {
	for _, key := range f.w.journalFiles() {
		run := strings.TrimSuffix(key[len(key)-len(".json")-36:], ".json")
		if err := f.w.catalog.Fence(ctx, lake.RunID(run)); err != nil {
			f.w.t.Error(err)
		}
	}
	return f.Source.Tables(ctx, v)
}

// A run that another one took for dead publishes nothing.
func TestTakenForDead(t *testing.T) {
	for _, hold := range []bool{false, true} {
		w := newWorld(t, nil)
		w.run(textTable("a", "1"))
		l := w.loader(textTable("a"))
		l.Source = fenced{l.Source, w}
		if hold {
			l.Audit.Shrink = &lake.Shrink{}
		}
		if _, err := l.Run(t.Context()); !errors.Is(err, lake.ErrConflict) {
			t.Errorf("hold %v: %v, want ErrConflict", hold, err)
		}
		if got := len(w.rows("a")); got != 1 {
			t.Errorf("hold %v: %d rows: it was published", hold, got)
		}
		if holds, _ := w.catalog.Holds(t.Context()); len(holds) > 0 {
			t.Errorf("held: %v", holds)
		}
	}
}

// unlocked is a catalog whose lock holds nobody.
type unlocked struct{ *laketest.Catalog }

func (unlocked) Lock(context.Context) (func() error, error) {
	return func() error { return nil }, nil
}

// overtaken is a source under which another load runs from its beginning to its end.
type overtaken struct {
	lake.Source
	other func()
}

func (o overtaken) Tables(ctx context.Context, v lake.View) iter.Seq2[lake.Table, error] {
	o.other()
	return o.Source.Tables(ctx, v)
}

// Where a lock does not hold, a run that is taken for dead is fenced before its
// files go: it cannot publish them any more, although nothing else is in its way. So it
// is where its entry stays, since its load can be continued.
func TestFenced(t *testing.T) {
	for _, resume := range []time.Duration{0, 12 * time.Hour} {
		w := newWorld(t, nil)
		w.run(textTable("a", "1"))
		l := w.loader(textTable("a", "1", "2"))
		l.Catalog, l.Resume = unlocked{w.catalog}, resume
		l.Source = overtaken{l.Source, func() {
			maintaining := w.loader()
			maintaining.Catalog = unlocked{w.catalog}
			if _, err := maintaining.Maintain(t.Context(), lake.Maintenance{}); err != nil {
				t.Error(err)
			}
		}}
		if _, err := l.Run(t.Context()); !errors.Is(err, lake.ErrConflict) {
			t.Errorf("resume %s: %v, want ErrConflict", resume, err)
		}
		if got := len(w.rows("a")); got != 1 {
			t.Errorf("resume %s: %d rows: it was published", resume, got)
		}
	}
}

// losing is a catalog that shows less than was published.
type losing struct {
	*laketest.Catalog
	lose func(*lake.TableState)
}

func (c losing) Tables(ctx context.Context) ([]lake.TableState, error) {
	tables, err := c.Catalog.Tables(ctx)
	for i := range tables {
		if tables[i].Schema.Key == "a" {
			c.lose(&tables[i])
		}
	}
	return tables, err
}

// spoiled is a catalog under which a data file changes when it is published: to
// other bytes of the same number.
type spoiled struct {
	*laketest.Catalog
	w *world
}

func (c spoiled) Publish(ctx context.Context, p lake.Publication) ([]lake.Snapshot, error) {
	f := p.Changes[0].Files[0]
	if err := c.w.storage.Replace(ctx, f.Key, make([]byte, f.Bytes)); err != nil {
		return nil, err
	}
	return c.Catalog.Publish(ctx, p)
}

// A file that is not what was written is found by its footer.
func TestSpoiledFile(t *testing.T) {
	w := newWorld(t, nil)
	l := w.loader(textTable("a", "1"))
	l.Catalog = spoiled{w.catalog, w}
	if _, err := l.Run(t.Context()); !errors.Is(err, lake.ErrNotVerified) || !strings.Contains(err.Error(), ".parquet") {
		t.Errorf("%v, want ErrNotVerified that names the file", err)
	}
}

// What readers find is looked at after the publication, and not what was meant.
func TestNotVerified(t *testing.T) {
	for name, lose := range map[string]func(*lake.TableState){
		"rows": func(s *lake.TableState) {
			s.Files = func(context.Context) ([]lake.File, error) { return nil, nil }
		},
		"snapshot": func(s *lake.TableState) { s.Snapshot.ID-- },
		"table":    func(s *lake.TableState) { s.Schema.Key = "b" },
		"unreadable": func(s *lake.TableState) {
			s.Files = func(context.Context) ([]lake.File, error) { return nil, errors.New("damaged") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			l := w.loader(textTable("a", "1"))
			l.Catalog = losing{w.catalog, lose}
			report, err := l.Run(t.Context())
			if !errors.Is(err, lake.ErrNotVerified) || report.Status != lake.StatusComplete {
				t.Errorf("status %s, error %v, want ErrNotVerified of a load that is published", report.Status, err)
			}
		})
	}
}

// busy is a catalog that another program has locked for a while.
type busy struct{ *laketest.Catalog }

func (c busy) Lock(ctx context.Context) (func() error, error) {
	time.Sleep(3 * time.Second)
	return c.Catalog.Lock(ctx)
}

// That another program is waited for is said.
func TestWaitingIsSaid(t *testing.T) {
	w := newWorld(t, nil)
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		for _, c := range []lake.Catalog{w.catalog, busy{w.catalog}} {
			l := w.loader(textTable("a", "1"))
			l.Catalog, l.Logger = c, slog.New(slog.NewTextHandler(&log, nil))
			if _, err := l.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(log.String(), "waiting until it has ended"); n != 1 {
			t.Errorf("said %d times:\n%s", n, log.String())
		}
	})
}

// elsewhere is the same catalog by another address, which has another ID.
type elsewhere struct{ unlocked }

func (elsewhere) ID(context.Context) (string, error) { return "elsewhere", nil }

// A run with another catalog that has loads as well is not taken for a dead one by who has
// its own lock: it lives, and publishes.
func TestRunOfAnotherCatalog(t *testing.T) {
	w := newWorld(t, nil)
	w.run(textTable("a", "1"))
	l := w.loader(textTable("a", "1", "2"))
	l.Source = overtaken{l.Source, func() {
		other := w.loader()
		other.Catalog = elsewhere{unlocked{w.catalog}}
		if _, err := other.PublishHeld(t.Context(), "20260101T000000Z"); !errors.Is(err, lake.ErrNotHeld) {
			t.Error(err)
		}
		plan, err := other.Maintain(t.Context(), lake.Maintenance{Orphans: time.Nanosecond})
		if err != nil || plan.Orphans.Files > 0 {
			t.Errorf("%v, %v", plan.Orphans, err)
		}
	}}
	if _, err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.rows("a"); len(got) != 2 {
		t.Errorf("rows %v", got)
	}
}
