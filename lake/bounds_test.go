package lake_test

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/notionlake/notionlake/lake"
)

// checkBounds holds the bounds of a file against the values in it.
func checkBounds(t *testing.T, schema lake.Schema, layout lake.Layout, rows [][]lake.Value, columns []lake.ColumnStats) {
	t.Helper()
	stats := map[int]lake.ColumnStats{}
	for _, c := range columns {
		stats[c.FieldID] = c
	}
	var walk func(path string, c lake.Column, values []lake.Value)
	walk = func(path string, c lake.Column, values []lake.Value) {
		switch c.Type.Kind {
		case lake.List:
			noBounds(t, stats, layout, path+".element", *c.Type.Elem)
		case lake.Struct:
			for i, f := range c.Type.Fields {
				var fields []lake.Value
				for _, v := range values {
					if !v.IsNull() {
						fields = append(fields, v.Items()[i])
					}
				}
				walk(path+"."+f.Name, f, fields)
			}
		case lake.JSON:
			noBounds(t, stats, layout, path, c.Type)
		case lake.Bool, lake.Int64, lake.Float64, lake.String, lake.Timestamp, lake.Invalid:
			if c.Long {
				noBounds(t, stats, layout, path, c.Type)
				return
			}
			checkColumn(t, path, stats[layout.FieldIDs[path]], values)
		}
	}
	for j, c := range schema.Columns {
		var values []lake.Value
		for _, row := range rows {
			values = append(values, row[j])
		}
		walk(c.Name, c, values)
	}
}

// noBounds checks that nothing at or below path has bounds.
func noBounds(t *testing.T, stats map[int]lake.ColumnStats, layout lake.Layout, path string, typ lake.Type) {
	t.Helper()
	if s := stats[layout.FieldIDs[path]]; !s.Min.IsNull() || !s.Max.IsNull() {
		t.Errorf("%s has the bounds %q, %q", path, s.Min, s.Max)
	}
	if typ.Elem != nil {
		noBounds(t, stats, layout, path+".element", *typ.Elem)
	}
	for _, f := range typ.Fields {
		noBounds(t, stats, layout, path+"."+f.Name, f.Type)
	}
}

func checkColumn(t *testing.T, path string, s lake.ColumnStats, values []lake.Value) {
	t.Helper()
	some := false
	var least, greatest lake.Value
	for _, v := range values {
		if v.IsNull() {
			continue
		}
		if !some || less(v, least) {
			least = v
		}
		if !some || less(greatest, v) {
			greatest = v
		}
		some = true
	}
	switch {
	case !some:
		if !s.Min.IsNull() || !s.Max.IsNull() {
			t.Errorf("%s: bounds %q, %q of nothing", path, s.Min, s.Max)
		}
	case s.Min.IsNull() || less(least, s.Min):
		t.Errorf("%s: lower bound %q of %q", path, s.Min, least)
	case s.Max.IsNull():
		if strings.Trim(first16(greatest.Text()), "\U0010FFFF") != "" {
			t.Errorf("%s: no upper bound of %q", path, greatest)
		}
	case less(s.Max, greatest):
		t.Errorf("%s: upper bound %q of %q", path, s.Max, greatest)
	case least.Kind() == lake.String:
		if s.Min.Text() != first16(least.Text()) {
			t.Errorf("%s: lower bound %q of %q is not its beginning", path, s.Min, least)
		}
		if s.Max.Text() != greatest.Text() && utf8.RuneCountInString(greatest.Text()) <= 16 || utf8.RuneCountInString(s.Max.Text()) > 16 || !utf8.ValidString(s.Max.Text()) {
			t.Errorf("%s: upper bound %q of %q", path, s.Max, greatest)
		}
	case least.Kind() == lake.Float64:
		// Exact but for the sign of zero.
		if s.Min.Float() != least.Float() || s.Max.Float() != greatest.Float() {
			t.Errorf("%s: bounds %v, %v of %v, %v", path, s.Min, s.Max, least, greatest)
		}
	case !s.Min.Equal(least) || !s.Max.Equal(greatest):
		t.Errorf("%s: bounds %v, %v of %v, %v", path, s.Min, s.Max, least, greatest)
	}
}

// checkPageBounds holds the page index and the footer against the values of
// the pages: engines skip by them.
func checkPageBounds(t *testing.T, c parquet.ColumnChunk) {
	t.Helper()
	chunk := c.(*parquet.FileColumnChunk)
	index, err := chunk.ColumnIndex()
	must(t, err)
	lower, upper, ok := chunk.Bounds()
	pages := chunk.Pages()
	defer pages.Close()
	order := func(a, b parquet.Value) int {
		if a.Kind() == parquet.Double && a.Double() == 0 && b.Double() == 0 {
			return cmp.Compare(1/a.Double(), 1/b.Double())
		}
		return chunk.Type().Compare(a, b)
	}
	n := 0
	for ; ; n++ {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		values := make([]parquet.Value, page.NumValues())
		if k, err := page.Values().ReadValues(values); k != len(values) || !errors.Is(err, io.EOF) && err != nil {
			t.Fatalf("%d of %d values: %v", k, len(values), err)
		}
		nulls := 0
		for _, v := range values {
			if v.IsNull() {
				nulls++
				continue
			}
			if !ok || order(lower, v) > 0 || order(v, upper) > 0 {
				t.Fatalf("column %d: %q is not in [%q, %q] of the chunk", chunk.Column(), v, lower, upper)
			}
			if index.NullPage(n) || order(index.MinValue(n), v) > 0 || order(v, index.MaxValue(n)) > 0 {
				t.Fatalf("column %d: %q is not in [%q, %q] of page %d", chunk.Column(), v, index.MinValue(n), index.MaxValue(n), n)
			}
		}
		if index.NullCount(n) != int64(nulls) || index.NullPage(n) != (nulls == len(values)) {
			t.Errorf("column %d: %d nulls in %d values of page %d, and %d are said", chunk.Column(), nulls, len(values), n, index.NullCount(n))
		}
		parquet.Release(page)
	}
	if n != index.NumPages() {
		t.Errorf("column %d: %d pages, and %d are said", chunk.Column(), n, index.NumPages())
	}
}

func first16(s string) string {
	if r := []rune(s); len(r) > 16 {
		return string(r[:16])
	}
	return s
}

// less is the order of the engines: text by bytes, -0.0 before 0.0.
func less(a, b lake.Value) bool {
	switch a.Kind() {
	case lake.Bool:
		return !a.Bool() && b.Bool()
	case lake.Float64:
		if a.Float() == 0 && b.Float() == 0 {
			return math.Signbit(a.Float()) && !math.Signbit(b.Float())
		}
		return a.Float() < b.Float()
	case lake.String:
		return a.Text() < b.Text()
	case lake.Int64, lake.Timestamp:
		return a.Int() < b.Int()
	case lake.Invalid, lake.JSON, lake.List, lake.Struct:
	}
	panic("no order of " + a.Kind().String())
}

func TestBounds(t *testing.T) {
	last := "\U0010FFFF"
	text := func(s ...string) (v []lake.Value) {
		for _, s := range s {
			v = append(v, lake.TextValue(s))
		}
		return v
	}
	for _, c := range []struct {
		name     string
		values   []lake.Value
		min, max lake.Value
	}{
		{"nulls", []lake.Value{{}, {}}, lake.Value{}, lake.Value{}},
		{"short text", text("b", "a", "c"), lake.TextValue("a"), lake.TextValue("c")},
		{"empty text", text("", "a"), lake.TextValue(""), lake.TextValue("a")},
		{"16 characters", text(strings.Repeat("é", 16)), lake.TextValue(strings.Repeat("é", 16)), lake.TextValue(strings.Repeat("é", 16))},
		{"17 characters", text(strings.Repeat("z", 17)), lake.TextValue(strings.Repeat("z", 16)), lake.TextValue(strings.Repeat("z", 15) + "{")},
		{"longer, then its beginning", text(strings.Repeat("z", 17), strings.Repeat("z", 16)), lake.TextValue(strings.Repeat("z", 16)), lake.TextValue(strings.Repeat("z", 15) + "{")},
		{"its beginning, then longer", text(strings.Repeat("z", 16), strings.Repeat("z", 17)), lake.TextValue(strings.Repeat("z", 16)), lake.TextValue(strings.Repeat("z", 15) + "{")},
		{"before the surrogates", text(strings.Repeat("\uD7FF", 17)), lake.TextValue(strings.Repeat("\uD7FF", 16)), lake.TextValue(strings.Repeat("\uD7FF", 15) + "\uE000")},
		{"after the last character", text("a" + strings.Repeat(last, 20)), lake.TextValue("a" + strings.Repeat(last, 15)), lake.TextValue("b")},
		{"nothing is greater", text(strings.Repeat(last, 20)), lake.TextValue(strings.Repeat(last, 16)), lake.Value{}},
		{"only 16 of the last", text(strings.Repeat(last, 16)), lake.TextValue(strings.Repeat(last, 16)), lake.TextValue(strings.Repeat(last, 16))},
		{"zero", []lake.Value{lake.FloatValue(0)}, lake.FloatValue(math.Copysign(0, -1)), lake.FloatValue(0)},
		{"minus zero", []lake.Value{lake.FloatValue(math.Copysign(0, -1))}, lake.FloatValue(math.Copysign(0, -1)), lake.FloatValue(0)},
		{"zero at one end", []lake.Value{lake.FloatValue(math.Copysign(0, -1)), lake.FloatValue(-3)}, lake.FloatValue(-3), lake.FloatValue(0)},
		{"not a number", []lake.Value{lake.FloatValue(math.NaN())}, lake.Value{}, lake.Value{}},
		{"infinite", []lake.Value{lake.FloatValue(math.Inf(1)), lake.FloatValue(math.Inf(-1))}, lake.FloatValue(math.Inf(-1)), lake.FloatValue(math.Inf(1))},
		{"integers", []lake.Value{lake.IntValue(math.MaxInt64), {}, lake.IntValue(math.MinInt64)}, lake.IntValue(math.MinInt64), lake.IntValue(math.MaxInt64)},
		{"times", []lake.Value{lake.MicrosValue(3), lake.MicrosValue(-1)}, lake.MicrosValue(-1), lake.MicrosValue(3)},
		{"true", []lake.Value{lake.BoolValue(true)}, lake.BoolValue(true), lake.BoolValue(true)},
		{"both", []lake.Value{lake.BoolValue(true), lake.BoolValue(false)}, lake.BoolValue(false), lake.BoolValue(true)},
		{"JSON", []lake.Value{lake.JSONValue("{}")}, lake.Value{}, lake.Value{}},
		{"list", []lake.Value{lake.ListValue(text("a"))}, lake.Value{}, lake.Value{}},
		{"struct", []lake.Value{lake.StructValue(lake.TextValue("a")), {}, lake.StructValue(lake.TextValue("b"))}, lake.TextValue("a"), lake.TextValue("b")},
	} {
		t.Run(c.name, func(t *testing.T) {
			typ := lake.Type{Kind: lake.Float64}
			for _, v := range c.values {
				switch {
				case v.Kind() == lake.List:
					typ = lake.ListOf(lake.Type{Kind: lake.String})
				case v.Kind() == lake.Struct:
					typ = lake.StructOf(lake.Field("f", lake.String))
				case !v.IsNull():
					typ = lake.Type{Kind: v.Kind()}
				}
			}
			schema := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{{Key: "c", Name: "c", Type: typ}}}
			rows := make([][]lake.Value, len(c.values))
			for i, v := range c.values {
				rows[i] = []lake.Value{v}
			}
			s := tempStorage(t, nil)
			f := writeRows(t, s, schema, rows, lake.WriterOptions{Name: "x"})[0]
			checkPageBounds(t, openParquet(t, s, f).RowGroups()[0].ColumnChunks()[0])
			got := f.Columns[0]
			if !got.Min.Equal(c.min) || !got.Max.Equal(c.max) {
				t.Errorf("bounds %s, %s, want %s, %s", quote(got.Min), quote(got.Max), quote(c.min), quote(c.max))
			}
		})
	}
}

func quote(v lake.Value) string { return fmt.Sprintf("%q (%v)", v, v.Kind()) }

// TestLongTextIsNotInTheFooter: bounds in full would make this file of hardly
// any content a megabyte.
func TestLongTextIsNotInTheFooter(t *testing.T) {
	text := lake.TextValue(strings.Repeat("long ", 100_000))
	for _, long := range []bool{false, true} {
		schema := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{{Key: "c", Name: "c", Type: lake.Type{Kind: lake.String}, Long: long}}}
		f := writeRows(t, tempStorage(t, nil), schema, [][]lake.Value{{text}, {text}}, lake.WriterOptions{Name: "x"})[0]
		if f.Bytes > 2000 {
			t.Errorf("long %t: %d bytes", long, f.Bytes)
		}
	}
}
