package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// Loads that have expired are told of also where they had the table by another name.
func TestHistoryOfRenamed(t *testing.T) {
	t.Parallel()
	w, _ := notiontest.Demo(1)
	b := newBenchOf(t, w, notiontest.Options{})
	b.configure(tablesOnly)
	load := func(day int) string {
		id := fmt.Sprintf("202601%02dT000000Z", day)
		b.call("run", "--as-load", id).wants(t, exitDone)
		return id
	}
	first := load(1)
	w.Update(func(tx *notiontest.Tx) {
		tx.Tick(time.Hour)
		tx.AddProperty(notiontest.SourceID(1, "projects"), notiontest.Property{ID: "pppp", Name: "Precious", Type: "number"}, -1)
	})
	second, third := load(2), load(3)
	b.call("expire", "--load", first, "--load", second).wants(t, exitDone)
	b.configure(tablesOnly + "databases: [{id: " + b.database("Projects") + ", name: ventures}]\n")
	load(4)
	history := func(want string) {
		t.Helper()
		r := b.call("schema", "--history", "ventures")
		r.wants(t, exitDone)
		if !strings.Contains(r.stdout, want) {
			t.Errorf("the history lacks %q:\n%s", want, r.stdout)
		}
	}
	history("the first schema that is known: 2 earlier loads expired")
	b.call("expire", "--load", third).wants(t, exitDone)
	history("the first schema that is known: 3 earlier loads expired")
}

// What is nearest to a load that has expired are the loads around it, whatever it is
// named by.
func TestNearestToExpired(t *testing.T) {
	t.Parallel()
	b := newBench(t, notiontest.Options{})
	b.configure(tablesOnly)
	var reports []report
	for day := range 7 {
		r := b.call("run", "--json", "--as-load", fmt.Sprintf("202601%02dT000000Z", day+1))
		r.wants(t, exitDone)
		reports = append(reports, r.report(t))
	}
	gone := reports[5]
	b.call("expire", "--load", string(gone.LoadID)).wants(t, exitDone)
	l := b.open()
	loads, err := l.loads(t.Context())
	l.close()
	if err != nil {
		t.Fatal(err)
	}
	for what, at := range map[string]string{
		"load": string(gone.LoadID), "tag": gone.Tag, "time": loads[5].Finished.UTC().Format("2006-01-02T15:04:05.000Z"),
		"snapshot": fmt.Sprint(gone.table("tasks").SnapshotID),
	} {
		r := b.call("tables", "--at", at)
		if r.code != exitUsage || !strings.Contains(r.stderr, "has expired; the nearest are 20260104T000000Z, 20260105T000000Z, 20260107T000000Z") {
			t.Errorf("--at its %s, %s: exit %d\n%s", what, at, r.code, r.stderr)
		}
	}
}
