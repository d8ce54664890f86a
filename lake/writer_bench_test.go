package lake_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// wideSchema is a data source's table of 35 columns, raw is the 36th.
func wideSchema(raw bool) lake.Schema {
	columns := []lake.Column{required("_id")}
	add := func(name string, t lake.Type) {
		columns = append(columns, lake.Column{Key: name, Name: name, Type: t})
	}
	text, number, flag, at := lake.Type{Kind: lake.String}, lake.Type{Kind: lake.Float64}, lake.Type{Kind: lake.Bool}, lake.Type{Kind: lake.Timestamp}
	person := lake.StructOf(lake.Field("id", lake.String), lake.Field("name", lake.String), lake.Field("email", lake.String), lake.Field("type", lake.String))
	date := lake.StructOf(lake.Field("start", lake.Timestamp), lake.Field("end", lake.Timestamp), lake.Field("date_only", lake.Bool), lake.Field("time_zone", lake.String))
	add("_url", text)
	add("_created_time", at)
	add("_last_edited_time", at)
	add("_created_by", text)
	add("_last_edited_by", text)
	add("_parent_type", text)
	add("_parent_id", text)
	add("_icon", text)
	add("_archived", flag)
	add("_locked", flag)
	add("name", text)
	columns = append(columns, lake.Column{Key: "notes", Name: "notes", Type: text, Long: true})
	for i := range 4 {
		add(fmt.Sprintf("number_%d", i), number)
		add(fmt.Sprintf("select_%d", i), text)
	}
	add("status", text)
	add("tags", lake.ListOf(text))
	add("due", date)
	add("span", date)
	add("owner", lake.ListOf(person))
	add("made_by", person)
	add("edited_by", person)
	add("done", flag)
	add("link", text)
	add("mail", text)
	add("related", lake.ListOf(text))
	add("total", number)
	add("number", text)
	add("place", lake.StructOf(lake.Field("lat", lake.Float64), lake.Field("lon", lake.Float64), lake.Field("name", lake.String), lake.Field("address", lake.String)))
	if raw {
		add("_raw", lake.Type{Kind: lake.JSON})
	}
	return lake.Schema{Table: "wide", Key: "wide", Columns: columns}
}

// wideRows makes n rows of wideSchema, no two of them equal.
func wideRows(schema lake.Schema, n int) [][]lake.Value {
	r := rand.New(rand.NewPCG(1, 2))
	id := func() string {
		return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", r.Uint32(), r.Uint32()>>16, r.Uint32()>>16, r.Uint32()>>16, r.Uint64()>>16)
	}
	words := strings.Fields("the quick brown fox jumps over a lazy dog while seven wizards quietly box with five dozen liquor jugs in the evening rain")
	phrase := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(words[r.IntN(len(words))])
			b.WriteByte(' ')
		}
		return b.String()
	}
	people := make([]lake.Value, 40)
	for i := range people {
		people[i] = lake.StructValue(lake.TextValue(id()), lake.TextValue(phrase(2)), lake.TextValue(words[r.IntN(len(words))]+"@example.com"), lake.TextValue("person"))
	}
	var value func(c lake.Column, t lake.Type) lake.Value
	value = func(c lake.Column, t lake.Type) lake.Value {
		if !c.Required && r.IntN(10) == 0 {
			return lake.Value{}
		}
		switch t.Kind {
		case lake.Bool:
			return lake.BoolValue(r.IntN(2) == 0)
		case lake.Float64:
			return lake.FloatValue(float64(r.IntN(100000)) / 100)
		case lake.Timestamp:
			return lake.MicrosValue(1_700_000_000_000_000 + r.Int64N(1e15))
		case lake.JSON:
			var b strings.Builder
			for b.Len() < 6000 {
				fmt.Fprintf(&b, `"%s":{"id":"%s","type":"rich_text","rich_text":[{"type":"text","text":{"content":"%s","link":null},"annotations":{"bold":false,"italic":false,"strikethrough":false,"underline":false,"code":false,"color":"default"},"plain_text":"%s","href":null}]},`, words[r.IntN(len(words))], id(), phrase(4), phrase(4))
			}
			return lake.JSONValue(b.String())
		case lake.List:
			items := make([]lake.Value, r.IntN(4))
			for i := range items {
				switch {
				case t.Elem.Kind == lake.Struct:
					items[i] = people[r.IntN(len(people))]
				case c.Name == "related":
					items[i] = lake.TextValue(id())
				default:
					items[i] = lake.TextValue(words[r.IntN(len(words))])
				}
			}
			return lake.ListValue(items)
		case lake.Struct:
			if len(t.Fields) == 4 && t.Fields[0].Name == "id" {
				return people[r.IntN(len(people))]
			}
			fields := make([]lake.Value, len(t.Fields))
			for i, f := range t.Fields {
				fields[i] = value(f, f.Type)
			}
			return lake.StructValue(fields...)
		case lake.Invalid, lake.Int64, lake.String:
		}
		switch {
		case c.Name == "_id":
			return lake.TextValue(id())
		case c.Name == "_url" || c.Name == "link":
			return lake.TextValue("https://www.notion.so/" + strings.ReplaceAll(id(), "-", ""))
		case c.Name == "name":
			return lake.TextValue(phrase(5))
		case c.Name == "notes":
			return lake.TextValue(phrase(20))
		case c.Name == "number":
			return lake.TextValue(fmt.Sprint("AB-", r.Uint32()))
		default:
			return lake.TextValue(words[r.IntN(len(words))])
		}
	}
	rows := make([][]lake.Value, n)
	for i := range rows {
		for _, c := range schema.Columns {
			rows[i] = append(rows[i], value(c, c.Type))
		}
	}
	return rows
}

func BenchmarkWriter(b *testing.B) {
	for _, raw := range []bool{false, true} {
		b.Run(fmt.Sprintf("raw=%t", raw), func(b *testing.B) {
			schema := wideSchema(raw)
			rows := wideRows(schema, map[bool]int{false: 40000, true: 4000}[raw])
			s := tempStorage(b, nil)
			ctx := context.Background()
			w, err := lake.NewWriter(s, schema, layoutOf(schema), lake.WriterOptions{Name: "bench"})
			must(b, err)
			b.ReportAllocs()
			b.ResetTimer()
			before := cpuTime()
			for i := range b.N {
				must(b, w.Write(ctx, rows[i%len(rows)]))
			}
			files, err := w.Close(ctx)
			must(b, err)
			cpu := cpuTime() - before
			b.StopTimer()
			bytes := int64(0)
			for _, f := range files {
				bytes += f.Bytes
			}
			b.ReportMetric(float64(bytes)/float64(b.N), "fileB/row")
			b.ReportMetric(float64(b.N)/cpu.Seconds(), "rows/cpu-s")
		})
	}
}

// cpuTime is what the process used: unlike the clock, it does not see the neighbours.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkReadFiles(b *testing.B) {
	for _, raw := range []bool{false, true} {
		b.Run(fmt.Sprintf("raw=%t", raw), func(b *testing.B) {
			schema := wideSchema(raw)
			s := tempStorage(b, nil)
			files := writeRows(b, s, schema, wideRows(schema, 5000), lake.WriterOptions{Name: "bench"})
			ctx := context.Background()
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; {
				for _, err := range lake.ReadFiles(ctx, s, schema, layoutOf(schema), files) {
					must(b, err)
					if n++; n == b.N {
						break
					}
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
