// Mutants applies seeded bugs, one after the other, to copies of the project and
// runs the tests that are to catch them. It fails if one survives, does not
// compile, or no longer applies, or if its tests fail without it.
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
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	only := flag.String("only", "", "`regexp` of the mutants to try")
	out := flag.String("o", "", "write the table into this `file` too")
	jobs := flag.Int("j", runtime.NumCPU(), "`how many` are tried at a time")
	flag.Parse()
	if err := run(*only, *out, *jobs); err != nil {
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

func run(only, out string, jobs int) error {
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
	defer func() { _ = os.RemoveAll(dir) }() // copies
	clean := tests{dir: dir}
	trees := make(chan string, jobs)
	for n := range jobs {
		tree := filepath.Join(dir, strconv.Itoa(n))
		if err := copyTree(".", tree); err != nil {
			return err
		}
		trees <- tree
	}
	rows, bad := make([]string, len(mutants)), make([]bool, len(mutants))
	var wait sync.WaitGroup
	for i, m := range mutants {
		wait.Go(func() {
			tree := <-trees
			defer func() { trees <- tree }()
			start := time.Now()
			caught, err := m.try(tree, &clean)
			if err != nil {
				bad[i], caught = true, "**"+err.Error()+"**"
			}
			fmt.Printf("%-34s %4.0f s  %s\n", m.name, time.Since(start).Seconds(), caught)
			rows[i] = fmt.Sprintf("| %s | %s | %s |\n", m.name, m.what, caught)
		})
	}
	wait.Wait()
	if out != "" {
		text := "# Seeded bugs\n\n`make mutants` plants each of these bugs in a copy of the project; the tests named catch it.\n\n| mutant | what is broken | caught by |\n|---|---|---|\n" + strings.Join(rows, "")
		if err := os.WriteFile(out, []byte(text), 0o644); err != nil {
			return err
		}
	}
	var survived []string
	for i, m := range mutants {
		if bad[i] {
			survived = append(survived, m.name)
		}
	}
	fmt.Printf("%d mutants, %d not caught\n", len(mutants), len(survived))
	if len(survived) > 0 {
		return fmt.Errorf("not caught: %s", strings.Join(survived, ", "))
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
