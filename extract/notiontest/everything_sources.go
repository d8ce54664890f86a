package notiontest

import "fmt"

// sizes are data sources around the size of a page of results, and one without
// rows that has every property type.
func (b *builder) sizes() {
	for _, n := range []int{0, 1, 99, 100, 101} {
		key := fmt.Sprintf("size/%d", n)
		columns := []column{
			{Property{ID: "title", Name: "Name", Type: "title"}, nil},
			{Property{ID: "numb", Name: "Number", Type: "number"}, []Value{Number("1"), Number("2"), nil}},
		}
		source := b.single(key, Plain(fmt.Sprintf("Rows %d", n)), properties(columns)...)
		for i := range n {
			b.tick()
			b.t.AddRow(source, Page{Values: map[string]Value{
				"title": Plain(fmt.Sprintf("row %d of %d", i, n)), "numb": Number(fmt.Sprint(i)),
			}})
		}
	}
	var empty []Property
	for _, key := range []string{"types", "rollups"} {
		for _, p := range b.t.m.Source(SourceID(b.seed, key)).Properties {
			q := *p
			if key == "rollups" {
				if p.ID == "title" {
					continue
				}
				q.Name = "Rollup " + q.Name
			}
			if q.Relation != nil {
				q.Relation = &Relation{Source: q.Relation.Source}
			}
			empty = append(empty, q)
		}
	}
	b.single("empty", Plain("Empty"), empty...)
}

// wiki is a data source with another one among its rows.
func (b *builder) wiki() {
	columns := []column{
		{Property{ID: "title", Name: "Page", Type: "title"}, []Value{Plain("Home"), Plain("Handbook"), nil}},
		{Property{ID: "verification", Name: "Verification", Type: "verification"}, b.verified()},
		{Property{ID: "ownr", Name: "Owner", Type: "people"}, []Value{b.crowd(1, 4), nil}},
	}
	b.database("wiki", Database{Title: Plain("Wiki")})
	wiki := b.source("wiki", "wiki", Plain("Wiki"), properties(columns)...)
	b.fill(wiki, columns, 7)
	b.database("wiki child", Database{Title: Plain("In the wiki"), Parent: Parent{"database_id", b.id("database/wiki")}})
	child := b.source("wiki child", "wiki child", Plain("In the wiki"), properties(columns[:1])...)
	b.fill(child, columns[:1], 2)
	s := b.t.Source(wiki)
	s.Kind, s.Children = "wiki", []string{child}
}

// hidden are data sources that the connection sees in part or not at all: one
// that is not shared, with a relation to it that Notion leaves out of the
// schema, one in the trash, one that search does not know, a linked database.
func (b *builder) hidden() {
	title := column{Property{ID: "title", Name: "Name", Type: "title"}, []Value{Plain("a"), Plain("b")}}
	secret := b.single("secret", Plain("Secret"), title.Property)
	b.fill(secret, []column{title}, 3)
	b.t.Source(secret).Unshared = true

	trashed := b.single("trashed", Plain("Trashed"), title.Property)
	b.fill(trashed, []column{title}, 2)
	b.t.Source(trashed).Trashed = true

	inherited := b.single("inherited", Plain("Inherited"), title.Property)
	b.fill(inherited, []column{title}, 2)
	b.t.Source(inherited).Inherited = true

	columns := []column{
		title,
		{Property{ID: "secr", Name: "To the secret", Type: "relation", Relation: &Relation{Source: secret}}, []Value{b.rows("secret", 2, 0)}},
		{Property{ID: "inhe", Name: "To the inherited", Type: "relation", Relation: &Relation{Source: inherited}}, []Value{b.rows("inherited", 2, 0), nil}},
		{Property{ID: "rSec", Name: "Count of the secret", Type: "rollup", Rollup: &Rollup{"secr", "title", "count"}}, nil},
		{Property{ID: "aSec", Name: "Titles of the secret", Type: "rollup", Rollup: &Rollup{"secr", "title", "show_original"}}, nil},
	}
	b.fill(b.single("partly", Plain("Partly shared"), properties(columns)...), columns, 4)

	b.database("linked", Database{Title: Plain("View of everything"), Linked: true, Inline: true})
}

// pages are pages that are no rows, with a little content.
func (b *builder) pages() {
	page := b.t.AddPage(Page{ID: b.id("page/home"), Values: map[string]Value{"title": Plain("Team home")}, Icon: &Icon{"emoji", "🏠"}})
	parent := Parent{"page_id", page}
	add := func(key, kind, payload string) {
		b.t.AddBlock(Block{ID: b.id(key), Parent: parent, Type: kind, Payload: payload})
	}
	add("block/0", "paragraph", `{"rich_text":[],"color":"default"}`)
	add("block/1", "divider", `{}`)
	add("database/linked", "child_database", `{"title":"View of everything"}`)
	b.t.AddPage(Page{ID: b.id("page/below"), Parent: parent, Values: map[string]Value{"title": Plain("Below")}})
	b.t.AddComment(Comment{ID: b.id("comment/0"), Discussion: b.id("discussion/0"), Parent: parent, Text: Plain("Looks good"), By: b.person(0)})
	b.t.AddView(SourceID(b.seed, "types"), View{ID: b.id("view/0"), Name: "All", Type: "table"})
	b.content(page)
}
