package extract

import (
	"context"
	"errors"
	"sync"

	"github.com/notionlake/notionlake/extract/notion"
)

// A rowStore finds the rows of the load again that rollups run over. They lie on
// disk: where pages are read, as the content keeps them, else in a file of the
// store's own, which holds the rows of the data sources that rollups run over. In
// memory is an entry of some 50 bytes for each of these.
type rowStore struct {
	source *Source
	// needs are, by data source ID, the IDs of the properties that rollups run over:
	// what is kept here of a row.
	needs map[string]map[string]bool

	mu    sync.Mutex
	file  *recordFile
	rows  map[notion.UUID]place
	asked map[notion.UUID]place // no rows of the load; the zero place: not there
	asks  int
}

// A rowRecord is a page of the store: its object, or the properties of it that are
// needed, and by property ID the values that replace those of the page, which shows a
// part of them only.
type rowRecord struct {
	page, parts notion.JSON
}

// A keptValue is the value of a property as it stands in a page.
type keptValue struct {
	*column
	value notion.JSON
}

// keep says which properties of pages record is to hold.
func (m *mapper) keep(ids map[string]bool) {
	for id := range ids {
		if c := m.byID[id]; c != nil {
			c.kept = true
		}
	}
}

// record is the record of the page that was just read, of the properties that are
// kept. It is valid until the next one.
func (m *mapper) record(parts map[*column]notion.JSON) []byte {
	b := append(m.keptText[:0], `{"page":{"properties":{`...)
	for i, k := range m.kept {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, k.id) // in place of the name
		b = append(append(b, ':'), k.prefix...)
		b, _ = appendClean(b, k.value, 0, false)
		if m.long[k.number] {
			b = append(b, `,"has_more":true`...)
		}
		b = append(b, '}')
	}
	b = append(b, `}},"parts":{`...)
	n := 0
	for c, part := range parts {
		if !c.kept {
			continue
		}
		if n++; n > 1 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, c.id), ':')
		b, _ = appendClean(b, part, 0, false)
	}
	m.keptText = append(b, "}}"...)
	return m.keptText
}

func recordOf(data []byte) rowRecord {
	return rowRecord{page: notion.JSON(data).Get("page"), parts: notion.JSON(data).Get("parts")}
}

func newRowStore(s *Source) *rowStore {
	return &rowStore{source: s, needs: map[string]map[string]bool{}, rows: map[notion.UUID]place{}, asked: map[notion.UUID]place{}}
}

func (s *rowStore) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	file := s.file
	s.file = nil
	return file.close()
}

// add writes a record.
func (s *rowStore) add(record []byte) (place, error) {
	s.mu.Lock()
	if s.file == nil {
		var err error
		if s.file, err = newRecordFile(s.source.options.TempDir); err != nil {
			s.mu.Unlock()
			return 0, err
		}
	}
	file := s.file
	s.mu.Unlock()
	return file.addCopy(record)
}

// get reads a record that add wrote.
func (s *rowStore) get(at place) (rowRecord, error) {
	s.mu.Lock()
	file := s.file
	s.mu.Unlock()
	data, err := file.get(at)
	if err != nil {
		return rowRecord{}, err
	}
	return recordOf(data), nil
}

// keeps reports whether rows of a data source are kept here: of all where the
// content keeps the first of those that come twice.
func (s *rowStore) keeps(source string, supersedes bool) bool {
	if s.source.content != nil {
		return supersedes
	}
	return s.needs[source] != nil
}

// keep keeps a row that m has just read: what is needed of it, and where the content
// keeps the others, all.
func (s *rowStore) keep(id notion.UUID, m *mapper, page notion.JSON, parts map[*column]notion.JSON) error {
	record := m.record
	if s.source.content != nil {
		record = func(parts map[*column]notion.JSON) []byte { return pageRecord(page, parts) }
	}
	at, err := s.add(record(parts))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[id] = at
	return nil
}

// row finds a row of a data source.
func (s *rowStore) row(id notion.UUID, source string) (rec rowRecord, ok bool, err error) {
	s.mu.Lock()
	at, ok := s.rows[id]
	s.mu.Unlock()
	if ok {
		rec, err = s.get(at)
		return rec, true, err
	}
	if s.source.content == nil {
		return rowRecord{}, false, nil
	}
	data, err := s.source.content.rowRecord(id, source)
	if err != nil || data == nil {
		return rowRecord{}, false, err
	}
	return recordOf(data), true, nil
}

// rowRecord is the record of a row that its data source brought; nil: there is none.
func (c *content) rowRecord(id notion.UUID, source string) ([]byte, error) {
	of, ok := notion.ParseUUID([]byte(source))
	if !ok {
		return nil, nil
	}
	c.mu.Lock()
	n, ok := c.number(id)
	var at place
	if ok && c.all[n].source == of {
		at = c.all[n].object
	}
	c.mu.Unlock()
	if at == 0 {
		return nil, nil
	}
	return c.pages.get(at)
}

// errManyAsked says that too many pages are no rows of the load.
var errManyAsked = errors.New("more pages would have to be asked for than a load does")

// ask asks Notion for a page that is no row of the load, such as one in the trash:
// relations name them, and Notion's rollups count them. t is the table of the data
// source that it should be of. ok is false for one that is not there.
func (s *rowStore) ask(ctx context.Context, t *sourceTable, id notion.UUID) (rec rowRecord, ok bool, err error) {
	s.mu.Lock()
	at, known := s.asked[id]
	if !known {
		s.asks++
	}
	many := s.asks > maxAsked
	s.mu.Unlock()
	if !known && many {
		return rowRecord{}, false, errManyAsked
	}
	if !known {
		if at, err = s.fetch(ctx, t, id.String()); err != nil {
			return rowRecord{}, false, err
		}
		s.mu.Lock()
		s.asked[id] = at
		s.mu.Unlock()
	}
	if at == 0 {
		return rowRecord{}, false, nil
	}
	rec, err = s.get(at)
	return rec, true, err
}

// fetch writes the record of a page; the zero place where it is not there.
func (s *rowStore) fetch(ctx context.Context, t *sourceTable, id string) (at place, err error) {
	parts := map[*column]notion.JSON{}
	page, err := t.client.Page(ctx, id)
	if err == nil {
		m := newMapper(t.source.properties, false, nil)
		if _, err := m.read(page, nil); err != nil {
			return 0, err
		}
		for _, c := range m.wants {
			if parts[c], err = t.whole(ctx, id, c); err != nil {
				break
			}
		}
	}
	switch {
	case err == nil:
		return s.add(pageRecord(page, parts))
	case !fatal(err) && (errors.Is(err, notion.ErrNotFound) || errors.Is(err, notion.ErrRestricted)):
		return 0, nil
	}
	return 0, err
}

// property is the property of a page with this ID, nil if it has none.
func (r rowRecord) property(id string) notion.JSON {
	for _, p := range r.page.Get("properties").Fields() {
		if decodeID(p.Get("id").Text()) == id {
			return p
		}
	}
	return nil
}

// references are the pages that a relation of the row names, all of them; ok is
// false where the record does not have all.
func (r rowRecord) references(relation *property) (refs notion.JSON, ok bool) {
	if refs = r.parts.Get(relation.id); refs != nil {
		return refs, true
	}
	p := r.property(relation.id)
	return p.Get("relation"), !p.Get("has_more").Bool() && p.Get("relation").Kind() == '['
}
