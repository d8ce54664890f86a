package extract

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
)

// TestPlanReadsLittle plans loads of workspaces with many rows, pages and blocks
// and looks at what it asked Notion for: every data source once or twice, no block,
// no list of rows beyond its first part.
func TestPlanReadsLittle(t *testing.T) {
	if raced {
		t.Skip("a count of requests is the same without the race detector, and thousands of pages take long with it")
	}
	const pages = 1200
	sources := []int{1200, 1200, 50}
	for _, loaded := range []bool{false, true} {
		w := notiontest.NewWorkspace(1)
		all := int64(pages)
		w.Update(func(tx *notiontest.Tx) {
			title := map[string]notiontest.Value{"title": notiontest.Plain("A page")}
			add := func(id string) {
				tx.AddBlock(notiontest.Block{ID: notiontest.NewID(2, id), Parent: notiontest.Parent{Type: "page_id", ID: id}, Type: "divider", Payload: "{}"})
			}
			for i, n := range sources {
				all += int64(n)
				source := notiontest.NewID(1, fmt.Sprint("source", i))
				tx.AddDatabase(notiontest.Database{ID: notiontest.NewID(1, fmt.Sprint("database", i)), Title: notiontest.Plain("x")})
				tx.AddSource(notiontest.DataSource{ID: source, Database: notiontest.NewID(1, fmt.Sprint("database", i)), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
				for range n {
					tx.Tick(time.Minute)
					add(tx.AddRow(source, notiontest.Page{Values: title}))
				}
			}
			for i := range pages {
				id := notiontest.NewID(1, fmt.Sprint("page", i))
				tx.AddPage(notiontest.Page{ID: id, Values: title})
				add(id)
			}
			tx.Tick(time.Hour)
		})
		var mu sync.Mutex
		var continued []string
		server := notiontest.NewServer(w, notiontest.Options{OnRequest: func(r *http.Request) {
			body := make([]byte, 1000)
			n, _ := r.Body.Read(body)
			mu.Lock()
			defer mu.Unlock()
			if strings.Contains(string(body[:n]), "start_cursor") && strings.HasSuffix(r.URL.Path, "/query") {
				continued = append(continued, r.URL.Path)
			}
		}})
		b := &planBench{t: t, w: w, server: server, lake: newMemoryLake(), options: func(o *Options) { o.Content.Comments, o.Content.BlockComments = true, false }}
		if loaded {
			if _, err := b.lake.run(t.Context(), "20260101T000000Z", NewSource(b.make())); err != nil {
				t.Fatal(err)
			}
			w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
		}
		mu.Lock()
		continued = nil
		mu.Unlock()
		before := made(server)
		plan := b.plan()
		spent := minus(made(server), before)
		t.Logf("loaded %v: the plan made %v, the load: %s", loaded, spent, described(plan.Requests))
		for _, table := range plan.Tables {
			if table.Unreadable != "" {
				t.Errorf("loaded %v: table %s: %s", loaded, table.Schema.Table, table.Unreadable)
			}
		}
		for kind, most := range map[RequestKind]int64{
			RequestDatabases: 3, RequestDataSources: 3, RequestQueries: 6, RequestProperties: 0, RequestUsers: 2,
			RequestViews: 3, RequestPages: 0, RequestBlocks: 0, RequestMarkdown: 0, RequestComments: 1,
		} {
			if spent[kind] > most {
				t.Errorf("loaded %v: a plan made %d requests of the kind %s, want at most %d", loaded, spent[kind], kind, most)
			}
		}
		most := all/listSize + 4
		if loaded {
			most = searchedFar/listSize + 4
		}
		if spent[RequestSearch] > most {
			t.Errorf("loaded %v: a plan made %d requests for searches, want at most %d", loaded, spent[RequestSearch], most)
		}
		if len(continued) > 0 {
			t.Errorf("loaded %v: a plan read rows on: %v", loaded, continued)
		}
		sum := Sum(plan.Requests)
		if loaded && sum.Basis != LastLoad || !loaded && sum.Basis != Unknown || sum.AtMost != nil || sum.N < all {
			t.Errorf("loaded %v: all requests are %+v", loaded, sum)
		}
	}
}

// TestPlanWindows compares how many requests rows are thought to take with how many
// they take, however they were created.
func TestPlanWindows(t *testing.T) {
	for name, perMinute := range map[string][]int{
		"one a minute":         slices.Repeat([]int{1}, 350),
		"all in a minute":      {350},
		"none":                 {},
		"a hundred":            slices.Repeat([]int{1}, 100),
		"one more":             slices.Repeat([]int{1}, 101),
		"thirty a minute":      slices.Repeat([]int{30}, 15),
		"an import in between": append(append(slices.Repeat([]int{1}, 90), 240), slices.Repeat([]int{1}, 150)...),
		"imports":              {120, 120, 99, 100, 1, 230},
	} {
		t.Run(name, func(t *testing.T) {
			w := notiontest.NewWorkspace(1)
			source := notiontest.NewID(1, "source")
			var minutes []int64
			w.Update(func(tx *notiontest.Tx) {
				tx.AddDatabase(notiontest.Database{ID: notiontest.NewID(1, "database"), Title: notiontest.Plain("x")})
				tx.AddSource(notiontest.DataSource{ID: source, Database: notiontest.NewID(1, "database"), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
				for minute, n := range perMinute {
					tx.Tick(time.Minute)
					for range n {
						tx.AddRow(source, notiontest.Page{})
						minutes = append(minutes, int64(minute))
					}
				}
			})
			server := notiontest.NewServer(w, notiontest.Options{})
			rows := 0
			for _, err := range newClient(t, server).QueryDataSource(t.Context(), source, notion.Query{}) {
				if err != nil {
					t.Fatal(err)
				}
				rows++
			}
			if rows != len(minutes) {
				t.Fatalf("%d rows of %d", rows, len(minutes))
			}
			if got, want := windows(minutes), server.Stats().Requests; got != want {
				t.Errorf("%d requests were thought of, and %d made", got, want)
			}
		})
	}
}

// described writes the requests for people.
func described(list []PlannedRequests) string {
	var all []string
	for _, r := range list {
		all = append(all, fmt.Sprintf("%s %d (%d+, %s)", r.Kind, r.N, r.AtLeast, r.Basis))
	}
	return strings.Join(all, ", ")
}
