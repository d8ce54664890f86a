package extract

import (
	"bytes"
	"testing"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// BenchmarkPage measures one page of 35 properties and 6 KB of JSON becoming a row.
func BenchmarkPage(b *testing.B) {
	w := notiontest.Big(300, 1)
	client := newClient(b, notiontest.NewServer(w, notiontest.Options{}))
	id := w.Model().Sources[0].ID
	object, err := client.DataSource(b.Context(), id)
	if err != nil {
		b.Fatal(err)
	}
	ds, err := parseDataSource(object)
	if err != nil {
		b.Fatal(err)
	}
	var pages []notion.JSON
	size := 0
	for r, err := range client.QueryDataSource(b.Context(), id, notion.Query{}) {
		if err != nil {
			b.Fatal(err)
		}
		pages = append(pages, bytes.Clone(r.Object))
		size += len(r.Object)
	}
	for _, raw := range []bool{false, true} {
		b.Run(map[bool]string{false: "typed", true: "raw"}[raw], func(b *testing.B) {
			users := newDirectory(client)
			if err := users.list(b.Context()); err != nil {
				b.Fatal(err)
			}
			m := newMapper(ds.properties, raw, newUserView(users))
			b.SetBytes(int64(size / len(pages)))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				ok, err := m.read(pages[n%len(pages)], nil)
				if err != nil || !ok || !m.whole(nil) {
					b.Fatal(ok, err, m.users.unasked, len(m.wants))
				}
				n++
			}
		})
	}
}

// BenchmarkLate measures a result being added and converted.
func BenchmarkLate(b *testing.B) {
	results := map[string][2]string{
		"formula number": {"formula", `{"type":"number","number":16.25}`},
		"formula text":   {"formula", `{"type":"string","string":"In progress"}`},
		"rollup number":  {"rollup", `{"type":"number","number":1300.5,"function":"sum"}`},
		"rollup array":   {"rollup", `{"type":"array","array":[{"type":"number","number":8},{"type":"number","number":5}],"function":"show_original"}`},
	}
	for _, name := range sortedKeys(results) {
		b.Run(name, func(b *testing.B) {
			p := &property{typ: results[name][0], config: "{}", function: "sum"}
			late := propertyTypes[p.typ].late(p, nil, lake.Type{})
			v := lake.JSONValue(results[name][1])
			b.ReportAllocs()
			for b.Loop() {
				late.Add(v)
				if _, err := late.Value(v, late.Type()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
