package catalog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// before is called with every request; it may answer itself (true).
func glueBetween(t *testing.T, s *glueServer, before func(w http.ResponseWriter, action string, in map[string]any) bool, after func(action string, in map[string]any)) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(data))
		in := map[string]any{}
		_ = json.Unmarshal(data, &in)
		action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AWSGlue.")
		if before != nil && before(w, action, in) {
			return
		}
		s.ServeHTTP(w, r)
		if after != nil {
			after(action, in)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func inputName(in map[string]any) string {
	ti, _ := in["TableInput"].(map[string]any)
	n, _ := ti["Name"].(string)
	return n
}

func three(more ...string) []change {
	var list []change
	for _, n := range append([]string{"a", "b", "c"}, more...) {
		list = append(list, change{schema: schema(n, n), rows: 1})
	}
	return list
}

func (s *glueServer) names() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.tables {
		_, n, _ := strings.Cut(k, "\x00")
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func reviewGlue(t *testing.T) (*warehouse, *glueServer) {
	w := newStepWarehouse(t, "glue")
	s, uri := newGlueServer(t)
	w.options.URI = uri
	return w, s
}

// The answer to the creation of the plan is lost, the request is repeated late.
func TestStepwisePlanAnsweredLate(t *testing.T) {
	w, _ := reviewGlue(t)
	w.mustPublish(w.open(), loadID(0), three()...)
	o := w.options
	o.Storage = w.openStorage(func(name, key string) error {
		if run, ok := strings.CutSuffix(path.Base(key), "-1.json"); ok && name == "storage.close.done" {
			// It is there. Another process takes the lock, carries it out, and fences the run.
			if err := w.brought().Fence(context.Background(), lake.RunID(run)); err != nil {
				t.Error(err)
			}
			return lake.ErrExist // the answer to the repeated conditional PUT
		}
		return nil
	})
	c, err := catalog.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.publish(c, loadID(1), three()...)
	if err != nil {
		t.Error(err)
	}
	w.checkThere(w.open())
}

// One carries out a plan while another takes it back: they agree.
func TestStepwiseTwoCarriers(t *testing.T) {
	w, _ := reviewGlue(t)
	w.mustPublish(w.open(), loadID(0), three("d")...)
	pStopped, pOn := make(chan struct{}), make(chan struct{})
	o := w.options
	o.Point = func(name, key string) error {
		switch {
		case name == "catalog.commit.done":
			close(pStopped)
			<-pOn
		case name == "catalog.move" && strings.HasSuffix(key, "/c"):
			time.Sleep(300 * time.Millisecond)
			return context.Canceled // what reading the metadata says in a cloud once another table failed
		}
		return nil
	}
	p, err := catalog.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	pEnd := make(chan error, 1)
	go func() { _, err := w.publish(p, loadID(1), three("d")...); pEnd <- err }()
	<-pStopped
	qStopped, cOn, dOn := make(chan struct{}), make(chan struct{}), make(chan struct{})
	cDone := make(chan struct{})
	dead := false
	q := w.options
	q.Point = func(name, key string) error {
		if dead {
			return errors.New("died")
		}
		if name == "catalog.move" && strings.HasSuffix(key, "/c") {
			close(qStopped)
			<-cOn
		}
		if name == "catalog.move" && strings.HasSuffix(key, "/d") {
			<-dOn
			return errors.New("died")
		}
		if name == "catalog.move.done" && strings.HasSuffix(key, "/c") {
			dead = true
			close(cDone)
		}
		return nil
	}
	qc, err := catalog.Open(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	qEnd := make(chan error, 1)
	go func() { _, err := qc.Lock(context.Background()); qEnd <- err }()
	<-qStopped
	w.touch("d")
	close(pOn)
	t.Logf("planner: %v", <-pEnd)
	close(cOn)
	<-cDone
	close(dOn)
	t.Logf("other: %v", <-qEnd)
	if _, err := w.open().Tables(t.Context()); err != nil {
		t.Errorf("every later run: %v", err)
	}
}

// A load that was reported published is not taken back by a later run.
func TestStepwisePublishedTakenBack(t *testing.T) {
	w, s := reviewGlue(t)
	w.mustPublish(w.open(), loadID(0), three()...)
	o := w.options
	failed := false
	o.Storage = w.openStorage(func(name, key string) error {
		if strings.HasPrefix(name, "storage.delete") && strings.Contains(key, "/publications/") && !failed {
			failed = true
			return errors.New("SlowDown")
		}
		return nil
	})
	c, err := catalog.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	w.mustPublish(c, loadID(1), three()...)
	loads, _ := w.open().Loads(t.Context())
	t.Logf("delete failed: %v; published: %v", failed, loads)
	s.mu.Lock()
	delete(s.tables, w.options.Namespace+"\x00c") // somebody drops a table
	s.mu.Unlock()
	n := w.brought()
	after, err := n.Loads(t.Context())
	if err != nil || !slices.Equal(loads, after) {
		t.Errorf("loads before %v, after the next run began %v, %v", loads, after, err)
	}
}

// stops opens a catalog that stops the first time that it comes to a point: stopped is
// closed then, and it goes on once on is.
func (w *warehouse) stops(at func(name, key string) bool) (c *catalog.Catalog, stopped, on chan struct{}) {
	w.t.Helper()
	stopped, on = make(chan struct{}), make(chan struct{})
	o := w.options
	var once sync.Once
	o.Point = func(name, key string) error {
		if at(name, key) {
			once.Do(func() { close(stopped); <-on })
		}
		return nil
	}
	c, err := catalog.Open(w.t.Context(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return c, stopped, on
}

// An expiry that another one has carried out is not undone by the one that was stopped.
func TestStepwiseStalledExpire(t *testing.T) {
	w, s := reviewGlue(t)
	w.mustPublish(w.open(), loadID(0), three()...)
	w.mustPublish(w.open(), loadID(1), three()...)
	p, stopped, on := w.stops(func(name, key string) bool { return name == "catalog.move.done" && strings.HasSuffix(key, "/a") })
	run := lake.NewRunID()
	if err := p.Admit(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	var drops []string
	end := make(chan error, 1)
	go func() {
		end <- p.Expire(context.Background(), []lake.LoadID{loadID(0)}, run, func(_ context.Context, pr lake.Prepared) error {
			drops = pr.Drops
			return nil
		})
	}()
	<-stopped
	q := w.brought()
	// As the next run's recovery: fence, references, delete what is not named.
	if err := q.Fence(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	refs, err := q.References(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, key := range drops {
		if !refs[key] {
			n++
			if err := w.storage.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
	}
	loads, _ := q.Loads(t.Context())
	t.Logf("expired by the next run: loads %v, %d files deleted", loads, n)
	s.mu.Lock()
	delete(s.tables, w.options.Namespace+"\x00c")
	s.mu.Unlock()
	close(on)
	t.Logf("the stopped one: %v", <-end)
	after, err := w.open().Loads(t.Context())
	if err != nil || !slices.Equal(loads, after) {
		t.Errorf("loads are now %v, %v", after, err)
	}
	w.checkThere(w.open())
}

// A run that was fenced cannot hold a load.
func TestStepwiseHeldFenced(t *testing.T) {
	t.Parallel()
	eachStepwise(t, func(t *testing.T, w *warehouse) {
		w.mustPublish(w.open(), loadID(0), three()...)
		c, run := w.open(), lake.NewRunID()
		if err := c.Admit(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		staged, err := w.stage(c, change{schema: schema("fresh", "fresh"), rows: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.open().Fence(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		_, err = c.Publish(t.Context(), lake.Publication{Load: lake.Load{ID: loadID(1), Status: "complete"}, Run: run, Changes: []lake.Change{staged}, Hold: true})
		if !errors.Is(err, lake.ErrConflict) {
			t.Errorf("a fenced run holds a load: %v", err)
		}
	})
}

// One is stopped for more publications than the log of earlier metadata files holds.
func TestStepwiseStoppedLong(t *testing.T) {
	w, _ := reviewGlue(t)
	w.mustPublish(w.open(), loadID(0), three()...)
	p, stopped, on := w.stops(func(name, _ string) bool { return name == "catalog.commit.done" })
	end := make(chan error, 1)
	go func() { _, err := w.publish(p, loadID(1), three()...); end <- err }()
	<-stopped
	n := w.brought()
	for i := range 12 {
		w.mustPublish(n, loadID(i+2), three()...)
	}
	w.checkThere(w.open())
	if t.Failed() {
		t.Fatal("before")
	}
	close(on)
	err := <-end
	t.Logf("the stopped one: conflict %v: %v", errors.Is(err, lake.ErrConflict), err)
	w.checkThere(w.open())
}

// Two carry out the same swap of names: no table loses the only name that it has.
func TestStepwiseSwapTwice(t *testing.T) {
	w, s := reviewGlue(t)
	w.mustPublish(w.open(), loadID(0), swapped(0)...)
	p, stopped, on := w.stops(func(name, _ string) bool { return name == "catalog.rename" })
	end := make(chan error, 1)
	go func() { _, err := w.publish(p, loadID(1), swapped(1)...); end <- err }()
	<-stopped
	q, n := w.options, 0
	q.Point = func(name, _ string) error {
		if name == "catalog.rename.done" {
			n++
		}
		if n >= 2 {
			return errors.New("died") // after the second of three changes of names
		}
		return nil
	}
	qc, err := catalog.Open(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	_, err = qc.Lock(t.Context())
	t.Logf("other: %v; %v", err, s.names())
	close(on)
	t.Logf("the stopped one: %v; %v", <-end, s.names())
	w.checkSwapped(w.brought(), 1)
}

// A table that was dropped after it had been published is not made again by one that wakes up.
func TestStepwiseMadeAgain(t *testing.T) {
	w, s := reviewGlue(t)
	w.mustPublish(w.open(), loadID(0), three()...)
	p, stopped, on := w.stops(func(name, _ string) bool { return name == "catalog.commit.done" })
	end := make(chan error, 1)
	go func() { _, err := w.publish(p, loadID(1), three("fresh")...); end <- err }()
	<-stopped
	q := w.brought()
	s.mu.Lock()
	delete(s.tables, w.options.Namespace+"\x00fresh")
	s.mu.Unlock()
	w.mustPublish(q, loadID(2), three("fresh")...)
	close(on)
	t.Logf("the stopped one: %v; %v", <-end, s.names())
	for range 2 {
		if _, err := w.brought().Tables(t.Context()); err != nil {
			t.Errorf("every later run: %v", err)
		}
	}
}
