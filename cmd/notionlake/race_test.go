package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// raceRounds is 50 in `make chaos`.
var raceRounds = flag.Int("rounds", 3, "how often TestRace starts four runs at once")

// linkProgram makes this binary the program, for tests that need processes.
func linkProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "notionlake")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	return program
}

// A runner is a process of the program.
type runner struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
}

func (b *bench) start(program string, args ...string) *runner {
	b.t.Helper()
	r := &runner{cmd: exec.Command(program, append(args, "--config", b.config, "--log-level", "error")...)}
	r.cmd.Env = os.Environ()
	for name, value := range b.env {
		r.cmd.Env = append(r.cmd.Env, name+"="+value)
	}
	r.cmd.Stderr = &r.stderr
	if err := r.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	return r
}

// code waits for the exit code.
func (r *runner) code(t *testing.T) int {
	t.Helper()
	err := r.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return r.cmd.ProcessState.ExitCode()
}

// TestRace starts four runs at once, round after round: some wait for the lock
// and some do not, some are stopped for a while, and in some rounds the lock's file
// is taken away, so that only the comparison of pointers is left. Who succeeds
// made one snapshot of every table, and who does not ends with exit code 6 and
// leaves nothing; without the lock's file also with 5, where the files that it was
// writing were taken for those of a dead run.
func TestRace(t *testing.T) {
	const processes = 4
	program := linkProgram(t)
	b := newBench(t, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	random := rand.New(rand.NewPCG(1, uint64(*raceRounds)))
	done, lost, taken, noLock := 0, 0, 0, 0
	for round := range *raceRounds {
		before := b.snapshotCounts()
		without := round%5 == 2
		var runners []*runner
		for range processes {
			wait := []string{"1ms", "300ms", "20s"}[random.IntN(3)]
			runners = append(runners, b.start(program, "run", "--lock-timeout", wait))
			time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond) // spreads the runs; nothing waits for it
			if without {
				noLock++
				if err := os.Remove(filepath.Join(b.dir, "lake", "catalog.db.notion.lock")); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
			if random.IntN(4) == 0 {
				p := runners[random.IntN(len(runners))].cmd.Process
				if p.Signal(syscall.SIGSTOP) == nil {
					time.AfterFunc(time.Duration(random.IntN(300))*time.Millisecond, func() { _ = p.Signal(syscall.SIGCONT) })
				}
			}
		}
		succeeded := 0
		for i, r := range runners {
			switch code := r.code(t); code {
			case exitDone:
				succeeded++
			case exitConflict:
				lost++
			case exitStorage:
				if taken++; !without || !strings.Contains(r.stderr.String(), "it does not exist") {
					t.Errorf("round %d, run %d: exit code %d\n%s", round, i, exitStorage, r.stderr.String())
				}
			default:
				t.Errorf("round %d, run %d: exit code %d\n%s", round, i, code, r.stderr.String())
			}
		}
		done += succeeded
		for table, n := range b.snapshotCounts() {
			if got := n - before[table]; got != succeeded {
				t.Errorf("round %d: %d runs succeeded and made %d snapshots of table %s", round, succeeded, got, table)
			}
		}
		if succeeded == 0 {
			t.Errorf("round %d: no run succeeded", round)
		}
		loads := map[string]bool{}
		for _, table := range b.look() {
			loads[table.LoadID] = true
		}
		if len(loads) != 1 {
			t.Errorf("round %d: tables of %d loads", round, len(loads))
		}
		if without {
			b.call("run").wants(t, exitDone) // what was taken for dead while it was not is cleaned up now
		}
		b.checkFiles()
		b.readAll()
		if t.Failed() {
			t.FailNow()
		}
	}
	if lost == 0 || done < *raceRounds {
		t.Errorf("%d runs succeeded and %d lost: too little happened", done, lost)
	}
	t.Logf("%d rounds of %d processes: %d runs succeeded, %d ended with exit code %d; of %d without a lock %d with exit code %d",
		*raceRounds, processes, done, lost, exitConflict, noLock, taken, exitStorage)
}

// snapshotCounts counts the snapshots of every table.
func (b *bench) snapshotCounts() map[string]int {
	b.t.Helper()
	counts := map[string]int{}
	for _, table := range b.look() {
		counts[table.Name] = b.snapshots(table.Name)
	}
	return counts
}

// snapshots counts those of a table.
func (b *bench) snapshots(table string) int {
	b.t.Helper()
	r := b.call("snapshots", "--json", table)
	var doc struct {
		Snapshots []json.RawMessage `json:"snapshots"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil || r.code != exitDone {
		b.t.Fatalf("snapshots: exit code %d, %v\n%s", r.code, err, r.stderr)
	}
	return len(doc.Snapshots)
}
