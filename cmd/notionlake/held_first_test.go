package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// The first load of a warehouse is held, and overtaken by one that is published: it
// can still be looked at, and only be discarded.
func TestFirstLoadHeld(t *testing.T) {
	t.Parallel()
	b := newBench(t, notiontest.Options{})
	b.configure("schema: {contract: freeze}\n")
	var mu sync.Mutex
	refused := ""
	b.server.Inject(func(r *http.Request) bool { // one data source: its rows are asked for early, and again
		mu.Lock()
		defer mu.Unlock()
		if refused == "" && strings.HasSuffix(r.URL.Path, "/query") {
			refused = r.URL.Path
		}
		return r.URL.Path == refused
	}, notiontest.FaultRestricted, 2)
	r := b.call("run", "--json")
	r.wants(t, exitHeld)
	id := string(r.report(t).LoadID)
	look := func() {
		t.Helper()
		for _, args := range [][]string{{"tables", "--at", id}, {"head", "--at", id, "_users"}} {
			b.call(args[0], args[1:]...).wants(t, exitDone)
		}
		if r := b.call("loads"); r.code != exitDone || !strings.Contains(r.stdout, "notionlake discard "+id) {
			t.Errorf("loads: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	}
	look()
	connect := func() {
		t.Helper()
		b.call("connect", "duckdb", "--at", id).wants(t, exitUsage, id, "is held", "_users", "publish")
		b.call("connect", "duckdb", "_users", "--at", id).wants(t, exitUsage, id, "is held", "_users", "publish")
	}
	connect()
	b.call("run").wants(t, exitDone)
	look()
	connect() // what has the names of its tables now is another load's
	b.call("publish", id).wants(t, exitConflict, id, "discard")
	b.call("discard", id).wants(t, exitDone)
	b.checkFiles()
	b.checkOrphans()
}
