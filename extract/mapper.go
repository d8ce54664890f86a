package extract

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// pageLimit is how many people, and how many mentions in a text, Notion shows of
// a page's property at most, without saying whether there are more.
const pageLimit = 25

// A column is a property with its place in the rows.
type column struct {
	*property
	propertyType
	number int // among the columns of a mapper
	index  int // in the row, -1 for none
	// prefix is how a value of the property begins in a page, up to the value itself.
	prefix   []byte
	limited  bool      // people or text, of which pages show pageLimit at most
	relation *column   // of a rollup: what it runs over, nil where it is not shown
	standsOn []*column // of a formula: relations
	counts   [len(reasons)]int64
	kept     bool // rollups of the load run over it
}

// A mapper turns the pages of one data source into rows, by one walk over each
// page. A row is valid until the next one is made. It is not safe for concurrent use.
type mapper struct {
	d       decoder
	users   *userView
	columns []*column
	byWire  map[string]*column
	byID    map[string]*column
	order   []*column // of the properties of the last page, which most pages share
	rollups []*column // that run over a relation of this data source
	row     []lake.Value
	raw     int // index of _raw, -1 for none
	rawText []byte

	// Of the page that is being read:
	id        string
	requested bool     // it has a request_id
	bits      []uint16 // what was noted, by column
	touched   bool     // any bits are set
	long      []bool   // by column: a relation of which the page shows a part only
	longAny   bool
	wants     []*column // of which the page shows a part only
	joined    []*column // rollups to be computed from the rows of the load
	extra     []string  // IDs of properties that have no column
	kept      []keptValue
	keptText  []byte
}

// newMapper makes a mapper of rows: the columns of every data source's table,
// one per property, and _raw where it is wanted.
func newMapper(properties []*property, raw bool, users *userView) *mapper {
	m := &mapper{users: users, byWire: map[string]*column{}, byID: map[string]*column{}, raw: -1}
	if users != nil {
		m.d.users = users
	}
	index := len(pageColumns)
	for i, p := range properties {
		c := &column{property: p, propertyType: propertyTypeOf(p.typ), number: i, index: -1, prefix: wirePrefix(p)}
		switch p.typ {
		case "people", "title", "rich_text":
			c.limited = true
		}
		if !c.none {
			c.index = index
			index++
		}
		m.columns = append(m.columns, c)
		m.byWire[p.wire], m.byID[p.id] = c, c
	}
	for _, c := range m.columns {
		if c.typ == "formula" {
			for _, r := range relationsOf(c.property, properties) {
				c.standsOn = append(c.standsOn, m.byID[r.id])
			}
		}
		if c.typ != "rollup" {
			continue
		}
		if r := find(properties, c.property.relation); r != nil && r.typ == "relation" {
			c.relation = m.byID[r.id]
			m.rollups = append(m.rollups, c)
		}
	}
	if raw {
		m.raw = index
		index++
	}
	m.row = make([]lake.Value, index)
	m.bits = make([]uint16, len(m.columns))
	m.long = make([]bool, len(m.columns))
	return m
}

func wirePrefix(p *property) []byte {
	b := []byte(`{"id":`)
	b, _ = jsontext.AppendQuote(b, p.wire) // its error speaks of U+FFFD only
	b = append(b, `,"type":`...)
	b, _ = jsontext.AppendQuote(b, p.typ)
	b = append(b, ',')
	b, _ = jsontext.AppendQuote(b, p.typ)
	return append(b, ':')
}

// whole reports whether nothing is missing in the row; parts are what it was made with.
func (m *mapper) whole(parts map[*column]notion.JSON) bool {
	if m.users != nil && len(m.users.unasked) > 0 {
		return false
	}
	for _, c := range m.wants {
		if parts[c] == nil {
			return false
		}
	}
	return true
}

// count adds what was noted of the row to the columns' counts.
func (m *mapper) count() {
	if !m.touched {
		return
	}
	for i, bits := range m.bits {
		for n := 0; bits != 0; n, bits = n+1, bits>>1 {
			if bits&1 != 0 {
				m.columns[i].counts[n]++
			}
		}
	}
}

// missing are the columns that the page shows a part of and parts do not hold.
func (m *mapper) missing(parts map[*column]notion.JSON) []*column {
	var missing []*column
	for _, c := range m.wants {
		if parts[c] == nil {
			missing = append(missing, c)
		}
	}
	return missing
}
