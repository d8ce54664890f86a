package extract

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	node "golang.org/x/net/html"

	"github.com/notionlake/notionlake/extract/notion"
)

var markdownTexts = flag.Int("markdown", 5_000, "how many random texts TestMarkdownText writes")

// A randomText makes rich text of what means something in Markdown.
type randomText struct{ *rand.Rand }

var words = []string{
	"a", "b", "word", "1", "23", ".", ")", "(", "#", "##", "-", "---", "+", "*", "**", "_", "__", "~", "~~~", "`", "``", "```", "$", "$$", "[", "]", "[x]",
	"{", "}", "<", ">", "<b>", "</td>", "|", "^", "!", "&", "&amp;", "&#35;", "&lt", ";", ":", "=", "===", "\\", "\n", "\r\n", "\r", "\t", " ", "  ", "    ",
	"\"", "é", "漢字", "「", "」", "、", "😀", "[a](b)", "http://x.y/_z_", "snake_case_name", "\u00a0", "- [ ]", "1. ", "> ", "\\*",
}

func (r randomText) words(n int) string {
	var b strings.Builder
	for range 1 + r.IntN(n) {
		b.WriteString(words[r.IntN(len(words))])
	}
	return b.String()
}

func (r randomText) few() bool { return r.IntN(4) == 0 }

// runs are runs of rich text, and what is to be read of them.
func (r randomText) runs() (runs []any, plain string) {
	for range 1 + r.IntN(5) {
		text := r.words(4)
		if strings.TrimSpace(text) == "" && r.IntN(2) == 0 {
			text += "x"
		}
		annotations := map[string]any{
			"bold": r.few(), "italic": r.few(), "strikethrough": r.few(), "underline": r.IntN(10) == 0, "code": r.few(), "color": "default",
		}
		if r.IntN(10) == 0 {
			annotations["color"] = "red"
		}
		run := map[string]any{"type": "text", "annotations": annotations, "plain_text": text, "href": nil}
		if strings.TrimSpace(text) == "" { // of code that is blank parsers think differently
			annotations["code"] = false
		}
		shown := newlines.Replace(text)
		flat := strings.ReplaceAll(shown, "\n", " ")
		switch n := r.IntN(12); {
		case n == 0 && strings.TrimSpace(text) != "":
			run["type"], run["equation"] = "equation", map[string]any{"expression": text}
			shown = "$" + flat + "$"
		case n == 1:
			run["type"], run["mention"] = "mention", map[string]any{"type": "user", "user": map[string]any{"id": "x"}}
		case annotations["code"] == true:
			shown = flat
		}
		if run["type"] == "text" && r.IntN(5) == 0 {
			run["href"] = "https://example.com/" + []string{"", "a(b)", "a)b(", "a b", "_x_*y*`", "?a=1&copy;=2", `\)`, "<x>"}[r.IntN(8)]
		}
		runs, plain = append(runs, run), plain+shown
	}
	return runs, plain
}

// parseMarkdown parses CommonMark with GitHub's tables and struck text.
func parseMarkdown(t *testing.T, text string, more ...goldmark.Extender) *node.Node {
	t.Helper()
	md := goldmark.New(goldmark.WithExtensions(append(more, extension.Strikethrough, extension.Table)...), goldmark.WithRendererOptions(html.WithUnsafe()))
	var b bytes.Buffer
	if err := md.Convert([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	doc, err := node.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	return doc.FirstChild.LastChild // the body
}

// outline is what a node holds: its blocks, and the text in it.
func outline(n *node.Node) (blocks []string, text string) {
	for c := range n.Descendants() {
		switch {
		case c.Type == node.TextNode && c.Data != "\n":
			text += c.Data
		case c.Type == node.TextNode: // between blocks
		case c.Data == "br":
			text += "\n"
		case c.Data == "li", c.Data == "blockquote", c.Data == "ol", c.Data == "ul", c.Data == "pre", c.Data == "hr", c.Data == "table", c.Data == "img",
			len(c.Data) == 2 && c.Data[0] == 'h':
			blocks = append(blocks, c.Data)
		}
	}
	return blocks, text
}

// Whatever stands in a text, a parser of CommonMark finds this text in the Markdown,
// in the block that it was in.
func TestMarkdownText(t *testing.T) {
	if raced {
		*markdownTexts = min(*markdownTexts, 200)
	}
	r := randomText{rand.New(rand.NewPCG(1, 2))}
	for _, c := range []struct {
		typ, members string
		blocks       []string
	}{
		{"paragraph", "", nil},
		{"bulleted_list_item", "", []string{"ul", "li"}},
		{"numbered_list_item", "", []string{"ol", "li"}},
		{"numbered_list_item", `"list_start_index":1e300,`, []string{"ol", "li"}},
		{"to_do", "", []string{"ul", "li"}},
		{"quote", "", []string{"blockquote"}},
		{"heading_2", "", []string{"h2"}},
		{"callout", "", nil},
		{"toggle", "", nil},
	} {
		t.Run(c.typ, func(t *testing.T) {
			for range *markdownTexts / 10 {
				runs, plain := r.runs()
				encoded, err := json.Marshal(runs)
				if err != nil {
					t.Fatal(err)
				}
				md := blockMarkdown(t, fmt.Sprintf(`{"type":%q,%q:{%s"rich_text":%s}}`, c.typ, c.typ, c.members, encoded))
				switch c.typ { // what is in a tag is no CommonMark, but the same in it
				case "callout":
					md = strings.TrimSuffix(strings.TrimPrefix(md, "<callout>\n\t"), "\n</callout>")
				case "toggle":
					md = "x<span>" + strings.TrimSuffix(strings.TrimPrefix(md, "<details>\n<summary>"), "</summary>\n</details>") + "</span>x"
					plain = "x" + plain + "x"
				}
				var more []goldmark.Extender
				if c.typ == "to_do" {
					more = append(more, extension.TaskList)
				}
				blocks, text := outline(parseMarkdown(t, md, more...))
				if c.typ == "to_do" {
					text = strings.TrimPrefix(text, " ") // after the box
				}
				cut := func(s string) string { return strings.TrimRight(s, " \t\n") }
				if cut(text) != cut(plain) || !cmp.Equal(blocks, c.blocks) {
					t.Fatalf("%s\n%s\ntext   %q\nwant   %q\nblocks %v", encoded, md, text, plain, blocks)
				}
			}
		})
	}
}

// Items of lists stay items of their lists, whatever their text.
func TestMarkdownLists(t *testing.T) {
	r := randomText{rand.New(rand.NewPCG(3, 4))}
	for range *markdownTexts / 20 {
		var raws []string
		want := ""
		for range 4 {
			runs, plain := r.runs()
			if strings.TrimSpace(plain) == "" {
				continue // an empty line in a tag of its own
			}
			encoded, err := json.Marshal(runs)
			if err != nil {
				t.Fatal(err)
			}
			raws = append(raws, fmt.Sprintf(`{"type":"bulleted_list_item","bulleted_list_item":{"rich_text":%s}}`, encoded))
			want += plain
		}
		md := blockMarkdown(t, raws...)
		blocks, text := outline(parseMarkdown(t, md))
		items := slices.DeleteFunc(blocks, func(b string) bool { return b != "li" })
		blank := strings.NewReplacer(" ", "", "\n", "", "\t", "")
		if len(items) != len(raws) || blank.Replace(text) != blank.Replace(want) {
			t.Fatalf("%s\n%v\ntext %q\nwant %q", md, blocks, text, want)
		}
	}
}

// blockMarkdown is a block as Markdown.
func blockMarkdown(t *testing.T, raws ...string) string {
	t.Helper()
	var text pageText
	for _, raw := range raws {
		text.adopt(nil, &block{raw: notion.JSON(raw)})
	}
	m := &markdown{}
	if err := m.write(text.blocks, 0); err != nil {
		t.Fatal(err)
	}
	return m.String()
}
