package extract

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/extract/notiontest/truth"
)

var deltaSeeds = flag.String("delta", "1-4", "seeds of the histories that TestDelta loads")

// TestDelta loads random histories of edits. Every load reads only what changed,
// and all tables must be what the model says, and what a full load makes of it.
func TestDelta(t *testing.T) {
	var delta, full int64
	for _, seed := range seedsOf(t, *deltaSeeds, 34, 64) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, f := history(t, seed)
				delta, full = delta+d, full+f
			})
		})
	}
	t.Logf("%d requests where full loads make %d", delta, full)
	if delta*4 > full*3 {
		t.Errorf("%d requests where full loads make %d", delta, full)
	}
}

// seedsOf are seeds that failed once, and those of a range.
func seedsOf(t *testing.T, between string, failed ...uint64) []uint64 {
	t.Helper()
	var from, to uint64
	if _, err := fmt.Sscanf(between, "%d-%d", &from, &to); err != nil {
		t.Fatal(err)
	}
	if raced {
		return failed[:1]
	}
	for seed := from; seed <= to; seed++ {
		failed = append(failed, seed)
	}
	return failed
}

// history edits and loads a workspace five times; it returns the requests of these
// loads and of full ones.
func history(t *testing.T, seed uint64) (delta, full int64) {
	w := notiontest.Tree(seed, 2)
	r := rand.New(rand.NewPCG(seed, 7))
	var cut interruption
	server := notiontest.NewServer(w, notiontest.Options{
		Seed: seed, ShortPages: seed%2 == 0, Faults: notiontest.Faults{Rate: 0.15 * float64(seed%2), Seed: seed}, OnRequest: cut.request,
	})
	quiet := notiontest.NewServer(w, notiontest.Options{})
	l := newMemoryLake()
	var state *truth.State
	comments := seed%3 == 0
	if r.IntN(2) == 0 {
		w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
	}
	for n := range 5 {
		now := func() time.Time { return w.Model().Clock }
		load := fmt.Sprintf("2026010%dT000000Z", n+1)
		o := contentOptions(newClient(t, server))
		o.Now, o.Content.Comments, o.Content.BlockComments = now, comments, comments
		for r.IntN(3) == 0 {
			cut.run(t, r.Int64N(200), func(ctx context.Context) error {
				got, err := l.run(ctx, load, NewSource(o))
				if err == nil { // it was done before
					state = compareTables(t, w, state, truth.Options{Load: load, Content: true, NoComments: !comments}, got)
				}
				return err
			})
			for range r.IntN(3) {
				// A comment on a page that has been read is in the next load.
				edit(w, r, fmt.Sprint("meanwhile/", n, "/", r.Uint64()), !comments)
			}
			if r.IntN(3) > 0 {
				w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
			}
		}
		before := server.Stats().Requests
		got, err := l.run(t.Context(), load, NewSource(o))
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 && !comments && seed%2 == 0 {
			delta += server.Stats().Requests - before
		}
		state = compareTables(t, w, state, truth.Options{Load: load, Content: true, NoComments: !comments}, got)
		o = contentOptions(newClient(t, quiet))
		o.Content.Comments, o.Content.BlockComments = comments, comments
		before = quiet.Stats().Requests
		whole, err := newMemoryLake().run(t.Context(), load, NewSource(o))
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 && !comments && seed%2 == 0 {
			full += quiet.Stats().Requests - before
		}
		if diff := cmp.Diff(markdownOf(whole), markdownOf(got)); diff != "" {
			t.Errorf("%s: Markdown: -full load +this one\n%s", load, diff)
		}
		told := func(tables map[string]*memoryTable) []string { // but what a first load knows nothing of: what was there once
			return slices.DeleteFunc(problemsOf(tables), func(p string) bool {
				kind, id, _ := strings.Cut(p, " ")
				return kind == "in_trash" || strings.HasPrefix(kind, "row_") || kind == "not_shared" && !w.Model().Readable(w.Model().Pages[id])
			})
		}
		if diff := cmp.Diff(told(whole), told(got), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: problems: -full load +this one\n%s", load, diff)
		}
		if t.Failed() {
			return delta, full
		}
		for range 1 + r.IntN(6) {
			edit(w, r, fmt.Sprint(n, "/", r.Uint64()), true)
		}
	}
	return delta, full
}

// What changes without a trace in a page's time is found by the sample, said, and
// then everything is read.
func TestSample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := notiontest.Tree(1, 2)
		server := notiontest.NewServer(w, notiontest.Options{})
		l := newMemoryLake()
		w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
		o := contentOptions(newClient(t, server))
		o.Now, o.Sample = func() time.Time { return w.Model().Clock }, 0.3
		var state *truth.State
		for n, load := range []string{"20260101T000000Z", "20260102T000000Z"} {
			got, err := l.run(t.Context(), load, NewSource(o))
			if err != nil {
				t.Fatal(err)
			}
			state = compareTables(t, w, state, truth.Options{Load: load, Content: true}, got)
			seen := strings.Contains(strings.Join(problemsOf(got), "\n"), "change_not_seen ")
			if seen != (n == 1) {
				t.Errorf("%s: problems %v", load, problemsOf(got))
			}
			w.Update(func(tx *notiontest.Tx) {
				tx.Tick(24 * time.Hour)
				for id, b := range tx.Model().Blocks {
					if b.Type == "paragraph" {
						tx.Sneak(id, `{"rich_text":[],"color":"red"}`)
					}
				}
			})
		}
	})
}

func markdownOf(tables map[string]*memoryTable) map[string]string {
	m := map[string]string{}
	p := tables[keyPages]
	for _, row := range p.rows {
		m[row[0].Text()] = row[p.column("markdown")].Text()
	}
	return m
}

// edit changes something at random, soon after the last change or later.
func edit(w *notiontest.Workspace, r *rand.Rand, key string, comments bool) {
	w.Update(func(tx *notiontest.Tx) {
		if r.IntN(3) == 0 {
			tx.Tick(time.Duration(r.IntN(50)) * time.Hour)
		} else {
			tx.Tick(time.Duration(r.IntN(20)) * time.Second)
		}
		m := tx.Model()
		var pages, blocks []string
		for id := range m.Pages {
			if !m.InTrash(m.Pages[id]) {
				pages = append(pages, id)
			}
		}
		for id := range m.Blocks {
			blocks = append(blocks, id)
		}
		slices.Sort(pages)
		slices.Sort(blocks)
		page, block := pages[r.IntN(len(pages))], blocks[r.IntN(len(blocks))]
		in := notiontest.Parent{Type: "page_id", ID: page}
		id := notiontest.NewID(1, key)
		rich := func(s string) string {
			return `{"rich_text":[{"type":"text","text":{"content":"` + s + `","link":null},"annotations":{"bold":false,"italic":false,"strikethrough":false,"underline":false,"code":false,"color":"default"},"plain_text":"` + s + `","href":null}],"color":"default","checked":true}`
		}
		var rows, hidden []string // in which nothing stands: those that are there, and those that are not
		var sources []string
		for _, s := range m.Sources {
			if m.Visible(s) && !s.Trashed {
				sources = append(sources, s.ID)
			}
			for _, id := range s.Rows {
				switch p := m.Pages[id]; {
				case p.Unshared || p.Trashed:
					hidden = append(hidden, id)
				case m.IsLeaf(id) && !m.InTrash(p):
					rows = append(rows, id)
				}
			}
		}
		row := rows[r.IntN(len(rows))]
		switch r.IntN(16) {
		case 0, 1:
			tx.SetBlock(block, rich("new "+key))
		case 2:
			tx.AddBlock(notiontest.Block{ID: id, Parent: in, Type: "paragraph", Payload: rich("added " + key)})
		case 3:
			if len(m.Children[block]) == 0 && m.IsLeaf(block) {
				tx.RemoveBlock(block)
			}
		case 4:
			if !comments {
				break
			}
			tx.AddComment(notiontest.Comment{ID: id, Discussion: id, Parent: in, Text: notiontest.Plain("comment " + key)})
		case 5:
			tx.AddPage(notiontest.Page{ID: id, Parent: in, Values: map[string]notiontest.Value{"title": notiontest.Plain("page " + key)}})
		case 6:
			tx.Set(page, "title", notiontest.Plain("renamed "+key))
		case 7:
			if !strings.HasPrefix(page, notiontest.NewID(m.Seed, "page/home")) {
				tx.Trash(page)
			}
		case 8:
			tx.AddBlock(notiontest.Block{ID: id, Parent: in, Type: "paragraph", Payload: `{"rich_text":[{"type":"mention","mention":{"type":"user","user":{"object":"user","id":"` + m.Bot + `"}},"annotations":{"bold":false,"italic":false,"strikethrough":false,"underline":false,"code":false,"color":"default"},"plain_text":"@bot","href":null}],"color":"default"}`})
		case 9:
			if page != row {
				tx.MoveTo(row, in)
			}
		case 10:
			tx.Move(row, sources[r.IntN(len(sources))])
		case 11:
			tx.Page(row).Unshared = true
		case 12:
			if m.IsLeaf(row) {
				tx.Purge(row)
			}
		case 13:
			tx.Trash(row)
		case 14:
			if len(hidden) > 0 {
				back := tx.Page(hidden[r.IntN(len(hidden))])
				back.Trashed, back.Unshared = false, false
			}
		case 15:
			if p := m.Pages[page]; p.Source == "" && m.IsLeaf(page) {
				tx.Move(page, sources[r.IntN(len(sources))])
			}
		}
	})
}

// After a rollback the tables are of another load than the one that they remember:
// nothing is relied on.
func TestDeltaAfterRollback(t *testing.T) {
	w := notiontest.Tree(1, 1)
	server := notiontest.NewServer(w, notiontest.Options{})
	l := newMemoryLake()
	var state *truth.State
	load := func(id string) map[string]*memoryTable {
		o := contentOptions(newClient(t, server))
		o.Now = func() time.Time { return w.Model().Clock }
		got, err := l.run(t.Context(), id, NewSource(o))
		if err != nil {
			t.Fatal(err)
		}
		state = compareTables(t, w, state, truth.Options{Load: id, Content: true}, got)
		return got
	}
	block := notiontest.NewID(1, "block/home/text")
	w.Update(func(tx *notiontest.Tx) { tx.SetBlock(block, `{"rich_text":[],"color":"blue"}`) })
	first := load("20260101T000000Z")
	w.Update(func(tx *notiontest.Tx) {
		tx.Sneak(block, `{"rich_text":[],"color":"red","checked":true}`) // in the same minute
		tx.Tick(time.Hour)
	})
	second := load("20260102T000000Z")
	for _, key := range []string{keyPages, keyBlocks} {
		back := *first[key]
		back.load, back.schema = "20260103T000000Z", second[key].schema
		l.before[key] = &back
	}
	load("20260104T000000Z")
}
