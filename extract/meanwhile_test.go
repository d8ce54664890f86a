package extract

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// TestChangedMeanwhile changes the workspace after its properties were read and
// before its rows are.
func TestChangedMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(tx *notiontest.Tx)
		want    string
		omitted []lake.Omission
	}{
		"renamed": {func(tx *notiontest.Tx) { tx.RenameProperty(id("east"), "amount", "Sum") }, "east", nil},
		"removed": {func(tx *notiontest.Tx) { tx.RemoveProperty(id("east"), "amount") }, "east", nil},
		"added": {
			func(tx *notiontest.Tx) {
				tx.AddProperty(id("east"), notiontest.Property{ID: "new", Name: "New", Type: "checkbox"}, 0)
			},
			"east",
			[]lake.Omission{{PropertyID: "new", Reason: string(ReasonAdded), Count: 60}},
		},
		"retyped": {
			func(tx *notiontest.Tx) {
				tx.Retype(id("east"), "amount", notiontest.Property{Name: "Amount", Type: "rich_text"}, func(notiontest.Value) notiontest.Value { return nil })
			},
			"east partial", nil,
		},
		"trashed and archived": {
			func(tx *notiontest.Tx) {
				rows := tx.Model().Source(id("east")).Rows
				tx.Trash(rows[0])
				tx.Archive(rows[1])
			},
			"east", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var v *world
			changed := false
			v = newWorld(t, notiontest.Options{OnRequest: func(r *http.Request) {
				if onPath(id("east")+"/query")(r) && !changed {
					changed = true
					v.w.Update(c.change)
				}
			}})
			tables := v.load()
			equal(t, sources(tables), []string{c.want, "tasks", "west"})
			equal(t, tables[id("east")].omitted, c.omitted)
		})
	}
}

// TestArchivedMeanwhile archives a row after it was read as one that is not: it
// comes again, and its newer state supersedes the older one.
func TestArchivedMeanwhile(t *testing.T) {
	var v *world
	queries := 0
	v = newWorld(t, notiontest.Options{OnRequest: func(r *http.Request) {
		if onPath(id("west") + "/query")(r) {
			if queries++; queries == 2 {
				v.w.Update(func(tx *notiontest.Tx) { tx.Archive(tx.Model().Source(id("west")).Rows[0]) })
			}
		}
	}})
	west := v.load()[id("west")]
	equal(t, west.texts("_archived"), []string{"true"})
}

// TestArchivedWhileWaiting archives a row after it was listed, while what it does not
// show is fetched: it comes again before it is a row, and supersedes it all the same.
func TestArchivedWhileWaiting(t *testing.T) {
	for _, content := range []Content{{}, {Pages: true, Blocks: true}} {
		synctest.Test(t, func(t *testing.T) {
			v := newWorld(t, notiontest.Options{})
			v.w.Update(func(tx *notiontest.Tx) { // more people than a page shows
				tx.AddProperty(id("west"), notiontest.Property{ID: "who", Name: "Who", Type: "people"}, 0)
				tx.AddRow(id("west"), notiontest.Page{ID: id("many"), Values: map[string]notiontest.Value{"who": slices.Repeat(notiontest.People{id("guest")}, 30)}})
			})
			var archived atomic.Bool
			queries := 0
			v.server = notiontest.NewServer(v.w, notiontest.Options{OnRequest: func(r *http.Request) {
				if onPath(id("west") + "/query")(r) {
					if queries++; queries > 1 {
						time.Sleep(time.Second)
					}
				}
				if strings.Contains(r.URL.Path, id("many")+"/properties/") && archived.CompareAndSwap(false, true) {
					v.w.Update(func(tx *notiontest.Tx) { tx.Archive(id("many")) })
					time.Sleep(time.Minute)
				}
			}})
			v.options.Client, v.options.Content = newClient(t, v.server), content
			west := v.load()[id("west")]
			equal(t, west.cell(id("many"), "_archived").String(), "true")
			if !archived.Load() {
				t.Error("nothing was fetched")
			}
		})
	}
}

func TestProperties(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	first := v.load()["_properties"]
	v.w.Update(func(tx *notiontest.Tx) {
		tx.RemoveProperty(id("east"), "amount")
		tx.AddProperty(id("east"), notiontest.Property{ID: "new", Name: "Amount", Type: "number"}, 0)
	})
	second := v.load()["_properties"]
	field := func(m *memoryTable, property, column string) string {
		for _, row := range m.rows {
			if row[0].Text() == id("east") && row[2].Text() == property {
				return row[m.column(column)].String()
			}
		}
		return "none"
	}
	for _, c := range [][3]string{
		{"amount", "first_load", "load1"},
		{"amount", "last_load", "load1"},
		{"amount", "field_id", field(first, "amount", "field_id")},
		{"new", "first_load", "load2"},
		{"new", "column_name", "amount"},
		{"title", "first_load", "load1"},
		{"title", "last_load", "load2"},
	} {
		equal(t, field(second, c[0], c[1]), c[2])
	}
	if field(second, "new", "field_id") == field(first, "amount", "field_id") {
		t.Error("a field ID was used twice")
	}
}

// TestManyUsers asks once for every user that is not listed, however many rows
// and tables show it.
func TestManyUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newWorld(t, notiontest.Options{Latency: time.Second})
		v.w.Update(func(tx *notiontest.Tx) {
			for range 300 {
				tx.AddRow(id("tasks"), notiontest.Page{CreatedBy: id("removed"), Values: map[string]notiontest.Value{"who": notiontest.People{id("guest"), id("removed")}}})
			}
		})
		v.load()
		if n := v.server.Stats().Routes["GET /v1/users/{user_id}"]; n != 2 {
			t.Errorf("%d requests for users: %v", n, v.server.Stats().Routes)
		}
	})
}

// TestArchivedWhileProved archives a row that was skipped, since another one was
// removed, while it is proved that none was: when the rows have been listed again, now
// on one page, the archived ones are asked for again too.
func TestArchivedWhileProved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := notiontest.NewWorkspace(1)
		source, database := notiontest.NewID(1, "source"), notiontest.NewID(1, "database")
		var rows []string
		w.Update(func(tx *notiontest.Tx) {
			tx.AddDatabase(notiontest.Database{ID: database, Title: notiontest.Plain("Source")})
			tx.AddSource(notiontest.DataSource{ID: source, Database: database, Title: notiontest.Plain("Source"), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
			for range 150 { // in one minute
				rows = append(rows, tx.AddRow(source, notiontest.Page{}))
			}
			tx.Tick(time.Hour)
		})
		queries, proofs := 0, 0
		server := notiontest.NewServer(w, notiontest.Options{Latency: time.Second, OnRequest: func(r *http.Request) {
			switch {
			case !strings.HasSuffix(r.URL.Path, "/query"):
			case r.URL.RawQuery != "":
				if proofs++; proofs == 2 {
					w.Update(func(tx *notiontest.Tx) {
						tx.Archive(rows[100])
						for _, row := range rows[1:61] {
							tx.Trash(row)
						}
					})
				}
			default:
				if queries++; queries == 2 {
					w.Trash(rows[0])
				}
			}
		}})
		o := contentOptions(newClient(t, server))
		o.Now = func() time.Time { return w.Model().Clock }
		tables, err := newMemoryLake().run(t.Context(), "load1", NewSource(o))
		if err != nil {
			t.Fatal(err)
		}
		if proofs != 2 || queries != 5 { // the rows on two pages, on one, the archived ones twice
			t.Errorf("%d queries and %d to prove that none was skipped, want 5 and 2", queries, proofs)
		}
		equal(t, tables[source].cell(rows[100], "_archived").String(), "true")
	})
}
