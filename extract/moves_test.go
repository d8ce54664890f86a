package extract

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

var moveSeeds = flag.String("moves", "1-5", "seeds of the histories that TestMoves loads")

// A moves is a workspace in which everything moves, without an edit of a page that tells.
type moves struct {
	// closed: nothing moves in from what a load of p does not read, nor does a row that is
	// away: nothing would tell.
	closed bool
	w      *notiontest.Workspace
	r      *rand.Rand
	pages  []string
	in     []notiontest.Parent // in which something may stand
}

func newMoves(seed uint64) *moves {
	m := &moves{w: notiontest.NewWorkspace(seed), r: rand.New(rand.NewPCG(seed, 11)), in: []notiontest.Parent{{Type: "workspace"}}}
	m.w.Update(func(tx *notiontest.Tx) {
		page := func(k string) {
			m.pages = append(m.pages, key(k))
			m.in = append(m.in, notiontest.Parent{Type: "page_id", ID: key(k)}, notiontest.Parent{Type: "block_id", ID: key("toggle " + k)})
			addBlock(tx, "toggle "+k, "page_id", key(k), "toggle", `{"rich_text":[]}`)
			addBlock(tx, "text "+k, "block_id", key("toggle "+k), "divider", "{}")
		}
		for _, k := range []string{"p", "q", "d"} {
			addSource(tx, k, notiontest.Parent{})
			for _, n := range []string{"1", "2"} {
				tx.AddRow(key(k), notiontest.Page{ID: key(k + n), Values: titled(k + n)})
				page(k + n)
			}
		}
		for _, k := range []string{"a", "b", "c", "e", "f", "g"} {
			tx.AddPage(notiontest.Page{ID: key(k), Parent: m.in[m.r.IntN(len(m.in))], Values: titled(k)})
			page(k)
		}
		tx.Tick(24 * time.Hour)
	})
	return m
}

// holds reports whether a parent is a page or stands in it.
func holds(model *notiontest.Model, page string, in notiontest.Parent) bool {
	for seen := map[string]bool{}; in.ID != "" && !seen[in.ID]; {
		seen[in.ID] = true
		if in.ID == page {
			return true
		}
		p := model.Pages[in.ID]
		if b := model.Blocks[in.ID]; b != nil {
			in = b.Parent
			continue
		}
		switch {
		case p == nil:
			return false
		case p.Source != "":
			in = model.Database(model.Source(p.Source).Database).Parent
		default:
			in = p.Parent
		}
	}
	return in.ID != ""
}

// isOfP reports whether something that stands in a parent is read by a load of p.
func isOfP(model *notiontest.Model, in notiontest.Parent) bool {
	return slices.ContainsFunc(model.Source(key("p")).Rows, func(row string) bool { return holds(model, row, in) })
}

// step moves something, takes it away or brings it back.
func (m *moves) step() {
	page, in := m.pages[m.r.IntN(len(m.pages))], m.in[m.r.IntN(len(m.in))]
	source := key([]string{"p", "q", "d"}[m.r.IntN(3)])
	isRow := m.w.Model().Pages[page].Source != ""
	kind := m.r.IntN(10)
	databases := map[string]time.Time{}
	for _, d := range m.w.Model().Databases {
		databases[d.ID] = d.Edited
	}
	moveIn(m.w, func(tx *notiontest.Tx) {
		model := tx.Model()
		entering := func(id string) bool {
			return m.closed && isOfP(model, in) && !isOfP(model, notiontest.Parent{Type: "page_id", ID: id})
		}
		switch {
		case m.closed && isRow && kind < 6 && (model.Pages[page].Trashed || model.Pages[page].Unshared):
		case kind < 6 && kind != 4 && entering(page):
		case kind == 4 && m.closed && source == key("p") && !isOfP(model, notiontest.Parent{Type: "page_id", ID: page}):
		case kind < 4 && !holds(model, page, in):
			if isRow {
				tx.MoveTo(page, in)
			} else {
				tx.Page(page).Parent = in
			}
		case kind == 4 && !holds(model, page, model.Database(model.Source(source).Database).Parent):
			tx.Move(page, source)
		case kind == 5 && !m.closed:
			if rows := model.Source(key("d")).Rows; !slices.ContainsFunc(rows, func(row string) bool { return holds(model, row, in) }) {
				tx.Database(key("database d")).Parent = in
			}
		case kind < 8:
			tx.Page(page).Trashed = !model.Pages[page].Trashed
		default:
			tx.Page(page).Unshared = !model.Pages[page].Unshared
		}
		for _, id := range m.pages { // what stands in a database in the trash is not shown as such here
			if model.Pages[id].Trashed && holds(model, id, model.Database(key("database d")).Parent) {
				tx.Page(id).Trashed = false
			}
		}
		for id, edited := range databases {
			tx.Database(id).Edited = edited
		}
	})
	if kind == 9 { // an edit, for once
		m.w.Update(func(tx *notiontest.Tx) {
			tx.Set(page, "title", notiontest.Plain(fmt.Sprint("named ", m.r.Uint64())))
			tx.Tick(24 * time.Hour)
		})
	}
}

// TestMoves loads random histories of moves: of the whole workspace, of databases that
// are named, and of parts between loads of the whole. Each load has what one of
// everything reads.
func TestMoves(t *testing.T) {
	isUser := func(line string) bool { return strings.HasPrefix(line, keyUsers) } // parts keep those that were met
	for _, seed := range seedsOf(t, *moveSeeds, 53, 66) {
		for name, change := range map[string]func(*Options){"whole": noSample, "configured": configuredP, "parts": noSample} {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				m := newMoves(seed)
				m.closed = name == "configured"
				server, l := notiontest.NewServer(m.w, notiontest.Options{}), newMemoryLake()
				for night := range 8 {
					if name == "parts" && night%4 != 0 {
						nightOf(t, m.w, server, l, night, []func(*Options){onlyP, onlyQ}[m.r.IntN(2)])
					} else {
						got := contentOf(nightOf(t, m.w, server, l, night, change))
						full := contentOf(nightOf(t, m.w, server, newMemoryLake(), night, change))
						if diff := cmp.Diff(slices.DeleteFunc(full, isUser), slices.DeleteFunc(got, isUser)); diff != "" {
							t.Fatalf("night %d: -full +this\n%s", night, diff)
						}
					}
					for range m.r.IntN(4) {
						m.step()
					}
					aDayPasses(m.w)
				}
			})
		}
	}
}
