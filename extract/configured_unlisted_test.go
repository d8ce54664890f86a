package extract

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// An unlistedWorld has the data sources a and b in a database db, and c in another one.
type unlistedWorld struct {
	t      *testing.T
	w      *notiontest.Workspace
	server *notiontest.Server
	lake   *memoryLake
	nights int
}

func newUnlistedWorld(t *testing.T) *unlistedWorld {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		for _, k := range []string{"db", "other"} {
			tx.AddDatabase(notiontest.Database{ID: key(k), Title: notiontest.Plain("in " + k)})
		}
		for _, k := range []string{"a", "b", "c"} {
			database := "db"
			if k == "c" {
				database = "other"
			}
			tx.AddSource(notiontest.DataSource{ID: key(k), Database: key(database), Title: notiontest.Plain("of " + k), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
			for range 5 {
				tx.AddRow(key(k), notiontest.Page{Values: titled(k)})
			}
		}
		tx.Tick(time.Hour)
	})
	return &unlistedWorld{t: t, w: w, server: notiontest.NewServer(w, notiontest.Options{}), lake: newMemoryLake()}
}

func (u *unlistedWorld) load(exclude []string, databases ...Database) map[string]*memoryTable {
	u.t.Helper()
	o := contentOptions(newClient(u.t, u.server))
	o.Databases, o.Exclude = databases, exclude
	u.nights++
	got, err := u.lake.run(u.t.Context(), fmt.Sprintf("2026010%dT000000Z", u.nights), NewSource(o))
	if err != nil {
		u.t.Fatal(err)
	}
	return got
}

// hideB has the database list b no more, moveB moves it to the other one.
func hideB(tx *notiontest.Tx) { tx.Database(key("db")).Sources = []string{key("a")} }

func moveB(tx *notiontest.Tx) {
	hideB(tx)
	tx.Source(key("b")).Database, tx.Database(key("other")).Sources = key("other"), []string{key("c"), key("b")}
}

// A data source that a configured database does not list any more is told, and its table
// stays; so it is no surprise that its pages are gone. Where it is in another database that
// is configured too, it is read, whatever became of the one in which it was.
func TestConfiguredUnlisted(t *testing.T) {
	movedTo := fmt.Sprintf(reasonMoved, key("other"))
	other := []Database{{ID: key("other")}}
	for name, test := range map[string]struct {
		leave  func(tx *notiontest.Tx)
		also   []Database // that are configured
		unread string
		lost   int64
	}{
		"unshared":                      {func(tx *notiontest.Tx) { tx.Source(key("b")).Unshared = true }, nil, reasonUnshared, 5},
		"trash":                         {func(tx *notiontest.Tx) { tx.Source(key("b")).Trashed = true }, nil, reasonTrash, 5},
		"nothing":                       {func(*notiontest.Tx) {}, nil, "", 0},
		"not listed":                    {hideB, nil, "", 0},
		"moved":                         {moveB, nil, movedTo, 5},
		"moved and configured":          {moveB, []Database{{ID: key("b")}}, "", 0},
		"moved to another configured":   {moveB, other, "", 0},
		"moved there and not listed":    {func(tx *notiontest.Tx) { moveB(tx); tx.Database(key("other")).Sources = []string{key("c")} }, other, "", 0},
		"moved, and none is left there": {func(tx *notiontest.Tx) { moveB(tx); tx.Database(key("db")).Sources = nil }, nil, movedTo, 5},
		"moved out of the trash":        {func(tx *notiontest.Tx) { moveB(tx); tx.Database(key("db")).Trashed = true }, other, "", 5},
		"moved out of what is unshared": {func(tx *notiontest.Tx) { moveB(tx); tx.Database(key("db")).Unshared = true }, other, "", 5},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUnlistedWorld(t)
			databases := append([]Database{{ID: key("db")}}, test.also...)
			rows := len(u.load(nil, databases...)[keyPages].rows)
			u.w.Update(test.leave)
			for _, lost := range []int64{test.lost, 0} { // it is told again
				got := u.load(nil, databases...)
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

// What is configured itself has its own name, whether its database lists it or not.
func TestConfiguredUnlistedName(t *testing.T) {
	u := newUnlistedWorld(t)
	u.w.Update(hideB)
	for range 3 {
		got := u.load(nil, Database{ID: key("db"), Name: "work"}, Database{ID: key("b"), Name: "bee"})
		equal(t, got[key("b")].schema.Table, "bee")
	}
}

// Of what moved and is excluded, by whatever name, nothing is said.
func TestConfiguredUnlistedExcluded(t *testing.T) {
	for _, exclude := range []string{key("b"), "of b", key("other"), "in other"} {
		t.Run(exclude, func(t *testing.T) {
			u := newUnlistedWorld(t)
			u.load(nil, Database{ID: key("db")})
			u.w.Update(moveB)
			got := u.load([]string{exclude}, Database{ID: key("db")})
			if got[key("b")] != nil || strings.Contains(fmt.Sprint(problemsOf(got)), key("b")) {
				t.Errorf("it is told: %v", problemsOf(got))
			}
		})
	}
}

// What moved, is configured itself and cannot be read has failed, and no more is said.
func TestConfiguredUnlistedFails(t *testing.T) {
	u := newUnlistedWorld(t)
	databases := []Database{{ID: key("db")}, {ID: key("b")}}
	u.load(nil, databases...)
	u.w.Update(moveB)
	u.server.Inject(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/databases/"+key("b")) }, notiontest.FaultRestricted, 1000)
	got := u.load(nil, databases...)
	if told := fmt.Sprint(problemsOf(got)); got[key("b")].unread != "" || !strings.Contains(told, string(KindPartial)+" "+key("b")) {
		t.Errorf("unread for %q, told %s", got[key("b")].unread, told)
	}
}
