package extract

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
)

// What is in rows is read while a first load searches, once for each; again where it
// was edited before its data source listed it, and never where that is excluded.
func TestReadAhead(t *testing.T) {
	for _, c := range []string{"", "edited", "excluded"} {
		synctest.Test(t, func(t *testing.T) {
			w, _ := manyPages(300, 0, 2)
			model := w.Model()
			source := []string{notiontest.NewID(1, "source0"), notiontest.NewID(1, "source1")}
			page := model.Source(source[0]).Rows[0]
			block := notiontest.NewID(2, page+"1")
			var mu sync.Mutex
			asked, ahead, listed := map[string]int{}, 0, false
			server := notiontest.NewServer(w, notiontest.Options{Latency: 250 * time.Millisecond, OnRequest: func(r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				if id, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v1/blocks/"), "/children"); ok {
					if asked[id]++; !listed {
						ahead++
					}
				}
				if strings.HasSuffix(r.URL.Path, "/query") && !listed {
					listed = true
					if c == "edited" {
						w.Update(func(tx *notiontest.Tx) {
							tx.Tick(time.Hour)
							tx.SetBlock(block, `{"color":"red"}`)
						})
					}
				}
			}})
			client, err := notion.NewClient(notion.Options{Token: notiontest.DefaultToken, Transport: server.Transport(), Rate: notion.Rate{PerMinute: 1800}, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			o := contentOptions(client)
			noComments(&o)
			o.Now = func() time.Time { return w.Model().Clock }
			if c == "excluded" {
				o.Exclude = []string{"source 1"}
			}
			tables, err := newMemoryLake().run(t.Context(), "load1", NewSource(o))
			if err != nil {
				t.Fatal(err)
			}
			if ahead < 50 {
				t.Errorf("%s: %d pages were read ahead", c, ahead)
			}
			for n, id := range source {
				for _, row := range model.Source(id).Rows {
					want := 1
					switch {
					case c == "excluded" && n == 1:
						want = 0
					case c == "edited" && row == page:
						want = 2
					}
					if asked[row] != want {
						t.Errorf("%s: the blocks in a row of source %d were asked for %d times, want %d", c, n, asked[row], want)
					}
				}
			}
			if raw := tables[keyBlocks].cell(block, "_raw").Text(); c == "edited" && !strings.Contains(raw, "red") {
				t.Errorf("the block is as it was before: %s", raw)
			}
		})
	}
}

// A query says when all rows have been listed, and again after those were listed
// again because one had been removed.
func TestListed(t *testing.T) {
	for _, removed := range []bool{false, true} {
		w := notiontest.NewWorkspace(1)
		source, database := notiontest.NewID(1, "source"), notiontest.NewID(1, "database")
		w.Update(func(tx *notiontest.Tx) {
			tx.AddDatabase(notiontest.Database{ID: database})
			tx.AddSource(notiontest.DataSource{ID: source, Database: database, Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
			for i := range 300 { // in one minute
				tx.AddRow(source, notiontest.Page{ID: notiontest.NewID(1, fmt.Sprint(i))})
			}
		})
		server := notiontest.NewServer(w, notiontest.Options{BetweenPages: func(n int) {
			if n == 2 && removed {
				w.Update(func(tx *notiontest.Tx) { tx.Trash(tx.Model().Source(source).Rows[0]) })
			}
		}})
		rows, times := 0, 0
		for _, err := range newClient(t, server).QueryDataSource(t.Context(), source, notion.Query{Listed: func() { times++ }}) {
			if rows++; err != nil {
				t.Fatal(err)
			}
		}
		want := 1
		if removed {
			want = 2
		}
		if rows != 300 || times != want {
			t.Errorf("%d rows, listed %d times, want 300 and %d", rows, times, want)
		}
	}
}
