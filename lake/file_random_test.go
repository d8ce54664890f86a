package lake_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/notionlake/notionlake/lake"
)

// A random makes schemas and values; equal seeds make equal ones.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 42))} }

func pick[T any](r random, all ...T) T { return all[r.IntN(len(all))] }

var scalars = []lake.Kind{lake.Bool, lake.Int64, lake.Float64, lake.String, lake.JSON, lake.Timestamp}

func (r random) typ(depth int) lake.Type {
	switch n := r.IntN(10); {
	case depth > 0 && n < 3:
		return lake.ListOf(r.typ(depth - 1))
	case depth > 0 && n < 6:
		return lake.StructOf(r.columns("f", 1+r.IntN(3), depth-1)...)
	}
	return lake.Type{Kind: pick(r, scalars...)}
}

func (r random) columns(prefix string, n, depth int) []lake.Column {
	columns := make([]lake.Column, n)
	for i := range columns {
		// Names in no order: "f2" comes before "f1".
		name := fmt.Sprint(prefix, n-i)
		columns[i] = lake.Column{Key: name, Name: name, Type: r.typ(depth), Long: r.IntN(4) == 0}
	}
	return columns
}

func (r random) schema() lake.Schema {
	columns := []lake.Column{required("_id")}
	columns = append(columns, r.columns("c", 1+r.IntN(8), 3)...)
	return lake.Schema{Table: "random", Key: "random", Columns: columns}
}

var texts = []string{
	"", " ", "a", "null", "\x00", "a\x00b", "\uFEFF", "\uFEFFbom", "é", "e\u0301", "日本語", "👩\u200d👩\u200d👧", "\U0010FFFF", "\uD7FF", "\uE000", "\uFFFD",
	strings.Repeat("\U0010FFFF", 20), strings.Repeat("\uD7FF", 20), strings.Repeat("z", 16), strings.Repeat("z", 17), "a" + strings.Repeat("\U0010FFFF", 20),
	strings.Repeat("0123456789", 500),
}

var floats = []float64{
	0, math.Copysign(0, -1), 1, -1, 0.1, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64,
	2.2250738585072009e-308, math.Inf(1), math.Inf(-1), 1 << 53, math.Pi,
}

var integers = []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1 << 53, -62135596800000000, 253402300799999999, -12219292800000000, -1}

func (r random) text() string {
	if r.IntN(3) > 0 {
		return pick(r, texts...)
	}
	runes := make([]rune, r.IntN(30))
	for i := range runes {
		runes[i] = pick(r, rune('a'+r.IntN(3)), rune(r.IntN(0xD800)), rune(0xE000+r.IntN(0x10FFFF-0xE000+1)))
	}
	return string(runes)
}

func (r random) value(t lake.Type) lake.Value {
	if r.IntN(4) == 0 {
		return lake.Value{}
	}
	switch t.Kind {
	case lake.Bool:
		return lake.BoolValue(r.IntN(2) == 0)
	case lake.Int64:
		return lake.IntValue(pick(r, pick(r, integers...), int64(r.Uint64())))
	case lake.Timestamp:
		return lake.MicrosValue(pick(r, pick(r, integers...), int64(r.Uint64())))
	case lake.Float64:
		return lake.FloatValue(pick(r, pick(r, floats...), r.NormFloat64()))
	case lake.String:
		return lake.TextValue(r.text())
	case lake.JSON:
		return lake.JSONValue(r.text())
	case lake.List:
		items := make([]lake.Value, r.IntN(4))
		for i := range items {
			items[i] = r.value(*t.Elem)
		}
		return lake.ListValue(items)
	case lake.Struct:
		fields := make([]lake.Value, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = r.value(f.Type)
		}
		return lake.StructValue(fields...)
	case lake.Invalid:
	}
	panic("no type")
}

// rows makes n rows; the identifiers are all different.
func (r random) rows(schema lake.Schema, n int) [][]lake.Value {
	// Some columns repeat a few values, for the dictionary.
	few := make([][]lake.Value, len(schema.Columns))
	for i, c := range schema.Columns {
		if r.IntN(2) == 0 {
			few[i] = []lake.Value{r.value(c.Type), r.value(c.Type), r.value(c.Type)}
		}
	}
	rows := make([][]lake.Value, n)
	for i := range rows {
		rows[i] = make([]lake.Value, len(schema.Columns))
		for j, c := range schema.Columns {
			switch {
			case c.Required:
				rows[i][j] = lake.TextValue(fmt.Sprint("id-", i))
			case few[j] != nil:
				rows[i][j] = pick(r, few[j]...)
			default:
				rows[i][j] = r.value(c.Type)
			}
		}
	}
	return rows
}
