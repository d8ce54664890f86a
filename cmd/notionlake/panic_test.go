package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// panicVariable makes a test's child process panic at a point of that name.
const panicVariable = "NOTIONLAKE_TEST_PANIC"

const panicValue = "what stands in a cell"

// runPanicking is the program of such a child.
func runPanicking(point string) int {
	var done atomic.Bool
	return run(context.Background(), os.Args, outside{
		dir: ".", stdin: strings.NewReader(""), stdout: os.Stdout, stderr: os.Stderr, env: os.LookupEnv,
		point: func(name, _ string) error {
			if name == point && done.CompareAndSwap(false, true) {
				panic(panicValue)
			}
			return nil
		},
	})
}

// A panic where tables are published ends the load with exit code 1, in whatever
// goroutine it is: what panicked is in no log, the catalog is not locked, and the next
// load leaves nothing of it. After the commit the load is published all the same.
func TestPanicInCatalog(t *testing.T) {
	program := linkProgram(t)
	w, steps := notiontest.Demo(1)
	b := newBenchOf(t, w, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	for n, c := range []struct {
		point string
		code  int
	}{
		{"storage.create", exitInternal},
		{"catalog.write-metadata", exitInternal},
		{"catalog.update", exitInternal},
		{"catalog.commit", exitInternal},
		{"catalog.commit.done", exitInternal},
		{"catalog.hint", exitDone},
		{"load.published", exitInternal},
	} {
		if n < len(steps) {
			steps[n].Apply()
		}
		cmd := exec.Command(program, "run", "--config", b.config, "--log-level", "debug")
		cmd.Env = append(os.Environ(), panicVariable+"="+c.point)
		for name, value := range b.env {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		text, _ := cmd.CombinedOutput() // the exit code is looked at
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(text), "internal error") || strings.Contains(string(text), panicValue) {
			t.Errorf("%s: exit code %d\n%s", c.point, code, text)
		}
		if loads := loadsOf(b.look()); len(loads) != 1 {
			t.Errorf("%s: tables of the loads %v", c.point, loads)
		}
		b.call("run").wants(t, exitDone)
		b.readAll()
		b.checkFiles()
	}
}
