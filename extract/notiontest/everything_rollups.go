package notiontest

import (
	"fmt"
	"strings"
)

// relatedRows is more than a page shows of a relation.
const relatedRows = 70

// related is the data source that relations and rollups are about: every
// property type, with ordinary values and empty ones.
func (b *builder) related() {
	options := b.hostileOptions("related")
	texts := []Value{Plain("one"), nil, Plain("two"), Text{{Text: "three "}, {Text: "runs", Bold: true}}, Plain("one")}
	f := func(id, name string, values ...Value) column {
		return column{Property{ID: id, Name: name, Type: "formula", Expression: name}, values}
	}
	columns := []column{
		{Property{ID: "title", Name: "Name", Type: "title"}, append(texts, Plain("🔥"))},
		{Property{ID: "text", Name: "Text", Type: "rich_text"}, texts},
		{Property{ID: "numb", Name: "Number", Type: "number"}, []Value{Number("8"), Number("0.1"), nil, Number("0.2"), Number("-31.30"), Number("1E5"), Number("-0.0")}},
		{Property{ID: "none", Name: "Never a number", Type: "number"}, nil},
		{Property{ID: "sele", Name: "Select", Type: "select", Options: options}, choices(options)},
		{Property{ID: "mult", Name: "Multi select", Type: "multi_select", Options: options}, []Value{nil, Choices{options[0].ID, options[1].ID}, Choices{options[2].ID}}},
		{Property{ID: "stat", Name: "Status", Type: "status", Options: options}, choices(options)},
		{Property{ID: "date", Name: "Date", Type: "date"}, []Value{
			Date{Start: "2026-03-01"},
			nil,
			Date{Start: "2026-01-05T09:00:00.000+02:00", End: "2026-02-01T09:00:00.000+02:00"},
			Date{Start: "2026-01-05T08:30:00.000+00:00"},
			Date{Start: "2025-12-31", End: "2026-06-30"},
		}},
		{Property{ID: "peop", Name: "People", Type: "people"}, []Value{nil, b.crowd(2, 0), b.crowd(1, 9), People{b.odd[0], b.odd[9]}}},
		{Property{ID: "file", Name: "Files", Type: "files"}, hostileFiles()[3:]},
		{Property{ID: "chec", Name: "Checkbox", Type: "checkbox"}, []Value{Check(true), nil, Check(false)}},
		{Property{ID: "url1", Name: "URL", Type: "url"}, []Value{Str("https://example.com/?a=b"), nil}},
		{Property{ID: "mail", Name: "Email", Type: "email"}, []Value{nil, Str("a@example.com"), Str("b@example.com")}},
		{Property{ID: "phon", Name: "Phone", Type: "phone_number"}, []Value{Str("+1 415 555 0100"), nil}},
		f("fNum", "Formula number", results("number", []Value{Number("1"), nil, Number("2.50")})...),
		f("fStr", "Formula string", results("string", []Value{Str("x"), Str(""), nil})...),
		f("fBoo", "Formula boolean", results("boolean", []Value{Check(true), Check(false)})...),
		f("fDat", "Formula date", results("date", []Value{Date{Start: "2026-01-05"}, nil})...),
		f("fNul", "Formula null", Result{"number", nil}),
		f("fMix", "Formula mixed", Result{"number", Number("1.0")}, Result{"string", Str("x")}, Result{"boolean", Check(true)}, Result{"date", Date{Start: "2026-01-05", End: "2026-01-06"}}),
		{Property{ID: "uniq", Name: "ID", Type: "unique_id", Prefix: "REL"}, nil},
		{Property{ID: "crtT", Name: "Created", Type: "created_time"}, nil},
		{Property{ID: "edtT", Name: "Edited", Type: "last_edited_time"}, nil},
		{Property{ID: "crtB", Name: "Created by", Type: "created_by"}, nil},
		{Property{ID: "edtB", Name: "Edited by", Type: "last_edited_by"}, nil},
		{Property{ID: "veri", Name: "Verification", Type: "verification"}, b.verified()},
		{Property{ID: "plce", Name: "Place", Type: "place"}, places()},
		{Property{ID: "qntm", Name: "Quantum", Type: "quantum_state"}, unknowns()[:4]},
	}
	source := b.single("related", Plain("Related"), properties(columns)...)
	b.fill(source, columns, relatedRows)
	rows := b.t.m.Source(source).Rows
	self := Property{ID: "self", Name: "Siblings", Type: "relation", Relation: &Relation{Source: source}}
	b.t.AddProperty(source, self, -1)
	b.t.AddProperty(source, Property{ID: "rSum", Name: "Sum of siblings", Type: "rollup", Rollup: &Rollup{"self", "numb", "sum"}}, -1)
	b.t.AddProperty(source, Property{ID: "rArr", Name: "Siblings' names", Type: "rollup", Rollup: &Rollup{"self", "title", "show_original"}}, -1)
	for i, id := range rows {
		b.t.Page(id).Values["uniq"] = Unique(i)
		b.t.Page(id).Values["self"] = Refs(rows[i%5 : i%5+i%4])
	}
	hidden := Page{ID: b.id("page/in related, not shared"), Unshared: true, Values: map[string]Value{"title": Plain("not shared"), "numb": Number("1000000")}}
	b.t.AddRow(source, hidden)
	back := Property{ID: "back", Name: "Back", Type: "relation", Relation: &Relation{Source: SourceID(b.seed, "types"), SyncedID: ":J{:", SyncedName: "Related"}}
	b.t.AddProperty(source, back, -1)
}

// long is a relation of 230 rows, more than the property endpoint has on a
// page, to rows that were all created in the same minute.
func (b *builder) long() {
	b.database("minute", Database{Title: Plain("Same minute"), Inline: true})
	minute := b.source("minute", "minute", Plain("Same minute"),
		Property{ID: "title", Name: "Name", Type: "title"}, Property{ID: "n", Name: "n", Type: "number"})
	for i := range 230 {
		b.t.AddRow(minute, Page{Values: map[string]Value{"title": Plain(fmt.Sprintf("row %d", i)), "n": Number(fmt.Sprintf("%d.5", i))}})
	}
	b.database("long", Database{Title: Plain("Long relations")})
	long := b.source("long", "long", Plain("Long relations"),
		Property{ID: "title", Name: "Name", Type: "title"},
		Property{ID: "~_'.", Name: "Many", Type: "relation", Relation: &Relation{Source: minute}},
		Property{ID: "..", Name: "Sum", Type: "rollup", Rollup: &Rollup{"~_'.", "n", "sum"}},
		Property{ID: "cn?t", Name: "Count", Type: "rollup", Rollup: &Rollup{"~_'.", "title", "count"}},
		Property{ID: "a+b&", Name: "Who", Type: "people"},
	)
	for _, n := range []int{0, 1, 25, 26, 99, 100, 101, 200, 230} {
		b.t.AddRow(long, Page{Values: map[string]Value{
			"title": Plain(fmt.Sprintf("%d", n)), "~_'.": b.rows("minute", n, n), "a+b&": b.crowd(min(n, crowd), n),
		}})
	}
}

// functions are all functions of rollups with the property of the related data
// source that each is computed over; show_original runs over all.
var functions = [...][2]string{
	{"count", "title"},
	{"count_values", "mult"},
	{"empty", "text"},
	{"not_empty", "text"},
	{"unique", "sele"},
	{"percent_empty", "url1"},
	{"percent_not_empty", "url1"},
	{"sum", "numb"},
	{"average", "numb"},
	{"median", "numb"},
	{"min", "numb"},
	{"max", "numb"},
	{"range", "numb"},
	{"earliest_date", "date"},
	{"latest_date", "date"},
	{"date_range", "date"},
	{"checked", "chec"},
	{"unchecked", "chec"},
	{"percent_checked", "chec"},
	{"percent_unchecked", "chec"},
	{"count_per_group", "stat"},
	{"percent_per_group", "stat"},
	{"show_unique", "sele"},
	{"show_unique", "numb"},
	{"sum", "none"},
	{"min", "none"},
	{"earliest_date", "none"},
	{"sum", "rSum"},
	{"count", "rArr"},
}

// rollups has a rollup of every function and one over every property type, on
// relations of up to relatedRows.
func (b *builder) rollups() {
	related := SourceID(b.seed, "related")
	columns := []column{
		{Property{ID: "title", Name: "Name", Type: "title"}, nil},
		{Property{ID: "re{l", Name: "Relation", Type: "relation", Relation: &Relation{Source: related}}, nil},
	}
	for _, n := range []int{0, 1, 2, 3, 5, 24, 25, 26, 40, relatedRows} {
		columns[0].values = append(columns[0].values, Plain(fmt.Sprintf("over %d", n)))
		columns[1].values = append(columns[1].values, b.rows("related", n, n))
	}
	for i, f := range functions {
		columns = append(columns, column{Property{
			ID: fmt.Sprintf("r%02d:", i), Name: f[0] + " of " + f[1], Type: "rollup", Rollup: &Rollup{"re{l", f[1], f[0]},
		}, nil})
	}
	for _, p := range b.t.m.Source(related).Properties {
		if p.ID == "back" {
			continue
		}
		columns = append(columns, column{Property{
			ID: "o%" + p.ID, Name: "Original of " + p.Name, Type: "rollup", Rollup: &Rollup{"re{l", p.ID, "show_original"},
		}, nil})
	}
	b.fill(b.single("rollups", Plain("Rollups"), properties(columns)...), columns, 0)
}

// oddRollups has rollups that are seldom or never seen, all over short relations.
func (b *builder) oddRollups() {
	array := func(elements ...string) Value {
		return Raw(`{"type":"array","array":[` + strings.Join(elements, ",") + `],"function":"show_original"}`)
	}
	scalar := func(kind, json string) Value {
		return Raw(`{"type":"` + kind + `","` + kind + `":` + json + `,"function":"max"}`)
	}
	number, title := `{"type":"number","number":8.50}`, `{"type":"title","title":[{"type":"text","text":{"content":"a","link":null},"plain_text":"a","href":null},{"type":"text","text":{"content":"b","link":null},"plain_text":"b","href":null}]}`
	null := func(kind string) string { return `{"type":"` + kind + `","` + kind + `":null}` }
	unsupported, incomplete := scalar("unsupported", "{}"), scalar("incomplete", "{}")
	r := func(id, name, property string, values ...Value) column {
		return column{Property{ID: id, Name: name, Type: "rollup", Rollup: &Rollup{"rel", property, "show_original"}}, values}
	}
	columns := []column{
		{Property{ID: "title", Name: "Name", Type: "title"}, []Value{Plain("a"), Plain("b"), Plain("c"), Plain("d"), Plain("e")}},
		{Property{ID: "rel", Name: "Relation", Type: "relation", Relation: &Relation{Source: SourceID(b.seed, "related")}}, []Value{b.rows("related", 2, 0)}},
		r("el2t", "Elements of two types", "numb", array(number, title), array(number), array(), array(null("number"))),
		r("eNul", "Null elements", "sele", array(null("select"), `{"type":"select","select":{"id":"1","name":"x","color":"red"}}`, null("select")), array()),
		r("allN", "Only null elements", "date", array(null("date")), array(null("date"), null("date"))),
		r("lsSc", "List and scalar", "numb", array(number), scalar("number", "3.10"), array(), unsupported, scalar("number", "null")),
		r("nuDa", "Number and date", "numb", scalar("number", "3.10"), scalar("date", `{"start":"2026-01-05","end":null,"time_zone":null}`)),
		r("unsN", "Unsupported over a number", "numb", unsupported),
		r("empN", "Empty over a number", "numb", array()),
		r("empD", "Empty over a date", "date", array(), unsupported),
		r("empP", "Empty over people", "peop", array()),
		r("empF", "Empty over a formula", "fNum", array()),
		r("incN", "Incomplete or number", "numb", incomplete, scalar("number", "-0.0"), scalar("number", "1e400"), scalar("number", "null")),
		r("nulD", "Null dates", "date", scalar("date", "null")),
		r("inAr", "Arrays in arrays", "rArr", array(`{"type":"rollup","rollup":{"type":"array","array":[`+number+`],"function":"show_original"}}`), array()),
		r("inF1", "Formula elements of two types", "fMix", array(`{"type":"formula","formula":{"type":"number","number":1.0}}`, `{"type":"formula","formula":{"type":"string","string":"x"}}`, `{"type":"formula","formula":{"type":"string","string":null}}`)),
		r("inF2", "Formula elements unsupported", "fNum", array(`{"type":"formula","formula":{"type":"unsupported","unsupported":{}}}`, `{"type":"formula","formula":{"type":"number","number":2}}`)),
		r("eUid", "Unique ID elements", "uniq", array(`{"type":"unique_id","unique_id":{"prefix":"AB","number":3}}`, `{"type":"unique_id","unique_id":{"prefix":null,"number":4}}`, `{"type":"unique_id","unique_id":{"prefix":null,"number":null}}`)),
	}
	b.fill(b.single("odd rollups", Plain("Odd rollups"), properties(columns)...), columns, 5)
}
