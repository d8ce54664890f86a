package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// The first load of a warehouse is held, and overtaken by one that is published: it
// can still be looked at, and only be discarded.
func TestFirstLoadHeld(t *testing.T) {
	t.Parallel()
	b := newBench(t, notiontest.Options{})
	b.configure("schema: {contract: freeze}\n")
	id := b.holdFirst()
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

// holdFirst makes a first load, which is held, and returns its ID.
func (b *bench) holdFirst() string {
	b.t.Helper()
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
	r.wants(b.t, exitHeld)
	return string(r.report(b.t).LoadID)
}

// Of a first load that is held no table tells: where its entry is damaged it is listed
// all the same, and discarded with its files, before and after another load.
func TestFirstLoadHeldDamaged(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		damage func(entry string) string
		later  bool
	}{
		{func(string) string { return "{" }, false},
		{func(string) string { return "{" }, true},
		{func(entry string) string { return strings.Replace(entry, `"state": "held"`, `"state": "hemd"`, 1) }, false},
		{func(entry string) string { return strings.Replace(entry, `"load": {`, `"loan": {`, 1) }, true},
	} {
		b := newBench(t, notiontest.Options{})
		id := b.holdFirst()
		entries, err := filepath.Glob(filepath.Join(b.dir, "lake", "_notionlake", "notion", "journal", id+"_*.json"))
		if err != nil || len(entries) != 1 {
			t.Fatalf("entries %v, %v", entries, err)
		}
		text, err := os.ReadFile(entries[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(entries[0], []byte(test.damage(string(text))), 0o644); err != nil {
			t.Fatal(err)
		}
		files := b.tableFiles()
		b.call("discard", "20200101T000000Z").wants(t, exitUsage, "a journal entry is damaged", "is not held")
		if d := cmp.Diff(files, b.tableFiles()); d != "" {
			t.Errorf("files of the held load are gone: %s", d)
		}
		if r := b.call("loads"); !strings.Contains(r.stdout, "notionlake discard "+id) {
			t.Errorf("loads: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
		b.call("publish", id).wants(t, exitStorage, "notionlake discard "+id)
		if test.later {
			b.call("run").wants(t, exitDone, "notionlake discard "+id)
		}
		b.call("discard", id).wants(t, exitDone)
		b.call("discard", id).wants(t, exitUsage, "is not held")
		if test.later {
			b.checkFiles()
		} else if files := b.tableFiles(); len(files) > 0 {
			t.Errorf("left are %v", files)
		}
		b.call("run").wants(t, exitDone)
		b.checkFiles()
		b.checkOrphans()
	}
}
