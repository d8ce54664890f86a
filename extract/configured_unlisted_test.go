package extract

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A data source that a configured database does not list any more is told, and its table
// stays; so it is no surprise that its pages are gone.
func TestConfiguredUnlisted(t *testing.T) {
	hide := func(tx *notiontest.Tx) { tx.Database(key("db")).Sources = []string{key("a")} }
	move := func(tx *notiontest.Tx) {
		hide(tx)
		tx.Source(key("b")).Database, tx.Database(key("other")).Sources = key("other"), []string{key("c"), key("b")}
	}
	movedTo := fmt.Sprintf(reasonMoved, key("other"))
	for name, test := range map[string]struct {
		leave  func(tx *notiontest.Tx)
		also   []Database // that are configured
		unread string
		lost   int64
	}{
		"unshared":                      {func(tx *notiontest.Tx) { tx.Source(key("b")).Unshared = true }, nil, reasonUnshared, 5},
		"trash":                         {func(tx *notiontest.Tx) { tx.Source(key("b")).Trashed = true }, nil, reasonTrash, 5},
		"nothing":                       {func(*notiontest.Tx) {}, nil, "", 0},
		"not listed":                    {hide, nil, "", 0},
		"moved":                         {move, nil, movedTo, 5},
		"moved and configured":          {move, []Database{{ID: key("b")}}, "", 0},
		"moved to another configured":   {move, []Database{{ID: key("other")}}, "", 0},
		"moved there and not listed":    {func(tx *notiontest.Tx) { move(tx); tx.Database(key("other")).Sources = []string{key("c")} }, []Database{{ID: key("other")}}, "", 0},
		"moved, and none is left there": {func(tx *notiontest.Tx) { move(tx); tx.Database(key("db")).Sources = nil }, nil, movedTo, 5},
	} {
		t.Run(name, func(t *testing.T) {
			w := notiontest.NewWorkspace(1)
			w.Update(func(tx *notiontest.Tx) {
				for _, k := range []string{"db", "other"} {
					tx.AddDatabase(notiontest.Database{ID: key(k), Title: notiontest.Plain(k)})
				}
				for _, k := range []string{"a", "b", "c"} {
					database := "db"
					if k == "c" {
						database = "other"
					}
					tx.AddSource(notiontest.DataSource{ID: key(k), Database: key(database), Title: notiontest.Plain(k), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
					for range 5 {
						tx.AddRow(key(k), notiontest.Page{Values: titled(k)})
					}
				}
				tx.Tick(time.Hour)
			})
			server, l := notiontest.NewServer(w, notiontest.Options{}), newMemoryLake()
			load := func(id string) map[string]*memoryTable {
				o := contentOptions(newClient(t, server))
				o.Databases = append([]Database{{ID: key("db")}}, test.also...)
				got, err := l.run(t.Context(), id, NewSource(o))
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			rows := len(load("20260101T000000Z")[keyPages].rows)
			w.Update(test.leave)
			for night, lost := range []int64{test.lost, 0} { // it is told again
				got := load(fmt.Sprintf("2026010%dT000000Z", 2+night))
				if got[key("b")] == nil {
					t.Fatal("nothing is said of the table")
				}
				equal(t, got[key("b")].unread, test.unread)
				equal(t, got[keyPages].lost, lost)
				equal(t, len(got[keyPages].rows), rows-int(test.lost))
				told := strings.Contains(fmt.Sprint(problemsOf(got)), string(KindTable)+" "+key("b"))
				equal(t, told, test.unread != "")
			}
		})
	}
}
