package notiontest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// unlimited is the limit of references where Notion shows all.
const unlimited = 1 << 30

// getProperty answers one value of a page in full: lists in pages, one element
// an item; rollups with their value on the last page; other types as they are.
func (x *exchange) getProperty() error {
	a, err := x.pageArgs()
	if err != nil {
		return err
	}
	r, err := x.visiblePage()
	if err != nil {
		return err
	}
	p, err := x.propertyOf(r)
	if err != nil {
		return err
	}
	x.r.limit = unlimited
	page := x.modelWith(r, p)
	switch {
	case isList(p.Type):
		return x.listItems(a, page.ID, p, elements(x.m, page, p), func(dst []byte, _ bool) []byte {
			return append(dst, "{}"...)
		})
	case p.Type == "rollup":
		return x.listRollup(a, page, p)
	}
	x.out = x.element(x.out, element{page, p, whole, nil})
	return nil
}

// propertyOf finds the property that the path names by its ID, which must come
// as it was shown: decoded once it is the ID.
func (x *exchange) propertyOf(r row) (*Property, error) {
	known := []*Property{&titleProperty}
	if s := x.sourceOf(r); s != nil {
		known = x.m.Shown(s)
	}
	byID := func(id string) *Property {
		if i := slices.IndexFunc(known, func(p *Property) bool { return p.ID == id }); i >= 0 {
			return known[i]
		}
		return nil
	}
	id := x.path["property_id"]
	if p := byID(id); p != nil {
		return p, nil
	}
	if once, err := url.PathUnescape(id); err == nil && byID(once) != nil {
		return nil, invalid("%s is not a property that exists.", id)
	}
	return nil, &refusal{status: http.StatusNotFound, code: "object_not_found", message: "Could not find property with ID: " + id + "."}
}

// modelWith is the page with the value of p. Where the page is known as JSON
// only, the value is taken from there.
func (x *exchange) modelWith(r row, p *Property) *Page {
	page := r.model()
	if page != nil && (page.raw == "" || page.Values[p.ID] != nil) {
		return page
	}
	var text []byte
	bare := Page{ID: r.id(), Created: r.created(), Edited: r.edited()}
	if page != nil {
		bare, text = *page, []byte(page.raw)
	} else {
		text = r.gen.Gen.AppendPage(nil, x.r.v, r.index)
		bare.Source = r.gen.ID
	}
	bare.Values = map[string]Value{p.ID: Raw(valueIn(text, p))}
	return &bare
}

func isList(kind string) bool {
	return kind == "title" || kind == "rich_text" || kind == "people" || kind == "relation"
}

// An element is what one item of the property endpoint holds: the i-th element
// of a value, or the whole of it.
type element struct {
	page *Page
	p    *Property
	i    int
	raw  json.RawMessage // the payload where the value is JSON
}

const whole = -1

// elements are the items of a value: one per element of a list.
func elements(m *Model, page *Page, p *Property) []element {
	if !isList(p.Type) {
		return []element{{page, p, whole, nil}}
	}
	n := 0
	switch v := page.Values[p.ID].(type) {
	case Raw:
		return rawElements(page, p, json.RawMessage(v))
	case Text:
		n = len(v)
	case People:
		n = len(v)
	case Refs:
		n = len(m.Refs(v))
	}
	all := make([]element, n)
	for i := range all {
		all[i] = element{page, p, i, nil}
	}
	return all
}

func rawElements(page *Page, p *Property, raw json.RawMessage) []element {
	var parts []json.RawMessage
	if json.Unmarshal(raw, &parts) != nil {
		return nil
	}
	all := make([]element, len(parts))
	for i, part := range parts {
		all[i] = element{page, p, i, part}
	}
	return all
}

// element appends an item.
func (x *exchange) element(dst []byte, e element) []byte {
	dst = append(dst, `{"object":"property_item","id":`...)
	dst = appendString(dst, EncodeID(e.p.ID))
	dst = append(dst, `,"type":`...)
	dst = appendString(dst, e.p.Type)
	dst = append(dst, comma)
	dst = appendString(dst, e.p.Type)
	dst = append(dst, ':')
	switch {
	case e.raw != nil:
		dst = append(dst, e.raw...)
	case e.i == whole:
		dst, _ = x.r.value(dst, e.page, e.p)
	default:
		switch v := e.page.Values[e.p.ID].(type) {
		case Text:
			dst = x.r.run(dst, v[e.i])
		case People:
			dst = x.r.user(dst, v[e.i])
		case Refs:
			dst = append(append(append(dst, `{"id":"`...), x.m.Refs(v)[e.i]...), `"}`...)
		}
	}
	return append(dst, '}')
}

// listItems answers a page of items; value appends the member of property_item
// that the type names.
func (x *exchange) listItems(a pageArgs, page string, p *Property, all []element, value func(dst []byte, more bool) []byte) error {
	return x.list(a, list{
		kind: "property_item", binding: "property " + page + " " + p.ID, n: len(all),
		each: func(dst []byte, i int) []byte { return x.element(dst, all[i]) },
		object: func(dst []byte, more bool, next string) []byte {
			dst = append(dst, `{"id":`...)
			dst = appendString(dst, EncodeID(p.ID))
			dst = append(dst, `,"next_url":`...)
			if more {
				dst = appendString(dst, fmt.Sprintf("https://api.notion.com/v1/pages/%s/properties/%s?start_cursor=%s&page_size=%d",
					page, EncodeID(p.ID), url.QueryEscape(next), a.size))
			} else {
				dst = append(dst, "null"...)
			}
			dst = append(dst, `,"type":`...)
			dst = appendString(dst, p.Type)
			dst = append(dst, comma)
			dst = appendString(dst, p.Type)
			dst = append(dst, ':')
			return append(value(dst, more), '}')
		},
	})
}

// listRollup: with an aggregate the items are the relation's references and the
// value comes on the last page; else they are the values themselves, and what
// Notion does not compute here is unsupported.
func (x *exchange) listRollup(a pageArgs, page *Page, p *Property) error {
	v := x.m.Rollup(page, p, unlimited)
	if v.Type == "raw" {
		return x.listItems(a, page.ID, p, rawRollup(page, p, v.Raw), func(dst []byte, _ bool) []byte {
			if array, ok := emptied(v.Raw); ok {
				return append(dst, array...)
			}
			return append(dst, v.Raw...)
		})
	}
	relation, target := x.m.rollupTarget(x.m.sources[page.Source], p.Rollup)
	var all []element
	if relation != nil {
		for i, id := range x.m.Refs(page.Values[relation.ID]) {
			related := x.m.Pages[id]
			switch {
			case !valuesInItems(v.Function):
				all = append(all, element{page, relation, i, nil})
			case related != nil && target != nil:
				all = append(all, elements(x.m, related, target)...)
			}
		}
	}
	return x.listItems(a, page.ID, p, all, func(dst []byte, more bool) []byte {
		switch {
		case v.Function == "show_original":
			v.Items = nil
		case valuesInItems(v.Function):
			v.Type = "unsupported"
		case more && v.Type != "unsupported":
			return x.r.rollupValue(dst, RollupValue{Type: "incomplete", Function: v.Function})
		}
		return x.r.rollupValue(dst, v)
	})
}

// valuesInItems are the functions that the property endpoint leaves to the client.
func valuesInItems(function string) bool {
	return slices.Contains([]string{"show_original", "show_unique", "unique", "median", "count_per_group", "percent_per_group"}, function)
}
