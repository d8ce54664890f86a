package extract

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"iter"
	"log/slog"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// The columns that every data source's table has, by index.
const (
	colID = iota
	colURL
	colPublicURL
	colCreatedTime
	colEditedTime
	colCreatedBy
	colEditedBy
	colParentType
	colParentID
	colIcon
	colCover
	colArchived
	colLocked
)

// pageColumns are the columns that every data source's table has before those of
// its properties.
var pageColumns = []lake.Column{
	colID:          {Key: "_id", Name: "_id", Type: stringType, Required: true, Doc: "ID of the page"},
	colURL:         {Key: "_url", Name: "_url", Type: stringType, Doc: "address of the page in Notion"},
	colPublicURL:   {Key: "_public_url", Name: "_public_url", Type: stringType, Doc: "address of the published page"},
	colCreatedTime: {Key: "_created_time", Name: "_created_time", Type: timeType, Doc: "when the page was created, to the minute"},
	colEditedTime:  {Key: "_last_edited_time", Name: "_last_edited_time", Type: timeType, Doc: "when the page was last edited, to the minute"},
	colCreatedBy:   {Key: "_created_by", Name: "_created_by", Type: stringType, Doc: "ID of the user who created the page"},
	colEditedBy:    {Key: "_last_edited_by", Name: "_last_edited_by", Type: stringType, Doc: "ID of the user who last edited the page"},
	colParentType:  {Key: "_parent_type", Name: "_parent_type", Type: stringType, Doc: "what the page stands in: data_source_id, page_id, block_id, workspace"},
	colParentID:    {Key: "_parent_id", Name: "_parent_id", Type: stringType, Doc: "ID of what the page stands in"},
	colIcon:        {Key: "_icon", Name: "_icon", Type: stringType, Doc: "emoji, name of a native icon, or URL"},
	colCover:       {Key: "_cover", Name: "_cover", Type: stringType, Doc: "URL of the cover"},
	colArchived:    {Key: "_archived", Name: "_archived", Type: boolType, Doc: "whether the page is archived in Notion"},
	colLocked:      {Key: "_locked", Name: "_locked", Type: boolType, Doc: "whether the page is locked"},
}

// rawColumn is the last column where the JSON is kept.
var rawColumn = lake.Column{Key: "_raw", Name: "_raw", Type: jsonType, Long: true, Doc: "the object as Notion gave it, as JSON"}

// A tableState is what a data source's table remembers from load to load, with
// its first column.
type tableState struct {
	// Configured is the name that the configuration gave it, "" for none.
	Configured string `json:"configured,omitempty"`
}

func (s tableState) String() string {
	if s == (tableState{}) {
		return ""
	}
	b, err := json.Marshal(s)
	if err != nil {
		return "" // a struct of texts always encodes
	}
	return string(b)
}

func stateOf(before *lake.Schema) (s tableState) {
	if before != nil && len(before.Columns) > 0 && json.Unmarshal([]byte(before.Columns[0].State), &s) != nil {
		return tableState{}
	}
	return s
}

// A sourceTable is the table of one data source in one load.
type sourceTable struct {
	source  *dataSource
	found   *found
	client  Client
	users   *directory
	schema  lake.Schema
	names   []string // of the columns, by property; "" for none
	raw     bool
	archive bool     // archived rows too
	content *content // what reads the rows' texts; nil: nothing does
	joins   *joins
	files   *copier // what copies the rows' files; nil: nothing does
	log     *slog.Logger
	view    lake.View
	loaded  bool // there are rows of the last load

	// Set by Rows:
	mapper   *mapper
	complete bool // all rows have been read
	later    laterRows
	vanished vanished
	seed     maphash.Seed
	listed   map[uint64]struct{} // IDs of the rows that were listed, by seed
	extras   map[string]*extra
	reread   *dataSource // the data source as read a second time
}

// An extra is a property of which pages have values and the schema has no column.
type extra struct {
	reason Reason
	count  int64
}

// newSourceTable makes the table of ds. before is its schema at the last load,
// nil for none; sources are all data sources of the load.
func (s *Source) newSourceTable(ds *dataSource, name, configured string, before *lake.Schema, sources map[string]*dataSource) *sourceTable {
	t := &sourceTable{
		source: ds, client: s.client, users: s.users, raw: s.options.Raw, archive: s.options.Archived, content: s.content, joins: s.joins, files: s.files, log: s.log,
		schema: lake.Schema{Table: name, Key: ds.id}, extras: map[string]*extra{},
	}
	old := map[string]*lake.Column{}
	if before != nil {
		for i, c := range before.Columns {
			if c.Property {
				old[c.Key] = &before.Columns[i]
			}
		}
	}
	t.names = columnNames(ds.properties, old)
	columns := append([]lake.Column(nil), pageColumns...)
	columns[colID].State = tableState{Configured: configured}.String()
	for i, p := range ds.properties {
		typ := propertyTypeOf(p.typ)
		if typ.none {
			continue
		}
		c := lake.Column{Key: p.id, Name: t.names[i], Type: typ.column, Property: true, Doc: p.doc(), Long: typ.long}
		if typ.late != nil {
			c.Late = typ.late(p, old[p.id], relatedType(p, ds.properties, sources))
		}
		columns = append(columns, c)
	}
	if t.raw {
		columns = append(columns, rawColumn)
	}
	t.schema.Columns = columns
	return t
}

// columnNames names the columns of properties: "" for those without a column.
// before are the columns of the last load by property ID.
func columnNames(properties []*property, before map[string]*lake.Column) []string {
	var claims []claim
	var of []int
	add := func(i int, p *property) {
		c := claim{base: snakeCase(p.name, "c_"), suffix: propertySuffix(p.id)}
		if c.base == "" {
			c.base, c.always = "property", true
		}
		if old := before[p.id]; old != nil {
			c.before = old.Name
		}
		claims, of = append(claims, c), append(of, i)
	}
	for _, title := range []bool{true, false} { // the title chooses first
		for i, p := range properties {
			if !propertyTypeOf(p.typ).none && (p.typ == "title") == title {
				add(i, p)
			}
		}
	}
	names := make([]string, len(properties))
	for n, name := range assignNames(claims, nil) {
		names[of[n]] = name
	}
	return names
}

// table is what the load reads.
func (t *sourceTable) table() lake.Table {
	return lake.Table{Schema: t.schema, Rows: t.rows, Rest: t.rest, Omitted: t.omitted, Gone: t.vanished.gone}
}

// rows yields the rows of the data source.
func (t *sourceTable) rows(ctx context.Context) iter.Seq2[lake.Row, error] {
	return func(yield func(lake.Row, error) bool) {
		t.mapper = newMapper(t.source.properties, t.raw, newUserView(t.users))
		t.mapper.keep(t.joins.needs[t.source.id])
		r := newRowReader(t, yield)
		err := r.run(ctx)
		if err != nil {
			err = t.partial(ctx, err)
		}
		if t.complete = err == nil && !r.stopped; t.content == nil { // which knows them too
			t.seed, t.listed = r.seed, r.seen
		}
		t.content.tableRead(err)
		if err != nil && !r.stopped {
			yield(lake.Row{}, err)
		}
	}
}

// partial says that the table could not be read whole, unless err ends the load.
func (t *sourceTable) partial(ctx context.Context, err error) error {
	if fatal(err) || ctx.Err() != nil {
		return fmt.Errorf("table %s: %w", t.schema.Table, err)
	}
	return &lake.PartialError{Table: t.schema.Table, Err: err}
}

// again returns the data source as it is now; it is read a second time at most.
func (t *sourceTable) again(ctx context.Context) (*dataSource, error) {
	if t.reread != nil {
		return t.reread, nil
	}
	object, err := t.client.DataSource(ctx, t.source.id)
	if err != nil {
		return nil, err
	}
	ds, err := parseDataSource(notion.JSON(append([]byte(nil), object...)))
	if err != nil {
		return nil, err
	}
	t.reread = ds
	return ds, nil
}

// explain makes of a value of another type than the schema's what it means: the
// property was changed while the load ran, or Notion contradicts itself.
func (t *sourceTable) explain(ctx context.Context, e *retypedError) error {
	ds, err := t.again(ctx)
	if err != nil {
		return fmt.Errorf("%w; reading the data source again: %w", e, err)
	}
	p := find(ds.properties, e.property.id)
	switch {
	case p == nil:
		return fmt.Errorf("%w; the property was removed while the load ran: run again", e)
	case p.typ != e.property.typ:
		return fmt.Errorf("%w; the property became a %s while the load ran: run again", e, p.typ)
	}
	return fmt.Errorf("%w, also when read again", e)
}

// note counts values of a property that has no column.
func (t *sourceTable) note(ctx context.Context, wire string) error {
	x := t.extras[wire]
	if x == nil {
		ds, err := t.again(ctx)
		if err != nil {
			return err
		}
		x = &extra{reason: ReasonNoProperty}
		if find(ds.properties, decodeID(wire)) != nil {
			x.reason = ReasonAdded
		}
		t.extras[wire] = x
	}
	x.count++
	return nil
}

// omitted is what the cells do not hold.
func (t *sourceTable) omitted() []lake.Omission {
	var all []lake.Omission
	if t.mapper == nil {
		return nil
	}
	for i, c := range t.mapper.columns {
		for n, count := range c.counts {
			if count > 0 {
				all = append(all, lake.Omission{PropertyID: c.id, Column: t.names[i], Reason: string(reasons[n]), Count: count})
			}
		}
	}
	for _, wire := range sortedKeys(t.extras) {
		x := t.extras[wire]
		all = append(all, lake.Omission{PropertyID: decodeID(wire), Reason: string(x.reason), Count: x.count})
	}
	return all
}
