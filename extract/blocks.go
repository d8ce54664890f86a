package extract

import (
	"iter"
	"slices"
	"strings"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// pathDepth is the depth down to which a block's path is kept: with every level
// the paths get longer.
const pathDepth = 100

// blocksTable is _blocks: the blocks of every page.
func (c *content) blocksTable() lake.Table {
	schema := c.d.fixedSchema(keyBlocks, true,
		required(fixedColumn("id", stringType, "ID of the block; a child_page's or child_database's is that of the page or database")),
		fixedColumn("page_id", stringType, "the page that it is on"),
		fixedColumn("parent_id", stringType, "the page or block that it is in"),
		fixedColumn("type", stringType, ""),
		fixedColumn("depth", lake.Type{Kind: lake.Int64}, "1: in the page itself"),
		fixedColumn("position", lake.Type{Kind: lake.Int64}, "from 0, in its parent"),
		fixedColumn("path", lake.ListOf(stringType), "IDs of the blocks that it is in, from the page down; null below depth 100"),
		long(fixedColumn("text", stringType, "its text without styles")),
		fixedColumn("has_children", boolType, ""),
		fixedColumn("created_time", timeType, "to the minute"),
		fixedColumn("last_edited_time", timeType, "to the minute"),
		fixedColumn("created_by", stringType, "user ID"),
		fixedColumn("last_edited_by", stringType, "user ID"),
		fixedColumn("language", stringType, "of code"),
		fixedColumn("checked", boolType, "of a to_do"),
		fixedColumn("url", stringType, "of a bookmark, embed, link preview, image, video, audio, PDF or file"),
		fixedColumn("synced_from", stringType, "of a synced copy: the block whose content it shows"),
	)
	table := c.table(schema, func(e *pageEntry, push func(...lake.Value) bool) error {
		t, err := c.text(e)
		if err != nil {
			return err
		}
		page := text(e.id.String())
		each(t.blocks, func(b *block) bool { return push(b.row(page)...) })
		return nil
	})
	table.State = c.state
	return table
}

func (b *block) row(page lake.Value) []lake.Value {
	of := membersOf(b.raw, "has_children", "created_time", "last_edited_time", "created_by", "last_edited_by")
	parent := page
	if b.parent != nil {
		parent = text(b.parent.id.String())
	}
	var path lake.Value
	if b.depth <= pathDepth {
		ids := make([]lake.Value, b.depth-1)
		for i, up := b.depth-2, b.parent; up != nil; i, up = i-1, up.parent {
			ids[i] = text(up.id.String())
		}
		path = lake.ListValue(ids)
	}
	in := membersOf(b.payload(), "language", "checked", "synced_from")
	return []lake.Value{
		text(b.id.String()), page, parent, text(currentType(b.typ())), lake.IntValue(int64(b.depth)), lake.IntValue(int64(b.position)), path,
		blockText(b), boolOf(of[0]), valueOf(of[1], timeValue), valueOf(of[2], timeValue), textOf(of[3].Get("id")), textOf(of[4].Get("id")),
		textOf(in[0]), boolOf(in[1]), blockURL(b.payload()), textOf(in[2].Get("block_id")), lake.JSONBytes(b.raw),
	}
}

// currentType is a type as the newest version of the API calls it.
func currentType(typ string) string {
	if typ == "transcription" {
		return "meeting_notes"
	}
	return typ
}

// blockURL is what a block points to.
func blockURL(payload notion.JSON) lake.Value {
	of := membersOf(payload, "url", "type")
	if of[0] != nil {
		return textOf(of[0])
	}
	return textOf(payload.Get(of[1].Text()).Get("url"))
}

// blockText is a block's text without styles; null where it has none by its type.
func blockText(b *block) lake.Value {
	payload := b.payload()
	switch b.typ() {
	case "child_page", "child_database":
		return textOf(payload.Get("title"))
	case "equation":
		return textOf(payload.Get("expression"))
	case "table_row":
		var cells []string
		for cell := range payload.Get("cells").Elems() {
			cells = append(cells, plainText(cell))
		}
		return text(strings.Join(cells, "\t"))
	case "meeting_notes", "transcription":
		return richTextOf(payload.Get("title"))
	}
	if runs := payload.Get("rich_text"); runs != nil {
		return richTextOf(runs)
	}
	return richTextOf(payload.Get("caption"))
}

// richTexts yields all runs of text in a block.
func richTexts(b *block) iter.Seq[notion.JSON] {
	return func(yield func(notion.JSON) bool) {
		in := membersOf(b.payload(), "rich_text", "caption", "title", "cells")
		for _, runs := range in[:3] {
			for run := range runs.Elems() {
				if !yield(run) {
					return
				}
			}
		}
		for cell := range in[3].Elems() {
			for run := range cell.Elems() {
				if !yield(run) {
					return
				}
			}
		}
	}
}

// commentsTable is _comments: the open comments on pages and, where they are
// read, on blocks.
func (c *content) commentsTable() lake.Table {
	schema := c.d.fixedSchema(keyComments, true,
		required(fixedColumn("id", stringType, "ID of the comment")),
		fixedColumn("discussion_id", stringType, "comments of one thread share it"),
		fixedColumn("parent_type", stringType, "page_id or block_id"),
		fixedColumn("parent_id", stringType, "what it is on"),
		fixedColumn("page_id", stringType, "the page of that"),
		long(fixedColumn("text", stringType, "")),
		fixedColumn("created_time", timeType, "to the minute"),
		fixedColumn("last_edited_time", timeType, "to the minute"),
		fixedColumn("created_by", stringType, "user ID"),
	)
	return c.table(schema, func(e *pageEntry, push func(...lake.Value) bool) error {
		t, err := c.text(e)
		if err != nil {
			return err
		}
		page := text(e.id.String())
		all := slices.Clip(t.comments)
		each(t.blocks, func(b *block) bool {
			all = append(all, b.comments...)
			return true
		})
		for _, j := range all {
			parentType, parentID := parentOf(j.Get("parent"))
			if !push(textOf(j.Get("id")), textOf(j.Get("discussion_id")), parentType, parentID, page, richTextOf(j.Get("rich_text")),
				valueOf(j.Get("created_time"), timeValue), valueOf(j.Get("last_edited_time"), timeValue),
				textOf(j.Get("created_by").Get("id")), lake.JSONBytes(j)) {
				return nil
			}
		}
		return nil
	})
}
