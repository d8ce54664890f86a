package notiontest

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// A cell is what a rollup's function sees of one related page.
type cell struct {
	keys    []string // one per value that is there; equal values have equal keys
	number  float64
	numeric bool
	date    *Date
	check   bool // of a checkbox, which is never empty
	group   int  // of a status: 0 to-do, 1 in progress, 2 complete
	grouped bool
}

func (c cell) empty() bool { return len(c.keys) == 0 }

func (m *Model) cell(item RollupItem, limit, depth int) cell {
	p, page := item.Property, item.Page
	if p == nil {
		return cell{}
	}
	switch p.Type {
	case "created_time":
		return m.valueCell(p, minuteDate(page.Created), limit)
	case "last_edited_time":
		return m.valueCell(p, minuteDate(page.Edited), limit)
	case "created_by":
		return cell{keys: []string{page.CreatedBy}}
	case "last_edited_by":
		return cell{keys: []string{page.EditedBy}}
	case "checkbox":
		c, _ := page.Values[p.ID].(Check)
		return m.valueCell(p, c, limit)
	case "rollup":
		return m.rollupCell(m.rollupAt(page, p, limit, depth), limit, depth)
	}
	return m.valueCell(p, page.Values[p.ID], limit)
}

func minuteDate(t time.Time) Date {
	return Date{Start: t.UTC().Truncate(time.Minute).Format("2006-01-02T15:04:05.000Z")}
}

func (m *Model) valueCell(p *Property, v Value, limit int) cell {
	switch v := v.(type) {
	case Text:
		return textCell(v.String())
	case Str:
		return textCell(string(v))
	case Number:
		f, err := strconv.ParseFloat(string(v), 64)
		return cell{keys: []string{string(number(f))}, number: f, numeric: err == nil}
	case Unique:
		if v < 0 {
			return cell{}
		}
		return cell{keys: []string{strconv.Itoa(int(v))}, number: float64(v), numeric: true}
	case Choice:
		c := cell{keys: []string{string(v)}}
		if o, ok := p.Option(string(v)); ok && p.Type == "status" {
			c.group, c.grouped = o.Group, true
		}
		return c
	case Choices:
		return cell{keys: v}
	case Date:
		return cell{keys: []string{v.Start + "/" + v.End + "/" + v.TimeZone}, date: &v}
	case People:
		return cell{keys: v[:min(len(v), limit)]}
	case Files:
		var c cell
		for _, f := range v {
			c.keys = append(c.keys, f.URL)
		}
		return c
	case Refs:
		refs := m.Refs(v)
		return cell{keys: refs[:min(len(refs), limit)]}
	case Check:
		return cell{keys: []string{strconv.FormatBool(bool(v))}, check: bool(v)}
	case Verified:
		return cell{keys: []string{v.State + "/" + v.By}, date: v.Date}
	case Place:
		return cell{keys: []string{string(v.Lat + "/" + v.Lon)}}
	case Result:
		return m.valueCell(p, v.Value, limit)
	case Raw:
		return rawCell(v)
	}
	return cell{}
}

func textCell(s string) cell {
	if s == "" {
		return cell{}
	}
	return cell{keys: []string{s}}
}

func rawCell(raw Raw) cell {
	var v any
	if json.Unmarshal([]byte(raw), &v) != nil {
		return cell{keys: []string{string(raw)}}
	}
	switch v := v.(type) {
	case nil:
		return cell{}
	case []any:
		if len(v) == 0 {
			return cell{}
		}
	case float64:
		return cell{keys: []string{string(number(v))}, number: v, numeric: true}
	}
	return cell{keys: []string{string(raw)}}
}

func (m *Model) rollupCell(v RollupValue, limit, depth int) cell {
	switch v.Type {
	case "number":
		if v.Number == "" {
			return cell{}
		}
		return m.valueCell(nil, v.Number, limit)
	case "date":
		if v.Date == nil {
			return cell{}
		}
		return m.valueCell(nil, *v.Date, limit)
	case "array":
		var c cell
		for _, item := range v.Items {
			c.keys = append(c.keys, m.cell(item, limit, depth+1).keys...)
		}
		return c
	case "raw":
		return rawCell(v.Raw)
	}
	return cell{}
}

// instants are the first and the last moment of a date; a date without time is
// midnight UTC.
func instants(d Date) (start, end time.Time) {
	start = instant(d.Start, d.TimeZone)
	if d.End == "" {
		return start, start
	}
	return start, instant(d.End, d.TimeZone)
}

func instant(s, zone string) time.Time {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		loc = time.UTC
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return t
		}
	}
	t, _ := time.Parse(time.DateOnly, s)
	return t
}

// distinct counts the different values of all cells.
func distinct(cells []cell) int {
	var all []string
	for _, c := range cells {
		all = append(all, c.keys...)
	}
	slices.Sort(all)
	return len(slices.Compact(all))
}
