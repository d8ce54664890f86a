package extract

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// contentTables are the tables of pages and what is in and on them.
func (d *discovery) contentTables() []lake.Table {
	var tables []lake.Table
	o := d.source.options.Content
	if c := d.content; c != nil {
		c.order()
		if o.Pages {
			tables = append(tables, c.pagesTable())
		}
		if o.Blocks {
			tables = append(tables, c.blocksTable())
		}
		if o.Comments {
			if c.refused == nil {
				tables = append(tables, c.commentsTable())
			} else {
				tables = append(tables, lake.Table{Schema: lake.Schema{Table: keyComments, Key: keyComments}, Unread: commentsRefused})
			}
		}
		tables = append(tables, c.linksTable())
	}
	if o.Views {
		tables = append(tables, d.viewsTable())
	}
	return tables
}

// pagesTable is _pages: every page, those that are rows included.
func (c *content) pagesTable() lake.Table {
	schema := c.d.fixedSchema(keyPages, true,
		required(fixedColumn("id", stringType, "ID of the page")),
		fixedColumn("title", stringType, "empty where there is none"),
		fixedColumn("url", stringType, "address of the page in Notion"),
		fixedColumn("public_url", stringType, "address of the published page"),
		fixedColumn("parent_type", stringType, "what the page stands in: data_source_id, page_id, block_id, database_id, workspace"),
		fixedColumn("parent_id", stringType, "ID of what the page stands in"),
		fixedColumn("data_source_id", stringType, "of a row: its data source"),
		fixedColumn("created_time", timeType, "to the minute"),
		fixedColumn("last_edited_time", timeType, "to the minute"),
		fixedColumn("created_by", stringType, "user ID"),
		fixedColumn("last_edited_by", stringType, "user ID"),
		fixedColumn("icon", stringType, "emoji, name of a native icon, or URL"),
		fixedColumn("cover", stringType, "URL"),
		fixedColumn("archived", boolType, "whether the page is archived in Notion"),
		fixedColumn("locked", boolType, ""),
		fixedColumn("path", lake.ListOf(stringType), "IDs of the pages, databases and data sources that it stands in, from the top down"),
		long(fixedColumn("markdown", stringType, "what is in the page, as Markdown")),
		fixedColumn("word_count", lake.Type{Kind: lake.Int64}, "words in its blocks"),
		fixedColumn("discovered_by", stringType, "how the load found it: data_source (a row of it), search, page (a block in one), parent, link, row, last_load"),
	)
	schema.Columns[0].State = c.awayState()
	return c.table(schema, func(e *pageEntry, push func(...lake.Value) bool) error {
		record, err := c.pages.get(e.object)
		if err != nil {
			return err
		}
		values, err := c.pageRow(e, notion.JSON(record).Get("page"))
		if err == nil {
			push(values...)
		}
		return err
	})
}

// long marks text without a length limit.
func long(c lake.Column) lake.Column {
	c.Long = true
	return c
}

func (c *content) pageRow(e *pageEntry, page notion.JSON) ([]lake.Value, error) {
	of := membersOf(page, "parent", "url", "public_url", "created_time", "last_edited_time", "created_by", "last_edited_by", "icon", "cover", "is_archived", "is_locked", "properties")
	parentType, parentID := parentOf(of[0])
	var source, markdownValue, words lake.Value
	if e.parent.typ == parentDataSource {
		source = text(e.parent.id.String())
	}
	o := c.options.Content
	switch {
	case o.Blocks:
		t, err := c.text(e)
		if err != nil {
			return nil, err
		}
		words = lake.IntValue(t.words())
		if o.Markdown {
			m := &markdown{page: e.id, original: c.original, home: c.home}
			if err := m.write(t.blocks, 0); err != nil {
				return nil, err
			}
			markdownValue = text(m.String())
		}
	case o.Markdown:
		t, err := c.text(e)
		if err != nil {
			return nil, err
		}
		if t.hasText {
			markdownValue = text(t.markdown)
		}
	}
	var path []lake.Value
	for _, id := range c.path(e) {
		path = append(path, text(id.String()))
	}
	return []lake.Value{
		text(e.id.String()), text(titleOf(of[11])), textOf(of[1]), textOf(of[2]),
		parentType, parentID, source,
		valueOf(of[3], timeValue), valueOf(of[4], timeValue), textOf(of[5].Get("id")), textOf(of[6].Get("id")),
		valueOf(of[7], iconValue), valueOf(of[8], iconValue), boolOf(of[9]), boolOf(of[10]),
		lake.ListValue(path), markdownValue, words, text(ways[e.way]), lake.JSONBytes(page),
	}, nil
}

// pageTitle is the text of a page's title.
func pageTitle(page notion.JSON) string { return titleOf(page.Get("properties")) }

func titleOf(properties notion.JSON) string {
	for _, value := range properties.Fields() {
		if value.Get("type").Text() == "title" {
			return plainText(value.Get("title"))
		}
	}
	return ""
}

// words counts the words in the blocks.
func (t *pageText) words() (n int64) {
	each(t.blocks, func(b *block) bool {
		n += int64(len(strings.Fields(blockText(b).Text())))
		return true
	})
	return n
}

// standing notes what databases and data sources stand in.
func (c *content) standing() {
	for id, d := range c.d.containers {
		if uuid, ok := notion.ParseUUID([]byte(id)); ok && d.object != nil {
			c.parents[uuid] = parentRefOf(d.object)
		}
	}
	for id, f := range c.d.results {
		if uuid, ok := notion.ParseUUID([]byte(id)); ok && f.ds != nil {
			database, _ := notion.ParseUUID([]byte(f.ds.database))
			c.parents[uuid] = parentRef{parentDatabase, database}
		}
	}
}

// order is the order of the pages in the tables. They were found by many at once,
// and the tables are to be the same where the pages are. The rows of a data source
// stand together, since they are alike, and new ones come last.
func (c *content) order() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.part == nil { // what it was compared with takes as much memory as many pages
		c.last = earlierPages{}
	}
	c.ordered = slices.Clone(c.all)
	slices.SortStableFunc(c.ordered, func(a, b *pageEntry) int {
		return cmp.Or(bytes.Compare(a.source[:], b.source[:]), cmp.Compare(a.created, b.created), bytes.Compare(a.id[:], b.id[:]))
	})
}

// path are the IDs of what a page stands in, from the top down: pages, databases
// and data sources.
func (c *content) path(e *pageEntry) []notion.UUID {
	var path []notion.UUID
	of, p := e.id, e.parent
	for {
		if p.typ == parentBlock {
			p = parentRef{parentPage, c.within[of]}
		}
		if p.id == (notion.UUID{}) || slices.Contains(path, p.id) {
			break
		}
		path = append(path, p.id)
		of = p.id
		if n, ok := c.number(of); p.typ == parentPage && ok {
			p = c.all[n].parent
		} else if p.typ == parentPage {
			break
		} else {
			p = c.parents[of]
		}
	}
	slices.Reverse(path)
	return path
}

// table is a table of content: the rows that one page after the other gives.
func (c *content) table(schema lake.Schema, rows func(e *pageEntry, push func(...lake.Value) bool) error) lake.Table {
	ids := c.ids[schema.Key] // nil: they cannot come twice
	carry := c.carry(schema)
	if keep := carry; keep != nil && ids != nil {
		carry = func(row lake.Row, old cells) bool {
			return keep(row, old) && !ids.kept(old.value(row, schema.Columns[0].Name).Text())
		}
	}
	t := c.d.fixed(schema, false, carry, func(ctx context.Context, push func(...lake.Value) bool) error {
		if err := c.failure(schema.Key); err != nil {
			return err
		}
		stopped := false
		for _, e := range c.ordered {
			if e.gone {
				continue
			}
			err := rows(e, func(values ...lake.Value) bool {
				if ids != nil && ids.written(values[0].Text()) {
					return !stopped // it moved from one page to another while they were read
				}
				stopped = stopped || !push(values...)
				return !stopped
			})
			if err != nil || stopped {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	t.Lost = func(ctx context.Context) (int64, error) { return c.lost(ctx, schema.Key) }
	return t
}

// lost counts the rows of a table at the last load that are of pages of data
// sources that are not read any more.
func (c *content) lost(ctx context.Context, key string) (n int64, err error) {
	if len(c.lostPages) == 0 || c.options.isPart() {
		return 0, nil
	}
	cells := newCells(c.d.before[key])
	for row, err := range c.d.view.Rows(ctx, key) {
		switch {
		case err == nil:
		case c.options.Full && lake.IsLost(err):
			return n, nil // that it cannot be read has been said; fewer are excused
		default:
			return 0, err
		}
		if id, ok := notion.ParseUUID([]byte(cells.value(row, pageColumn(key)).Text())); ok && c.lostPages[id] {
			n++
		}
	}
	return n, nil
}

// pageColumn is the column of a content table that has the page's ID.
func pageColumn(key string) string {
	if key == keyPages {
		return "id"
	}
	return "page_id"
}
