package extract

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A retypedError is a value of another type than its property had when the data
// source was read.
type retypedError struct {
	page     string
	property *property
	typ      string
}

func (e *retypedError) Error() string {
	return fmt.Sprintf("page %s: property %q is a %s where the data source has a %s", e.page, e.property.name, e.typ, e.property.typ)
}

// read makes the row of a page; ok is false for a page in the trash, which is no
// row. parts are values that replace those of the page, by column. Afterwards
// wants, extra and users.unasked say what is missing to make the row whole.
func (m *mapper) read(page notion.JSON, parts map[*column]notion.JSON) (ok bool, err error) {
	m.d.reset(page)
	clear(m.row)
	m.wants, m.joined, m.extra, m.id = m.wants[:0], m.joined[:0], m.extra[:0], ""
	m.kept = m.kept[:0]
	m.requested = false
	if m.touched {
		clear(m.bits)
		m.touched = false
	}
	if m.longAny {
		clear(m.long)
		m.longAny = false
	}
	if m.users != nil {
		m.users.unasked = m.users.unasked[:0]
	}
	whole := m.d.b
	trashed, err := m.members(whole, parts)
	if err != nil || trashed {
		return false, err
	}
	m.longRollups(parts)
	for c, value := range parts {
		m.d.use(value)
		m.d.noted = 0
		m.row[c.index], _ = c.value(&m.d, 0)
		m.bits[c.number] = m.d.noted
		m.touched = m.touched || m.d.noted != 0
		m.uncomputed(c)
	}
	if m.d.err != nil {
		return false, fmt.Errorf("page %s: %w", m.id, m.d.err)
	}
	if m.raw >= 0 {
		var raw []byte
		raw, m.rawText = appendRaw(m.rawText[:0], whole, m.requested)
		m.row[m.raw] = lake.JSONBytes(raw)
	}
	return true, nil
}

// members walks over the members of a page.
func (m *mapper) members(b []byte, parts map[*column]notion.JSON) (trashed bool, err error) {
	start := skipBlank(b, 0)
	if b[start] != '{' {
		return false, fmt.Errorf("a page is %s", kindName(b[start]))
	}
	d, row := &m.d, m.row
	properties := false
	end := start + 1
	for key, at := member(b, end); ; key, at = member(b, end) {
		if key == nil {
			break
		}
		switch string(key) {
		case "id":
			row[colID], end = stringValue(d, at)
			m.id = row[colID].Text()
		case "url":
			row[colURL], end = stringValue(d, at)
		case "public_url":
			row[colPublicURL], end = stringValue(d, at)
		case "created_time":
			row[colCreatedTime], end = timeValue(d, at)
		case "last_edited_time":
			row[colEditedTime], end = timeValue(d, at)
		case "created_by":
			row[colCreatedBy], end = userIDValue(d, at)
		case "last_edited_by":
			row[colEditedBy], end = userIDValue(d, at)
		case "parent":
			row[colParentType], row[colParentID], end = parentValue(d, at)
		case "icon":
			row[colIcon], end = iconValue(d, at)
		case "cover":
			row[colCover], end = iconValue(d, at)
		case "is_archived":
			row[colArchived], end = boolValue(d, at)
		case "is_locked":
			row[colLocked], end = boolValue(d, at)
		case "in_trash", "archived":
			trashed = trashed || b[at] == 't'
			end = skip(b, at)
		case "request_id":
			m.requested = true
			end = skip(b, at)
		case "properties":
			if b[at] != '{' {
				_, end = d.fail(at, "the properties")
				continue
			}
			properties = true
			if end, err = m.properties(b, at, parts); err != nil {
				return false, err
			}
		default:
			end = skip(b, at)
		}
	}
	switch {
	case trashed:
		return true, nil
	case m.id == "":
		return false, errors.New("a page came without its id")
	case !properties:
		return false, fmt.Errorf("page %s came without its properties", m.id)
	case d.err != nil:
		return false, fmt.Errorf("page %s: %w", m.id, d.err)
	}
	return false, nil
}

// parentValue reads a parent: its type, and the ID that it names.
func parentValue(d *decoder, i int) (typ, id lake.Value, end int) {
	if d.b[i] != '{' {
		_, end = d.nothing(i, "a parent")
		return typ, id, end
	}
	name, at, end := typed(d.b, i)
	if name != nil {
		typ = lake.TextBytes(name)
	}
	if at >= 0 && d.b[at] == '"' {
		id, _ = stringValue(d, at)
	}
	return typ, id, end
}

// properties walks over the properties of a page; b[i] is their brace.
func (m *mapper) properties(b []byte, i int, parts map[*column]notion.JSON) (end int, err error) {
	end = i + 1
	for n := 0; ; n++ {
		key, at := member(b, end)
		if key == nil {
			return at, nil
		}
		if n == len(m.order) {
			m.order = append(m.order, nil)
		}
		c, value, after := m.order[n], 0, 0
		if c != nil && bytes.HasPrefix(b[at:], c.prefix) {
			value = at + len(c.prefix)
		} else if c, value, after, err = m.locate(b, at); err != nil {
			return 0, err
		}
		if c == nil {
			end = after
			continue
		}
		m.order[n] = c
		value = skipBlank(b, value)
		end = m.value(b, c, value, parts)
		if m.d.err != nil {
			return 0, fmt.Errorf("page %s: property %q %w", m.id, c.name, m.d.err)
		}
		if after > 0 { // the value need not be what comes last
			if hasTrue(b, at, "has_more") {
				m.setLong(c)
			}
			end = after
		}
	}
}

var idStart = []byte(`{"id":"`)

// locate finds the column of the property at b[i], and its value; no column
// where the data source had no such property. after is the index after it.
func (m *mapper) locate(b []byte, i int) (c *column, value, after int, err error) {
	if bytes.HasPrefix(b[i:], idStart) {
		id := b[i+len(idStart):]
		if c = m.byWire[string(id[:bytes.IndexByte(id, '"')])]; c != nil && bytes.HasPrefix(b[i:], c.prefix) {
			return c, i + len(c.prefix), 0, nil
		}
	}
	if b[i] != '{' {
		return nil, 0, 0, fmt.Errorf("page %s: a property is %s", m.id, kindName(b[i]))
	}
	id, _ := m.d.member(i, "id")
	typ, value, after := typed(b, i)
	if id == nil || typ == nil {
		return nil, 0, 0, fmt.Errorf("page %s: a property has no id or no type", m.id)
	}
	if c = m.byWire[string(id)]; c == nil {
		c = m.byID[decodeID(string(id))]
	}
	if c == nil {
		m.extra = append(m.extra, string(id))
		return nil, 0, after, nil
	}
	if string(typ) != c.typ {
		return nil, 0, 0, &retypedError{page: string([]byte(m.id)), property: c.property, typ: string(typ)}
	}
	if value < 0 {
		return nil, 0, 0, fmt.Errorf("page %s: property %q has no value", m.id, c.name)
	}
	return c, value, after, nil
}

// hasTrue reports whether the object at b[i] has the member name, which is true.
func hasTrue(b []byte, i int, name string) bool {
	for key, at := member(b, i+1); key != nil; key, at = member(b, skip(b, at)) {
		if string(key) == name {
			return b[at] == 't'
		}
	}
	return false
}

// value reads the value at b[at] and the members after it, up to the brace that
// ends the property.
func (m *mapper) value(b []byte, c *column, at int, parts map[*column]notion.JSON) (end int) {
	if c.index < 0 || parts != nil && parts[c] != nil {
		end = skip(b, at)
	} else {
		d := &m.d
		d.noted, d.cut = 0, false
		var v lake.Value
		v, end = c.value(d, at)
		m.row[c.index] = v
		if d.noted != 0 {
			m.bits[c.number] = d.noted
			m.touched = true
		}
		if c.limited && (d.runs >= pageLimit || len(v.Items()) >= pageLimit) {
			m.wants = append(m.wants, c)
		}
		if d.cut {
			m.join(c)
		}
	}
	if c.kept {
		m.kept = append(m.kept, keptValue{c, b[at:end]})
	}
	if b[end] == '}' {
		return end + 1
	}
	return m.close(b, c, end)
}

// close reads what follows the value of a property.
func (m *mapper) close(b []byte, c *column, end int) int {
	for {
		key, at := member(b, end)
		if key == nil {
			return at
		}
		if string(key) == "has_more" && b[at] == 't' {
			m.setLong(c)
		}
		end = skip(b, at)
	}
}

func (m *mapper) setLong(c *column) {
	if c.typ == "relation" && !m.long[c.number] {
		m.long[c.number], m.longAny = true, true
		m.wants = append(m.wants, c)
	}
}

// longRollups sees to the rollups that run over a relation of which Notion shows
// a part only: they are computed over that part.
func (m *mapper) longRollups(parts map[*column]notion.JSON) {
	if !m.longAny {
		return
	}
	m.longFormulas()
	for _, c := range m.rollups {
		if !m.long[c.relation.number] || parts[c] != nil {
			continue
		}
		way := rollupWays[c.function]
		if way.endpoint {
			m.wants = append(m.wants, c)
			continue
		}
		m.join(c)
	}
}

// join says that a rollup is to be computed from the rows of the load. It is null
// and counted until then, and where it cannot be.
func (m *mapper) join(c *column) {
	m.row[c.index] = lake.Value{}
	m.bits[c.number], m.touched = notedLongRollup, true
	if c.relation != nil && rollupWays[c.function].joined && !slices.Contains(m.joined, c) {
		m.joined = append(m.joined, c)
	}
}

// uncomputed sees to a rollup that the property endpoint did not compute.
func (m *mapper) uncomputed(c *column) {
	if c.relation != nil && m.long[c.relation.number] && m.bits[c.number]&notedUnsupported != 0 && rollupWays[c.function].joined {
		m.joined = append(m.joined, c)
	}
}
