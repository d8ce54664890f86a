package truth

import (
	"strings"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// rollups types a column of a rollup and returns its cells.
func (l *load) rollups(s *notiontest.DataSource, p *notiontest.Property, c *ColumnState, trees []any) []any {
	had, hadJSON := "", false
	if c.Kind == "rollup" {
		had, hadJSON = c.Type, c.JSON
	}
	c.Kind, c.Mixed = "rollup", false
	scalars := newSurvey()
	elements := elements{kinds: map[string]bool{}, formulas: newSurvey()}
	lists := false
	for _, tree := range trees {
		kind, value := result(tree)
		if kind != "array" {
			scalars.add(tree)
			continue
		}
		lists = true
		for _, e := range value.([]any) {
			elements.add(e)
		}
	}
	kind, fromResults, mixed := scalars.kind()
	switch {
	case mixed || lists && fromResults:
		c.Type, c.JSON = "string", true
		return cells(trees, func(tree any) any {
			kind, value := result(tree)
			if value == nil || kind == "unsupported" || kind == "incomplete" {
				return nil
			}
			return encode(value)
		})
	case fromResults:
		c.Type, c.JSON = scalarTypes[kind], false
	case len(elements.kinds) > 0:
		c.Type, c.JSON = elements.columnType()
	case strings.HasPrefix(had, "list<") || had != "" && !lists:
		c.Type, c.JSON = had, hadJSON
	case !lists && kind != "":
		c.Type, c.JSON = scalarTypes[kind], false
	default:
		c.Type, c.JSON = l.rollupType(s, p)
	}
	if strings.HasPrefix(c.Type, "list<") {
		return cells(trees, func(tree any) any { return l.elementCells(tree, &elements) })
	}
	return cells(trees, func(tree any) any { return formula(tree, false) })
}

func cells(trees []any, one func(any) any) []any {
	all := make([]any, len(trees))
	for i, tree := range trees {
		all[i] = one(tree)
	}
	return all
}

// rollupType is the type of a rollup that has no result.
func (l *load) rollupType(s *notiontest.DataSource, p *notiontest.Property) (string, bool) {
	if p.Rollup != nil {
		switch p.Rollup.Function {
		case "show_original", "show_unique":
		case "earliest_date", "latest_date", "date_range":
			return dateType, false
		default:
			return "double", false
		}
		if relation := s.Property(p.Rollup.Relation); relation != nil && relation.Relation != nil {
			if related := l.m.Source(relation.Relation.Source); l.m.Visible(related) {
				if target := related.Property(p.Rollup.Property); target != nil && target.Type != "formula" {
					return elementType(target.Type)
				}
			}
		}
	}
	return "list<string>", false
}

// elementType is the type of a rollup's column by the type of its elements.
func elementType(kind string) (name string, isJSON bool) {
	switch kind {
	case "title", "rich_text", "select", "status", "url", "email", "phone_number", "unique_id",
		"multi_select", "people", "relation", "files", "created_by", "last_edited_by":
		return "list<string>", false
	case "number":
		return "list<double>", false
	case "checkbox":
		return "list<boolean>", false
	case "date":
		return "list<" + dateType + ">", false
	case "created_time", "last_edited_time":
		return "list<timestamptz>", false
	}
	return "list<string>", true
}

// elements are what the arrays of a rollup hold in this load.
type elements struct {
	kinds    map[string]bool
	formulas *survey
}

func (e *elements) add(tree any) {
	kind, value := result(tree)
	e.kinds[kind] = true
	if kind == "formula" {
		e.formulas.add(value)
	}
}

// one is the type of all elements; "" if there are several.
func (e *elements) one() string {
	if len(e.kinds) == 1 {
		for kind := range e.kinds {
			return kind
		}
	}
	return ""
}

func (e *elements) columnType() (name string, isJSON bool) {
	kind := e.one()
	if kind != "formula" {
		return elementType(kind)
	}
	of, _, mixed := e.formulas.kind()
	if mixed || of == "" {
		return "list<string>", false
	}
	return "list<" + scalarTypes[of] + ">", false
}

// elementCells is the list of a rollup's elements.
func (l *load) elementCells(tree any, e *elements) any {
	kind, value := result(tree)
	if kind != "array" {
		return nil
	}
	of := e.one()
	_, isJSON := e.columnType()
	_, _, mixed := e.formulas.kind()
	all := []any{}
	for _, element := range value.([]any) {
		_, v := result(element)
		switch {
		case v == nil:
			all = append(all, nil)
		case isJSON:
			all = append(all, encode(element))
		case of == "formula":
			all = append(all, formula(v, mixed))
		default:
			all = append(all, l.flat(of, v)...)
		}
	}
	return all
}

// flat is what an element contributes to the list: several items where it is a
// list itself.
func (l *load) flat(kind string, v any) []any {
	cell := l.cell(kind, v)
	switch kind {
	case "multi_select", "relation":
		return cell.([]any)
	case "people":
		return members(cell, "id")
	case "files":
		return members(cell, "url")
	case "created_by", "last_edited_by":
		return []any{member(cell, "id")}
	}
	return []any{cell}
}

func members(cell any, name string) []any {
	var all []any
	for _, item := range cell.([]any) {
		all = append(all, member(item, name))
	}
	return all
}
