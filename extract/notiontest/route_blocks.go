package notiontest

import (
	"encoding/json"
	"slices"
)

// A child is what stands in a page or block: a block, or a page or database as
// a block.
type child struct {
	block    *Block
	page     *Page
	database *Database
}

func (x *exchange) getBlock() error {
	if x.s.o.NoContent {
		return errRestricted
	}
	id := x.path["block_id"]
	c, ok := x.m.child(id)
	if !ok {
		if r, found := x.findPage(id); found && r.gen != nil {
			if p := r.model(); p != nil {
				c, ok = child{page: p}, true
			}
		}
	}
	if !ok {
		return x.notFound("block", id)
	}
	x.out = x.r.child(x.out, c)
	return nil
}

func (x *exchange) listChildren() error {
	a, err := x.pageArgs()
	if err != nil {
		return err
	}
	if x.s.o.NoContent {
		return errRestricted
	}
	id := x.path["block_id"]
	if _, ok := x.m.child(id); !ok {
		if _, ok := x.findPage(id); !ok {
			return x.notFound("block", id)
		}
	}
	from := id
	if original := x.m.syncedFrom(id); original != "" {
		if _, ok := x.m.child(original); !ok {
			return x.notFound("block", original)
		}
		from = original
	}
	if r, ok := x.findPage(from); ok && r.gen != nil {
		if g, ok := r.gen.Gen.(BlockGenerator); ok {
			return x.list(a, list{
				kind: "block", binding: "children " + id, n: g.Blocks(r.index), uuid: true,
				each: func(dst []byte, i int) []byte { return x.r.block(dst, g.Block(r.index, i), false) },
			})
		}
	}
	children := x.m.childrenOf(from)
	return x.list(a, list{
		kind: "block", binding: "children " + id, n: len(children), uuid: true,
		each: func(dst []byte, i int) []byte { return x.r.child(dst, children[i]) },
	})
}

// child finds what the connection may read as a block. A block that stands for
// a page or a database has its ID.
func (m *Model) child(id string) (child, bool) {
	b := m.Blocks[id]
	if p := m.Pages[id]; p != nil {
		return child{b, p, nil}, m.Readable(p)
	}
	if d := m.databases[id]; d != nil {
		return child{b, nil, d}, !d.Unshared
	}
	if b == nil {
		return child{}, false
	}
	return child{block: b}, m.home(b)
}

// home reports whether the page that a block is on may be read.
func (m *Model) home(b *Block) bool {
	p := m.Pages[b.page]
	return p == nil || m.Readable(p)
}

// childrenOf lists what stands in a page or block: its blocks and behind them
// the pages and databases that no block stands for. What is trashed or may not
// be read is absent.
func (m *Model) childrenOf(id string) []child {
	if m.databases[id] != nil {
		return nil
	}
	ids := m.Children[id]
	ids = ids[:len(ids):len(ids)]
	more := func(other string, parent Parent) {
		if (parent.Type == "page_id" || parent.Type == "block_id") && parent.ID == id && !slices.Contains(ids, other) {
			ids = append(ids, other)
		}
	}
	for _, page := range m.TopPages {
		more(page, m.Pages[page].Parent)
	}
	for _, d := range m.Databases {
		more(d.ID, d.Parent)
	}
	var children []child
	for _, id := range ids {
		c, ok := m.child(id)
		if ok && (c.page == nil || !m.inTrash(c.page)) && (c.database == nil || !c.database.Trashed) {
			children = append(children, c)
		}
	}
	return children
}

// syncedFrom is the block that a synced block copies.
func (m *Model) syncedFrom(id string) string {
	b := m.Blocks[id]
	if b == nil || b.Type != "synced_block" {
		return ""
	}
	var payload struct {
		From struct {
			Block string `json:"block_id"`
		} `json:"synced_from"`
	}
	if json.Unmarshal([]byte(b.Payload), &payload) != nil {
		return ""
	}
	return payload.From.Block
}

func (x *exchange) listComments() error {
	a, err := x.pageArgs()
	if err != nil {
		return err
	}
	if !x.params.Has("block_id") {
		return should("query", "block_id", "defined", "undefined")
	}
	id, err := x.uuid("query", "block_id", x.params.Get("block_id"))
	if err != nil {
		return err
	}
	if x.s.o.NoComments {
		return errRestricted
	}
	if _, ok := x.m.child(id); !ok {
		if _, ok := x.findPage(id); !ok {
			return x.notFound("block", id)
		}
	}
	comments := x.m.Comments[id]
	return x.list(a, list{
		kind: "comment", binding: "comments " + id, n: len(comments),
		each: func(dst []byte, i int) []byte { return x.r.comment(dst, comments[i]) },
	})
}

func (x *exchange) getComment() error {
	if x.s.o.NoComments {
		return errRestricted
	}
	id := x.path["comment_id"]
	for _, comments := range x.m.Comments {
		for _, c := range comments {
			if _, ok := x.m.child(c.Parent.ID); ok && c.ID == id {
				x.out = x.r.comment(x.out, c)
				return nil
			}
		}
	}
	return x.notFound("comment", id)
}
