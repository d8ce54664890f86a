package notiontest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// SourceID is the ID of the data source that key names in the workspaces of
// this package: "types", "related", "evolve" and so on in Everything.
func SourceID(seed uint64, key string) string { return NewID(seed, "source/"+key) }

// Everything returns a workspace with all that Notion has and allows: every
// property type with every kind of value, null and empty apart, relations and
// people beyond 25, hostile names, texts, numbers and dates, archived, trashed
// and locked rows, databases with several data sources, a wiki, a linked
// database, data sources that are not shared.
func Everything(seed uint64) *Workspace {
	w := NewWorkspace(seed)
	w.Update(func(t *Tx) {
		b := &builder{t: t, seed: seed, rand: newRand(seed, "everything")}
		b.users()
		b.related()
		b.types()
		b.long()
		b.rollups()
		b.oddRollups()
		b.hostileNames()
		b.titles()
		b.sizes()
		b.wiki()
		b.hidden()
		b.evolving()
		b.pages()
	})
	return w
}

// A builder fills a new workspace.
type builder struct {
	t    *Tx
	seed uint64
	rand *rand.Rand
	// people are the IDs of ordinary persons, odd of the others: partial ones,
	// guests, removed ones, bots and groups.
	people, odd []string
}

func (b *builder) id(key string) string { return NewID(b.seed, key) }

// single adds a database with one data source of the same title.
func (b *builder) single(key string, title Text, properties ...Property) string {
	b.database(key, Database{Title: title})
	return b.source(key, key, title, properties...)
}

func (b *builder) database(key string, d Database) string {
	b.t.Tick(time.Duration(b.rand.IntN(90_000)) * time.Millisecond)
	d.ID = b.id("database/" + key)
	b.t.AddDatabase(d)
	return d.ID
}

func (b *builder) source(database, key string, title Text, properties ...Property) string {
	s := DataSource{
		ID: SourceID(b.seed, key), Database: b.id("database/" + database), Title: title,
		CreatedBy: b.person(0), EditedBy: b.person(1),
	}
	for _, p := range properties {
		s.Properties = append(s.Properties, &p)
	}
	b.t.AddSource(s)
	return s.ID
}

func (b *builder) person(i int) string { return b.people[i%len(b.people)] }

// A column is a property with the values that its rows have in turn.
type column struct {
	Property
	values []Value
}

// fill adds rows, at least as many as the longest column has values, each a
// few seconds after the one before. Columns whose values ran out begin anew.
func (b *builder) fill(source string, columns []column, rows int) {
	for _, c := range columns {
		rows = max(rows, len(c.values))
	}
	for i := range rows {
		p := Page{Values: map[string]Value{}, CreatedBy: b.person(i), EditedBy: b.person(i / 2)}
		for _, c := range columns {
			if len(c.values) == 0 {
				continue
			}
			if v := c.values[i%len(c.values)]; v != nil {
				p.Values[c.ID] = v
			}
		}
		p.Icon, p.Cover = b.icon(i), b.cover(i)
		switch {
		case i%11 == 7:
			p.Archived = true
		case i%13 == 9:
			p.Trashed = true
		case i%7 == 3:
			p.Locked = true
		case i%5 == 4:
			p.PublicURL = fmt.Sprintf("https://acme.notion.site/page-%d?a=1#b", i)
		}
		b.tick()
		b.t.AddRow(source, p)
	}
}

// tick moves the clock by less than a minute, so some rows share theirs.
func (b *builder) tick() { b.t.Tick(time.Duration(b.rand.IntN(50_000)) * time.Millisecond) }

func (b *builder) icon(i int) *Icon {
	return []*Icon{
		nil,
		{"emoji", "👩‍👩‍👧"},
		{"external", "https://example.com/icon.png?size=1#x"},
		{"file", fmt.Sprintf("https://prod-files-secure.s3.us-west-2.amazonaws.com/icons/%d.png", i)},
		{"custom_emoji", "https://s3.example.com/bufo.png"},
		{"icon", "pizza"},
	}[i%6]
}

func (b *builder) cover(i int) *Icon {
	return []*Icon{
		nil,
		{"external", "https://images.example.com/cover?w=1500"},
		{"file", fmt.Sprintf("https://prod-files-secure.s3.us-west-2.amazonaws.com/covers/%d.jpg", i)},
	}[i%3]
}

// properties are the columns' properties.
func properties(columns []column) []Property {
	var list []Property
	for _, c := range columns {
		list = append(list, c.Property)
	}
	return list
}
