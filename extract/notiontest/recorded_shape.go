package notiontest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// A jsonMember is a member of a JSON object, whose order matters.
type jsonMember struct {
	name  string
	value json.RawMessage
}

// jsonMembers are the members of an object in their order; none of what is no object.
func jsonMembers(text json.RawMessage) ([]jsonMember, error) {
	if firstByte(text) != '{' {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	var list []jsonMember
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := jsonMember{name: name.(string)}
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

func firstByte(text []byte) byte {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return 0
	}
	return text[0]
}

func toMap(members []jsonMember) map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	for _, member := range members {
		m[member.name] = member.value
	}
	return m
}

// toMapOf is an object's members; none of what is no object.
func toMapOf(text json.RawMessage) map[string]json.RawMessage {
	members, err := jsonMembers(text)
	if err != nil {
		return nil
	}
	return toMap(members)
}

// textOf is a JSON string; "" of what is none.
func textOf(text json.RawMessage) string {
	var s string
	if json.Unmarshal(text, &s) != nil {
		return ""
	}
	return s
}

// recordedID is the ID, made one where the recording has something else.
func recordedID(id string) string {
	if normal, ok := normalID(id); ok {
		return normal
	}
	return NewID(0, "recorded/"+id)
}

// encodedID tells property IDs that are percent-encoded from the older ones.
var encodedID = regexp.MustCompile(`^(?:[A-Za-z0-9\-_.!~*'()]|%[0-9A-Fa-f]{2})*$`)

func decodedID(id string) string {
	if encodedID.MatchString(id) {
		if decoded, err := url.PathUnescape(id); err == nil {
			return decoded
		}
	}
	return id
}

func recordedText(text json.RawMessage) (Text, error) {
	var runs []struct {
		PlainText string `json:"plain_text"`
	}
	if firstByte(text) != '[' {
		return nil, nil
	}
	if err := json.Unmarshal(text, &runs); err != nil {
		return nil, err
	}
	t := Text{}
	for _, run := range runs {
		t = append(t, Run{Text: run.PlainText})
	}
	return t, nil
}

// A recordedPage is a page as it was recorded.
type recordedPage struct {
	id     string
	object map[string]json.RawMessage
	values []recordedValue
}

// A recordedValue is a property of a page.
type recordedValue struct {
	name, id, kind string
	json           string
	more           bool
}

func (p *recordedPage) has(id string) bool {
	for _, v := range p.values {
		if v.id == id {
			return true
		}
	}
	return false
}

func recordedValueOf(m jsonMember) (recordedValue, error) {
	o := toMapOf(m.value)
	v := recordedValue{name: m.name, id: decodedID(textOf(o["id"])), kind: textOf(o["type"])}
	if v.kind == "title" {
		v.id = "title" // as Notion has it without exception, if not every fixture
	}
	payload, ok := o[v.kind]
	if !ok {
		return v, fmt.Errorf("no value of type %q", v.kind)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, payload); err != nil {
		return v, err
	}
	v.json, v.more = b.String(), string(o["has_more"]) == "true"
	return v, nil
}

// page brings a recorded page to the shape of version 2026-03-11.
func (p *recordedPage) page(g *recordedGroup, bot string) Page {
	author := func(name string) string {
		if id := textOf(toMapOf(p.object[name])["id"]); id != "" {
			return recordedID(id)
		}
		return bot
	}
	flag := func(names ...string) bool {
		for _, name := range names {
			if string(p.object[name]) == "true" {
				return true
			}
		}
		return false
	}
	page := Page{
		ID: p.id, Created: p.time("created_time"), Edited: p.time("last_edited_time"),
		CreatedBy: author("created_by"), EditedBy: author("last_edited_by"), Values: map[string]Value{},
		Trashed: flag("in_trash", "archived"), Archived: flag("is_archived"), Locked: flag("is_locked"),
	}
	or := func(name, missing string) string {
		if text := p.object[name]; text != nil && string(text) != "null" {
			return string(text)
		}
		return missing
	}
	var b strings.Builder
	fmt.Fprintf(&b, `{"object":"page","id":"%s","created_time":%s,"last_edited_time":%s`, p.id,
		or("created_time", `"`+page.Created.Format("2006-01-02T15:04:05.000Z")+`"`), or("last_edited_time", `"`+page.Edited.Format("2006-01-02T15:04:05.000Z")+`"`))
	fmt.Fprintf(&b, `,"created_by":{"object":"user","id":"%s"},"last_edited_by":{"object":"user","id":"%s"}`, page.CreatedBy, page.EditedBy)
	fmt.Fprintf(&b, `,"cover":%s,"icon":%s`, or("cover", "null"), or("icon", "null"))
	fmt.Fprintf(&b, `,"parent":{"type":"data_source_id","data_source_id":"%s","database_id":"%s"}`, g.source, g.database)
	fmt.Fprintf(&b, `,"in_trash":%t,"is_archived":%t,"is_locked":%t,"properties":{`, page.Trashed, page.Archived, page.Locked)
	for i, v := range p.values {
		if i > 0 {
			b.WriteByte(comma)
		}
		b.Write(appendString(nil, v.name))
		fmt.Fprintf(&b, `:{"id":"%s","type":"%s","%s":%s`, EncodeID(v.id), v.kind, v.kind, v.json)
		if v.kind == "relation" {
			fmt.Fprintf(&b, `,"has_more":%t`, v.more)
		}
		b.WriteByte('}')
		if v.more {
			page.Values[v.id] = Raw(v.json) // what the property endpoint gives
		}
	}
	fmt.Fprintf(&b, `},"url":%s,"public_url":%s}`, or("url", string(appendString(nil, PageURL(&page)))), or("public_url", "null"))
	page.raw = b.String()
	return page
}

// Recorded is the page object as it was recorded, of pages that Recorded made.
func (p *Page) Recorded() (json string, ok bool) { return p.raw, p.raw != "" }
