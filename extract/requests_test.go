package extract

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
)

// TestDeltaRequests counts what a nightly load of 5,000 pages costs of which 50
// changed: it may be a tenth more than the listing and what is in those.
func TestDeltaRequests(t *testing.T) {
	if raced {
		t.Skip("a count of requests is the same without the race detector, and 5,000 pages take a minute with it")
	}
	const rows, others, sources = 4000, 1000, 8
	w, edit := manyPages(rows, others, sources)
	synctest.Test(t, func(t *testing.T) {
		server := notiontest.NewServer(w, notiontest.Options{})
		l := newMemoryLake()
		load := func(id string) int64 {
			before := server.Stats().Requests
			o := contentOptions(newClient(t, server))
			noComments(&o)
			o.Now = func() time.Time { return w.Model().Clock }
			if _, err := l.run(t.Context(), id, NewSource(o)); err != nil {
				t.Fatal(err)
			}
			return server.Stats().Requests - before
		}
		first := load("20260101T000000Z")
		edit(50)
		nightly := load("20260102T000000Z")
		// Of a data source: its rows a hundred at a time and the archived ones, the
		// source, its database, its views; one of the users; a page that is no row.
		listing := int64(sources*(rows/sources/100+1+3) + 1 + others)
		t.Logf("%d requests at first, then %d; listing and content of the changed: %d + 50", first, nightly, listing)
		if limit := (listing + 50) * 11 / 10; nightly > limit {
			t.Errorf("%d requests, want at most %d", nightly, limit)
		}
	})
}

// manyPages is a workspace of rows and other pages with three blocks each. edit
// changes some of them, a day later.
func manyPages(rows, others, sources int) (w *notiontest.Workspace, edit func(pages int)) {
	w = notiontest.NewWorkspace(1)
	var all []string
	w.Update(func(tx *notiontest.Tx) {
		title := map[string]notiontest.Value{"title": notiontest.Plain("A page")}
		fill := func(page string) {
			all = append(all, page)
			for i := range 3 {
				tx.AddBlock(notiontest.Block{ID: notiontest.NewID(2, fmt.Sprint(page, i)), Parent: notiontest.Parent{Type: "page_id", ID: page}, Type: "divider", Payload: "{}"})
			}
		}
		for i := range sources {
			database := notiontest.NewID(1, fmt.Sprint("database", i))
			tx.AddDatabase(notiontest.Database{ID: database, Title: notiontest.Plain(fmt.Sprint("Source ", i))})
			source := notiontest.NewID(1, fmt.Sprint("source", i))
			tx.AddSource(notiontest.DataSource{ID: source, Database: database, Title: notiontest.Plain(fmt.Sprint("Source ", i)), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
			for range rows / sources {
				tx.Tick(time.Minute)
				fill(tx.AddRow(source, notiontest.Page{Values: title}))
			}
		}
		for i := range others {
			fill(tx.AddPage(notiontest.Page{ID: notiontest.NewID(1, fmt.Sprint("other", i)), Values: title}))
		}
		tx.Tick(time.Hour)
	})
	return w, func(pages int) {
		w.Update(func(tx *notiontest.Tx) {
			tx.Tick(24 * time.Hour)
			for i := range pages {
				tx.SetBlock(notiontest.NewID(2, fmt.Sprint(all[i*len(all)/pages], 1)), `{"color":"red"}`)
			}
			tx.Tick(time.Hour)
		})
	}
}

// TestWallTime loads workspaces, in virtual time, at the pace that Notion gives to
// everybody and at a faster one, and again when one page in a hundred has changed.
// A load may take 15 % more than what it cannot do without: that many requests at
// that pace, or the longest chain of requests that wait for each other.
func TestWallTime(t *testing.T) {
	if raced {
		t.Skip("time is virtual")
	}
	const latency = 250 * time.Millisecond
	for _, c := range []struct {
		rows, others, sources int
		rate                  notion.Rate
		perMinute, burst      int
		// chain is how many requests wait for each other at least: those of a search, a
		// hundred pages each, that is read twice, since its results move meanwhile.
		chain int
	}{
		{rows: 4000, others: 1000, sources: 8, perMinute: 180, burst: 30, chain: 2 * 50},
		{rows: 400, others: 100, sources: 2, rate: notion.Rate{PerMinute: 1800}, perMinute: 1800, burst: 300, chain: 2 * 5},
	} {
		w, edit := manyPages(c.rows, c.others, c.sources)
		synctest.Test(t, func(t *testing.T) {
			server := notiontest.NewServer(w, notiontest.Options{RatePerMinute: c.perMinute, Burst: c.burst, Latency: latency})
			storage, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer storage.Close()
			loader := lake.Loader{Storage: storage, Catalog: laketest.NewCatalog(), Logger: slog.New(slog.DiscardHandler), TempDir: t.TempDir()}
			for _, night := range []lake.LoadID{"20260101T000000Z", "20260102T000000Z"} {
				client, err := notion.NewClient(notion.Options{Token: notiontest.DefaultToken, Transport: server.Transport(), Rate: c.rate, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				o := contentOptions(client)
				noComments(&o)
				o.Now = func() time.Time { return w.Model().Clock }
				before, began := server.Stats(), time.Now()
				loader.Source, loader.AsLoad = NewSource(o), night
				if _, err := loader.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				took, after := time.Since(began), server.Stats()
				refused := after.Limited - before.Limited
				requests := after.Requests - before.Requests - refused
				floor := max(time.Duration(requests-int64(c.burst))*time.Minute/time.Duration(c.perMinute), time.Duration(c.chain)*latency)
				t.Logf("%d requests, %d refused, at %d a minute: %s, %.2f of the least that is possible",
					requests, refused, c.perMinute, took.Round(time.Second/10), took.Seconds()/floor.Seconds())
				// Which of two requests goes first is the scheduler's choice, also where time is
				// virtual: that can cost one more answer to wait for.
				if (took - latency).Seconds() > 1.15*floor.Seconds() {
					t.Errorf("%s, want at most 1.15 times %s, and one answer", took, floor)
				}
				edit((c.rows + c.others) / 100)
				time.Sleep(time.Hour) // in virtual time: the limit of the night before is forgotten
			}
		})
		forgetPools()
	}
}

// forgetPools empties what libraries keep for the next one who needs it: what has a
// channel of a bubble is of no use outside.
func forgetPools() {
	runtime.GC()
	runtime.GC()
}

// TestAskedEarly: rows and databases are asked for with the data sources that the search
// shows or the last load had, once each; another database that a data source stands in now
// when that is known. Where something is excluded no row is asked for before it is known
// that it is to be read.
func TestAskedEarly(t *testing.T) {
	for _, what := range []string{"", "moved", "excluded"} {
		synctest.Test(t, func(t *testing.T) {
			moved, excluded := what == "moved", what == "excluded"
			w, _ := manyPages(20, 0, 2)
			var mu sync.Mutex
			var began time.Time
			asked := map[string][]time.Duration{}
			server := notiontest.NewServer(w, notiontest.Options{Latency: time.Second, OnRequest: func(r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				for _, kind := range []string{"databases", "data_sources"} {
					if path, ok := strings.CutPrefix(r.URL.Path, "/v1/"+kind+"/"); ok {
						asked[path] = append(asked[path], time.Since(began))
					}
				}
			}})
			name := func(kind string, n int) string { return notiontest.NewID(1, fmt.Sprint(kind, n)) }
			l := newMemoryLake()
			var tables map[string]*memoryTable
			for night, at := range []time.Duration{time.Second, 0} { // the search comes before the first
				o := contentOptions(newClient(t, server))
				o.Now, o.Archived, o.Users = func() time.Time { return w.Model().Clock }, false, false
				if excluded {
					o.Exclude = []string{"source 1"}
				}
				began = time.Now()
				clear(asked)
				var err error
				if tables, err = l.run(t.Context(), fmt.Sprint("load", night), NewSource(o)); err != nil {
					t.Fatal(err)
				}
				for n := range 2 {
					if excluded && n == 1 {
						at = time.Second // it has no table: the search shows it
					}
					for _, path := range []string{name("source", n), name("database", n)} {
						equal(t, asked[path], []time.Duration{at})
					}
					want := []time.Duration{at}
					switch {
					case excluded && n == 1:
						want = nil
					case excluded:
						want[0] = 2 * time.Second // what the search shows is looked at first
					}
					equal(t, asked[name("source", n)+"/query"], want)
				}
				if night == 1 && moved {
					equal(t, asked[name("database", 2)], []time.Duration{time.Second})
				}
				if moved {
					w.Update(func(tx *notiontest.Tx) {
						tx.AddDatabase(notiontest.Database{ID: name("database", 2), Title: notiontest.Plain("Another")})
						tx.Database(name("database", 0)).Sources = nil
						tx.Source(name("source", 0)).Database, tx.Database(name("database", 2)).Sources = name("database", 2), []string{name("source", 0)}
					})
				}
			}
			equal(t, problemsOf(tables), []string(nil))
		})
	}
}
