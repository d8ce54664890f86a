package notiontest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBlocks(t *testing.T) {
	id := func(key string) string { return NewID(plainSeed, key) }
	p := newPlain(2, func(t *Tx, p *plain) {
		row := Parent{"page_id", p.rows[0]}
		t.AddBlock(Block{ID: id("paragraph"), Parent: row, Type: "paragraph", Payload: `{"rich_text":[],"color":"default"}`})
		t.AddBlock(Block{ID: id("toggle"), Parent: row, Type: "toggle", Payload: `{"rich_text":[],"color":"default"}`, Kids: true})
		t.AddBlock(Block{ID: id("inner"), Parent: Parent{"block_id", id("toggle")}, Type: "divider", Payload: `{}`})
		t.AddBlock(Block{ID: id("notes"), Parent: row, Type: "meeting_notes", Payload: `{}`})
		t.AddBlock(Block{
			ID: id("copy"), Parent: row, Type: "synced_block", Kids: true,
			Payload: `{"synced_from":{"type":"block_id","block_id":"` + id("toggle") + `"}}`,
		})
		t.AddBlock(Block{
			ID: id("lost copy"), Parent: row, Type: "synced_block", Kids: true,
			Payload: `{"synced_from":{"type":"block_id","block_id":"` + id("not shared") + `"}}`,
		})
		t.AddBlock(Block{ID: id("hidden page"), Parent: row, Type: "child_page", Payload: `{"title":"hidden"}`})
		t.AddPage(Page{ID: id("hidden page"), Parent: row, Unshared: true})
		t.AddPage(Page{ID: id("trashed page"), Parent: row, Trashed: true})
		t.AddPage(Page{ID: id("child page"), Parent: row, Values: map[string]Value{"title": Plain("Child")}})
		t.AddDatabase(Database{ID: id("child database"), Parent: Parent{"block_id", id("toggle")}, Title: Plain("Inline")})
		for i := range 3 {
			t.AddComment(Comment{ID: id(fmt.Sprint("comment", i)), Discussion: id("talk"), Parent: row, Text: Plain(fmt.Sprint("comment ", i))})
		}
		t.AddView(p.source, View{ID: id("view"), Name: "Table", Type: "table"})
	})
	c := newClient(t, NewServer(p.Workspace, Options{}))
	children := func(of string) (kinds []string) {
		for _, b := range c.all("GET /v1/blocks/"+of+"/children", "", 2, nil) {
			kinds = append(kinds, b.str("type"))
		}
		return kinds
	}
	for name, tt := range map[string]struct {
		id   string
		want []string
	}{
		"page":           {p.rows[0], []string{"paragraph", "toggle", "meeting_notes", "synced_block", "synced_block", "child_page"}},
		"other page":     {p.rows[1], nil},
		"block":          {id("toggle"), []string{"divider", "child_database"}},
		"copy":           {id("copy"), []string{"divider", "child_database"}},
		"database":       {p.database, nil},
		"page in a page": {id("child page"), nil},
	} {
		if diff := cmp.Diff(tt.want, children(tt.id)); diff != "" {
			t.Errorf("children of %s: %s", name, diff)
		}
	}
	for _, gone := range []string{"lost copy", "hidden page", "not shared"} {
		if status, _ := c.ask("GET /v1/blocks/"+id(gone)+"/children", ""); status != 404 {
			t.Errorf("children of %s: %d", gone, status)
		}
	}
	for to, want := range map[string]string{
		p.rows[0]: "child_page", p.database: "child_database", id("child database"): "child_database", id("inner"): "divider",
	} {
		if got := c.get("GET /v1/blocks/"+to, ""); got.str("type") != want || got.str("id") != to {
			t.Errorf("block %s: %v", want, got)
		}
	}
	if got := c.get("GET /v1/blocks/"+p.rows[0], ""); got["has_children"] != true || got.at("child_page").str("title") != "Task 0" {
		t.Errorf("page as a block: %v", got)
	}
	r := request("GET /v1/blocks/"+id("notes"), "")
	r.Header.Set("Notion-Version", string(V20250903))
	if _, _, body := c.do(r); parse(t, body).str("type") != "transcription" {
		t.Errorf("meeting notes of old: %s", body)
	}

	comments := c.all("GET /v1/comments?block_id="+p.rows[0], "", 2, nil)
	if len(comments) != 3 || comments[2].str("discussion_id") != id("talk") {
		t.Errorf("comments %v", comments)
	}
	if got := c.get("GET /v1/comments/"+id("comment1"), ""); got.str("id") != id("comment1") {
		t.Errorf("comment %v", got)
	}
	for _, by := range []string{"data_source_id=" + p.source, "database_id=" + p.database} {
		if got := c.get("GET /v1/views?"+by, "").ids(); len(got) != 1 || got[0] != id("view") {
			t.Errorf("views by %s: %v", by, got)
		}
	}
	if got := c.get("GET /v1/views/"+id("view"), ""); got.str("data_source_id") != p.source || got.str("name") != "Table" {
		t.Errorf("view %v", got)
	}
}

func TestUsers(t *testing.T) {
	id := func(key string) string { return NewID(plainSeed, key) }
	w := NewWorkspace(plainSeed)
	w.Update(func(t *Tx) {
		t.AddUser(User{ID: id("ada"), Type: "person", Name: "Ada"})
		t.AddUser(User{ID: id("guest"), Type: "person", Name: "Guest", Guest: true})
		t.AddUser(User{ID: id("gone"), Type: "person", Name: "Gone", Removed: true})
		t.AddUser(User{ID: id("team"), Type: "group", Name: "Team"})
	})
	c := newClient(t, NewServer(w, Options{}))
	if diff := cmp.Diff([]string{w.Model().Bot, id("ada")}, c.get("GET /v1/users", "").ids()); diff != "" {
		t.Error(diff)
	}
	for user, want := range map[string]int{"ada": 200, "guest": 200, "gone": 404, "team": 404} {
		if status, _ := c.ask("GET /v1/users/"+id(user), ""); status != want {
			t.Errorf("%s: %d, want %d", user, status, want)
		}
	}
	if me := c.get("GET /v1/users/me", ""); me.str("id") != w.Model().Bot || me.at("bot").str("workspace_name") != "Acme" {
		t.Errorf("me %v", me)
	}
}
