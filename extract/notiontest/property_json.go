package notiontest

import (
	"encoding/json"
	"net/url"
)

// pageJSON is what is read of a page object that is known as JSON only.
type pageJSON struct {
	Properties map[string]json.RawMessage `json:"properties"`
}

// propertyID is the ID in a property's JSON, decoded.
func propertyID(raw json.RawMessage) string {
	var p struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(raw, &p) != nil {
		return ""
	}
	if id, err := url.PathUnescape(p.ID); err == nil {
		return id
	}
	return p.ID
}

// valueIn is the value of a property in the JSON of a page; null if it has none.
func valueIn(page []byte, p *Property) string {
	var parsed pageJSON
	if json.Unmarshal(page, &parsed) == nil {
		for _, raw := range parsed.Properties {
			if propertyID(raw) != p.ID {
				continue
			}
			var members map[string]json.RawMessage
			if json.Unmarshal(raw, &members) == nil && members[p.Type] != nil {
				return string(members[p.Type])
			}
		}
	}
	return "null"
}

// onlyWanted leaves out properties that were not asked for from the JSON of a page.
func onlyWanted(page []byte, known []*Property, want func(*Property) bool) []byte {
	var members map[string]json.RawMessage
	var parsed pageJSON
	if json.Unmarshal(page, &members) != nil || json.Unmarshal(page, &parsed) != nil {
		return page
	}
	for name, raw := range parsed.Properties {
		if p := lookup(known, propertyID(raw)); p == nil || !want(p) {
			delete(parsed.Properties, name)
		}
	}
	dst := []byte(`{"object":"page","id":`)
	dst = append(dst, members["id"]...)
	for _, name := range sorted(members) {
		if name == "object" || name == "id" {
			continue
		}
		dst = append(appendString(append(dst, comma), name), ':')
		if name != "properties" {
			dst = append(dst, members[name]...)
			continue
		}
		dst = append(dst, '{')
		for i, name := range sorted(parsed.Properties) {
			if i > 0 {
				dst = append(dst, comma)
			}
			dst = append(append(appendString(dst, name), ':'), parsed.Properties[name]...)
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

type rollupJSON struct {
	Type     string            `json:"type"`
	Array    []json.RawMessage `json:"array"`
	Function string            `json:"function"`
}

// rawRollup are the elements of a rollup that is known as JSON only, as items:
// lists in them come one element an item.
func rawRollup(page *Page, p *Property, raw Raw) []element {
	var parsed rollupJSON
	if json.Unmarshal([]byte(raw), &parsed) != nil {
		return nil
	}
	var all []element
	for _, part := range parsed.Array {
		var kind struct {
			Type string `json:"type"`
		}
		var members map[string]json.RawMessage
		if json.Unmarshal(part, &kind) != nil || json.Unmarshal(part, &members) != nil {
			continue
		}
		target := &Property{ID: p.Rollup.Property, Type: kind.Type}
		if isList(kind.Type) {
			all = append(all, rawElements(page, target, members[kind.Type])...)
		} else {
			all = append(all, element{page, target, whole, members[kind.Type]})
		}
	}
	return all
}

// emptied is an array rollup without its elements; false if it is no array.
func emptied(raw Raw) ([]byte, bool) {
	var parsed rollupJSON
	if json.Unmarshal([]byte(raw), &parsed) != nil || parsed.Type != "array" {
		return nil, false
	}
	return append([]byte(`{"type":"array","array":[],"function":`), jsonString(parsed.Function)+"}"...), true
}
