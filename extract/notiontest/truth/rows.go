package truth

import (
	"fmt"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A row is a page as the connection reads it: the cells of the columns that
// every table has, and the value of every property by ID, as JSON decodes it.
// A property that the page lacks is not in trees.
type row struct {
	own   map[string]any
	trees map[string]any
}

// rows are the rows of a data source: readable, not in the trash.
func (l *load) rows(s *notiontest.DataSource) ([]row, error) {
	l.meet(s.CreatedBy, nil)
	l.meet(s.EditedBy, nil)
	if s.Gen != nil {
		return l.generated(s)
	}
	var rows []row
	for _, id := range s.Rows {
		p := l.m.Pages[id]
		if !l.m.Readable(p) || p.Trashed || p.Archived && l.o.NoArchived {
			continue
		}
		if text, ok := p.Recorded(); ok {
			r, err := l.parsed(s, []byte(text))
			if err != nil {
				return nil, fmt.Errorf("page %s: %w", id, err)
			}
			for property, v := range p.Values {
				r.trees[property] = l.tree(s.Property(property), p, v)
			}
			rows = append(rows, r)
			continue
		}
		rows = append(rows, l.modeled(s, p))
	}
	return rows, nil
}

func (l *load) generated(s *notiontest.DataSource) ([]row, error) {
	var rows []row
	var page []byte
	for i := range s.Gen.Len() {
		page = s.Gen.AppendPage(page[:0], notiontest.V20260311, i)
		r, err := l.parsed(s, page)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (l *load) modeled(s *notiontest.DataSource, p *notiontest.Page) row {
	l.meet(p.CreatedBy, nil)
	l.meet(p.EditedBy, nil)
	r := row{trees: map[string]any{}, own: map[string]any{
		"_id": p.ID, "_url": notiontest.PageURL(p), "_public_url": nullable(p.PublicURL),
		"_created_time": minute(p.Created), "_last_edited_time": minute(p.Edited),
		"_created_by": p.CreatedBy, "_last_edited_by": p.EditedBy,
		"_parent_type": "data_source_id", "_parent_id": s.ID,
		"_icon": l.icon(p.Icon), "_cover": l.icon(p.Cover), "_archived": p.Archived, "_locked": p.Locked,
	}}
	for _, property := range l.m.Shown(s) {
		if property.Type == "rollup" {
			r.trees[property.ID] = l.rollup(s, property, p)
			continue
		}
		r.trees[property.ID] = l.tree(property, p, p.Values[property.ID])
	}
	return r
}

// icon is an emoji, the name of a native icon, or a URL.
func (l *load) icon(i *notiontest.Icon) any {
	switch {
	case i == nil:
		return nil
	case i.Type == "file":
		return l.fileURL("file", i.Text)
	case i.Type == "external":
		return l.fileURL("external", i.Text)
	}
	return valid(i.Text)
}

// meet notes a user that the load has seen; object is what was seen, if more
// than the ID.
func (l *load) meet(id string, object map[string]any) {
	if l.met[id] == nil || whole(object) {
		l.met[id] = object
		if object == nil {
			l.met[id] = map[string]any{}
		}
	}
}
