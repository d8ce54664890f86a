package extract

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// Of new tables with equal names the lowest ID's keeps its own, whatever leads to it: the
// search, a block in a page or in a row, at once or when the rows of others have been read.
func TestNamesAreTheLowest(t *testing.T) {
	ids := []string{key("a"), key("b"), key("c")}
	slices.Sort(ids)
	for _, late := range []bool{false, true} {
		for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
			found, inPage, inRow := ids[order[0]], ids[order[1]], ids[order[2]]
			w := notiontest.NewWorkspace(1)
			w.Update(func(tx *notiontest.Tx) {
				tx.AddPage(notiontest.Page{ID: key("page"), Values: titled("page")})
				for _, s := range []struct {
					id string
					in notiontest.Parent
				}{{found, notiontest.Parent{}}, {inPage, notiontest.Parent{Type: "page_id", ID: key("page")}}, {inRow, notiontest.Parent{Type: "page_id", ID: key("row" + found)}}} {
					database := notiontest.NewID(2, s.id)
					tx.AddDatabase(notiontest.Database{ID: database, Title: notiontest.Plain("Tasks"), Parent: s.in})
					tx.AddSource(notiontest.DataSource{ID: s.id, Database: database, Title: notiontest.Plain("Tasks"), Inherited: s.id != found, Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
					tx.AddRow(s.id, notiontest.Page{ID: key("row" + s.id), Values: titled("row")})
				}
			})
			listed, once := make(chan struct{}), sync.Once{}
			server := notiontest.NewServer(w, notiontest.Options{SearchGap: notiontest.SearchShared, OnRequest: func(r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/query"):
					once.Do(func() { close(listed) })
				case late && strings.HasSuffix(r.URL.Path, key("page")+"/children"):
					<-listed
				}
			}})
			l := newMemoryLake()
			for _, night := range []string{"load1", "load2"} {
				tables, err := l.run(t.Context(), night, NewSource(contentOptions(newClient(t, server))))
				if err != nil {
					t.Fatal(err)
				}
				for i, id := range ids {
					want := "tasks"
					if i > 0 {
						want += sourceSuffix(id)
					}
					equal(t, tables[id].schema.Table, want)
					equal(t, tables[keyDataSources].cell(id, "table_name").Text(), want)
					if !slices.Contains(tables[keyProperties].texts("table_name"), want) {
						t.Errorf("properties are of %q", tables[keyProperties].texts("table_name"))
					}
				}
			}
		}
	}
}
