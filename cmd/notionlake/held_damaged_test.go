package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// newHeldBench has a load, 20260101T000000Z, and one after it that is held since columns
// have changed, 20260102T000000Z.
func newHeldBench(t *testing.T) *bench {
	t.Helper()
	w, steps := notiontest.Demo(1)
	b := newBenchOf(t, w, notiontest.Options{})
	b.configure("schema: {contract: freeze}\n")
	b.call("run", "--as-load", "20260101T000000Z").wants(t, exitDone)
	for _, s := range steps {
		s.Apply()
	}
	b.call("run", "--as-load", "20260102T000000Z").wants(t, exitHeld)
	return b
}

// A held load whose entry in the journal cannot be read can still be discarded,
// and nothing of it is left.
func TestHeldEntryDamaged(t *testing.T) {
	b := newHeldBench(t)
	entries, err := filepath.Glob(filepath.Join(b.dir, "lake", "_notionlake", "notion", "journal", "20260102T000000Z_*.json"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("entries %v, %v", entries, err)
	}
	name, err := filepath.Rel(b.dir, entries[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, damage := range []func(){func() { b.write(name, "{", 0o644) }, func() { // put aside by the command before
		if err := os.RemoveAll(filepath.Join(filepath.Dir(entries[0]), "damaged")); err != nil {
			t.Fatal(err)
		}
	}} {
		damage()
		r := b.call("loads")
		r.wants(t, exitDone)
		if !strings.Contains(r.stdout, "20260102T000000Z  held") || !strings.Contains(r.stdout, "it can only be discarded, with `notionlake discard 20260102T000000Z`") {
			t.Errorf("the held load is not listed:\n%s", r.stdout)
		}
		b.call("publish", "20260102T000000Z").wants(t, exitStorage, "lost or damaged: it can only be discarded", "20260102T000000Z")
		b.call("tables", "--at", "20260102T000000Z").wants(t, exitDone)
		b.call("run", "--as-load", "20260102T000000Z").wants(t, exitConflict, "the catalog holds load 20260102T000000Z already")
	}
	b.call("discard", "20260102T000000Z").wants(t, exitDone)
	b.call("discard", "20260102T000000Z").wants(t, exitUsage, "is not held")
	b.checkFiles()
	b.call("run", "--as-load", "20260103T000000Z").wants(t, exitHeld)
	b.call("discard", "20260103T000000Z").wants(t, exitDone)
	b.checkFiles()
}
