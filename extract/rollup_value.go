package extract

import (
	"strconv"

	"github.com/notionlake/notionlake/extract/notion"
)

// A rolledValue is what a rollup's function sees of one related page.
type rolledValue struct {
	keys       []string // one per value that is there; equal values have equal keys
	number     float64
	numeric    bool
	date       notion.JSON // the object; nil: no date
	start, end int64       // of date
	check      bool
	unknown    bool // it cannot be told
}

func (v *rolledValue) empty() bool { return len(v.keys) == 0 }

// readRolled reads a property's value as it stands in a page.
func readRolled(d *decoder, typ string, raw notion.JSON) (v rolledValue) {
	switch typ {
	case "title", "rich_text":
		v.text(plainText(raw))
	case "url", "email", "phone_number", "string":
		v.text(raw.Text())
	case "number":
		v.setNumber(raw)
	case "select", "status":
		v.option(raw)
	case "multi_select":
		for o := range raw.Elems() {
			v.option(o)
		}
	case "people", "relation":
		for o := range raw.Elems() {
			v.text(o.Get("id").Text())
		}
	case "created_by", "last_edited_by":
		v.text(raw.Get("id").Text())
	case "files":
		for f := range raw.Elems() {
			kind := f.Get("type").Text()
			url := []byte(f.Get(kind).Get("url").Text())
			if kind == "file" {
				url = unsigned(url)
			}
			v.text(string(url))
		}
	case "checkbox", "boolean":
		if !raw.IsNull() {
			v.check = raw.Bool()
			v.text(strconv.FormatBool(v.check))
		}
	case "date":
		v.setDate(d, raw)
	case "created_time", "last_edited_time":
		if raw.Kind() == '"' {
			v.setDate(d, append(append(notion.JSON(`{"start":`), raw...), `,"end":null,"time_zone":null}`...))
		}
	case "unique_id":
		v.setNumber(raw.Get("number"))
	case "verification":
		if state := raw.Get("state").Text(); state != "" && state != "unverified" {
			v.setDate(d, raw.Get("date"))
			v.keys = []string{state + "/" + raw.Get("verified_by").Get("id").Text()}
		}
	case "formula", "rollup":
		v.setResult(d, raw)
	default:
		if !raw.IsNull() && string(raw) != "[]" {
			v.keys = []string{string(raw)}
		}
	}
	return v
}

func (v *rolledValue) text(s string) {
	if s != "" {
		v.keys = append(v.keys, s)
	}
}

func (v *rolledValue) option(o notion.JSON) {
	if o.IsNull() {
		return
	}
	if id := o.Get("id").Text(); id != "" {
		v.keys = append(v.keys, id)
		return
	}
	v.text(o.Get("name").Text())
}

func (v *rolledValue) setNumber(raw notion.JSON) {
	if raw.IsNull() {
		return
	}
	var ok bool
	if v.number, _, ok = parseNumber(raw); !ok {
		v.unknown = true
		return
	}
	v.numeric, v.keys = true, []string{string(appendDouble(nil, v.number))}
}

func (v *rolledValue) setDate(d *decoder, raw notion.JSON) {
	if raw.Kind() != '{' {
		return
	}
	d.reset(raw)
	parts, _ := d.dateParts(0)
	v.keys = []string{string(parts.start) + "/" + string(parts.end) + "/" + string(parts.zone)}
	date, _ := dateValue(d, 0)
	if date.IsNull() || date.Items()[0].IsNull() || parts.end != nil && date.Items()[1].IsNull() {
		v.unknown = true
		return
	}
	v.date = raw
	v.start = date.Items()[0].Micros()
	if v.end = v.start; parts.end != nil {
		v.end = date.Items()[1].Micros()
	}
}

// setResult reads the result of a formula or of a rollup.
func (v *rolledValue) setResult(d *decoder, raw notion.JSON) {
	typ := raw.Get("type").Text()
	switch typ {
	case "string", "number", "boolean", "date":
		*v = readRolled(d, typ, raw.Get(typ))
	case "array":
		for e := range raw.Get(typ).Elems() {
			t := e.Get("type").Text()
			of := readRolled(d, t, e.Get(t))
			v.keys, v.unknown = append(v.keys, of.keys...), v.unknown || of.unknown
		}
	default:
		v.unknown = true
	}
}

// appendDouble appends f as JSON.
func appendDouble(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0') // of both zeros
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}
