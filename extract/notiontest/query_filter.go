package notiontest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// A filter decides about rows. Where it is exact it says no more than that the
// row was created within the window.
type filter struct {
	match  func(row) bool
	window span
	exact  bool
}

var everything = filter{match: func(row) bool { return true }, exact: true}

// A span of time holds its start but not its end; a zero time is open.
type span struct{ from, to time.Time }

func (w span) holds(t time.Time) bool {
	return (w.from.IsZero() || !t.Before(w.from)) && (w.to.IsZero() || t.Before(w.to))
}

func (w span) and(o span) span {
	if o.from.After(w.from) {
		w.from = o.from
	}
	if w.to.IsZero() || !o.to.IsZero() && o.to.Before(w.to) {
		w.to = o.to
	}
	return w
}

// A compiler makes filters of the JSON of a request.
type compiler struct {
	x *exchange
	s *DataSource
}

// maxNesting is how deep and, or may stand in each other.
const maxNesting = 2

func (c compiler) filter(raw json.RawMessage, place string, depth int) (filter, error) {
	var f map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &f) != nil {
		return filter{}, should("body", place, "an object or `undefined`", compact(raw))
	}
	for _, name := range []string{"and", "or"} {
		parts, ok := f[name]
		if !ok {
			continue
		}
		if len(f) > 1 || depth >= maxNesting {
			return filter{}, should("body", place+"."+name, "not present", compact(parts))
		}
		return c.compound(name, parts, place+"."+name, depth+1)
	}
	if _, ok := f["timestamp"]; ok {
		return c.timestamp(f, place)
	}
	if _, ok := f["property"]; !ok {
		return filter{}, should("body", place+".property", "defined", "undefined")
	}
	return c.property(f, place)
}

func (c compiler) compound(name string, raw json.RawMessage, place string, depth int) (filter, error) {
	var parts []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &parts) != nil {
		return filter{}, should("body", place, "an array", compact(raw))
	}
	all := make([]filter, len(parts))
	for i, part := range parts {
		var err error
		if all[i], err = c.filter(part, fmt.Sprintf("%s[%d]", place, i), depth); err != nil {
			return filter{}, err
		}
	}
	if len(all) == 0 {
		return everything, nil
	}
	if name == "or" {
		return filter{
			match:  func(r row) bool { return slices.ContainsFunc(all, func(f filter) bool { return f.match(r) }) },
			window: all[0].window, exact: len(all) == 1 && all[0].exact,
		}, nil
	}
	both := everything
	for _, f := range all {
		both.window, both.exact = both.window.and(f.window), both.exact && f.exact
	}
	both.match = func(r row) bool { return !slices.ContainsFunc(all, func(f filter) bool { return !f.match(r) }) }
	return both, nil
}

func (c compiler) timestamp(f map[string]json.RawMessage, place string) (filter, error) {
	var kind string
	if json.Unmarshal(f["timestamp"], &kind) != nil || kind != "created_time" && kind != "last_edited_time" {
		return filter{}, should("body", place+".timestamp", "`\"created_time\"` or `\"last_edited_time\"`", compact(f["timestamp"]))
	}
	for _, name := range sorted(f) {
		if name != "timestamp" && name != kind {
			return filter{}, should("body", place+"."+name, "not present", compact(f[name]))
		}
	}
	if f[kind] == nil {
		return filter{}, should("body", place+"."+kind, "defined", "undefined")
	}
	cond, err := condition(f[kind], place+"."+kind)
	if err != nil {
		return filter{}, err
	}
	w, ok, err := cond.span(c.x.clock)
	switch {
	case err != nil:
		return filter{}, err
	case !ok:
		return c.presence(cond, func(row) bool { return false })
	case kind == "created_time":
		return filter{match: func(r row) bool { return w.holds(r.created()) }, window: w, exact: true}, nil
	}
	return filter{match: func(r row) bool { return w.holds(r.edited()) }}, nil
}

// presence is the condition is_empty or is_not_empty.
func (c compiler) presence(cond cond, empty func(row) bool) (filter, error) {
	if cond.name != "is_empty" && cond.name != "is_not_empty" {
		return filter{}, should("body", cond.place+"."+cond.name, "not present", compact(cond.raw))
	}
	if string(cond.raw) != "true" {
		return filter{}, should("body", cond.place+"."+cond.name, "`true`", compact(cond.raw))
	}
	want := cond.name == "is_empty"
	return filter{match: func(r row) bool { return empty(r) == want }}, nil
}

// A cond is the one condition of a filter: its name and its value.
type cond struct {
	place, name string
	raw         json.RawMessage
}

func condition(raw json.RawMessage, place string) (cond, error) {
	var conds map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &conds) != nil {
		return cond{}, should("body", place, "an object", compact(raw))
	}
	if len(conds) != 1 {
		return cond{}, should("body", place, "an object of one condition", compact(raw))
	}
	name := sorted(conds)[0]
	return cond{place, name, conds[name]}, nil
}

// span is the time that a date condition means; false if it is none of those.
func (c cond) span(clock func() time.Time) (w span, ok bool, err error) {
	switch c.name {
	case "this_week", "past_week", "past_month", "past_year", "next_week", "next_month", "next_year":
		return around(clock(), c.name), true, nil
	case "equals", "before", "after", "on_or_before", "on_or_after":
	default:
		return span{}, false, nil
	}
	var text string
	if json.Unmarshal(c.raw, &text) != nil {
		return span{}, false, should("body", c.place+"."+c.name, "a string", compact(c.raw))
	}
	at, ok := meant(text, clock)
	if !ok {
		return span{}, false, should("body", c.place+"."+c.name, "a valid ISO 8601 date string", compact(c.raw))
	}
	switch c.name {
	case "before":
		return span{to: at.from}, true, nil
	case "after":
		return span{from: at.to}, true, nil
	case "on_or_before":
		return span{to: at.to}, true, nil
	case "on_or_after":
		return span{from: at.from}, true, nil
	}
	return at, true, nil
}

// around is a time before or after now.
func around(now time.Time, name string) span {
	day := now.UTC().Truncate(24 * time.Hour)
	week := day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	switch name {
	case "past_week":
		return span{now.AddDate(0, 0, -7), now}
	case "past_month":
		return span{now.AddDate(0, -1, 0), now}
	case "past_year":
		return span{now.AddDate(-1, 0, 0), now}
	case "next_week":
		return span{now, now.AddDate(0, 0, 7)}
	case "next_month":
		return span{now, now.AddDate(0, 1, 0)}
	case "next_year":
		return span{now, now.AddDate(1, 0, 0)}
	}
	return span{week, week.AddDate(0, 0, 7)}
}

// meant is the day or the moment that a date condition names.
func meant(text string, clock func() time.Time) (span, bool) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return span{t, t.Add(1)}, true
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		today := clock().UTC().Truncate(24 * time.Hour)
		switch text {
		case "today":
			day = today
		case "tomorrow":
			day = today.AddDate(0, 0, 1)
		case "yesterday":
			day = today.AddDate(0, 0, -1)
		case "one_week_ago":
			day = today.AddDate(0, 0, -7)
		case "one_week_from_now":
			day = today.AddDate(0, 0, 7)
		case "one_month_ago":
			day = today.AddDate(0, -1, 0)
		case "one_month_from_now":
			day = today.AddDate(0, 1, 0)
		default:
			return span{}, false
		}
	}
	return span{day, day.AddDate(0, 0, 1)}, true
}
