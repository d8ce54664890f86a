package extract

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// partsWorkspace has two data sources with a row each, in whose toggle a page stands
// with a link in it, and a comment on all of it.
func partsWorkspace() *notiontest.Workspace {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		for _, k := range []string{"tasks", "clients"} {
			source := addSource(tx, k, notiontest.Parent{})
			row := tx.AddRow(source, notiontest.Page{ID: key("row " + k), Values: titled("row of " + k)})
			addBlock(tx, "toggle "+k, "page_id", row, "toggle", `{"rich_text":[]}`)
			addBlock(tx, "unsupported "+k, "page_id", row, "unsupported", `{"block_type":"ai_block"}`)
			page := tx.AddPage(notiontest.Page{ID: key("page " + k), Parent: notiontest.Parent{Type: "block_id", ID: key("toggle " + k)}, Values: titled("page of " + k)})
			addBlock(tx, "link "+k, "page_id", page, "link_to_page", `{"type":"page_id","page_id":"`+row+`"}`)
			for _, on := range []notiontest.Parent{{Type: "page_id", ID: page}, {Type: "block_id", ID: key("link " + k)}} {
				tx.AddComment(notiontest.Comment{ID: key("comment on " + on.ID), Discussion: on.ID, Parent: on, Text: notiontest.Text{{Text: "see", Mention: &notiontest.Mention{Type: "page", ID: row}}}})
			}
		}
		tx.Tick(time.Hour)
	})
	return w
}

func key(k string) string { return notiontest.NewID(1, k) }

func titled(s string) map[string]notiontest.Value {
	return map[string]notiontest.Value{"title": notiontest.Plain(s)}
}

func addSource(tx *notiontest.Tx, k string, in notiontest.Parent) string {
	tx.AddDatabase(notiontest.Database{ID: key("database " + k), Title: notiontest.Plain(k), Parent: in})
	tx.AddSource(notiontest.DataSource{ID: key(k), Database: key("database " + k), Title: notiontest.Plain(k), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
	return key(k)
}

func addBlock(tx *notiontest.Tx, k, in, id, typ, payload string) {
	tx.AddBlock(notiontest.Block{ID: key(k), Parent: notiontest.Parent{Type: in, ID: id}, Type: typ, Payload: payload, Kids: typ == "toggle" || typ == "synced_block"})
}

// contentKeys are the rows of the tables of content, by what tells them apart.
func contentKeys(tables map[string]*memoryTable) map[string][]string {
	keys := map[string][]string{}
	for table, columns := range map[string][]string{
		keyPages: {"id"}, keyBlocks: {"id"}, keyComments: {"id"},
		keyLinks: {"page_id", "block_id", "comment_id", "kind", "target_id"}, keyProblems: {"kind", "object_id", "count"},
	} {
		if t := tables[table]; t != nil {
			keys[table] = []string{}
			for _, row := range t.rows {
				line := ""
				for _, c := range columns {
					line += " " + row[t.column(c)].String()
				}
				keys[table] = append(keys[table], line)
			}
			slices.Sort(keys[table])
		}
	}
	return keys
}

// A part of the workspace whose configuration reads less or more than that of the
// load before keeps what it does not read, and what belongs to others.
func TestPartOfOtherContent(t *testing.T) {
	contents := map[string]Content{
		"all":         {Pages: true, Blocks: true, Markdown: true, Comments: true, BlockComments: true},
		"no blocks":   {Pages: true, Comments: true},
		"no pages":    {Blocks: true, Comments: true, BlockComments: true},
		"no comments": {Pages: true, Blocks: true},
		"comments":    {Comments: true},
		"nothing":     {},
	}
	w := partsWorkspace()
	load := func(t *testing.T, l *memoryLake, id string, c Content, only ...string) map[string]*memoryTable {
		t.Helper()
		o := contentOptions(newClient(t, notiontest.NewServer(w, notiontest.Options{})))
		o.Content, o.Only, o.Now = c, only, func() time.Time { return w.Model().Clock }
		if _, err := l.run(t.Context(), id, NewSource(o)); err != nil {
			t.Fatal(err)
		}
		return l.before
	}
	all := contentKeys(load(t, newMemoryLake(), "20260101T000000Z", contents["all"]))
	for first, c := range contents {
		for second, d := range contents {
			if raced && first != "all" && second != "all" {
				continue
			}
			t.Run(first+" then "+second, func(t *testing.T) {
				l := newMemoryLake()
				before := contentKeys(load(t, l, "20260101T000000Z", c))
				after := contentKeys(load(t, l, "20260102T000000Z", d, "tasks"))
				for table, rows := range before {
					if missing := linesWithout(rows, after[table]); len(missing) > 0 {
						t.Errorf("%s lost %q", table, missing)
					}
					if more := linesWithout(after[table], rows, all[table]); len(more) > 0 {
						t.Errorf("%s has %q", table, more)
					}
				}
				if rows := after[keyPages]; first == "no pages" && d.Pages && d.Blocks && len(rows) != 2 {
					t.Errorf("the part's pages: %q", rows)
				}
				load(t, l, "20260103T000000Z", contents["all"], "clients")
				if diff := cmp.Diff(all, contentKeys(load(t, l, "20260104T000000Z", contents["all"], "tasks"))); diff != "" {
					t.Errorf("then both parts, everything: -want +got\n%s", diff)
				}
			})
		}
	}
}

// linesWithout are the lines that are in none of the others.
func linesWithout(lines []string, others ...[]string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool {
		return slices.ContainsFunc(others, func(o []string) bool { return slices.Contains(o, l) })
	})
}

// What leaves a part between two loads leaves its rows, whatever of it is read; what
// has moved to another part stays until that is read.
func TestPartOfWhatLeft(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*notiontest.Tx)
		left   bool // its rows
	}{
		"trashed": {func(tx *notiontest.Tx) { tx.Trash(key("page tasks")) }, true},
		"moved": {func(tx *notiontest.Tx) {
			tx.Page(key("page tasks")).Parent = notiontest.Parent{Type: "page_id", ID: key("row clients")}
		}, false},
		"moved to the top":   {func(tx *notiontest.Tx) { tx.Page(key("page tasks")).Parent = notiontest.Parent{Type: "workspace"} }, false},
		"the page above too": {func(tx *notiontest.Tx) { tx.Trash(key("row tasks")) }, true},
	} {
		for _, part := range []Content{{Pages: true, Blocks: true}, {Pages: true}, {Blocks: true}} {
			t.Run(fmt.Sprint(name, part), func(t *testing.T) {
				w := partsWorkspace()
				server := notiontest.NewServer(w, notiontest.Options{})
				l := newMemoryLake()
				load := func(id string, c Content, only ...string) map[string][]string {
					o := contentOptions(newClient(t, server))
					o.Content, o.Only = c, only
					if _, err := l.run(t.Context(), id, NewSource(o)); err != nil {
						t.Fatal(err)
					}
					return contentKeys(l.before)
				}
				load("20260101T000000Z", Content{Pages: true, Blocks: true})
				w.Update(c.change)
				after := load("20260102T000000Z", part, "tasks")
				if part.Pages && slices.Contains(after[keyPages], " "+key("page tasks")) == c.left {
					t.Errorf("_pages: %q", after[keyPages])
				}
				if part.Blocks && slices.Contains(after[keyBlocks], " "+key("link tasks")) == c.left {
					t.Errorf("_blocks: %q", after[keyBlocks])
				}
				if len(after[keyProblems]) < 2 {
					t.Errorf("_problems: %q", after[keyProblems])
				}
			})
		}
	}
}

// A row that has moved out of a part stays among the pages, until the part is read
// where it is now.
func TestPartOfMovedRow(t *testing.T) {
	for name, move := range map[string]func(*notiontest.Tx){
		"to another data source": func(tx *notiontest.Tx) { tx.Move(key("row tasks"), key("clients")) },
		"under a page of another": func(tx *notiontest.Tx) {
			tx.MoveTo(key("row tasks"), notiontest.Parent{Type: "page_id", ID: key("row clients")})
			tx.Page(key("row clients")).Locked = true // it was edited
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := partsWorkspace()
			server := notiontest.NewServer(w, notiontest.Options{})
			l := newMemoryLake()
			load := func(id string, only ...string) (in string, gone []lake.Gone) {
				o := contentOptions(newClient(t, server))
				o.Only = only
				got, err := l.run(t.Context(), id, NewSource(o))
				if err != nil {
					t.Fatal(err)
				}
				if tasks := got[key("tasks")]; tasks != nil {
					gone = tasks.gone
				}
				return l.before[keyPages].cell(key("row tasks"), "parent_id").Text(), gone
			}
			load("20260101T000000Z")
			w.Update(move)
			in, gone := load("20260102T000000Z", "tasks")
			equal(t, gone, []lake.Gone{{Reason: "moved", Count: 1}})
			equal(t, in, key("tasks"))
			in, _ = load("20260103T000000Z", "clients")
			equal(t, in, w.Model().Pages[key("row tasks")].Parent.ID)
		})
	}
}

// Once a part waits for the lock to publish, it asks Notion for nothing more.
func TestPartAsksBeforeTheLock(t *testing.T) {
	w := partsWorkspace()
	w.Update(func(tx *notiontest.Tx) {
		tx.AddUser(notiontest.User{ID: key("guest"), Type: "person", Name: "Guest", Guest: true})
		tx.AddView(key("tasks"), notiontest.View{ID: key("view"), Database: key("database tasks"), Name: "All", Type: "table"})
		tx.AddRow(key("tasks"), notiontest.Page{Values: titled("by a guest"), CreatedBy: key("guest")})
	})
	server := notiontest.NewServer(w, notiontest.Options{})
	l := newMemoryLake()
	var requests int64
	l.joined = func() { requests = server.Stats().Requests }
	for i, content := range []Content{contentOptions(nil).Content, {Views: true}} {
		o := contentOptions(newClient(t, server))
		o.Content, o.Only = content, []string{"tasks"}
		got, err := l.run(t.Context(), fmt.Sprintf("2026010%dT000000Z", i+1), NewSource(o))
		if err != nil {
			t.Fatal(err)
		}
		if n := server.Stats().Requests - requests; n != 0 {
			t.Errorf("%d requests: %v", n, server.Stats().Routes)
		}
		if len(got[keyViews].rows) != 1 || got[keyUsers].cell(key("guest"), "name").Text() != "Guest" {
			t.Errorf("views %v, users %v", got[keyViews].rows, got[keyUsers].rows)
		}
	}
}
