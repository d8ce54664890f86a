package extract

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
)

func mentionOf(kind, id, title string) string {
	return `{"rich_text":[{"type":"mention","mention":{"type":"` + kind + `","` + kind + `":{"id":"` + id + `"}},"annotations":{},"plain_text":"` + title + `","href":null}],"color":"default"}`
}

// moveIn changes a workspace in a way that is no edit of any page.
func moveIn(w *notiontest.Workspace, change func(tx *notiontest.Tx)) {
	w.Update(func(tx *notiontest.Tx) {
		edited := map[string]time.Time{}
		for id, p := range tx.Model().Pages {
			edited[id] = p.Edited
		}
		change(tx)
		for id, e := range edited {
			tx.Page(id).Edited = e
		}
		tx.Tick(24 * time.Hour)
	})
}

// nested is pages c in p and d in c.
func nested(p, c, d string) *notiontest.Workspace {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		tx.AddPage(notiontest.Page{ID: key(p), Values: titled(p)})
		tx.AddPage(notiontest.Page{ID: key(c), Parent: notiontest.Parent{Type: "page_id", ID: key(p)}, Values: titled(c)})
		tx.AddPage(notiontest.Page{ID: key(d), Parent: notiontest.Parent{Type: "page_id", ID: key(c)}, Values: titled(d)})
		tx.Tick(time.Hour)
	})
	return w
}

// toWorkspace moves a page out of what it stands in.
func toWorkspace(w *notiontest.Workspace, k string) {
	moveIn(w, func(tx *notiontest.Tx) { tx.Page(key(k)).Parent = notiontest.Parent{Type: "workspace"} })
}

// The only page in a page moves away, which what that one stands in shows: whichever of
// the two is of the sample, nothing is as it was, and nothing is distrusted for it.
func TestSampleOfWhatIsEmptyNow(t *testing.T) {
	isSample := func(k string) bool {
		id, _ := notion.ParseUUID([]byte(key(k)))
		h := fnv.New32a()
		_, _ = h.Write([]byte("20260102T000000Z" + string(id[:]))) // it never fails
		return float64(h.Sum32()) < 0.5*math.MaxUint32
	}
	for _, want := range [][2]bool{{true, false}, {false, true}, {true, true}, {false, false}} {
		n := 0
		name := func(k string) string { return fmt.Sprint(k, n) }
		for isSample(name("p")) != want[0] || isSample(name("c")) != want[1] || isSample(name("d")) {
			n++
		}
		w := nested(name("p"), name("c"), name("d"))
		server := notiontest.NewServer(w, notiontest.Options{})
		l := newMemoryLake()
		half := func(o *Options) { o.Sample = 0.5 }
		nightOf(t, w, server, l, 0, half)
		toWorkspace(w, name("d"))
		got, full := nightOf(t, w, server, l, 1, half), nightOf(t, w, server, newMemoryLake(), 1, nil)
		if diff := cmp.Diff(contentOf(full), contentOf(got)); diff != "" {
			t.Errorf("%v: -full +delta\n%s", want, diff)
		}
		if diff := cmp.Diff(problemsOf(full), problemsOf(got)); diff != "" {
			t.Errorf("%v: problems: -full +delta\n%s", want, diff)
		}
	}
}

// The same where the page is read again for another reason: the last load could not read
// it, or the run that is continued had not read it yet.
func TestReadAgainAndEmptyNow(t *testing.T) {
	t.Run("not readable", func(t *testing.T) {
		w := nested("p", "c", "d")
		server := notiontest.NewServer(w, notiontest.Options{})
		server.Inject(onPath(key("c")+"/children"), notiontest.FaultRestricted, 1)
		l := newMemoryLake()
		none := func(o *Options) { o.Sample = 0 }
		if got := problemsOf(nightOf(t, w, server, l, 0, none)); len(got) != 1 {
			t.Fatalf("problems: %q", got)
		}
		toWorkspace(w, "d")
		if diff := cmp.Diff(contentOf(nightOf(t, w, server, newMemoryLake(), 1, none)), contentOf(nightOf(t, w, server, l, 1, none))); diff != "" {
			t.Errorf("-full +delta\n%s", diff)
		}
	})
	t.Run("continued", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := nested("p", "c", "d")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			server := notiontest.NewServer(w, notiontest.Options{OnRequest: func(r *http.Request) {
				if strings.HasSuffix(r.URL.Path, key("c")+"/children") && ctx.Err() == nil {
					time.Sleep(time.Second) // in which p is kept
					cancel()
				}
			}})
			load := func(ctx context.Context, l *memoryLake) []string {
				o := contentOptions(newClient(t, server))
				o.Now = func() time.Time { return w.Model().Clock }
				got, err := l.run(ctx, "20260102T000000Z", NewSource(o))
				if err != nil && ctx.Err() == nil {
					t.Fatal(err)
				}
				return contentOf(got)
			}
			l := newMemoryLake()
			if load(ctx, l); len(l.kept) == 0 {
				t.Fatal("nothing is kept")
			}
			toWorkspace(w, "d")
			if diff := cmp.Diff(load(t.Context(), newMemoryLake()), load(t.Context(), l)); diff != "" {
				t.Errorf("-full +continued\n%s", diff)
			}
		})
	})
}

// A page that a search does not show is in the trash, or not shared, for some nights, and
// is there again: it is in the load, as is what it stands in, and that it went is told
// once.
func TestAwayAndBack(t *testing.T) {
	for _, how := range []string{"trashed", "unshared"} {
		for _, in := range []string{"a", "row"} {
			w := notiontest.NewWorkspace(1)
			w.Update(func(tx *notiontest.Tx) {
				addSource(tx, "s", notiontest.Parent{})
				tx.AddRow(key("s"), notiontest.Page{ID: key("row"), Values: titled("row")})
				tx.AddPage(notiontest.Page{ID: key("a"), Values: titled("a")})
				tx.AddPage(notiontest.Page{ID: key("c"), Parent: notiontest.Parent{Type: "page_id", ID: key(in)}, Values: titled("c")})
				addBlock(tx, "text", "page_id", key("c"), "divider", "{}")
				tx.Tick(24 * time.Hour)
			})
			server := notiontest.NewServer(w, notiontest.Options{SearchGap: notiontest.SearchShared})
			l := newMemoryLake()
			named := func(o *Options) {
				if o.Sample = 0; in == "row" { // nothing but what stands in it leads to a page
					o.Databases = []Database{{ID: key("s")}}
				}
			}
			for night := range 6 {
				if night == 2 { // what is away is remembered over a load of everything too
					named = func(of func(*Options)) func(*Options) {
						return func(o *Options) { of(o); o.Full = true }
					}(named)
				}
				got := nightOf(t, w, server, l, night, named)
				if diff := cmp.Diff(contentOf(nightOf(t, w, server, newMemoryLake(), night, named)), contentOf(got)); diff != "" {
					t.Errorf("%s in %s, night %d: -full +delta\n%s", how, in, night, diff)
				}
				if said := strings.Contains(fmt.Sprint(problemsOf(got)), key("c")); said != (night == 1) {
					t.Errorf("%s in %s, night %d: %q", how, in, night, problemsOf(got))
				}
				if night == 2 {
					named = func(of func(*Options)) func(*Options) {
						return func(o *Options) { of(o); o.Full = false }
					}(named)
				}
				moveIn(w, func(tx *notiontest.Tx) {
					c, away := tx.Page(key("c")), night < 3
					if how == "trashed" {
						c.Trashed = away
					} else {
						c.Unshared = away
					}
				})
			}
		}
	}
}

// A page that moves from a row of one part to a row of another is in the load of that
// part, once the part that it was in has been read.
func TestMovesToPart(t *testing.T) {
	in := func(k string) notiontest.Parent { return notiontest.Parent{Type: "page_id", ID: key("row " + k)} }
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		for _, k := range []string{"p", "q"} {
			addSource(tx, k, notiontest.Parent{})
			tx.AddRow(key(k), notiontest.Page{ID: key("row " + k), Values: titled("row")})
		}
		tx.AddPage(notiontest.Page{ID: key("c"), Parent: in("p"), Values: titled("c")})
		tx.Tick(time.Hour)
	})
	server := notiontest.NewServer(w, notiontest.Options{})
	l := newMemoryLake()
	nightOf(t, w, server, l, 0, nil)
	moveIn(w, func(tx *notiontest.Tx) { tx.Page(key("c")).Parent = in("q") })
	nightOf(t, w, server, l, 1, func(o *Options) { o.Only = []string{"p"} })
	got := contentOf(nightOf(t, w, server, l, 2, func(o *Options) { o.Only = []string{"q"} }))
	full := contentOf(nightOf(t, w, server, newMemoryLake(), 2, nil))
	isUser := func(line string) bool { return strings.HasPrefix(line, keyUsers) }
	if diff := cmp.Diff(slices.DeleteFunc(full, isUser), slices.DeleteFunc(got, isUser)); diff != "" {
		t.Errorf("-full +both parts\n%s", diff)
	}
}

// A plan counts the requests for pages that are away.
func TestPlanOfPagesAway(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		for i := range 10 {
			tx.AddPage(notiontest.Page{ID: key(fmt.Sprint(i)), Values: titled("page")})
		}
		tx.Tick(24 * time.Hour)
	})
	b := &planBench{t: t, w: w, server: notiontest.NewServer(w, notiontest.Options{SearchGap: notiontest.SearchShared}), lake: newMemoryLake()}
	nightOf(t, w, b.server, b.lake, 0, nil)
	moveIn(w, func(tx *notiontest.Tx) {
		for i := range 4 {
			tx.Page(key(fmt.Sprint(i))).Trashed = true
		}
	})
	nightOf(t, w, b.server, b.lake, 1, nil)
	w.Update(func(tx *notiontest.Tx) { tx.Tick(24 * time.Hour) })
	b.compare(3, 0)
}
