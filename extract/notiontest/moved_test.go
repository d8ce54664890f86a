package notiontest

import (
	"strings"
	"testing"
)

// What becomes of rows: moved, deleted for good, left out by queries.
func TestRowsLeave(t *testing.T) {
	w := NewWorkspace(1)
	id := func(key string) string { return NewID(1, key) }
	w.Update(func(tx *Tx) {
		tx.AddPage(Page{ID: id("page")})
		for _, key := range []string{"a", "b"} {
			tx.AddDatabase(Database{ID: id(key + " db")})
			tx.AddSource(DataSource{ID: id(key), Database: id(key + " db"), Properties: []*Property{{ID: "title", Name: "Name", Type: "title"}, {ID: "n", Name: "N", Type: "number"}}})
		}
		for _, key := range []string{"stays", "under", "over", "purged", "unlisted"} {
			tx.AddRow(id("a"), Page{ID: id(key)})
		}
		tx.AddBlock(Block{ID: id("block"), Parent: Parent{Type: "page_id", ID: id("purged")}, Type: "divider", Payload: "{}"})
		tx.AddBlock(Block{ID: id("in it"), Parent: Parent{Type: "page_id", ID: id("under")}, Type: "divider", Payload: "{}"})
	})
	w.Update(func(tx *Tx) {
		tx.MoveTo(id("under"), Parent{Type: "page_id", ID: id("page")})
		tx.Move(id("over"), id("b"))
		tx.Purge(id("purged"))
		tx.Page(id("unlisted")).Unlisted = true
	})
	c := newClient(t, NewServer(w, Options{}))
	for what, test := range map[string]struct {
		method, path string
		has, lacks   []string
	}{
		"the source":           {"POST", "data_sources/" + id("a") + "/query", []string{id("stays")}, []string{id("under"), id("over"), id("purged"), id("unlisted")}},
		"the other source":     {"POST", "data_sources/" + id("b") + "/query", []string{id("over"), `"data_source_id":"` + id("b")}, nil},
		"what is unlisted":     {"GET", "pages/" + id("unlisted"), []string{`"data_source_id":"` + id("a"), `"in_trash":false`}, nil},
		"what moved":           {"GET", "pages/" + id("under"), []string{`"page_id":"` + id("page")}, []string{`"N"`}},
		"where it moved":       {"GET", "blocks/" + id("page") + "/children", []string{id("under"), "child_page"}, nil},
		"what is in it":        {"GET", "blocks/" + id("under") + "/children", []string{id("in it")}, nil},
		"what is purged":       {"GET", "pages/" + id("purged"), []string{"object_not_found"}, nil},
		"what was in it":       {"GET", "blocks/" + id("block"), []string{"object_not_found"}, nil},
		"what moved, moved on": {"GET", "pages/" + id("over"), []string{`"data_source_id":"` + id("b"), `"N"`}, nil},
	} {
		t.Run(what, func(t *testing.T) {
			body := ""
			if test.method == "POST" {
				body = "{}"
			}
			_, _, got := c.do(request(test.method+" /v1/"+test.path, body))
			for _, s := range test.has {
				if !strings.Contains(got, s) {
					t.Errorf("%s is not in %s", s, got)
				}
			}
			for _, s := range test.lacks {
				if strings.Contains(got, s) {
					t.Errorf("%s is in %s", s, got)
				}
			}
		})
	}
}
