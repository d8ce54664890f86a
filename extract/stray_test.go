package extract

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A page of which the load knows, and which its data source does not bring, is in the
// load with what is in it, and a problem says so: it moved there after the rows had been
// read, or Notion leaves it out.
func TestRowsNotListed(t *testing.T) {
	for _, test := range []struct {
		name   string
		nights int
		in     string // where page x is first: "": it is no row
		asked  string // the end of the path of the request before which it moves; "": Notion leaves it out
	}{
		{"a page becomes a row", 1, "", "/pages/" + key("x")},
		{"a page becomes a row on the second night", 2, "", "/pages/" + key("x")},
		{"a row becomes that of a data source that was read", 1, "b", key("b") + "/query"},
		{"a row is left out", 1, "a", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := notiontest.NewWorkspace(1)
				w.Update(func(tx *notiontest.Tx) {
					var shown string
					for _, s := range []string{"a", "b"} {
						addSource(tx, s, notiontest.Parent{})
						shown = tx.AddRow(key(s), notiontest.Page{Values: titled("row")})
					}
					x := notiontest.Page{ID: key("x"), Values: titled("x"), Unlisted: test.asked == ""}
					if test.in == "" {
						tx.AddPage(x)
					} else {
						tx.AddRow(key(test.in), x)
					}
					addBlock(tx, "text", "page_id", key("x"), "divider", "{}")
					addBlock(tx, "to x", "page_id", shown, "link_to_page", `{"type":"page_id","page_id":"`+key("x")+`"}`)
					tx.Tick(time.Hour)
				})
				night, once := 0, sync.Once{}
				server := notiontest.NewServer(w, notiontest.Options{Latency: time.Second, OnRequest: func(r *http.Request) {
					if test.asked != "" && night == test.nights && strings.HasSuffix(r.URL.Path, test.asked) {
						time.Sleep(30 * time.Second) // the rows of a are read meanwhile
						once.Do(func() { w.Update(func(tx *notiontest.Tx) { tx.Move(key("x"), key("a")) }) })
					}
				}})
				l := newMemoryLake()
				var got map[string]*memoryTable
				for night < test.nights {
					night++
					o := contentOptions(newClient(t, server))
					o.Now = func() time.Time { return w.Model().Clock }
					var err error
					if got, err = l.run(t.Context(), []string{"20260101T000000Z", "20260102T000000Z"}[night-1], NewSource(o)); err != nil {
						t.Fatal(err)
					}
				}
				if slices.Contains(got[key("a")].texts("_id"), key("x")) {
					t.Fatal("its data source brought it")
				}
				if way := got[keyPages].cell(key("x"), "discovered_by").Text(); way != byOnlyRow || got[keyBlocks].cell(key("text"), "page_id").Text() != key("x") {
					t.Errorf("the page was found by %q, its block is in %q", way, got[keyBlocks].cell(key("text"), "page_id").Text())
				}
				if want := []string{string(KindRowUnlisted) + " " + key("x")}; !slices.Equal(problemsOf(got), want) {
					t.Errorf("problems: %v, want %v", problemsOf(got), want)
				}
			})
		})
	}
}

// Such a row is looked for on the next night too, when nothing leads to it any more, and
// told when it is gone.
func TestRowNotListedStays(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		addSource(tx, "a", notiontest.Parent{})
		tx.AddRow(key("a"), notiontest.Page{Values: titled("row")})
		tx.AddRow(key("a"), notiontest.Page{ID: key("x"), Values: titled("x"), Unlisted: true})
		addBlock(tx, "text", "page_id", key("x"), "divider", "{}")
		tx.Tick(time.Hour)
	})
	server := notiontest.NewServer(w, notiontest.Options{SearchGap: notiontest.SearchShared})
	l := newMemoryLake()
	for night, want := range []string{
		string(KindRowUnlisted) + " " + key("x"), string(KindRowUnlisted) + " " + key("x"), string(KindNotShared) + " " + key("x"),
	} {
		o := contentOptions(newClient(t, server))
		o.Now = func() time.Time { return w.Model().Clock }
		got, err := l.run(t.Context(), fmt.Sprintf("2026010%dT000000Z", night+1), NewSource(o))
		if err != nil {
			t.Fatal(err)
		}
		if there := got[keyBlocks].cell(key("text"), "page_id").Text() == key("x"); there != (night < 2) || !slices.Equal(problemsOf(got), []string{want}) {
			t.Errorf("night %d: its block is there: %t, problems %v, want %v", night, there, problemsOf(got), want)
		}
		w.Update(func(tx *notiontest.Tx) {
			tx.Source(key("a")).Inherited = true // search does not show its rows any more
			tx.Page(key("x")).Unshared = night == 1
			tx.Tick(24 * time.Hour)
		})
	}
}

// Where only a block leads to a page, and Notion does not tell which page the block is
// on, that is said; where the answer fails, the tables about pages are not whole.
func TestPageOfBlockNotAnswered(t *testing.T) {
	for _, kind := range []string{"", notiontest.FaultInternal, notiontest.FaultRestricted} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := notiontest.NewWorkspace(1)
				w.Update(func(tx *notiontest.Tx) {
					addSource(tx, "inherited", notiontest.Parent{})
					tx.Source(key("inherited")).Inherited = true
					tx.AddRow(key("inherited"), notiontest.Page{ID: key("holder"), Values: titled("holder")})
					addBlock(tx, "toggle", "page_id", key("holder"), "toggle", `{"rich_text":[]}`)
					addSource(tx, "shown", notiontest.Parent{Type: "block_id", ID: key("toggle")})
					tx.AddRow(key("shown"), notiontest.Page{Values: titled("row")})
				})
				server := notiontest.NewServer(w, notiontest.Options{SearchGap: notiontest.SearchShared})
				if kind != "" {
					server.Inject(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/v1/blocks/"+key("toggle")) }, kind, 1000)
				}
				got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(contentOptions(newClient(t, server))))
				if err != nil {
					t.Fatal(err)
				}
				there, said := slices.Contains(got[keyPages].texts("id"), key("holder")), slices.Contains(problemsOf(got), string(KindBlocks)+" "+key("toggle"))
				partial := got[keyPages].partial != nil
				if there != (kind == "") || said == there || partial != (kind == notiontest.FaultInternal) {
					t.Errorf("the page is there: %t, problems %v, _pages %v", there, problemsOf(got), got[keyPages].partial)
				}
			})
		})
	}
}

// What only a copy shows is there too where the page with the copy becomes a row of a
// data source that only the copy leads to.
func TestCopyInPageThatBecomesRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := notiontest.NewWorkspace(1)
		w.Update(func(tx *notiontest.Tx) {
			other := tx.AddPage(notiontest.Page{ID: key("other"), Values: titled("other")})
			page := tx.AddPage(notiontest.Page{ID: key("x"), Values: titled("x")})
			addBlock(tx, "original", "page_id", other, "synced_block", `{"synced_from":null}`)
			addBlock(tx, "inside", "block_id", key("original"), "divider", `{}`)
			addSource(tx, "late", notiontest.Parent{Type: "block_id", ID: key("original")})
			tx.Source(key("late")).Inherited = true
			tx.AddRow(key("late"), notiontest.Page{Values: titled("row")})
			addBlock(tx, "copy", "page_id", page, "synced_block", `{"synced_from":{"type":"block_id","block_id":"`+key("original")+`"}}`)
			tx.Tick(time.Hour)
		})
		once, moved := sync.Once{}, false
		server := notiontest.NewServer(w, notiontest.Options{Latency: time.Second, SearchGap: notiontest.SearchShared, OnRequest: func(r *http.Request) {
			if strings.HasSuffix(r.URL.Path, key("late")+"/query") {
				once.Do(func() { moved = true; w.Update(func(tx *notiontest.Tx) { tx.Move(key("x"), key("late")) }) })
			}
		}})
		o := contentOptions(newClient(t, server))
		o.Exclude = []string{key("other")}
		got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(o))
		if err != nil {
			t.Fatal(err)
		}
		if page := got[keyBlocks].cell(key("inside"), "page_id").Text(); !moved || page != key("x") {
			t.Errorf("moved: %t, the block is in %q", moved, page)
		}
	})
}

// A database that is renamed after the page that it stands in was read, and before it
// was asked for itself, has its new title in the page on the next night.
func TestDatabaseRenamedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := notiontest.NewWorkspace(1)
		w.Update(func(tx *notiontest.Tx) {
			tx.AddPage(notiontest.Page{ID: key("page"), Values: titled("page")})
			addSource(tx, "other", notiontest.Parent{})
			tx.AddRow(key("other"), notiontest.Page{Values: titled("row")})
			addSource(tx, "old", notiontest.Parent{Type: "page_id", ID: key("page")})
			tx.Source(key("old")).Inherited = true
			tx.AddRow(key("old"), notiontest.Page{Values: titled("row")})
			tx.Tick(24 * time.Hour)
		})
		once, database := sync.Once{}, key("database old")
		server := notiontest.NewServer(w, notiontest.Options{Latency: time.Second, SearchGap: notiontest.SearchShared, OnRequest: func(r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/databases/"+database) {
				once.Do(func() {
					w.Update(func(tx *notiontest.Tx) {
						tx.Tick(time.Minute)
						tx.Database(database).Title, tx.Database(database).Edited = notiontest.Plain("New"), tx.Model().Clock
					})
				})
			}
		}})
		l := newMemoryLake()
		var got map[string]*memoryTable
		for _, load := range []string{"20260101T000000Z", "20260102T000000Z"} {
			o := contentOptions(newClient(t, server))
			o.Now = func() time.Time { return w.Model().Clock }
			var err error
			if got, err = l.run(t.Context(), load, NewSource(o)); err != nil {
				t.Fatal(err)
			}
			w.Update(func(tx *notiontest.Tx) { tx.Tick(24 * time.Hour) })
		}
		if block, title := got[keyBlocks].cell(database, "text").Text(), got[keyDatabases].cell(database, "title").Text(); block != "New" || title != "New" {
			t.Errorf("the block says %q, the database %q", block, title)
		}
	})
}

// A data source that is shared after its rows were asked for early is read.
func TestSharedAfterEarlyRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := notiontest.NewWorkspace(1)
		w.Update(func(tx *notiontest.Tx) {
			addSource(tx, "a", notiontest.Parent{})
			tx.AddRow(key("a"), notiontest.Page{Values: titled("x")})
			tx.Tick(time.Hour)
		})
		second := false
		server := notiontest.NewServer(w, notiontest.Options{Latency: time.Second, OnRequest: func(r *http.Request) {
			if second && strings.HasSuffix(r.URL.Path, "/data_sources/"+key("a")) {
				time.Sleep(5 * time.Second)
				w.Update(func(tx *notiontest.Tx) { tx.Share(key("a")) })
			}
		}})
		l := newMemoryLake()
		for _, load := range []string{"20260101T000000Z", "20260102T000000Z"} {
			o := contentOptions(newClient(t, server))
			o.AllowEmpty = true
			got, err := l.run(t.Context(), load, NewSource(o))
			if err != nil {
				t.Fatal(err)
			}
			if err := got[key("a")].partial; err != nil {
				t.Errorf("load %s: %v", load, err)
			}
			w.Update(func(tx *notiontest.Tx) { tx.Unshare(key("a")) })
			second = true
		}
	})
}
