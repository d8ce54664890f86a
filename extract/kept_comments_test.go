package extract

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// Comments are read on every night on all pages, edited or not: a load that never has the
// time for all of them goes on where it was nevertheless, and each is asked for once.
func TestContinuedComments(t *testing.T) {
	for name, onBlocks := range map[string]bool{"on pages": false, "on blocks": true} {
		t.Run(name, func(t *testing.T) {
			w, _ := notiontest.Demo(1)
			w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
			cut := interruption{seen: map[string]int{}, count: true}
			server := notiontest.NewServer(w, notiontest.Options{OnRequest: cut.request})
			resumed := int64(0)
			load := func(ctx context.Context, l *memoryLake, id string) (map[string]*memoryTable, error) {
				o := contentOptions(newClient(t, server))
				o.Content.BlockComments = onBlocks
				o.Now = func() time.Time { return w.Model().Clock }
				s := NewSource(o)
				got, err := l.run(ctx, id, s)
				resumed = s.Resumed().Pages
				return got, err
			}
			l := newMemoryLake()
			if _, err := load(t.Context(), l, "20260101T000000Z"); err != nil {
				t.Fatal(err)
			}
			w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
			comments := func() (asked, again int) {
				for path, n := range cut.seen {
					if strings.HasPrefix(path, "/v1/comments") {
						asked, again = asked+1, again+n-1
					}
				}
				return asked, again
			}
			clear(cut.seen)
			const after = 120
			for runs := 1; ; runs++ {
				before, _ := comments()
				ended := false
				cut.run(t, after, func(ctx context.Context) error {
					_, err := load(ctx, l, "20260102T000000Z")
					ended = err == nil
					return err
				})
				now, again := comments()
				t.Logf("run %d: %d comments were asked for, %d of them again, %d pages taken over", runs, now, again, resumed)
				if ended {
					break
				}
				if now == before || runs > 50 {
					t.Fatalf("run %d came no further than %d", runs, before)
				}
				w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Minute) })
			}
			if asked, again := comments(); again > asked/2 { // those that were under way
				t.Errorf("%d of %d requests for comments were made again", again, asked)
			}
			if resumed == 0 {
				t.Error("no page is told to have been taken over")
			}
			got := l.before
			whole, err := load(t.Context(), newMemoryLake(), "20260102T000000Z")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(contentOf(whole), contentOf(got)); diff != "" {
				t.Errorf("-at once +in many runs\n%s", diff)
			}
		})
	}
}

// What was put aside of comments is of no use once the page has been edited, or where all
// pages are read since one had changed unseen.
func TestContinuedCommentsOfAnother(t *testing.T) {
	key := func(k string) string { return notiontest.NewID(1, k) }
	w := notiontest.NewWorkspace(1)
	comment := func(tx *notiontest.Tx, on string) {
		tx.AddComment(notiontest.Comment{ID: key("comment " + on), Discussion: key("on " + on), Parent: notiontest.Parent{Type: "block_id", ID: key(on)}, By: tx.Model().Users[0].ID, Text: notiontest.Plain(on)})
	}
	w.Update(func(tx *notiontest.Tx) {
		for _, k := range []string{"a", "b"} {
			tx.AddPage(notiontest.Page{ID: key(k), Values: titled(k)})
			tx.AddBlock(notiontest.Block{ID: key("in " + k), Parent: notiontest.Parent{Type: "page_id", ID: key(k)}, Type: "equation", Payload: `{"expression":"1"}`})
			comment(tx, "in "+k)
		}
		tx.Tick(time.Hour)
	})
	server := notiontest.NewServer(w, notiontest.Options{})
	load := func(l *memoryLake, id string) map[string]*memoryTable {
		o := contentOptions(newClient(t, server))
		o.Now = func() time.Time { return w.Model().Clock }
		got, err := l.run(t.Context(), id, NewSource(o))
		if err != nil && !l.interrupted {
			t.Fatal(err)
		}
		return got
	}
	l := newMemoryLake()
	load(l, "20260101T000000Z")
	w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
	l.interrupted = true
	load(l, "20260102T000000Z")
	l.interrupted = false
	if len(l.kept) == 0 {
		t.Fatal("nothing was put aside")
	}
	w.Update(func(tx *notiontest.Tx) {
		tx.AddBlock(notiontest.Block{ID: key("more"), Parent: notiontest.Parent{Type: "page_id", ID: key("a")}, Type: "divider", Payload: "{}"})
		comment(tx, "more")
		tx.Tick(time.Hour)
	})
	got := load(l, "20260102T000000Z")
	want := load(newMemoryLake(), "20260102T000000Z")
	if diff := cmp.Diff(contentOf(want), contentOf(got)); diff != "" {
		t.Errorf("-at once +in two runs\n%s", diff)
	}
}
