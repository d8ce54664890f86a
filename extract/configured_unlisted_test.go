package extract

import (
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A data source that a configured database does not list any more is told, and its table
// stays; so it is no surprise that its pages are gone.
func TestConfiguredUnlisted(t *testing.T) {
	for name, test := range map[string]struct {
		leave  func(tx *notiontest.Tx)
		unread string
		lost   int64
	}{
		"unshared": {func(tx *notiontest.Tx) { tx.Source(key("b")).Unshared = true }, reasonUnshared, 5},
		"trash":    {func(tx *notiontest.Tx) { tx.Source(key("b")).Trashed = true }, reasonTrash, 5},
		"nothing":  {func(*notiontest.Tx) {}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := notiontest.NewWorkspace(1)
			w.Update(func(tx *notiontest.Tx) {
				tx.AddDatabase(notiontest.Database{ID: key("db"), Title: notiontest.Plain("db")})
				for _, k := range []string{"a", "b"} {
					tx.AddSource(notiontest.DataSource{ID: key(k), Database: key("db"), Title: notiontest.Plain(k), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
					for range 5 {
						tx.AddRow(key(k), notiontest.Page{Values: titled(k)})
					}
				}
				tx.Tick(time.Hour)
			})
			server, l := notiontest.NewServer(w, notiontest.Options{}), newMemoryLake()
			load := func(id string) map[string]*memoryTable {
				o := contentOptions(newClient(t, server))
				o.Databases = []Database{{ID: key("db")}}
				got, err := l.run(t.Context(), id, NewSource(o))
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			load("20260101T000000Z")
			w.Update(test.leave)
			got := load("20260102T000000Z")
			if got[key("b")] == nil {
				t.Fatal("nothing is said of the table")
			}
			equal(t, got[key("b")].unread, test.unread)
			equal(t, got[keyPages].lost, test.lost)
			equal(t, len(got[keyPages].rows), 10-int(test.lost))
		})
	}
}
