package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// Tables are told apart by what they are, not by their names, where these change:
// between loads, in a load that is held, and across a rollback.
func TestTablesThatSwapNames(t *testing.T) {
	t.Parallel()
	w := notiontest.NewWorkspace(1)
	ids := []string{notiontest.NewID(1, "a"), notiontest.NewID(1, "b")}
	w.Update(func(tx *notiontest.Tx) {
		tx.AddPage(notiontest.Page{})
		for _, id := range ids {
			tx.AddDatabase(notiontest.Database{ID: notiontest.NewID(2, id), Title: notiontest.Plain("Tasks")})
			tx.AddSource(notiontest.DataSource{ID: id, Database: notiontest.NewID(2, id), Title: notiontest.Plain("Tasks"), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
			tx.AddRow(id, notiontest.Page{Values: map[string]notiontest.Value{"title": notiontest.Plain("row " + id[len(id)-4:])}})
		}
	})
	b := newBenchOf(t, w, notiontest.Options{})
	named := func(first, second, more string) {
		b.configure(fmt.Sprintf("databases: [{id: %s, name: %s}, {id: %s, name: %s}]\n%s", ids[0], first, ids[1], second, more))
	}
	load := func(code int, args ...string) (report lake.Report) {
		r := b.call("run", append(args, "--json")...)
		r.wants(t, code)
		if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
			t.Fatal(err)
		}
		return report
	}
	named("alpha", "beta", "")
	first := load(exitDone)
	snapshot := ""
	for _, table := range first.Tables {
		if table.Name == "alpha" {
			snapshot = fmt.Sprint(table.SnapshotID)
		}
	}
	named("beta", "alpha", "")
	load(exitDone)

	// The snapshot is of the table that is beta now.
	rows := func(args ...string) string {
		r := b.call("head", append(args, "--columns", "name")...)
		r.wants(t, exitDone)
		return r.stdout
	}
	if got := rows("beta", "--at", snapshot); !strings.Contains(got, "row "+ids[0][len(ids[0])-4:]) {
		t.Errorf("beta at its own snapshot:\n%s", got)
	}
	if got := rows("alpha", "--at", snapshot); !strings.Contains(got, "row "+ids[1][len(ids[1])-4:]) {
		t.Errorf("alpha in the load of another table's snapshot:\n%s", got)
	}
	for _, from := range []string{snapshot, string(first.LoadID)} {
		if r := b.call("diff", "alpha", "--from", from); r.code != exitDone || !strings.Contains(r.stdout, "no difference") {
			t.Errorf("diff of alpha from %s: exit %d\n%s%s", from, r.code, r.stdout, r.stderr)
		}
	}

	r := b.call("rollback", "--to", string(first.LoadID))
	r.wants(t, exitDone)
	for _, want := range []string{"table=alpha old=beta", "table=beta old=alpha"} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("the rollback does not say %q:\n%s", want, r.stderr)
		}
	}

	// A held load gives the first another name: it is the same table by both.
	named("gone", "alpha", "schema: {contract: freeze}\n")
	w.Update(func(tx *notiontest.Tx) {
		tx.AddProperty(ids[0], notiontest.Property{ID: "more", Name: "More", Type: "rich_text"}, -1)
	})
	held := load(exitHeld)
	diff := func(table string) any {
		r := b.call("diff", table, "--to", string(held.LoadID), "--json")
		r.wants(t, exitDone)
		var doc struct {
			Key           string
			Appeared      bool
			Added         int
			SchemaChanges []struct{ Kind, Column string } `json:"schema_changes"`
		}
		if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil {
			t.Fatal(err)
		}
		if doc.Key != ids[0] || doc.Appeared || doc.Added != 0 || len(doc.SchemaChanges) != 1 {
			t.Errorf("diff %s: %s", table, r.stdout)
		}
		return doc
	}
	if d := cmp.Diff(diff("beta"), diff("gone")); d != "" {
		t.Errorf("diff by the name now -, and by the name then +\n%s", d)
	}

	const others = "the others can only be discarded"
	if r := b.call("loads"); strings.Contains(r.stdout, others) {
		t.Errorf("of one held load:\n%s", r.stdout)
	}
	load(exitHeld)
	if r := b.call("loads"); !strings.Contains(r.stdout, others) {
		t.Errorf("of two held loads:\n%s", r.stdout)
	}
	b.call("expire", "--keep-last", "1", "--yes").wants(t, exitDone)
	if r := b.call("loads"); !strings.Contains(r.stdout, "expired") {
		t.Errorf("nothing expired:\n%s", r.stdout)
	}
}
