package extract

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

func addIn(w *notiontest.Workspace, in string, pages ...string) {
	w.Update(func(tx *notiontest.Tx) {
		for _, k := range pages {
			tx.AddPage(notiontest.Page{ID: key(k), Parent: standsIn(in), Values: titled(k)})
		}
		tx.Tick(24 * time.Hour)
	})
}

// A page leaves what the configuration names with all that is in it, and comes back with it.
func TestTreeMovesOutOfConfigured(t *testing.T) {
	for how, move := range map[string]func(tx *notiontest.Tx, back bool){
		"to the workspace": func(tx *notiontest.Tx, back bool) {
			if tx.Page(key("c")).Parent = standsIn("row p"); !back {
				tx.Page(key("c")).Parent = notiontest.Parent{Type: "workspace"}
			}
		},
		"to another row": func(tx *notiontest.Tx, back bool) {
			if tx.Page(key("c")).Parent = standsIn("row p"); !back {
				tx.Page(key("c")).Parent = standsIn("row q")
			}
		},
		"as a row": func(tx *notiontest.Tx, back bool) {
			if back {
				tx.MoveTo(key("c"), standsIn("row p"))
			} else {
				tx.Move(key("c"), key("q"))
			}
		},
		"with its row": func(tx *notiontest.Tx, back bool) {
			if tx.Move(key("row p"), key("q")); back {
				tx.Move(key("row p"), key("p"))
			}
		},
		"unshared with its row": func(tx *notiontest.Tx, back bool) { tx.Page(key("row p")).Unshared = !back },
		"archived with its row": func(tx *notiontest.Tx, back bool) { tx.Page(key("row p")).Archived = !back },
	} {
		t.Run(how, func(t *testing.T) {
			w := twoParts()
			addIn(w, "c", "sub")
			addIn(w, "sub", "subsub")
			server, l := notiontest.NewServer(w, notiontest.Options{}), newMemoryLake()
			nightOf(t, w, server, l, 0, configuredP)
			for night := 1; night < 6; night++ {
				if night%2 == 1 {
					moveIn(w, func(tx *notiontest.Tx) { move(tx, night == 3) })
				} else {
					aDayPasses(w)
				}
				sameAsFull(t, w, server, l, night, configuredP)
			}
		})
	}
}

// What a synced copy in a configured row shows stays, wherever the original is.
func TestCopyInConfigured(t *testing.T) {
	for name, first := range map[string]func(*Options){"configured": configuredP, "whole": noSample} {
		t.Run(name, func(t *testing.T) {
			w := twoParts()
			addIn(w, "row q", "top")
			w.Update(func(tx *notiontest.Tx) {
				addBlock(tx, "original", "page_id", key("top"), "synced_block", `{"synced_from":null}`)
				tx.AddPage(notiontest.Page{ID: key("in it"), Parent: notiontest.Parent{Type: "block_id", ID: key("original")}, Values: titled("in it")})
				addBlock(tx, "copy", "page_id", key("row p"), "synced_block", `{"synced_from":{"type":"block_id","block_id":"`+key("original")+`"}}`)
			})
			addIn(w, "in it", "below")
			server, l := notiontest.NewServer(w, notiontest.Options{}), newMemoryLake()
			nightOf(t, w, server, l, 0, first)
			for night := 1; night < 4; night++ {
				if sameAsFull(t, w, server, l, night, configuredP); l.before[keyPages].cell(key("below"), "id").IsNull() {
					t.Errorf("night %d: what the copy shows is gone", night)
				}
				aDayPasses(w)
			}
		})
	}
}

// Pages move into one another and to another part before the same night.
func TestPagesMoveToPartTogether(t *testing.T) {
	for name, move := range map[string]func(tx *notiontest.Tx){
		"into another": func(tx *notiontest.Tx) {
			tx.Page(key("c")).Parent, tx.Page(key("x")).Parent = standsIn("x"), standsIn("row q")
		},
		"out of another and into it": func(tx *notiontest.Tx) {
			tx.Page(key("sub")).Parent, tx.Page(key("x")).Parent, tx.Page(key("c")).Parent = standsIn("row p"), standsIn("c"), standsIn("row q")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := twoParts()
			addIn(w, "c", "sub")
			addIn(w, "row p", "x")
			server, l := notiontest.NewServer(w, notiontest.Options{}), newMemoryLake()
			nightOf(t, w, server, l, 0, noSample)
			moveIn(w, move)
			for night, part := range []func(*Options){onlyP, onlyQ, onlyP} {
				nightOf(t, w, server, l, night+1, part)
			}
			got := contentOf(l.before)
			if diff := cmp.Diff(contentOf(nightOf(t, w, server, newMemoryLake(), 3, noSample)), got); diff != "" {
				t.Errorf("-full +parts\n%s", diff)
			}
		})
	}
}
