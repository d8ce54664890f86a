package notion

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"
	"github.com/valyala/fastjson"
)

const benchRows = 100

// benchAnswer is the answer of a query with 100 rows of 35 properties, 6 KB each.
func benchAnswer() []byte {
	var b bytes.Buffer
	b.WriteString(`{"object":"list","results":[`)
	for i := range benchRows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(row(i, 35))
	}
	b.WriteString(`],"next_cursor":null,"has_more":false,"type":"page_or_data_source","page_or_data_source":{}}`)
	return b.Bytes()
}

func row(i, properties int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"object":"page","id":"%08x-0000-4000-8000-%012x","created_time":"2026-01-01T00:%02d:00.000Z","last_edited_time":"2026-01-02T00:00:00.000Z",`+
		`"created_by":{"object":"user","id":"c2f20311-9e54-4d11-8c79-7398424ae41e"},"in_trash":false,`+
		`"parent":{"type":"data_source_id","data_source_id":"248104cd-477e-80af-bc30-000bd28de8f9"},"properties":{`, i*2654435761%(1<<32), i, i/2%60)
	for p := range properties {
		if p > 0 {
			b.WriteByte(',')
		}
		switch h := i*31 + p*17; p % 5 {
		case 0:
			fmt.Fprintf(&b, `"Text %d":{"id":"t%d","type":"rich_text","rich_text":[{"type":"text","text":{"content":"Some %d words of row %d and %x more","link":null},`+
				`"annotations":{"bold":false,"italic":false,"strikethrough":false,"underline":false,"code":false,"color":"default"},"plain_text":"Some %d words of row %d and %x more","href":null}]}`,
				p, p, h, i, h*h, h, i, h*h)
		case 1:
			fmt.Fprintf(&b, `"Number %d":{"id":"n%d","type":"number","number":%d.5}`, p, p, h)
		case 2:
			fmt.Fprintf(&b, `"Tags %d":{"id":"m%%3A%d","type":"multi_select","multi_select":[{"id":"5de29601-9c24-4b04-8629-0bca891c5120","name":"Ops","color":"blue"},`+
				`{"id":"ff8e9269-9579-47f7-8f6e-83a84716863c","name":"High é","color":"red"},{"id":"%08x-9579-47f7-8f6e-83a84716863c","name":"Team \"%d\"","color":"red"}]}`, p, p, h*h, h%20)
		case 3:
			fmt.Fprintf(&b, `"Due %d":{"id":"d%d","type":"date","date":{"start":"2026-09-%02d","end":null,"time_zone":null}}`, p, p, h%28+1)
		case 4:
			fmt.Fprintf(&b, `"Done %d":{"id":"c%d","type":"checkbox","checkbox":%v}`, p, p, h%2 == 0)
		}
	}
	b.WriteString(`}}`)
	return b.String()
}

func perRow(b *testing.B, body []byte) {
	b.SetBytes(int64(len(body)))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows/1000, "µs/row")
}

// BenchmarkQuery is all that the client does for a row: request, read, unpack,
// check, split, de-duplicate, yield.
func BenchmarkQuery(b *testing.B) {
	body := benchAnswer()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(body)
	_ = z.Close()
	for name, answer := range map[string]reply{
		"gzip":  status(200, packed.String(), "Content-Encoding", "gzip"),
		"plain": status(200, string(body)),
	} {
		b.Run(name, func(b *testing.B) {
			c, err := NewClient(Options{Token: testToken, Rate: Rate{Off: true}, Transport: transportFunc(answer)})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for _, err := range c.QueryDataSource(b.Context(), sourceID, Query{}) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != benchRows {
					b.Fatalf("%d rows", n)
				}
			}
			perRow(b, body)
		})
	}
}

type transportFunc reply

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// BenchmarkCheck compares the check with what others offer. fastjson takes what
// is nested too deeply and control characters in texts; it is here for its speed.
func BenchmarkCheck(b *testing.B) {
	body := benchAnswer()
	var o outline
	for _, check := range []struct {
		name string
		of   func([]byte) error
	}{
		{"this", func(b []byte) error { _, err := o.parse(b); return err }},
		{"fastjson", fastjson.ValidateBytes},
		{"jsontext", func(b []byte) error { return jsontext.NewDecoder(bytes.NewReader(b)).SkipValue() }},
		{"json", func(b []byte) error {
			if !json.Valid(b) {
				return errors.New("not valid")
			}
			return nil
		}},
	} {
		b.Run(check.name, func(b *testing.B) {
			for b.Loop() {
				if err := check.of(body); err != nil {
					b.Fatal(err)
				}
			}
			perRow(b, body)
		})
	}
}

// BenchmarkWalk visits every value of every row.
func BenchmarkWalk(b *testing.B) {
	body := JSON(benchAnswer())
	for b.Loop() {
		walk(body)
	}
	perRow(b, body)
}

func walk(j JSON) (n int) {
	switch j.Kind() {
	case '{':
		for _, v := range j.Fields() {
			n += walk(v)
		}
	case '[':
		for v := range j.Elems() {
			n += walk(v)
		}
	default:
		n++
	}
	return n
}
