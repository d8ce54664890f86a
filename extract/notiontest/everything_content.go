package notiontest

import (
	"fmt"
	"strconv"
)

// content adds pages with every type of block, in every place where blocks can
// be, and comments on them.
func (b *builder) content(home string) {
	page := b.t.AddPage(Page{ID: b.id("page/content"), Parent: Parent{"page_id", home}, Values: map[string]Value{"title": Plain("Every block")}, Icon: &Icon{"emoji", "🧱"}})
	b.everyBlock(page)
	b.nested(page)
	b.synced(page)
	b.inRows(home)
	b.comments(page)
	b.files(home)
}

// add adds a block and returns its ID.
func (b *builder) add(in Parent, key, kind, payload string, kids bool) string {
	id := b.id("block/" + key)
	b.t.AddBlock(Block{ID: id, Parent: in, Type: kind, Payload: payload, Kids: kids, By: b.person(len(key))})
	return id
}

// runs is rich text as JSON.
func runs(texts ...string) string {
	s := "["
	for i, t := range texts {
		if i > 0 {
			s += ","
		}
		s += `{"type":"text","text":{"content":` + jsonString(t) + `,"link":null},"annotations":` + annotations(i) + `,"plain_text":` + jsonString(t) + `,"href":null}`
	}
	return s + "]"
}

// annotations is another style for each run.
func annotations(i int) string {
	color := "default"
	if i%4 == 3 {
		color = "red_background"
	}
	return fmt.Sprintf(`{"bold":%t,"italic":%t,"strikethrough":%t,"underline":%t,"code":%t,"color":%q}`,
		i == 1, i == 2, i == 3, i == 4, i == 5, color)
}

func (b *builder) mention(kind, value, plain string) string {
	return `[{"type":"mention","mention":{"type":"` + kind + `","` + kind + `":` + value + `},"annotations":` + annotations(0) + `,"plain_text":` + jsonString(plain) + `,"href":null}]`
}

// everyBlock adds a block of each type to a page.
func (b *builder) everyBlock(page string) {
	in := Parent{"page_id", page}
	rich := `{"rich_text":` + runs("Plain ", "bold", " italic ", "struck", "under", "a`b") + `,"color":"default"}`
	for _, kind := range []string{"paragraph", "bulleted_list_item", "quote", "toggle", "template"} {
		b.add(in, "every/"+kind, kind, rich, false)
	}
	for i := 1; i <= 4; i++ {
		b.add(in, "every/heading"+strconv.Itoa(i), "heading_"+strconv.Itoa(i), `{"rich_text":`+runs("Heading")+`,"color":"blue","is_toggleable":false}`, false)
	}
	for i := range 3 {
		b.add(in, "every/number"+strconv.Itoa(i), "numbered_list_item", `{"rich_text":`+runs("Item")+`,"color":"default","list_start_index":4}`, false)
	}
	b.add(in, "every/todo", "to_do", `{"rich_text":`+runs("Open")+`,"checked":false,"color":"default"}`, false)
	b.add(in, "every/done", "to_do", `{"rich_text":`+runs("Done")+`,"checked":true,"color":"default"}`, false)
	b.add(in, "every/callout", "callout", `{"rich_text":`+runs("Mind the *stars*")+`,"icon":{"type":"emoji","emoji":"💡"},"color":"gray_background"}`, false)
	b.add(in, "every/code", "code", `{"rich_text":`+runs("if a < b {\n\treturn \"```\"\n}")+`,"caption":`+runs("An example")+`,"language":"go"}`, false)
	b.add(in, "every/equation", "equation", `{"expression":"E = mc^2"}`, false)
	b.add(in, "every/divider", "divider", `{}`, false)
	b.add(in, "every/breadcrumb", "breadcrumb", `{}`, false)
	b.add(in, "every/toc", "table_of_contents", `{"color":"gray"}`, false)
	for _, kind := range []string{"bookmark", "embed", "link_preview"} {
		b.add(in, "every/"+kind, kind, `{"url":"https://example.com/a(b)?c=d","caption":`+runs(kind)+`}`, false)
	}
	for _, kind := range []string{"image", "video", "pdf", "audio"} {
		b.add(in, "every/"+kind, kind, `{"type":"external","external":{"url":"https://example.com/`+kind+`"},"caption":`+runs("A "+kind)+`}`, false)
	}
	b.add(in, "every/file", "file", `{"type":"external","external":{"url":"https://example.com/x.zip"},"caption":[],"name":"x.zip"}`, false)
	b.add(in, "every/link", "link_to_page", `{"type":"page_id","page_id":"`+b.id("page/linked")+`"}`, false)
	b.add(in, "every/linkDatabase", "link_to_page", `{"type":"database_id","database_id":"`+b.id("database/types")+`"}`, false)
	b.add(in, "every/unsupported", "unsupported", `{"block_type":"button"}`, false)
	b.add(in, "every/unknown", "future_block", `{"glow":true}`, false)
	b.add(in, "every/empty", "paragraph", `{"rich_text":[],"color":"default","icon":null}`, false)
	b.add(in, "every/user", "paragraph", `{"rich_text":`+b.mention("user", `{"object":"user","id":"`+b.odd[0]+`"}`, "@Somebody")+`,"color":"default"}`, false)
	b.add(in, "every/page", "paragraph", `{"rich_text":`+b.mention("page", `{"id":"`+b.id("page/below")+`"}`, "Below")+`,"color":"default"}`, false)
	b.add(in, "every/date", "paragraph", `{"rich_text":`+b.mention("date", `{"start":"2026-05-01","end":null,"time_zone":null}`, "2026-05-01")+`,"color":"default"}`, false)
	b.t.AddPage(Page{ID: b.id("page/linked"), Values: map[string]Value{"title": Plain("Linked")}})
}

// nested adds blocks in blocks: a table, columns, a page and a database in a
// toggle, a list of 130 and a chain of 120.
func (b *builder) nested(page string) {
	in := Parent{"page_id", page}
	table := b.add(in, "table", "table", `{"table_width":2,"has_column_header":true,"has_row_header":false}`, true)
	for i := range 3 {
		b.add(Parent{"block_id", table}, "row"+strconv.Itoa(i), "table_row", `{"cells":[`+runs("cell", " bold")+`,`+runs("x|y")+`]}`, false)
	}
	columns := b.add(in, "columns", "column_list", `{}`, true)
	for i := range 2 {
		column := b.add(Parent{"block_id", columns}, "column"+strconv.Itoa(i), "column", `{"width_ratio":0.5}`, true)
		b.add(Parent{"block_id", column}, "in column"+strconv.Itoa(i), "paragraph", `{"rich_text":`+runs("Column")+`,"color":"default"}`, false)
	}
	toggle := b.add(in, "toggle", "heading_2", `{"rich_text":`+runs("More")+`,"color":"default","is_toggleable":true}`, true)
	b.t.AddPage(Page{ID: b.id("page/toggled"), Parent: Parent{"block_id", toggle}, Values: map[string]Value{"title": Plain("In a toggle")}})
	long := b.add(in, "long", "bulleted_list_item", `{"rich_text":`+runs("Long")+`,"color":"default"}`, true)
	for i := range 130 {
		b.add(Parent{"block_id", long}, "long/"+strconv.Itoa(i), "bulleted_list_item", `{"rich_text":`+runs(strconv.Itoa(i))+`,"color":"default"}`, false)
	}
	at := in
	for i := range 120 {
		at = Parent{"block_id", b.add(at, "deep/"+strconv.Itoa(i), "bulleted_list_item", `{"rich_text":`+runs(strconv.Itoa(i))+`,"color":"default"}`, i < 119)}
	}
	tabs := b.add(in, "tabs", "tab", `{}`, true)
	b.add(Parent{"block_id", tabs}, "tab", "paragraph", `{"rich_text":`+runs("Tab")+`,"color":"default","icon":{"type":"emoji","emoji":"📑"}}`, false)
	notes := b.add(in, "notes", "meeting_notes", `{"title":`+runs("Weekly")+`,"status":"notes_ready","children":{}}`, true)
	b.add(Parent{"block_id", notes}, "note", "paragraph", `{"rich_text":`+runs("Noted")+`,"color":"default"}`, false)
}

// synced adds a synced block, copies of it on other pages, and a copy of one that
// is not shared.
func (b *builder) synced(page string) {
	other := b.t.AddPage(Page{ID: b.id("page/copies"), Parent: Parent{"page_id", page}, Values: map[string]Value{"title": Plain("Copies")}})
	copyOf := func(id string) string { return `{"synced_from":{"type":"block_id","block_id":"` + id + `"}}` }
	original := b.id("block/original")
	b.add(Parent{"page_id", other}, "copy0", "synced_block", copyOf(original), true)
	b.add(Parent{"page_id", page}, "original", "synced_block", `{"synced_from":null}`, true)
	b.add(Parent{"block_id", original}, "in original", "paragraph", `{"rich_text":`+runs("Everywhere the same")+`,"color":"default"}`, false)
	b.add(Parent{"page_id", page}, "copy1", "synced_block", copyOf(original), true)
	secret := b.t.AddPage(Page{ID: b.id("page/secret"), Parent: Parent{"page_id", page}, Values: map[string]Value{"title": Plain("Secret")}, Unshared: true})
	hidden := b.add(Parent{"page_id", secret}, "hidden", "synced_block", `{"synced_from":null}`, true)
	b.add(Parent{"page_id", other}, "copy of hidden", "synced_block", copyOf(hidden), true)
}

// inRows adds blocks, a page and a database to a row.
func (b *builder) inRows(home string) {
	row := b.t.m.sources[SourceID(b.seed, "related")].Rows[0]
	in := Parent{"page_id", row}
	b.add(in, "in row", "paragraph", `{"rich_text":`+runs("A row has text too")+`,"color":"default"}`, false)
	b.t.AddPage(Page{ID: b.id("page/in row"), Parent: in, Values: map[string]Value{"title": Plain("Below a row")}})
	title := column{Property{ID: "title", Name: "Name", Type: "title"}, []Value{Plain("a"), Plain("b")}}
	b.database("in row", Database{Title: Plain("In a row"), Parent: in, Inline: true})
	source := b.source("in row", "in row", Plain("In a row"), title.Property)
	b.fill(source, []column{title}, 3)
	b.t.AddPage(Page{ID: b.id("page/archived"), Parent: Parent{"page_id", home}, Values: map[string]Value{"title": Plain("Archived")}, Archived: true})
	b.t.AddPage(Page{ID: b.id("page/trashed"), Parent: Parent{"page_id", home}, Values: map[string]Value{"title": Plain("Trashed")}, Trashed: true})
}

// comments adds comments to a page, a block and a row.
func (b *builder) comments(page string) {
	for i, on := range []Parent{
		{"page_id", page},
		{"page_id", page},
		{"block_id", b.id("block/every/paragraph")},
		{"page_id", b.t.m.sources[SourceID(b.seed, "related")].Rows[0]},
	} {
		key := strconv.Itoa(i)
		b.t.AddComment(Comment{ID: b.id("comment/every/" + key), Discussion: b.id("discussion/every/" + on.ID), Parent: on, Text: Plain("Comment " + key), By: b.person(i)})
	}
}
