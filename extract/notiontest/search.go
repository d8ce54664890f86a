package notiontest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// A searching is a search that was understood.
type searching struct {
	text    string
	object  string // page, data_source or both
	trashed bool
	sort    sortKey
}

func (x *exchange) search() error {
	a, err := x.pageArgs()
	if err != nil {
		return err
	}
	q, err := x.searching()
	if err != nil {
		return err
	}
	if x.s.o.NoContent {
		return errRestricted
	}
	key := strings.Join([]string{"search", q.text, q.object, strconv.FormatBool(q.trashed), compact(x.body["sort"])}, "\x00")
	found := rowsOf(x.s.listings.get(x.m, key, func() []row { return x.found(q) }))
	for _, s := range x.m.Sources {
		if s.Gen != nil && q.object != "data_source" && q.text == "" && !q.trashed && x.searchable(s) && !x.m.sourceInTrash(s) {
			found = found.then(rows{s.Gen.Len(), func(i int) row { return row{gen: s, index: i} }})
		}
	}
	return x.list(a, list{
		kind: "page_or_data_source", binding: key, n: found.n, capped: true,
		each: func(dst []byte, i int) []byte { return x.row(dst, found.at(i)) },
	})
}

func (x *exchange) searching() (q searching, err error) {
	if raw, ok := x.body["query"]; ok && (json.Unmarshal(raw, &q.text) != nil || raw[0] != '"') {
		return q, should("body", "query", "a string or `undefined`", compact(raw))
	}
	if raw, ok := x.body["filter"]; ok {
		if err := q.filter(raw); err != nil {
			return q, err
		}
	}
	q.sort.descending = true
	if raw, ok := x.body["sort"]; ok {
		return q, q.order(raw)
	}
	return q, nil
}

func (q *searching) filter(raw json.RawMessage) error {
	var f map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &f) != nil {
		return should("body", "filter", "an object or `undefined`", compact(raw))
	}
	for _, name := range sorted(f) {
		if !slices.Contains([]string{"property", "value", "in_trash"}, name) {
			return should("body", "filter."+name, "not present", compact(f[name]))
		}
	}
	if trash, ok := f["in_trash"]; ok {
		if json.Unmarshal(trash, &q.trashed) != nil {
			return should("body", "filter.in_trash", "a boolean or `undefined`", compact(trash))
		}
		if len(f) == 1 {
			return nil
		}
	}
	if !bytes.Equal(f["property"], []byte(`"object"`)) {
		return should("body", "filter.property", "`\"object\"`", shown(f["property"]))
	}
	if json.Unmarshal(f["value"], &q.object) != nil || q.object != "page" && q.object != "data_source" {
		return should("body", "filter.value", "`\"page\"` or `\"data_source\"`", shown(f["value"]))
	}
	return nil
}

func (q *searching) order(raw json.RawMessage) error {
	var f map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &f) != nil {
		return should("body", "sort", "an object or `undefined`", compact(raw))
	}
	for _, name := range sorted(f) {
		if !slices.Contains([]string{"property", "timestamp", "direction"}, name) {
			return should("body", "sort."+name, "not present", compact(f[name]))
		}
	}
	if property, ok := f["property"]; ok {
		if string(property) != `"relevance"` {
			return should("body", "sort.property", "`\"relevance\"`", compact(property))
		}
		return nil
	}
	if string(f["timestamp"]) != `"last_edited_time"` {
		return should("body", "sort.timestamp", "`\"last_edited_time\"`", shown(f["timestamp"]))
	}
	var err error
	q.sort.descending, err = direction("sort", f["direction"])
	return err
}

// shown is a JSON value in a message.
func shown(raw json.RawMessage) string {
	if raw == nil {
		return "undefined"
	}
	return compact(raw)
}

// found are the results of a search but for generated rows, which come last.
func (x *exchange) found(q searching) []row {
	var all []row
	add := func(r row, title Text) {
		if strings.Contains(strings.ToLower(title.String()), strings.ToLower(q.text)) && !x.gap(r.id()) {
			all = append(all, r)
		}
	}
	for _, s := range x.m.Sources {
		if q.object != "page" && x.m.sourceInTrash(s) == q.trashed && x.searchable(s) && x.s.o.SearchGap != SearchNoSources {
			add(row{source: s}, s.Title)
		}
		if q.object == "data_source" {
			continue
		}
		for _, id := range s.Rows {
			if x.searchable(s) || x.m.Pages[id].Alone {
				x.addPage(q, id, add)
			}
		}
	}
	if q.object != "data_source" {
		for _, id := range x.m.TopPages {
			x.addPage(q, id, add)
		}
	}
	x.order(all, nil)
	sortRows(all, []sortKey{q.sort})
	return all
}

func (x *exchange) addPage(q searching, id string, add func(row, Text)) {
	p := x.m.Pages[id]
	if p.Archived || !x.m.Readable(p) || x.m.inTrash(p) != q.trashed {
		return
	}
	title, _ := p.Values[x.m.titleID(p)].(Text)
	add(row{page: p}, title)
}

// titleID is the ID of a page's title property, which is title everywhere.
func (m *Model) titleID(p *Page) string {
	if s := m.sources[p.Source]; s != nil {
		for _, prop := range s.Properties {
			if prop.Type == "title" {
				return prop.ID
			}
		}
	}
	return titleProperty.ID
}

// searchable: what is only inherited need not be found.
func (x *exchange) searchable(s *DataSource) bool {
	return x.m.Visible(s) && !(x.s.o.SearchGap == SearchShared && s.Inherited)
}

func (x *exchange) gap(id string) bool {
	return x.s.o.SearchGap == SearchHalf && hash(x.s.o.Seed, "gap", id)%2 == 0
}
