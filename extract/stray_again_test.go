package extract

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// nightOf makes one load by night, a day after the one before.
func nightOf(t *testing.T, w *notiontest.Workspace, server *notiontest.Server, l *memoryLake, night int, change func(*Options)) map[string]*memoryTable {
	t.Helper()
	o := contentOptions(newClient(t, server))
	o.AllowEmpty = true
	o.Now = func() time.Time { return w.Model().Clock }
	if change != nil {
		change(&o)
	}
	got, err := l.run(t.Context(), fmt.Sprintf("202601%02dT000000Z", night+1), NewSource(o))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// aloneRow is a row x with content that its data source does not list.
func aloneRow() *notiontest.Workspace {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		for _, k := range []string{"a", "b"} {
			addSource(tx, k, notiontest.Parent{})
			tx.AddRow(key(k), notiontest.Page{Values: titled("row")})
		}
		tx.AddRow(key("a"), notiontest.Page{ID: key("x"), Values: titled("x"), Unlisted: true})
		addBlock(tx, "text", "page_id", key("x"), "divider", "{}")
		tx.Tick(time.Hour)
	})
	return w
}

// A load of a part reads a row of it that its data source does not list, and the next
// whole load does, where no search shows it.
func TestRowNotListedInPart(t *testing.T) {
	w := aloneRow()
	w.Update(func(tx *notiontest.Tx) { addBlock(tx, "text0", "page_id", key("x"), "divider", "{}") })
	server := notiontest.NewServer(w, notiontest.Options{SearchGap: notiontest.SearchShared})
	l := newMemoryLake()
	for night := range 3 {
		got := nightOf(t, w, server, l, night, func(o *Options) {
			if night == 1 {
				o.Only = []string{"a"}
			}
		})
		for n := range night + 1 {
			if got[keyBlocks].cell(key(fmt.Sprint("text", n)), "page_id").Text() != key("x") {
				t.Errorf("night %d: of the row's content text %d is not there, problems %v", night, n, problemsOf(got))
			}
		}
		w.Update(func(tx *notiontest.Tx) {
			tx.Source(key("a")).Inherited = true
			tx.Tick(24 * time.Hour)
			addBlock(tx, fmt.Sprint("text", night+1), "page_id", key("x"), "divider", "{}")
			tx.Tick(time.Hour)
		})
	}
}

// A row that was not listed, and is archived or in the trash on the next night, is gone
// as in a load of everything, and what is in the trash is told.
func TestRowNotListedLeaves(t *testing.T) {
	for _, archived := range []bool{false, true} {
		t.Run(fmt.Sprintf("archived=%t", archived), func(t *testing.T) {
			w := aloneRow()
			server := notiontest.NewServer(w, notiontest.Options{})
			l := newMemoryLake()
			for night := range 3 {
				noArchived := func(o *Options) { o.Archived = false }
				got, full := nightOf(t, w, server, l, night, noArchived), nightOf(t, w, server, newMemoryLake(), night, noArchived)
				if diff := cmp.Diff(contentOf(full), contentOf(got)); diff != "" {
					t.Errorf("night %d: -full load +this one\n%s", night, diff)
				}
				want := map[bool][][]string{
					true:  {{"row_not_listed " + key("x")}, nil, nil},
					false: {{"row_not_listed " + key("x")}, {"in_trash " + key("x")}, nil},
				}[archived][night]
				if diff := cmp.Diff(want, problemsOf(got)); diff != "" {
					t.Errorf("night %d: problems -want +got\n%s", night, diff)
				}
				w.Update(func(tx *notiontest.Tx) {
					if archived {
						p := tx.Page(key("x"))
						p.Archived, p.Unlisted = true, false
					} else {
						tx.Trash(key("x"))
					}
					tx.Tick(24 * time.Hour)
				})
			}
		})
	}
}

// That a page of the last load is in the trash is told however it was found first.
func TestTrashIsTold(t *testing.T) {
	for _, linked := range []bool{false, true} {
		t.Run(fmt.Sprintf("linked=%t", linked), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := notiontest.NewWorkspace(1)
				w.Update(func(tx *notiontest.Tx) {
					for _, k := range []string{"a", "x"} {
						tx.AddPage(notiontest.Page{ID: key(k), Values: titled(k)})
					}
					if linked {
						addBlock(tx, "to x", "page_id", key("a"), "link_to_page", `{"type":"page_id","page_id":"`+key("x")+`"}`)
					}
					tx.Tick(time.Hour)
				})
				server := notiontest.NewServer(w, notiontest.Options{OnRequest: func(r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "/pages/"+key("x")) {
						time.Sleep(time.Second) // meanwhile the link is found
					}
				}})
				l := newMemoryLake()
				for night, want := range [][]string{nil, {"in_trash " + key("x")}, nil} {
					if diff := cmp.Diff(want, problemsOf(nightOf(t, w, server, l, night, nil))); diff != "" {
						t.Errorf("night %d: problems -want +got\n%s", night, diff)
					}
					w.Update(func(tx *notiontest.Tx) {
						if night == 0 {
							tx.Trash(key("x"))
						}
						tx.Tick(24 * time.Hour)
					})
				}
			})
		})
	}
}

// A row that was shared alone and moved leads to the data source that it moved to.
func TestRowSharedAloneLeadsOn(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		addSource(tx, "s", notiontest.Parent{})
		tx.AddRow(key("s"), notiontest.Page{ID: key("x"), Alone: true, Values: titled("x")})
		tx.Source(key("s")).Unshared = true
		addSource(tx, "t", notiontest.Parent{})
		tx.Source(key("t")).Inherited = true
		tx.AddRow(key("t"), notiontest.Page{ID: key("y"), Values: titled("y")})
		tx.Tick(time.Hour)
	})
	server := notiontest.NewServer(w, notiontest.Options{SearchGap: notiontest.SearchShared})
	l := newMemoryLake()
	for night := range 3 {
		got := nightOf(t, w, server, l, night, nil)
		if night > 0 {
			if got[key("t")] == nil {
				t.Errorf("night %d: the data source was not read, problems %v", night, problemsOf(got))
			} else if diff := cmp.Diff(2, len(got[key("t")].rows)); diff != "" {
				t.Errorf("night %d: rows -want +got\n%s", night, diff)
			}
		}
		w.Update(func(tx *notiontest.Tx) {
			if night == 0 {
				tx.Move(key("x"), key("t"))
				tx.Page(key("x")).Alone = false
			}
			tx.Tick(24 * time.Hour)
		})
	}
}

// A row that was not listed and moves to another data source is one of that, and nothing
// is said of it, whether that one is read or not.
func TestRowNotListedMoves(t *testing.T) {
	for _, part := range []bool{false, true} {
		w := aloneRow()
		w.Update(func(tx *notiontest.Tx) {
			addSource(tx, "t", notiontest.Parent{})
			tx.Source(key("t")).Inherited = !part
			tx.AddRow(key("t"), notiontest.Page{ID: key("y"), Values: titled("y")})
			tx.Tick(time.Hour)
		})
		server := notiontest.NewServer(w, notiontest.Options{SearchGap: notiontest.SearchShared})
		l := newMemoryLake()
		for night := range 3 {
			got := nightOf(t, w, server, l, night, func(o *Options) {
				if part && night == 1 {
					o.Only = []string{"a"}
				}
			})
			if night > 0 && len(problemsOf(got)) > 0 {
				t.Errorf("part %t, night %d: %v", part, night, problemsOf(got))
			}
			if got[keyBlocks].cell(key("text"), "page_id").Text() != key("x") {
				t.Errorf("part %t, night %d: the row's content is not there", part, night)
			}
			if (night == 2 || night == 1 && !part) && len(got[key("t")].rows) != 2 {
				t.Errorf("part %t, night %d: the data source has %d rows", part, night, len(got[key("t")].rows))
			}
			w.Update(func(tx *notiontest.Tx) {
				if night == 0 {
					tx.Move(key("x"), key("t"))
					tx.Page(key("x")).Unlisted = false
				}
				tx.Tick(24 * time.Hour)
			})
		}
	}
}

// A night in which nothing changed reads no page again, whatever stands in the pages: in
// blocks, in rows, in a wiki, or without a data source that is shared.
func TestQuietNightReadsNothing(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	in := func(typ, k string) notiontest.Parent { return notiontest.Parent{Type: typ, ID: key(k)} }
	w.Update(func(tx *notiontest.Tx) {
		tx.AddPage(notiontest.Page{ID: key("p"), Values: titled("p")})
		addBlock(tx, "outer", "page_id", key("p"), "toggle", `{"rich_text":[]}`)
		addBlock(tx, "inner", "block_id", key("outer"), "toggle", `{"rich_text":[]}`)
		for _, parent := range []notiontest.Parent{in("block_id", "outer"), in("block_id", "inner"), in("page_id", "p")} {
			tx.AddPage(notiontest.Page{Parent: parent, Values: titled("child")})
		}
		addSource(tx, "in a block", in("block_id", "inner"))
		addSource(tx, "in a page", in("page_id", "p"))
		tx.AddRow(key("in a page"), notiontest.Page{ID: key("row"), Values: titled("row")})
		tx.AddPage(notiontest.Page{Parent: in("page_id", "row"), Values: titled("in a row")})
		addSource(tx, "unshared", in("page_id", "p"))
		tx.Source(key("unshared")).Unshared = true
		addSource(tx, "wiki", notiontest.Parent{})
		tx.Source(key("wiki")).Kind = "wiki"
		tx.AddRow(key("wiki"), notiontest.Page{ID: key("of the wiki"), Values: titled("of the wiki")})
		addSource(tx, "in the wiki", in("page_id", "of the wiki"))
		for _, k := range []string{"unshared", "in the wiki"} {
			addBlock(tx, "mention of "+k, "page_id", key("row"), "paragraph", mentionOf("database", key("database "+k), k))
		}
		addBlock(tx, "mention", "page_id", key("row"), "paragraph", mentionOf("page", key("of the wiki"), "of the wiki"))
		tx.Tick(24 * time.Hour)
	})
	var asked atomic.Int64
	server := notiontest.NewServer(w, notiontest.Options{OnRequest: func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/children") {
			asked.Add(1)
		}
	}})
	l := newMemoryLake()
	for night := range 5 {
		asked.Store(0)
		nightOf(t, w, server, l, night, func(o *Options) {
			if o.Sample = 0; night > 2 { // what is outside of a part is not looked at
				o.Only = []string{"in a page"}
			}
		})
		if n := asked.Load(); (n > 0) != (night == 0) {
			t.Errorf("night %d: the content of %d pages and blocks was asked for", night, n)
		}
		w.Update(func(tx *notiontest.Tx) { tx.Tick(24 * time.Hour) })
	}
}
