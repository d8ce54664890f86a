package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A load that a SIGTERM ends is continued by the next run, under its own ID, with
// what it had read of pages. Nothing of it is left then.
func TestContinuedAfterSignal(t *testing.T) {
	var blocks atomic.Int64
	var signal sync.Once
	var program atomic.Pointer[runner]
	isBlocks := func(r *http.Request) bool {
		return strings.HasPrefix(r.URL.Path, "/v1/blocks/") && strings.HasSuffix(r.URL.Path, "/children")
	}
	b := newBench(t, notiontest.Options{OnRequest: func(r *http.Request) {
		if isBlocks(r) && blocks.Add(1) > 110 {
			if p := program.Load(); p != nil {
				signal.Do(func() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }) // a second one would end it at once
				<-r.Context().Done()
			}
		}
	}})
	first := b.start(linkProgram(t), "run")
	program.Store(first) // long before it has made so many requests
	if code := first.code(t); code != exitSignal+int(syscall.SIGTERM) {
		t.Fatalf("exit code %d\n%s", code, first.stderr.String())
	}
	program.Store(nil)
	kept, err := filepath.Glob(filepath.Join(b.dir, "lake", "_notionlake", "notion", "journal", "read", "*", "*"))
	if err != nil || len(kept) == 0 {
		t.Fatalf("nothing was kept: %v %s", err, first.stderr.String())
	}
	entries, err := filepath.Glob(filepath.Join(b.dir, "lake", "_notionlake", "notion", "journal", "*.json"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("journal entries %v: %v", entries, err)
	}
	blocks.Store(0)
	again := b.call("run", "--json")
	again.wants(t, exitDone)
	continued := blocks.Swap(0)
	if id := again.report(t).LoadID; !strings.HasPrefix(filepath.Base(entries[0]), string(id)+"_") {
		t.Errorf("load %s does not continue that of %s", id, entries[0])
	}
	b.checkFiles()
	b.call("run", "--full").wants(t, exitDone)
	if whole := blocks.Load(); continued > whole-50 {
		t.Errorf("%d requests for blocks where a load of everything makes %d, of which 110 had been made\n%s", continued, whole, again.stderr)
	}
}
