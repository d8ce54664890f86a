package truth

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A bench is a workspace with one data source.
type bench struct {
	w      *notiontest.Workspace
	source string
}

func newBench(properties ...notiontest.Property) bench {
	w := notiontest.NewWorkspace(1)
	b := bench{w, notiontest.SourceID(1, "bench")}
	w.Update(func(t *notiontest.Tx) {
		for _, u := range []notiontest.User{
			{ID: "ada", Type: "person", Name: "Ada", Email: "ada@example.com"},
			{ID: "partial", Type: "person", Name: "Part", Email: "part@example.com", Partial: true},
			{ID: "guest", Type: "person", Name: "Guest", Guest: true, Partial: true},
			{ID: "gone", Type: "person", Name: "Gone", Removed: true},
			{ID: "bot", Type: "bot", Name: "Bot"},
			{ID: "group", Type: "group", Name: "Team"},
		} {
			t.AddUser(u)
		}
		t.AddDatabase(notiontest.Database{ID: "db", Title: notiontest.Plain("Bench")})
		s := notiontest.DataSource{ID: b.source, Database: "db", Title: notiontest.Plain("Bench")}
		for _, p := range append([]notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}, properties...) {
			s.Properties = append(s.Properties, &p)
		}
		t.AddSource(s)
	})
	return b
}

func (b bench) row(property string, v notiontest.Value) {
	values := map[string]notiontest.Value{}
	if v != nil {
		values[property] = v
	}
	b.w.AddRow(b.source, notiontest.Page{Values: values})
}

// load is the table of the data source and the state after it.
func (b bench) load(t *testing.T, prev *State) (Table, *State) {
	t.Helper()
	tables, state, err := Tables(b.w.Model(), prev, Options{Load: "l"})
	if err != nil {
		t.Fatal(err)
	}
	return tables[0], state
}

// column is the type and the cells of a column, as JSON.
func column(t *testing.T, table Table, name string) (kind string, cells []string) {
	t.Helper()
	for _, c := range table.Columns {
		if c.Name == name {
			for _, row := range table.Rows {
				cells = append(cells, encode(row[name]))
			}
			return c.Type, cells
		}
	}
	t.Fatalf("table %s has no column %s", table.Name, name)
	return "", nil
}

type (
	raw    = notiontest.Raw
	number = notiontest.Number
	day    = notiontest.Date
)

func TestCells(t *testing.T) {
	options := []notiontest.Option{{ID: "a", Name: "Alpha"}, {ID: "b", Name: "Beta \xff"}}
	type cell struct {
		value notiontest.Value
		want  string
	}
	for _, c := range []struct {
		property notiontest.Property
		column   string
		cells    []cell
	}{
		{notiontest.Property{Type: "rich_text"}, "string", []cell{
			{nil, `""`},
			{notiontest.Text{}, `""`},
			{raw("null"), `null`},
			{notiontest.Text{{Text: "two "}, {Text: "runs"}}, `"two runs"`},
			{notiontest.Text{{Text: "a\xffb"}}, `"a` + "\ufffd" + `b"`},
			{raw(`[{"plain_text":"lone \ud800"},{"plain_text":"\udc00"}]`), `"lone ` + "\ufffd\ufffd" + `"`},
		}},
		{notiontest.Property{Type: "number"}, "double", []cell{
			{nil, `null`},
			{number("0"), `"0000000000000000"`},
			{number("-0.0"), `"8000000000000000"`},
			{number("1"), `"3ff0000000000000"`},
			{number("5e-324"), `"0000000000000001"`},
			{number("1.7976931348623157e308"), `"7fefffffffffffff"`},
			{number("1e400"), `null`},
			{number("9007199254740993"), `"4340000000000000"`},
			{number("12345678901234567890"), `"43e56a95319d63e1"`},
			{number("1E5"), `"40f86a0000000000"`},
			{number("1e-400"), `"0000000000000000"`},
		}},
		{notiontest.Property{Type: "select", Options: options}, "string", []cell{
			{nil, `null`}, {notiontest.Choice("a"), `"Alpha"`}, {notiontest.Choice("b"), `"Beta ` + "\ufffd" + `"`},
		}},
		{notiontest.Property{Type: "status", Options: options}, "string", []cell{{nil, `null`}, {notiontest.Choice("a"), `"Alpha"`}}},
		{notiontest.Property{Type: "multi_select", Options: options}, "list<string>", []cell{
			{nil, `[]`}, {raw("null"), `null`}, {notiontest.Choices{"b", "a"}, `["Beta ` + "\ufffd" + `","Alpha"]`},
		}},
		{notiontest.Property{Type: "checkbox"}, "boolean", []cell{{nil, `false`}, {notiontest.Check(true), `true`}, {raw("null"), `null`}}},
		{notiontest.Property{Type: "url"}, "string", []cell{{nil, `null`}, {notiontest.Str("https://x/?a=b#c"), `"https://x/?a=b#c"`}, {raw(`""`), `""`}}},
		{notiontest.Property{Type: "email"}, "string", []cell{{notiontest.Str("a@b.example"), `"a@b.example"`}}},
		{notiontest.Property{Type: "phone_number"}, "string", []cell{{notiontest.Str("+1 415"), `"+1 415"`}}},
		{notiontest.Property{Type: "people"}, "list<" + userType + ">", []cell{
			{nil, `[]`},
			{raw("null"), `null`},
			{notiontest.People{"ada", "partial", "guest"}, `[{"email":"ada@example.com","id":"ada","name":"Ada","type":"person"},{"email":"part@example.com","id":"partial","name":"Part","type":"person"},{"email":null,"id":"guest","name":"Guest","type":"person"}]`},
			{notiontest.People{"gone", "nobody", "bot", "group"}, `[{"email":null,"id":"gone","name":null,"type":null},{"email":null,"id":"nobody","name":null,"type":null},{"email":null,"id":"bot","name":"Bot","type":"bot"},{"email":null,"id":"group","name":"Team","type":"group"}]`},
		}},
		{notiontest.Property{Type: "files"}, "list<struct<name string, url string, kind string, sha256 string, path string>>", []cell{
			{nil, `[]`},
			{
				notiontest.Files{{Name: "a", URL: "https://x/a?b#c"}, {Name: "b", URL: "https://x/b?c#d", Hosted: true}},
				`[{"kind":"external","name":"a","path":null,"sha256":null,"url":"https://x/a?b#c"},{"kind":"file","name":"b","path":null,"sha256":null,"url":"https://x/b"}]`,
			},
		}},
		{notiontest.Property{Type: "relation", Relation: &notiontest.Relation{Source: notiontest.SourceID(1, "bench")}}, "list<string>", []cell{
			{nil, `[]`}, {notiontest.Refs{"x", "y"}, `["x","y"]`}, {raw("null"), `null`},
		}},
		{notiontest.Property{Type: "unique_id", Prefix: "AB"}, "string", []cell{{nil, `null`}, {notiontest.Unique(3), `"AB-3"`}, {notiontest.Unique(-1), `null`}}},
		{notiontest.Property{Type: "unique_id"}, "string", []cell{{notiontest.Unique(3), `"3"`}}},
		{notiontest.Property{Type: "created_time"}, "timestamptz", []cell{{nil, `"2026-01-05T09:00:00.000000Z"`}}},
		{notiontest.Property{Type: "last_edited_time"}, "timestamptz", []cell{{nil, `"2026-01-05T09:00:00.000000Z"`}}},
		{notiontest.Property{Type: "created_by"}, userType, []cell{{nil, `{"email":null,"id":"` + notiontest.NewID(1, "bot") + `","name":"Lake exporter","type":"bot"}`}}},
		{notiontest.Property{Type: "verification"}, "struct<state string, verified_by string, start timestamptz, end timestamptz>", []cell{
			{nil, `{"end":null,"start":null,"state":"unverified","verified_by":null}`},
			{raw("null"), `null`},
			{
				notiontest.Verified{State: "verified", By: "ada", Date: &day{Start: "2026-01-05T09:00:00.000+01:00"}},
				`{"end":null,"start":"2026-01-05T08:00:00.000000Z","state":"verified","verified_by":"ada"}`,
			},
		}},
		{notiontest.Property{Type: "place"}, "struct<lat double, lon double, name string, address string>", []cell{
			{nil, `null`}, {notiontest.Place{Lat: "1", Lon: "-0.0", Name: "x"}, `{"address":null,"lat":"3ff0000000000000","lon":"8000000000000000","name":"x"}`},
		}},
		{notiontest.Property{Type: "quantum"}, "string", []cell{
			{nil, `null`}, {raw(`{"b":1E5,"a":[null]}`), `"{\"a\":[null],\"b\":1E5}"`}, {raw(`"x"`), `"\"x\""`},
		}},
	} {
		t.Run(c.property.Type, func(t *testing.T) {
			c.property.ID, c.property.Name = "prop", "Prop"
			b := newBench(c.property)
			var want []string
			for _, cell := range c.cells {
				b.row("prop", cell.value)
				want = append(want, cell.want)
			}
			table, _ := b.load(t, nil)
			kind, got := column(t, table, "prop")
			if kind != c.column {
				t.Errorf("type %s, want %s", kind, c.column)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("cells (-want +got):\n%s", d)
			}
		})
	}
}

func TestDates(t *testing.T) {
	at := func(start, end, only, zone string) string {
		quote := func(s string) string {
			if s == "null" {
				return s
			}
			return encode(s)
		}
		return fmt.Sprintf(`{"date_only":%s,"end":%s,"start":%s,"time_zone":%s}`, only, quote(end), quote(start), quote(zone))
	}
	for _, c := range []struct{ start, end, zone, want string }{
		{"2026-01-05", "", "", at("2026-01-05T00:00:00.000000Z", "null", "true", "null")},
		{"2026-01-05", "2026-01-01", "", at("2026-01-05T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z", "true", "null")},
		{"2026-01-05T09:00:00.000+02:00", "2026-01-06", "", at("2026-01-05T07:00:00.000000Z", "2026-01-06T00:00:00.000000Z", "false", "+02:00")},
		{"2026-01-05T09:00:00.000Z", "", "", at("2026-01-05T09:00:00.000000Z", "null", "false", "Z")},
		{"2026-07-01T09:00:00.000", "", "America/New_York", at("2026-07-01T13:00:00.000000Z", "null", "false", "America/New_York")},
		{"2026-07-01T09:00:00.000-07:00", "", "America/New_York", at("2026-07-01T16:00:00.000000Z", "null", "false", "America/New_York")},
		// In the gap: moved forward. Twice: the earlier.
		{"2026-03-29T02:30:00.000", "2026-10-25T02:30:00.000", "Europe/Berlin", at("2026-03-29T01:30:00.000000Z", "2026-10-25T00:30:00.000000Z", "false", "Europe/Berlin")},
		{"2026-10-04T02:15:00.000", "2026-04-05T01:45:00.000", "Australia/Lord_Howe", at("2026-10-03T15:45:00.000000Z", "2026-04-04T14:45:00.000000Z", "false", "Australia/Lord_Howe")},
		{"1969-12-31T23:59:59.999999+00:00", "", "", at("1969-12-31T23:59:59.999999Z", "null", "false", "+00:00")},
		{"0001-01-01", "9999-12-31T23:59:59.999Z", "", at("0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999000Z", "true", "null")},
		{"1582-10-10", "", "", at("1582-10-10T00:00:00.000000Z", "null", "true", "null")},
		{"2026-01-01", "10000-01-01", "", at("2026-01-01T00:00:00.000000Z", "null", "true", "null")},
		{"0000-01-01", "2026-01-01", "", "null"},
		{"10000-01-01", "", "", "null"},
		{"0001-01-01T00:00:00.000+14:00", "", "", "null"},
		{"9999-12-31T23:59:59.999-12:00", "", "", "null"},
		{"2021-02-30", "", "", "null"},
		{"2016-12-31T23:59:60.000Z", "", "", "null"},
		{"soon", "", "", "null"},
	} {
		got := encode(date(dateTree(day{Start: c.start, End: c.end, TimeZone: c.zone})))
		if got != c.want {
			t.Errorf("%s .. %s %s:\ngot  %s\nwant %s", c.start, c.end, c.zone, got, c.want)
		}
	}
	endOnly, _ := decode([]byte(`{"start":null,"end":"2026-01-09","time_zone":null}`))
	if got, want := encode(date(endOnly)), at("null", "2026-01-09T00:00:00.000000Z", "null", "null"); got != want {
		t.Errorf("end only: got %s, want %s", got, want)
	}
}
