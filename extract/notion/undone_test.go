package notion_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
)

// A row is deleted while rows are listed, so that another is skipped, and that is undone
// before it is proved that none was.
func TestDeletedAndUndone(t *testing.T) {
	for name, remove := range map[string]func(*notiontest.Page, bool){
		"trash":   func(p *notiontest.Page, away bool) { p.Trashed = away },
		"archive": func(p *notiontest.Page, away bool) { p.Archived = away },
	} {
		t.Run(name, func(t *testing.T) {
			w := newTasks(titleOnly, titled, 150)
			listings := 0
			synctest.Test(t, func(t *testing.T) {
				s := notiontest.NewServer(w.Workspace, notiontest.Options{OnRequest: func(r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "/query") {
						listings++
						w.Update(func(tx *notiontest.Tx) { remove(tx.Page(w.rows[0]), listings == 2) })
					}
				}})
				g, err := read(client(t, s, unlimited), w.source, notion.Query{})
				if err != nil {
					t.Fatal(err)
				}
				for i, id := range w.rows {
					if g.rows[id] != 1 {
						t.Errorf("row %d, which was there all the time, came %d times", i, g.rows[id])
					}
				}
			})
		})
	}
}

// Rows are made by the hundred while others are listed: they are no reason to read
// those again and again.
func TestMadeMeanwhile(t *testing.T) {
	w := newTasks(titleOnly, titled, 150)
	listings := 0
	synctest.Test(t, func(t *testing.T) {
		s := notiontest.NewServer(w.Workspace, notiontest.Options{OnRequest: func(r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/query") {
				return
			}
			if listings++; listings == 3 { // the proof's first
				w.Update(func(tx *notiontest.Tx) {
					tx.Tick(time.Minute)
					for range 250 {
						tx.AddRow(w.source, notiontest.Page{Values: map[string]notiontest.Value{"title": notiontest.Plain("new")}})
					}
				})
			}
		}})
		g, err := read(client(t, s, unlimited), w.source, notion.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range w.rows {
			if g.rows[id] != 1 {
				t.Errorf("row %d came %d times", i, g.rows[id])
			}
		}
		t.Logf("%d rows in %d requests", len(g.rows), listings)
		if listings > 8 {
			t.Errorf("%d requests for the rows", listings)
		}
	})
}
