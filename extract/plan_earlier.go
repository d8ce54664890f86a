package extract

import (
	"context"
	"fmt"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// An earlierContent is a page of the last load, with what is in it.
type earlierContent struct {
	mark
	parent  parentRef
	source  string // of a row
	blocks  int64  // that stand for no page or database
	inside  int64  // blocks that hold blocks
	lists   int64  // requests that the blocks take
	copied  int64  // of synced copies whose originals only they show
	comment int64  // requests that the comments on the page itself take beyond the first
}

// readPages reads which pages the last load had.
func (p *planner) readPages(ctx context.Context) error {
	if s, ok := p.d.earlierState(p.options); ok {
		p.relies, p.before.began = true, s.Began
	}
	for row, err := range p.view.Columns(ctx, keyPages, "id", "title", "last_edited_time", "parent_type", "parent_id", "data_source_id", "archived") {
		if err != nil {
			return fmt.Errorf("pages of the last load: %w", err)
		}
		v := row.Values
		id, ok := notion.ParseUUID([]byte(v[0].Text()))
		if !ok {
			continue
		}
		e := &earlierContent{mark: mark{v[2].Micros(), titleHash(v[1].Text())}, source: string([]byte(v[5].Text())), lists: 1}
		e.parent.typ = parentKindOf(v[3].Text())
		e.parent.id, _ = notion.ParseUUID([]byte(v[4].Text()))
		if p.earlier[id] = e; v[6].Bool() {
			p.archived[e.source]++
		}
	}
	return nil
}

// readBlocks reads how the blocks of the last load were in one another, which
// tells how many requests they take.
func (p *planner) readBlocks(ctx context.Context) error {
	if !p.options.Content.any() {
		return nil
	}
	children := map[notion.UUID]int64{} // of pages and blocks
	type parent struct {
		page notion.UUID
		copy bool
	}
	parents := map[notion.UUID]parent{} // blocks that hold blocks
	uuid := func(v lake.Value) (id notion.UUID) {
		id, _ = notion.ParseUUID([]byte(v.Text()))
		return id
	}
	for row, err := range p.view.Columns(ctx, keyBlocks, "id", "page_id", "parent_id", "type", "has_children", "synced_from") {
		if err != nil {
			return fmt.Errorf("blocks of the last load: %w", err)
		}
		v := row.Values
		id, page := uuid(v[0]), uuid(v[1])
		children[uuid(v[2])]++
		e := p.earlier[page]
		if e == nil {
			continue
		}
		switch typ := v[3].Text(); {
		case typ == "child_page" || typ == "child_database":
			if p.within[id] = page; typ == "child_database" {
				p.databases[id] = true
			}
			continue
		case v[4].Bool():
			parents[id] = parent{page, !v[5].IsNull()}
		}
		e.blocks++
	}
	for id, e := range p.earlier {
		e.lists = readings(children[id])
	}
	for id, in := range parents {
		e := p.earlier[in.page]
		switch n := children[id]; {
		case !in.copy:
			e.lists += readings(n)
			e.inside++
		case n > 0:
			e.copied += readings(n)
		}
	}
	if p.options.Content.Comments {
		return p.readEarlierComments(ctx)
	}
	return nil
}

// readEarlierComments reads where more comments were than Notion gives at once.
func (p *planner) readEarlierComments(ctx context.Context) error {
	on := map[notion.UUID]int64{}
	for row, err := range p.view.Columns(ctx, keyComments, "parent_id") {
		if err != nil {
			return fmt.Errorf("comments of the last load: %w", err)
		}
		if id, ok := notion.ParseUUID([]byte(row.Values[0].Text())); ok {
			on[id]++
		}
	}
	for id, n := range on {
		if e := p.earlier[id]; e != nil {
			e.comment = readings(n) - 1
		}
	}
	return nil
}

// column reads one column of text of a table of the last load.
func (p *planner) column(ctx context.Context, key, name string, visit func(string)) error {
	for row, err := range p.view.Columns(ctx, key, name) {
		if err != nil {
			return fmt.Errorf("%s of the last load: %w", key, err)
		}
		visit(string([]byte(row.Values[0].Text())))
	}
	return nil
}
