package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// killVariable makes a test's child process kill itself at that point of a
// load, from 1 on. A load that ends before says how many points it has.
const killVariable = "NOTIONLAKE_TEST_KILL"

// runKilled is the program of such a child.
func runKilled(at string) int {
	kill, _ := strconv.ParseInt(at, 10, 64)
	var hits atomic.Int64
	code := run(context.Background(), os.Args, outside{
		dir: ".", stdin: strings.NewReader(""), stdout: os.Stdout, stderr: os.Stderr, env: os.LookupEnv,
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

// TestKilled kills a load of changed data at points all over it: a reader sees
// the load before, or the new one in every table, and the next load succeeds.
func TestKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "notionlake")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	w, steps := notiontest.Demo(1)
	b := newBenchOf(t, w, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	before := b.look()
	for _, s := range steps {
		s.Apply()
	}
	points := killedRun(t, b, program, 1<<40, true)
	after := b.look()
	if points < 100 || cmp.Equal(before, after) {
		t.Fatalf("a load of %d points, changed: %v", points, !cmp.Equal(before, after))
	}
	landed := 0
	for k := int64(1); k <= points; k += max(points/16, 1) {
		if k > points-2 {
			break
		}
		fresh := newBenchOf(t, w, notiontest.Options{})
		fresh.call("run").wants(t, exitDone)
		was := fresh.look()
		killedRun(t, fresh, program, k, false)
		now := fresh.look()
		loads := map[string]bool{}
		for _, table := range now {
			loads[table.LoadID] = true
		}
		if len(loads) != 1 {
			t.Errorf("killed at point %d of %d: tables of %d loads: %v", k, points, len(loads), now)
		}
		if !cmp.Equal(was, now) {
			landed++
		}
		fresh.call("run").wants(t, exitDone)
		fresh.checkFiles()
	}
	t.Logf("%d points; of the kills tried, %d came after the commit", points, landed)
}

// killedRun runs a load in a process of its own that kills itself at a point,
// and returns how many points there were if it was not reached.
func killedRun(t *testing.T, b *bench, program string, at int64, ends bool) int64 {
	t.Helper()
	cmd := exec.Command(program, "run", "--config", b.config, "--log-level", "error")
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
		t.Fatalf("the load was not killed at point %d: %v\n%s", at, err, stderr.String())
	}
	if err != nil {
		t.Fatalf("load: %v\n%s", err, stderr.String())
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
	storage, err := lake.OpenStorage(b.t.Context(), lake.StorageOptions{URL: filepath.Join(b.dir, "lake")})
	if err != nil {
		b.t.Fatal(err)
	}
	c, err := catalog.Open(b.t.Context(), catalog.Options{URI: filepath.Join(b.dir, "lake", "catalog.db"), Storage: storage, ReadOnly: true})
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(c.Close(), storage.Close()); err != nil {
			b.t.Error(err)
		}
	}()
	named, err := c.References(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	files := 0
	for o, err := range storage.List(b.t.Context(), "") {
		if err != nil {
			b.t.Fatal(err)
		}
		files++
		if !named[o.Key] && !strings.HasPrefix(o.Key, "catalog.db") {
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
