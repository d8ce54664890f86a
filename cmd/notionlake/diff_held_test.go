package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// The difference that a held load makes is the one that there is once it is
// published: tables that it did not read stay, and a column of another type is one.
func TestDiffOfHeld(t *testing.T) {
	t.Parallel()
	w, steps := notiontest.Demo(1)
	b := newBenchOf(t, w, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	for _, s := range steps {
		s.Apply()
		if strings.Contains(s.Title, "Budget") {
			break
		}
	}
	b.configure("schema: {contract: freeze}\n")
	b.call("run", "--only", "projects").wants(t, exitHeld)
	var list struct {
		Loads []struct {
			ID       string `json:"load_id"`
			Status   string `json:"status"`
			Tables   int    `json:"tables"`
			Requests int    `json:"requests"`
		} `json:"loads"`
	}
	r := b.call("loads", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil || len(list.Loads) != 2 || list.Loads[1].Status != "held" {
		t.Fatalf("loads: %v\n%s", err, r.stdout)
	}
	held := list.Loads[1]
	if held.Requests == 0 {
		t.Error("the held load made no requests")
	}
	diff := func() string {
		r := b.call("diff", "--from", list.Loads[0].ID, "--to", held.ID, "--json")
		r.wants(t, exitDone)
		var doc struct {
			To     struct{ LoadID string }
			Tables []struct {
				Name           string `json:"name"`
				Left           bool   `json:"left"`
				Added, Removed int
				Changed        int
				SchemaChanges  []struct{ Kind, Column string } `json:"schema_changes"`
			}
		}
		if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil {
			t.Fatal(err)
		}
		kinds := 0
		for _, table := range doc.Tables {
			if table.Left || table.Removed > 50 {
				t.Errorf("table %s left, or lost %d rows", table.Name, table.Removed)
			}
			for _, c := range table.SchemaChanges {
				if kinds++; c.Column == "budget" && c.Kind != "retype" {
					t.Errorf("budget: %s", c.Kind)
				}
			}
		}
		if kinds == 0 {
			t.Errorf("no schema change:\n%s", r.stdout)
		}
		text, err := json.Marshal(doc.Tables)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before := diff()
	b.call("publish", held.ID).wants(t, exitDone)
	if after := diff(); after != before {
		t.Errorf("held\n%s\npublished\n%s", before, after)
	}
}

// A held load is compared with the one that it followed, also once another one has been
// published, and the tables that it did not read are named.
func TestDiffOfOvertaken(t *testing.T) {
	t.Parallel()
	w, steps := notiontest.Demo(1)
	b := newBenchOf(t, w, notiontest.Options{})
	first := b.call("run", "--json").report(t)
	for _, s := range steps {
		s.Apply()
		if strings.Contains(s.Title, "Budget") {
			break
		}
	}
	b.configure("schema: {contract: freeze}\n")
	held := b.call("run", "--only", "projects", "--json").report(t)
	b.configure("")
	plan := func(want string) {
		if r := b.call("plan"); !strings.Contains(r.stdout, "note: load "+string(held.LoadID)+" is held"+want) {
			t.Errorf("plan does not say %q:\n%s", want, r.stdout)
		}
	}
	plan(": once another one is published it can only be discarded")
	b.call("run").wants(t, exitDone)
	plan(" and can only be discarded, with `notionlake discard ")
	r := b.call("diff", "--to", string(held.LoadID))
	r.wants(t, exitDone)
	if !strings.HasPrefix(r.stdout, string(first.LoadID)+" → "+string(held.LoadID)+" (held)\n") {
		t.Errorf("it compares with another load:\n%s", r.stdout)
	}
	if !strings.Contains(r.stdout, "not read by the load that is held") || !strings.Contains(r.stdout, "tasks") {
		t.Errorf("what was not read is not named:\n%s", r.stdout)
	}
	r = b.call("diff", "tasks", "--from", string(first.LoadID), "--to", string(held.LoadID), "--json")
	r.wants(t, exitDone)
	var doc struct {
		Unread                  bool
		Added, Removed, Changed int
	}
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil || !doc.Unread || doc.Added+doc.Removed+doc.Changed != 0 {
		t.Errorf("a table that was not read: %v\n%s", err, r.stdout)
	}
}
