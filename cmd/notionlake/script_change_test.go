package main

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// workspaces are those of the simulators, by script.
var workspaces sync.Map // *testscript.TestScript to *notiontest.Workspace

// changes are what the script command `change NAME` makes in the demo's table
// tasks.
func changes() map[string]func(t *notiontest.Tx, tasks string, rows []string) {
	type tx = *notiontest.Tx
	return map[string]func(tx, string, []string){
		"swap": func(t tx, tasks string, _ []string) { t.SwapNames(tasks, "prio", "note") },
		"retype": func(t tx, tasks string, rows []string) {
			t.Retype(tasks, "hour", notiontest.Property{Type: "rich_text"}, func(v notiontest.Value) notiontest.Value {
				n, _ := v.(notiontest.Number)
				return notiontest.Plain(string(n))
			})
			t.Set(rows[0], "hour", notiontest.Plain("a day"))
		},
		"remove":  func(t tx, tasks string, _ []string) { t.RemoveProperty(tasks, "prio") },
		"trash":   func(t tx, _ string, rows []string) { t.Trash(rows[0]) },
		"restore": func(t tx, _ string, rows []string) { t.Restore(rows[0]) },
		"zero": func(t tx, _ string, rows []string) {
			t.Set(rows[1], "hour", notiontest.Number("0"))
			t.Set(rows[2], "tags", notiontest.Raw("null"))
		},
		"minus": func(t tx, _ string, rows []string) {
			t.Set(rows[1], "hour", notiontest.Number("-0.0"))
			t.Set(rows[2], "tags", notiontest.Raw("[]"))
		},
		"formula": func(t tx, _ string, rows []string) {
			t.Set(rows[3], "note", notiontest.Plain(`=HYPERLINK("http://x")`))
		},
		"database": func(t tx, _ string, _ []string) {
			t.AddDatabase(notiontest.Database{ID: notiontest.NewID(1, "ideas"), Title: notiontest.Plain("Ideas")})
			t.AddSource(notiontest.DataSource{
				ID: notiontest.NewID(1, "ideas source"), Database: notiontest.NewID(1, "ideas"), Title: notiontest.Plain("Ideas"),
				Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}},
			})
		},
	}
}

func changeOne(ts *testscript.TestScript, _ bool, args []string) {
	w, ok := workspaces.Load(ts)
	if !ok {
		ts.Fatalf("no simulator runs")
	}
	if len(args) != 1 || changes()[args[0]] == nil {
		var names []string
		for name := range changes() {
			names = append(names, name)
		}
		slices.Sort(names)
		ts.Fatalf("usage: change %s", strings.Join(names, "|"))
	}
	tasks := notiontest.SourceID(1, "tasks")
	w.(*notiontest.Workspace).Update(func(t *notiontest.Tx) {
		t.Tick(time.Hour)
		changes()[args[0]](t, tasks, t.Model().Source(tasks).Rows)
	})
}
