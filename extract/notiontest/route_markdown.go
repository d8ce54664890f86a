package notiontest

import (
	"encoding/json"
	"strings"
)

// getMarkdown gives a page, or a block, as Markdown: a line for each block, as much of Notion's
// format as a client that only keeps the text can tell.
func (x *exchange) getMarkdown() error {
	if x.s.o.NoContent {
		return errRestricted
	}
	id := x.path["page_id"]
	if _, ok := x.m.child(id); !ok {
		if _, ok := x.findPage(id); !ok {
			return x.notFound("page", id)
		}
	}
	w := &markdownWriter{m: x.m, limit: x.s.o.MarkdownLimit}
	if b := x.m.Blocks[id]; b != nil && x.m.Pages[id] == nil {
		w.block(b, 0)
	} else {
		w.write(id, 0)
	}
	x.out = append(append(append(x.out, `{"object":"page_markdown","id":"`...), id...), `","markdown":`...)
	x.out = appendString(x.out, w.text.String())
	x.out = append(x.out, `,"truncated":`...)
	x.out = appendBool(x.out, len(w.unknown) > 0)
	x.out = append(x.out, `,"unknown_block_ids":`...)
	x.out = appendList(x.out, w.unknown[:min(len(w.unknown), 100)], appendString)
	x.out = append(x.out, '}')
	return nil
}

type markdownWriter struct {
	m             *Model
	text          strings.Builder
	blocks, limit int
	unknown       []string
}

func (w *markdownWriter) write(id string, depth int) {
	for _, b := range w.m.BlocksIn(id) {
		w.block(b, depth)
	}
}

func (w *markdownWriter) block(b *Block, depth int) {
	indent := strings.Repeat("\t", depth)
	if w.blocks++; w.blocks > w.limit {
		w.unknown = append(w.unknown, b.ID)
		plain := func(id string) string { return strings.ReplaceAll(id, "-", "") }
		w.text.WriteString(indent + `<unknown url="https://app.notion.com/p/` + plain(b.page) + "#" + plain(b.ID) + `" alt="` + b.Type + "\"/>\n")
		return
	}
	var payload struct {
		Text []struct {
			Plain string `json:"plain_text"`
		} `json:"rich_text"`
		Title string `json:"title"`
	}
	_ = json.Unmarshal([]byte(b.Payload), &payload) // of another shape: no text
	w.text.WriteString(indent + payload.Title)
	for _, run := range payload.Text {
		w.text.WriteString(run.Plain)
	}
	w.text.WriteByte('\n')
	if b.Type != "child_page" && b.Type != "child_database" {
		w.write(b.ID, depth+1)
	}
}
