package truth

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// scalarTypes are the types of a formula's results.
var scalarTypes = map[string]string{"string": "string", "number": "double", "boolean": "boolean", "date": dateType}

// result is the type and the value of a formula or rollup; "" if there is none.
func result(tree any) (kind string, value any) {
	kind, _ = member(tree, "type").(string)
	return kind, member(tree, kind)
}

// survey is what results say of the type of a column.
type survey struct{ results, nulls map[string]bool }

func (s *survey) add(tree any) {
	kind, value := result(tree)
	switch {
	case scalarTypes[kind] == "":
	case value != nil:
		s.results[kind] = true
	default:
		s.nulls[kind] = true
	}
}

func newSurvey() *survey { return &survey{map[string]bool{}, map[string]bool{}} }

// kind is the one type of the results, or else the one that the nulls name; ""
// if there is none; mixed if the results have several.
func (s *survey) kind() (kind string, fromResults, mixed bool) {
	if len(s.results) > 1 {
		return "", true, true
	}
	for kind := range s.results {
		return kind, true, false
	}
	if len(s.nulls) == 1 {
		for kind := range s.nulls {
			return kind, false, false
		}
	}
	return "", false, false
}

// formulas types a column of a formula and returns its cells.
func formulas(c *ColumnState, expression string, trees []any) []any {
	had := ""
	if c.Kind == "formula" {
		had = c.Type
	}
	sticky := c.Kind == "formula" && c.Mixed && c.Expression == expression
	s := newSurvey()
	for _, tree := range trees {
		s.add(tree)
	}
	kind, fromResults, mixed := s.kind()
	c.Kind, c.Mixed, c.Expression, c.JSON = "formula", mixed || sticky, expression, false
	switch {
	case c.Mixed:
		c.Type = "string"
	case fromResults:
		c.Type = scalarTypes[kind]
	case had != "":
		c.Type = had
	case kind != "":
		c.Type = scalarTypes[kind]
	default:
		c.Type = "string"
	}
	cells := make([]any, len(trees))
	for i, tree := range trees {
		cells[i] = formula(tree, c.Mixed)
	}
	return cells
}

// formula is the cell of a formula's result, as text where results are mixed.
func formula(tree any, mixed bool) any {
	kind, value := result(tree)
	if value == nil {
		return nil
	}
	switch v := value.(type) {
	case json.Number:
		if mixed {
			return string(v)
		}
		return double(v)
	case bool:
		if mixed {
			return encode(v)
		}
		return v
	case string:
		return v
	case object:
		if kind != "date" {
			return nil
		}
		if !mixed {
			return date(v)
		}
		start, _ := v["start"].(string)
		if end, ok := v["end"].(string); ok {
			return start + "/" + end
		}
		return start
	}
	return nil
}

// rollup is the value of a rollup, over all references; nil where it cannot be told.
func (l *load) rollup(s *notiontest.DataSource, p *notiontest.Property, page *notiontest.Page) any {
	relation := s.Property(p.Rollup.Relation)
	if relation == nil || len(l.m.Refs(page.Values[relation.ID])) <= l.o.Limit {
		if raw, ok := page.Values[p.ID].(notiontest.Raw); ok {
			return l.tree(p, page, raw)
		}
		return l.rollupTree(l.m.Rollup(page, p, l.o.Limit), l.o.Limit)
	}
	given := l.given(p, page)
	if kind, _ := result(given); given != nil && kind != "unsupported" && kind != "incomplete" || !l.computed(relation, p, page) {
		return given
	}
	bare := *page // of what the test has written into it
	bare.Values = maps.Clone(page.Values)
	delete(bare.Values, p.ID)
	return l.rollupTree(l.m.Rollup(&bare, p, -1), unlimited)
}

// unlimited is a limit that no list has.
const unlimited = 1 << 30

// given is the value of a rollup beyond the limit that the property endpoint gives;
// nil for the functions that it does not compute.
func (l *load) given(p *notiontest.Property, page *notiontest.Page) any {
	switch p.Rollup.Function {
	case "show_original", "show_unique", "unique", "median", "count_per_group", "percent_per_group":
		return nil
	}
	if raw, ok := page.Values[p.ID].(notiontest.Raw); ok {
		return l.tree(p, page, raw)
	}
	return l.rollupTree(l.m.Rollup(page, p, -1), unlimited)
}

// computed reports whether the rows of a load tell the value of a rollup.
func (l *load) computed(relation, p *notiontest.Property, page *notiontest.Page) bool {
	switch p.Rollup.Function {
	case "count_per_group", "percent_per_group": // which group is not told
		return false
	}
	related := l.m.Source(relation.Relation.Source)
	if related == nil || !slices.Contains(l.sources(), related) || related.Property(p.Rollup.Property) == nil {
		return false
	}
	if p.Rollup.Function == "show_original" || p.Rollup.Function == "count" {
		return true
	}
	for _, id := range l.m.Refs(page.Values[relation.ID]) {
		if other := l.m.Pages[id]; other != nil {
			if f, ok := other.Values[p.Rollup.Property].(notiontest.Result); ok && (f.Type == "" || f.Type == "unsupported") {
				return false
			}
		}
	}
	return true
}

func (l *load) rollupTree(v notiontest.RollupValue, limit int) any {
	switch v.Type {
	case "number":
		if v.Number == "" {
			return object{"type": "number", "number": nil}
		}
		return object{"type": "number", "number": json.Number(v.Number)}
	case "date":
		if v.Date == nil {
			return object{"type": "date", "date": nil}
		}
		return object{"type": "date", "date": dateTree(*v.Date)}
	case "array":
		return object{"type": "array", "array": list(v.Items, func(i notiontest.RollupItem) any { return l.elementTree(i, limit) })}
	}
	return object{"type": v.Type, v.Type: object{}}
}

// elementTree is an element of a rollup; where the column holds it as JSON, it
// is all that Notion shows.
func (l *load) elementTree(i notiontest.RollupItem, limit int) any {
	kind := i.Property.Type
	if _, isJSON := elementType(kind); isJSON && kind != "formula" {
		return object{"type": kind, kind: l.tree(i.Property, i.Page, notiontest.Raw(l.m.ValueJSON(i.Page, i.Property, limit)))}
	}
	return object{"type": kind, kind: l.tree(i.Property, i.Page, i.Page.Values[i.Property.ID])}
}
