package notiontest

import (
	"strings"
	"time"
)

// child appends a block, or the block that stands for a page or a database.
func (r *renderer) child(dst []byte, c child) []byte {
	trashed := c.page != nil && r.m.inTrash(c.page) || c.database != nil && c.database.Trashed
	return r.block(dst, r.m.blockOf(c), trashed)
}

// blockOf is the block that stands in a page: of a page or database one that
// stands for it.
func (m *Model) blockOf(c child) *Block {
	switch {
	case c.block != nil:
		return c.block
	case c.page != nil:
		title, _ := c.page.Values[m.titleID(c.page)].(Text)
		return &Block{
			ID: c.page.ID, Parent: c.page.Parent, Type: "child_page", Payload: `{"title":` + jsonString(title.String()) + `}`,
			Created: c.page.Created, Edited: c.page.Edited, By: c.page.CreatedBy, Kids: len(m.childrenOf(c.page.ID)) > 0,
		}
	}
	return &Block{
		ID: c.database.ID, Parent: c.database.Parent, Type: "child_database",
		Payload: `{"title":` + jsonString(c.database.Title.String()) + `}`,
		Created: c.database.Created, Edited: c.database.Edited, By: m.Bot,
	}
}

// BlocksIn are the blocks in a page or block that the connection sees.
func (m *Model) BlocksIn(id string) []*Block {
	var blocks []*Block
	for _, c := range m.childrenOf(id) {
		blocks = append(blocks, m.blockOf(c))
	}
	return blocks
}

// HasBlocks is what Notion says of a block: that there are blocks in it.
func (m *Model) HasBlocks(b *Block) bool {
	return b.Kids || b.Type != "child_page" && b.Type != "child_database" && len(m.Children[b.ID]) > 0
}

// InTrash reports whether a page, or one that it stands in, is in the trash.
func (m *Model) InTrash(p *Page) bool { return m.inTrash(p) }

func (r *renderer) block(dst []byte, b *Block, trashed bool) []byte {
	kind := b.Type
	if kind == "meeting_notes" && r.v == V20250903 {
		kind = "transcription"
	}
	dst = append(append(append(dst, `{"object":"block","id":"`...), b.ID...), `","parent":`...)
	dst = r.parent(dst, b.Parent)
	dst = append(dst, `,"created_time":`...)
	dst = appendMinute(dst, b.Created)
	dst = append(dst, `,"last_edited_time":`...)
	dst = appendMinute(dst, b.Edited)
	dst = r.authors(dst, b.By, b.By)
	dst = append(dst, `,"has_children":`...)
	dst = appendBool(dst, r.m.HasBlocks(b))
	dst = r.trashed(dst, trashed)
	dst = append(dst, `,"type":`...)
	dst = appendString(dst, kind)
	dst = append(dst, comma)
	dst = appendString(dst, kind)
	dst = append(dst, ':')
	if b.File != nil {
		return append(r.media(dst, b.Type, *b.File), '}')
	}
	if b.Payload == "" {
		return append(dst, "{}}"...)
	}
	return append(append(dst, b.Payload...), '}')
}

func (r *renderer) comment(dst []byte, c Comment) []byte {
	dst = append(append(append(dst, `{"object":"comment","id":"`...), c.ID...), `","parent":`...)
	dst = r.parent(dst, c.Parent)
	dst = append(append(append(dst, `,"discussion_id":"`...), c.Discussion...), `","created_time":`...)
	dst = appendMinute(dst, c.Created)
	dst = append(dst, `,"last_edited_time":`...)
	dst = appendMinute(dst, c.Created)
	dst = append(append(append(dst, `,"created_by":{"object":"user","id":"`...), c.By...), `"},"rich_text":`...)
	dst = r.text(dst, c.Text)
	dst = append(dst, `,"display_name":{"type":"user","resolved_name":`...)
	name := ""
	if u := r.m.User(c.By); u != nil && !u.Removed && !r.noUsers {
		name = u.Name
	}
	dst = append(appendNullable(dst, name), '}')
	if len(c.Attachments) > 0 {
		dst = append(dst, `,"attachments":`...)
		dst = appendList(dst, c.Attachments, func(dst []byte, f File) []byte {
			return append(r.hosted(append(dst, `{"category":"productivity","file":`...), f.URL), '}')
		})
	}
	return append(dst, '}')
}

// media is the payload of a block that shows a file.
func (r *renderer) media(dst []byte, kind string, f File) []byte {
	dst = append(dst, `{"caption":[],"type":"`...)
	if f.Hosted {
		dst = r.hosted(append(dst, `file","file":`...), f.URL)
	} else {
		dst = append(appendString(append(dst, `external","external":{"url":`...), r.own(f.URL)), '}')
	}
	if kind == "file" {
		dst = appendString(append(dst, `,"name":`...), f.Name)
	}
	return append(dst, '}')
}

func (r *renderer) view(dst []byte, s *DataSource, v View) []byte {
	dst = append(append(append(dst, `{"object":"view","id":"`...), v.ID...), `","parent":`...)
	dst = r.parent(dst, Parent{"database_id", v.Database})
	dst = append(dst, `,"name":`...)
	dst = appendString(dst, v.Name)
	dst = append(dst, `,"type":`...)
	dst = appendString(dst, v.Type)
	for _, at := range []string{"created_time", "last_edited_time"} {
		dst = append(append(append(dst, `,"`...), at...), `":"`...)
		dst = v.Created.UTC().Truncate(time.Minute).AppendFormat(dst, "2006-01-02T15:04:05.000Z")
		dst = append(dst, '"')
	}
	dst = append(append(append(dst, `,"data_source_id":"`...), s.ID...), `","url":"https://app.notion.com/p/`...)
	dst = append(append(dst, strings.ReplaceAll(v.Database, "-", "")...), "?v="...)
	return append(append(dst, strings.ReplaceAll(v.ID, "-", "")...), `"}`...)
}
