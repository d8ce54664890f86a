package notiontest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A sortKey is an element of sorts: a property, or a time.
type sortKey struct {
	property   *Property
	created    bool // of the times: created_time, else last_edited_time
	descending bool
}

func (x *exchange) sorts(s *DataSource) ([]sortKey, error) {
	raw, ok := x.body["sorts"]
	if !ok {
		return nil, nil
	}
	var elements []map[string]json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &elements) != nil {
		return nil, should("body", "sorts", "an array or `undefined`", compact(raw))
	}
	keys := make([]sortKey, len(elements))
	for i, e := range elements {
		var err error
		if keys[i], err = x.sortKey(s, fmt.Sprintf("sorts[%d]", i), e); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func (x *exchange) sortKey(s *DataSource, place string, e map[string]json.RawMessage) (k sortKey, err error) {
	for _, name := range sorted(e) {
		if !slices.Contains([]string{"property", "timestamp", "direction"}, name) {
			return k, should("body", place+"."+name, "not present", compact(e[name]))
		}
	}
	if k.descending, err = direction(place, e["direction"]); err != nil {
		return k, err
	}
	property, timestamp := e["property"], e["timestamp"]
	switch {
	case property != nil && timestamp != nil:
		return k, should("body", place+".timestamp", "not present", compact(timestamp))
	case timestamp != nil:
		switch string(timestamp) {
		case `"created_time"`, `"last_edited_time"`:
			k.created = string(timestamp) == `"created_time"`
			return k, nil
		}
		return k, should("body", place+".timestamp", "`\"created_time\"` or `\"last_edited_time\"`", compact(timestamp))
	case property == nil:
		return k, should("body", place+".property", "defined", "undefined")
	}
	var name string
	if json.Unmarshal(property, &name) != nil {
		return k, should("body", place+".property", "a string", compact(property))
	}
	if k.property = lookup(x.m.Shown(s), name); k.property == nil {
		return k, invalid("Could not find sort property with name or id: %s", name)
	}
	return k, nil
}

func direction(place string, raw json.RawMessage) (descending bool, err error) {
	switch {
	case bytes.Equal(raw, []byte(`"ascending"`)):
		return false, nil
	case bytes.Equal(raw, []byte(`"descending"`)):
		return true, nil
	case raw == nil:
		return false, should("body", place+".direction", "defined", "undefined")
	}
	return false, should("body", place+".direction", "`\"ascending\"` or `\"descending\"`", compact(raw))
}

// A rank is the place of a value among others: what is empty comes last.
type rank struct {
	empty  bool
	number float64
	text   string
}

func (a rank) compare(b rank) int {
	if a.empty != b.empty {
		if a.empty {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(a.number, b.number), strings.Compare(a.text, b.text))
}

func sortRows(all []row, keys []sortKey) {
	type ranked struct {
		row
		ranks []rank
	}
	with := make([]ranked, len(all))
	for i, r := range all {
		with[i] = ranked{r, make([]rank, len(keys))}
		for j, k := range keys {
			with[i].ranks[j] = k.rank(r)
		}
	}
	slices.SortStableFunc(with, func(a, b ranked) int {
		for i, k := range keys {
			c := a.ranks[i].compare(b.ranks[i])
			if k.descending {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	for i, w := range with {
		all[i] = w.row
	}
}

func (k sortKey) rank(r row) rank {
	switch {
	case k.property == nil && k.created:
		return rank{number: float64(r.created().Unix())}
	case k.property == nil:
		return rank{number: float64(r.edited().Unix())}
	}
	switch k.property.Type {
	case "created_time":
		return rank{number: float64(r.created().Unix())}
	case "last_edited_time":
		return rank{number: float64(r.edited().Unix())}
	}
	p := r.model()
	if p == nil {
		return rank{empty: true}
	}
	switch v := p.Values[k.property.ID].(type) {
	case Choice:
		i := slices.IndexFunc(k.property.Options, func(o Option) bool { return o.ID == string(v) })
		return rank{number: float64(i)}
	case Check:
		if v {
			return rank{number: 1}
		}
	case nil:
		return rank{empty: k.property.Type != "checkbox"}
	default:
		c := (&Model{}).valueCell(k.property, v, unlimited)
		if c.date != nil {
			start, _ := instants(*c.date)
			return rank{number: float64(start.UnixMilli())}
		}
		return rank{empty: c.empty(), number: c.number, text: strings.ToLower(strings.Join(c.keys, ","))}
	}
	return rank{}
}

// model is the row as a page of the model; nil where there is none.
func (r row) model() *Page {
	if r.page != nil {
		return r.page
	}
	if r.gen != nil {
		if g, ok := r.gen.Gen.(PageGenerator); ok {
			return g.Page(r.index)
		}
	}
	return nil
}
