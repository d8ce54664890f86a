package main

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// callAt is call with a Point.
func (b *bench) callAt(point lake.Point, command string, args ...string) result {
	b.t.Helper()
	return b.callIn(outside{point: point}, command, args...)
}

// badTwoRuns runs while another one holds the lock.
func badTwoRuns(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	before := b.look()
	storage, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: filepath.Join(b.dir, "lake")})
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(t.Context(), catalog.Options{URI: filepath.Join(b.dir, "lake", "catalog.db"), Storage: storage})
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := c.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"run"}, {"maintain"}, {"expire", "--keep-last", "1"}, {"rollback", "--to", before[0].LoadID}} {
		b.call(command[0], append(slices.Clone(command[1:]), "--lock-timeout", "1ms")...).wants(t, exitConflict, "another load is running", "try again when it has ended")
	}
	if d := cmp.Diff(before, b.look()); d != "" {
		t.Errorf("the loser changed something: %s", d)
	}
	if err := errors.Join(unlock(), c.Close(), storage.Close()); err != nil {
		t.Fatal(err)
	}
	b.call("run").wants(t, exitDone)
	b.checkFiles()
}

// badOvertaken lets a whole load run in the middle of another one, whose lock
// does not hold.
func badOvertaken(t *testing.T) {
	var b *bench
	var armed atomic.Bool // until the other load begins, whose requests come here too
	b = newBench(t, notiontest.Options{OnRequest: func(r *http.Request) {
		// Before it has begun a file: those would be deleted under it.
		if !strings.HasSuffix(r.URL.Path, "/search") || !armed.CompareAndSwap(true, false) {
			return
		}
		if err := os.Remove(filepath.Join(b.dir, "lake", "catalog.db.notion.lock")); err != nil {
			t.Error(err)
		}
		b.call("run", "--as-load", "20300101T000000Z").wants(t, exitDone)
	}})
	b.call("run", "--as-load", "20290101T000000Z").wants(t, exitDone)
	armed.Store(true)
	b.call("run").wants(t, exitConflict, "nothing of this load was published")
	if now := b.look(); now[0].LoadID != "20300101T000000Z" {
		t.Errorf("the newer load is gone: %v", now)
	}
	b.call("run").wants(t, exitDone)
	b.checkFiles()
}

// badCommitAnswer loses the answer of the commit: it is looked up, and where it
// cannot be, nothing is deleted and the next run finds out.
func badCommitAnswer(t *testing.T) {
	lost := errors.New("the answer was lost")
	for _, test := range []struct {
		name   string
		points []string
		code   int
	}{
		{"landed", []string{"catalog.commit.done"}, exitDone},
		{"not known", []string{"catalog.commit.done", "catalog.outcome"}, exitUnknown},
	} {
		b := newBench(t, notiontest.Options{})
		b.call("run").wants(t, exitDone)
		loads := b.snapshots("tasks")
		b.callAt(func(name, _ string) error {
			if slices.Contains(test.points, name) {
				return lost
			}
			return nil
		}, "run").wants(t, test.code)
		if got := b.snapshots("tasks"); got != loads+1 {
			t.Errorf("%s: %d snapshots more", test.name, got-loads)
		}
		b.readAll()
		b.call("run").wants(t, exitDone)
		if got := b.snapshots("tasks"); got != loads+2 {
			t.Errorf("%s: %d snapshots after the next load", test.name, got)
		}
		b.checkFiles()
	}
}

// badEnd kills a run in the middle; TestKilled does it everywhere, and
// script/signal.txtar sends it a SIGTERM.
func badEnd(t *testing.T) {
	program := linkProgram(t)
	b := newBench(t, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	before := b.look()
	killedRun(t, b, program, []string{"run"}, 300, false)
	if d := cmp.Diff(before, b.look()); d != "" {
		t.Errorf("a killed run is seen: %s", d)
	}
	b.readAll()
	b.call("run").wants(t, exitDone)
	b.checkFiles()
}

// badJournal finds entries of the journal that are cut, of a newer version and
// not to be read.
func badJournal(t *testing.T) {
	const run = "5b0f1a52-0a3f-4d2f-8f7e-1c7d6f2f9a10"
	b := newBench(t, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	journal := filepath.Join("lake", "_notionlake", "notion", "journal")
	cut := b.write(filepath.Join(journal, "20260101T000000Z_"+run+".json"), `{"format": 1, "state": "runn`, 0o600)
	b.call("run").wants(t, exitDone, "a journal entry is damaged and was put aside")
	if _, err := os.Stat(cut); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, journal, "damaged", filepath.Base(cut))); err != nil {
		t.Errorf("it was not put aside: %v", err)
	}
	published := b.look()[0].LoadID
	b.write(filepath.Join(journal, published+"_"+run+".json"), "{", 0o600)
	b.call("discard", published).wants(t, exitUsage, "a journal entry is damaged", "delete it, then `notionlake maintain`", "is not held")
	newer := b.write(filepath.Join(journal, "20260101T000000Z_"+run+".json"), `{"format": 99, "state": "dreaming", "run": "`+run+`"}`, 0o600)
	before := b.look()
	b.call("run").wants(t, exitStorage, "written by a newer version of notionlake", "use that version")
	if d := cmp.Diff(before, b.look()); d != "" {
		t.Errorf("tables moved: %s", d)
	}
	// One that may not be read is of a run of which nothing is known.
	if err := os.Chmod(newer, 0); err != nil {
		t.Fatal(err)
	}
	again := func() result { return b.call("run") }
	if os.Getuid() == 0 { // who may read everything
		again = func() result { return b.callAs(somebody, "run") }
		b.giveAway(somebody, newer)
	}
	again().wants(t, exitStorage, newer, "permission denied", "let the user that runs notionlake read and write there")
	if d := cmp.Diff(before, b.look()); d != "" {
		t.Errorf("tables moved: %s", d)
	}
	if err := os.Remove(newer); err != nil {
		t.Fatal(err)
	}
	again().wants(t, exitDone) // that was all
}

// somebody is a user that is neither root nor anybody who has files.
const somebody = 54_321

// giveAway makes a user the owner of all that is in the bench but for one file.
func (b *bench) giveAway(user uint32, but string) {
	b.t.Helper()
	err := filepath.WalkDir(b.dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil || name == but {
			return err
		}
		return os.Lchown(name, int(user), int(user))
	})
	for dir := filepath.Dir(b.dir); err == nil && dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		err = os.Chmod(dir, 0o711)
	}
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) { // of a user namespace in which there is nobody else
		b.t.Skipf("not everything is tested: %v", err)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// callAs is call in a process of another user. The program is given to it open: the folder
// of a test's binary is root's own.
func (b *bench) callAs(user uint32, command string, args ...string) result {
	b.t.Helper()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		b.t.Skipf("not everything is tested: %v", err)
	}
	defer self.Close()
	var stdout, stderr bytes.Buffer
	cmd := &exec.Cmd{
		Path: "/proc/self/fd/3", Args: append([]string{"notionlake", command, "--config", b.config}, args...), Dir: b.dir,
		Env: []string{"TMPDIR=" + b.dir}, ExtraFiles: []*os.File{self}, Stdout: &stdout, Stderr: &stderr,
		SysProcAttr: &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}},
	}
	for name, value := range b.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		b.t.Skipf("not everything is tested: no process of another user can be had: %v", err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// badEmptied loads a workspace whose rows are all gone.
func badEmptied(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	before := b.look()
	tasks := b.workspace.Model().Source(notiontest.SourceID(1, "tasks"))
	b.workspace.Update(func(t *notiontest.Tx) {
		for _, id := range tasks.Rows {
			t.Trash(id)
		}
	})
	b.call("run").wants(t, exitHeld, "tasks", "held back")
	if d := cmp.Diff(before, b.look()); d != "" {
		t.Errorf("the old load does not stay: %s", d)
	}
	b.call("run", "--allow-shrink").wants(t, exitDone)
	for _, table := range b.look() {
		if table.Name == "tasks" && table.Rows != 0 {
			t.Errorf("tasks has %d rows", table.Rows)
		}
	}
}

// badLimits gives a run few files and little memory: it does with them, or says
// what it lacks.
func badLimits(t *testing.T) {
	program := linkProgram(t)
	b := newBench(t, notiontest.Options{})
	for _, limit := range []string{"ulimit -n 64", "ulimit -n 24", "export GOMEMLIMIT=16MiB"} {
		cmd := exec.Command("sh", "-c", limit+`; exec "$0" "$@"`, program, "run", "--config", b.config, "--log-level", "error")
		cmd.Env = os.Environ()
		for name, value := range b.env {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		text, err := cmd.CombinedOutput()
		switch code := cmd.ProcessState.ExitCode(); {
		case err == nil:
		case limit == "ulimit -n 24" && code == exitStorage &&
			(strings.Contains(string(text), "too many open files") || strings.Contains(string(text), "(ulimit -n)")): // SQLite does not say why
		default:
			t.Errorf("%s: exit code %d\n%s", limit, code, text)
		}
	}
	b.call("run").wants(t, exitDone)
	b.checkFiles()
}
