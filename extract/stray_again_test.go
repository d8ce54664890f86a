package extract

import (
	"fmt"
	"net/http"
	"strings"
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

// A load of a part keeps a row of it that its data source does not list, and the next
// whole load does, where no search shows it.
func TestRowNotListedInPart(t *testing.T) {
	w := aloneRow()
	server := notiontest.NewServer(w, notiontest.Options{SearchGap: notiontest.SearchShared})
	l := newMemoryLake()
	for night := range 3 {
		got := nightOf(t, w, server, l, night, func(o *Options) {
			if night == 1 {
				o.Only = []string{"a"}
			}
		})
		if got[keyBlocks].cell(key("text"), "page_id").Text() != key("x") {
			t.Errorf("night %d: the row's content is not there, problems %v", night, problemsOf(got))
		}
		w.Update(func(tx *notiontest.Tx) {
			tx.Source(key("a")).Inherited = true
			tx.Tick(24 * time.Hour)
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
