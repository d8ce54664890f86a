package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/extract/notion"
)

// A block is a block with its place in a page.
type block struct {
	raw      notion.JSON
	id       notion.UUID
	parent   *block // nil: the page
	children []*block
	depth    int // 1: in the page itself
	position int // in its parent, from 0
	comments []notion.JSON

	looked bool // kind and body are set
	kind   string
	body   notion.JSON
}

// A pageText is what is in and on a page.
type pageText struct {
	blocks    []*block // the page's own
	comments  []notion.JSON
	markdown  string // Notion's
	hasText   bool   // markdown is set
	commented bool   // comments were read
	// signed are the URLs of files as they came; nil: files are not copied.
	signed *signatures
}

func (b *block) typ() string {
	b.look()
	return b.kind
}

// payload is the member that a block's type names.
func (b *block) payload() notion.JSON {
	b.look()
	return b.body
}

// look finds type and payload, which are asked for again and again.
func (b *block) look() {
	if !b.looked {
		b.looked, b.kind = true, b.raw.Get("type").Text()
		b.body = b.raw.Get(b.kind)
	}
}

// each yields every block below blocks, in their order.
func each(blocks []*block, visit func(*block) bool) bool {
	stack := [][]*block{blocks}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(*top) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		b := (*top)[0]
		*top = (*top)[1:]
		if !visit(b) {
			return false
		}
		if len(b.children) > 0 {
			stack = append(stack, b.children)
		}
	}
	return true
}

// record is the record of a pageText.
func (t *pageText) record() []byte {
	size := len(t.markdown)
	each(t.blocks, func(b *block) bool {
		size += len(b.raw) + len(`{"p":,"b":,"c":[]},`) + len("1234567") + sizeOf(b.comments)
		return true
	})
	record := append(make([]byte, 0, size+sizeOf(t.comments)+len(`{"blocks":[],"comments":[],"markdown":""}`)), `{"blocks":[`...)
	parents := map[*block]int{}
	n := 0
	each(t.blocks, func(b *block) bool {
		if n > 0 {
			record = append(record, ',')
		}
		parent := -1
		if b.parent != nil {
			parent = parents[b.parent]
		}
		if len(b.children) > 0 {
			parents[b] = n
		}
		n++
		record = strconv.AppendInt(append(record, `{"p":`...), int64(parent), 10)
		record = append(append(record, `,"b":`...), b.raw...)
		record = append(appendArray(append(record, `,"c":`...), b.comments), '}')
		return true
	})
	record = append(record, `],"comments":`...)
	record = appendArray(record, t.comments)
	if t.hasText {
		record = append(record, `,"markdown":`...)
		record = appendQuoted(record, t.markdown)
	}
	return append(record, '}')
}

// sizeOf is the length of what appendArray appends, about.
func sizeOf(list []notion.JSON) int {
	size := 0
	for _, j := range list {
		size += len(j) + len(",")
	}
	return size
}

func appendArray(dst []byte, list []notion.JSON) []byte {
	dst = append(dst, '[')
	for i, j := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, j...)
	}
	return append(dst, ']')
}

// parsePageText reads a record.
func parsePageText(record notion.JSON) *pageText {
	t := &pageText{}
	var list []*block
	for name, value := range record.Fields() {
		switch string(name) {
		case "blocks":
			for entry := range value.Elems() {
				b := &block{}
				parent := -1
				for name, value := range entry.Fields() {
					switch string(name) {
					case "p":
						f, _ := value.Float()
						parent = int(f)
					case "b":
						b.raw = value
					case "c":
						for c := range value.Elems() {
							b.comments = append(b.comments, c)
						}
					}
				}
				b.id, _ = notion.ParseUUID([]byte(b.raw.Get("id").Text()))
				b.look() // before several do
				if parent < 0 {
					t.adopt(nil, b)
				} else {
					t.adopt(list[parent], b)
				}
				list = append(list, b)
			}
		case "comments":
			for c := range value.Elems() {
				t.comments = append(t.comments, c)
			}
		case "markdown":
			t.markdown, t.hasText = value.Text(), true
		}
	}
	return t
}

// adopt puts a block at the end of its parent's, the page's where that is nil.
func (t *pageText) adopt(parent, b *block) {
	siblings := &t.blocks
	b.depth = 1
	if b.parent = parent; parent != nil {
		siblings, b.depth = &parent.children, parent.depth+1
	}
	b.position = len(*siblings)
	*siblings = append(*siblings, b)
}

// newText is what is in and on a page before anything of it was read.
func (c *content) newText() *pageText {
	t := &pageText{}
	if c.files != nil {
		t.signed = &signatures{}
	}
	return t
}

// readBlocks reads the blocks in a page, level by level; there is false where the
// page is not there any more.
func (c *content) readBlocks(ctx context.Context, e *pageEntry, t *pageText) (there bool, err error) {
	if there, err = c.walk(ctx, e, t, e.id, nil); err != nil || there {
		return there, err
	}
	if e.isRow() { // a row that was listed a moment ago
		c.problem(e, problem{kind: KindBlocks, objectType: "page", objectID: e.id.String(), message: "the row was listed, and what is in it was not found"})
		return true, nil
	}
	page, err := c.client.Page(ctx, e.id.String())
	switch {
	case err == nil && inTrash(page):
		return false, c.lose(ctx, e, KindTrash, reasonTrash)
	case err == nil:
		c.problem(e, problem{kind: KindBlocks, objectType: "page", objectID: e.id.String(), message: "the page is there, and what is in it was not found"})
		return true, nil
	case errors.Is(err, notion.ErrNotFound), errors.Is(err, notion.ErrRestricted):
		return false, c.lose(ctx, e, KindNotShared, reasonUnshared)
	case fatal(err):
		return false, err
	default:
		c.unread(e, e.id, err)
		return true, nil
	}
}

// walk reads the blocks in root, which is the page of e or, where at is not nil,
// that block of it.
func (c *content) walk(ctx context.Context, e *pageEntry, t *pageText, root notion.UUID, at *block) (there bool, err error) {
	type open struct {
		id    notion.UUID
		block *block
		found []notion.JSON
	}
	level := []*open{{id: root, block: at}}
	seen := map[notion.UUID]bool{root: true}
	missing := false
	for len(level) > 0 {
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(inFlight)
		for _, o := range level {
			g.Go(safe(keyBlocks, func() error {
				children, err := c.client.Children(gctx, o.id.String())
				if err != nil && (fatal(err) || gctx.Err() != nil) {
					return inPage(e.id, o.id, err)
				}
				if err != nil && o.id == root && at == nil && errors.Is(err, notion.ErrNotFound) {
					missing = true
					return nil
				}
				if err != nil {
					c.unread(e, o.id, err)
					return nil
				}
				o.found = children
				return nil
			}))
		}
		if err := g.Wait(); err != nil {
			return false, err
		}
		if missing {
			return false, nil
		}
		var next []*open
		for _, o := range level {
			for _, raw := range o.found {
				id, ok := notion.ParseUUID([]byte(raw.Get("id").Text()))
				if !ok || seen[id] || inTrash(raw) { // a block stands once, however often Notion shows it
					continue
				}
				seen[id] = true
				t.signed.collect(raw)
				clean, _ := appendRaw(nil, raw, true)
				b := &block{raw: clean, id: id}
				t.adopt(o.block, b)
				if c.block(e, b) {
					next = append(next, &open{id: id, block: b})
				}
			}
		}
		level = next
	}
	return true, nil
}

// inPage says of an error about a block, which it names, on which page that is.
func inPage(page, block notion.UUID, err error) error {
	if page == block {
		return err
	}
	return fmt.Errorf("page %s: %w", page, err)
}

// unread notes that blocks could not be read.
func (c *content) unread(e *pageEntry, id notion.UUID, err error) {
	switch {
	case errors.Is(err, notion.ErrNotFound), errors.Is(err, notion.ErrRestricted), refusedAs(err, refusedID):
		c.problem(e, problem{kind: KindBlocks, objectType: "block", objectID: id.String(), message: fmt.Sprintf("on page %s: %s", e.id, notion.Steady(err))})
	default:
		c.doubt(e)
		c.fail(inPage(e.id, id, err), keyPages, keyBlocks, keyLinks, keyComments)
	}
}

// maxGroups is how many problems a page has at most: what more of a kind there is
// counts to the last.
const maxGroups = 32

// problem notes what could not be read of a page. Problems of one kind and group are
// one, which names the object with the lowest ID.
func (c *content) problem(e *pageEntry, p problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.unsure = e.unsure || p.kind == KindBlocks || p.kind == KindMarkdown
	p.page, p.count = e.id.String(), max(1, p.count)
	rare := e.setSeldom()
	for i := range rare.problems {
		old := &rare.problems[i]
		if old.kind != p.kind || old.group != p.group && len(rare.problems) < maxGroups {
			continue
		}
		count := old.count + p.count
		if p.objectID < old.objectID {
			*old = p
		}
		old.count = count
		return
	}
	rare.problems = append(rare.problems, p)
}

// doubt notes that not all of a page could be read.
func (c *content) doubt(e *pageEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.unsure = true
}

// block looks at a block that was just read and reports whether there are blocks
// in it to be read.
func (c *content) block(e *pageEntry, b *block) (open bool) {
	c.meet(b.raw)
	payload := b.payload()
	switch b.typ() {
	case "child_page":
		c.add(b.id.String(), byPage, e.id)
		return false
	case "child_database":
		c.childDatabase(b.id, e.id)
		return false
	case "link_to_page":
		if id := payload.Get("page_id"); id.Kind() == '"' && c.roams() {
			c.add(id.Text(), byLink, notion.UUID{})
		}
	case "synced_block":
		if from := payload.Get("synced_from").Get("block_id"); from.Kind() == '"' {
			original, _ := notion.ParseUUID([]byte(from.Text()))
			c.mu.Lock()
			c.copies = append(c.copies, syncedCopy{e, b.id, original})
			c.mu.Unlock()
			return false // what is in it stands under the original
		}
		c.mu.Lock()
		c.originals[b.id], _ = c.number(e.id)
		delete(c.shown, b.id)
		c.mu.Unlock()
	case "unsupported":
		what := payload.Get("block_type").Text()
		c.problem(e, problem{
			kind: KindUnsupportedBlock, objectType: "block", objectID: b.id.String(),
			message: fmt.Sprintf("Notion does not show blocks of type %q (on page %s)", what, e.id), group: what,
		})
	}
	return b.raw.Get("has_children").Bool()
}

// childDatabase takes in the database that a block stands for.
func (c *content) childDatabase(id, within notion.UUID) {
	c.mu.Lock()
	c.within[id] = within
	c.mu.Unlock()
	if c.roams() && !c.d.pick.excludes(id.String()) {
		c.d.addDatabase(id.String())
	}
}

// A shownCopy is what a synced copy shows that no page of the load holds.
type shownCopy struct {
	original notion.UUID
	at       place
}

// readCopies reads the blocks of synced copies whose original no page of the load
// holds: they stand under the first copy.
func (c *content) readCopies(ctx context.Context) (more bool, err error) {
	c.mu.Lock()
	copies := c.copies
	c.copies = nil
	c.mu.Unlock()
	copies = slices.DeleteFunc(copies, func(s syncedCopy) bool { return s.page.gone })
	slices.SortFunc(copies, func(a, b syncedCopy) int { return bytes.Compare(a.id[:], b.id[:]) })
	copies = slices.CompactFunc(copies, func(a, b syncedCopy) bool { return a.id == b.id })
	for _, s := range copies {
		c.mu.Lock()
		n, met := c.originals[s.original]
		if met = met && !c.all[n].gone; !met {
			c.originals[s.original], _ = c.number(s.page.id)
			c.shown[s.original] = s.page
		}
		c.mu.Unlock()
		if met {
			continue
		}
		t := c.newText()
		root := &block{raw: notion.JSON(`{"id":"` + s.id.String() + `","type":"synced_block"}`), id: s.id}
		t.adopt(nil, root)
		if _, err := c.walk(ctx, s.page, t, s.id, root); err != nil {
			return false, err
		}
		if len(root.children) == 0 {
			continue
		}
		if err := c.readBlockComments(ctx, s.page, t, root.children); err != nil {
			return false, err
		}
		c.meetAll(t, false)
		c.meetIDs(&pageText{blocks: root.children})
		if err := c.files.text(ctx, s.page.id, t); err != nil {
			return false, err
		}
		at, err := c.texts.add(t.record())
		if err != nil {
			return false, err
		}
		more = true
		rare := s.page.setSeldom()
		rare.more = append(rare.more, shownCopy{s.original, at})
	}
	return more, nil
}

// readBack reads what was put aside of a page. t is that, where it has been parsed; nil
// otherwise.
func (c *content) readBack(e *pageEntry, t *pageText) (*pageText, error) {
	if t == nil {
		record, err := c.texts.get(e.text)
		if err != nil {
			return nil, err
		}
		t = parsePageText(record)
	}
	for _, s := range e.seldom().more {
		if c.shown[s.original] != e {
			continue // a page that was read later holds the original
		}
		record, err := c.texts.get(s.at)
		if err != nil {
			return nil, err
		}
		root := parsePageText(record).blocks[0]
		each(t.blocks, func(b *block) bool {
			if b.id != root.id {
				return true
			}
			b.children = root.children
			for _, child := range b.children {
				child.parent = b
			}
			each(b.children, func(below *block) bool {
				below.depth = below.parent.depth + 1
				return true
			})
			return false
		})
	}
	return t, nil
}
