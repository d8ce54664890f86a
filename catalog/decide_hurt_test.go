package catalog_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// faultSeed is printed, so that a sweep can be made again.
var faultSeed = flag.Uint64("fault-seed", 0, "seed of where faults begin that are not tried at every point; 0: another one each time")

// shortly is the harness's timeout: how long a lock is waited for.
const shortly = 20 * time.Millisecond

// A hurt is one way in which something fails.
type hurt struct {
	how   string
	rare  bool                    // at every tenth point only
	at    func(point string) bool // where it can; nil: everywhere
	on    bool                    // everything of the kind fails from there on
	err   error                   // what fails there
	does  func(*attempt)          // what is done there
	means error                   // what the decision's error must be, if there is one
}

var cutShort = hurt{how: "cut short", on: true, err: laketest.ErrInjected, means: laketest.ErrInjected}

var hurts = []hurt{
	// What was done is not known to be done: its answer is lost.
	{how: "after the effect", at: ends(".done"), err: laketest.ErrInjected, means: laketest.ErrInjected},
	{how: "once", rare: true, err: laketest.ErrInjected, means: laketest.ErrInjected},
	{how: "delay", rare: true, does: (*attempt).delay, means: errNever},
	{how: "cancelled", rare: true, does: func(a *attempt) { a.cancel() }, means: context.Canceled},
	// What needs no place still works.
	{how: "disk full", rare: true, on: true, err: syscall.ENOSPC, means: syscall.ENOSPC, at: ends(
		".create", ".write", ".torn", "storage.sync", "storage.close", "write-metadata", "catalog.begin", "catalog.update", "catalog.commit", ".hint",
	)},
	{how: "close", rare: true, err: syscall.EIO, means: syscall.EIO, at: ends("storage.close", "storage.close.done", "storage.sync", "storage.sync.done", "storage.syncdir")},
}

// errNever is what no error is.
var errNever = errors.New("an error where nothing failed")

func ends(with ...string) func(string) bool {
	return func(point string) bool {
		return slices.ContainsFunc(with, func(end string) bool { return strings.HasSuffix(point, end) })
	}
}

// An attempt is a decision with something that happens to it at the n-th point
// or, where it cannot happen there, at the next one where it can.
type attempt struct {
	*lab
	hurt
	n      int
	cancel context.CancelFunc

	mu     sync.Mutex
	points []string
	where  string // it happened; "": not yet
}

// happens is the Point of everything that the decision uses.
func (a *attempt) happens(name, _ string) error {
	a.mu.Lock()
	a.points = append(a.points, name)
	now := len(a.points) >= a.n && (a.on || a.where == "") && (a.at == nil || a.at(name))
	if now && a.where == "" {
		a.where = fmt.Sprintf("%s %s, at point %d, %s", a.name, a.how, len(a.points), name)
	}
	a.mu.Unlock()
	if !now {
		return nil
	}
	if a.does != nil {
		a.does(a)
	}
	return a.err
}

// delay takes longer than another program waits, which wants to clean up: it is
// not let in, or finds nothing that is dead.
func (a *attempt) delay() {
	began := time.Now()
	o := a.options
	o.Point, o.LockTimeout = nil, shortly
	s, err := a.openLake(nil)
	if err != nil {
		a.t.Error(err)
		return
	}
	o.Storage = s
	c, err := catalog.Open(a.t.Context(), o)
	if err == nil {
		other := a.loader()
		other.Storage, other.Catalog, other.Point = s, c, nil
		a.now = a.now.Add(-time.Hour) // so that the next load has the name that it has without
		_, err = other.Maintain(a.t.Context(), lake.Maintenance{})
		err = errors.Join(ignoring(err, lake.ErrLocked), c.Close())
	}
	if err = errors.Join(err, s.Close()); err != nil {
		a.t.Errorf("%s: maintenance meanwhile: %v", a.where, err)
	}
	time.Sleep(2*shortly - time.Since(began))
}

func ignoring(err, what error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}

// sweep lets it happen at points all over the lab's decision.
func (l *lab) sweep(t *testing.T, m hurt) {
	t.Helper()
	if l.points == nil {
		// They are counted, and what is wanted is looked at, by an attempt to which nothing happens.
		l.points = l.attempt(t, m, 1<<30).points
	}
	var places []int
	for i, name := range l.points {
		if m.at == nil || m.at(name) {
			places = append(places, i+1)
		}
	}
	if len(l.points) < 50 || len(places) == 0 {
		t.Fatalf("only %d points, %d where it can happen", len(l.points), len(places))
	}
	step, first, seed := *sweep, 0, uint64(0)
	if m.rare {
		if seed = *faultSeed; seed == 0 {
			seed = rand.Uint64N(1e6) + 1
		}
		step *= 10
		first = rand.New(rand.NewPCG(seed, 7)).IntN(min(step, len(places)))
	}
	tried, happened := 0, 0
	for i := first; i < len(places) && !t.Failed(); i += step {
		tried++
		if l.attempt(t, m, places[i]).where != "" {
			happened++
		}
	}
	where := ""
	if m.rare {
		where = fmt.Sprintf(" (-fault-seed %d)", seed)
	}
	t.Logf("%s, %s: of %d points at %d%s, it happened at %d", l.name, m.how, len(places), tried, where, happened)
	if happened < tried*9/10 { // what runs side by side is not always in the same order
		t.Errorf("of %d attempts it happened in %d only", tried, happened)
	}
}
