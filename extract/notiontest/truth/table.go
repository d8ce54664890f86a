package truth

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A Table is what a table must hold after a load. Rows are in no order that
// matters.
type Table struct {
	Name    string           `json:"table"`
	Key     string           `json:"key"` // data source ID, or the name of a fixed table
	Columns []Column         `json:"columns"`
	Rows    []map[string]any `json:"rows"` // no cell of unchecked columns
	// Gone are the rows of the last load that are not there any more: ID -> what
	// became of it, one of the words of the report's gone[].reason.
	Gone map[string]string `json:"gone,omitempty"`
}

// A Column is a column of a Table.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// JSON: the strings hold JSON and are to be compared as such.
	JSON bool `json:"json,omitempty"`
	// Unchecked: the cells depend on more than the model.
	Unchecked bool `json:"unchecked,omitempty"`
}

// Options are the parts of a configuration that change what tables hold. The
// zero value is the default configuration.
type Options struct {
	Load       string            // the load's ID
	Names      map[string]string // database ID -> name in the configuration
	NoArchived bool              // content.archived: false
	NoUsers    bool              // content.users: false
	NoRaw      bool              // content.raw: false
	Retire     bool              // schema.removed: retire
	// Content: pages and what is in and on them, with the tables about that.
	Content    bool
	NoComments bool // content.comments: false
	// NoBlockComments: comments on pages only.
	NoBlockComments bool
	Limit           int // how many references Notion shows; 0 is 25
	// FileBase is that of the server; "" is notiontest.FileHost.
	FileBase string
	// Files: files are copied.
	Files *Files
}

// Tables returns the tables that a load of the model writes, and the state that
// the next load finds. A nil prev is the first load. Tables of data sources that
// are gone are not returned: they stay at their last load.
func Tables(m *notiontest.Model, prev *State, o Options) ([]Table, *State, error) {
	if o.Limit == 0 {
		o.Limit = 25
	}
	if o.FileBase == "" {
		o.FileBase = notiontest.FileHost
	}
	l := &load{m: m, o: o, state: prev.next(), met: map[string]map[string]any{}}
	sources := l.sources()
	l.nameTables(sources)
	var tables []Table
	rows := map[string]int64{}
	for _, s := range sources {
		t, err := l.table(s)
		if err != nil {
			return nil, nil, fmt.Errorf("data source %s: %w", s.ID, err)
		}
		rows[s.ID] = int64(len(t.Rows))
		tables = append(tables, t)
	}
	if o.Content {
		content, err := l.content(sources)
		if err != nil {
			return nil, nil, err
		}
		tables = append(tables, content...)
	}
	if o.Files != nil {
		tables = append(tables, l.files(sources))
	}
	if !o.NoUsers {
		tables = append(tables, l.users(sources))
	}
	tables = append(tables, l.databases(sources), l.dataSources(sources, rows))
	properties, options, err := l.properties(sources)
	if err != nil {
		return nil, nil, err
	}
	tables = append(tables, properties, options)
	l.stay(sources, tables)
	return tables, l.state, nil
}

// Write writes every table to a file <name>.json in dir, which it makes.
func Write(dir string, tables []Table) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	for _, t := range tables {
		data, err := json.Marshal(t)
		if err != nil {
			return fmt.Errorf("write truth of table %s: %w", t.Name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, t.Name+".json"), append(data, '\n'), 0o644); err != nil {
			return fmt.Errorf("write truth of table %s: %w", t.Name, err)
		}
	}
	return nil
}

// A load is the computation of one load's tables.
type load struct {
	m     *notiontest.Model
	o     Options
	state *State
	met   map[string]map[string]any // user objects met, by ID
}

// sources are the data sources that the connection sees.
func (l *load) sources() []*notiontest.DataSource {
	var list []*notiontest.DataSource
	for _, s := range l.m.Sources {
		if d := l.m.Database(s.Database); l.m.Visible(s) && !s.Trashed && !d.Trashed {
			list = append(list, s)
		}
	}
	return list
}

const dateType = "struct<start timestamptz, end timestamptz, date_only boolean, time_zone string>"

const userType = "struct<id string, name string, email string, type string>"

// ownColumns come before the properties.
var ownColumns = [...]Column{
	{Name: "_id", Type: "string"},
	{Name: "_url", Type: "string"},
	{Name: "_public_url", Type: "string"},
	{Name: "_created_time", Type: "timestamptz"},
	{Name: "_last_edited_time", Type: "timestamptz"},
	{Name: "_created_by", Type: "string"},
	{Name: "_last_edited_by", Type: "string"},
	{Name: "_parent_type", Type: "string"},
	{Name: "_parent_id", Type: "string"},
	{Name: "_icon", Type: "string"},
	{Name: "_cover", Type: "string"},
	{Name: "_archived", Type: "boolean"},
	{Name: "_locked", Type: "boolean"},
}

// table is the table of a data source.
func (l *load) table(s *notiontest.DataSource) (Table, error) {
	rows, err := l.rows(s)
	if err != nil {
		return Table{}, err
	}
	t := l.tableOf(s, rows)
	l.gone(s, &t)
	return t, nil
}

// tableOf is the table of a data source with these rows.
func (l *load) tableOf(s *notiontest.DataSource, rows []row) Table {
	ts := l.state.Tables[s.ID]
	l.nameColumns(ts, l.m.Shown(s))
	t := Table{Name: ts.Name, Key: s.ID, Columns: ownColumns[:len(ownColumns):len(ownColumns)], Rows: []map[string]any{}}
	for _, r := range rows {
		t.Rows = append(t.Rows, r.own)
	}
	for _, c := range ts.Columns {
		p := s.Property(c.Property)
		if c.Gone || p == nil {
			t.Columns = append(t.Columns, Column{Name: c.Name, Type: c.Type, JSON: c.JSON})
			for _, row := range t.Rows {
				row[c.Name] = nil
			}
			continue
		}
		trees := make([]any, len(rows))
		for i, r := range rows {
			trees[i] = r.trees[c.Property]
		}
		cells := l.column(s, p, c, trees)
		t.Columns = append(t.Columns, Column{Name: c.Name, Type: c.Type, JSON: c.JSON})
		for i, row := range t.Rows {
			row[c.Name] = cells[i]
		}
	}
	if !l.o.NoRaw {
		t.Columns = append(t.Columns, Column{Name: "_raw", Type: "string", JSON: true, Unchecked: true})
	}
	return t
}
