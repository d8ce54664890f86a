package extract

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A name under exclude that nothing has is told, and no other.
func TestIdleExcludes(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		for _, k := range []string{"a", "b"} {
			addSource(tx, k, notiontest.Parent{})
		}
	})
	server := notiontest.NewServer(w, notiontest.Options{})
	for _, test := range []struct{ only, want string }{{"", "exclude=slaries"}, {"a", ""}} {
		var log strings.Builder
		o := contentOptions(newClient(t, server))
		o.Exclude, o.Logger = []string{"B", "Slaries"}, slog.New(slog.NewTextHandler(&log, nil))
		l := newMemoryLake()
		if test.only != "" {
			if _, err := l.run(t.Context(), "20260101T000000Z", NewSource(contentOptions(newClient(t, server)))); err != nil {
				t.Fatal(err)
			}
			o.Only = []string{test.only}
		}
		if _, err := l.run(t.Context(), "20260102T000000Z", NewSource(o)); err != nil {
			t.Fatal(err)
		}
		o.Client = newClient(t, server)
		plan, err := MakePlan(t.Context(), o, newClient(t, server), l)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, strings.Join(plan.IdleExcludes, " "), strings.TrimPrefix(test.want, "exclude="))
		if got := log.String(); strings.Contains(got, "exclude=") != (test.want != "") || !strings.Contains(got, test.want) || strings.Contains(got, "exclude=b") {
			t.Errorf("only %q: %s", test.only, got)
		}
	}
}

// What the configuration leaves out from now on takes its pages along: that they are
// gone is no reason to hold a load.
func TestExcludedLater(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		for _, k := range []string{"a", "b"} {
			addSource(tx, k, notiontest.Parent{})
			for range 5 {
				row := tx.AddRow(key(k), notiontest.Page{Values: titled(k)})
				tx.AddPage(notiontest.Page{ID: key("in " + row), Parent: notiontest.Parent{Type: "page_id", ID: row}, Values: titled("in " + k)})
			}
		}
	})
	server := notiontest.NewServer(w, notiontest.Options{})
	l := newMemoryLake()
	for _, test := range []struct {
		load        string
		exclude     []string
		pages, lost int
	}{{"20260101T000000Z", nil, 20, 0}, {"20260102T000000Z", []string{"b"}, 15, 5}, {"20260103T000000Z", []string{"b"}, 15, 0}} {
		o := contentOptions(newClient(t, server))
		o.Exclude = test.exclude
		got, err := l.run(t.Context(), test.load, NewSource(o))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, len(got[keyPages].rows), test.pages)
		equal(t, got[keyPages].lost, int64(test.lost))
	}
}
