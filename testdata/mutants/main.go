// Mutants applies seeded bugs, one after the other, to a copy of the project and
// runs the tests that are to catch them. It fails if one survives, does not
// compile, or no longer applies.
//
// A mutant is a file <name>.patch: lines that begin with # say what is broken and
// how it is tested, and a unified diff follows.
//
//	# what: files are not synced
//	# test: -run PowerLoss ./catalog
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "", "`regexp` of the mutants to try")
	out := flag.String("o", "", "write the table into this `file` too")
	flag.Parse()
	if err := run(*only, *out); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// A mutant is a seeded bug.
type mutant struct {
	name, what string
	test       []string // arguments of go test
	patch      string   // absolute path
}

func run(only, out string) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	mutants, err := read(filepath.Join("testdata", "mutants"), wanted)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a copy
	if err := copyTree(".", dir); err != nil {
		return err
	}
	table := "| mutant | what is broken | caught by |\n|---|---|---|\n"
	var bad []string
	for _, m := range mutants {
		start := time.Now()
		caught, err := m.try(dir)
		if err != nil {
			bad = append(bad, m.name)
			caught = "**" + err.Error() + "**"
		}
		fmt.Printf("%-34s %4.0f s  %s\n", m.name, time.Since(start).Seconds(), caught)
		table += fmt.Sprintf("| %s | %s | %s |\n", m.name, m.what, caught)
	}
	if out != "" {
		if err := os.WriteFile(out, []byte("# Seeded bugs\n\n`make mutants` plants each of these bugs in a copy of the project; the tests named catch it.\n\n"+table), 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("%d mutants, %d not caught\n", len(mutants), len(bad))
	if len(bad) > 0 {
		return fmt.Errorf("not caught: %s", strings.Join(bad, ", "))
	}
	return nil
}

// read reads the mutants of a folder.
func read(dir string, wanted *regexp.Regexp) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	var list []mutant
	for _, file := range files {
		m := mutant{name: strings.TrimSuffix(filepath.Base(file), ".patch")}
		if !wanted.MatchString(m.name) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if m.patch, err = filepath.Abs(file); err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if what, ok := strings.CutPrefix(line, "# what: "); ok {
				m.what = strings.TrimSpace(what)
			}
			if test, ok := strings.CutPrefix(line, "# test: "); ok {
				m.test = strings.Fields(test)
			}
		}
		if m.what == "" || m.test == nil {
			return nil, fmt.Errorf("%s: its first lines must say # what: and # test:", file)
		}
		list = append(list, m)
	}
	if len(list) == 0 {
		return nil, errors.New("there are no mutants")
	}
	return list, nil
}

// copyTree copies what is not hidden, not built and not large.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != from && (strings.HasPrefix(e.Name(), ".") || e.IsDir() && (path == "bin" || path == "lake-demo")) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, path), 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, path), data, 0o644)
	})
}

var failed = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)`)

// try plants the bug, runs the tests and takes it out again. It returns which
// test caught it.
func (m mutant) try(dir string) (caught string, err error) {
	if text, err := git(dir, "apply", m.patch); err != nil {
		return "", fmt.Errorf("it does not apply any more: %s", strings.TrimSpace(text))
	}
	defer func() {
		if text, e := git(dir, "apply", "--reverse", m.patch); e != nil {
			err = errors.Join(err, fmt.Errorf("it cannot be taken out: %s", text))
		}
	}()
	cmd := exec.Command("go", append([]string{"test", "-count=1", "-failfast", "-timeout=10m"}, m.test...)...)
	cmd.Dir = dir
	if slices.Contains(m.test, "-race") { // which needs a C compiler
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	text, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return "", errors.New("it survived")
	case strings.Contains(string(text), "[build failed]"), strings.Contains(string(text), "[setup failed]"):
		return "", fmt.Errorf("it does not compile:\n%s", text)
	case strings.Contains(string(text), "no tests to run"):
		return "", errors.New("no test was run")
	}
	names := failed.FindAllStringSubmatch(string(text), -1)
	if names == nil {
		return "", fmt.Errorf("no test failed:\n%s", text)
	}
	// The deepest one says the most.
	slices.SortStableFunc(names, func(a, b []string) int { return strings.Count(b[1], "/") - strings.Count(a[1], "/") })
	return "`" + names[0][1] + "`", nil
}

// git runs git, outside of any repository.
func git(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	return string(text), err
}
