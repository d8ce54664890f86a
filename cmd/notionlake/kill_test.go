package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// killVariable makes a test's child process kill itself at that point of a
// load, from 1 on. A load that ends before says how many points it has.
const killVariable = "NOTIONLAKE_TEST_KILL"

// keepVariable makes such a child put aside every page as soon as it is read.
const keepVariable = "NOTIONLAKE_TEST_KEEP"

// runKilled is the program of such a child.
func runKilled(at string) int {
	kill, _ := strconv.ParseInt(at, 10, 64)
	var hits atomic.Int64
	var keepEvery time.Duration
	if os.Getenv(keepVariable) != "" {
		keepEvery = time.Nanosecond
	}
	code := run(context.Background(), os.Args, outside{
		dir: ".", stdin: strings.NewReader(""), stdout: os.Stdout, stderr: os.Stderr, env: os.LookupEnv, keepEvery: keepEvery,
		point: func(string, string) error {
			if hits.Add(1) == kill {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // the signal is on its way
			}
			return nil
		},
	})
	fmt.Fprintf(os.Stderr, "points: %d\n", hits.Load())
	return code
}

// kills is how many are tried of each command; all points in `make chaos`.
var kills = flag.Int("kills", 3, "at how many points TestKilled kills each command")

// A victim is a command that is killed, with what is in its warehouse before.
type victim struct {
	name  string
	args  []string
	loads int
	// changes says that a reader sees another snapshot of some table afterwards.
	changes bool
	keeps   bool // each page is put aside as soon as it is read
}

var victims = []victim{
	{name: "run", args: []string{"run"}, loads: 2, changes: true},
	{name: "run that keeps every page", args: []string{"run"}, loads: 2, changes: true, keeps: true},
	{name: "rollback", args: []string{"rollback", "--to", "20260101T000000Z"}, loads: 2, changes: true},
	{name: "expire", args: []string{"expire", "--keep-last", "1"}, loads: 3},
	{name: "maintain", args: []string{"maintain", "--orphan-age", "1ns"}, loads: 8, changes: true}, // the ledger, which is compacted
}

// TestKilled kills commands at points all over them: a reader sees the load
// before or the new one in every table, every snapshot can be read, then and after
// the next load, when there is no file that nothing names.
func TestKilled(t *testing.T) {
	program := linkProgram(t)
	for _, v := range victims {
		t.Run(v.name, func(t *testing.T) { v.kill(t, program) })
	}
}

func (v victim) kill(t *testing.T, program string) {
	w, steps := notiontest.Demo(1)
	b := newBenchOf(t, w, notiontest.Options{})
	if v.keeps {
		b.env[keepVariable] = "1"
	}
	b.configure("content: {files: true}\nretention: {keep_last: 3, keep_daily: 0, keep_weekly: 0, keep_monthly: 0}\n")
	for n := range v.loads {
		b.call("run", "--as-load", fmt.Sprintf("202601%02dT000000Z", n+1)).wants(t, exitDone)
	}
	for _, s := range steps {
		s.Apply()
	}
	lakeDir, saved := filepath.Join(b.dir, "lake"), filepath.Join(b.dir, "saved")
	if err := os.CopyFS(saved, os.DirFS(lakeDir)); err != nil {
		t.Fatal(err)
	}
	before := b.look()
	points := killedRun(t, b, program, v.args, never, true)
	if changed := !cmp.Equal(before, b.look()); points < 100 || changed != v.changes {
		t.Fatalf("%d points, changed: %v", points, changed)
	}
	landed, tried := 0, 0
	for k := int64(1); k <= points; k += max(points/int64(*kills), 1) {
		if err := errors.Join(os.RemoveAll(lakeDir), os.CopyFS(lakeDir, os.DirFS(saved))); err != nil {
			t.Fatal(err)
		}
		if killedRun(t, b, program, v.args, k, false) > 0 {
			break // it has fewer points this time
		}
		now := b.look()
		loads := map[string]bool{}
		for _, table := range now {
			loads[table.LoadID] = true
		}
		if len(loads) != 1 {
			t.Errorf("killed at point %d of %d: tables of %d loads: %v", k, points, len(loads), now)
		}
		if !cmp.Equal(before, now) {
			landed++
		}
		b.readAll()
		b.call("run").wants(t, exitDone)
		b.checkFiles()
		b.readAll() // what was cleared away was nobody's
		if tried++; t.Failed() {
			t.Fatalf("killed at point %d of %d", k, points)
		}
	}
	t.Logf("%d points, killed at %d of them; %d came after the commit", points, tried, landed)
}

// readAll reads every row of every snapshot of every table.
func (b *bench) readAll() {
	b.t.Helper()
	l := b.open()
	defer l.close()
	tables, err := l.catalog.Tables(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, table := range tables {
		snapshots, err := l.catalog.Snapshots(b.t.Context(), table.Schema.Table)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, s := range snapshots {
			rows := int64(0)
			state, err := l.catalog.TableAt(b.t.Context(), table.Schema.Table, catalog.Ref{SnapshotID: s.ID})
			if err != nil {
				b.t.Fatal(err)
			}
			files, err := state.Files(b.t.Context())
			if err != nil {
				b.t.Fatal(err)
			}
			for _, err := range lake.ReadFiles(b.t.Context(), l.storage, state.Schema, state.Layout, files) {
				if err != nil {
					b.t.Fatalf("table %s, snapshot %d of load %s: %v", table.Schema.Table, s.ID, s.LoadID, err)
				}
				rows++
			}
			if rows != s.Rows {
				b.t.Errorf("table %s, snapshot %d of load %s: %d rows, want %d", table.Schema.Table, s.ID, s.LoadID, rows, s.Rows)
			}
		}
	}
}

// open opens the bench's lake, to look at it.
func (b *bench) open() *lakeAt {
	b.t.Helper()
	p := newTestProgram(nil)
	p.env = os.LookupEnv
	cfg, err := p.readConfig(b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	l, err := p.openLake(b.t.Context(), cfg, readOnly)
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

// killedRun runs a command in a process of its own that kills itself at a point,
// and returns how many points there were if it was not reached.
func killedRun(t *testing.T, b *bench, program string, args []string, at int64, ends bool) int64 {
	t.Helper()
	cmd := exec.Command(program, append(slices.Clone(args), "--config", b.config, "--log-level", "error")...)
	cmd.Env = append(os.Environ(), killVariable+"="+strconv.FormatInt(at, 10))
	for name, value := range b.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	if !ends {
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			return 0
		}
		// How many points there are varies a little from run to run.
		if _, count, ok := strings.Cut(stderr.String(), "points: "); err == nil && ok {
			if points, _ := strconv.ParseInt(strings.TrimSpace(count), 10, 64); points > 0 && points < at && at-points < 50 {
				return points
			}
		}
		t.Fatalf("the command was not killed at point %d: %v\n%s", at, err, stderr.String())
	}
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, stderr.String())
	}
	_, count, _ := strings.Cut(stderr.String(), "points: ")
	points, err := strconv.ParseInt(strings.TrimSpace(count), 10, 64)
	if err != nil {
		t.Fatalf("the child does not say how many points it has: %s", stderr.String())
	}
	return points
}

// checkFiles fails for files of the warehouse that no table names, and for what
// is left in the journal.
func (b *bench) checkFiles() {
	b.t.Helper()
	l := b.open()
	defer l.close()
	named, err := l.catalog.References(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	b.checkCopies(l, named)
	files := 0
	for o, err := range l.storage.List(b.t.Context(), "") {
		if err != nil {
			b.t.Fatal(err)
		}
		files++
		fence := strings.Contains(o.Key, "/publications/") // of the run that was killed
		if !named[o.Key] && !strings.HasPrefix(o.Key, "catalog.db") && !fence {
			b.t.Errorf("a file that no table names: %s", o.Key)
		}
	}
	if files < 20 {
		b.t.Errorf("only %d files in the warehouse", files)
	}
}

// A seen is what a reader sees of a table.
type seen struct {
	Name       string `json:"name"`
	Rows       int64  `json:"rows"`
	SnapshotID int64  `json:"snapshot_id"`
	LoadID     string `json:"load_id"`
}

// look is what a reader sees.
func (b *bench) look() []seen {
	b.t.Helper()
	r := b.call("tables", "--json")
	var doc struct {
		Tables []seen `json:"tables"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil || r.code != exitDone {
		b.t.Fatalf("tables: exit code %d, %v\n%s", r.code, err, r.stderr)
	}
	return doc.Tables
}
