package notiontest

import "strings"

// hostileStrings are texts that break what takes text lightly.
func hostileStrings() []string {
	return []string{
		"plain", "  spaces at both ends  ", " ", "\t", "\n", "line one\nline two\r\nline three",
		"nul \x00 in the middle", "\x00", "\x01\x02\x1b[31mred\x1b[0m\x7f", "\ufeffbyte order mark", "\u2028\u2029",
		"👩‍👩‍👧‍👦 family", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "\U0010ffff", "\ud7ff\ue000\ufffe\uffff",
		"e\u0301 and é", "שלום עולם", "مرحبا", "\u202eright to left", "zero\u200bwidth\u200djoiner", "Größe 名前 Ünïcödé",
		`quotes " ' and \ backslashes \u0041 \n`, "null", "NaN", "true", "0", "-0.0", "2026-01-05", `{"json":[1,2,3]}`, "[]",
		"'; DROP TABLE notion.tasks; --", "<img src=x onerror=alert(1)></script>", "=cmd|' /C calc'!A0", "%s %d %n ${HOME} {{x}}",
		"../../etc/passwd", strings.Repeat("a\u0301", 500), "\ufffd",
	}
}

// longText is 200 KB of text in runs of 2,000 characters, as Notion splits it.
func longText() Text {
	var t Text
	for i := range 100 {
		t = append(t, Run{Text: strings.Repeat(string("abcdefghij"[i%10]), 1990) + strings.Repeat("é", 5)})
	}
	return t
}

// hostileTexts are values of title and rich_text.
func (b *builder) hostileTexts() []Value {
	list := []Value{nil, Text{}, Text{{Text: ""}}}
	for _, s := range hostileStrings() {
		list = append(list, Plain(s))
	}
	var mentions Text
	for i := range 60 {
		mentions = append(mentions, Run{Text: "@" + b.name(i), Mention: &Mention{Type: "user", ID: b.person(i)}}, Run{Text: " "})
	}
	many := make(Text, 100)
	for i := range many {
		many[i] = Run{Text: string(rune('a' + i%26)), Bold: i%2 == 0}
	}
	return append(list,
		Text{{Text: "two "}, {Text: "runs", Bold: true, Link: "https://example.com/?a=b"}},
		Text{{Text: "E = mc^2", Equation: true}, {Text: " by "}, {Text: "@" + b.name(0), Mention: &Mention{Type: "user", ID: b.person(0)}}},
		Text{{Text: "Untitled", Mention: &Mention{Type: "page", ID: b.id("page/nowhere")}}},
		Text{{Text: "Tasks", Mention: &Mention{Type: "database", ID: b.id("database/types")}}},
		Text{{Text: "2026-01-05 → 2026-01-06", Mention: &Mention{Type: "date", Date: &Date{Start: "2026-01-05", End: "2026-01-06"}}}},
		Text{{Text: "lone \ufffd surrogate", JSON: `"lone \ud800 surrogate"`}},
		Text{{Text: "\ufffd\ufffdx", JSON: `"\udc00\ud800x"`}},
		Text{{Text: "😀 escaped", JSON: `"\ud83d\ude00 escaped"`}},
		Text{{Text: "\ufffd", JSON: `"\ud83d"`}, {Text: "\ufffd", JSON: `"\ude00"`}},
		Text{{Text: "A/é", JSON: `"\u0041\/\u00e9"`}},
		Text{{Text: "bad \ufffd\ufffd bytes \ufffd", JSON: "\"bad \xff\xfe bytes \x80\""}},
		mentions, many, longText(),
	)
}

func (b *builder) name(person int) string { return b.t.m.User(b.person(person)).Name }

// hostileNumbers are numbers as they stand on the wire.
func hostileNumbers() []Value {
	list := []Value{nil}
	for _, n := range []Number{
		"0", "1", "-1", "42", "31.30", "-0.0", "-0", "0.1", "1E5", "1.5E+3", "1e-7", "5e-324", "-5e-324", "2.2250738585072011e-308",
		"1.7976931348623157e308", "-1.7976931348623157e+308", "9007199254740991", "9007199254740993", "-9007199254740993",
		"12345678901234567890", "9223372036854775808", "100000000000000000000000", "1e400", "-1e400", "1e-400",
		"0.30000000000000004", "123456789.123456789", "3.141592653589793238462643383279",
	} {
		list = append(list, n)
	}
	return list
}

// hostileDates are dates, some of which no calendar has.
func hostileDates() []Value {
	return []Value{
		nil,
		Date{Start: "2026-01-05"},
		Date{Start: "2026-01-05", End: "2026-01-09"},
		Date{Start: "2026-01-05T09:00:00.000+00:00"},
		Date{Start: "2026-01-05T09:00:00.000Z", End: "2026-01-05T10:30:00.000Z"},
		Date{Start: "2026-01-05T09:00:00.000+02:00", End: "2026-01-05T10:00:00.000+02:00"},
		Date{Start: "2026-01-05T09:00:00.000-07:00", End: "2026-01-06"},
		Date{Start: "2026-01-05", End: "2026-01-05T12:00:00.000+05:45"},
		Date{Start: "2026-07-01T09:00:00.000", TimeZone: "America/New_York"},
		Date{Start: "2026-07-01T09:00:00.000", End: "2026-07-02T09:00:00.000", TimeZone: "Asia/Kolkata"},
		Date{Start: "2026-07-01T09:00:00.000-04:00", End: "2026-07-01T10:00:00.000-04:00", TimeZone: "America/New_York"},
		// The hour that is not there, the hour that is there twice.
		Date{Start: "2026-03-29T02:30:00.000", End: "2026-03-29T03:30:00.000", TimeZone: "Europe/Berlin"},
		Date{Start: "2026-10-25T02:30:00.000", End: "2026-10-25T03:30:00.000", TimeZone: "Europe/Berlin"},
		Date{Start: "2026-10-04T02:15:00.000", End: "2026-04-05T01:45:00.000", TimeZone: "Australia/Lord_Howe"},
		Date{Start: "2011-12-30T12:00:00.000", TimeZone: "Pacific/Apia"},
		Date{Start: "2019-10-17", End: "2019-10-05"},
		Raw(`{"start":null,"end":"2026-01-09","time_zone":null}`),
		Raw(`{"start":"2021-05-13","end":null}`),
		Date{Start: "0000-01-01"},
		Date{Start: "10000-01-01"},
		Date{Start: "-0001-01-01"},
		Date{Start: "0001-01-01"},
		Date{Start: "0001-01-01T00:00:00.000+14:00"},
		Date{Start: "9999-12-31"},
		Date{Start: "9999-12-31T23:59:59.999+00:00"},
		Date{Start: "9999-12-31T23:59:59.999-12:00"},
		Date{Start: "2026-01-01", End: "10000-01-01"},
		Date{Start: "1582-10-04"},
		Date{Start: "1582-10-10T12:00:00.000+00:00"},
		Date{Start: "1883-11-18T12:00:00.000-05:00"},
		Date{Start: "1969-12-31T23:59:59.999999+00:00", End: "1970-01-01T00:00:00.000001+00:00"},
		Date{Start: "1677-09-20"},
		Date{Start: "2262-04-12T00:00:00.000+00:00"},
		Date{Start: "2021-02-30"},
		Date{Start: "2024-02-29"},
		Date{Start: "2023-02-29"},
		Date{Start: "2016-12-31T23:59:60.000+00:00"},
		Date{Start: "2026-06-15T23:59:59.123+13:45"},
		Date{Start: "next Tuesday"},
	}
}
