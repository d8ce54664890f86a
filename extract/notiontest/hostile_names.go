package notiontest

import (
	"fmt"
	"strings"
)

// hostileNamed are properties with names and IDs that break what takes names
// lightly; collisions are among them, and the title stands in their midst.
func hostileNamed() []Property {
	long, longer := strings.Repeat("long", 1250), strings.Repeat("long", 1250)+" 2"
	list := []Property{
		{ID: "tg1", Name: "tags"},
		{ID: "t/2%", Name: "Tags"},
		{ID: "title", Name: "TAGS"},
		{ID: `f\\:p`, Name: "Due Date"},
		{ID: "~_'.", Name: "due_date"},
		{ID: ":J{:", Name: "Due-Date"},
		{ID: "7f9e6b0c-41a6-4b6e-9d5e-0a4f5f2b1c3d", Name: "dueDate"},
		{ID: "notion://tasks/auto_increment_id_property", Name: "DueDate"},
		{ID: "em$t", Name: ""},
		{ID: "a/b%", Name: "🔥"},
		{ID: "%41", Name: "👩‍👩‍👧🎉"},
		{ID: "A", Name: "___"},
		{ID: "a", Name: "\u200b\u200d"},
		{ID: "é÷", Name: "id"},
		{ID: " sp ", Name: "_id"},
		{ID: "crtd", Name: "created_time"},
		{ID: "_crt", Name: "_created_time"},
		{ID: "sel", Name: "select"},
		{ID: "ord", Name: "order"},
		{ID: "dat", Name: "date"},
		{ID: "grp", Name: "GROUP"},
		{ID: "lng1", Name: long},
		{ID: "lng2", Name: longer},
		{ID: "1st", Name: "1st place"},
		{ID: "123", Name: "123"},
		{ID: "%", Name: "%"},
		{ID: "%25", Name: "% done"},
		{ID: "heb", Name: "שלום עולם"},
		{ID: "zero", Name: "zero\u200bwidth"},
		{ID: "gros", Name: "Größe"},
		{ID: "ming", Name: "名前"},
		{ID: "unic", Name: "Ünïcödé"},
		{ID: "fing", Name: "ﬁne ＦＵＬＬ Ⅷ"},
		{ID: "trai", Name: "trailing "},
		{ID: "lead", Name: " leading"},
		{ID: "scor", Name: "Score /5"},
		{ID: "quot", Name: `a"b'c\d`},
		{ID: "drop", Name: "a;DROP TABLE x--"},
		{ID: "tabs", Name: "tab\tname\nline"},
		{ID: "null", Name: "null"},
		{ID: "_raw", Name: "_raw"},
		{ID: "raw", Name: "raw"},
		{ID: "http", Name: "HTTPServer"},
		{ID: "ipho", Name: "iPhone5S"},
		{ID: "dots", Name: "a.b..c"},
		{ID: "plus", Name: "C++"},
		{ID: "shrp", Name: "C#"},
		{ID: "nul0", Name: "nul\x00name"},
		{ID: "bom0", Name: "\ufeffbom"},
		{ID: "surr", Name: "bad \ufffd name", NameJSON: `"bad \ud800 name"`},
		{ID: "esca", Name: "escaped é", NameJSON: `"\u0065scaped\u0020\u00e9"`},
		{ID: "desc", Name: "described", Description: "a \"description\" 👩‍🚀\nof two lines\x00"},
	}
	for i := range list {
		list[i].Type = []string{"rich_text", "number", "checkbox", "url"}[i%4]
		if list[i].ID == "title" {
			list[i].Type = "title"
		}
	}
	return list
}

func (b *builder) hostileNames() {
	var columns []column
	for i, p := range hostileNamed() {
		c := column{Property: p}
		switch p.Type {
		case "title", "rich_text":
			c.values = []Value{Plain(fmt.Sprintf("text %d", i)), nil}
		case "number":
			c.values = []Value{Number(fmt.Sprint(i)), nil, Number("-0.5")}
		case "checkbox":
			c.values = []Value{Check(i%2 == 0), Check(i%2 == 1)}
		default:
			c.values = []Value{nil, Str(fmt.Sprintf("https://example.com/%d", i))}
		}
		columns = append(columns, c)
	}
	b.fill(b.single("hostile names", Plain("../../etc"), properties(columns)...), columns, 5)
}

// hostileTitles are titles of data sources, several of them the same table name.
func hostileTitles() []Text {
	return []Text{
		{},
		{},
		Plain("🔥🎉"), Plain("שלום עולם"), Plain(strings.Repeat("x", 5000)), Plain(strings.Repeat("x", 5000)),
		Plain("a/b"), Plain("CON"), Plain("Due Date"), Plain("due_date"), Plain("DueDate"), Plain("Tasks"), Plain("Tasks"),
		Plain("_loads"), Plain("_users"), Plain("1st"), Plain("select"), Plain("名前"), Plain("Größe"), Plain("%"), Plain("a\x00b."),
		{{Text: "two ", Bold: true}, {Text: "runs"}},
		{{Text: "bad \ufffd title", JSON: `"bad \ud800 title"`}},
		Plain(`quo"te\`),
		Plain("data source"), Plain("  "),
	}
}

func (b *builder) titles() {
	for i, title := range hostileTitles() {
		key := fmt.Sprintf("title/%d", i)
		columns := []column{{Property{ID: "title", Name: "Name", Type: "title"}, []Value{Plain(key)}}}
		b.database(key, Database{Title: title, Description: Plain(fmt.Sprintf("title %d", i)), Icon: b.icon(i), Cover: b.cover(i)})
		b.fill(b.source(key, key, title, properties(columns)...), columns, i%3)
	}
}
