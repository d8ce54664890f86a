package main

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// badMapper panics with what stands in a cell, where rows, pages, files and answers are
// read: the load ends, nothing else does, and nobody reads the cell in the log.
func badMapper(t *testing.T) {
	const cell = "what stands in a cell"
	w, _ := notiontest.Filed(1)
	b := newBenchOf(t, w, notiontest.Options{})
	b.configure("content: {files: true}\n")
	b.call("run").wants(t, exitDone)
	before, loads := b.look(), b.call("loads", "--json").stdout
	w.Update(func(tx *notiontest.Tx) { // so that there is a file to copy
		tx.AddFile("/public/logo.png", notiontest.Served{Type: "image/png", Data: []byte("another logo")})
	})
	for _, c := range []struct {
		name  string
		point string // it panics before this happens
		key   string // to such an object
		clock string // or where the clock is looked at in this function
		stack string // the function that is in the log
	}{
		{"a file", "storage.create", "/files/", "", "extract."},
		{"rows", "storage.create", ".parquet", "", "lake.(*run).step"},
		{"a page", "", "", "extract.(*content).notionNow", "extract.(*content).work"},
		{"an answer", "", "", "notion.(*Client).DataSource", "notion.(*Client).clock"},
	} {
		var done atomic.Bool
		o := outside{point: func(name, key string) error {
			if name == c.point && strings.Contains(key, c.key) && done.CompareAndSwap(false, true) {
				time.Sleep(100 * time.Millisecond) // others come to wait for what never is done
				panic(cell)
			}
			return nil
		}}
		o.now = func() time.Time {
			if c.clock != "" && isCalledBy(c.clock) && done.CompareAndSwap(false, true) {
				panic(cell)
			}
			return time.Now()
		}
		r := b.callIn(o, "run", "--full", "--json", "--log-level", "debug")
		if !done.Load() {
			t.Fatalf("%s: invalid: nothing panicked", c.name)
		}
		r.wants(t, exitInternal, "internal error", "please report it with the output of --log-level debug", "stack=", c.stack)
		if strings.Contains(r.stdout+r.stderr, cell) {
			t.Errorf("%s: the cell can be read:\n%s", c.name, r.stderr)
		}
		if report := r.report(t); report.Status != lake.StatusFailed || len(report.Reasons) == 0 {
			t.Errorf("%s: report %+v", c.name, report)
		}
		if d := cmp.Diff(before, b.look()); d != "" || b.call("loads", "--json").stdout != loads {
			t.Errorf("%s: something was published: %s", c.name, d)
		}
	}
	b.call("run").wants(t, exitDone)
	b.readAll()
	b.checkFiles()
}

// isCalledBy reports whether a function whose name ends so is on the stack.
func isCalledBy(function string) bool {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, function) {
			return true
		}
		if !more {
			return false
		}
	}
}

// callIn is call with more of what is outside.
func (b *bench) callIn(o outside, command string, args ...string) result {
	b.t.Helper()
	var stdout, stderr bytes.Buffer
	o.dir, o.stdin, o.stdout, o.stderr = b.dir, strings.NewReader(""), &stdout, &stderr
	o.env = func(name string) (string, bool) { v, ok := b.env[name]; return v, ok }
	code := run(context.Background(), append([]string{"notionlake", command, "--config", b.config}, args...), o)
	return result{code, stdout.String(), stderr.String()}
}
