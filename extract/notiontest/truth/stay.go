package truth

import (
	"slices"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// stay adds to fixed tables the rows about data sources that are gone, whose
// tables stay at their last load.
func (l *load) stay(sources []*notiontest.DataSource, tables []Table) {
	gone := func(id any) bool {
		source, _ := id.(string)
		return l.state.Tables[source] != nil && !slices.ContainsFunc(sources, func(s *notiontest.DataSource) bool { return s.ID == source })
	}
	for i := range tables {
		t := &tables[i]
		var stays func(row map[string]any) bool
		switch t.Name {
		case "_options", "_views":
			stays = func(row map[string]any) bool { return gone(row["data_source_id"]) }
		case "_data_sources":
			stays = func(row map[string]any) bool { return gone(row["id"]) }
		case "_databases":
			stays = func(row map[string]any) bool {
				list, _ := row["data_sources"].([]any)
				return slices.ContainsFunc(list, gone)
			}
		default:
			continue
		}
		there := map[any]bool{}
		for _, row := range t.Rows {
			there[row["id"]] = row["id"] != nil
		}
		for _, row := range l.state.Fixed[t.Name] {
			if stays(row) && !there[row["id"]] {
				t.Rows = append(t.Rows, row)
			}
		}
		if l.state.Fixed == nil {
			l.state.Fixed = map[string][]map[string]any{}
		}
		l.state.Fixed[t.Name] = slices.Clone(t.Rows)
	}
}
