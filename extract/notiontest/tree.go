package notiontest

import "strconv"

// Tree returns a workspace in which everything hangs together below one page, as
// Notion's sidebar has it: pages in pages, databases in pages and in rows, pages
// in toggles of rows. size says how many pages are in each page.
func Tree(seed uint64, size int) *Workspace {
	w := NewWorkspace(seed)
	w.Update(func(t *Tx) {
		b := &builder{t: t, seed: seed, rand: newRand(seed, "tree")}
		b.users()
		home := t.AddPage(Page{ID: b.id("page/home"), Values: map[string]Value{"title": Plain("Home")}, CreatedBy: b.person(0)})
		b.grow(home, "home", size, 3)
	})
	return w
}

// grow adds to a page blocks, a database and pages, which grow themselves.
func (b *builder) grow(page, key string, size, levels int) {
	in := Parent{"page_id", page}
	b.t.Tick(1_000_000_000 * 90)
	b.add(in, key+"/text", "paragraph", `{"rich_text":`+runs("About "+key)+`,"color":"default"}`, false)
	toggle := b.add(in, key+"/toggle", "toggle", `{"rich_text":`+runs("More of "+key)+`,"color":"default"}`, true)
	b.add(Parent{"block_id", toggle}, key+"/inner", "to_do", `{"rich_text":`+runs("Look at "+key)+`,"checked":true,"color":"default"}`, false)
	b.t.AddComment(Comment{ID: b.id(key + "/comment"), Discussion: b.id(key + "/discussion"), Parent: in, Text: Plain("On " + key), By: b.person(len(key))})
	if levels == 0 {
		return
	}
	title := column{Property{ID: "title", Name: "Name", Type: "title"}, []Value{Plain("first " + key), Plain("second " + key)}}
	b.database(key, Database{Title: Plain("List of " + key), Parent: in, Inline: true})
	source := b.source(key, key, Plain("List of "+key), title.Property)
	b.fill(source, []column{title}, size)
	b.grow(b.t.m.sources[source].Rows[0], key+"/row", size, levels-1)
	for i := range size {
		parent := in
		if i%2 == 1 {
			parent = Parent{"block_id", toggle}
		}
		below := key + "/" + strconv.Itoa(i)
		b.grow(b.t.AddPage(Page{ID: b.id("page/" + below), Parent: parent, Values: map[string]Value{"title": Plain(below)}}), below, size, levels-1)
	}
}
