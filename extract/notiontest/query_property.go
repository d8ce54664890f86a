package notiontest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// property makes a filter on a property's value. Formulas, rollups and the like
// are not filtered on.
func (c compiler) property(f map[string]json.RawMessage, place string) (filter, error) {
	var name, kind string
	if json.Unmarshal(f["property"], &name) != nil {
		return filter{}, should("body", place+".property", "a string", compact(f["property"]))
	}
	for _, member := range sorted(f) {
		switch {
		case member == "property" || member == "type":
		case kind != "":
			return filter{}, should("body", place+"."+member, "not present", compact(f[member]))
		default:
			kind = member
		}
	}
	if kind == "" {
		return filter{}, invalid("body failed validation: body.%s should hold a condition.", place)
	}
	p := lookup(c.x.m.Shown(c.s), name)
	if p == nil {
		return filter{}, invalid("Could not find property with name or id: %s", name)
	}
	if p.Type != kind {
		return filter{}, invalid("The property type in the database does not match the property type of the filter provided: "+
			"database property %s does not match filter %s", p.Type, kind)
	}
	cond, err := condition(f[kind], place+"."+kind)
	if err != nil {
		return filter{}, err
	}
	return c.values(p, cond)
}

func (c compiler) values(p *Property, cond cond) (filter, error) {
	cellOf := func(r row) (cell, bool) {
		page := r.model()
		if page == nil {
			return cell{}, false
		}
		return c.x.m.cell(RollupItem{page, p}, unlimited, 0), true
	}
	test := func(is func(cell) bool) filter {
		return filter{match: func(r row) bool {
			got, ok := cellOf(r)
			return ok && is(got)
		}}
	}
	if cond.name == "is_empty" || cond.name == "is_not_empty" {
		return c.presence(cond, func(r row) bool {
			got, _ := cellOf(r)
			return got.empty()
		})
	}
	switch p.Type {
	case "title", "rich_text", "url", "email", "phone_number":
		is, err := cond.text()
		return test(is), err
	case "number", "unique_id":
		is, err := cond.number()
		return test(is), err
	case "checkbox":
		is, err := cond.check()
		return test(is), err
	case "date", "created_time", "last_edited_time":
		w, ok, err := cond.span(c.x.clock)
		if err == nil && !ok {
			return c.presence(cond, nil)
		}
		return test(func(v cell) bool {
			if v.date == nil {
				return false
			}
			start, _ := instants(*v.date)
			if len(v.date.Start) > len("2006-01-02") {
				start = start.Truncate(time.Minute)
			}
			return w.holds(start)
		}), err
	case "select", "status", "multi_select", "people", "relation", "created_by", "last_edited_by":
		is, err := cond.among(p)
		return test(is), err
	}
	return filter{}, invalid("The simulator does not filter by properties of type %s.", p.Type)
}

// unknown refuses a condition that the type does not have.
func (c cond) unknown() error {
	return should("body", c.place+"."+c.name, "not present", compact(c.raw))
}

// text conditions ignore case.
func (c cond) text() (func(cell) bool, error) {
	tests := map[string]func(got, want string) bool{
		"equals":           func(got, want string) bool { return got == want },
		"does_not_equal":   func(got, want string) bool { return got != want },
		"contains":         strings.Contains,
		"does_not_contain": func(got, want string) bool { return !strings.Contains(got, want) },
		"starts_with":      strings.HasPrefix,
		"ends_with":        strings.HasSuffix,
	}
	is := tests[c.name]
	if is == nil {
		return nil, c.unknown()
	}
	var want string
	if json.Unmarshal(c.raw, &want) != nil || c.raw[0] != '"' {
		return nil, should("body", c.place+"."+c.name, "a string", compact(c.raw))
	}
	want = strings.ToLower(want)
	return func(v cell) bool { return is(strings.ToLower(strings.Join(v.keys, "")), want) }, nil
}

func (c cond) number() (func(cell) bool, error) {
	tests := map[string]func(got, want float64) bool{
		"equals":                   func(got, want float64) bool { return got == want },
		"does_not_equal":           func(got, want float64) bool { return got != want },
		"greater_than":             func(got, want float64) bool { return got > want },
		"less_than":                func(got, want float64) bool { return got < want },
		"greater_than_or_equal_to": func(got, want float64) bool { return got >= want },
		"less_than_or_equal_to":    func(got, want float64) bool { return got <= want },
	}
	is := tests[c.name]
	if is == nil {
		return nil, c.unknown()
	}
	var want float64
	if json.Unmarshal(c.raw, &want) != nil || bytes.Equal(c.raw, []byte("null")) {
		return nil, should("body", c.place+"."+c.name, "a number", compact(c.raw))
	}
	return func(v cell) bool {
		if !v.numeric {
			return c.name == "does_not_equal"
		}
		return is(v.number, want)
	}, nil
}

func (c cond) check() (func(cell) bool, error) {
	if c.name != "equals" && c.name != "does_not_equal" {
		return nil, c.unknown()
	}
	var want bool
	if json.Unmarshal(c.raw, &want) != nil {
		return nil, should("body", c.place+"."+c.name, "a boolean", compact(c.raw))
	}
	return func(v cell) bool { return (v.check == want) == (c.name == "equals") }, nil
}

// among: the value is or holds one of those named, options by name, others by ID.
func (c cond) among(p *Property) (func(cell) bool, error) {
	allowed := []string{"contains", "does_not_contain"}
	if p.Type == "select" || p.Type == "status" {
		allowed = []string{"equals", "does_not_equal"}
	}
	if !slices.Contains(allowed, c.name) {
		return nil, c.unknown()
	}
	var names []string
	var name string
	if json.Unmarshal(c.raw, &name) == nil && c.raw[0] == '"' {
		names = []string{name}
	} else if json.Unmarshal(c.raw, &names) != nil || c.raw[0] != '[' {
		return nil, should("body", c.place+"."+c.name, "a string", compact(c.raw))
	}
	for i, name := range names {
		for _, o := range p.Options {
			if o.Name == name {
				names[i] = o.ID
			}
		}
	}
	want := c.name == allowed[0]
	return func(v cell) bool {
		return slices.ContainsFunc(v.keys, func(k string) bool { return slices.Contains(names, k) }) == want
	}, nil
}
