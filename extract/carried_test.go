package extract

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// TestCarriedIsFull changes a workspace between two loads, or between two runs of
// one load, in ways that the time of the page in question does not tell of: what
// the second one takes from the first must be what a load of everything reads.
func TestCarriedIsFull(t *testing.T) {
	key := func(k string) string { return notiontest.NewID(1, k) }
	page := func(id string) notiontest.Parent { return notiontest.Parent{Type: "page_id", ID: id} }
	block := func(id string) notiontest.Parent { return notiontest.Parent{Type: "block_id", ID: id} }
	titled := func(s string) map[string]notiontest.Value {
		return map[string]notiontest.Value{"title": notiontest.Plain(s)}
	}
	mention := func(kind, of, plain string) string {
		return `{"rich_text":[{"type":"mention","mention":{"type":"` + kind + `","` + kind + `":` + of + `},"annotations":{},"plain_text":"` + plain + `","href":null}],"color":"default"}`
	}
	user := func(name string) string {
		return `{"object":"user","id":"` + key("ada") + `","name":"` + name + `","avatar_url":null,"type":"person","person":{}}`
	}
	source := func(tx *notiontest.Tx, k string, in notiontest.Parent) string {
		tx.AddDatabase(notiontest.Database{ID: key("database " + k), Title: notiontest.Plain(k), Parent: in})
		tx.AddSource(notiontest.DataSource{ID: key("source " + k), Database: key("database " + k), Title: notiontest.Plain(k), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
		return key("source " + k)
	}
	for name, c := range map[string]struct{ before, after func(tx *notiontest.Tx) }{
		"a page moves to another": {
			before: func(tx *notiontest.Tx) {
				tx.AddPage(notiontest.Page{ID: key("c"), Parent: page(key("a")), Values: titled("c")})
			},
			after: func(tx *notiontest.Tx) {
				edited := tx.Model().Pages[key("c")].Edited
				p := tx.Page(key("c"))
				p.Parent, p.Edited = page(key("b")), edited
			},
		},
		"a page becomes a row": {
			before: func(tx *notiontest.Tx) {
				source(tx, "d", notiontest.Parent{Type: "workspace"})
				tx.AddPage(notiontest.Page{ID: key("c"), Parent: page(key("a")), Values: titled("c")})
			},
			after: func(tx *notiontest.Tx) { tx.Move(key("c"), key("source d")) },
		},
		"a page moves to the workspace": {
			before: func(tx *notiontest.Tx) {
				tx.AddPage(notiontest.Page{ID: key("c"), Parent: page(key("a")), Values: titled("c")})
			},
			after: func(tx *notiontest.Tx) { tx.Page(key("c")).Parent = notiontest.Parent{Type: "workspace"} },
		},
		"a page moves from a block to another": {
			before: func(tx *notiontest.Tx) {
				for _, k := range []string{"a", "b"} {
					tx.AddBlock(notiontest.Block{ID: key("toggle " + k), Parent: page(key(k)), Type: "toggle", Payload: `{"rich_text":[]}`})
					tx.AddBlock(notiontest.Block{ID: key("in " + k), Parent: block(key("toggle " + k)), Type: "divider", Payload: "{}"})
				}
				tx.AddPage(notiontest.Page{ID: key("c"), Parent: block(key("toggle a")), Values: titled("c")})
			},
			after: func(tx *notiontest.Tx) { tx.Page(key("c")).Parent = block(key("toggle b")) },
		},
		"a page moves from a block to the page around it": {
			before: func(tx *notiontest.Tx) {
				tx.AddBlock(notiontest.Block{ID: key("toggle"), Parent: page(key("a")), Type: "toggle", Payload: `{"rich_text":[]}`})
				tx.AddBlock(notiontest.Block{ID: key("inside"), Parent: block(key("toggle")), Type: "divider", Payload: `{}`})
				tx.AddPage(notiontest.Page{ID: key("c"), Parent: block(key("toggle")), Values: titled("c")})
				source(tx, "d", block(key("toggle")))
			},
			after: func(tx *notiontest.Tx) {
				tx.Page(key("c")).Parent = page(key("a"))
				tx.Database(key("database d")).Parent = page(key("a"))
			},
		},
		"a page moves out of a block that is copied": {
			before: func(tx *notiontest.Tx) {
				tx.AddBlock(notiontest.Block{ID: key("original"), Parent: page(key("a")), Type: "synced_block", Payload: `{"synced_from":null}`})
				tx.AddBlock(notiontest.Block{ID: key("inside"), Parent: block(key("original")), Type: "divider", Payload: `{}`})
				tx.AddPage(notiontest.Page{ID: key("c"), Parent: block(key("original")), Values: titled("c")})
				tx.AddBlock(notiontest.Block{ID: key("copy"), Parent: page(key("b")), Type: "synced_block", Payload: `{"synced_from":{"type":"block_id","block_id":"` + key("original") + `"}}`})
			},
			after: func(tx *notiontest.Tx) { tx.Page(key("c")).Parent = page(key("a")) },
		},
		"a database moves from a page of a wiki to the wiki": {
			before: func(tx *notiontest.Tx) {
				source(tx, "wiki", notiontest.Parent{Type: "workspace"})
				tx.Source(key("source wiki")).Kind = "wiki"
				tx.AddRow(key("source wiki"), notiontest.Page{ID: key("row"), Values: titled("row")})
				source(tx, "d", page(key("row")))
			},
			after: func(tx *notiontest.Tx) {
				tx.Source(key("source wiki")).Children = []string{key("source d")}
				tx.Database(key("database d")).Parent = notiontest.Parent{Type: "database_id", ID: key("database wiki")}
			},
		},
		"a database moves to another page": {
			before: func(tx *notiontest.Tx) { source(tx, "d", page(key("a"))) },
			after:  func(tx *notiontest.Tx) { tx.Database(key("database d")).Parent = page(key("b")) },
		},
		"a database moves into a wiki": {
			before: func(tx *notiontest.Tx) {
				source(tx, "d", page(key("a")))
				tx.Source(source(tx, "of which nothing is shared", page(key("b")))).Unshared = true
				tx.Source(source(tx, "wiki", notiontest.Parent{Type: "workspace"})).Kind = "wiki"
			},
			after: func(tx *notiontest.Tx) {
				tx.Source(key("source wiki")).Children = []string{key("source d")}
				for _, k := range []string{"d", "of which nothing is shared"} {
					tx.Database(key("database " + k)).Parent = notiontest.Parent{Type: "database_id", ID: key("database wiki")}
				}
			},
		},
		"a database moves to the workspace": {
			before: func(tx *notiontest.Tx) { source(tx, "d", page(key("a"))) },
			after: func(tx *notiontest.Tx) {
				tx.Database(key("database d")).Parent = notiontest.Parent{Type: "workspace"}
			},
		},
		"a page below is edited in the minute of the load": {
			before: func(tx *notiontest.Tx) {
				tx.Tick(time.Hour)
				tx.AddPage(notiontest.Page{ID: key("c"), Parent: page(key("a")), Values: titled("c")})
			},
			after: func(tx *notiontest.Tx) {
				edited := tx.Model().Pages[key("c")].Edited
				tx.AddBlock(notiontest.Block{ID: key("new"), Parent: page(key("c")), Type: "divider", Payload: "{}"})
				tx.Page(key("c")).Edited = edited
			},
		},
		"a page is edited in the minute of the load": {
			before: func(tx *notiontest.Tx) {
				tx.Tick(time.Hour)
				tx.AddPage(notiontest.Page{ID: key("c"), Values: titled("c")})
			},
			after: func(tx *notiontest.Tx) {
				edited := tx.Model().Pages[key("c")].Edited
				tx.AddBlock(notiontest.Block{ID: key("new"), Parent: page(key("c")), Type: "divider", Payload: "{}"})
				tx.Page(key("c")).Edited = edited
			},
		},
		"a database is made in a page": {
			before: func(*notiontest.Tx) {},
			after:  func(tx *notiontest.Tx) { source(tx, "d", page(key("a"))) },
		},
		"a database below gets another title": {
			before: func(tx *notiontest.Tx) { source(tx, "d", page(key("a"))) },
			after:  func(tx *notiontest.Tx) { tx.Database(key("database d")).Title = notiontest.Plain("renamed") },
		},
		"what is mentioned gets another name": {
			before: func(tx *notiontest.Tx) {
				source(tx, "d", notiontest.Parent{Type: "workspace"})
				tx.AddUser(notiontest.User{ID: key("ada"), Type: "person", Name: "Ada"})
				tx.AddBlock(notiontest.Block{ID: key("x"), Parent: page(key("a")), Type: "paragraph", Payload: mention("database", `{"id":"`+key("database d")+`"}`, "d")})
				tx.AddBlock(notiontest.Block{ID: key("y"), Parent: page(key("b")), Type: "paragraph", Payload: mention("user", user("Ada"), "@Ada")})
			},
			after: func(tx *notiontest.Tx) {
				tx.Database(key("database d")).Title = notiontest.Plain("renamed")
				tx.Model().User(key("ada")).Name = "Ada Moreau"
				tx.Sneak(key("x"), mention("database", `{"id":"`+key("database d")+`"}`, "renamed"))
				tx.Sneak(key("y"), mention("user", user("Ada Moreau"), "@Ada Moreau"))
			},
		},
		"what is mentioned is shared": {
			before: func(tx *notiontest.Tx) {
				tx.AddPage(notiontest.Page{ID: key("secret"), Values: titled("secret"), Unshared: true})
				tx.AddBlock(notiontest.Block{ID: key("x"), Parent: page(key("a")), Type: "paragraph", Payload: mention("page", `{"id":"`+key("secret")+`"}`, "Untitled")})
			},
			after: func(tx *notiontest.Tx) {
				edited := tx.Model().Pages[key("secret")].Edited
				p := tx.Page(key("secret"))
				p.Unshared, p.Edited = false, edited
				tx.Sneak(key("x"), mention("page", `{"id":"`+key("secret")+`"}`, "secret"))
			},
		},
		"a copy shows what is in a row": {
			before: func(tx *notiontest.Tx) {
				row := tx.AddRow(source(tx, "d", notiontest.Parent{Type: "workspace"}), notiontest.Page{Values: titled("row")})
				tx.AddBlock(notiontest.Block{ID: key("original"), Parent: page(row), Type: "synced_block", Payload: `{"synced_from":null}`, Kids: true})
				tx.AddBlock(notiontest.Block{ID: key("inside"), Parent: notiontest.Parent{Type: "block_id", ID: key("original")}, Type: "equation", Payload: `{"expression":"1"}`})
				tx.AddBlock(notiontest.Block{ID: key("copy"), Parent: page(key("a")), Type: "synced_block", Payload: `{"synced_from":{"type":"block_id","block_id":"` + key("original") + `"}}`, Kids: true})
			},
			after: func(tx *notiontest.Tx) { tx.SetBlock(key("inside"), `{"expression":"2"}`) },
		},
	} {
		for _, continued := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/continued=%t", name, continued), func(t *testing.T) {
				w := notiontest.NewWorkspace(1)
				w.Update(func(tx *notiontest.Tx) {
					for _, k := range []string{"a", "b"} {
						tx.AddPage(notiontest.Page{ID: key(k), Values: titled(k)})
						tx.AddBlock(notiontest.Block{ID: key("text " + k), Parent: page(key(k)), Type: "divider", Payload: "{}"})
					}
					c.before(tx)
					if !strings.Contains(name, "minute") {
						tx.Tick(time.Hour)
					}
				})
				server := notiontest.NewServer(w, notiontest.Options{})
				load := func(l *memoryLake, id string) []string {
					o := contentOptions(newClient(t, server))
					o.Now = func() time.Time { return w.Model().Clock }
					got, err := l.run(t.Context(), id, NewSource(o))
					if err != nil && !(l.interrupted && errors.Is(err, context.Canceled)) {
						t.Fatal(err)
					}
					return contentOf(got)
				}
				l := newMemoryLake()
				l.interrupted = continued
				load(l, "20260101T000000Z")
				l.interrupted = false
				w.Update(func(tx *notiontest.Tx) {
					pages, databases := maps.Clone(tx.Model().Pages), slices.Clone(tx.Model().Databases)
					c.after(tx)
					if strings.Contains(name, "moves") || strings.Contains(name, "becomes") { // that is no edit
						for id, p := range pages {
							tx.Page(id).Edited = p.Edited
						}
						for _, d := range databases {
							tx.Database(d.ID).Edited = d.Edited
						}
					}
					tx.Tick(time.Hour)
				})
				if diff := cmp.Diff(load(newMemoryLake(), "20260102T000000Z"), load(l, "20260102T000000Z")); diff != "" {
					t.Errorf("-full load +this one\n%s", diff)
				}
			})
		}
	}
}

// contentOf are the rows of the tables of content, but for how pages were found.
func contentOf(tables map[string]*memoryTable) (lines []string) {
	if tables == nil {
		return nil
	}
	for _, key := range []string{keyPages, keyBlocks, keyComments, keyLinks, keyUsers} {
		table := tables[key]
		if table == nil { // they may be left out
			continue
		}
		for _, row := range table.rows {
			line := key
			for i, c := range table.schema.Columns {
				if c.Name != "discovered_by" {
					line += fmt.Sprintf(" %s=%s", c.Name, row[i])
				}
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// What could not be read in a page is asked for again every night, and said.
func TestUnreadIsReadAgain(t *testing.T) {
	w := notiontest.Tree(1, 1)
	w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
	server := notiontest.NewServer(w, notiontest.Options{})
	toggle := notiontest.NewID(1, "block/home/toggle")
	l := newMemoryLake()
	for night, unread := range []bool{true, true, false} {
		if unread {
			server.Inject(onPath(toggle+"/children"), notiontest.FaultRestricted, 1)
		}
		o := contentOptions(newClient(t, server))
		o.Now = func() time.Time { return w.Model().Clock }
		got, err := l.run(t.Context(), fmt.Sprintf("2026010%dT000000Z", night+1), NewSource(o))
		if err != nil {
			t.Fatal(err)
		}
		said := slices.Contains(problemsOf(got), "blocks_not_readable "+toggle)
		inner := got[keyBlocks].cell(notiontest.NewID(1, "block/home/inner"), "type").Text() == "to_do"
		if said != unread || inner == unread {
			t.Errorf("night %d: said: %t, there: %t", night, said, inner)
		}
		w.Update(func(tx *notiontest.Tx) { tx.Tick(24 * time.Hour) })
	}
}

// A load of a part reads nothing that was not asked for, whatever links to it.
func TestPartKeepsToWhatWasAskedFor(t *testing.T) {
	w := notiontest.Tree(1, 1)
	rows := map[string]string{}
	w.Update(func(tx *notiontest.Tx) {
		for _, k := range []string{"tasks", "salaries"} {
			database := notiontest.NewID(1, "database/"+k)
			tx.AddDatabase(notiontest.Database{ID: database, Title: notiontest.Plain(k)})
			tx.AddSource(notiontest.DataSource{ID: notiontest.NewID(1, k), Database: database, Title: notiontest.Plain(k), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
			rows[k] = tx.AddRow(notiontest.NewID(1, k), notiontest.Page{Values: map[string]notiontest.Value{"title": notiontest.Plain("row of " + k)}})
		}
		in := notiontest.Parent{Type: "page_id", ID: rows["tasks"]}
		tx.AddBlock(notiontest.Block{ID: notiontest.NewID(1, "link"), Parent: in, Type: "link_to_page", Payload: `{"type":"page_id","page_id":"` + rows["salaries"] + `"}`})
		inner := notiontest.NewID(1, "database/inner")
		tx.AddDatabase(notiontest.Database{ID: inner, Title: notiontest.Plain("inner"), Parent: in})
		tx.AddSource(notiontest.DataSource{ID: notiontest.NewID(1, "inner"), Database: inner, Title: notiontest.Plain("inner"), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
	})
	o := contentOptions(newClient(t, notiontest.NewServer(w, notiontest.Options{})))
	o.Exclude, o.Only = []string{"salar*"}, []string{"tasks"}
	got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(o))
	if err != nil {
		t.Fatal(err)
	}
	for key := range got {
		if !strings.HasPrefix(key, "_") && key != notiontest.NewID(1, "tasks") {
			t.Errorf("table %s", got[key].schema.Table)
		}
	}
	if n := len(got[keyPages].rows); n != 1 {
		t.Errorf("%d pages", n)
	}
}

// What another part publishes while a part is read stays, also where nothing was
// there when it began.
func TestPartsAtOnce(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	var all []string
	w.Update(func(tx *notiontest.Tx) {
		for _, k := range []string{"tasks", "clients"} {
			database, source := notiontest.NewID(1, "database/"+k), notiontest.NewID(1, k)
			tx.AddDatabase(notiontest.Database{ID: database, Title: notiontest.Plain(k)})
			tx.AddSource(notiontest.DataSource{ID: source, Database: database, Title: notiontest.Plain(k), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
			all = append(all, tx.AddRow(source, notiontest.Page{Values: map[string]notiontest.Value{"title": notiontest.Plain("row of " + k)}}))
		}
	})
	server := notiontest.NewServer(w, notiontest.Options{})
	part := func(name string) *Source {
		o := contentOptions(newClient(t, server))
		o.Only = []string{name}
		return NewSource(o)
	}
	published := newMemoryLake()
	l := newMemoryLake()
	l.joined = func() {
		if _, err := published.run(t.Context(), "20260101T000000Z", part("clients")); err != nil {
			t.Fatal(err)
		}
		maps.Copy(l.before, published.before)
	}
	got, err := l.run(t.Context(), "20260101T000001Z", part("tasks"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{keyPages, keyDataSources, keyDatabases, keyProperties} {
		if n := len(got[key].rows); n != len(all) {
			t.Errorf("%s: %d rows of %d", key, n, len(all))
		}
	}
}
