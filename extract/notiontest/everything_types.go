package notiontest

import "fmt"

// hostileOptions are options with names that Notion would take, and some that
// only other clients write.
func (b *builder) hostileOptions(key string) []Option {
	names := []string{
		"High", "Low", "in progress 🔥", "a/b", `quo"te`, "semi;colon", "שלום", " trailing ", "null", "1", "100 %",
		"line\nbreak", "nul\x00", "x\u200by", "option name that is much longer than anybody would want to read in a board view of Notion",
	}
	options := make([]Option, len(names))
	colors := []string{"", "red", "blue", "lightgray", "pink"}
	for i, name := range names {
		options[i] = Option{ID: b.id(fmt.Sprintf("option/%s/%d", key, i)), Name: name, Color: colors[i%len(colors)], Group: i % 3}
	}
	options[0].Description = "of high priority"
	options[1].ID, options[2].ID, options[3].ID = "09fy", "1", "a|b?"
	return options
}

func ids(options []Option) []string {
	var list []string
	for _, o := range options {
		list = append(list, o.ID)
	}
	return list
}

// choices are values of a select or status.
func choices(options []Option) []Value {
	list := []Value{nil}
	for _, o := range options {
		list = append(list, Choice(o.ID))
	}
	return list
}

func multiChoices(options []Option) []Value {
	all := ids(options)
	return []Value{
		nil, Choices{}, Raw("null"), Choices(all[:1]), Choices{all[3], all[1], all[2]}, Choices(all), Choices{all[5], all[0]},
	}
}

func (b *builder) crowd(n, from int) People {
	var list People
	for i := range n {
		list = append(list, b.person(from+i))
	}
	return list
}

func (b *builder) hostilePeople() []Value {
	list := []Value{nil, People{}, Raw("null"), b.crowd(1, 0), b.crowd(3, 5), b.crowd(24, 1), b.crowd(25, 2), b.crowd(26, 3), b.crowd(101, 4)}
	for _, id := range b.odd {
		list = append(list, People{id})
	}
	return append(list, People(b.odd))
}

func hostileFiles() []Value {
	hosted := File{Name: "brief.pdf", URL: "https://prod-files-secure.s3.us-west-2.amazonaws.com/a/b/brief%20%C3%A9.pdf", Hosted: true}
	external := File{Name: "https://example.com/a.png", URL: "https://example.com/a.png?w=1&h=2#top"}
	return []Value{
		nil,
		Files{},
		Raw("null"),
		Files{hosted},
		Files{external},
		Files{hosted, external, hosted},
		Files{{Name: "", URL: "https://example.com/"}, {Name: "../../etc/passwd", URL: "file:///etc/passwd"}},
		Files{{Name: "with query", URL: "https://files.example.com/x?id=1", Hosted: true}, {Name: "名前 👩‍🚀.txt", URL: "https://files.example.com/%F0%9F%98%80#frag", Hosted: true}},
	}
}

func hostileStrs(format string) []Value {
	list := []Value{nil}
	for _, s := range hostileStrings() {
		list = append(list, Str(s), Str(fmt.Sprintf(format, len(list))))
	}
	return append(list, Raw(`"\ud800 lone"`), Raw(`""`))
}

// results are values of a formula of one type.
func results(kind string, values []Value) []Value {
	var list []Value
	for _, v := range values {
		if raw, ok := v.(Raw); ok {
			list = append(list, Raw(fmt.Sprintf(`{"type":"%s","%s":%s}`, kind, kind, raw)))
			continue
		}
		list = append(list, Result{kind, v})
	}
	return list
}

func (b *builder) verified() []Value {
	span := Date{Start: "2026-01-05T09:00:00.000Z", End: "2026-04-05T09:00:00.000Z"}
	return []Value{
		nil, Raw("null"),
		Verified{State: "verified", By: b.person(0), Date: &span},
		Verified{State: "verified", By: b.odd[0]},
		Verified{State: "expired", By: b.odd[3], Date: &Date{Start: "2025-01-05"}},
		Verified{State: "verified"},
	}
}

func places() []Value {
	return []Value{
		nil,
		Place{Lat: "37.7749", Lon: "-122.4194", Name: "San Francisco", Address: "1 Market St"},
		Place{Lat: "-0.0", Lon: "180"},
		Raw(`{"lat":52.52,"lon":13.405}`), Raw(`{"lat":1,"lon":2,"name":null,"address":"Null Island","aws_place_id":"x","google_place_id":null,"new":{}}`),
		Place{Lat: "9e1", Lon: "-1.8e2", Name: "名前", Address: "line\nbreak"},
	}
}

func unknowns() []Value {
	return []Value{
		nil, Raw(`{"spin":0.5,"name":"\u00e9"}`), Raw(`[1,[2,{"deep":[null,true]}],"three"]`), Raw(`"text"`), Raw(`12345678901234567890`),
		Raw(`false`), Raw(`{}`), Raw(`[]`), Raw(`-0.0`), Raw(`1E400`),
	}
}

// formulas are columns of formulas: of every type, of nulls, of several types.
func (b *builder) formulas() []column {
	f := func(id, name string, values ...Value) column {
		return column{Property{ID: id, Name: name, Type: "formula", Expression: fmt.Sprintf("prop(%q)", name)}, values}
	}
	text := []Value{nil, Str(""), Str("a"), Str("nul \x00 👩‍🚀"), Str("12")}
	number, date := Result{"number", Number("1E5")}, Result{"date", Date{Start: "2026-01-05", End: "2026-01-09"}}
	unsupported := Result{Type: "unsupported"}
	return []column{
		f("fSt1", "Formula string", results("string", text)...),
		f("fNu1", "Formula number", results("number", hostileNumbers())...),
		f("fBo1", "Formula boolean", results("boolean", []Value{Check(true), Check(false), nil})...),
		f("fDa1", "Formula date", results("date", hostileDates())...),
		f("fNul", "Formula null number", Result{"number", nil}),
		f("fNdt", "Formula null date", Result{"date", nil}, unsupported),
		f("fNmx", "Formula null mixed", Result{"number", nil}, Result{"string", nil}),
		f("fUns", "Formula unsupported", unsupported),
		f("fHal", "Formula number or unsupported", number, unsupported, Result{"number", nil}, Result{"string", nil}),
		f("fMix", "Formula mixed", number, Result{"string", Str("text")}, Result{"boolean", Check(true)}, Result{"boolean", Check(false)}, date,
			Result{"date", Date{Start: "2026-01-05T09:00:00.000+02:00", TimeZone: ""}}, Result{"number", nil}, unsupported,
			Result{"number", Number("-0.0")}, Result{"number", Number("12345678901234567890")}, Result{"string", Str("")}),
		f("fM2%", "Formula % of two", number, Result{"boolean", Check(false)}),
	}
}

// types is the database with two data sources, of which the first has every
// property type with every kind of value.
func (b *builder) types() {
	sel, multi, status := b.hostileOptions("select"), b.hostileOptions("multi"), b.hostileOptions("status")
	texts := b.hostileTexts()
	related := func(n, from int) Refs { return b.rows("related", n, from) }
	columns := append([]column{
		{Property{ID: "text", Name: "Text", Type: "rich_text", Description: "any \"text\"\nof two lines"}, append(texts[3:], nil, Raw("null"))},
		{Property{ID: "title", Name: "Name", Type: "title"}, texts},
		{Property{ID: "numb", Name: "Number", Type: "number"}, hostileNumbers()},
		{Property{ID: "pc%t", Name: "Percent", Type: "number", Format: "percent", Description: "0.25 is 25 %"}, []Value{Number("0.25"), nil, Number("1")}},
		{Property{ID: "sele", Name: "Select", Type: "select", Options: sel}, choices(sel)},
		{Property{ID: `f\\:p`, Name: "Multi select", Type: "multi_select", Options: multi}, multiChoices(multi)},
		{Property{ID: "stat", Name: "Status", Type: "status", Options: status}, choices(status)},
		{Property{ID: "dat1", Name: "Date", Type: "date"}, hostileDates()},
		{Property{ID: "a/b%", Name: "People", Type: "people"}, b.hostilePeople()},
		{Property{ID: "file", Name: "Files", Type: "files"}, hostileFiles()},
		{Property{ID: "chec", Name: "Checkbox", Type: "checkbox"}, []Value{nil, Check(true), Check(false), Raw("null")}},
		{Property{ID: "url1", Name: "URL", Type: "url"}, hostileStrs("https://example.com/%d?a=b#c")},
		{Property{ID: "mail", Name: "Email", Type: "email"}, hostileStrs("person.%d@example.com")},
		{Property{ID: "phon", Name: "Phone", Type: "phone_number"}, hostileStrs("+1 415 555 %04d")},
		{
			Property{ID: ":J{:", Name: "Related", Type: "relation", Relation: &Relation{Source: SourceID(b.seed, "related"), SyncedID: "back", SyncedName: "Back"}},
			[]Value{nil, Refs{}, related(1, 0), related(3, 7), Raw("null"), related(24, 0), related(25, 0), related(26, 0), related(60, 0), Refs{b.id("page/in related, not shared"), related(1, 5)[0]}},
		},
		{Property{ID: "crtT", Name: "Created", Type: "created_time"}, nil},
		{Property{ID: "edtT", Name: "Edited", Type: "last_edited_time"}, nil},
		{Property{ID: "crtB", Name: "Created by", Type: "created_by"}, nil},
		{Property{ID: "edtB", Name: "Edited by", Type: "last_edited_by"}, nil},
		{Property{ID: "uniq", Name: "ID", Type: "unique_id", Prefix: "AB"}, []Value{Unique(1), Unique(3), Unique(-1), nil, Unique(0), Unique(2147483648)}},
		{Property{ID: "notion://tasks/auto_increment_id_property", Name: "Bare ID", Type: "unique_id"}, []Value{Unique(3), Unique(-1)}},
		{Property{ID: "verification", Name: "Verification", Type: "verification"}, b.verified()},
		{Property{ID: "plce", Name: "Place", Type: "place"}, places()},
		{Property{ID: "btnA", Name: "Button", Type: "button"}, nil},
		{Property{ID: "loca", Name: "Location", Type: "location"}, []Value{nil, Raw(`{}`), Raw(`{"latitude":1.0}`)}},
		{Property{ID: "visi", Name: "Last visited", Type: "last_visited_time"}, []Value{nil, Raw(`"2026-01-05T09:00:00.000Z"`)}},
		{Property{ID: "qntm", Name: "Quantum", Type: "quantum_state", Config: `{"basis":["x","y"]}`}, unknowns()},
	}, b.formulas()...)
	b.database("types", Database{Title: Plain("Everything"), Description: Plain("every property type"), Icon: &Icon{"emoji", "🌍"}, Cover: b.cover(2), Locked: true})
	source := b.source("types", "types", Plain("Every type"), properties(columns)...)
	b.t.Source(source).Icon, b.t.Source(source).Cover = &Icon{"emoji", "🌍"}, b.cover(1)
	b.t.Source(source).Description = Text{{Text: "in "}, {Text: "two runs", Bold: true}}
	b.fill(source, columns, 60)

	second := []column{
		{Property{ID: "title", Name: "Title", Type: "title"}, []Value{Plain("one"), Plain("two"), nil}},
		{Property{ID: "numb", Name: "Number", Type: "number"}, []Value{Number("1"), Number("2.5")}},
	}
	b.fill(b.source("types", "second", Plain("Second / source"), properties(second)...), second, 3)
}

// rows are the IDs of n rows of a source of this builder.
func (b *builder) rows(key string, n, from int) Refs {
	rows := b.t.m.Source(SourceID(b.seed, key)).Rows
	refs := make(Refs, n)
	for i := range refs {
		refs[i] = rows[(from+i)%len(rows)]
	}
	return refs
}
