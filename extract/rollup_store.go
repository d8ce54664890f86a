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
	// kept are the IDs of the data sources whose rows are kept here.
	kept map[string]bool

	mu    sync.Mutex
	file  *recordFile
	rows  map[notion.UUID]place
	asked map[notion.UUID]place // no rows of the load; the zero place: not there
	asks  int
}

// A rowRecord is a page of the store: its object, and by property ID the values
// that replace those of the page, which shows a part of them only.
type rowRecord struct {
	page, parts notion.JSON
}

func recordOf(data []byte) rowRecord {
	return rowRecord{page: notion.JSON(data).Get("page"), parts: notion.JSON(data).Get("parts")}
}

func newRowStore(s *Source) *rowStore {
	return &rowStore{source: s, kept: map[string]bool{}, rows: map[notion.UUID]place{}, asked: map[notion.UUID]place{}}
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
			return place{}, err
		}
	}
	file := s.file
	s.mu.Unlock()
	return file.add(record)
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
	return s.kept[source]
}

// keep makes a record the one of a row.
func (s *rowStore) keep(id notion.UUID, at place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[id] = at
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
	c.mu.Lock()
	n, ok := c.known[id]
	var at place
	if ok && c.all[n].source == source {
		at = c.all[n].object
	}
	c.mu.Unlock()
	if at == (place{}) {
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
	if at == (place{}) {
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
			return place{}, err
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
		return place{}, nil
	}
	return place{}, err
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
