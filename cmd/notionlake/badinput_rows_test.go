package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// badRows are the rows of the table of bad inputs that must have a test, from
// and to.
var badRows = [][2]int{{1, 77}, {81, 90}}

// A row is tested by a subtest of TestBadInput that has its number as its name,
// in a file badinput_test.go: t.Run("38", ..), or {"38", f} in a table.
var testedRow = regexp.MustCompile(`(?m)^\s*(?:t\.Run\(|\{)"([0-9]+)", `)

func TestEveryRowHasATest(t *testing.T) {
	tested := map[string][]string{} // files by row
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := d.Name(); {
		case d.IsDir() && len(name) > 2 && strings.HasPrefix(name, "."):
			return fs.SkipDir
		case d.IsDir() || name != "badinput_test.go":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !strings.Contains(string(text), "\nfunc TestBadInput(t *testing.T) {\n") {
			t.Errorf("%s has no TestBadInput", path)
		}
		for _, row := range testedRow.FindAllStringSubmatch(string(text), -1) {
			if slices.Contains(tested[row[1]], path) {
				t.Errorf("%s has two subtests %s", path, row[1])
			}
			tested[row[1]] = append(tested[row[1]], path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, rows := range badRows {
		for n := rows[0]; n <= rows[1]; n++ {
			row := fmt.Sprint(n)
			if len(tested[row]) == 0 {
				missing = append(missing, row)
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("rows of bad inputs without a test: %s", strings.Join(missing, ", "))
	}
}
