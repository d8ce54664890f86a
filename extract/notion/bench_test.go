package notion

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fastjson"
)

// answer100 is the answer of a query with 100 rows of 35 properties, about 6 KB each.
func answer100() []byte {
	var b bytes.Buffer
	b.WriteString(`{"object":"list","results":[`)
	for i := range 100 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(row(i, 35))
	}
	b.WriteString(`],"next_cursor":"s:1:2","has_more":true,"type":"page_or_data_source","page_or_data_source":{}}`)
	return b.Bytes()
}

func row(i, properties int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"object":"page","id":"%08x-0000-4000-8000-%012x","created_time":"2026-01-01T00:%02d:00.000Z","last_edited_time":"2026-01-02T00:00:00.000Z","created_by":{"object":"user","id":"c2f20311-9e54-4d11-8c79-7398424ae41e"},"in_trash":false,"parent":{"type":"data_source_id","data_source_id":"248104cd-477e-80af-bc30-000bd28de8f9"},"properties":{`, i*2654435761%(1<<32), i, i%60)
	for p := range properties {
		if p > 0 {
			b.WriteByte(',')
		}
		switch p % 5 {
		case 0:
			fmt.Fprintf(&b, `"Text %d":{"id":"t%d","type":"rich_text","rich_text":[{"type":"text","text":{"content":"Some words of row %d","link":null},"annotations":{"bold":false,"italic":false,"strikethrough":false,"underline":false,"code":false,"color":"default"},"plain_text":"Some words of row %d","href":null}]}`, p, p, i, i)
		case 1:
			fmt.Fprintf(&b, `"Number %d":{"id":"n%d","type":"number","number":%d.5}`, p, p, i)
		case 2:
			fmt.Fprintf(&b, `"Tags %d":{"id":"m%%3A%d","type":"multi_select","multi_select":[{"id":"5de29601-9c24-4b04-8629-0bca891c5120","name":"Ops","color":"blue"},{"id":"ff8e9269-9579-47f7-8f6e-83a84716863c","name":"High \u00e9","color":"red"}]}`, p, p)
		case 3:
			fmt.Fprintf(&b, `"Due %d":{"id":"d%d","type":"date","date":{"start":"2026-09-15","end":null,"time_zone":null}}`, p, p)
		case 4:
			fmt.Fprintf(&b, `"Done %d":{"id":"c%d","type":"checkbox","checkbox":true}`, p, p)
		}
	}
	b.WriteString(`}}`)
	return b.String()
}

func BenchmarkCheck(b *testing.B) {
	body := answer100()
	b.Logf("%d bytes a row", len(body)/100)
	for name, check := range map[string]func([]byte) error{
		"own":      func(b []byte) error { _, err := Parse(b); return err },
		"fastjson": fastjson.ValidateBytes,
		"jsontext": func(b []byte) error { return jsontext.NewDecoder(bytes.NewReader(b)).SkipValue() },
		"json": func(b []byte) error {
			if json.Valid(b) {
				return nil
			}
			return fmt.Errorf("x")
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if err := check(body); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "µs/row")
		})
	}
}

func BenchmarkSplit(b *testing.B) {
	body := JSON(answer100())
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		for range body.Get("results").Elems() {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "µs/row")
}

// deep visits every leaf.
func deep(j JSON) (n int) {
	switch j.Kind() {
	case '{':
		for _, v := range j.Fields() {
			n += deep(v)
		}
	case '[':
		for v := range j.Elems() {
			n += deep(v)
		}
	default:
		n++
	}
	return n
}

func BenchmarkDeep(b *testing.B) {
	body := JSON(answer100())
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		deep(body)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "µs/row")
}
