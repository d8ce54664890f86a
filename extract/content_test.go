package extract

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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

// compareTables compares all tables with what the model says.
func compareTables(t *testing.T, w *notiontest.Workspace, state *truth.State, o truth.Options, got map[string]*memoryTable) (next *truth.State) {
	t.Helper()
	want, next, err := truth.Tables(w.Model(), state, o)
	if err != nil {
		t.Fatal(err)
	}
	cells := 0
	for _, table := range want {
		cells += compareTable(t, o.Load, table, got[table.Key])
	}
	compareGone(t, o.Load, want, got)
	if cells < 500 {
		t.Errorf("only %d cells compared", cells)
	}
	return next
}

// compareGone looks that every row of the last load of which Notion does not tell
// what became of it has a row in _problems, and none besides.
func compareGone(t *testing.T, load string, want []truth.Table, got map[string]*memoryTable) {
	t.Helper()
	var ids []string
	for _, table := range want {
		for id, why := range table.Gone {
			if why == "not_found" {
				ids = append(ids, "row_not_found "+id)
			}
		}
	}
	slices.Sort(ids)
	told := slices.DeleteFunc(problemsOf(got), func(p string) bool { return !strings.HasPrefix(p, "row") })
	if diff := cmp.Diff(ids, told, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: rows that are gone: -want +got\n%s", load, diff)
	}
}

// A workspace whose parts lead to each other arrives whole, however little of it
// a search finds.
func TestContentFound(t *testing.T) {
	for _, gap := range []notiontest.SearchGap{notiontest.SearchAll, notiontest.SearchHalf, notiontest.SearchShared} {
		for seed := range uint64(2) {
			if raced && (gap != notiontest.SearchHalf || seed > 0) {
				continue
			}
			t.Run(fmt.Sprint(gap, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := notiontest.Tree(seed, 2)
					server := notiontest.NewServer(w, notiontest.Options{Seed: seed, SearchGap: gap, ShortPages: true})
					l := newMemoryLake()
					var state *truth.State
					for _, load := range []string{"20260101T000000Z", "20260102T000000Z"} {
						got, err := l.run(t.Context(), load, NewSource(contentOptions(newClient(t, server))))
						if err != nil {
							t.Fatal(err)
						}
						state = compareTables(t, w, state, truth.Options{Load: load, Content: true}, got)
					}
				})
			})
		}
	}
}

// A load of a part replaces what belongs to its data sources and keeps the rest.
func TestContentOfPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := notiontest.Tree(1, 2)
		server := notiontest.NewServer(w, notiontest.Options{})
		l := newMemoryLake()
		got, err := l.run(t.Context(), "20260101T000000Z", NewSource(contentOptions(newClient(t, server))))
		if err != nil {
			t.Fatal(err)
		}
		state := compareTables(t, w, nil, truth.Options{Load: "20260101T000000Z", Content: true}, got)
		source := notiontest.SourceID(1, "home")
		row := w.Model().Source(source).Rows[0]
		w.Update(func(tx *notiontest.Tx) {
			tx.AddBlock(notiontest.Block{ID: notiontest.NewID(1, "new"), Parent: notiontest.Parent{Type: "page_id", ID: row}, Type: "divider", Payload: "{}"})
			tx.RemoveBlock(notiontest.NewID(1, "block/home/row/text"))
		})
		o := contentOptions(newClient(t, server))
		o.Only = []string{source}
		if got, err = l.run(t.Context(), "20260102T000000Z", NewSource(o)); err != nil {
			t.Fatal(err)
		}
		want, _, err := truth.Tables(w.Model(), state, truth.Options{Load: "20260102T000000Z", Content: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range want {
			if slices.Contains([]string{keyPages, keyBlocks, keyComments, keyLinks, keyViews}, table.Key) {
				compareTable(t, "the part", table, got[table.Key])
			}
		}
	})
}

// The Markdown of a page with every type of block.
func TestMarkdown(t *testing.T) {
	if raced {
		t.Skip("TestTruth loads the same workspace with the detector")
	}
	w := notiontest.Everything(1)
	server := notiontest.NewServer(w, notiontest.Options{})
	o := contentOptions(newClient(t, server))
	noComments(&o)
	got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(o))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"content", "copies", "toggled"} {
		text := got[keyPages].cell(notiontest.NewID(1, "page/"+page), "markdown").Text() + "\n"
		file := filepath.Join("testdata", "markdown", page+".md")
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), text); diff != "" {
			t.Errorf("%s (-update rewrites it): -want +got\n%s", file, diff)
		}
	}
}

// noComments switches the reading of comments off.
func noComments(o *Options) { o.Content.Comments, o.Content.BlockComments = false, false }

// Where blocks are off, Notion's own Markdown is taken.
func TestMarkdownOfNotion(t *testing.T) {
	server := notiontest.NewServer(notiontest.Tree(1, 1), notiontest.Options{})
	o := contentOptions(newClient(t, server))
	o.Content.Blocks = false
	got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(o))
	if err != nil {
		t.Fatal(err)
	}
	if text := got[keyPages].cell(notiontest.NewID(1, "page/home"), "markdown").Text(); !strings.HasPrefix(text, "About home\nMore of home\n\tLook at home\n") {
		t.Errorf("markdown %q", text)
	}
	if got[keyBlocks] != nil {
		t.Error("there is a table of blocks")
	}
}

// What Notion leaves out of a page's Markdown is asked for by itself; what remains
// is said.
func TestMarkdownOfNotionInParts(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	text := func(s string) string { return `{"rich_text":[{"plain_text":"` + s + `"}]}` }
	w.Update(func(tx *notiontest.Tx) {
		page := tx.AddPage(notiontest.Page{ID: key("page"), Values: titled("page")})
		addBlock(tx, "a", "page_id", page, "toggle", text("a"))
		addBlock(tx, "b", "block_id", key("a"), "toggle", text("b"))
		addBlock(tx, "c", "block_id", key("b"), "paragraph", text("c"))
		addBlock(tx, "d", "block_id", key("a"), "paragraph", text("d"))
		addBlock(tx, "e", "page_id", page, "paragraph", text("e"))
		long := tx.AddPage(notiontest.Page{ID: key("long"), Values: titled("long")})
		for i := range 180 {
			addBlock(tx, fmt.Sprint("block", i), "page_id", long, "paragraph", text("x"))
		}
	})
	server := notiontest.NewServer(w, notiontest.Options{MarkdownLimit: 1})
	server.Inject(onPath(key("d")+"/markdown"), notiontest.FaultNotFound, 1)
	o := contentOptions(newClient(t, server))
	noComments(&o)
	o.Content.Blocks = false
	got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(o))
	if err != nil {
		t.Fatal(err)
	}
	unknown := `<unknown url="https://app.notion.com/p/` + strings.ReplaceAll(key("page"), "-", "") + "#" + strings.ReplaceAll(key("d"), "-", "") + `" alt="paragraph"/>`
	want := "a\n\tb\n\t\tc\n\t" + unknown + "\ne\n"
	if text := got[keyPages].cell(key("page"), "markdown").Text(); text != want {
		t.Errorf("markdown %q, want %q", text, want)
	}
	if n := strings.Count(got[keyPages].cell(key("long"), "markdown").Text(), "x\n"); n != 1+maxMarkdownParts {
		t.Errorf("%d blocks of the long page", n)
	}
	problems := got[keyProblems]
	if diff := cmp.Diff(sorted([]string{"markdown_cut_off " + key("page"), "markdown_cut_off " + key("long")}), problemsOf(got)); diff != "" {
		t.Error(diff)
	}
	for _, row := range problems.rows {
		if row[problems.column("object_id")].Text() == key("page") && row[problems.column("count")].Int() != 1 {
			t.Errorf("%v", row)
		}
	}
}

// problemsOf are kind and object of the rows of _problems.
func problemsOf(tables map[string]*memoryTable) (all []string) {
	p := tables[keyProblems]
	for _, row := range p.rows {
		all = append(all, row[p.column("kind")].Text()+" "+row[p.column("object_id")].Text())
	}
	slices.Sort(all)
	return all
}

// TestBadContent has a subtest per row of the table of bad inputs that is about
// pages, by its number.
func TestBadContent(t *testing.T) {
	run := func(t *testing.T, w *notiontest.Workspace, so notiontest.Options, change func(*Options)) (map[string]*memoryTable, error) {
		t.Helper()
		o := contentOptions(newClient(t, notiontest.NewServer(w, so)))
		if change != nil {
			change(&o)
		}
		return newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(o))
	}
	t.Run("68", func(t *testing.T) {
		depth := 10_000
		if raced {
			depth = 1000
		}
		w := notiontest.NewWorkspace(1)
		w.Update(func(tx *notiontest.Tx) {
			in := notiontest.Parent{Type: "page_id", ID: tx.AddPage(notiontest.Page{Values: map[string]notiontest.Value{"title": notiontest.Plain("deep")}})}
			for i := range depth {
				id := notiontest.NewID(1, fmt.Sprint("deep", i))
				tx.AddBlock(notiontest.Block{ID: id, Parent: in, Type: "toggle", Payload: `{"rich_text":[]}`, Kids: i < depth-1})
				in = notiontest.Parent{Type: "block_id", ID: id}
			}
		})
		got, err := run(t, w, notiontest.Options{}, noComments)
		if err != nil {
			t.Fatal(err)
		}
		blocks := got[keyBlocks]
		if len(blocks.rows) != depth {
			t.Fatalf("%d blocks", len(blocks.rows))
		}
		last := blocks.rows[depth-1]
		if d := last[blocks.column("depth")].Int(); d != int64(depth) || !last[blocks.column("path")].IsNull() {
			t.Errorf("depth %d, path %v", d, last[blocks.column("path")])
		}
	})
	t.Run("69", func(t *testing.T) {
		w := notiontest.NewWorkspace(1)
		id := func(key string) string { return notiontest.NewID(1, key) }
		w.Update(func(tx *notiontest.Tx) {
			page := tx.AddPage(notiontest.Page{Values: map[string]notiontest.Value{"title": notiontest.Plain("round")}})
			tx.AddBlock(notiontest.Block{ID: id("a"), Parent: notiontest.Parent{Type: "page_id", ID: page}, Type: "synced_block", Payload: `{"synced_from":null}`, Kids: true})
			tx.AddBlock(notiontest.Block{ID: id("b"), Parent: notiontest.Parent{Type: "block_id", ID: id("a")}, Type: "synced_block", Payload: `{"synced_from":{"type":"block_id","block_id":"` + id("a") + `"}}`, Kids: true})
			tx.AddBlock(notiontest.Block{ID: id("c"), Parent: notiontest.Parent{Type: "block_id", ID: id("a")}, Type: "toggle", Payload: `{"rich_text":[]}`, Kids: true})
			tx.Loop(id("c"), id("a")) // Notion says that a block is in itself
		})
		got, err := run(t, w, notiontest.Options{}, noComments)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(got[keyBlocks].rows); n != 3 {
			t.Errorf("%d blocks, want each of 3 once", n)
		}
	})
	t.Run("87", func(t *testing.T) {
		l := newMemoryLake()
		w := notiontest.Tree(1, 1)
		if _, err := l.run(t.Context(), "20260101T000000Z", NewSource(contentOptions(newClient(t, notiontest.NewServer(w, notiontest.Options{}))))); err != nil {
			t.Fatal(err)
		}
		comments := len(l.before[keyComments].rows)
		refused := notiontest.NewServer(w, notiontest.Options{NoComments: true, NoUsers: true})
		got, err := l.run(t.Context(), "20260102T000000Z", NewSource(contentOptions(newClient(t, refused))))
		if err != nil {
			t.Fatal(err)
		}
		if got[keyComments].unread == "" || len(l.before[keyComments].rows) != comments || comments == 0 {
			t.Errorf("_comments: %+v", got[keyComments])
		}
		if len(got[keyUsers].rows) == 0 {
			t.Error("no users")
		}
		if diff := cmp.Diff([]string{"comments_not_readable ", "users_not_readable "}, problemsOf(got)); diff != "" {
			t.Error(diff)
		}
		if got, err = run(t, w, notiontest.Options{NoComments: true}, nil); err != nil || got[keyComments].unread == "" {
			t.Errorf("a first load: %v, %+v", err, got[keyComments])
		}
	})
}

// A page whose blocks cannot be read makes the tables of content partial, and no
// other one.
func TestContentNotWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := notiontest.Tree(1, 1)
		server := notiontest.NewServer(w, notiontest.Options{})
		page := notiontest.NewID(1, "page/home")
		server.Inject(func(r *http.Request) bool { return r.URL.Path == "/v1/blocks/"+page+"/children" }, notiontest.FaultInternal, 1000)
		got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(contentOptions(newClient(t, server))))
		if err != nil {
			t.Fatal(err)
		}
		for key, table := range got {
			want := slices.Contains([]string{keyPages, keyBlocks, keyComments, keyLinks}, key)
			if (table.partial != nil) != want {
				t.Errorf("%s: partial: %v", key, table.partial)
			}
		}
	})
}

// What is not shown is said in _problems.
func TestContentProblems(t *testing.T) {
	if raced {
		t.Skip("TestTruth loads the same workspace with the detector")
	}
	w := notiontest.Everything(1)
	got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(contentOptions(newClient(t, notiontest.NewServer(w, notiontest.Options{})))))
	if err != nil {
		t.Fatal(err)
	}
	id := func(key string) string { return notiontest.NewID(1, key) }
	problems := problemsOf(got)
	for _, want := range []string{
		"block_not_supported " + id("block/every/unsupported"),
		"blocks_not_readable " + id("block/copy of hidden"),
		"database_without_data_sources " + id("database/linked"),
	} {
		if !slices.Contains(problems, want) {
			t.Errorf("no problem %s in\n%s", want, strings.Join(problems, "\n"))
		}
	}
}

// Blocks that leave while the others are listed make a cursor skip others: they
// are there all the same.
func TestChildrenMeanwhile(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	id := func(i int) string { return notiontest.NewID(1, fmt.Sprint("block", i)) }
	w.Update(func(tx *notiontest.Tx) {
		page := tx.AddPage(notiontest.Page{Values: map[string]notiontest.Value{"title": notiontest.Plain("long")}})
		for i := range 250 {
			tx.AddBlock(notiontest.Block{ID: id(i), Parent: notiontest.Parent{Type: "page_id", ID: page}, Type: "divider", Payload: "{}"})
		}
	})
	removed := false
	server := notiontest.NewServer(w, notiontest.Options{OnRequest: func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/children") && r.URL.Query().Has("start_cursor") && !removed {
			removed = true
			w.Update(func(tx *notiontest.Tx) { tx.RemoveBlock(id(0)) })
		}
	}})
	o := contentOptions(newClient(t, server))
	noComments(&o)
	got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(o))
	if err != nil {
		t.Fatal(err)
	}
	blocks := got[keyBlocks]
	for i := 1; i < 250; i++ {
		if v := blocks.cell(id(i), "position"); v.Int() != int64(i-1) {
			t.Errorf("block %d: position %s", i, v)
		}
	}
}

// A page that nothing leads to but the search of the night before is there though
// the search does not find it any more; once it is in the trash that is said.
func TestContentEarlier(t *testing.T) {
	w := notiontest.Tree(1, 1)
	lonely := notiontest.NewID(1, "page/lonely")
	w.Update(func(tx *notiontest.Tx) {
		tx.AddPage(notiontest.Page{ID: lonely, Values: map[string]notiontest.Value{"title": notiontest.Plain("lonely")}})
	})
	has := func(l *memoryLake, load string, so notiontest.Options) (map[string]*memoryTable, bool) {
		got, err := l.run(t.Context(), load, NewSource(contentOptions(newClient(t, notiontest.NewServer(w, so)))))
		if err != nil {
			t.Fatal(err)
		}
		return got, got[keyPages].cell(lonely, "title").Text() == "lonely"
	}
	gap := notiontest.Options{SearchGap: notiontest.SearchHalf}
	for _, found := has(newMemoryLake(), "20260101T000000Z", gap); found; gap.Seed++ {
		_, found = has(newMemoryLake(), "20260101T000000Z", notiontest.Options{SearchGap: notiontest.SearchHalf, Seed: gap.Seed + 1})
	}
	l := newMemoryLake()
	has(l, "20260101T000000Z", notiontest.Options{})
	if _, found := has(l, "20260102T000000Z", gap); !found {
		t.Error("the page is lost")
	}
	w.Trash(lonely)
	got, found := has(l, "20260103T000000Z", gap)
	if found || !slices.Contains(problemsOf(got), "in_trash "+lonely) {
		t.Errorf("it is there: %t; problems %v", found, problemsOf(got))
	}
}

// A row that a link names, and that is being asked for when its data source brings
// it, is there once.
func TestRowNamedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := notiontest.NewWorkspace(1)
		var rows []string
		w.Update(func(tx *notiontest.Tx) {
			for _, key := range []string{"a", "b"} {
				database := notiontest.NewID(1, "database/"+key)
				tx.AddDatabase(notiontest.Database{ID: database, Title: notiontest.Plain(key)})
				tx.AddSource(notiontest.DataSource{ID: notiontest.NewID(1, key), Database: database, Title: notiontest.Plain(key), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
				rows = append(rows, tx.AddRow(notiontest.NewID(1, key), notiontest.Page{Values: map[string]notiontest.Value{"title": notiontest.Plain("row of " + key)}}))
			}
			tx.AddBlock(notiontest.Block{ID: notiontest.NewID(1, "link"), Parent: notiontest.Parent{Type: "page_id", ID: rows[0]}, Type: "link_to_page", Payload: `{"type":"page_id","page_id":"` + rows[1] + `"}`})
		})
		server := notiontest.NewServer(w, notiontest.Options{OnRequest: func(r *http.Request) {
			switch {
			case onPath(notiontest.NewID(1, "b") + "/query")(r):
				time.Sleep(5 * time.Second)
			case r.URL.Path == "/v1/pages/"+rows[1]:
				time.Sleep(10 * time.Second)
			}
		}})
		got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(contentOptions(newClient(t, server))))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(got[keyPages].rows); n != 2 || got[keyPages].cell(rows[1], "discovered_by").Text() != byDataSource {
			t.Errorf("%d pages: %v", n, got[keyPages].rows)
		}
	})
}

// A block that moves to another page while both are read is there once.
func TestBlockMovesMeanwhile(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	block := notiontest.NewID(1, "block")
	var pages []string
	w.Update(func(tx *notiontest.Tx) {
		for i := range 2 {
			pages = append(pages, tx.AddPage(notiontest.Page{ID: notiontest.NewID(1, fmt.Sprint("page", i)), Values: map[string]notiontest.Value{"title": notiontest.Plain("page")}}))
		}
		tx.AddBlock(notiontest.Block{ID: block, Parent: notiontest.Parent{Type: "page_id", ID: pages[0]}, Type: "divider", Payload: "{}"})
		tx.Loop(pages[1], block) // as if it had been read on both
	})
	o := contentOptions(newClient(t, notiontest.NewServer(w, notiontest.Options{})))
	got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(o))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got[keyBlocks].rows); n != 1 {
		t.Errorf("%d rows of one block", n)
	}
}
