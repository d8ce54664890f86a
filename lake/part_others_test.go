package lake_test

import (
	"context"
	"errors"
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

// What a part writes that failed may land after another part has begun: a later run finds it.
func TestLateObjectOfPart(t *testing.T) {
	w := newWorld(t, nil)
	var f *fakeS3
	f, w.storage = newFakeS3(t)
	w.run(textTable("a", "1"), textTable("b", "1"))
	part := func(name string) error {
		l := w.loader(textTable(name, "1", "2"))
		l.Parts = []string{name}
		_, err := l.Run(t.Context())
		return err
	}
	f.put = parquetLands
	if part("a") == nil {
		t.Fatal("a does not fail")
	}
	f.put = nil
	if err := part("b"); err != nil {
		t.Fatal(err)
	}
	f.land()
	if err := part("a"); err != nil {
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
