package lake_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// othersFirst is a catalog whose lock others have from the second time on, as often as that.
type othersFirst struct {
	*laketest.Catalog
	asked *atomic.Int32
	times int32
}

func (c othersFirst) Lock(ctx context.Context) (func() error, error) {
	if n := c.asked.Add(1); n == 1 || n > 1+c.times {
		return c.Catalog.Lock(ctx)
	}
	return nil, fmt.Errorf("another load is running (pid 7): %w", lake.ErrLocked)
}

// A part that has been read waits for others that publish, without asking all the time.
func TestPartWaitsToPublish(t *testing.T) {
	for times, want := range map[int32]error{40: nil, 100_000: lake.ErrLocked} {
		w := newWorld(t, nil)
		w.run(textTable("a", "1"))
		synctest.Test(t, func(t *testing.T) {
			var asked atomic.Int32
			var log strings.Builder
			l := w.loader(textTable("a", "1", "2"))
			l.Parts, l.Catalog, l.Logger = []string{"a"}, othersFirst{w.catalog, &asked, times}, slog.New(slog.NewTextHandler(&log, nil))
			began := time.Now()
			_, err := l.Run(t.Context())
			if !errors.Is(err, want) || want != nil && !strings.Contains(err.Error(), "pid 7") {
				t.Errorf("%d times: %v", times, err)
			}
			if waited := time.Since(began); asked.Load() > 2+int32(waited.Seconds()) || waited > time.Hour+time.Minute {
				t.Errorf("asked %d times in %s", asked.Load(), waited)
			}
			if n := strings.Count(log.String(), "waiting for others"); n != 1 {
				t.Errorf("said %d times:\n%s", n, log.String())
			}
		})
	}
}

// What a part has read that cannot publish since others have the lock is kept, what waited to
// be kept too.
func TestPartNotJoinedIsKept(t *testing.T) {
	w := newWorld(t, nil)
	w.run(textTable("a", "1"))
	if unlock, err := w.catalog.LockPart(t.Context(), "a", 0); err != nil || unlock() != nil { // made outside of the bubble
		t.Fatal(err)
	}
	var kept []string
	var first lake.LoadID
	synctest.Test(t, func(t *testing.T) {
		l := w.loader(textTable("a", "1", "2"))
		l.Parts, l.Resume = []string{"a"}, 24*time.Hour
		l.Source = &rester{Source: l.Source}
		l.Catalog = othersFirst{w.catalog, new(atomic.Int32), 100_000}
		report, err := l.Run(t.Context())
		if !errors.Is(err, lake.ErrLocked) {
			t.Error(err)
		}
		first = report.LoadID
	})
	l := w.loader(textTable("a", "1", "2"))
	l.Parts, l.Resume = []string{"a"}, 24*time.Hour
	l.Source = keeping{t, l.Source, &kept}
	report, err := l.Run(t.Context())
	if err != nil || report.LoadID != first || len(kept) != 1 || kept[0] != "the rest" {
		t.Errorf("load %s continues %s with %q: %v", report.LoadID, first, kept, err)
	}
}

// A rester is a source that keeps what it has read when the load ends early.
type rester struct {
	lake.Source
	view lake.View
}

func (s *rester) Tables(ctx context.Context, v lake.View) iter.Seq2[lake.Table, error] {
	s.view = v
	return s.Source.Tables(ctx, v)
}

func (s *rester) KeepRest(ctx context.Context) {
	_ = s.view.Keep(context.WithoutCancel(ctx), []byte("the rest"))
}

// A table that others named meanwhile as a new one of this load is, is a conflict: the next
// run finds another name.
func TestPartNamesAsOthers(t *testing.T) {
	w := newWorld(t, nil)
	w.run(textTable("a", "1"))
	fresh := func(key string) lake.Table {
		table := textTable(key, "1")
		table.Schema.Table = "fresh"
		return table
	}
	table := fresh("b")
	rows := table.Rows
	table.Rows = func(ctx context.Context) iter.Seq2[lake.Row, error] {
		other := w.loader(fresh("c"))
		other.Parts = []string{"c"}
		if _, err := other.Run(ctx); err != nil {
			t.Error(err)
		}
		return rows(ctx)
	}
	l := w.loader(table)
	l.Parts = []string{"b"}
	if _, err := l.Run(t.Context()); !errors.Is(err, lake.ErrConflict) || !strings.Contains(err.Error(), "fresh") {
		t.Error(err)
	}
}

// lockStays is a catalog whose lock cannot be released.
type lockStays struct{ *laketest.Catalog }

func (c lockStays) Lock(ctx context.Context) (func() error, error) {
	unlock, err := c.Catalog.Lock(ctx)
	return func() error { return errors.Join(unlock(), errors.New("HTTP 503")) }, err
}

func (c lockStays) LockPart(ctx context.Context, part string, wait time.Duration) (func() error, error) {
	unlock, err := c.Catalog.LockPart(ctx, part, wait)
	return func() error { return errors.Join(unlock(), errors.New("HTTP 503")) }, err
}

// A load that is published and verified is done, though its lock could not be released.
func TestLockStays(t *testing.T) {
	w := newWorld(t, nil)
	var log strings.Builder
	l := w.loader(textTable("a", "1"))
	l.Catalog, l.Logger = lockStays{w.catalog}, slog.New(slog.NewTextHandler(&log, nil))
	report, err := l.Run(t.Context())
	if err != nil || report.Status != lake.StatusComplete || !strings.Contains(log.String(), "HTTP 503") {
		t.Errorf("%s: %v\n%s", report.Status, err, log.String())
	}
}

// Nor does a lock fail a load that was taken to see whether a part lives, or that a part has
// for a moment.
func TestPartLockStays(t *testing.T) {
	for _, parts := range [][]string{{"b"}, nil} {
		d := newDeadPart(t, "a")
		l := d.loader(textTable("b", "1"))
		l.Parts, l.Catalog = parts, lockStays{d.catalog}
		if report, err := l.Run(t.Context()); err != nil || report.Status != lake.StatusComplete {
			t.Errorf("%v: %s: %v", parts, report.Status, err)
		}
		if n := d.unnamed(); n > 0 {
			t.Errorf("%v: %d files are left", parts, n)
		}
	}
}
