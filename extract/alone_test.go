package extract

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// The links in a row that is shared alone are all there, however many there are.
func TestLinksOfRowSharedAlone(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	const many = 160
	w.Update(func(tx *notiontest.Tx) {
		targets := addSource(tx, "targets", notiontest.Parent{})
		var ids notiontest.Refs
		for range many {
			ids = append(ids, tx.AddRow(targets, notiontest.Page{Values: titled("target")}))
		}
		var text notiontest.Text
		for range many {
			text = append(text, notiontest.Run{Text: "@", Mention: &notiontest.Mention{Type: "page", ID: ids[0]}})
		}
		hidden := addSource(tx, "hidden", notiontest.Parent{})
		tx.AddProperty(hidden, notiontest.Property{ID: "a%b", Name: "To", Type: "relation", Relation: &notiontest.Relation{Source: targets}}, 1)
		tx.AddProperty(hidden, notiontest.Property{ID: "text", Name: "Text", Type: "rich_text"}, 2)
		tx.AddRow(hidden, notiontest.Page{ID: key("alone"), Alone: true, Values: map[string]notiontest.Value{"title": notiontest.Plain("alone"), "a%b": ids, "text": text}})
		tx.Source(hidden).Unshared = true
	})
	got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(contentOptions(newClient(t, notiontest.NewServer(w, notiontest.Options{})))))
	if err != nil {
		t.Fatal(err)
	}
	if by := got[keyPages].cell(key("alone"), "discovered_by").Text(); by != byOnlyRow {
		t.Fatalf("found by %q", by)
	}
	links, n := got[keyLinks], map[string]int{}
	for _, row := range links.rows {
		if row[0].Text() == key("alone") {
			n[row[links.column("kind")].Text()+" "+row[links.column("property_id")].Text()]++
		}
	}
	if n["relation a%b"] != many || n["mention text"] != many {
		t.Errorf("links: %v", n)
	}
}

// A row that is shared alone is waited for, also where it shows late and something else
// is looked for with it that takes fewer requests: the page of a block.
func TestRowSharedAloneIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := notiontest.NewWorkspace(1)
		var rows notiontest.Refs
		w.Update(func(tx *notiontest.Tx) {
			tx.AddPage(notiontest.Page{ID: key("in"), Parent: notiontest.Parent{Type: "block_id", ID: key("nowhere")}, Values: titled("in"), Unshared: true})
			hidden := addSource(tx, "hidden", notiontest.Parent{})
			row := tx.AddRow(hidden, notiontest.Page{ID: key("alone"), Alone: true, Values: titled("alone"), Unshared: true})
			addBlock(tx, "text", "page_id", row, "divider", "{}")
			tx.Source(hidden).Unshared = true
			shown := tx.AddRow(addSource(tx, "shown", notiontest.Parent{}), notiontest.Page{Values: titled("shown")})
			for _, id := range []string{"in", "alone"} {
				addBlock(tx, "to "+id, "page_id", shown, "link_to_page", `{"type":"page_id","page_id":"`+key(id)+`"}`)
			}
			rows = append(rows, shown)
		})
		server := notiontest.NewServer(w, notiontest.Options{Latency: time.Second, OnRequest: func(r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/v1/blocks/"+rows[0]) {
				w.Update(func(tx *notiontest.Tx) { tx.Page(key("in")).Unshared, tx.Page(key("alone")).Unshared = false, false })
			}
		}})
		got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(contentOptions(newClient(t, server))))
		if err != nil {
			t.Fatal(err)
		}
		if page := got[keyBlocks].cell(key("text"), "page_id").Text(); page != key("alone") {
			t.Errorf("the block is in %q", page)
		}
	})
}

// What only a synced copy shows has comments too, and the users whom it mentions are
// met.
func TestInsideOfCopy(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		other := tx.AddPage(notiontest.Page{ID: key("other"), Values: titled("other")})
		page := tx.AddPage(notiontest.Page{ID: key("page"), Values: titled("page")})
		addBlock(tx, "original", "page_id", other, "synced_block", `{"synced_from":null}`)
		addBlock(tx, "inside", "block_id", key("original"), "paragraph",
			`{"rich_text":[{"type":"mention","mention":{"type":"user","user":{"object":"user","id":"`+key("guest")+`"}},"annotations":{},"plain_text":"@Guest","href":null}]}`)
		tx.AddUser(notiontest.User{ID: key("guest"), Type: "person", Name: "Guest", Guest: true})
		addBlock(tx, "copy", "page_id", page, "synced_block", `{"synced_from":{"type":"block_id","block_id":"`+key("original")+`"}}`)
		on := notiontest.Parent{Type: "block_id", ID: key("inside")}
		tx.AddComment(notiontest.Comment{ID: key("comment"), Discussion: key("comment"), Parent: on, Text: notiontest.Plain("look")})
	})
	o := contentOptions(newClient(t, notiontest.NewServer(w, notiontest.Options{})))
	o.Exclude = []string{key("other")}
	got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(o))
	if err != nil {
		t.Fatal(err)
	}
	for table, id := range map[string]string{keyBlocks: key("inside"), keyComments: key("comment")} {
		if page := got[table].cell(id, "page_id").Text(); page != key("page") {
			t.Errorf("%s: page %s", table, page)
		}
	}
	if name := got[keyUsers].cell(key("guest"), "name").Text(); name != "Guest" {
		t.Errorf("user %q", name)
	}
}

// Many blocks that Notion does not show are a problem for each type, with their number.
func TestManyUnsupportedBlocks(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		page := tx.AddPage(notiontest.Page{ID: key("page"), Values: titled("page")})
		for i := range 300 {
			addBlock(tx, fmt.Sprint(i), "page_id", page, "unsupported", fmt.Sprintf(`{"block_type":"t%d"}`, i%3))
		}
		for i := range 200 {
			addBlock(tx, fmt.Sprint("other", i), "page_id", page, "unsupported", fmt.Sprintf(`{"block_type":"other%d"}`, i))
		}
	})
	o := contentOptions(newClient(t, notiontest.NewServer(w, notiontest.Options{})))
	noComments(&o)
	got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(o))
	if err != nil {
		t.Fatal(err)
	}
	problems, n := got[keyProblems], int64(0)
	for _, row := range problems.rows {
		count := row[problems.column("count")].Int()
		if n += count; strings.Contains(row[problems.column("message")].Text(), `"t1"`) && count != 100 {
			t.Errorf("%d blocks of type t1", count)
		}
		if row[problems.column("page_id")].Text() != key("page") {
			t.Errorf("a problem without its page: %v", row)
		}
	}
	if len(problems.rows) != maxGroups || n != 500 {
		t.Errorf("%d problems, of %d blocks", len(problems.rows), n)
	}
}
