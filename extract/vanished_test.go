package extract

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// worldOfRows is a world whose table tasks has more rows, r0 and on.
func worldOfRows(t *testing.T, rows int) *world {
	v := newWorld(t, notiontest.Options{})
	v.w.Update(func(tx *notiontest.Tx) {
		for i := range rows {
			tx.AddRow(id("tasks"), notiontest.Page{ID: id(fmt.Sprint("r", i))})
		}
		tx.AddPage(notiontest.Page{ID: id("page")})
	})
	return v
}

// What became of rows that are gone is asked, a request each, and told.
func TestVanished(t *testing.T) {
	for _, content := range []bool{false, true} {
		t.Run(fmt.Sprint("content=", content), func(t *testing.T) {
			v := worldOfRows(t, 8)
			if content {
				v.options.Content = Content{Pages: true, Blocks: true, Views: true}
			}
			equal(t, len(v.load()[id("tasks")].gone), 0)
			v.w.Update(func(tx *notiontest.Tx) {
				tx.Trash(id("r0"))
				tx.Trash(id("r1"))
				tx.MoveTo(id("r2"), notiontest.Parent{Type: "page_id", ID: id("page")})
				tx.Move(id("r3"), id("west"))
				tx.Page(id("r4")).Unshared = true
				tx.Purge(id("r5"))
				tx.Archive(id("r6"))
				tx.Page(id("r7")).Unlisted = true
			})
			tables := v.load()
			tasks := tables[id("tasks")]
			equal(t, tasks.gone, []lake.Gone{{Reason: "trashed", Count: 2}, {Reason: "moved", Count: 2}, {Reason: "not_found", Count: 2}})
			equal(t, tasks.texts("_id"), ids("long", "old", "r6", "r7", "short"))
			equal(t, tables[id("west")].gone, []lake.Gone(nil))
			equal(t, problemsOf(tables), told("row_not_found", "r4", "row_not_found", "r5", "row_not_listed", "r7"))
			if content {
				pages := tables[keyPages]
				equal(t, pages.cell(id("r2"), "parent_id").Text(), id("page"))
				equal(t, pages.cell(id("r3"), "data_source_id").Text(), id("west"))
				equal(t, pages.cell(id("r7"), "data_source_id").Text(), id("tasks"))
			}
			v.w.Update(func(tx *notiontest.Tx) { tx.Restore(id("r0")) })
			tables = v.load()
			equal(t, tables[id("tasks")].gone, []lake.Gone(nil)) // they were gone before
			equal(t, problemsOf(tables), told("row_not_listed", "r7"))
		})
	}
}

// Where archived rows are not loaded, one that is archived is gone.
func TestVanishedArchived(t *testing.T) {
	v := worldOfRows(t, 2)
	v.options.Archived = false
	v.load()
	v.w.Update(func(tx *notiontest.Tx) { tx.Archive(id("r0")) })
	tables := v.load()
	equal(t, tables[id("tasks")].gone, []lake.Gone{{Reason: "archived", Count: 1}})
	equal(t, problemsOf(tables), []string(nil))
}

// A row that moves to where nothing leads to is among the pages nevertheless.
func TestVanishedMovesOut(t *testing.T) {
	v := worldOfRows(t, 2)
	v.server = notiontest.NewServer(v.w, notiontest.Options{SearchGap: notiontest.SearchShared})
	v.options = allOptions(newClient(t, v.server))
	v.options.Content = Content{Pages: true}
	v.load()
	v.w.Update(func(tx *notiontest.Tx) {
		tx.AddDatabase(notiontest.Database{ID: id("other db"), Title: notiontest.Plain("Other")})
		tx.AddSource(notiontest.DataSource{ID: id("other"), Database: id("other db"), Inherited: true, Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
		tx.AddRow(id("other"), notiontest.Page{ID: id("there")})
		tx.Move(id("r0"), id("other"))
	})
	tables := v.load()
	equal(t, tables[id("tasks")].gone, []lake.Gone{{Reason: "moved", Count: 1}})
	if other := tables[id("other")]; other == nil || len(other.rows) != 2 {
		t.Errorf("the data source that the row moved to was not read: %+v", other)
	}
}

// A night in which many rows go costs a hundred requests for each data source.
func TestVanishedMany(t *testing.T) {
	v := worldOfRows(t, maxGoneAsked+30)
	v.load()
	v.w.Update(func(tx *notiontest.Tx) {
		for i := range maxGoneAsked + 30 {
			tx.Trash(id(fmt.Sprint("r", i)))
		}
	})
	before := v.server.Stats().Routes["GET /v1/pages/{page_id}"]
	tables := v.load()
	equal(t, v.server.Stats().Routes["GET /v1/pages/{page_id}"]-before, int64(maxGoneAsked))
	equal(t, tables[id("tasks")].gone, []lake.Gone{{Reason: "trashed", Count: maxGoneAsked}, {Reason: "not_asked", Count: 30}})
	p := tables[keyProblems]
	equal(t, p.texts("kind"), []string{"rows_not_asked"})
	equal(t, p.texts("count"), []string{"30"})
}

// Where rows are there that a list left out, all that it left out are asked for.
func TestVanishedManyUnlisted(t *testing.T) {
	v := worldOfRows(t, 2*maxGoneAsked+30)
	v.load()
	v.w.Update(func(tx *notiontest.Tx) {
		for i := range 2*maxGoneAsked + 30 {
			tx.Page(id(fmt.Sprint("r", i))).Unlisted = true
		}
		tx.Trash(id("r0"))
	})
	tasks := v.load()[id("tasks")]
	equal(t, tasks.gone, []lake.Gone{{Reason: "trashed", Count: 1}})
	equal(t, len(tasks.rows), 3+2*maxGoneAsked+29)
}

// A row that cannot be asked for may be there: the table is not whole.
func TestVanishedUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := worldOfRows(t, 2)
		v.load()
		v.w.Update(func(tx *notiontest.Tx) { tx.Trash(id("r0")) })
		v.server.Inject(onPath("/v1/pages/"+id("r0")), notiontest.FaultInternal, 1000)
		tables := v.load()
		tasks := tables[id("tasks")]
		if tasks.partial == nil || !strings.Contains(tasks.partial.Error(), id("r0")) {
			t.Errorf("the table is taken for whole: %v", tasks.partial)
		}
	})
}

// A row that leaves between two of its requests is gone like others.
func TestVanishedMeanwhile(t *testing.T) {
	v := worldOfRows(t, 1)
	v.load()
	var purged atomic.Bool
	v.server = notiontest.NewServer(v.w, notiontest.Options{OnRequest: func(r *http.Request) {
		if strings.Contains(r.URL.Path, "/properties/") && purged.CompareAndSwap(false, true) {
			v.w.Update(func(tx *notiontest.Tx) { tx.Purge(id("long")) })
		}
	}})
	v.options.Client = newClient(t, v.server)
	tables := v.load()
	equal(t, tables[id("tasks")].gone, []lake.Gone{{Reason: "not_found", Count: 1}})
	equal(t, problemsOf(tables), told("row_not_found", "long"))
}

// ids are IDs, sorted; told are problems as problemsOf has them.
func ids(keys ...string) []string {
	var all []string
	for _, key := range keys {
		all = append(all, id(key))
	}
	slices.Sort(all)
	return all
}

func told(pairs ...string) []string {
	var all []string
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, pairs[i]+" "+id(pairs[i+1]))
	}
	slices.Sort(all)
	return all
}

// That the rows of the last load cannot be read any more is no reason for the next
// one to fail: it replaces them. Who is gone is not known then, and that is said.
func TestVanishedUnreadable(t *testing.T) {
	v := worldOfRows(t, 2)
	v.load()
	v.lake.unreadable = id("tasks")
	v.w.Update(func(tx *notiontest.Tx) { tx.Trash(id("r0")) })
	tables := v.load()
	equal(t, tables[id("tasks")].gone, []lake.Gone(nil))
	equal(t, tables[id("tasks")].texts("_id"), ids("long", "old", "r1", "short"))
	equal(t, problemsOf(tables), told("rows_not_asked", "tasks"))
}

// What one part says of its rows is said until that part is read again.
func TestVanishedOfOtherParts(t *testing.T) {
	v := worldOfRows(t, 2)
	v.load()
	v.w.Update(func(tx *notiontest.Tx) {
		tx.Purge(id("r0"))
		tx.Page(id("r1")).Unlisted = true
	})
	for _, step := range []struct {
		only string
		want []string
	}{
		{"tasks", told("row_not_found", "r0", "row_not_listed", "r1")},
		{"east", told("row_not_found", "r0", "row_not_listed", "r1")},
		{"tasks", told("row_not_listed", "r1")},
	} {
		v.options.Only = []string{step.only}
		all := problemsOf(v.load())
		equal(t, slices.DeleteFunc(all, func(p string) bool { return !strings.HasPrefix(p, "row_") }), step.want)
	}
}

// A row that moves to a data source whose rows have been read already is in no table
// of the load: that is said, and the next load has it.
func TestVanishedIntoWhatWasRead(t *testing.T) {
	for _, content := range []bool{false, true} {
		for _, to := range []string{"east", "west"} {
			v := worldOfRows(t, 1)
			v.options.Content = Content{Pages: content}
			v.load()
			var moved atomic.Bool
			v.server = notiontest.NewServer(v.w, notiontest.Options{OnRequest: func(r *http.Request) {
				if strings.Contains(r.URL.Path, id("tasks")+"/query") && moved.CompareAndSwap(false, true) {
					v.w.Update(func(tx *notiontest.Tx) { tx.Move(id("r0"), id(to)) })
				}
			}})
			v.options.Client = newClient(t, v.server)
			tables := v.load()
			equal(t, tables[id("tasks")].gone, []lake.Gone{{Reason: "moved", Count: 1}})
			there := slices.Contains(tables[id(to)].texts("_id"), id("r0"))
			want := []string(nil)
			if !there {
				want = told("row_moved_meanwhile", "r0")
			}
			if west := to == "west"; there != west && !content { // with content both may be listed before tasks
				t.Errorf("the row is in %s: %t", to, there)
			}
			equal(t, problemsOf(tables), want)
			if now := v.load(); !slices.Contains(now[id(to)].texts("_id"), id("r0")) || len(problemsOf(now)) > 0 {
				t.Errorf("the next load: %v", problemsOf(now))
			}
		}
	}
}

// Without pages, a row that moved to a data source which search does not find is in no
// table: that is said, unless the configuration leaves that data source out.
func TestVanishedIntoNowhere(t *testing.T) {
	v := worldOfRows(t, 1)
	v.load()
	v.w.Update(func(tx *notiontest.Tx) {
		tx.AddDatabase(notiontest.Database{ID: id("far base"), Title: notiontest.Plain("Far")})
		tx.AddSource(notiontest.DataSource{ID: id("far"), Database: id("far base"), Title: notiontest.Plain("Far"), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
		tx.Move(id("r0"), id("far"))
	})
	v.server = notiontest.NewServer(v.w, notiontest.Options{SearchGap: notiontest.SearchNoSources})
	v.options.Client = newClient(t, v.server)
	tables := v.load()
	equal(t, tables[id("tasks")].gone, []lake.Gone{{Reason: "moved", Count: 1}})
	equal(t, problemsOf(tables), told("row_moved_meanwhile", "r0"))
}

// A full load replaces pages of the last load that cannot be read any more, and says
// that it does not know which of them are gone; others name that as the cure.
func TestPagesUnreadable(t *testing.T) {
	v := worldOfRows(t, 1)
	v.options.Content = Content{Pages: true, Blocks: true}
	want := len(v.load()[keyPages].rows)
	v.lake.unreadable = keyPages
	if _, err := v.lake.run(t.Context(), "20260109T000000Z", NewSource(v.options)); err == nil || !strings.Contains(err.Error(), "run --full") {
		t.Errorf("without --full: %v", err)
	}
	v.options.Full = true
	tables := v.load()
	equal(t, len(tables[keyPages].rows), want)
	equal(t, problemsOf(tables), []string{"rows_not_asked "})
}

// A page whose blocks are not found, and that is there, stays, and that is said; one
// that is not there is said to be gone.
func TestBlocksNotFound(t *testing.T) {
	for _, gone := range []bool{false, true} {
		v := worldOfRows(t, 1)
		v.options.Content, v.options.Full = Content{Pages: true, Blocks: true}, true
		want := len(v.load()[keyPages].rows)
		v.server.Inject(onPath("/v1/blocks/"+id("page")+"/children"), notiontest.FaultNotFound, 1)
		if gone {
			v.server.Inject(onPath("/v1/pages/"+id("page")), notiontest.FaultNotFound, 1)
		}
		tables := v.load()
		if gone {
			equal(t, len(tables[keyPages].rows), want-1)
			equal(t, problemsOf(tables), told("not_shared", "page"))
			continue
		}
		equal(t, len(tables[keyPages].rows), want)
		equal(t, problemsOf(tables), told("blocks_not_readable", "page"))
	}
}
