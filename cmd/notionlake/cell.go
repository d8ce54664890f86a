package main

import (
	"strings"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// maxCellBytes is how much of a cell is looked at: one of megabytes is not shown whole.
const maxCellBytes = 1000

// cellText is a cell for people. Null and the empty string are kept apart; of
// people and files their names are shown, of dates what was written in Notion.
func cellText(v lake.Value, t lake.Type) string {
	switch v.Kind() {
	case lake.Invalid:
		return "null"
	case lake.String, lake.JSON:
		if v.Text() == "" {
			return `""`
		}
		return cut(v.Text(), maxCellBytes)
	case lake.List:
		var b strings.Builder
		b.WriteByte('[')
		for i, e := range v.Items() {
			if i > 0 {
				b.WriteString(", ")
			}
			if b.WriteString(cellText(e, *t.Elem)); b.Len() > maxCellBytes {
				break
			}
		}
		b.WriteByte(']')
		return b.String()
	case lake.Struct:
		return structText(v, t)
	default:
		return v.String()
	}
}

func structText(v lake.Value, t lake.Type) string {
	field := func(name string) lake.Value {
		for i, f := range t.Fields {
			if f.Name == name {
				return v.Items()[i]
			}
		}
		return lake.Value{}
	}
	if name := field("name"); !name.IsNull() && name.Text() != "" {
		return cut(name.Text(), maxCellBytes)
	}
	if start := field("start"); !start.IsNull() {
		layout := time.RFC3339
		if field("date_only").Bool() {
			layout = time.DateOnly
		}
		s := start.Time().Format(layout)
		if end := field("end"); !end.IsNull() {
			s += "/" + end.Time().Format(layout)
		}
		return s
	}
	var parts []string
	for i, f := range t.Fields {
		if e := v.Items()[i]; !e.IsNull() {
			parts = append(parts, f.Name+" "+cellText(e, f.Type))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
