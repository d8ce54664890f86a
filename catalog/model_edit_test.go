package catalog_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// An editor changes a workspace at random, as people do.
type editor struct {
	*rand.Rand
	w    *notiontest.Workspace
	seed uint64
	n    int // of things that were made
	// text is what text is changed by, nil: not. It is of its own, so that the rest of
	// a seed's history is what it is without.
	text   *rand.Rand
	blocks int
}

var editedTypes = []string{"rich_text", "number", "checkbox", "select", "multi_select", "date", "url", "relation", "status", "email"}

func oneOf[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// names that collide, that are unusable and that change their case.
var propertyNames = []string{"Note", "note", "NOTE", "Größe (m²)", "%", "名前", "Due Date", "due_date", "_id", "order", "a b", "🎉"}

func (e *editor) name() string {
	return oneOf(e.Rand, propertyNames) + []string{"", " 2", "_x"}[e.IntN(3)]
}

func (e *editor) id(kind string) string {
	e.n++
	return notiontest.NewID(e.seed, fmt.Sprint(kind, e.n))
}

// begin makes two data sources with rows.
func (e *editor) begin() {
	e.w.Update(func(t *notiontest.Tx) {
		t.AddUser(notiontest.User{ID: e.id("user"), Type: "person", Name: "Ada", Email: "ada@example.com"})
	})
	for range 2 {
		e.addSource()
		for range 5 {
			e.edit(func(t *notiontest.Tx, s *notiontest.DataSource) { e.addRow(t, s) })
		}
	}
}

func (e *editor) addSource() {
	e.w.Update(func(t *notiontest.Tx) {
		t.Tick(time.Hour)
		db := notiontest.Database{ID: e.id("database"), Title: notiontest.Plain(oneOf(e.Rand, []string{"Tasks", "tasks", "Ideas", "📋"}))}
		t.AddDatabase(db)
		s := notiontest.DataSource{ID: e.id("source"), Database: db.ID, Title: db.Title, Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}}
		t.AddSource(s)
		for range 3 {
			t.AddProperty(s.ID, e.property(t.Model()), -1)
		}
	})
}

// property makes one; its ID is of four characters, as Notion's are.
func (e *editor) property(m *notiontest.Model) notiontest.Property {
	e.n++
	p := notiontest.Property{ID: fmt.Sprintf("p%03d", e.n), Name: e.name() + fmt.Sprint(" ", e.IntN(4)), Type: oneOf(e.Rand, editedTypes)}
	switch p.Type {
	case "select", "multi_select", "status":
		for _, name := range []string{"Alpha", "Beta", "Gamma"} {
			p.Options = append(p.Options, notiontest.Option{ID: p.ID + name, Name: name})
		}
	case "relation":
		p.Relation = &notiontest.Relation{Source: oneOf(e.Rand, m.Sources).ID}
	}
	return p
}

// unnamed makes sure that no other property of the source has the name.
func unnamed(s *notiontest.DataSource, p *notiontest.Property) bool {
	return !slices.ContainsFunc(s.Properties, func(other *notiontest.Property) bool { return other.Name == p.Name })
}

func (e *editor) value(m *notiontest.Model, p *notiontest.Property) notiontest.Value {
	if e.IntN(5) == 0 {
		return nil
	}
	text := oneOf(e.Rand, []string{"", "x", "two words", "Ünïcode 🎉", "null", "5", "0"}) + fmt.Sprint(e.IntN(3))
	switch p.Type {
	case "title", "rich_text":
		return notiontest.Plain(text)
	case "number":
		return notiontest.Number(oneOf(e.Rand, []string{"0", "-0.0", "1", "2.5", "-1e300", "9007199254740993"}))
	case "checkbox":
		return notiontest.Check(e.IntN(2) == 0)
	case "select", "status":
		return notiontest.Choice(oneOf(e.Rand, p.Options).ID)
	case "multi_select":
		list := notiontest.Choices{}
		for _, o := range p.Options {
			if e.IntN(2) == 0 {
				list = append(list, o.ID)
			}
		}
		return list
	case "date":
		return oneOf(e.Rand, []notiontest.Date{
			{Start: "2026-02-01"}, {Start: "2026-02-01", End: "2026-02-03"}, {Start: "2026-02-01T10:00:00.000+02:00"}, {Start: "1900-01-01"},
		})
	case "url", "email":
		return notiontest.Str("https://example.com/" + text)
	case "relation":
		refs := notiontest.Refs{}
		if s := m.Source(p.Relation.Source); s != nil {
			for _, id := range s.Rows {
				if e.IntN(3) == 0 && !m.Pages[id].Trashed {
					refs = append(refs, id)
				}
			}
		}
		return refs
	default:
		return nil
	}
}

func (e *editor) addRow(t *notiontest.Tx, s *notiontest.DataSource) {
	values := map[string]notiontest.Value{}
	for _, p := range s.Properties {
		if v := e.value(t.Model(), p); v != nil {
			values[p.ID] = v
		}
	}
	e.n++
	t.AddRow(s.ID, notiontest.Page{Values: values})
}

// edit changes a data source that is there.
func (e *editor) edit(change func(*notiontest.Tx, *notiontest.DataSource)) {
	e.w.Update(func(t *notiontest.Tx) {
		t.Tick(time.Duration(1+e.IntN(600)) * time.Second)
		change(t, oneOf(e.Rand, t.Model().Sources))
	})
}

// change makes one change of the kinds that people make.
func (e *editor) change() string {
	kinds := []struct {
		name   string
		weight int
		change func(*notiontest.Tx, *notiontest.DataSource)
	}{
		{"edit", 30, e.setCell},
		{"add row", 15, e.addRow},
		{"trash", 8, e.flip},
		{"restore", 4, e.flip},
		{"schema", 8, e.changeSchema},
		{"option", 4, e.addOption},
		{"share", 3, e.share},
	}
	n := e.IntN(72)
	for _, k := range kinds {
		if n -= k.weight; n < 0 {
			e.edit(k.change)
			if e.text != nil && e.text.IntN(4) == 0 {
				e.w.Update(e.write)
			}
			return k.name
		}
	}
	return "nothing"
}

func (e *editor) setCell(t *notiontest.Tx, s *notiontest.DataSource) {
	if len(s.Rows) == 0 {
		return
	}
	p := oneOf(e.Rand, s.Properties)
	t.Set(oneOf(e.Rand, s.Rows), p.ID, e.value(t.Model(), p))
}

// flip trashes, restores, archives or brings back a row.
func (e *editor) flip(t *notiontest.Tx, s *notiontest.DataSource) {
	if len(s.Rows) == 0 {
		return
	}
	id := oneOf(e.Rand, s.Rows)
	switch page := t.Model().Pages[id]; {
	case page.Trashed:
		t.Restore(id)
	case page.Archived:
		t.Unarchive(id)
	case e.IntN(3) == 0:
		t.Archive(id)
	default:
		t.Trash(id)
	}
}

// write adds, changes or removes a paragraph of a row.
func (e *editor) write(t *notiontest.Tx) {
	s := oneOf(e.text, t.Model().Sources)
	if len(s.Rows) == 0 {
		return
	}
	page := oneOf(e.text, s.Rows)
	t.Tick(time.Minute)
	text := fmt.Sprintf(`{"rich_text":[{"type":"text","text":{"content":"%d","link":null},"plain_text":"%[1]d","href":null,`+
		`"annotations":{"bold":false,"italic":false,"strikethrough":false,"underline":false,"code":false,"color":"default"}}],"color":"default"}`, e.text.IntN(100))
	switch in := t.Model().Children[page]; {
	case len(in) == 0 || e.text.IntN(2) == 0:
		e.blocks++
		id := notiontest.NewID(e.seed, fmt.Sprint("block", e.blocks))
		t.AddBlock(notiontest.Block{ID: id, Parent: notiontest.Parent{Type: "page_id", ID: page}, Type: "paragraph", Payload: text})
	case e.text.IntN(2) == 0:
		t.SetBlock(oneOf(e.text, in), text)
	default:
		t.RemoveBlock(oneOf(e.text, in))
	}
}

func (e *editor) addOption(t *notiontest.Tx, s *notiontest.DataSource) {
	for _, p := range s.Properties {
		if len(p.Options) > 0 {
			e.n++
			t.AddOption(s.ID, p.ID, notiontest.Option{ID: fmt.Sprint("o", e.n), Name: fmt.Sprint("Option ", e.n)})
			return
		}
	}
}

func (e *editor) changeSchema(t *notiontest.Tx, s *notiontest.DataSource) {
	some := s.Properties[1:]
	if len(some) == 0 || e.IntN(4) == 0 && len(some) < 12 {
		if p := e.property(t.Model()); unnamed(s, &p) {
			t.AddProperty(s.ID, p, -1)
		}
		return
	}
	p := oneOf(e.Rand, some)
	switch e.IntN(5) {
	case 0, 1:
		named := *p
		if named.Name = e.name(); unnamed(s, &named) {
			t.RenameProperty(s.ID, p.ID, named.Name)
		}
	case 2:
		if other := oneOf(e.Rand, some); other != p {
			t.SwapNames(s.ID, p.ID, other.ID)
		}
	case 3:
		t.RemoveProperty(s.ID, p.ID)
	case 4:
		fresh := e.property(t.Model())
		fresh.ID, fresh.Name = p.ID, p.Name
		t.Retype(s.ID, p.ID, fresh, func(notiontest.Value) notiontest.Value { return nil })
	}
}

// share takes a data source away, or gives it back; one is always left.
func (e *editor) share(t *notiontest.Tx, s *notiontest.DataSource) {
	shared := 0
	for _, other := range t.Model().Sources {
		if !other.Unshared {
			shared++
		}
	}
	switch {
	case s.Unshared:
		t.Share(s.ID)
	case shared > 1:
		t.Unshare(s.ID)
	}
}
