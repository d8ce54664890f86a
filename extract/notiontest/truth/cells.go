package truth

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// column sets the type of a column by this load and returns its cells.
func (l *load) column(s *notiontest.DataSource, p *notiontest.Property, c *ColumnState, trees []any) []any {
	switch p.Type {
	case "formula":
		return formulas(c, p.Expression, trees)
	case "rollup":
		return l.rollups(s, p, c, trees)
	}
	c.Kind, c.Mixed = p.Type, false
	c.Type, c.JSON = columnType(p.Type)
	cells := make([]any, len(trees))
	for i, tree := range trees {
		cells[i] = l.cell(p.Type, tree)
	}
	return cells
}

// columnType is the type of the column of a property type.
func columnType(kind string) (name string, isJSON bool) {
	switch kind {
	case "title", "rich_text", "select", "status", "url", "email", "phone_number", "unique_id":
		return "string", false
	case "number":
		return "double", false
	case "checkbox":
		return "boolean", false
	case "multi_select", "relation":
		return "list<string>", false
	case "date":
		return dateType, false
	case "people":
		return "list<" + userType + ">", false
	case "created_by", "last_edited_by":
		return userType, false
	case "created_time", "last_edited_time":
		return "timestamptz", false
	case "files":
		return "list<struct<name string, url string, kind string, sha256 string, path string>>", false
	case "verification":
		return "struct<state string, verified_by string, start timestamptz, end timestamptz>", false
	case "place":
		return "struct<lat double, lon double, name string, address string>", false
	}
	return "string", true
}

// cell is the cell of a value.
func (l *load) cell(kind string, tree any) any {
	if tree == nil {
		return nil
	}
	switch kind {
	case "title", "rich_text":
		return l.text(tree)
	case "number":
		return double(tree)
	case "select", "status":
		return member(tree, "name")
	case "multi_select":
		return each(tree, func(v any) any { return member(v, "name") })
	case "relation":
		return each(tree, func(v any) any { return member(v, "id") })
	case "date":
		return date(tree)
	case "people":
		return each(tree, func(v any) any { return l.user(v) })
	case "created_by", "last_edited_by":
		return l.user(tree)
	case "created_time", "last_edited_time":
		at, _ := instant(tree, nil)
		return at
	case "checkbox", "url", "email", "phone_number":
		return tree
	case "files":
		return each(tree, l.file)
	case "unique_id":
		return uniqueID(tree)
	case "verification":
		span, _ := member(tree, "date").(object)
		start, _ := instant(span["start"], span["time_zone"])
		end, _ := instant(span["end"], span["time_zone"])
		var by any
		if user := member(tree, "verified_by"); user != nil {
			by = member(l.user(user), "id")
		}
		return object{"state": member(tree, "state"), "verified_by": by, "start": start, "end": end}
	case "place":
		return object{
			"lat": double(member(tree, "lat")), "lon": double(member(tree, "lon")),
			"name": member(tree, "name"), "address": member(tree, "address"),
		}
	}
	return encode(tree)
}

// member is a member of an object; nil where there is none.
func member(tree any, name string) any {
	o, _ := tree.(object)
	return o[name]
}

func each(tree any, one func(any) any) any {
	items, ok := tree.([]any)
	if !ok {
		return nil
	}
	cells := make([]any, 0, len(items))
	for _, item := range items {
		cells = append(cells, one(item))
	}
	return cells
}

// text joins the runs and meets the users that they mention.
func (l *load) text(tree any) any {
	runs, ok := tree.([]any)
	if !ok {
		return nil
	}
	var b strings.Builder
	for _, run := range runs {
		s, _ := member(run, "plain_text").(string)
		b.WriteString(s)
		if user := member(member(run, "mention"), "user"); user != nil {
			l.user(user)
		}
	}
	return b.String()
}

// double is the bits of a number; null beyond the range.
func double(tree any) any {
	n, ok := tree.(json.Number)
	if !ok {
		return nil
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if errors.Is(err, strconv.ErrRange) && math.IsInf(f, 0) {
		return nil
	}
	return Double(f)
}

// Double is a cell of type double.
func Double(f float64) string { return fmt.Sprintf("%016x", math.Float64bits(f)) }

func (l *load) file(tree any) any {
	kind, _ := member(tree, "type").(string)
	url := member(member(tree, kind), "url")
	cell := object{"name": member(tree, "name"), "kind": kind, "sha256": nil, "path": nil}
	if s, ok := url.(string); ok {
		if l.o.Files != nil {
			if c := l.copied(kind, s, false); c.sum != "" {
				cell["sha256"], cell["path"] = c.sum, PathOf(c.sum)
			}
		}
		url = l.fileURL(kind, s)
	}
	cell["url"] = url
	return cell
}

// bare is a URL without query and fragment.
func bare(url string) string {
	if i := strings.IndexAny(url, "?#"); i >= 0 {
		url = url[:i]
	}
	return valid(url)
}

func uniqueID(tree any) any {
	n, ok := member(tree, "number").(json.Number)
	if !ok {
		return nil
	}
	if prefix, ok := member(tree, "prefix").(string); ok {
		return prefix + "-" + string(n)
	}
	return string(n)
}
