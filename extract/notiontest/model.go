package notiontest

import (
	"sync"
	"time"
)

// A Model is one state of a workspace. It never changes.
type Model struct {
	Seed      uint64
	Rev       int // counts the changes
	Clock     time.Time
	Bot       string // user ID of the connection
	Name      string // of the workspace
	Users     []*User
	Databases []*Database
	Sources   []*DataSource
	Pages     map[string]*Page // rows and other pages by ID
	TopPages  []string         // IDs of the pages that are not rows, oldest first
	Blocks    map[string]*Block
	Children  map[string][]string  // block IDs by parent (page or block) ID
	Comments  map[string][]Comment // by parent (page or block) ID
	Views     map[string][]View    // by data source ID
	Files     map[string]*Served   // what URLs of files lead to, by path or whole URL

	users     map[string]*User
	databases map[string]*Database
	sources   map[string]*DataSource
}

// A User is a person, a bot or a group.
type User struct {
	ID, Name, Email, AvatarURL string
	Type                       string // person, bot or group
	Owner                      string // of a bot: workspace, or a user ID; "" is not told
	// Guest: GET /v1/users does not list them, GET /v1/users/{id} knows them.
	Guest bool
	// Removed: known nowhere, met as {object, id} only.
	Removed bool
	// Partial: other objects show {object, id} only.
	Partial bool
}

// A Parent says where an object stands.
type Parent struct {
	Type string // workspace, page_id, block_id, database_id, data_source_id
	ID   string
}

// A Database holds data sources.
type Database struct {
	ID          string
	Title       Text
	Description Text
	Parent      Parent
	Sources     []string // data source IDs
	Icon, Cover *Icon
	Created     time.Time
	Edited      time.Time
	Inline      bool
	Locked      bool
	Trashed     bool
	Unshared    bool
	// Linked: it only shows another one's source, and has none of its own.
	Linked bool
}

// A DataSource has the properties and the rows.
type DataSource struct {
	ID          string
	Database    string
	Title       Text
	Description Text
	Kind        string // database_type; "wiki" has Children; "" is null
	Icon, Cover *Icon
	Properties  []*Property // in Notion's order
	Rows        []string    // page IDs, oldest first, trashed ones included
	Children    []string    // of a wiki: data source IDs that stand among the rows
	Created     time.Time
	Edited      time.Time
	CreatedBy   string
	EditedBy    string
	Inline      bool
	Trashed     bool
	Unshared    bool
	// Inherited: seen through a shared parent, not shared itself, so search need not know it.
	Inherited bool
	// Gen makes the rows on the fly; Rows is empty then.
	Gen Generator
	rev int // Model.Rev of its last change
}

// A Property is a column of a data source. It never changes either.
type Property struct {
	ID          string // as it is, not percent-encoded
	Name        string
	NameJSON    string // the JSON literal of the name where Name does not encode to it
	Type        string
	Description string // "" is null
	Options     []Option
	Format      string // of a number; "" is "number"
	Expression  string // of a formula
	Prefix      string // of a unique_id; "" is null
	Relation    *Relation
	Rollup      *Rollup
	Config      string // JSON of the configuration where it is not made from the fields above
}

// An Option of a select, multi_select or status.
type Option struct {
	ID, Name, Color, Description string
	Group                        int // of a status: 0 to-do, 1 in progress, 2 complete
}

// A Relation points to rows of a data source.
type Relation struct {
	Source string // data source ID
	// SyncedID and SyncedName are the property on the other side of a two-way relation.
	SyncedID, SyncedName string
}

// A Rollup computes something over the rows that a relation points to.
type Rollup struct {
	Relation string // property ID of the relation
	Property string // property ID in the related data source
	Function string
}

// An Icon is an icon or a cover.
type Icon struct {
	Type string // emoji, external, file, custom_emoji, icon
	Text string // the emoji, the URL or the icon's name
}

// A Page is a row of a data source or any other page.
type Page struct {
	ID          string
	Source      string // of a row: data source ID
	Parent      Parent // of a page that is no row
	Created     time.Time
	Edited      time.Time
	CreatedBy   string
	EditedBy    string
	Values      map[string]Value // by property ID; a page that is no row has "title" only
	Icon, Cover *Icon
	PublicURL   string
	Trashed     bool
	Archived    bool
	Locked      bool
	Unshared    bool
	// Alone: a row that is shared itself, so it can be read where its data source cannot.
	Alone bool
	// Unlisted: a row that queries leave out, although it is there.
	Unlisted bool
	raw      string // the recorded page object, without request_id
}

// A Block is a piece of a page's content.
type Block struct {
	ID      string
	Parent  Parent
	Type    string
	Payload string // JSON of the member named by Type
	File    *File  // of an image, video, audio, pdf or file: what it shows, in place of Payload
	Created time.Time
	Edited  time.Time
	By      string
	// Kids says that there are children (a child_page has none here).
	Kids bool
	page string // ID of the page that it is on
}

// A Comment stands under a page or block.
type Comment struct {
	ID, Discussion string
	Parent         Parent
	Text           Text
	Attachments    []File // that Notion hosts
	Created        time.Time
	By             string
}

// A View shows a data source.
type View struct {
	ID, Database, Name, Type string
	Created                  time.Time
}

// A Generator makes the rows of a data source on the fly. Rows are in the order
// of their creation; all methods are pure functions of the index.
type Generator interface {
	Len() int
	// Minute is the time when row i was created, cut to the minute.
	Minute(i int) time.Time
	// ID is the page ID of row i; Index finds it again.
	ID(i int) string
	Index(id string) (i int, ok bool)
	// AppendPage appends the page object of row i.
	AppendPage(dst []byte, v Version, i int) []byte
}

// User returns a user, nil if there is none.
func (m *Model) User(id string) *User { return m.users[id] }

// Database returns a database, nil if there is none.
func (m *Model) Database(id string) *Database { return m.databases[id] }

// Source returns a data source, nil if there is none.
func (m *Model) Source(id string) *DataSource { return m.sources[id] }

// Property returns a property of the source by ID, nil if there is none.
func (s *DataSource) Property(id string) *Property {
	for _, p := range s.Properties {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// Named returns a property of the source by name, nil if there is none.
func (s *DataSource) Named(name string) *Property {
	for _, p := range s.Properties {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Option returns an option by ID, the zero Option if there is none.
func (p *Property) Option(id string) (Option, bool) {
	for _, o := range p.Options {
		if o.ID == id {
			return o, true
		}
	}
	return Option{}, false
}

// Visible reports whether the connection may read the data source.
func (m *Model) Visible(s *DataSource) bool {
	if s == nil || s.Unshared {
		return false
	}
	d := m.databases[s.Database]
	return d == nil || !d.Unshared
}

// Readable reports whether the connection may read the page.
func (m *Model) Readable(p *Page) bool {
	if p == nil || p.Unshared {
		return false
	}
	return p.Source == "" || p.Alone || m.Visible(m.sources[p.Source])
}

// A Workspace is a Model that changes. It is safe for concurrent use.
type Workspace struct {
	mu  sync.Mutex
	cur *Model
}

// Model is the present state.
func (w *Workspace) Model() *Model {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cur
}
