package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// try plants the bug in a copy of the project, runs the tests and takes it out
// again. It returns which test caught it.
func (m mutant) try(tree string, clean *tests) (caught string, err error) {
	took, err := clean.pass(tree, m.test)
	if err != nil {
		return "", fmt.Errorf("without it, too, %w", err)
	}
	if text, err := git(tree, "apply", m.patch); err != nil {
		return "", fmt.Errorf("it does not apply any more: %s", strings.TrimSpace(text))
	}
	defer func() {
		if text, e := git(tree, "apply", "--reverse", m.patch); e != nil {
			err = errors.Join(err, fmt.Errorf("it cannot be taken out: %s", text))
		}
	}()
	// A bug may let a test wait for ever.
	timeout := max(2*time.Minute, 10*took)
	cmd := exec.Command("go", append([]string{"test", "-count=1", "-failfast", "-vet=off", "-ldflags=-w", "-timeout=" + timeout.String()}, m.test...)...)
	cmd.Dir, cmd.Env = tree, environ(m.test)
	text, err := cmd.CombinedOutput()
	if err == nil {
		return "", errors.New("it survived")
	}
	return m.catcher(string(text))
}

var (
	failed = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)`)
	waited = regexp.MustCompile(`(?m)^\t\t(\S+) \(`)
)

// catcher is the test that failed, by what go test printed.
func (m mutant) catcher(text string) (string, error) {
	switch {
	case strings.Contains(text, "[build failed]"), strings.Contains(text, "[setup failed]"):
		return "", fmt.Errorf("it does not compile:\n%s", text)
	case strings.Contains(text, "no tests to run"):
		return "", errors.New("no test was run")
	}
	names, how := failed.FindAllStringSubmatch(text, -1), ""
	if _, stuck, ok := strings.Cut(text, "panic: test timed out after"); names == nil && ok {
		stuck, _, _ = strings.Cut(stuck, "\n\n")
		names, how = waited.FindAllStringSubmatch(stuck, -1), ", which waits for ever"
	}
	if names == nil {
		return "", fmt.Errorf("no test failed:\n%s", text)
	}
	// The deepest one says the most.
	slices.SortStableFunc(names, func(a, b []string) int { return strings.Count(b[1], "/") - strings.Count(a[1], "/") })
	return "`" + names[0][1] + "`" + how, nil
}

// Tests are those of the project as it is: one that fails without a bug catches
// none.
type tests struct {
	dir      string // of the programs
	lock     sync.Mutex
	took     map[string]time.Duration // by arguments
	programs map[string]string        // by package
}

// pass runs tests, unless they have been run, and returns how long they took.
func (t *tests) pass(tree string, args []string) (time.Duration, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	key := strings.Join(args, " ")
	if took, ok := t.took[key]; ok {
		return took, nil
	}
	var flags, packages []string
	for _, arg := range args {
		switch {
		case strings.HasPrefix(arg, "./"):
			packages = append(packages, arg)
		case arg == "-run":
			flags = append(flags, "-test.run")
		case arg != "-race":
			flags = append(flags, arg)
		}
	}
	var took time.Duration
	for _, p := range packages {
		program, err := t.program(tree, p, args)
		if err != nil {
			return 0, err
		}
		start := time.Now()
		cmd := exec.Command(program, append([]string{"-test.timeout=10m"}, flags...)...)
		cmd.Dir = filepath.Join(tree, p)
		if text, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("a test fails:\n%s", text)
		}
		took += time.Since(start)
	}
	if t.took == nil {
		t.took = map[string]time.Duration{}
	}
	t.took[key] = took
	return took, nil
}

// program is the program of a package's tests.
func (t *tests) program(tree, pkg string, args []string) (string, error) {
	race := strconv.FormatBool(slices.Contains(args, "-race"))
	key := pkg + race
	if program, ok := t.programs[key]; ok {
		return program, nil
	}
	program := filepath.Join(t.dir, strings.NewReplacer("./", "", "/", "-").Replace(key)+".test")
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-w", "-race="+race, "-o", program, pkg)
	cmd.Dir, cmd.Env = tree, environ(args)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("they cannot be built:\n%s", text)
	}
	if t.programs == nil {
		t.programs = map[string]string{}
	}
	t.programs[key] = program
	return program, nil
}

// environ is that of a go command with these arguments.
func environ(args []string) []string {
	cgo := cmp.Or(os.Getenv("CGO_ENABLED"), "0")
	if slices.Contains(args, "-race") { // which needs a C compiler
		cgo = "1"
	}
	return append(os.Environ(), "CGO_ENABLED="+cgo)
}

// git runs git, outside of any repository.
func git(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	return string(text), err
}
