package notiontest

import (
	"fmt"
	"strconv"
)

// value appends the payload of a property; more says that references were left out.
func (r *renderer) value(dst []byte, page *Page, p *Property) (out []byte, more bool) {
	v := page.Values[p.ID]
	if raw, ok := v.(Raw); ok {
		return append(dst, raw...), false
	}
	switch p.Type {
	case "title", "rich_text":
		t, _ := v.(Text)
		return r.text(dst, t), false
	case "multi_select":
		c, _ := v.(Choices)
		return appendList(dst, c, func(dst []byte, id string) []byte { return appendOption(dst, p, id) }), false
	case "people":
		ids, _ := v.(People)
		return appendList(dst, ids[:min(len(ids), r.limit)], r.user), false
	case "files":
		f, _ := v.(Files)
		return appendList(dst, f, r.file), false
	case "relation":
		refs := r.m.Refs(v)
		shown := refs[:min(len(refs), r.limit)]
		return appendList(dst, shown, func(dst []byte, id string) []byte {
			return append(append(append(dst, `{"id":"`...), id...), `"}`...)
		}), len(shown) < len(refs)
	case "rollup":
		return r.rollup(dst, page, p), false
	case "checkbox":
		c, _ := v.(Check)
		return appendBool(dst, bool(c)), false
	case "button":
		return append(dst, "{}"...), false
	case "created_time":
		return appendMinute(dst, page.Created), false
	case "last_edited_time":
		return appendMinute(dst, page.Edited), false
	case "created_by":
		return r.user(dst, page.CreatedBy), false
	case "last_edited_by":
		return r.user(dst, page.EditedBy), false
	case "formula":
		f, _ := v.(Result)
		return r.result(dst, f), false
	case "unique_id":
		n, ok := v.(Unique)
		dst = append(dst, `{"prefix":`...)
		dst = appendNullable(dst, p.Prefix)
		dst = append(dst, `,"number":`...)
		if !ok || n < 0 {
			return append(dst, `null}`...), false
		}
		return append(strconv.AppendInt(dst, int64(n), 10), '}'), false
	}
	return r.scalar(dst, p, v), false
}

// scalar appends a value whose absence is null.
func (r *renderer) scalar(dst []byte, p *Property, v Value) []byte {
	switch v := v.(type) {
	case Number:
		return append(dst, v...)
	case Choice:
		return appendOption(dst, p, string(v))
	case Date:
		return appendDate(dst, v)
	case Str:
		return appendString(dst, string(v))
	case Check:
		return appendBool(dst, bool(v))
	case Verified:
		dst = append(append(append(dst, `{"state":"`...), v.State...), `","verified_by":`...)
		if v.By == "" {
			dst = append(dst, "null"...)
		} else {
			dst = r.user(dst, v.By)
		}
		dst = append(dst, `,"date":`...)
		if v.Date == nil {
			return append(dst, "null}"...)
		}
		return append(appendDate(dst, *v.Date), '}')
	case Place:
		dst = append(append(dst, `{"lat":`...), v.Lat...)
		dst = append(append(dst, `,"lon":`...), v.Lon...)
		dst = append(dst, `,"name":`...)
		dst = appendNullable(dst, v.Name)
		dst = append(dst, `,"address":`...)
		dst = appendNullable(dst, v.Address)
		return append(dst, `,"aws_place_id":null,"google_place_id":null}`...)
	case nil:
		if p.Type == "verification" {
			return append(dst, `{"state":"unverified","date":null,"verified_by":null}`...)
		}
		return append(dst, "null"...)
	}
	panic(fmt.Sprintf("notiontest: property %s of type %s holds a %T", p.ID, p.Type, v))
}

// Refs are the references that the connection sees.
func (m *Model) Refs(v Value) []string {
	refs, _ := v.(Refs)
	for i, id := range refs {
		if !m.refShown(id) {
			shown := append([]string(nil), refs[:i]...)
			for _, id := range refs[i+1:] {
				if m.refShown(id) {
					shown = append(shown, id)
				}
			}
			return shown
		}
	}
	return refs
}

// refShown: what is not shared is omitted; what is in the trash is not, and a
// page that a Generator makes is known by its data source alone.
func (m *Model) refShown(id string) bool {
	p := m.Pages[id]
	return p == nil || m.Readable(p)
}

func (r *renderer) result(dst []byte, f Result) []byte {
	if f.Type == "" || f.Type == "unsupported" {
		return append(dst, `{"type":"unsupported","unsupported":{}}`...)
	}
	dst = append(append(append(dst, `{"type":"`...), f.Type...), `","`...)
	dst = append(append(dst, f.Type...), `":`...)
	if f.Value == nil {
		return append(dst, "null}"...)
	}
	return append(r.scalar(dst, &Property{ID: "result", Type: f.Type}, f.Value), '}')
}

func appendOption(dst []byte, p *Property, id string) []byte {
	o, ok := p.Option(id)
	if !ok {
		panic("notiontest: property " + p.ID + " has no option " + id)
	}
	dst = append(dst, `{"id":`...)
	dst = appendString(dst, o.ID)
	dst = append(dst, `,"name":`...)
	dst = appendString(dst, o.Name)
	dst = append(dst, `,"color":"`...)
	return append(append(dst, color(o)...), `"}`...)
}

func color(o Option) string {
	if o.Color == "" {
		return "default"
	}
	return o.Color
}

func appendDate(dst []byte, d Date) []byte {
	dst = append(dst, `{"start":`...)
	dst = appendString(dst, d.Start)
	dst = append(dst, `,"end":`...)
	dst = appendNullable(dst, d.End)
	dst = append(dst, `,"time_zone":`...)
	dst = appendNullable(dst, d.TimeZone)
	return append(dst, '}')
}

func (r *renderer) file(dst []byte, f File) []byte {
	dst = append(dst, `{"name":`...)
	dst = appendString(dst, f.Name)
	if f.Hosted {
		dst = append(dst, `,"type":"file","file":`...)
		return append(r.hosted(dst, f.URL), '}')
	}
	dst = append(dst, `,"type":"external","external":{"url":`...)
	dst = appendString(dst, r.own(f.URL))
	return append(dst, `}}`...)
}

func (r *renderer) text(dst []byte, t Text) []byte {
	return appendList(dst, t, r.run)
}

func (r *renderer) run(dst []byte, run Run) []byte {
	text := func(dst []byte) []byte {
		if run.JSON != "" {
			return append(dst, run.JSON...)
		}
		return appendString(dst, run.Text)
	}
	switch {
	case run.Mention != nil:
		dst = append(dst, `{"type":"mention","mention":`...)
		dst = r.mention(dst, run.Mention)
	case run.Equation:
		dst = append(dst, `{"type":"equation","equation":{"expression":`...)
		dst = append(text(dst), '}')
	default:
		dst = append(dst, `{"type":"text","text":{"content":`...)
		dst = text(dst)
		dst = append(dst, `,"link":`...)
		if run.Link == "" {
			dst = append(dst, `null}`...)
		} else {
			dst = append(dst, `{"url":`...)
			dst = append(appendString(dst, run.Link), `}}`...)
		}
	}
	dst = append(dst, `,"annotations":{"bold":`...)
	dst = appendBool(dst, run.Bold)
	dst = append(dst, `,"italic":false,"strikethrough":false,"underline":false,"code":false,"color":"default"},"plain_text":`...)
	dst = text(dst)
	dst = append(dst, `,"href":`...)
	dst = appendNullable(dst, run.Link)
	return append(dst, '}')
}

func (r *renderer) mention(dst []byte, m *Mention) []byte {
	dst = append(append(append(dst, `{"type":"`...), m.Type...), `","`...)
	dst = append(append(dst, m.Type...), `":`...)
	switch {
	case m.Type == "user":
		dst = r.user(dst, m.ID)
	case m.Date != nil:
		dst = appendDate(dst, *m.Date)
	default:
		dst = append(append(append(dst, `{"id":"`...), m.ID...), `"}`...)
	}
	return append(dst, '}')
}

func appendList[T any](dst []byte, items []T, one func([]byte, T) []byte) []byte {
	dst = append(dst, '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, comma)
		}
		dst = one(dst, item)
	}
	return append(dst, ']')
}
