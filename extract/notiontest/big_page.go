package notiontest

import (
	"fmt"
	"strings"
	"time"
)

// A bigColumn is a property of Big with the JSON of its value: in it, a
// backslash and a letter stand for a field.
type bigColumn struct {
	Property
	value string
}

const (
	// bigText is a run of text, which stands in it twice.
	bigText = `{"type":"text","text":{"content":"\S","link":null},"annotations":{"bold":false,"italic":false,"strikethrough":false,"underline":false,"code":false,"color":"default"},"plain_text":"\s","href":null}`
	bigDate = `{"start":"\d","end":null,"time_zone":null}`
)

// bigColumns are 35 properties of 24 types.
func bigColumns(seed uint64, source string) []bigColumn {
	options := func(key string, n int) []Option {
		var list []Option
		for i := range n {
			list = append(list, Option{
				ID: NewID(seed, fmt.Sprintf("option/%s/%d", key, i)), Name: fmt.Sprintf("%s %d", key, i),
				Color: []string{"red", "green", "blue", "yellow"}[i%4], Group: i % 3,
			})
		}
		return list
	}
	title := strings.NewReplacer(`\S`, `\W \i`, `\s`, `\w \i`).Replace(bigText)
	formula := func(id, name, value string) bigColumn {
		return bigColumn{Property{ID: id, Name: name, Type: "formula", Expression: "prop(\"Number\")"}, value}
	}
	one := func(id, name, kind, value string) bigColumn {
		return bigColumn{Property{ID: id, Name: name, Type: kind}, value}
	}
	return []bigColumn{
		one("title", "Name", "title", `[`+title+`]`),
		one(":tx%", "Summary", "rich_text", `[`+bigText+`]`),
		one("tex2", "Notes", "rich_text", `[`+bigText+`]`),
		one("tex3", "Comment", "rich_text", `[`+bigText+`]`),
		one("num1", "Number", "number", `\n`),
		one("num2", "Amount", "number", `\f`),
		one("num3", "Share", "number", `0.\x1`),
		{Property{ID: "sel1", Name: "Priority", Type: "select", Options: options("Priority", 5)}, `\0`},
		{Property{ID: "sel2", Name: "Team", Type: "select", Options: options("Team", 12)}, `\1`},
		{Property{ID: "mul1", Name: "Tags", Type: "multi_select", Options: options("Tag", 30)}, `[\A]`},
		{Property{ID: `f\\:`, Name: "Skills", Type: "multi_select", Options: options("Skill", 20)}, `[\B]`},
		{Property{ID: "sta1", Name: "Status", Type: "status", Options: options("Status", 6)}, `\4`},
		one("dat1", "Due", "date", bigDate),
		one("dat2", "Planned", "date", `{"start":"\d","end":"2027-01-01","time_zone":null}`),
		one("dat3", "Meeting", "date", `{"start":"\dT\c\o","end":null,"time_zone":null}`),
		one("peo1", "Owners", "people", `[\u,\u]`),
		one("fil1", "Attachments", "files", `[{"name":"brief \i.pdf","type":"file","file":{"url":"https://prod-files-secure.s3.us-west-2.amazonaws.com/\h/brief.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=\h","expiry_time":"2026-01-05T10:00:07.000Z"}},{"name":"link","type":"external","external":{"url":"https://example.com/files/\h?download=1"}}]`),
		one("che1", "Done", "checkbox", `\b`),
		one("url1", "Link", "url", `"https://example.com/\i/\h"`),
		one("mai1", "Email", "email", `"user.\i@example.com"`),
		one("pho1", "Phone", "phone_number", `"+1 415 \h"`),
		formula("for1", "Double", `{"type":"number","number":\f}`),
		formula("for2", "Label", `{"type":"string","string":"\W \W \i"}`),
		formula("for3", "Next", `{"type":"date","date":`+bigDate+`}`),
		{Property{ID: "rel1", Name: "Blocked by", Type: "relation", Relation: &Relation{Source: source}}, `[\r],"has_more":false`},
		{Property{ID: "rol1", Name: "Effort below", Type: "rollup", Rollup: &Rollup{"rel1", "num1", "sum"}}, `{"type":"number","number":\n,"function":"sum"}`},
		{Property{ID: "rol2", Name: "Numbers below", Type: "rollup", Rollup: &Rollup{"rel1", "num2", "show_original"}}, `{"type":"array","array":[{"type":"number","number":\f},{"type":"number","number":\n}],"function":"show_original"}`},
		one("crtT", "Created", "created_time", `"\C"`),
		one("edtT", "Edited", "last_edited_time", `"\E"`),
		one("crtB", "Created by", "created_by", `\a`),
		one("edtB", "Edited by", "last_edited_by", `\e`),
		{Property{ID: "uni1", Name: "ID", Type: "unique_id", Prefix: "BIG"}, `{"prefix":"BIG","number":\i}`},
		one("verification", "Verification", "verification", `{"state":"verified","verified_by":{"object":"user","id":"\p"},"date":{"start":"\dT\cZ","end":null,"time_zone":null}}`),
		one("pla1", "Office", "place", `{"lat":37.\x1,"lon":-122.\x1,"name":"\W","address":"\i \W street","aws_place_id":null,"google_place_id":null}`),
		one("but1", "Send", "button", `{}`),
	}
}

func bigProperties(seed uint64, source string) []*Property {
	var list []*Property
	for _, c := range bigColumns(seed, source) {
		list = append(list, &c.Property)
	}
	return list
}

func newBig(m *Model, key, database string, rows int) *big {
	g := &big{
		source: SourceID(m.Seed, key), rows: rows, seed: hash(m.Seed, key),
		start: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), idHead: NewID(m.Seed, "rows/"+key)[:24],
		words: strings.Fields("Launch Budget Review Design Harbor Quarter Größe Pipeline Sprint Garden Metric Signal Archive Bridge Copper Delta"),
	}
	for i := range 64 {
		g.sentence = append(g.sentence, fmt.Sprintf("%s of the %s, seen by \\\"%s\\\" in week %d",
			g.words[i%16], strings.ToLower(g.words[i*7%16]), g.words[i*5%16], i))
	}
	r := renderer{m: m}
	for i := range bigUsers {
		id := NewID(m.Seed, fmt.Sprintf("user/%d", i))
		g.authors = append(g.authors, id)
		g.users = append(g.users, string(r.user(nil, id)))
	}
	var b strings.Builder
	var titled string // the page as far as its title
	b.WriteString(`{"object":"page","id":"\I","created_time":"\C","last_edited_time":"\E","created_by":{"object":"user","id":"\p"},"last_edited_by":{"object":"user","id":"\q"},"cover":null,"icon":{"type":"emoji","emoji":"📦"},"parent":{"type":"data_source_id","data_source_id":"`)
	b.WriteString(g.source + `","database_id":"` + database + `"},"in_trash":false\v,"is_archived":false,"is_locked":false,"properties":{`)
	for i, c := range bigColumns(m.Seed, g.source) {
		if c.Options != nil {
			var objects []string
			for _, id := range ids(c.Options) {
				objects = append(objects, string(appendOption(nil, &c.Property, id)))
			}
			g.options = append(g.options, objects)
		}
		if i > 0 {
			b.WriteByte(comma)
		}
		fmt.Fprintf(&b, `"%s":{"id":"%s","type":"%s","%s":%s}`, c.Name, EncodeID(c.ID), c.Type, c.Type, c.value)
		if i == 0 {
			titled = b.String()
		}
	}
	const tail = `},"url":"https://app.notion.com/p/Row-\i-\P","public_url":null}`
	g.parts, g.titleParts = layout(b.String()+tail), layout(titled+tail)
	return g
}

// layout cuts a page's JSON at the fields.
func layout(page string) []part {
	fields := map[byte]bigField{
		'I': fieldID, 'P': fieldPlainID, 'i': fieldIndex, 'C': fieldCreated, 'E': fieldEdited, 'p': fieldAuthor, 'q': fieldEditor,
		'a': fieldAuthorObject, 'e': fieldEditorObject, 'u': fieldUser, 'v': fieldVersion, 'h': fieldRandom, 'n': fieldInt, 'x': fieldDigits, 'f': fieldDecimal,
		'b': fieldBool, 'd': fieldDay, 'c': fieldClock, 'o': fieldOffset, 'W': fieldWord, 'w': fieldLast, 'S': fieldSentence, 's': fieldLast, 'r': fieldRefs,
		'0': fieldOption(0), '1': fieldOption(1), 'A': fieldOptions(2), 'B': fieldOptions(3), '4': fieldOption(4),
	}
	var parts []part
	for {
		i := strings.IndexByte(page, '\\')
		if i < 0 {
			return append(parts, part{page, nil})
		}
		field := fields[page[i+1]]
		if field == nil {
			panic("notiontest: no field " + page[i:i+2])
		}
		parts = append(parts, part{page[:i], field})
		page = page[i+2:]
	}
}
