package truth

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

func resultOf(kind string, v notiontest.Value) notiontest.Value {
	return notiontest.Result{Type: kind, Value: v}
}

// TestFormulas: the type of a formula's column over several loads.
func TestFormulas(t *testing.T) {
	one, text := resultOf("number", number("1.50")), resultOf("string", notiontest.Str("x"))
	null, nullText := resultOf("number", nil), resultOf("string", nil)
	yes, span := resultOf("boolean", notiontest.Check(true)), resultOf("date", day{Start: "2026-01-05", End: "2026-01-06"})
	unsupported := resultOf("unsupported", nil)
	type load struct {
		expression string
		values     []notiontest.Value
		column     string
		cells      []string
	}
	for name, loads := range map[string][]load{
		"numbers":                  {{"a", []notiontest.Value{one, null, unsupported}, "double", []string{`"3ff8000000000000"`, `null`, `null`}}},
		"nulls of one type":        {{"a", []notiontest.Value{null, unsupported}, "double", []string{`null`, `null`}}},
		"nulls of two types":       {{"a", []notiontest.Value{null, nullText}, "string", []string{`null`, `null`}}},
		"nothing":                  {{"a", nil, "string", nil}},
		"nulls keep the type":      {{"a", []notiontest.Value{text}, "string", []string{`"x"`}}, {"b", []notiontest.Value{null}, "string", []string{`null`}}},
		"results change the type":  {{"a", []notiontest.Value{text}, "string", []string{`"x"`}}, {"a", []notiontest.Value{one}, "double", []string{`"3ff8000000000000"`}}},
		"mixed":                    {{"a", []notiontest.Value{one, text, yes, span, null}, "string", []string{`"1.50"`, `"x"`, `"true"`, `"2026-01-05/2026-01-06"`, `null`}}},
		"mixed stays":              {{"a", []notiontest.Value{one, yes}, "string", []string{`"1.50"`, `"true"`}}, {"a", []notiontest.Value{one}, "string", []string{`"1.50"`}}},
		"mixed until it is edited": {{"a", []notiontest.Value{one, yes}, "string", []string{`"1.50"`, `"true"`}}, {"b", []notiontest.Value{one}, "double", []string{`"3ff8000000000000"`}}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(notiontest.Property{ID: "f", Name: "F", Type: "formula"})
			var state *State
			var table Table
			for i, l := range loads {
				b.w.Update(func(tx *notiontest.Tx) {
					tx.Property(b.source, "f").Expression = l.expression
					for _, id := range tx.Model().Source(b.source).Rows {
						tx.Trash(id)
					}
				})
				for _, v := range l.values {
					b.row("f", v)
				}
				table, state = b.load(t, state)
				kind, cells := column(t, table, "f")
				if kind != l.column {
					t.Errorf("load %d: type %s, want %s", i, kind, l.column)
				}
				if d := cmp.Diff(l.cells, cells); d != "" {
					t.Errorf("load %d (-want +got):\n%s", i, d)
				}
			}
		})
	}
}

func TestRollups(t *testing.T) {
	element := func(kind, value string) string { return `{"type":"` + kind + `","` + kind + `":` + value + `}` }
	array := func(elements string) notiontest.Value {
		return raw(`{"type":"array","array":[` + elements + `],"function":"show_original"}`)
	}
	scalar := func(kind, value string) notiontest.Value { return raw(element(kind, value)) }
	const unsupported = `{"type":"unsupported","unsupported":{},"function":"sum"}`
	for name, c := range map[string]struct {
		function string
		values   []notiontest.Value
		column   string
		cells    []string
	}{
		"numbers":   {"sum", []notiontest.Value{scalar("number", "1"), scalar("number", "null"), raw(unsupported)}, "double", []string{`"3ff0000000000000"`, `null`, `null`}},
		"dates":     {"latest_date", []notiontest.Value{scalar("date", "null")}, dateType, []string{`null`}},
		"elements":  {"show_original", []notiontest.Value{array(element("number", "1") + "," + element("number", "null")), array("")}, "list<double>", []string{`["3ff0000000000000",null]`, `[]`}},
		"flattened": {"show_original", []notiontest.Value{array(element("relation", `[{"id":"x"},{"id":"y"}]`) + "," + element("relation", "[]") + "," + element("relation", `[{"id":"z"}]`))}, "list<string>", []string{`["x","y","z"]`}},
		"people":    {"show_original", []notiontest.Value{array(element("people", `[{"object":"user","id":"ada"}]`))}, "list<string>", []string{`["ada"]`}},
		"authors":   {"show_original", []notiontest.Value{array(element("created_by", `{"object":"user","id":"ada"}`))}, "list<string>", []string{`["ada"]`}},
		"text":      {"show_original", []notiontest.Value{array(element("title", `[{"plain_text":"a"},{"plain_text":"b"}]`))}, "list<string>", []string{`["ab"]`}},
		"two types": {
			"show_original",
			[]notiontest.Value{array(element("number", "1.0") + "," + element("select", `null`)), array("")},
			"list<string>",
			[]string{`["{\"number\":1.0,\"type\":\"number\"}",null]`, `[]`},
		},
		"formulas":           {"show_original", []notiontest.Value{array(element("formula", element("number", "1")) + "," + element("formula", element("number", "null")))}, "list<double>", []string{`["3ff0000000000000",null]`}},
		"formulas of two":    {"show_original", []notiontest.Value{array(element("formula", element("number", "1.0")) + "," + element("formula", element("boolean", "false")))}, "list<string>", []string{`["1.0","false"]`}},
		"list and scalar":    {"max", []notiontest.Value{array(element("number", "1")), scalar("number", "3.0"), scalar("number", "null")}, "string", []string{`"[{\"number\":1,\"type\":\"number\"}]"`, `"3.0"`, `null`}},
		"no elements":        {"show_original", []notiontest.Value{array("")}, "list<double>", []string{`[]`}},
		"no result of a sum": {"sum", []notiontest.Value{raw(unsupported)}, "double", []string{`null`}},
		"no result of dates": {"date_range", nil, dateType, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(
				notiontest.Property{ID: "rel", Name: "Rel", Type: "relation", Relation: &notiontest.Relation{Source: notiontest.SourceID(1, "bench")}},
				notiontest.Property{ID: "num", Name: "Num", Type: "number"},
				notiontest.Property{ID: "r", Name: "R", Type: "rollup", Rollup: &notiontest.Rollup{Relation: "rel", Property: "num", Function: c.function}},
			)
			for _, v := range c.values {
				b.row("r", v)
			}
			table, _ := b.load(t, nil)
			kind, cells := column(t, table, "r")
			if kind != c.column {
				t.Errorf("type %s, want %s", kind, c.column)
			}
			if d := cmp.Diff(c.cells, cells); d != "" {
				t.Errorf("cells (-want +got):\n%s", d)
			}
		})
	}
}

// TestLongRelations: over more than 25 rows, what the property endpoint gives
// whole or the rows tell is expected whole, and nothing else is.
func TestLongRelations(t *testing.T) {
	rollup := func(function string) notiontest.Property {
		return notiontest.Property{ID: function, Name: function, Type: "rollup", Rollup: &notiontest.Rollup{Relation: "rel", Property: "num", Function: function}}
	}
	b := newBench(
		notiontest.Property{ID: "rel", Name: "Rel", Type: "relation", Relation: &notiontest.Relation{Source: notiontest.SourceID(1, "bench")}},
		notiontest.Property{ID: "num", Name: "Num", Type: "number"},
		rollup("sum"), rollup("count"), rollup("median"), rollup("unique"), rollup("show_original"), rollup("percent_per_group"),
	)
	var refs notiontest.Refs
	for range 30 {
		refs = append(refs, b.w.AddRow(b.source, notiontest.Page{Values: map[string]notiontest.Value{"num": number("0.1")}}))
	}
	b.row("rel", refs)
	table, _ := b.load(t, nil)
	sum := 0.0
	var all []string
	for range refs {
		sum += 0.1
		all = append(all, Double(0.1))
	}
	for name, want := range map[string]string{
		"rel": encode(refs), "sum": encode(Double(sum)), "count": encode(Double(30)), "percent_per_group": "null",
		"median": encode(Double(0.1)), "unique": encode(Double(1)), "show_original": encode(all),
	} {
		if _, cells := column(t, table, name); cells[30] != want {
			t.Errorf("%s: got %s, want %s", name, cells[30], want)
		}
	}
}
