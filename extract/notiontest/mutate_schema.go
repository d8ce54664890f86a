package notiontest

import "slices"

// AddProperty adds a property before position at (negative: at the end). A
// property that was removed and comes back with its ID has its values again.
func (t *Tx) AddProperty(source string, p Property, at int) {
	s := t.Source(source)
	if s.Property(p.ID) != nil {
		panic("notiontest: property " + p.ID + " is there already")
	}
	if at < 0 || at > len(s.Properties) {
		at = len(s.Properties)
	}
	s.Properties = slices.Insert(s.Properties, at, &p)
}

// Property returns a property to change.
func (t *Tx) Property(source, id string) *Property {
	s := t.Source(source)
	for i, p := range s.Properties {
		if p.ID == id {
			c := *p
			c.Options = slices.Clone(p.Options)
			s.Properties[i] = &c
			return &c
		}
	}
	panic("notiontest: no property " + id + " in data source " + source)
}

// RenameProperty renames a property; its ID stays.
func (t *Tx) RenameProperty(source, id, name string) { t.Property(source, id).Name = name }

// SwapNames gives two properties each other's names.
func (t *Tx) SwapNames(source, a, b string) {
	p, q := t.Property(source, a), t.Property(source, b)
	p.Name, q.Name = q.Name, p.Name
}

// MoveProperty moves a property to another position.
func (t *Tx) MoveProperty(source, id string, at int) {
	p := t.Property(source, id)
	s := t.Source(source)
	s.Properties = slices.DeleteFunc(s.Properties, func(q *Property) bool { return q.ID == id })
	s.Properties = slices.Insert(s.Properties, min(at, len(s.Properties)), p)
}

// RemoveProperty removes a property. The values stay, out of sight.
func (t *Tx) RemoveProperty(source, id string) {
	t.Property(source, id)
	s := t.Source(source)
	s.Properties = slices.DeleteFunc(s.Properties, func(q *Property) bool { return q.ID == id })
}

// Retype replaces a property by p, which keeps its ID, and every value by
// what convert makes of it; rows do not count as edited.
func (t *Tx) Retype(source, id string, p Property, convert func(Value) Value) {
	old := t.Property(source, id)
	p.ID = id
	if p.Name == "" {
		p.Name = old.Name
	}
	*old = p
	for _, row := range t.Source(source).Rows {
		edited := t.m.Pages[row].Edited
		page := t.Page(row)
		page.Edited = edited
		page.Values[id] = convert(page.Values[id])
	}
}

// AddOption adds an option to a select, multi_select or status.
func (t *Tx) AddOption(source, id string, o Option) {
	p := t.Property(source, id)
	p.Options = append(p.Options, o)
}

// RenameSource renames a data source, and its database if that holds no other.
func (t *Tx) RenameSource(source string, title Text) {
	s := t.Source(source)
	s.Title = title
	if d := t.Database(s.Database); len(d.Sources) == 1 {
		d.Title = title
	}
}

// Unshare hides a data source from the connection; Share shows it again.
func (t *Tx) Unshare(source string) { t.Source(source).Unshared = true }
func (t *Tx) Share(source string)   { t.Source(source).Unshared = false }

// TrashSource moves a data source to the trash; RestoreSource takes it back.
func (t *Tx) TrashSource(source string)   { t.Source(source).Trashed = true }
func (t *Tx) RestoreSource(source string) { t.Source(source).Trashed = false }

// AddBlock adds a block at the end of its parent, which edits its page.
func (t *Tx) AddBlock(b Block) {
	if b.page = b.Parent.ID; t.m.Blocks[b.page] != nil {
		b.page = t.m.Blocks[b.page].page
	}
	t.edit(b.page)
	setTime(&b.Created, t.m.Clock)
	setTime(&b.Edited, b.Created)
	setText(&b.By, t.m.Bot)
	t.m.Blocks[b.ID] = &b
	t.m.Children[b.Parent.ID] = append(slices.Clip(t.m.Children[b.Parent.ID]), b.ID)
}

// SetBlock gives a block another payload, which edits its page.
func (t *Tx) SetBlock(id, payload string) {
	b := *t.m.Blocks[id]
	b.Payload, b.Edited = payload, t.m.Clock
	t.m.Blocks[id] = &b
	t.edit(b.page)
}

// Sneak is SetBlock of which the page's time tells nothing.
func (t *Tx) Sneak(id, payload string) {
	b := *t.m.Blocks[id]
	b.Payload = payload
	t.m.Blocks[id] = &b
}

// RemoveBlock removes a block with what is in it, which edits its page.
func (t *Tx) RemoveBlock(id string) {
	b := t.m.Blocks[id]
	t.edit(b.page)
	t.m.Children[b.Parent.ID] = slices.DeleteFunc(slices.Clone(t.m.Children[b.Parent.ID]), func(other string) bool { return other == id })
	delete(t.m.Blocks, id)
}

// Loop lets a block stand in another one too, as no workspace has it.
func (t *Tx) Loop(in, block string) {
	t.m.Children[in] = append(slices.Clip(t.m.Children[in]), block)
}

// edit notes that what is in a page has been edited.
func (t *Tx) edit(page string) {
	if p := t.m.Pages[page]; p != nil && p.raw == "" {
		t.Page(page)
	}
}

// AddComment adds a comment under its parent.
func (t *Tx) AddComment(c Comment) {
	setTime(&c.Created, t.m.Clock)
	setText(&c.By, t.m.Bot)
	t.m.Comments[c.Parent.ID] = append(slices.Clip(t.m.Comments[c.Parent.ID]), c)
}

// AddView adds a view of a data source.
func (t *Tx) AddView(source string, v View) {
	setTime(&v.Created, t.m.Clock)
	setText(&v.Database, t.m.sources[source].Database)
	t.m.Views[source] = append(slices.Clip(t.m.Views[source]), v)
}

// Trash moves a page to the trash.
func (w *Workspace) Trash(page string) { w.Update(func(t *Tx) { t.Trash(page) }) }

// Set sets one value of a page.
func (w *Workspace) Set(page, property string, v Value) {
	w.Update(func(t *Tx) { t.Set(page, property, v) })
}

// AddRow adds a row.
func (w *Workspace) AddRow(source string, p Page) (id string) {
	w.Update(func(t *Tx) { id = t.AddRow(source, p) })
	return id
}
