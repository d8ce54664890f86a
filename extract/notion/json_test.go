package notion

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	nested := func(n int, open, inner, end string) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
	}
	tests := []struct {
		name, in string
		ok       bool
	}{
		{"object", ` {"a" : [1 , -0.5e+3, "x\u00e9\n" , true,false,null,{ },[ ]]} ` + "\n\t\r", true},
		{"lone surrogate", `"\ud800"`, true},
		{"invalid UTF-8", "\"\xff\xfe\"", true},
		{"long text", `"` + strings.Repeat("x", 100) + `"`, true},
		{"duplicate keys", `{"a":1,"a":2}`, true},
		{"10,000 deep", nested(10_000, "[", "", "]"), true},
		{"10,001 deep", nested(10_001, "[", "", "]"), false},
		{"10,001 deep, objects", nested(10_001, `{"a":`, "1", "}"), false},
		{"a million deep", strings.Repeat("[", 1_000_000), false},
		{"nothing", "", false},
		{"blanks", "  ", false},
		{"two values", "1 2", false},
		{"trailing garbage", `{"a":1}x`, false},
		{"trailing object", `{"a":1}{"a":1}`, false},
		{"cut", `{"a":[1,2`, false},
		{"cut in text", `{"a":"x`, false},
		{"cut in escape", `"\u12`, false},
		{"cut in literal", `tru`, false},
		{"wrong bracket", `{"a":1]`, false},
		{"wrong bracket, array", `[1}`, false},
		{"trailing comma", `[1,]`, false},
		{"trailing comma, object", `{"a":1,}`, false},
		{"no comma", `[1 2]`, false},
		{"no colon", `{"a" 1}`, false},
		{"key is no text", `{1:1}`, false},
		{"no key", `{:1}`, false},
		{"NaN", `NaN`, false},
		{"infinity", `-Infinity`, false},
		{"leading zero", `01`, false},
		{"leading plus", `+1`, false},
		{"point without digits", `1.`, false},
		{"exponent without digits", `1e+`, false},
		{"minus alone", `-`, false},
		{"hex", `0x1`, false},
		{"single quotes", `'a'`, false},
		{"bad escape", `"\x"`, false},
		{"raw newline in text", "\"a\nb\"", false},
		{"raw control character far in a text", `"` + strings.Repeat("x", 50) + "\x01\"", false},
		{"byte order mark", "\ufeff{}", false},
		{"comment", `[1/*x*/]`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j, err := Parse([]byte(tt.in))
			if (err == nil) != tt.ok {
				t.Fatalf("error %v, want ok %v", err, tt.ok)
			}
			if err == nil && string(j) != strings.TrimSpace(tt.in) {
				t.Errorf("value %q", j)
			}
		})
	}
}

func TestWalk(t *testing.T) {
	j, err := Parse([]byte(`{"a":{"b":[1,"}]\"{",{"c":null}]},"é\u00e9":"x\ty","t":true,"n":-1.5e3,"big":1e400,"s":"plain","":0}`))
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for k := range j.Fields() {
		keys = append(keys, string(k))
	}
	if diff := cmp.Diff([]string{"a", "éé", "t", "n", "big", "s", ""}, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	var elems []string
	for e := range j.Get("a").Get("b").Elems() {
		elems = append(elems, string(e))
	}
	if diff := cmp.Diff([]string{"1", `"}]\"{"`, `{"c":null}`}, elems); diff != "" {
		t.Errorf("elements (-want +got):\n%s", diff)
	}
	if s := j.Get("éé").Text(); s != "x\ty" {
		t.Errorf("text %q", s)
	}
	if f, ok := j.Get("n").Float(); f != -1500 || !ok {
		t.Errorf("number %v %v", f, ok)
	}
	if _, ok := j.Get("big").Float(); ok {
		t.Error("1e400 is a double")
	}
	if !j.Get("t").Bool() || j.Get("n").Bool() || !j.Get("none").IsNull() || j.Get("s").IsNull() || !JSON("null").IsNull() {
		t.Error("bool or null")
	}
	for _, none := range []JSON{nil, JSON("1"), JSON(`"x"`), JSON("null")} {
		for range none.Fields() {
			t.Errorf("%s has fields", none)
		}
		for range none.Elems() {
			t.Errorf("%s has elements", none)
		}
		if none.Get("a") != nil {
			t.Errorf("%s has a member", none)
		}
	}
	for range j.Fields() {
		break
	}
}

func TestDamagedText(t *testing.T) {
	tests := []struct {
		in, want string
		damaged  bool
	}{
		{`"plain"`, "plain", false},
		{`"\ud83e\udd6c"`, "🥬", false},
		{`"\ufffd"`, "\ufffd", false},
		{`"\ud800"`, "\ufffd", true},
		{`"\udc00x"`, "\ufffdx", true},
		{"\"a\xffb\"", "a\ufffdb", true},
		{"\"\xe2\x82\"", "\ufffd\ufffd", true},
		{`1`, "", false},
	}
	for _, tt := range tests {
		j := JSON(tt.in)
		text, buf := j.Bytes([]byte("before"))
		if string(text) != tt.want || j.Text() != tt.want || j.Damaged() != tt.damaged || !bytes.HasPrefix(buf, []byte("before")) {
			t.Errorf("%q is %q and %q, damaged %v; want %q, %v", tt.in, text, j.Text(), j.Damaged(), tt.want, tt.damaged)
		}
	}
}

// value builds what encoding/json would, by walking.
func value(j JSON) any {
	switch j.Kind() {
	case '{':
		m := map[string]any{}
		for k, v := range j.Fields() {
			m[string(k)] = value(v)
		}
		return m
	case '[':
		a := []any{}
		for e := range j.Elems() {
			a = append(a, value(e))
		}
		return a
	case '"':
		text, _ := j.Bytes(nil)
		return string(text)
	case 't', 'f':
		return j.Bool()
	case 'n':
		return nil
	}
	return json.Number(j)
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		onePage, row(1, 10), list("page", last, 1, 2), `{"results":[1,2,[3],{"results":[4]}],"results":[5]}`, ` [ { } , [ ] ] `,
		`{"a":"\\\"","b\u0000":"\ud800\udc00"}`, "\"\xff\"", `["\\","\\\\\"]"]`, `{"` + strings.Repeat("k", 30) + `":{"x":"` + strings.Repeat(`\"`, 30) + `"}}`,
		`[1.5e-7,-0,0]`, `{"é":"日本語日本語日本語","x":{"日本":["語"]}}`, `[[[[[[[[]]]]]]],1]`, "tru", "[1,]", "\"\x01\"", `{"a"}`, "1 1", "{\"\xdd\":{}}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var o outline
		j, err := o.parse(bytes.Clone(in))
		if (err == nil) != json.Valid(in) {
			t.Fatalf("%q: error %v, encoding/json says valid %v", in, err, json.Valid(in))
		}
		if err != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(in))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, value(j)); diff != "" {
			t.Fatalf("%q (-encoding/json +walked):\n%s", in, diff)
		}
		if j.Kind() != '{' {
			return
		}
		i := 0
		for k, v := range j.Fields() {
			m := o.members[i]
			if key, _ := JSON(in[m.key.start:m.key.end]).AppendText(nil); !bytes.Equal(key, k) || !bytes.Equal(in[m.value.start:m.value.end], v) {
				t.Fatalf("%q: member %d of the outline is %s:%s, walked %s:%s", in, i, key, in[m.value.start:m.value.end], k, v)
			}
			if i++; string(k) != "results" {
				continue
			}
		}
		if i != len(o.members) {
			t.Fatalf("%q: %d members in the outline, %d walked", in, len(o.members), i)
		}
		var results JSON // the last one counts
		for _, m := range o.members {
			if string(in[m.key.start:m.key.end]) == `"results"` {
				results = in[m.value.start:m.value.end]
			}
		}
		i = 0
		for e := range results.Elems() {
			if s := o.results[i]; !bytes.Equal(in[s.start:s.end], e) {
				t.Fatalf("%q: result %d of the outline is %s, walked %s", in, i, in[s.start:s.end], e)
			}
			i++
		}
		if i != len(o.results) {
			t.Fatalf("%q: %d results in the outline, %d walked", in, len(o.results), i)
		}
	})
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{
		pageID, strings.ReplaceAll(pageID, "-", ""), "https://www.notion.so/Name-598337872cf94fdf8782e53db20768a5?v=248104cd477e80fdb757e945d38000bd#x",
		"collection://" + pageID, "https://app.notion.com/p/598337872cf94fdf8782e53db20768a5", "x", "../" + pageID,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			return
		}
		if _, ok := ParseUUID([]byte(id)); !ok || len(id) != 36 || id != strings.ToLower(id) {
			t.Fatalf("ParseID(%q) = %q", s, id)
		}
		if again, err := ParseID(id); err != nil || again != id {
			t.Fatalf("ParseID(%q) = %q, %v", id, again, err)
		}
	})
}
