package extract

import (
	"bytes"
	"encoding/json"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// everyType is one property of every type.
func everyType() []*property {
	var properties []*property
	for i, typ := range append(sortedKeys(propertyTypes), "location") {
		id := "p" + strconv.Itoa(i)
		properties = append(properties, &property{id: id, wire: id, name: typ, typ: typ, config: "{}"})
	}
	return properties
}

// FuzzPage makes rows of whatever is JSON: it never panics, what it makes fits
// the columns and is Unicode, and the raw object is what it was but for what
// changes with every read.
func FuzzPage(f *testing.F) {
	properties := everyType()
	page := []byte(`{"object":"page","id":"x","parent":{"type":"workspace","workspace":true},"properties":{`)
	for i, p := range properties {
		if i > 0 {
			page = append(page, ',')
		}
		page = append(append(strconv.AppendQuote(page, p.name), ':'), wirePrefix(p)...)
		page = append(page, "null}"...)
	}
	f.Add(append(page, "}}"...))
	for _, name := range []string{"date", "people", "files", "formula_mixed", "rollup_of_date", "title", "verification"} {
		ar, err := os.ReadFile("../testdata/property/" + name + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		for _, line := range strings.Split(string(ar), "\n") {
			if typ, _, _ := strings.Cut(name, "_"); strings.HasPrefix(line, "{") || strings.HasPrefix(line, "[") {
				for _, p := range properties {
					if p.typ == typ {
						f.Add([]byte(`{"id":"x","properties":{"P":` + string(wirePrefix(p)) + line + `}}}`))
					}
				}
			}
		}
	}
	f.Add([]byte("{\"id\":\"\xff\\ud800\",\"properties\":{},\"icon\":{\"file\":{\"url\":\"https://x/\\u003fa\",\"expiry_time\":1}} , \"request_id\":1}"))
	options := []jsontext.Options{jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.TrimSpace(b)
		if len(b) == 0 || !jsontext.Value(b).IsValid(options...) {
			return
		}
		m := newMapper(properties, true, newUserView(newDirectory(nil)))
		if ok, err := m.read(notion.JSON(b), nil); err != nil || !ok {
			return
		}
		for i, v := range m.row {
			if !valid(v) {
				t.Fatalf("column %d is not Unicode: %q", i, v)
			}
		}
		for _, c := range m.columns {
			if c.index < 0 {
				continue
			}
			v, typ := m.row[c.index], c.column
			if c.late != nil {
				late := c.late(c.property, nil, lake.Type{})
				late.Add(v)
				typ = late.Type()
				var err error
				if v, err = late.Value(v, typ); err != nil {
					continue // a result of another shape than its type has
				}
			}
			if why, ok := typ.Fits(v); !ok {
				t.Fatalf("a %s: %s", c.typ, why)
			}
		}
		raw := m.row[m.raw].Text()
		if !json.Valid([]byte(raw)) || strings.Contains(raw, "\n") {
			t.Fatalf("raw is not JSON in one line: %q", raw)
		}
		clean, _ := appendClean(nil, []byte(raw), skipBlank([]byte(raw), 0), true)
		again, _ := appendClean(nil, clean, 0, true)
		if !bytes.Equal(clean, again) {
			t.Fatalf("raw %q becomes %q and that %q", raw, clean, again)
		}
	})
}

func valid(v lake.Value) bool {
	for _, item := range v.Items() {
		if !valid(item) {
			return false
		}
	}
	return utf8.ValidString(v.Text())
}

// FuzzISO compares the date parser with the standard library's.
func FuzzISO(f *testing.F) {
	for _, s := range []string{
		"2026-09-15", "2026-09-15T09:00:00.000-07:00", "0000-01-01", "9999-12-31T23:59:59.999999Z", "2021-02-30",
		"2000-02-29T00:00Z", "2021-01-01T23:59:60Z", "1900-02-29", "2026-09-15T09:00:00.123456789+05:30", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseISO([]byte(s))
		want, err := time.Parse(time.RFC3339Nano, s)
		if date, dateErr := time.Parse(time.DateOnly, s); dateErr == nil {
			want, err = date, nil
		}
		// The standard library takes a comma for a point, and an hour of one digit.
		if err == nil && !ok && !strings.Contains(s, ",") && (len(s) == 10 || s[13] == ':') {
			t.Fatalf("%q was refused", s)
		}
		if err == nil && ok && got.utc() != want.UnixMicro() {
			t.Fatalf("%q is %v, not %v", s, time.UnixMicro(got.utc()).UTC(), want.UTC())
		}
	})
}

// FuzzResolve: the instant of a local time is one at which the clocks show it,
// the earliest there is, or lies behind the gap that the clocks skip.
func FuzzResolve(f *testing.F) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "America/St_Johns"}
	for i := range zones {
		f.Add(int64(1774751400), i)
		f.Add(int64(1325246400), i)
	}
	f.Fuzz(func(t *testing.T, wall int64, zone int) {
		if wall < -2e9 || wall > 4e9 {
			return
		}
		loc, err := time.LoadLocation(zones[uint(zone)%uint(len(zones))])
		if err != nil {
			t.Fatal(err)
		}
		shows := func(instant int64) int64 {
			_, offset := time.Unix(instant, 0).In(loc).Zone()
			return instant + int64(offset)
		}
		got := resolve(wall*1e6, loc) / 1e6
		if shows(got) == wall {
			for earlier := got - 900; earlier > got-26*3600; earlier -= 900 {
				if shows(earlier) == wall {
					t.Fatalf("%d in %s is %d, but %d is earlier", wall, loc, got, earlier)
				}
			}
			return
		}
		if shows(got) < wall {
			t.Fatalf("%d in %s was moved back to %d", wall, loc, shows(got))
		}
		for i := got - 26*3600; i < got+26*3600; i += 900 {
			if shows(i+(wall-shows(i))%900) == wall {
				t.Fatalf("%d in %s exists at %d", wall, loc, i)
			}
		}
	})
}

// FuzzNumber compares the number parser with the standard library's.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"0", "-0", "1.5", "9007199254740993", "1e400", "123456789012345.6", "0.1", "5e-324", "1E+22", "-12345678901234567890"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" || len(s) > 400 || strings.ContainsAny(s, " \t\r\n\"tfn{[") || !json.Valid([]byte(s)) {
			return
		}
		got, exact, ok := parseNumber([]byte(s))
		want, err := strconv.ParseFloat(s, 64)
		if ok != (err == nil) || ok && !lake.FloatValue(got).Equal(lake.FloatValue(want)) {
			t.Fatalf("%s is %v %v, not %v %v", s, got, ok, want, err)
		}
		if !ok || strings.ContainsAny(s, "eE.") {
			return
		}
		integer, _ := new(big.Int).SetString(s, 10)
		if held, _ := new(big.Float).SetFloat64(got).Int(nil); exact != (held.Cmp(integer) == 0) {
			t.Fatalf("%s: exact is %v", s, exact)
		}
	})
}
