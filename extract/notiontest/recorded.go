package notiontest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// An Expected is a property value that was recorded and that a load of the
// workspace must bring.
type Expected struct {
	Source, Page string // IDs
	Property     string // ID, decoded
	Type         string
	JSON         string // what stands under the type
}

// Recorded returns a workspace of what real clients recorded of Notion's
// answers: dir holds files of JSON with a member response, of which the body is
// read. Pages are brought to the shape of version 2026-03-11 and are served as
// they are otherwise; those of one parent are the rows of one data source, which
// has the recorded schema or one made from the pages' types. A page that was
// recorded in several states is several pages. Rows in the trash are served, but
// not expected.
func Recorded(dir string) (*Workspace, []Expected, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(names) == 0 {
		return nil, nil, fmt.Errorf("recorded responses: no files in %s", dir)
	}
	r := &recording{
		schemas: map[string][]jsonMember{}, titles: map[string]Text{}, sourceOf: map[string]string{},
		users: map[string]User{}, groups: map[string][]*recordedGroup{}, seen: map[string]bool{}, ids: map[string]bool{},
	}
	slices.Sort(names)
	for _, name := range names {
		if err := r.file(name); err != nil {
			return nil, nil, fmt.Errorf("recorded response %s: %w", filepath.Base(name), err)
		}
	}
	for _, p := range r.pages {
		if err := r.place(p); err != nil {
			return nil, nil, fmt.Errorf("recorded page %s: %w", p.id, err)
		}
	}
	w := NewWorkspace(0)
	var expected []Expected
	w.Update(func(t *Tx) { expected, err = r.build(t) })
	return w, expected, err
}

// A recording is what the files hold.
type recording struct {
	pages    []*recordedPage
	schemas  map[string][]jsonMember // properties by data source ID, or database ID before there were any
	titles   map[string]Text
	sourceOf map[string]string // data source ID by database ID
	users    map[string]User
	userIDs  []string
	keys     []string                    // of groups, in order
	groups   map[string][]*recordedGroup // by data source
	seen     map[string]bool             // pages by ID and properties
	ids      map[string]bool
}

// A recordedGroup is the pages of one parent that fit one schema.
type recordedGroup struct {
	source, database string
	properties       []*Property
	pages            []*recordedPage
}

func (r *recording) file(name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var file struct {
		Response struct {
			Body json.RawMessage `json:"body"`
		} `json:"response"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return err
	}
	return r.walk(file.Response.Body)
}

// walk collects every object of interest in the JSON.
func (r *recording) walk(text json.RawMessage) error {
	switch firstByte(text) {
	case '[':
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			return err
		}
		for _, item := range list {
			if err := r.walk(item); err != nil {
				return err
			}
		}
	case '{':
		members, err := jsonMembers(text)
		if err != nil {
			return err
		}
		if err := r.object(members); err != nil {
			return err
		}
		for _, m := range members {
			if err := r.walk(m.value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *recording) object(members []jsonMember) error {
	o := toMap(members)
	properties, err := jsonMembers(o["properties"])
	if err != nil {
		return err
	}
	id := recordedID(textOf(o["id"]))
	switch textOf(o["object"]) {
	case "page":
		if len(properties) > 0 {
			return r.page(id, o, properties)
		}
	case "data_source", "database":
		title, err := recordedText(o["title"])
		if err != nil {
			return err
		}
		r.titles[id] = title
		if parent := toMapOf(o["parent"]); parent["database_id"] != nil && textOf(o["object"]) == "data_source" {
			r.sourceOf[recordedID(textOf(parent["database_id"]))] = id
		}
		if len(properties) > 0 {
			r.schemas[id] = properties
		}
	case "user":
		r.user(id, o)
	}
	return nil
}

func (r *recording) user(id string, o map[string]json.RawMessage) {
	kind := textOf(o["type"])
	if kind == "" || r.users[id].ID != "" {
		return
	}
	u := User{ID: id, Type: kind, Name: textOf(o["name"]), AvatarURL: textOf(o["avatar_url"])}
	u.Email = textOf(toMapOf(o["person"])["email"])
	if owner := toMapOf(toMapOf(o["bot"])["owner"]); textOf(owner["type"]) == "workspace" {
		u.Owner = "workspace"
	}
	r.users[id] = u
	r.userIDs = append(r.userIDs, id)
}

// page takes in a page, once for every state of its properties.
func (r *recording) page(id string, o map[string]json.RawMessage, properties []jsonMember) error {
	p := &recordedPage{id: id, object: o}
	state := id
	for _, m := range properties {
		v, err := recordedValueOf(m)
		if err != nil {
			return fmt.Errorf("page %s, property %q: %w", id, m.name, err)
		}
		for p.has(v.id) { // in a fixture, which no Notion wrote
			v.id += "2"
		}
		p.values = append(p.values, v)
		state += "\n" + v.id + v.json
	}
	if r.seen[state] {
		return nil
	}
	r.seen[state] = true
	for n := 2; r.ids[p.id]; n++ {
		p.id = recordedID(fmt.Sprintf("%s, state %d", id, n))
	}
	r.ids[p.id] = true
	r.pages = append(r.pages, p)
	return nil
}

// place finds the group for a page, or makes one.
func (r *recording) place(p *recordedPage) error {
	key, database := r.parent(p)
	if len(r.groups[key]) == 0 {
		r.keys = append(r.keys, key)
		g := &recordedGroup{source: key, database: database}
		for _, from := range []string{key, database} {
			if err := g.schema(r, r.schemas[from]); err != nil {
				return err
			}
		}
		r.groups[key] = append(r.groups[key], g)
	}
	for _, g := range r.groups[key] {
		if g.takes(p) {
			return nil
		}
	}
	n := len(r.groups[key]) + 1
	g := &recordedGroup{source: recordedID(fmt.Sprintf("%s, schema %d", key, n)), database: database}
	r.groups[key] = append(r.groups[key], g)
	g.takes(p)
	return nil
}

// parent is the data source of a page, and its database.
func (r *recording) parent(p *recordedPage) (source, database string) {
	parent := toMapOf(p.object["parent"])
	kind := textOf(parent["type"])
	switch {
	case parent["data_source_id"] != nil:
		source = recordedID(textOf(parent["data_source_id"]))
		if id := textOf(parent["database_id"]); id != "" {
			return source, recordedID(id)
		}
		return source, recordedID("database of " + source)
	case parent["database_id"] != nil:
		database = recordedID(textOf(parent["database_id"]))
		if source := r.sourceOf[database]; source != "" {
			return source, database
		}
		return recordedID("data source of " + database), database
	}
	above := kind + " " + textOf(parent[kind])
	return recordedID("data source below " + above), recordedID("database below " + above)
}

// build makes the workspace.
func (r *recording) build(t *Tx) ([]Expected, error) {
	for _, id := range r.userIDs {
		t.AddUser(r.users[id])
	}
	made := map[string]bool{}
	var expected []Expected
	for _, key := range r.keys {
		for _, g := range r.groups[key] {
			if !made[g.database] {
				made[g.database] = true
				t.AddDatabase(Database{ID: g.database, Title: r.titles[g.database]})
			}
			g.title()
			title := r.titles[key]
			if title == nil {
				title = r.titles[g.database]
			}
			t.AddSource(DataSource{ID: g.source, Database: g.database, Title: title, Properties: g.properties})
			slices.SortStableFunc(g.pages, func(a, b *recordedPage) int {
				return cmp.Or(a.time("created_time").Compare(b.time("created_time")), cmp.Compare(a.id, b.id))
			})
			for _, p := range g.pages {
				page := p.page(g, t.m.Bot)
				t.AddRow(g.source, page)
				if page.Trashed {
					continue
				}
				for _, v := range p.values {
					expected = append(expected, Expected{g.source, p.id, v.id, v.kind, v.json})
				}
			}
		}
	}
	return expected, nil
}

func (p *recordedPage) time(name string) time.Time {
	at, err := time.Parse(time.RFC3339, textOf(p.object[name]))
	if err != nil {
		return time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return at.UTC()
}
