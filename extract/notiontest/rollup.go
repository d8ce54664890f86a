package notiontest

import (
	"math"
	"slices"
	"strconv"
)

// A RollupValue is what Notion computes for a rollup of one page.
type RollupValue struct {
	// Type is number, date, array or unsupported; raw is a value that the test
	// has written into the page.
	Type     string
	Function string
	Number   Number // "" is null
	Date     *Date  // nil is null
	Items    []RollupItem
	Raw      Raw
}

// A RollupItem is an element of an array: the value of a property of a related page.
type RollupItem struct {
	Page     *Page
	Property *Property
}

// maxDepth is how deep rollups over rollups are computed; Notion calls deeper ones unsupported.
const maxDepth = 4

// Rollup computes a rollup over the first limit references of the relation, as
// Notion does in pages (25), or over all of them when limit is negative, as it
// does in the property endpoint. A rollup over this one sees the same limit.
func (m *Model) Rollup(page *Page, p *Property, limit int) RollupValue {
	if limit < 0 {
		limit = unlimited
	}
	return m.rollupAt(page, p, limit, 0)
}

func (m *Model) rollupAt(page *Page, p *Property, limit, depth int) RollupValue {
	if raw, ok := page.Values[p.ID].(Raw); ok {
		return RollupValue{Type: "raw", Raw: raw}
	}
	u := p.Rollup
	v := RollupValue{Function: u.Function}
	if r, ok := page.Values[p.ID].(Result); ok && r.Type == "unsupported" || depth >= maxDepth {
		v.Type = "unsupported"
		return v
	}
	relation, target := m.rollupTarget(m.sources[page.Source], u)
	var refs []string
	if relation != nil {
		refs = m.Refs(page.Values[relation.ID])
	}
	refs = refs[:min(len(refs), limit)]
	items := make([]RollupItem, 0, len(refs))
	for _, id := range refs {
		related := m.Pages[id]
		if related == nil {
			related = &Page{ID: id}
		}
		items = append(items, RollupItem{related, target})
	}
	switch u.Function {
	case "show_original", "show_unique":
		v.Type = "array"
		if target != nil {
			v.Items = items
		}
		if u.Function == "show_unique" {
			v.Items = m.unique(v.Items, limit, depth+1)
		}
		return v
	}
	cells := make([]cell, len(items))
	for i, item := range items {
		cells[i] = m.cell(item, limit, depth+1)
	}
	aggregate(&v, cells)
	return v
}

// unique drops empty elements and those that show the same as an earlier one.
func (m *Model) unique(items []RollupItem, limit, depth int) []RollupItem {
	r := renderer{m: m, v: V20260311, limit: limit, depth: depth}
	seen := map[string]bool{}
	return slices.DeleteFunc(items, func(item RollupItem) bool {
		shown, _ := r.value(nil, item.Page, item.Property)
		old := seen[string(shown)]
		seen[string(shown)] = true
		return old || m.cell(item, limit, depth).empty()
	})
}

// rollup appends a rollup as it stands in a page.
func (r *renderer) rollup(dst []byte, page *Page, p *Property) []byte {
	return r.rollupValue(dst, r.m.rollupAt(page, p, r.limit, r.depth))
}

func (r *renderer) rollupValue(dst []byte, v RollupValue) []byte {
	switch v.Type {
	case "raw":
		return append(dst, v.Raw...)
	case "number":
		dst = append(dst, `{"type":"number","number":`...)
		if v.Number == "" {
			v.Number = "null"
		}
		dst = append(dst, v.Number...)
	case "date":
		dst = append(dst, `{"type":"date","date":`...)
		if v.Date == nil {
			dst = append(dst, "null"...)
		} else {
			dst = appendDate(dst, *v.Date)
		}
	case "array":
		dst = append(dst, `{"type":"array","array":`...)
		dst = appendList(dst, v.Items, r.rollupItem)
	default:
		dst = append(append(append(append(dst, `{"type":"`...), v.Type...), `","`...), v.Type...)
		dst = append(dst, `":{}`...)
	}
	dst = append(dst, `,"function":`...)
	return append(appendString(dst, v.Function), '}')
}

// rollupItem appends an element of a rollup's array: a value without ID.
func (r *renderer) rollupItem(dst []byte, item RollupItem) []byte {
	dst = append(dst, `{"type":`...)
	dst = appendString(dst, item.Property.Type)
	dst = append(dst, comma)
	dst = appendString(dst, item.Property.Type)
	dst = append(dst, ':')
	r.depth++
	dst, _ = r.value(dst, item.Page, item.Property)
	r.depth--
	return append(dst, '}')
}

// number writes f as JSON does; what JSON cannot write is null.
func number(f float64) Number {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return ""
	}
	return Number(appendFloat(nil, f))
}

func count(n int) Number { return Number(strconv.Itoa(n)) }
