package truth

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// content are the tables of pages and what is in and on them.
func (l *load) content(sources []*notiontest.DataSource) ([]Table, error) {
	c := &contents{
		load: l, sources: sources,
		pages: l.fixed("_pages", text("id"), text("title"), text("url"), text("public_url"), text("parent_type"), text("parent_id"),
			text("data_source_id"), stamps("created_time"), stamps("last_edited_time"), text("created_by"), text("last_edited_by"),
			text("icon"), text("cover"), Column{Name: "archived", Type: "boolean"}, Column{Name: "locked", Type: "boolean"},
			Column{Name: "path", Type: "list<string>"}, Column{Name: "markdown", Type: "string", Unchecked: true},
			Column{Name: "word_count", Type: "long"}, Column{Name: "discovered_by", Type: "string", Unchecked: true}),
		blocks: l.fixed("_blocks", text("id"), text("page_id"), text("parent_id"), text("type"), Column{Name: "depth", Type: "long"},
			Column{Name: "position", Type: "long"}, Column{Name: "path", Type: "list<string>"}, text("text"),
			Column{Name: "has_children", Type: "boolean"}, stamps("created_time"), stamps("last_edited_time"), text("created_by"),
			text("last_edited_by"), text("language"), Column{Name: "checked", Type: "boolean"}, text("url"), text("synced_from")),
		comments: l.fixed("_comments", text("id"), text("discussion_id"), text("parent_type"), text("parent_id"), text("page_id"),
			text("text"), stamps("created_time"), stamps("last_edited_time"), text("created_by")),
		links: l.fixed("_links", text("page_id"), text("block_id"), text("property_id"), text("comment_id"), text("kind"),
			text("target_type"), text("target_id")),
	}
	for _, s := range sources {
		if s.Gen != nil {
			if err := c.generated(s); err != nil {
				return nil, fmt.Errorf("data source %s: %w", s.ID, err)
			}
		}
		for _, id := range s.Rows {
			p := l.m.Pages[id]
			if !l.m.Readable(p) || p.Trashed || p.Archived && l.o.NoArchived {
				continue
			}
			if err := c.page(s, p); err != nil {
				return nil, err
			}
		}
	}
	for _, id := range l.m.TopPages {
		if p := l.m.Pages[id]; l.m.Readable(p) && !l.m.InTrash(p) {
			if err := c.page(nil, p); err != nil {
				return nil, err
			}
		}
	}
	tables := []Table{c.pages, c.blocks, c.links, l.views(sources)}
	if !l.o.NoComments {
		tables = append(tables, c.comments)
	}
	return tables, nil
}

func stamps(name string) Column { return Column{Name: name, Type: "timestamptz"} }

type contents struct {
	*load
	sources                        []*notiontest.DataSource
	pages, blocks, comments, links Table
}

// page adds a page, a row of s where that is not nil.
func (c *contents) page(s *notiontest.DataSource, p *notiontest.Page) error {
	c.meet(p.CreatedBy, nil)
	c.meet(p.EditedBy, nil)
	row := object{
		"id": p.ID, "url": notiontest.PageURL(p), "public_url": nullable(p.PublicURL), "created_time": minute(p.Created),
		"last_edited_time": minute(p.Edited), "created_by": p.CreatedBy, "last_edited_by": p.EditedBy, "icon": c.icon(p.Icon), "cover": c.icon(p.Cover),
		"archived": p.Archived, "locked": p.Locked, "parent_type": p.Parent.Type, "parent_id": nullable(p.Parent.ID), "title": "",
	}
	c.link(p.ID, "", "", "", "parent", strings.TrimSuffix(p.Parent.Type, "_id"), p.Parent.ID)
	title := &notiontest.Property{ID: "title", Type: "title"}
	properties := []*notiontest.Property{title}
	if s != nil {
		row["data_source_id"] = s.ID
		properties = c.m.Shown(s)
	}
	if text, ok := p.Recorded(); ok {
		if err := c.recorded(row, p, text, s); err != nil {
			return err
		}
	} else {
		for _, property := range properties {
			c.property(row, p, property)
		}
	}
	path := []any{}
	for _, id := range c.path(p.Parent) {
		path = append(path, id)
	}
	row["path"] = path
	words := 0
	if err := c.block(p.ID, standing{page: p.ID}, &words); err != nil {
		return err
	}
	row["word_count"] = json.Number(fmt.Sprint(words))
	c.pages.add(row)
	c.comment(p.ID, p.ID, "")
	return nil
}

func (c *contents) property(row object, p *notiontest.Page, property *notiontest.Property) {
	switch v := p.Values[property.ID].(type) {
	case notiontest.Text:
		if property.Type == "title" {
			row["title"] = valid(v.String())
		}
		for _, run := range v {
			if m := run.Mention; m != nil && m.Type != "date" {
				c.link(p.ID, "", valid(property.ID), "", "mention", m.Type, m.ID)
			}
		}
	case notiontest.Refs:
		for _, id := range c.m.Refs(v) {
			c.link(p.ID, "", valid(property.ID), "", "relation", "page", id)
		}
	}
}

// recorded reads a page of which the model has the JSON only.
func (c *contents) recorded(row object, p *notiontest.Page, text string, s *notiontest.DataSource) error {
	tree, err := decode([]byte(text))
	if err != nil {
		return fmt.Errorf("page %s: %w", p.ID, err)
	}
	own, err := c.parsed(s, []byte(text))
	if err != nil {
		return err
	}
	for _, name := range []string{"url", "public_url", "created_time", "last_edited_time", "created_by", "last_edited_by", "icon", "cover", "archived", "locked", "parent_type", "parent_id"} {
		row[name] = own.own["_"+name]
	}
	properties, _ := member(tree, "properties").(object)
	for _, property := range properties {
		typ, _ := member(property, "type").(string)
		encoded, _ := member(property, "id").(string)
		id, err := url.PathUnescape(encoded)
		if err != nil {
			return fmt.Errorf("page %s: %w", p.ID, err)
		}
		id = valid(id)
		list, _ := member(property, typ).([]any)
		title := ""
		for _, item := range list {
			switch typ {
			case "title", "rich_text":
				plain, _ := member(item, "plain_text").(string)
				title += plain
				c.mention(p.ID, "", id, "", item)
			case "relation":
				target, _ := member(item, "id").(string)
				c.link(p.ID, "", id, "", "relation", "page", target)
			}
		}
		if typ == "title" {
			row["title"] = title
		}
	}
	return nil
}

// generated adds the pages of generated rows, which have nothing in or on them.
func (c *contents) generated(s *notiontest.DataSource) error {
	for i := range s.Gen.Len() {
		p := &notiontest.Page{ID: s.Gen.ID(i), Source: s.ID, Parent: notiontest.Parent{Type: "data_source_id", ID: s.ID}}
		path := []any{}
		for _, id := range c.path(p.Parent) {
			path = append(path, id)
		}
		row := object{"id": p.ID, "data_source_id": s.ID, "title": "", "path": path, "word_count": json.Number("0")}
		if err := c.recorded(row, p, string(s.Gen.AppendPage(nil, notiontest.V20260311, i)), s); err != nil {
			return err
		}
		c.link(p.ID, "", "", "", "parent", "data_source", s.ID)
		c.pages.add(row)
	}
	return nil
}

// mention adds the link that a run of rich text is.
func (c *contents) mention(page, block, property, comment string, run any) {
	mention := member(run, "mention")
	typ, _ := member(mention, "type").(string)
	switch typ {
	case "page", "database", "user":
		id, _ := member(member(mention, typ), "id").(string)
		c.link(page, block, property, comment, "mention", typ, id)
	}
}

func (c *contents) link(page, block, property, comment, kind, typ, id string) {
	if id != "" {
		c.links.add(object{
			"page_id": page, "block_id": nullable(block), "property_id": nullable(property), "comment_id": nullable(comment),
			"kind": kind, "target_type": typ, "target_id": id,
		})
	}
}

// path are the IDs of what something with this parent stands in.
func (c *contents) path(p notiontest.Parent) []string {
	var path []string
	for p.ID != "" {
		switch p.Type {
		case "page_id":
			page := c.m.Pages[p.ID]
			path = append(path, p.ID)
			if page == nil || !c.m.Readable(page) {
				p = notiontest.Parent{}
			} else {
				p = page.Parent
			}
		case "block_id":
			p = c.m.Blocks[p.ID].Parent
		case "data_source_id":
			path = append(path, p.ID)
			p = notiontest.Parent{Type: "database_id", ID: c.m.Source(p.ID).Database}
		case "database_id":
			path = append(path, p.ID)
			p = c.m.Database(p.ID).Parent
		default:
			p = notiontest.Parent{}
		}
	}
	slices.Reverse(path)
	return path
}

// A standing is what blocks stand in.
type standing struct {
	page  string
	above []string // blocks
}

// block adds the blocks in a page or block.
func (c *contents) block(in string, parent standing, words *int) error {
	for i, b := range c.m.BlocksIn(in) {
		c.meet(b.By, nil)
		payload, err := c.payload(b)
		if err != nil {
			return fmt.Errorf("block %s: %w", b.ID, err)
		}
		row := object{
			"id": b.ID, "page_id": parent.page, "parent_id": in, "type": b.Type, "depth": json.Number(fmt.Sprint(len(parent.above) + 1)),
			"position": json.Number(fmt.Sprint(i)), "text": c.blockText(parent.page, b, payload), "has_children": c.m.HasBlocks(b),
			"created_time": minute(b.Created), "last_edited_time": minute(b.Edited), "created_by": b.By, "last_edited_by": b.By,
			"language": member(payload, "language"), "checked": member(payload, "checked"), "url": blockURL(payload),
			"synced_from": member(member(payload, "synced_from"), "block_id"),
		}
		if len(parent.above) < 100 {
			path := []any{}
			for _, id := range parent.above {
				path = append(path, id)
			}
			row["path"] = path
		}
		if s, ok := row["text"].(string); ok {
			*words += len(strings.Fields(s))
		}
		c.blocks.add(row)
		switch b.Type {
		case "child_page", "child_database":
			continue
		case "link_to_page":
			typ, _ := member(payload, "type").(string)
			id, _ := member(payload, typ).(string)
			c.link(parent.page, b.ID, "", "", "link_to_page", strings.TrimSuffix(typ, "_id"), id)
		case "synced_block":
			if row["synced_from"] != nil {
				continue
			}
		}
		if !c.o.NoBlockComments {
			c.comment(parent.page, b.ID, b.ID)
		}
		if err := c.block(b.ID, standing{page: parent.page, above: append(slices.Clip(parent.above), b.ID)}, words); err != nil {
			return err
		}
	}
	return nil
}

func blockURL(payload any) any {
	if url := member(payload, "url"); url != nil {
		return url
	}
	typ, _ := member(payload, "type").(string)
	return member(member(payload, typ), "url")
}

// blockText is the text of a block, whose mentions it adds.
func (c *contents) blockText(page string, b *notiontest.Block, payload any) any {
	join := func(list any) any {
		runs, ok := list.([]any)
		if !ok {
			return nil
		}
		text := ""
		for _, run := range runs {
			plain, _ := member(run, "plain_text").(string)
			text += plain
			c.mention(page, b.ID, "", "", run)
			if user := member(member(run, "mention"), "user"); user != nil {
				id, _ := member(user, "id").(string)
				c.meet(id, nil)
			}
		}
		return text
	}
	switch b.Type {
	case "child_page", "child_database":
		return member(payload, "title")
	case "equation":
		return member(payload, "expression")
	case "meeting_notes":
		return join(member(payload, "title"))
	case "table_row":
		cells, _ := member(payload, "cells").([]any)
		var texts []string
		for _, cell := range cells {
			s, _ := join(cell).(string)
			texts = append(texts, s)
		}
		return strings.Join(texts, "\t")
	}
	caption := join(member(payload, "caption"))
	if text := join(member(payload, "rich_text")); text != nil {
		return text
	}
	return caption
}

// comment adds the comments on a page or block.
func (c *contents) comment(page, on, block string) {
	if c.o.NoComments {
		return
	}
	for _, comment := range c.m.Comments[on] {
		c.meet(comment.By, nil)
		c.comments.add(object{
			"id": comment.ID, "discussion_id": comment.Discussion, "parent_type": comment.Parent.Type, "parent_id": comment.Parent.ID,
			"page_id": page, "text": valid(comment.Text.String()), "created_time": minute(comment.Created),
			"last_edited_time": minute(comment.Created), "created_by": comment.By,
		})
		for _, run := range comment.Text {
			if m := run.Mention; m != nil && m.Type != "date" {
				c.link(page, block, "", comment.ID, "mention", m.Type, m.ID)
			}
		}
	}
}

// views is the table of the views of the data sources.
func (l *load) views(sources []*notiontest.DataSource) Table {
	t := l.fixed("_views", text("id"), text("data_source_id"), text("database_id"), text("name"), text("type"),
		Column{Name: "url", Type: "string", Unchecked: true}, stamps("created_time"), stamps("last_edited_time"), text("created_by"),
		text("last_edited_by"), text("filter"), text("sorts"), text("quick_filters"), text("configuration"), text("dashboard_view_id"))
	for _, s := range sources {
		for _, v := range l.m.Views[s.ID] {
			t.add(object{
				"id": v.ID, "data_source_id": s.ID, "database_id": s.Database, "name": v.Name, "type": v.Type,
				"created_time": minute(v.Created), "last_edited_time": minute(v.Created),
			})
		}
	}
	return t
}
