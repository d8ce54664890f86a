package extract

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

func standsIn(k string) notiontest.Parent { return notiontest.Parent{Type: "page_id", ID: key(k)} }

func noSample(o *Options) { o.Sample = 0 }

func onlyP(o *Options) { o.Sample, o.Only = 0, []string{"p"} }

func onlyQ(o *Options) { o.Sample, o.Only = 0, []string{"q"} }

// configuredP reads one data source, by name.
func configuredP(o *Options) { o.Sample, o.Databases = 0, []Database{{ID: key("p")}} }

// twoParts is data sources p and q with a row each, and a page c in that of p.
func twoParts() *notiontest.Workspace {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		for _, k := range []string{"p", "q"} {
			addSource(tx, k, notiontest.Parent{})
			tx.AddRow(key(k), notiontest.Page{ID: key("row " + k), Values: titled("row")})
		}
		tx.AddPage(notiontest.Page{ID: key("c"), Parent: standsIn("row p"), Values: titled("c")})
		tx.Tick(24 * time.Hour)
	})
	return w
}

func trash(w *notiontest.Workspace, k string, trashed bool) {
	moveIn(w, func(tx *notiontest.Tx) { tx.Page(key(k)).Trashed = trashed })
}

func aDayPasses(w *notiontest.Workspace) {
	w.Update(func(tx *notiontest.Tx) { tx.Tick(24 * time.Hour) })
}

// sameAsFull fails where a load is not what one of everything reads.
func sameAsFull(t *testing.T, w *notiontest.Workspace, server *notiontest.Server, l *memoryLake, night int, change func(*Options)) {
	t.Helper()
	got := nightOf(t, w, server, l, night, change)
	if diff := cmp.Diff(contentOf(nightOf(t, w, server, newMemoryLake(), night, change)), contentOf(got)); diff != "" {
		t.Errorf("night %d: -full +this\n%s", night, diff)
	}
}

// A page that has moved to another part and is in the trash then is told by the load of
// the whole workspace.
func TestMovedAndTrashed(t *testing.T) {
	w := twoParts()
	server := notiontest.NewServer(w, notiontest.Options{})
	l := newMemoryLake()
	nightOf(t, w, server, l, 0, noSample)
	moveIn(w, func(tx *notiontest.Tx) { tx.Page(key("c")).Parent = standsIn("row q") })
	nightOf(t, w, server, l, 1, onlyP)
	trash(w, "c", true)
	if p := fmt.Sprint(problemsOf(nightOf(t, w, server, l, 2, noSample))); !strings.Contains(p, "in_trash "+key("c")) {
		t.Errorf("the page is gone, and told are %s", p)
	}
}

// A page that was not read for some nights is shown as it is now.
func TestExcludedForSomeNights(t *testing.T) {
	w := nested("a", "c", "d")
	server := notiontest.NewServer(w, notiontest.Options{})
	l := newMemoryLake()
	nightOf(t, w, server, l, 0, noSample)
	for night := 1; night < 3; night++ {
		aDayPasses(w)
		nightOf(t, w, server, l, night, func(o *Options) { o.Sample, o.Exclude = 0, []string{key("c")} })
		if night == 1 {
			w.Update(func(tx *notiontest.Tx) { addBlock(tx, "more", "page_id", key("c"), "divider", "{}") })
			aDayPasses(w)
		}
	}
	sameAsFull(t, w, server, l, 3, noSample)
}

// A part that was interrupted does not show what went to the trash meanwhile.
func TestContinuedPart(t *testing.T) {
	w := twoParts()
	server := notiontest.NewServer(w, notiontest.Options{})
	l := newMemoryLake()
	nightOf(t, w, server, l, 0, noSample)
	w.Update(func(tx *notiontest.Tx) {
		tx.AddPage(notiontest.Page{ID: key("new"), Parent: standsIn("row p"), Values: titled("new")})
		addBlock(tx, "text", "page_id", key("row p"), "divider", "{}") // an edit of the row
		tx.Tick(time.Hour)
	})
	interrupt(t, w, server, l, onlyP)
	trash(w, "new", true)
	got := nightOf(t, w, server, l, 1, onlyP)
	if diff := cmp.Diff(contentOf(nightOf(t, w, server, newMemoryLake(), 1, noSample)), contentOf(got)); diff != "" {
		t.Errorf("-full +continued\n%s", diff)
	}
}

// interrupt begins the load of night 1, which ends when all is read.
func interrupt(t *testing.T, w *notiontest.Workspace, server *notiontest.Server, l *memoryLake, change func(*Options)) {
	t.Helper()
	o := contentOptions(newClient(t, server))
	o.Now = func() time.Time { return w.Model().Clock }
	change(&o)
	l.interrupted = true
	if _, err := l.run(t.Context(), "20260102T000000Z", NewSource(o)); !errors.Is(err, context.Canceled) || len(l.kept) == 0 {
		t.Fatalf("%v, kept %d", err, len(l.kept))
	}
	l.interrupted = false
}

// A page that moves out of what the configuration names is not in the load.
func TestMovesOutOfConfigured(t *testing.T) {
	w := twoParts()
	server := notiontest.NewServer(w, notiontest.Options{})
	l := newMemoryLake()
	nightOf(t, w, server, l, 0, configuredP)
	toWorkspace(w, "c")
	for night := 1; night < 3; night++ {
		sameAsFull(t, w, server, l, night, configuredP)
		aDayPasses(w)
	}
}

// A page that goes to the trash after what it stands in has been read is not shown by
// that on later nights.
func TestTrashedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := twoParts()
		var once sync.Once
		server := notiontest.NewServer(w, notiontest.Options{SearchGap: notiontest.SearchShared, OnRequest: func(r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/pages/"+key("c")) {
				time.Sleep(time.Second) // in which the blocks of the row are read
				once.Do(func() {
					w.Update(func(tx *notiontest.Tx) { tx.Page(key("c")).Trashed = true })
				})
			}
		}})
		l := newMemoryLake()
		nightOf(t, w, server, l, 0, noSample)
		for night := 1; night < 3; night++ {
			aDayPasses(w)
			sameAsFull(t, w, server, l, night, noSample)
		}
	})
}

// What is away is remembered over loads that read less, and over those of parts.
func TestAwayIsRemembered(t *testing.T) {
	for name, change := range map[string]func(o *Options){
		"part":            onlyP,
		"part, full":      func(o *Options) { onlyP(o); o.Full = true },
		"no raw":          func(o *Options) { o.Raw = false },
		"no blocks":       func(o *Options) { o.Content.Blocks = false },
		"no blocks first": func(o *Options) { o.Content.Blocks = false },
		"no content":      func(o *Options) { o.Content = Content{} },
	} {
		for n := range 4 { // search does not show some of them
			x := fmt.Sprint("x", n)
			w := twoParts()
			w.Update(func(tx *notiontest.Tx) {
				tx.AddPage(notiontest.Page{ID: key("a"), Values: titled("a")})
				tx.AddPage(notiontest.Page{ID: key(x), Parent: standsIn("a"), Values: titled("x")})
				for _, k := range []string{"p", "q"} {
					addBlock(tx, "to row "+k, "page_id", key("a"), "link_to_page", `{"type":"page_id","page_id":"`+key("row "+k)+`"}`)
				}
				tx.Tick(24 * time.Hour)
			})
			server := notiontest.NewServer(w, notiontest.Options{SearchGap: notiontest.SearchHalf})
			l := newMemoryLake()
			nightOf(t, w, server, l, 0, noSample)
			trash(w, x, true)
			for night := 1; night < 4; night++ {
				nightOf(t, w, server, l, night, func(o *Options) {
					if o.Sample = 0; night == 2 || name == "no blocks first" && night == 1 {
						change(o)
					}
				})
				aDayPasses(w)
			}
			trash(w, x, false)
			t.Run(x+" "+name, func(t *testing.T) { sameAsFull(t, w, server, l, 4, noSample) })
		}
	}
}

// That a page is not shared which something links to is told every night, whichever of
// the two is read first.
func TestAwayAndLinked(t *testing.T) {
	for _, slow := range []string{"a", "x"} {
		synctest.Test(t, func(t *testing.T) {
			w := notiontest.NewWorkspace(1)
			w.Update(func(tx *notiontest.Tx) {
				for _, k := range []string{"a", "x"} {
					tx.AddPage(notiontest.Page{ID: key(k), Values: titled(k)})
				}
				addBlock(tx, "to x", "page_id", key("a"), "link_to_page", `{"type":"page_id","page_id":"`+key("x")+`"}`)
				tx.Tick(24 * time.Hour)
			})
			server := notiontest.NewServer(w, notiontest.Options{OnRequest: func(r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "pages/"+key(slow)) {
					time.Sleep(time.Second)
				}
			}})
			l := newMemoryLake()
			for night := range 4 {
				got, full := nightOf(t, w, server, l, night, noSample), nightOf(t, w, server, newMemoryLake(), night, noSample)
				if diff := cmp.Diff(problemsOf(full), problemsOf(got)); diff != "" {
					t.Errorf("%s is slow, night %d: problems -full +delta\n%s", slow, night, diff)
				}
				moveIn(w, func(tx *notiontest.Tx) { tx.Page(key("x")).Unshared = true })
			}
		})
	}
}

// A page of what the configuration names is told when it goes to the trash, and is there
// when it is back, also where what it stood in was read anew.
func TestAwayInConfigured(t *testing.T) {
	for _, how := range []string{"carried", "edited", "full"} {
		w := twoParts()
		server := notiontest.NewServer(w, notiontest.Options{})
		l := newMemoryLake()
		nightOf(t, w, server, l, 0, configuredP)
		trash(w, "c", true)
		if how == "edited" {
			w.Update(func(tx *notiontest.Tx) { addBlock(tx, "text", "page_id", key("row p"), "divider", "{}") })
			aDayPasses(w)
		}
		got := nightOf(t, w, server, l, 1, func(o *Options) { configuredP(o); o.Full = how == "full" })
		if p := fmt.Sprint(problemsOf(got)); !strings.Contains(p, "in_trash "+key("c")) {
			t.Errorf("%s: the page is gone, and told are %s", how, p)
		}
		aDayPasses(w)
		nightOf(t, w, server, l, 2, configuredP)
		trash(w, "c", false)
		sameAsFull(t, w, server, l, 3, configuredP)
	}
	t.Run("continued", func(t *testing.T) {
		w := twoParts()
		server := notiontest.NewServer(w, notiontest.Options{})
		l := newMemoryLake()
		nightOf(t, w, server, l, 0, configuredP)
		trash(w, "c", true)
		interrupt(t, w, server, l, configuredP)
		trash(w, "c", false)
		sameAsFull(t, w, server, l, 1, configuredP)
	})
}

// Where it is not known whether a page is back, the tables are not whole.
func TestAwayAndNotAnswered(t *testing.T) {
	w := twoParts()
	server := notiontest.NewServer(w, notiontest.Options{})
	l := newMemoryLake()
	nightOf(t, w, server, l, 0, configuredP)
	trash(w, "c", true)
	nightOf(t, w, server, l, 1, configuredP)
	trash(w, "c", false)
	synctest.Test(t, func(t *testing.T) {
		server.Inject(onPath("pages/"+key("c")), notiontest.FaultUnavailable, 1000)
		if got := nightOf(t, w, server, l, 2, configuredP); got[keyPages].partial == nil {
			t.Error("the table of pages is whole")
		}
	})
}

// Of pages that move out of a part together one is remembered: it leads to the others.
func TestManyMoveToPart(t *testing.T) {
	w := twoParts()
	w.Update(func(tx *notiontest.Tx) {
		for i := range maxAway + 20 {
			tx.AddPage(notiontest.Page{ID: key(fmt.Sprint("sub", i)), Parent: standsIn("c"), Values: titled("sub")})
		}
		tx.Tick(24 * time.Hour)
	})
	server := notiontest.NewServer(w, notiontest.Options{})
	l := newMemoryLake()
	nightOf(t, w, server, l, 0, noSample)
	moveIn(w, func(tx *notiontest.Tx) { tx.Page(key("c")).Parent = standsIn("row q") })
	got := nightOf(t, w, server, l, 1, onlyP)
	if state := got[keyPages].schema.Columns[0].State; strings.Count(state, `"id"`) != 1 || !strings.Contains(state, key("c")) {
		t.Errorf("remembered is %s", state)
	}
	got = nightOf(t, w, server, l, 2, onlyQ)
	if path := got[keyPages].cell(key("sub0"), "path").String(); !strings.Contains(path, key("q")) {
		t.Errorf("the path is %s", path)
	}
}

// A page that moved to where no part reads it is not asked for for ever.
func TestAwayEnds(t *testing.T) {
	w := twoParts()
	var asked atomic.Int64
	server := notiontest.NewServer(w, notiontest.Options{OnRequest: func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/pages/"+key("c")) {
			asked.Add(1)
		}
	}})
	l := newMemoryLake()
	nightOf(t, w, server, l, 0, noSample)
	toWorkspace(w, "c")
	nights := int(awayTime/(24*time.Hour)) + 4
	for night := 1; night < nights; night++ {
		nightOf(t, w, server, l, night, onlyP)
		asked.Store(0)
		nightOf(t, w, server, l, night, onlyQ)
		if n := asked.Load(); (n > 0) != (night < nights-3) {
			t.Errorf("night %d: asked %d times", night, n)
		}
		aDayPasses(w)
	}
}
