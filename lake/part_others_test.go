package lake_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// lostLock is a catalog whose locks of parts are lost at once, as with the connection that
// they are bound to.
type lostLock struct{ *laketest.Catalog }

func (lostLock) LockPart(context.Context, string, time.Duration) (func() error, error) {
	return func() error { return nil }, nil
}

// A part that continues a load of long ago has not lived for longer than one that begins.
func TestContinuedPartLives(t *testing.T) {
	d := newDeadPart(t, "a") // its load began long ago
	a := d.part("a", textTable("a", "1", "2"))
	a.Catalog = lostLock{d.catalog}
	a.Source = overtaken{a.Source, func() {
		if _, err := d.part("b", failingTable("b")).Run(t.Context()); err == nil {
			t.Error("b does not fail")
		}
	}}
	report, err := a.Run(t.Context())
	if err != nil || report.Continues == nil || report.LoadID != d.killed {
		t.Errorf("load %s continues %+v: %v", report.LoadID, report.Continues, err)
	}
}

// What a part writes that failed, or met its deadline, may land after another part has begun:
// a later run finds it.
func TestLateObjectOfPart(t *testing.T) {
	t.Run("failed", func(t *testing.T) { lateObjectOfPart(t, 0) })
	t.Run("interrupted", func(t *testing.T) { lateObjectOfPart(t, 48*time.Hour) })
}

func lateObjectOfPart(t *testing.T, resume time.Duration) {
	w := newWorld(t, nil)
	var f *fakeS3
	f, w.storage = newFakeS3(t)
	w.run(textTable("a", "1"), textTable("b", "1"), textTable("c", "1"))
	part := func(ctx context.Context, name string) error {
		l := w.loader(textTable(name, "1", "2"))
		l.Parts, l.Config, l.Resume = []string{name}, name, resume
		_, err := l.Run(ctx)
		return err
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.put = func(key, method string) fate {
		is := parquetLands(key, method)
		if is == landing && resume > 0 {
			cancel()
		}
		return is
	}
	if part(ctx, "a") == nil {
		t.Fatal("a does not fail")
	}
	cancel()
	f.put = nil
	for _, name := range []string{"b", "c"} {
		if err := part(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	f.land()
	if err := part(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	landed := 0
	for key := range f.landing {
		if !strings.HasSuffix(key, ".parquet") {
			continue
		}
		if landed++; f.keys(key) != nil {
			t.Errorf("%s is left", key)
		}
	}
	if landed == 0 {
		t.Error("invalid: nothing landed late")
	}
}

// What cannot be deleted of a part, or whether it lives cannot be found out, keeps no other
// part from its load.
func TestOthersRemainsStay(t *testing.T) {
	var stuck atomic.Pointer[lake.RunID]
	d := newDeadPart(t, "a")
	run := lake.RunID(strings.TrimSuffix(d.journalFiles()[0][strings.LastIndex(d.journalFiles()[0], "_")+1:], ".json"))
	storage, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: d.storage.URI(""), Point: func(name, key string) error {
		if run := stuck.Load(); run != nil && name == "storage.delete" && strings.Contains(key, string(*run)) && strings.HasSuffix(key, ".parquet") {
			return errors.New("permission denied")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	d.storage = storage
	stuck.Store(&run)
	left := d.unnamed()
	for _, name := range []string{"b", "c"} {
		if _, err := d.part(name, textTable(name, "1", "2")).Run(t.Context()); err != nil {
			t.Errorf("part %s: %v", name, err)
		}
	}
	if log := d.log.String(); !strings.Contains(log, "what runs of other parts left could not be cleared away") || !strings.Contains(log, "permission denied") {
		t.Errorf("the log says:\n%s", log)
	}
	if n := d.unnamed(); n != left {
		t.Errorf("%d files are left, of %d", n, left)
	}
	if _, err := d.part("a", textTable("a", "1", "2")).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("its own part: %v", err)
	}
	b := d.part("b", textTable("b", "1", "2", "3"))
	b.Catalog = unknownLock{d.catalog}
	if _, err := b.Run(t.Context()); err != nil || !strings.Contains(d.log.String(), "whether a run of another part lives could not be found out") {
		t.Errorf("where locks cannot be asked for: %v, the log says:\n%s", err, d.log.String())
	}
	stuck.Store(nil)
	if _, err := d.part("b", textTable("b", "1", "2", "3", "4")).Run(t.Context()); err != nil || d.unnamed() > 0 {
		t.Errorf("%d files are left at last: %v", d.unnamed(), err)
	}
}

// unknownLock is a catalog that can say of no other part whether it runs.
type unknownLock struct{ *laketest.Catalog }

func (c unknownLock) LockPart(ctx context.Context, part string, wait time.Duration) (func() error, error) {
	if part == "a" {
		return nil, errors.New("HTTP 500")
	}
	return c.Catalog.LockPart(ctx, part, wait)
}

// dropping is a catalog in which files belong to a held load alone.
type dropping struct {
	*laketest.Catalog
	keys []string
}

func (c dropping) Discard(ctx context.Context, id lake.LoadID, run lake.RunID, before func(context.Context, lake.Prepared) error) error {
	return c.Catalog.Discard(ctx, id, run, func(ctx context.Context, p lake.Prepared) error {
		p.Drops = append(p.Drops, c.keys...)
		return before(ctx, p)
	})
}

// What cannot be deleted of a held load of a part that is discarded keeps no other part from
// its load.
func TestOthersDiscardedStays(t *testing.T) {
	var stuck atomic.Bool
	w := newWorld(t, func(name, key string) error {
		if stuck.Load() && name == "storage.delete" && strings.Contains(key, "tables/a/") {
			return errors.New("permission denied")
		}
		return nil
	})
	w.run(textTable("a", numbers(300)...), textTable("b", "1"))
	before := w.files()
	l := w.loader(textTable("a", "1"))
	l.Parts, l.Audit.Shrink = []string{"a"}, &lake.Shrink{Max: 0.1}
	report, err := l.Run(t.Context())
	if report.Status != lake.StatusHeld {
		t.Fatalf("status %s, %v", report.Status, err)
	}
	c := dropping{w.catalog, nil}
	for _, key := range w.files() {
		if strings.HasSuffix(key, ".parquet") && !slices.Contains(before, key) && strings.Contains(key, "tables/a/") {
			c.keys = append(c.keys, key)
		}
	}
	stuck.Store(true)
	d := w.loader()
	d.Catalog = c
	if err := d.Discard(t.Context(), report.LoadID); err == nil || len(c.keys) == 0 {
		t.Fatalf("%v is discarded: %v", c.keys, err)
	}
	run := func(night int) error {
		b := w.loader(textTable("b", "1", strconv.Itoa(night)))
		b.Parts, b.Catalog = []string{"b"}, c
		_, err := b.Run(t.Context())
		return err
	}
	for night := range 3 {
		w.now = w.now.Add(24 * time.Hour)
		if err := run(night); err != nil {
			t.Errorf("night %d: %v", night, err)
		}
	}
	stuck.Store(false)
	if err := run(4); err != nil || len(w.journalFiles()) > 0 {
		t.Errorf("left %v: %v", w.journalFiles(), err)
	}
	for _, key := range w.files() {
		if slices.Contains(c.keys, key) {
			t.Errorf("%s is left", key)
		}
	}
}

// unknownReferences is a catalog that fails once it is asked for the second time which files
// are needed.
type unknownReferences struct {
	*laketest.Catalog
	asked *atomic.Int32
}

func (c unknownReferences) References(ctx context.Context) (map[string]bool, error) {
	if c.asked.Add(1) == 2 {
		return nil, errors.New("HTTP 500")
	}
	return c.Catalog.References(ctx)
}

// A load is continued, whatever becomes of what others left.
func TestContinuedBesideOthers(t *testing.T) {
	d := newDeadPart(t, "a")
	ctx, cancel := context.WithCancel(t.Context())
	table := textTable("b", "1", "2")
	table.Rows = func(ctx context.Context) iter.Seq2[lake.Row, error] {
		cancel()
		return laketest.RowsThen(ctx.Err())(ctx)
	}
	young := d.part("b", table)
	young.Now = func() time.Time { return d.now.Add(-10 * time.Hour) } // a may live still
	first, err := young.Run(ctx)
	if err == nil || d.unnamed() == 0 {
		t.Fatalf("%v, left %v", err, d.files())
	}
	d.kept = nil
	var asked atomic.Int32
	b := d.part("b", textTable("b", "1", "2"))
	b.Catalog = unknownReferences{d.catalog, &asked}
	report, err := b.Run(t.Context())
	if err != nil || report.LoadID != first.LoadID || len(d.kept) == 0 || asked.Load() < 2 {
		t.Errorf("load %s continues %s, asked %d times, kept %v: %v", report.LoadID, first.LoadID, asked.Load(), d.kept, err)
	}
}
