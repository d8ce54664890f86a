package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// Tables get their names when all are known: the lowest ID's keeps its own, though its rows
// were read last.
func TestNamedAtLast(t *testing.T) {
	ids := []string{notiontest.NewID(1, "a"), notiontest.NewID(1, "b")}
	slices.Sort(ids)
	var rows []string
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		page := tx.AddPage(notiontest.Page{Values: map[string]notiontest.Value{"title": notiontest.Plain("page")}})
		for i, id := range ids {
			in := notiontest.Parent{}
			if i == 0 {
				in = notiontest.Parent{Type: "page_id", ID: page}
			}
			database := notiontest.NewID(2, id)
			tx.AddDatabase(notiontest.Database{ID: database, Title: notiontest.Plain("Tasks"), Parent: in})
			tx.AddSource(notiontest.DataSource{ID: id, Database: database, Title: notiontest.Plain("Tasks"), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
			rows = append(rows, tx.AddRow(id, notiontest.Page{}))
		}
		tx.Source(ids[0]).Inherited = true
	})
	listed, once := make(chan struct{}), sync.Once{}
	b := newBenchOf(t, w, notiontest.Options{SearchGap: notiontest.SearchShared, OnRequest: func(r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/query"):
			once.Do(func() { close(listed) })
		case strings.HasSuffix(r.URL.Path, "/children"): // pages lead to the other one later
			<-listed
		}
	}})
	r := b.call("run", "--json")
	r.wants(t, exitDone)
	var report lake.Report
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, table := range report.Tables {
		names[table.Key] = table.Name
	}
	second := "tasks_" + strings.ReplaceAll(ids[1], "-", "")[20:]
	if names[ids[0]] != "tasks" || names[ids[1]] != second || report.Status != lake.StatusComplete {
		t.Errorf("%s: tables %q and %q, want tasks and %s", report.Status, names[ids[0]], names[ids[1]], second)
	}
	b.checkFiles()
	if entries, err := filepath.Glob(filepath.Join(b.dir, "lake", "_notionlake", "notion", "journal", "*.json")); err != nil || len(entries) > 0 {
		t.Errorf("in the journal are %v, %v", entries, err)
	}
	for i, name := range []string{"tasks", second} {
		if head := b.call("head", name, "--json"); !strings.Contains(head.stdout, rows[i]) {
			t.Errorf("table %s lacks row %s: %s", name, rows[i], head.stdout)
		}
	}
	again := b.call("run", "--json")
	again.wants(t, exitDone)
	var next lake.Report
	if err := json.Unmarshal([]byte(again.stdout), &next); err != nil {
		t.Fatal(err)
	}
	for _, table := range next.Tables {
		if want := names[table.Key]; table.Name != want {
			t.Errorf("table %s is %s in the next load, want %s", table.Key, table.Name, want)
		}
	}
}
