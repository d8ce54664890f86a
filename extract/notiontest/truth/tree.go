package truth

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// object is a JSON object; numbers in it are json.Number.
type object = map[string]any

// decode reads JSON. As everywhere, what is not UTF-8 becomes U+FFFD, byte for byte.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// encode writes JSON, members sorted.
func encode(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// Everything here was decoded before or is made of maps, lists and texts.
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// tree is the value of a property as it would be decoded from Notion's JSON,
// lists whole. Objects have only the members that matter here.
func (l *load) tree(p *notiontest.Property, page *notiontest.Page, v notiontest.Value) any {
	switch v := v.(type) {
	case notiontest.Raw:
		decoded, err := decode([]byte(v))
		if err != nil {
			panic("truth: value of property " + p.ID + ": " + err.Error())
		}
		return decoded
	case notiontest.Text:
		return l.textTree(v)
	case notiontest.Number:
		return json.Number(v)
	case notiontest.Choice:
		return choiceTree(p, string(v))
	case notiontest.Choices:
		return list(v, func(id string) any { return choiceTree(p, id) })
	case notiontest.Date:
		return dateTree(v)
	case notiontest.People:
		return list(v, l.userTree)
	case notiontest.Files:
		return list(v, func(f notiontest.File) any {
			kind := "external"
			if f.Hosted {
				kind = "file"
			}
			return object{"name": valid(f.Name), "type": kind, kind: object{"url": valid(f.URL)}}
		})
	case notiontest.Check:
		return bool(v)
	case notiontest.Str:
		return valid(string(v))
	case notiontest.Result:
		if v.Type == "" || v.Type == "unsupported" {
			return object{"type": "unsupported", "unsupported": object{}}
		}
		if v.Value == nil {
			return object{"type": v.Type, v.Type: nil}
		}
		return object{"type": v.Type, v.Type: l.tree(p, page, v.Value)}
	case notiontest.Refs:
		return list(l.m.Refs(v), func(id string) any { return object{"id": id} })
	case notiontest.Unique:
		if v < 0 {
			break
		}
		return object{"prefix": nullable(p.Prefix), "number": json.Number(encode(int(v)))}
	case notiontest.Verified:
		o := object{"state": v.State, "verified_by": nil, "date": nil}
		if v.By != "" {
			o["verified_by"] = l.userTree(v.By)
		}
		if v.Date != nil {
			o["date"] = dateTree(*v.Date)
		}
		return o
	case notiontest.Place:
		return object{"lat": json.Number(v.Lat), "lon": json.Number(v.Lon), "name": nullable(v.Name), "address": nullable(v.Address)}
	}
	return l.unset(p, page)
}

// unset is the value of a property into which nothing was entered.
func (l *load) unset(p *notiontest.Property, page *notiontest.Page) any {
	switch p.Type {
	case "title", "rich_text", "multi_select", "people", "files", "relation":
		return []any{}
	case "checkbox":
		return false
	case "button":
		return object{}
	case "created_time":
		return minuteText(page.Created)
	case "last_edited_time":
		return minuteText(page.Edited)
	case "created_by":
		return l.userTree(page.CreatedBy)
	case "last_edited_by":
		return l.userTree(page.EditedBy)
	case "formula":
		return object{"type": "unsupported", "unsupported": object{}}
	case "unique_id":
		return object{"prefix": nullable(p.Prefix), "number": nil}
	case "verification":
		return object{"state": "unverified", "verified_by": nil, "date": nil}
	}
	return nil
}

func (l *load) textTree(t notiontest.Text) any {
	return list(t, func(r notiontest.Run) any {
		o := object{"type": "text", "plain_text": valid(r.Text)}
		if r.Mention != nil && r.Mention.Type == "user" {
			o["mention"] = object{"type": "user", "user": l.userTree(r.Mention.ID)}
		}
		return o
	})
}

func choiceTree(p *notiontest.Property, id string) any {
	o, _ := p.Option(id)
	return object{"id": o.ID, "name": valid(o.Name)}
}

func dateTree(d notiontest.Date) any {
	return object{"start": valid(d.Start), "end": nullable(d.End), "time_zone": nullable(d.TimeZone)}
}

// userTree is the least that Notion shows of a user; a group is always shown whole.
func (l *load) userTree(id string) any {
	if u := l.m.User(id); u != nil && u.Type == "group" && !u.Removed && !u.Partial {
		return object{"object": "group", "id": id, "name": nullable(u.Name)}
	}
	return object{"object": "user", "id": id}
}

func list[T any](items []T, one func(T) any) any {
	all := make([]any, 0, len(items))
	for _, item := range items {
		all = append(all, one(item))
	}
	return all
}

// nullable is s, or null where there is none.
func nullable(s string) any {
	if s == "" {
		return nil
	}
	return valid(s)
}

// valid is s with U+FFFD for every byte that is not UTF-8.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}

// minute is a time as pages show it.
func minute(t time.Time) any { return stamp(t.Truncate(time.Minute)) }

func minuteText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04") + ":00.000Z" }
