package notiontest

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// NewWorkspace returns an empty workspace with one bot, the connection. Its
// clock starts on 5 January 2026.
func NewWorkspace(seed uint64) *Workspace {
	m := &Model{
		Seed: seed, Clock: time.Date(2026, 1, 5, 9, 0, 7, 0, time.UTC), Name: "Acme",
		Pages: map[string]*Page{}, Blocks: map[string]*Block{}, Children: map[string][]string{},
		Comments: map[string][]Comment{}, Views: map[string][]View{}, Files: map[string]*Served{},
		users: map[string]*User{}, databases: map[string]*Database{}, sources: map[string]*DataSource{},
	}
	w := &Workspace{cur: m}
	w.Update(func(t *Tx) {
		t.m.Bot = NewID(seed, "bot")
		t.AddUser(User{ID: t.m.Bot, Name: "Lake exporter", Type: "bot", Owner: "workspace"})
	})
	return w
}

// Update makes the next state: f changes it through the Tx, which is valid only
// until f returns. Methods of Tx panic on IDs that the workspace does not have,
// since that is a mistake of the test.
func (w *Workspace) Update(f func(*Tx)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.cur
	m := *old
	m.Rev++
	m.Users, m.Databases = slices.Clone(old.Users), slices.Clone(old.Databases)
	m.Sources, m.TopPages = slices.Clone(old.Sources), slices.Clone(old.TopPages)
	m.Pages, m.Blocks = maps.Clone(old.Pages), maps.Clone(old.Blocks)
	m.Children, m.Comments, m.Views = maps.Clone(old.Children), maps.Clone(old.Comments), maps.Clone(old.Views)
	m.Files = maps.Clone(old.Files)
	m.users, m.databases, m.sources = maps.Clone(old.users), maps.Clone(old.databases), maps.Clone(old.sources)
	f(&Tx{m: &m, own: map[any]bool{}})
	w.cur = &m
}

// A Tx changes a workspace. Every change is at the workspace's clock, which
// Tick moves.
type Tx struct {
	m   *Model
	own map[any]bool // objects that this Tx made and may write to
}

// Model is the state so far. It changes until Update returns.
func (t *Tx) Model() *Model { return t.m }

// Tick moves the workspace's clock.
func (t *Tx) Tick(d time.Duration) { t.m.Clock = t.m.Clock.Add(d) }

// AddUser adds a user.
func (t *Tx) AddUser(u User) {
	t.m.Users = append(t.m.Users, &u)
	t.m.users[u.ID] = &u
}

// AddDatabase adds a database without data sources.
func (t *Tx) AddDatabase(d Database) {
	setTime(&d.Created, t.m.Clock)
	setTime(&d.Edited, d.Created)
	if d.Parent.Type == "" {
		d.Parent.Type = "workspace"
	}
	t.m.Databases = append(t.m.Databases, &d)
	t.m.databases[d.ID] = &d
	t.own[&d] = true
}

// AddSource adds a data source to its database.
func (t *Tx) AddSource(s DataSource) {
	setTime(&s.Created, t.m.Clock)
	setTime(&s.Edited, s.Created)
	setText(&s.CreatedBy, t.m.Bot)
	setText(&s.EditedBy, s.CreatedBy)
	s.rev = t.m.Rev
	t.m.Sources = append(t.m.Sources, &s)
	t.m.sources[s.ID] = &s
	t.own[&s] = true
	d := t.Database(s.Database)
	d.Sources = append(slices.Clip(d.Sources), s.ID)
}

// Database returns a database to change.
func (t *Tx) Database(id string) *Database {
	d := t.m.databases[id]
	if d == nil {
		panic("notiontest: no database " + id)
	}
	if !t.own[d] {
		c := *d
		t.m.Databases[slices.Index(t.m.Databases, d)] = &c
		t.m.databases[id] = &c
		t.own[&c] = true
		d = &c
	}
	return d
}

// Source returns a data source to change.
func (t *Tx) Source(id string) *DataSource {
	s := t.m.sources[id]
	if s == nil {
		panic("notiontest: no data source " + id)
	}
	if !t.own[s] {
		c := *s
		c.Properties, c.Rows = slices.Clone(s.Properties), slices.Clone(s.Rows)
		t.m.Sources[slices.Index(t.m.Sources, s)] = &c
		t.m.sources[id] = &c
		t.own[&c] = true
		s = &c
	}
	s.Edited, s.rev = t.m.Clock, t.m.Rev
	return s
}

// Page returns a page to change; it counts as edited now.
func (t *Tx) Page(id string) *Page {
	p := t.m.Pages[id]
	if p == nil {
		panic("notiontest: no page " + id)
	}
	if !t.own[p] {
		c := *p
		c.Values = maps.Clone(p.Values)
		t.m.Pages[id] = &c
		t.own[&c] = true
		p = &c
	}
	p.Edited = t.m.Clock
	return p
}

// AddRow adds a row to a data source and returns its ID. An ID that is not
// given is made from the number of rows.
func (t *Tx) AddRow(source string, p Page) string {
	s := t.m.sources[source]
	if s == nil || !t.own[s] {
		s = t.Source(source)
	}
	if p.ID == "" {
		p.ID = NewID(t.m.Seed, fmt.Sprintf("row/%s/%d", source, len(s.Rows)))
	}
	p.Source = source
	p.Parent = Parent{"data_source_id", source}
	t.add(&p)
	s.Rows = append(s.Rows, p.ID)
	return p.ID
}

// AddPage adds a page that is no row and returns its ID.
func (t *Tx) AddPage(p Page) string {
	if p.ID == "" {
		p.ID = NewID(t.m.Seed, fmt.Sprintf("page/%d", len(t.m.TopPages)))
	}
	if p.Parent.Type == "" {
		p.Parent.Type = "workspace"
	}
	t.add(&p)
	t.m.TopPages = append(t.m.TopPages, p.ID)
	return p.ID
}

func (t *Tx) add(p *Page) {
	if t.m.Pages[p.ID] != nil {
		panic("notiontest: two pages " + p.ID)
	}
	setTime(&p.Created, t.m.Clock)
	setTime(&p.Edited, p.Created)
	setText(&p.CreatedBy, t.m.Bot)
	setText(&p.EditedBy, p.CreatedBy)
	if p.Values == nil {
		p.Values = map[string]Value{}
	}
	t.m.Pages[p.ID] = p
	t.own[p] = true
}

// Set sets one value of a page.
func (t *Tx) Set(page, property string, v Value) { t.Page(page).Values[property] = v }

// Trash moves a page to the trash; Restore takes it back.
func (t *Tx) Trash(page string)   { t.Page(page).Trashed = true }
func (t *Tx) Restore(page string) { t.Page(page).Trashed = false }

// Archive retires a page; Unarchive takes it back.
func (t *Tx) Archive(page string)   { t.Page(page).Archived = true }
func (t *Tx) Unarchive(page string) { t.Page(page).Archived = false }

// Move moves a page to another data source, whose row it becomes; its values of
// properties that are not there are kept out of sight.
func (t *Tx) Move(page, source string) {
	t.leave(page)
	to, p := t.Source(source), t.Page(page)
	to.Rows = append(to.Rows, page)
	p.Source, p.Parent = source, Parent{"data_source_id", source}
}

// MoveTo moves a page to where it is no row.
func (t *Tx) MoveTo(page string, parent Parent) {
	t.leave(page)
	t.m.TopPages = append(t.m.TopPages, page)
	p := t.Page(page)
	p.Source, p.Parent = "", parent
}

// Purge deletes a page for good, with the blocks in it; no page and no database may
// stand in it.
func (t *Tx) Purge(page string) {
	t.leave(page)
	delete(t.m.Pages, page)
	for _, in := range append([]string{page}, t.blocksOf(page)...) {
		delete(t.m.Blocks, in)
		delete(t.m.Children, in)
		delete(t.m.Comments, in)
	}
}

func (t *Tx) blocksOf(page string) (ids []string) {
	for id, b := range t.m.Blocks {
		if b.page == page {
			ids = append(ids, id)
		}
	}
	return ids
}

// IsLeaf reports whether no page and no database stands in a page, or in a block itself.
func (m *Model) IsLeaf(page string) bool {
	in := func(p Parent) bool {
		b := m.Blocks[p.ID]
		return p.ID == page || b != nil && b.page == page
	}
	for _, id := range m.TopPages {
		if in(m.Pages[id].Parent) {
			return false
		}
	}
	return !slices.ContainsFunc(m.Databases, func(d *Database) bool { return in(d.Parent) })
}

// leave takes a page out of where it stands.
func (t *Tx) leave(page string) {
	gone := func(id string) bool { return id == page }
	p := t.Page(page)
	if p.Source == "" {
		t.m.TopPages = slices.DeleteFunc(t.m.TopPages, gone)
		return
	}
	from := t.Source(p.Source)
	from.Rows = slices.DeleteFunc(from.Rows, gone)
}

func setTime(t *time.Time, d time.Time) {
	if t.IsZero() {
		*t = d
	}
}

func setText(s *string, d string) {
	if *s == "" {
		*s = d
	}
}
