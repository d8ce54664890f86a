package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// tablesOnly leaves out what is in pages, which these tests do not look at.
const tablesOnly = "content: {pages: false, blocks: false, comments: false, markdown: false, users: false, views: false}\n"

// Which properties are removed is of a load: after a rollback what Notion has no more
// is removed again, and what it has again is added again, for all that says so.
func TestRemovedAfterRollback(t *testing.T) {
	t.Parallel()
	w, _ := notiontest.Demo(1)
	b := newBenchOf(t, w, notiontest.Options{})
	projects := notiontest.SourceID(1, "projects")
	precious := notiontest.Property{ID: "pppp", Name: "Precious", Type: "number"}
	has := func(has bool) {
		w.Update(func(tx *notiontest.Tx) {
			tx.Tick(time.Hour)
			if has {
				tx.AddProperty(projects, precious, -1)
				tx.Set(tx.Model().Source(projects).Rows[0], "pppp", notiontest.Number("7"))
			} else {
				tx.RemoveProperty(projects, "pppp")
			}
		})
	}
	load := func(code int, want, command string, args ...string) lake.LoadID {
		t.Helper()
		r := b.call(command, append(args, "--json")...)
		r.wants(t, code)
		report := r.report(t)
		got := ""
		for _, c := range report.table("projects").SchemaChanges {
			got += fmt.Sprint(c.Kind, " ", c.Column)
		}
		if got != want {
			t.Errorf("load %s changed %q, want %q", report.LoadID, got, want)
		}
		return report.LoadID
	}
	planned := func(want string) {
		t.Helper()
		r := b.call("plan", "--json")
		r.wants(t, exitDone)
		var doc struct {
			Tables []struct {
				Name          string
				SchemaChanges []lake.SchemaChange `json:"schema_changes"`
			}
		}
		if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil {
			t.Fatal(err)
		}
		for _, table := range doc.Tables {
			if table.Name == "projects" && (len(table.SchemaChanges) != 1 || string(table.SchemaChanges[0].Kind) != want) {
				t.Errorf("planned is %v, want %s", table.SchemaChanges, want)
			}
		}
	}
	values := func() int {
		t.Helper()
		r := b.call("head", "--json", "-n", "1000", "--columns", "precious", "projects")
		r.wants(t, exitDone)
		return strings.Count(r.stdout, `"precious": 7`)
	}
	frozen := func(freeze bool) {
		b.configure(tablesOnly)
		if freeze {
			b.configure(tablesOnly + "schema: {contract: freeze}\n")
		}
	}

	has(true)
	frozen(false)
	with := load(exitDone, "", "run")
	has(false)
	without := load(exitDone, "retire precious", "run")
	load(exitDone, "add precious", "rollback", "--to", string(with))
	if values() != 1 {
		t.Error("the rollback did not bring the values back")
	}
	frozen(true)
	planned("retire")
	held := load(exitHeld, "retire precious", "run")
	if values() != 1 {
		t.Error("a load that is held took the values")
	}
	b.call("publish", string(held)).wants(t, exitDone)
	if values() != 0 {
		t.Error("values of a property that is gone")
	}
	load(exitDone, "", "run")

	// And the other way round.
	has(true)
	frozen(false)
	load(exitDone, "add precious", "run")
	load(exitDone, "retire precious", "rollback", "--to", string(without))
	frozen(true)
	planned("add")
	load(exitHeld, "add precious", "run")

	// A load of other tables only leaves that as it is.
	b.call("run", "--only", "clients").wants(t, exitDone)
	load(exitHeld, "add precious", "run")

	r := b.call("schema", "--history", "projects")
	r.wants(t, exitDone)
	if removed, added := strings.Count(r.stdout, "precious removed"), strings.Count(r.stdout, "precious added"); removed != 3 || added != 2 {
		t.Errorf("the history has %d times removed and %d times added, want 3 and 2\n%s", removed, added, r.stdout)
	}
}
