package extract

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// In the first load of equal names the lowest ID's table keeps its own, also where pages
// lead to that data source when tables are being read already.
func TestNamesOfFirstLoad(t *testing.T) {
	for _, lower := range []bool{false, true} {
		found, hidden := key("b"), key("a")
		if (hidden < found) != lower {
			found, hidden = hidden, found
		}
		w := notiontest.NewWorkspace(1)
		w.Update(func(tx *notiontest.Tx) {
			tx.AddPage(notiontest.Page{ID: key("page"), Values: titled("page")})
			for id, in := range map[string]notiontest.Parent{found: {}, hidden: {Type: "page_id", ID: key("page")}} {
				database := notiontest.NewID(2, id)
				tx.AddDatabase(notiontest.Database{ID: database, Title: notiontest.Plain("Tasks"), Parent: in})
				tx.AddSource(notiontest.DataSource{ID: id, Database: database, Title: notiontest.Plain("Tasks"), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
				tx.AddRow(id, notiontest.Page{Values: titled("row")})
			}
			tx.Source(hidden).Inherited = true
		})
		l, listed, once := newMemoryLake(), make(chan struct{}), sync.Once{}
		server := notiontest.NewServer(w, notiontest.Options{SearchGap: notiontest.SearchShared, OnRequest: func(r *http.Request) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/query"):
				once.Do(func() { close(listed) })
			case strings.HasSuffix(r.URL.Path, "/children"): // pages lead to the other one later
				<-listed
			}
		}})
		load := func(night string, last bool) (map[string]*memoryTable, error) {
			o := contentOptions(newClient(t, server))
			o.NamesLast = last
			return l.run(t.Context(), night, NewSource(o))
		}
		tables, err := load("load1", false)
		if lower {
			if !errors.Is(err, ErrNamedTooSoon) {
				t.Errorf("a lower ID is found later: %v", err)
			}
			tables, err = load("load1", true)
		}
		want := map[string]string{found: "tasks", hidden: "tasks" + sourceSuffix(hidden)}
		if lower {
			want = map[string]string{found: "tasks" + sourceSuffix(found), hidden: "tasks"}
		}
		for _, night := range []string{"load2", "load3"} {
			if err != nil {
				t.Fatal(err)
			}
			equal(t, map[string]string{found: tables[found].schema.Table, hidden: tables[hidden].schema.Table}, want)
			tables, err = load(night, false)
		}
	}
}
