package extract

import (
	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// The kinds of links.
const (
	linkParent   = "parent"
	linkRelation = "relation"
	linkMention  = "mention"
	linkToPage   = "link_to_page"
)

// linksTable is _links: what pages point to.
func (c *content) linksTable() lake.Table {
	schema := c.d.fixedSchema(keyLinks, false,
		fixedColumn("page_id", stringType, "the page that the link is on"),
		fixedColumn("block_id", stringType, "the block that it is in"),
		fixedColumn("property_id", stringType, "the property that it is in, percent-decoded"),
		fixedColumn("comment_id", stringType, "the comment that it is in"),
		fixedColumn("kind", stringType, "relation, mention, link_to_page, parent"),
		fixedColumn("target_type", stringType, "page, database, data_source, block, user"),
		fixedColumn("target_id", stringType, "ID of what it points to"),
	)
	return c.table(schema, func(e *pageEntry, push func(...lake.Value) bool) error {
		record, err := c.pages.get(e.object)
		if err != nil {
			return err
		}
		l := &linkWriter{page: text(e.id.String()), push: push}
		of := membersOf(record, "page", "parts")
		l.parent(of[0])
		l.properties(of[0], of[1])
		t, err := c.text(e)
		if err != nil {
			return err
		}
		l.text(t)
		return nil
	})
}

// A linkWriter writes the links of one page.
type linkWriter struct {
	page lake.Value
	push func(...lake.Value) bool
	done bool
}

func (l *linkWriter) add(block, property, comment lake.Value, kind, typ, id string) {
	if id != "" && !l.done {
		l.done = !l.push(l.page, block, property, comment, text(kind), text(typ), text(id))
	}
}

func (l *linkWriter) parent(page notion.JSON) {
	typ := page.Get("parent").Get("type").Text()
	if p := parentRefOf(page); p.id != (notion.UUID{}) {
		l.add(lake.Value{}, lake.Value{}, lake.Value{}, linkParent, targetOf(typ), p.id.String())
	}
}

// targetOf is the kind of object that a type of parent or link names.
func targetOf(typ string) string {
	if n := len(typ) - len("_id"); n > 0 && typ[n:] == "_id" {
		return typ[:n]
	}
	return typ
}

// properties writes the relations and mentions in the properties of a page. parts are
// the values that it shows a part of only.
func (l *linkWriter) properties(page, parts notion.JSON) {
	for _, property := range page.Get("properties").Fields() {
		typ := property.Get("type").Text()
		switch typ {
		case "relation", "title", "rich_text":
		default:
			continue
		}
		id := decodeID(property.Get("id").Text())
		value := property.Get(typ)
		if part := parts.Get(id); part != nil {
			value = part
		}
		for item := range value.Elems() {
			if typ == "relation" {
				l.add(lake.Value{}, text(id), lake.Value{}, linkRelation, "page", item.Get("id").Text())
			} else {
				l.mention(lake.Value{}, text(id), lake.Value{}, item)
			}
		}
	}
}

// mention writes the link that a run of text is, if it is one.
func (l *linkWriter) mention(block, property, comment lake.Value, run notion.JSON) {
	mention := run.Get("mention")
	switch typ := mention.Get("type").Text(); typ {
	case "page", "database", "data_source", "user":
		l.add(block, property, comment, linkMention, typ, mention.Get(typ).Get("id").Text())
	}
}

// text writes the links in what is in and on a page.
func (l *linkWriter) text(t *pageText) {
	each(t.blocks, func(b *block) bool {
		id := text(b.id.String())
		if payload := b.payload(); b.typ() == "link_to_page" {
			typ := payload.Get("type").Text()
			l.add(id, lake.Value{}, lake.Value{}, linkToPage, targetOf(typ), payload.Get(typ).Text())
		}
		for run := range richTexts(b) {
			l.mention(id, lake.Value{}, lake.Value{}, run)
		}
		l.comments(id, b.comments)
		return !l.done
	})
	l.comments(lake.Value{}, t.comments)
}

func (l *linkWriter) comments(block lake.Value, comments []notion.JSON) {
	for _, comment := range comments {
		for run := range comment.Get("rich_text").Elems() {
			l.mention(block, lake.Value{}, textOf(comment.Get("id")), run)
		}
	}
}
