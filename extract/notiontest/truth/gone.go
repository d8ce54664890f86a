package truth

import "github.com/notionlake/notionlake/extract/notiontest"

// gone says what became of the rows that the table of a data source had at the
// last load and has not any more, and takes in those that it has.
func (l *load) gone(s *notiontest.DataSource, t *Table) {
	if s.Gen != nil {
		return
	}
	there := map[string]bool{}
	ts := l.state.Tables[s.ID]
	before := ts.Rows
	ts.Rows = nil
	for _, row := range t.Rows {
		id, _ := row["_id"].(string)
		there[id] = true
		ts.Rows = append(ts.Rows, id)
	}
	t.Gone = map[string]string{}
	for _, id := range before {
		if there[id] {
			continue
		}
		p := l.m.Pages[id]
		switch {
		case p == nil || !l.m.Readable(p):
			t.Gone[id] = "not_found"
		case l.m.InTrash(p):
			t.Gone[id] = "trashed"
		case p.Source != s.ID:
			t.Gone[id] = "moved"
		default:
			t.Gone[id] = "archived"
		}
	}
}
