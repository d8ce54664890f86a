package lake_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// numbers are n different IDs.
func numbers(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	return ids
}

func TestShrink(t *testing.T) {
	for _, test := range []struct {
		key    string
		before int
		after  int
		held   bool
	}{
		{"a", 100, 50, false}, // half may go
		{"a", 100, 49, true},
		{"a", 99, 1, false}, // too few for a share
		{"a", 1, 0, true},   // but none at all is never right
		{"a", 0, 0, false},
		{"a", 10, 500, false},
		{"_users", 200, 10, true},
		{"_users", 5, 0, false},
		{"_options", 200, 0, false}, // it shrinks as it likes
	} {
		t.Run(fmt.Sprintf("%s %d to %d", test.key, test.before, test.after), func(t *testing.T) {
			w := newWorld(t, nil)
			w.run(textTable(test.key, numbers(test.before)...), textTable("other", "1"))
			l := w.loader(textTable(test.key, numbers(test.after)...), textTable("other", "1"))
			l.Audit.Shrink = &lake.Shrink{Max: 0.5}
			report, err := l.Run(t.Context())
			var held *lake.HeldError
			if got := errors.As(err, &held); got != test.held || got != (report.Status == lake.StatusHeld) {
				t.Errorf("held: %v, status %s, error %v", got, report.Status, err)
			}
			if test.held && !strings.Contains(held.Reasons[0], fmt.Sprintf("had %d rows", test.before)) {
				t.Errorf("reasons: %q", held.Reasons)
			}
		})
	}
}

// Where no data source that has a table is there any more, but new ones are, the connection
// may be one of another workspace.
func TestOtherWorkspace(t *testing.T) {
	unread := func(table string) lake.Table {
		return lake.Table{Schema: lake.Schema{Table: table, Key: table}, Unread: "not found"}
	}
	for _, test := range []struct {
		name string
		now  []lake.Table
		held bool
	}{
		{"none of them", []lake.Table{unread("a"), unread("b"), unread("old"), textTable("c", "1"), textTable("_pages", "1")}, true},
		{"none of them, and one of long ago", []lake.Table{unread("a"), unread("b"), textTable("old", "1"), textTable("c", "1")}, false},
		{"one of them", []lake.Table{unread("a"), textTable("b", "1"), unread("old"), textTable("c", "1")}, false},
		{"one of them, and no new one", []lake.Table{unread("a"), textTable("b", "1")}, false},
		{"a part", []lake.Table{textTable("c", "1")}, false},
		{"none of them, and no others", []lake.Table{unread("a"), unread("b"), unread("old"), textTable("_pages", "1")}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.run(textTable("old", "1"), textTable("a", "1"))
			w.run(unread("old"), textTable("a", "1"), textTable("b", "1"), textTable("_pages", "1"))
			for _, allowed := range []bool{false, true} {
				l := w.loader(test.now...)
				if !allowed {
					l.Audit.Shrink = &lake.Shrink{Max: 0.5}
				}
				report, err := l.Run(t.Context())
				held := test.held && !allowed
				if want := "none of the data sources that have a table can be read any more (3), while new ones can (1)"; held != (report.Status == lake.StatusHeld) ||
					held && (len(report.Reasons) != 1 || !strings.HasPrefix(report.Reasons[0], want)) || !held && err != nil {
					t.Errorf("allowed %v: status %s, reasons %q, error %v", allowed, report.Status, report.Reasons, err)
				}
			}
		})
	}
}

// A part does not see whether the data sources of other parts can be read.
func TestPartIsNoOtherWorkspace(t *testing.T) {
	w := newWorld(t, nil)
	w.run(textTable("a", "1"), textTable("b", "1"))
	l := w.loader(lake.Table{Schema: lake.Schema{Table: "a", Key: "a"}, Unread: "in the trash"}, textTable("c", "1"))
	l.Parts = []string{"shard 2/4"}
	l.Audit.Shrink = &lake.Shrink{Max: 0.5}
	if report, err := l.Run(t.Context()); err != nil {
		t.Errorf("%s: %v", report.Status, err)
	}
}

// That a table was not read whole is said once, with those that were not since it was not.
func TestReasonsOfPartialTables(t *testing.T) {
	w := newWorld(t, nil)
	failing := func(table string, err error) lake.Table {
		l := textTable(table)
		l.Rows = laketest.RowsThen(err)
		return l
	}
	root := &lake.PartialError{Table: "a", Err: errors.New("HTTP 500")}
	l := w.loader(failing("a", root), failing("b", &lake.PartialError{Table: "b", Err: fmt.Errorf("rows of it: %w", root)}),
		failing("c", &lake.PartialError{Table: "c", Err: root}), failing("d", &lake.PartialError{Table: "d", Err: errors.New("HTTP 502")}), textTable("e", "1"))
	report, err := l.Run(t.Context())
	if err != nil || report.Status != lake.StatusPartial {
		t.Fatalf("status %s, %v", report.Status, err)
	}
	want := []string{"table a was not read whole: HTTP 500; so neither were b, c", "table d was not read whole: HTTP 502"}
	if d := cmp.Diff(want, report.Reasons); d != "" {
		t.Error(d)
	}
}

// The journal may hold what this version did not write.
func TestDamagedJournal(t *testing.T) {
	const dir = "_notionlake/tables/journal/"
	const name = "20261121T010000Z_0b6e7d8e-5a3c-4d7e-9f10-2b3c4d5e6f70.json"
	t.Run("truncated", func(t *testing.T) {
		w := newWorld(t, nil)
		if err := w.storage.WriteAll(t.Context(), dir+name, []byte(`{"format": 1, "sta`)); err != nil {
			t.Fatal(err)
		}
		stray := "tables/a/data/x-0b6e7d8e-5a3c-4d7e-9f10-2b3c4d5e6f70.parquet"
		if err := w.storage.WriteAll(t.Context(), stray, []byte("x")); err != nil {
			t.Fatal(err)
		}
		w.run(textTable("a", "1"))
		if _, err := w.storage.ReadAll(t.Context(), dir+"damaged/"+name); err != nil {
			t.Errorf("a damaged entry is put aside: %v", err)
		}
		if _, err := w.storage.ReadAll(t.Context(), dir+name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a damaged entry stays in the journal: %v", err)
		}
		if _, err := w.storage.ReadAll(t.Context(), stray); err != nil {
			t.Errorf("what may be needed is not deleted: %v", err)
		}
	})
	t.Run("newer", func(t *testing.T) {
		w := newWorld(t, nil)
		if err := w.storage.WriteAll(t.Context(), dir+name, []byte(`{"format": 99, "what": ["is", "this"]}`)); err != nil {
			t.Fatal(err)
		}
		before := w.files()
		_, err := w.loader(textTable("a", "1")).Run(t.Context())
		var storage *lake.StorageError
		if !errors.Is(err, lake.ErrNewerJournal) || !errors.As(err, &storage) {
			t.Errorf("error: %v, want ErrNewerJournal", err)
		}
		if got := w.files(); len(got) != len(before) {
			t.Errorf("files: %v", got)
		}
	})
}
