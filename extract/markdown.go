package extract

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/notionlake/notionlake/extract/notion"
)

// A markdown writes blocks in the Markdown that Notion calls enhanced: what
// CommonMark has no sign for stands in tags, blocks in blocks are indented by tabs.
// Where Notion's own endpoint leaves a block out (bookmarks, embeds, link
// previews), it is a link here.
type markdown struct {
	page notion.UUID
	// original returns the blocks of a synced block; nil where they are not read.
	original func(id notion.UUID) ([]*block, error)
	// home returns the page that an original is on; zero where that is not known.
	home func(id notion.UUID) notion.UUID

	out    bytes.Buffer
	within []notion.UUID // synced blocks whose copies are being written
}

func (m *markdown) String() string { return strings.TrimSuffix(m.out.String(), "\n") }

// line writes a line, or several, at a depth. Below pathDepth it is indented no
// further: every level makes every line longer.
func (m *markdown) line(depth int, text string) {
	for l := range strings.SplitSeq(text, "\n") {
		if l != "" {
			for range min(depth, pathDepth) {
				m.out.WriteByte('\t')
			}
		}
		m.out.WriteString(l)
		m.out.WriteByte('\n')
	}
}

// maxNumber is the highest number of a list that CommonMark takes.
const maxNumber = 999_999_999

// write writes blocks that stand side by side.
func (m *markdown) write(blocks []*block, depth int) error {
	number, inList := 0, false
	for _, b := range blocks {
		listed := b.typ() == "numbered_list_item"
		switch n, ok := b.payload().Get("list_start_index").Float(); {
		case !listed:
		case inList:
			number = min(number+1, maxNumber)
		case ok:
			number = int(max(0, min(n, maxNumber)))
		default:
			number = 1
		}
		inList = listed
		if err := m.block(b, depth, number); err != nil {
			return err
		}
	}
	return nil
}

// block writes a block and what is in it. number is that of a numbered item.
func (m *markdown) block(b *block, depth, number int) error {
	payload := b.payload()
	color := payload.Get("color").Text()
	if color == "default" {
		color = ""
	}
	text := func() string { return lineStart(inline(payload.Get("rich_text"))) }
	switch typ := b.typ(); typ {
	case "paragraph", "template":
		s := text() + attributes("color", color)
		if s == "" {
			s = "<empty-block/>"
		}
		return m.item(b, depth, s)
	case "heading_1", "heading_2", "heading_3", "heading_4":
		toggle := ""
		if payload.Get("is_toggleable").Bool() {
			toggle = "true"
		}
		return m.item(b, depth, strings.Repeat("#", int(typ[len(typ)-1]-'0'))+" "+headingText(inline(payload.Get("rich_text")))+attributes("toggle", toggle, "color", color))
	case "bulleted_list_item":
		return m.item(b, depth, "- "+text()+attributes("color", color))
	case "numbered_list_item":
		return m.item(b, depth, strconv.Itoa(number)+". "+text()+attributes("color", color))
	case "to_do":
		box := "- [ ] "
		if payload.Get("checked").Bool() {
			box = "- [x] "
		}
		return m.item(b, depth, box+text()+attributes("color", color))
	case "quote":
		return m.item(b, depth, "> "+text()+attributes("color", color))
	case "toggle":
		return m.element(b, depth, "details", []string{"color", color}, "<summary>"+inline(payload.Get("rich_text"))+"</summary>", false)
	case "callout":
		return m.element(b, depth, "callout", []string{"icon", iconText(payload.Get("icon")), "color", color}, text(), true)
	case "code":
		m.code(payload, depth)
	case "equation":
		m.line(depth, "$$\n"+payload.Get("expression").Text()+"\n$$")
	case "divider":
		m.line(depth, "---")
	case "table":
		return m.table(b, payload, depth)
	case "table_row": // outside of a table
		m.row(b, depth)
	case "image":
		m.line(depth, "!"+link(inline(payload.Get("caption")), blockURL(payload).Text())+attributes("color", color))
	case "file", "video", "audio", "pdf":
		caption := inline(payload.Get("caption"))
		if name := payload.Get("name").Text(); caption == "" {
			caption = escape(name)
		}
		m.line(depth, tag(typ, "src", blockURL(payload).Text(), "color", color)+caption+"</"+typ+">")
	case "bookmark", "embed", "link_preview":
		url := blockURL(payload).Text()
		caption := inline(payload.Get("caption"))
		if caption == "" {
			caption = escape(url)
		}
		m.line(depth, link(caption, url))
	case "child_page":
		m.line(depth, tag("page", "url", address(b.id))+escape(payload.Get("title").Text())+"</page>")
	case "child_database":
		m.line(depth, tag("database", "url", address(b.id))+escape(payload.Get("title").Text())+"</database>")
	case "link_to_page":
		m.linkTo(payload, depth)
	case "synced_block":
		return m.synced(b, payload, depth)
	case "column_list":
		return m.element(b, depth, "columns", nil, "", false)
	case "column":
		return m.element(b, depth, "column", nil, "", true)
	case "tab":
		return m.element(b, depth, "tabs", nil, "", true)
	case "table_of_contents":
		m.line(depth, emptyTag("table_of_contents", "color", color))
	case "meeting_notes", "transcription":
		return m.element(b, depth, "meeting-notes", nil, lineStart(inline(payload.Get("title"))), true)
	default:
		what := typ
		if of := payload.Get("block_type").Text(); of != "" {
			what = of
		}
		return m.item(b, depth, emptyTag("unknown", "url", address(m.page)+"#"+plainID(b.id), "alt", what))
	}
	return nil
}

// item writes a line and the blocks in the block one tab deeper.
func (m *markdown) item(b *block, depth int, text string) error {
	m.line(depth, text)
	return m.write(b.children, depth+1)
}

// element writes a tag around text and the blocks in the block. inside: the text
// is one tab deeper as they are.
func (m *markdown) element(b *block, depth int, name string, attrs []string, text string, inside bool) error {
	m.line(depth, tag(name, attrs...))
	if text != "" && inside {
		m.line(depth+1, text)
	} else if text != "" {
		m.line(depth, text)
	}
	if err := m.write(b.children, depth+1); err != nil {
		return err
	}
	m.line(depth, "</"+name+">")
	return nil
}

// code writes code in a fence that it does not hold.
func (m *markdown) code(payload notion.JSON, depth int) {
	code := plainText(payload.Get("rich_text"))
	fence := "```"
	for strings.Contains(code, fence) {
		fence += "`"
	}
	m.line(depth, fence+payload.Get("language").Text())
	m.line(depth, code)
	m.line(depth, fence)
	if caption := inline(payload.Get("caption")); caption != "" {
		m.line(depth, lineStart(caption))
	}
}

func (m *markdown) table(b *block, payload notion.JSON, depth int) error {
	flag := func(name string) string { return strconv.FormatBool(payload.Get(name).Bool()) }
	m.line(depth, tag("table", "header-row", flag("has_column_header"), "header-column", flag("has_row_header")))
	for _, row := range b.children {
		if row.typ() == "table_row" {
			m.row(row, depth+1)
		} else if err := m.block(row, depth+1, 0); err != nil {
			return err
		}
	}
	m.line(depth, "</table>")
	return nil
}

func (m *markdown) row(b *block, depth int) {
	m.line(depth, "<tr>")
	for cell := range b.payload().Get("cells").Elems() {
		m.line(depth+1, "<td>"+inline(cell)+"</td>")
	}
	m.line(depth, "</tr>")
}

func (m *markdown) linkTo(payload notion.JSON, depth int) {
	typ := payload.Get("type").Text()
	id, _ := notion.ParseUUID([]byte(payload.Get(typ).Text()))
	switch typ {
	case "page_id", "database_id":
		m.line(depth, emptyTag("mention-"+strings.TrimSuffix(typ, "_id"), "url", address(id)))
	default:
		m.line(depth, emptyTag("unknown", "url", address(m.page)+"#"+plainID(id), "alt", "link_to_page"))
	}
}

// copyDepth is how many copies in copies are followed: each can double the text.
const copyDepth = 4

// errCycle is a synced block whose copy stands in itself.
var errCycle = errors.New("a synced block in itself")

// synced writes a synced block, or a copy as its original is.
func (m *markdown) synced(b *block, payload notion.JSON, depth int) error {
	from := payload.Get("synced_from").Get("block_id")
	if from.Kind() != '"' {
		return m.element(b, depth, "synced_block", []string{"url", address(m.page) + "#" + plainID(b.id)}, "", true)
	}
	id, _ := notion.ParseUUID([]byte(from.Text()))
	children, err := b.children, error(nil)
	if len(children) == 0 {
		children, err = m.follow(id)
	}
	if err != nil && !errors.Is(err, errCycle) {
		return err
	}
	name := "synced_block_reference"
	url := address(id)
	if page := m.home(id); page != (notion.UUID{}) {
		url = address(page) + "#" + plainID(id)
	}
	m.line(depth, tag(name, "url", url))
	m.within = append(m.within, id)
	err = m.write(children, depth+1)
	m.within = m.within[:len(m.within)-1]
	m.line(depth, "</"+name+">")
	return err // of what is written, not of a cycle
}

// follow returns the blocks of an original, unless its copies are being written.
func (m *markdown) follow(id notion.UUID) ([]*block, error) {
	if len(m.within) >= copyDepth {
		return nil, errCycle
	}
	for _, in := range m.within {
		if in == id {
			return nil, errCycle
		}
	}
	return m.original(id)
}

// home returns the page of the load that a synced block is on, not one of its copies.
func (c *content) home(id notion.UUID) (page notion.UUID) {
	if n, ok := c.originals[id]; ok && c.shown[id] == nil {
		page = c.all[n].id
	}
	return page
}

// original returns the blocks in a synced block that a page of the load holds.
func (c *content) original(id notion.UUID) (children []*block, err error) {
	n, ok := c.originals[id]
	if !ok {
		return nil, nil
	}
	t, err := c.text(c.all[n])
	if err != nil {
		return nil, err
	}
	each(t.blocks, func(b *block) bool {
		if from := b.payload().Get("synced_from").Get("block_id"); b.id == id || len(b.children) > 0 && from.Text() == id.String() {
			children = b.children
			return false
		}
		return true
	})
	return children, nil
}
