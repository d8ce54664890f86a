package extract

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// TestDeltaRequests counts what a nightly load of 5,000 pages costs of which 50
// changed: it may be a tenth more than the listing and what is in those.
func TestDeltaRequests(t *testing.T) {
	if raced {
		t.Skip("a count of requests is the same without the race detector, and 5,000 pages take a minute with it")
	}
	const rows, others, sources = 4000, 1000, 8
	w := notiontest.NewWorkspace(1)
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
		w.Update(func(tx *notiontest.Tx) {
			tx.Tick(24 * time.Hour)
			for i := range 50 {
				tx.SetBlock(notiontest.NewID(2, fmt.Sprint(all[i*len(all)/50], 1)), `{"color":"red"}`)
			}
			tx.Tick(time.Hour)
		})
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
