package lake_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// Data files that both states have are not read, unless a column is another one.
func TestDiffSharedFiles(t *testing.T) {
	var mu sync.Mutex
	var opened []string
	w := newWorld(t, func(name, object string) error {
		if name == "storage.open" && strings.Contains(object, "/data/") {
			mu.Lock()
			opened = append(opened, object)
			mu.Unlock()
		}
		return nil
	})
	number, text := lake.Type{Kind: lake.Float64}, lake.Type{Kind: lake.String}
	load := func(id int, typ lake.Type, v lake.Value) lake.TableState {
		property := lake.Column{Key: "p", Name: "p", Type: typ, Property: true}
		table := laketest.Table(lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{idColumn(), property}}, []lake.Value{lake.TextValue(fmt.Sprint(id)), v})
		table.Disposition = lake.Append
		w.run(table)
		state, _ := w.catalog.At("t", "9")
		return state
	}
	diff := func(from, to lake.TableState) string {
		opened = nil
		return strings.Join(changesOf(t, diffTables(t, w.storage, from, to, lake.DiffOptions{}), 0), "\n")
	}
	first := load(1, number, lake.FloatValue(1))
	second := load(2, number, lake.FloatValue(2))
	third := load(3, number, lake.Value{})
	if got := diff(first, third); got != "added 2; string 2; 2\nadded 3; string 3; null null" {
		t.Errorf("appended:\n%s", got)
	}
	files, err := first.Files(t.Context())
	must(t, err)
	if slices.Contains(opened, files[0].Key) {
		t.Errorf("the shared file was opened: %v", opened)
	}
	if got := diff(second, second); got != "" || len(opened) > 0 {
		t.Errorf("the same state: %s, opened %v", got, opened)
	}
	// The column's type changed: what the old files hold of it is not seen any more.
	last := load(4, text, lake.TextValue("four"))
	want := "changed 1; p: 1 -> null null\nchanged 2; p: 2 -> null null\nadded 4; string 4; string four"
	if got := diff(third, last); got != want {
		t.Errorf("retyped: got\n%s\nwant\n%s", got, want)
	}
	if files, err = third.Files(t.Context()); err != nil || slices.Contains(opened, files[2].Key) {
		t.Errorf("the file without a value in the column was opened: %v, %v", opened, err)
	}
}

// What cannot be read is an error that names it, at every opening.
func TestDiffErrors(t *testing.T) {
	fail := ""
	w := newWorld(t, func(name, object string) error {
		if name == "storage.open" && fail != "" && strings.Contains(object, fail) {
			return fmt.Errorf("no way")
		}
		return nil
	})
	schema := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{idColumn(), lake.Field("a", lake.String)}}
	row := func(v string) []lake.Value { return []lake.Value{lake.TextValue("1"), lake.TextValue(v)} }
	was := w.run(laketest.Table(schema, row("x")))
	w.run(laketest.Table(schema, row("y")))
	from, _ := w.catalog.At("t", was.LoadID)
	to, _ := w.catalog.At("t", "9")
	d := diffTables(t, w.storage, from, to, lake.DiffOptions{})
	for _, state := range []lake.TableState{from, to} {
		files, err := state.Files(t.Context())
		must(t, err)
		fail = files[0].Key
		if _, err := lake.DiffTables(t.Context(), w.storage, from, to, lake.DiffOptions{}); err == nil || !strings.Contains(err.Error(), "compare table t") || !strings.Contains(err.Error(), fail) {
			t.Errorf("compare: %v", err)
		}
		n := 0
		for _, rowErr := range d.Rows(t.Context(), 0) {
			err = rowErr
			n++
		}
		if err == nil || n != 1 || !strings.Contains(err.Error(), fail) {
			t.Errorf("rows: %d, %v", n, err)
		}
	}
	fail = ""
	missing := diffTables(t, w.storage, from, to, lake.DiffOptions{TempDir: t.TempDir() + "/nowhere"})
	for _, err := range missing.Rows(t.Context(), 0) {
		if err == nil || !strings.Contains(err.Error(), "spool of changed rows") {
			t.Errorf("no folder for the spool: %v", err)
		}
	}
}
