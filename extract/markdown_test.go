package extract

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestMarkdownExamples shows what text becomes. A run is its text, with letters for
// its style before a colon: b, i, s, c (code), l (link).
func TestMarkdownExamples(t *testing.T) {
	for _, c := range []struct {
		typ  string
		runs []string
		want string
	}{
		{"paragraph", []string{"b:a", "b:b"}, "**ab**"},
		{"paragraph", []string{"b:a", "bi:b"}, "**a<em>b</em>**"},
		{"paragraph", []string{"b:a ", "bi:b"}, "**a *b***"},
		{"paragraph", []string{"b:a", "i:b"}, "**a**<em>b</em>"},
		{"paragraph", []string{"b:a ", ":b"}, "**a** b"},
		{"paragraph", []string{"b:(a)", ":b"}, "**(a**)b"},
		{"paragraph", []string{":snake_case _not_ 3*4"}, `snake_case \_not\_ 3\*4`},
		{"paragraph", []string{":AT&T &amp; &lt"}, `AT&T \&amp; &lt`},
		{"paragraph", []string{":===", ":"}, `\===`},
		{"paragraph", []string{":--"}, `\--`},
		{"paragraph", []string{":  two blanks"}, "&#32; two blanks"},
		{"paragraph", []string{":\ta tab"}, "&#9;a tab"},
		{"paragraph", []string{":a\r\nb\rc"}, "a<br>b<br>c"},
		{"paragraph", []string{"c:a", "c:`b"}, "``a`b``"},
		{"paragraph", []string{"c: a "}, "`  a  `"},
		{"paragraph", []string{":see!", "l:[1]"}, `see\![\[1\]](https://example.com/a_(b))`},
		{"bulleted_list_item", []string{":# no heading"}, `- \# no heading`},
		{"bulleted_list_item", []string{":1. no list"}, `- 1\. no list`},
		{"bulleted_list_item", []string{":```"}, "- \\`\\`\\`"},
		{"quote", []string{":- no list"}, `> \- no list`},
		{"callout", []string{":> no quote"}, "<callout>\n\t\\> no quote\n</callout>"},
		{"callout", []string{":+ no list"}, "<callout>\n\t\\+ no list\n</callout>"},
		{"heading_1", []string{":C #"}, `# C \#`},
		{"heading_1", []string{":C#"}, "# C#"},
	} {
		var runs []any
		for _, run := range c.runs {
			style, text, _ := strings.Cut(run, ":")
			has := func(s string) bool { return strings.Contains(style, s) }
			r := map[string]any{
				"type": "text", "plain_text": text, "href": nil,
				"annotations": map[string]any{"bold": has("b"), "italic": has("i"), "strikethrough": has("s"), "code": has("c"), "color": "default"},
			}
			if has("l") {
				r["href"] = "https://example.com/a_(b)"
			}
			runs = append(runs, r)
		}
		encoded, err := json.Marshal(runs)
		if err != nil {
			t.Fatal(err)
		}
		if got := blockMarkdown(t, `{"type":"`+c.typ+`","`+c.typ+`":{"rich_text":`+string(encoded)+`}}`); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.typ, c.runs, got, c.want)
		}
	}
}

// Numbers of lists begin where Notion says, as far as there are such numbers.
func TestMarkdownNumbers(t *testing.T) {
	item := func(start string) string {
		return `{"type":"numbered_list_item","numbered_list_item":{"rich_text":[{"plain_text":"x"}]` + start + `}}`
	}
	for start, want := range map[string]string{
		"": "1. x\n2. x", `,"list_start_index":0`: "0. x\n1. x", `,"list_start_index":-7`: "0. x\n1. x", `,"list_start_index":5`: "5. x\n6. x",
		`,"list_start_index":1e300`: "999999999. x\n999999999. x", `,"list_start_index":null`: "1. x\n2. x",
	} {
		if got := blockMarkdown(t, item(start), item(start)); got != want {
			t.Errorf("%s: %q, want %q", start, got, want)
		}
	}
}
