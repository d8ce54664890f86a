package catalog_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// newTwoMinds is a server that says that it has transactions, at the first URL, and
// that it has none, at the second.
func newTwoMinds(t *testing.T) (w *warehouse, with, without string) {
	t.Helper()
	w = newStepWarehouse(t, "rest")
	s := &restServer{}
	with = s.start(t)
	server := httptest.NewServer(alone(s))
	t.Cleanup(server.Close)
	return w, with, server.URL
}

// A run that has found the server with transactions, and one that has found it without
// them, fence each other: what the other deletes is named by no table.
func TestRESTModesFence(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{true, false} {
		w, with, without := newTwoMinds(t)
		w.options.URI = with
		w.mustPublish(w.open(), loadID(0), three()...)
		if first {
			w.options.URI = without
		}
		moved := false
		o := w.options
		o.Point = func(name, _ string) error {
			moved = moved || name == "catalog.move.done" && w.shows(loadID(1))
			return nil
		}
		taken, err := catalog.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		lockOnce(t, taken) // as a part has it while it reads
		run := lake.NewRunID()
		if err := taken.Admit(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		var changes []lake.Change
		for _, c := range three() {
			staged, err := w.stage(taken, c)
			if err != nil {
				t.Fatal(err)
			}
			changes = append(changes, staged)
		}
		if w.options.URI = without; first {
			w.options.URI = with
		}
		if err := w.open().Fence(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		_, err = taken.Publish(t.Context(), lake.Publication{Load: lake.Load{ID: loadID(1), Status: "complete"}, Run: run, Changes: changes})
		if !errors.Is(err, lake.ErrConflict) {
			t.Errorf("without transactions %t: a run that is fenced: %v", first, err)
		}
		if moved {
			t.Errorf("without transactions %t: a run that is fenced has changed tables", first)
		}
		w.mustPublish(w.brought(), loadID(2), three()...)
		w.checkOneLoad()
	}
}

// lockOnce takes the lock and gives it back.
func lockOnce(t *testing.T, c *catalog.Catalog) {
	t.Helper()
	unlock, err := c.Lock(t.Context())
	if err == nil {
		err = unlock()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// shows reports whether a table shows a load.
func (w *warehouse) shows(id lake.LoadID) bool {
	w.t.Helper()
	tables, err := w.open().Tables(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range tables {
		if s.Snapshot.LoadID == id {
			return true
		}
	}
	return false
}

// A process that publishes by transactions and meets a plan neither publishes in the
// middle of it nor deletes what it names.
func TestRESTModesMeet(t *testing.T) {
	t.Parallel()
	w, with, without := newTwoMinds(t)
	w.options.URI = with
	w.mustPublish(w.open(), loadID(0), three()...)
	early := w.open()
	w.options.URI = without
	o := w.options
	run := lake.RunID("")
	o.Point = func(name, _ string) error {
		if name == "catalog.move.done" {
			return errors.New("it died")
		}
		return nil
	}
	dies, err := catalog.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	lockOnce(t, dies)
	if _, err := w.publish(dies, loadID(1), three()...); err == nil {
		t.Fatal("it lives")
	}
	for o, err := range w.storage.List(t.Context(), "_notionlake/") {
		if err != nil {
			t.Fatal(err)
		}
		if name, ok := strings.CutSuffix(o.Key[strings.LastIndex(o.Key, "/")+1:], "-1.json"); ok {
			run = lake.RunID(name)
		}
	}
	w.sameAddress()
	if unlock, err := early.Lock(t.Context()); !errors.Is(err, lake.ErrConflict) {
		t.Errorf("the lock: %v", err)
		if err == nil {
			_ = unlock()
		}
	}
	if err := early.Fence(t.Context(), run); !errors.Is(err, lake.ErrConflict) {
		t.Errorf("run %s: its files would be deleted: %v", run, err)
	}
	w.options.URI = with
	w.mustPublish(w.brought(), loadID(2), three()...)
	w.checkOneLoad()
}

// A server behind one that does not reach it for a moment has the transactions that it
// has, and one without them has none.
func TestRESTModesForAMoment(t *testing.T) {
	t.Parallel()
	for _, has := range []bool{true, false} {
		for _, code := range []int{http.StatusNotFound, http.StatusServiceUnavailable} {
			var inner http.Handler = &restServer{tables: map[string]*served{}, spaces: map[string]bool{}}
			if !has {
				inner = alone(inner)
			}
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/transactions/commit") && asked.Add(1) == 1 {
					rw.WriteHeader(code)
					_, _ = io.WriteString(rw, "not now")
					return
				}
				inner.ServeHTTP(rw, r)
			}))
			t.Cleanup(server.Close)
			w := newStepWarehouse(t, "rest")
			w.options.URI = server.URL
			if got := w.open().OneByOne(); got == has {
				t.Errorf("a server with transactions %t, behind one that answers %d once: one by one %t", has, code, got)
			}
		}
	}
}

// What was current at a time is still known after a publication has been taken back,
// though the server begins its log anew.
func TestRESTTakenBackPast(t *testing.T) {
	t.Parallel()
	w := newStepWarehouse(t, "rest")
	first := w.mustPublish(w.open(), loadID(0), three()...)[0].Time
	second := w.mustPublish(w.open(), loadID(1), three()...)[0].Time
	o, touched := w.options, false
	o.Point = func(name, key string) error {
		if name == "catalog.move" && strings.HasSuffix(key, "/c") && !touched {
			touched = true
			w.touch("c")
		}
		return nil
	}
	c, err := catalog.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.publish(c, loadID(2), three()...); !errors.Is(err, lake.ErrConflict) {
		t.Fatal(err)
	}
	past, err := w.open().TableAt(t.Context(), "a", catalog.Ref{Time: second.Add(-time.Millisecond)})
	if err != nil || past.Snapshot.LoadID != loadID(0) {
		t.Errorf("before the second load: %q, %v", past.Snapshot.LoadID, err)
	}
	if past, err := w.open().TableAt(t.Context(), "a", catalog.Ref{Time: first.Add(-time.Millisecond)}); err == nil {
		t.Errorf("before the first load: %q", past.Snapshot.LoadID)
	}
}

// What would expire is the same whether the catalog is opened to be read only or not.
func TestRESTStepDryExpire(t *testing.T) {
	t.Parallel()
	w := newStepWarehouse(t, "rest")
	for n := range 3 {
		w.mustPublish(w.brought(), loadID(n), three()...)
	}
	counts := func(readOnly bool, loads ...lake.LoadID) (all []lake.Prepared) {
		o := w.options
		o.ReadOnly = readOnly
		c, err := catalog.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		enough := errors.New("enough")
		run := lake.NewRunID()
		err = c.Admit(t.Context(), run)
		if err == nil {
			err = c.Expire(t.Context(), loads, run, func(_ context.Context, p lake.Prepared) error {
				all = append(all, p)
				return enough
			})
		}
		if err != nil && !errors.Is(err, enough) {
			t.Fatal(err)
		}
		return all
	}
	for _, loads := range [][]lake.LoadID{nil, {loadID(0)}} {
		if diff := cmp.Diff(counts(false, loads...), counts(true, loads...)); diff != "" {
			t.Errorf("loads %v: %s", loads, diff)
		}
	}
}
