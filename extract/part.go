package extract

import (
	"context"
	"fmt"
	"slices"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A part is what of the last load belongs to the data sources of the part of the
// workspace that is read: the pages whose nearest data source is one of them. What
// this load reads of them replaces their rows; the others, and what is not read in
// this load, stay as they are.
type part struct {
	// pages are the pages that belong to it by _pages, owned those by the table that
	// knows it best: where the last loads did not write _pages it is old.
	pages, owned map[notion.UUID]bool
	// others are those that belonged to it and do not any more: what is known of them
	// stays until the part where they are now is read.
	others map[notion.UUID]bool
}

// takePart takes in the pages of the last load that belong to the data sources that are
// read, where these are not all: what they stand in need not lead to them. Of a part of
// the workspace it finds all that belongs to it.
func (c *content) takePart(ctx context.Context) error {
	if c.roams() {
		return nil
	}
	if err := c.isReady(ctx); err != nil {
		return err
	}
	p := &part{pages: map[notion.UUID]bool{}, others: map[notion.UUID]bool{}}
	for i := range c.last.list {
		id := c.last.list[i].id
		if sources := c.last.of(id).sources; len(sources) > 0 && c.d.sources[sources[len(sources)-1]] != nil {
			p.pages[id] = true
			c.takeAgain(&c.last.list[i])
		}
	}
	if !c.options.isPart() {
		return nil
	}
	p.owned = p.pages
	_, linked := c.d.before[keyLinks]
	if linked && c.d.view.LoadOf(keyLinks) > c.d.view.LoadOf(keyPages) {
		var err error
		if p.owned, err = c.ownedByLinks(ctx); err != nil {
			return err
		}
	}
	c.part = p
	for id := range p.owned {
		if !p.pages[id] {
			c.add(id.String(), byLastLoad, notion.UUID{})
		}
	}
	return nil
}

// ownedByLinks finds the pages that belong to the part by what the links of the last
// load say that they stand in. Rows whose data source is of the part are among them.
func (c *content) ownedByLinks(ctx context.Context) (map[notion.UUID]bool, error) {
	parents, blocks := map[notion.UUID]parentRef{}, map[notion.UUID]notion.UUID{}
	cells := newCells(c.d.before[keyLinks])
	for row, err := range c.d.view.Rows(ctx, keyLinks) {
		if err != nil {
			return nil, fmt.Errorf("links of the last load: %w", err)
		}
		id, ok := notion.ParseUUID([]byte(cells.value(row, "page_id").Text()))
		if !ok || cells.value(row, "kind").Text() != linkParent {
			continue
		}
		p := parentRef{typ: parentKindOf(cells.value(row, "target_type").Text() + "_id")}
		p.id, _ = notion.ParseUUID([]byte(cells.value(row, "target_id").Text()))
		if p.typ == parentBlock {
			blocks[p.id] = notion.UUID{}
		}
		parents[id] = p
	}
	if before, ok := c.d.before[keyBlocks]; ok && len(blocks) > 0 {
		cells := newCells(before)
		for row, err := range c.d.view.Rows(ctx, keyBlocks) {
			if err != nil {
				return nil, fmt.Errorf("blocks of the last load: %w", err)
			}
			id, _ := notion.ParseUUID([]byte(cells.value(row, "id").Text()))
			if _, wanted := blocks[id]; wanted {
				blocks[id], _ = notion.ParseUUID([]byte(cells.value(row, "page_id").Text()))
			}
		}
	}
	owned := map[notion.UUID]bool{}
	for id := range parents {
		if c.d.sources[nearest(parents[id], func(p parentRef) parentRef {
			if p.typ == parentBlock {
				p.id = blocks[p.id]
			}
			return parents[p.id]
		})] != nil {
			owned[id] = true
		}
	}
	return owned, nil
}

// nearest is the data source that something with the parent p stands in, "" where
// there is none; up tells what a parent stands in.
func nearest(p parentRef, up func(parentRef) parentRef) string {
	seen := map[notion.UUID]bool{}
	for p.id != (notion.UUID{}) && !seen[p.id] {
		if p.typ == parentDataSource {
			return p.id.String()
		}
		seen[p.id] = true
		p = up(p)
	}
	return ""
}

// leaveOthers leaves alone the pages that do not belong to what is read any more, since
// they have moved. Of a part their rows stay until the part where they are now is read,
// which asks for them.
func (c *content) leaveOthers() {
	if c.roams() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var left []*pageEntry
	for _, e := range c.all {
		if e.isRow() || e.parent == (parentRef{}) || e.gone && c.part == nil && e.parent.typ != parentDataSource {
			continue // a row of what is read, or not there any more
		}
		in := nearest(c.above(e.id, e.parent), func(p parentRef) parentRef {
			if n, ok := c.number(p.id); ok && p.typ == parentPage {
				return c.above(p.id, c.all[n].parent)
			}
			return c.above(p.id, c.parents[p.id])
		})
		if c.d.sources[in] == nil && !e.trashed && (c.part != nil || c.leftAlone(e)) {
			left = append(left, e)
		}
	}
	asked := map[notion.UUID]bool{} // those that no other part brings as rows
	for _, e := range left {
		asked[e.id] = !e.gone || c.part == nil
		e.gone = true
	}
	for _, e := range left {
		if _, was := c.away[e.id]; !was && asked[e.id] && !c.leadsTo(e, asked) {
			c.away[e.id] = c.notionNow()
		}
	}
	if c.part == nil {
		return
	}
	leave := func(id notion.UUID) {
		delete(c.part.pages, id)
		delete(c.part.owned, id)
		c.part.others[id] = true
	}
	for id, source := range c.movedTo {
		if c.d.sources[source.String()] == nil {
			leave(id)
		}
	}
	for _, e := range left {
		leave(e.id)
	}
}

// leadsTo reports whether who reads what a page that is left stands in is led to it: that
// one is left too, and shows it by what the last load read.
func (c *content) leadsTo(e *pageEntry, left map[notion.UUID]bool) bool {
	in := c.above(e.id, e.parent).id
	n, known := c.number(in)
	return known && left[in] && !c.all[n].reread
}

// above is what something stands in, the page for a block.
func (c *content) above(id notion.UUID, parent parentRef) parentRef {
	if parent.typ == parentBlock {
		return parentRef{parentPage, c.within[id]}
	}
	return parent
}

// leftAlone reports whether no row shows a page, by what is in it and in the pages that it
// shows: only the last load leads to it.
func (c *content) leftAlone(e *pageEntry) bool {
	seen := map[notion.UUID]bool{}
	for !seen[e.id] {
		seen[e.id] = true
		in, shown := c.within[e.id]
		n, known := c.number(in)
		if !shown || !known || c.all[n].gone {
			return c.last.page(e.id) != nil
		}
		if e = c.all[n]; e.isRow() {
			return false
		}
	}
	return true // they are in each other
}

// carry says which rows of a content table a load of a part of the workspace keeps.
func (c *content) carry(schema lake.Schema) func(lake.Row, cells) bool {
	if c.part == nil {
		return nil
	}
	owned := c.part.owned
	if schema.Key == keyPages {
		owned = c.part.pages
	}
	return func(row lake.Row, old cells) bool {
		id, _ := notion.ParseUUID([]byte(old.value(row, pageColumn(schema.Key)).Text()))
		return !owned[id] && !c.has(id) || c.unreadRow(schema.Key, row, old)
	}
}

// awaitsItsPart reports whether what the last load had of a page as one of a data
// source stays, since it has moved out of the part, and was not read there yet.
func (c *content) awaitsItsPart(page notion.UUID, source string) bool {
	if c.part == nil || !c.part.others[page] || c.has(page) {
		return false
	}
	of, _ := notion.ParseUUID([]byte(source)) // zero: of a page that is no row
	return c.last.page(page) == nil || c.last.of(page).source == of
}

// has reports whether the load has read a page.
func (c *content) has(id notion.UUID) bool {
	n, ok := c.number(id)
	return ok && !c.all[n].gone
}

// unreadRow reports whether a row is of a kind that this load does not read: where
// blocks are off, the links in them stay as the blocks do.
func (c *content) unreadRow(key string, row lake.Row, old cells) bool {
	var block, comment bool
	switch key {
	case keyLinks:
		block, comment = !old.value(row, "block_id").IsNull(), !old.value(row, "comment_id").IsNull()
	case keyComments:
		block, comment = parentKindOf(old.value(row, "parent_type").Text()) == parentBlock, true
	}
	o := c.options.Content
	comments := o.Comments && c.refused == nil
	switch {
	case comment && block:
		return !comments || !o.Blocks || !o.BlockComments
	case comment:
		return !comments
	}
	return block && !o.Blocks
}

// keepsProblem reports whether a part keeps a problem of the last load: one with
// what this load does not look at.
func (d *discovery) keepsProblem(row lake.Row, old cells, again map[string]bool) bool {
	kind, typ, object := ProblemKind(old.text(row, "kind")), old.text(row, "object_type"), old.text(row, "object_id")
	switch kind { //nolint:exhaustive // of all others below
	case KindFile, KindFileBlocked, KindFileTooLarge, KindFileType, KindCopyDamaged: // told by what _files keeps
		return d.source.files == nil
	}
	if page := old.text(row, "page_id"); page != "" && kind != KindUnseen {
		id, _ := notion.ParseUUID([]byte(page))
		c := d.content
		return c == nil || !c.part.owned[id] && !c.has(id) || typ == "block" && !c.options.Content.Blocks
	}
	switch kind {
	case KindTrash, KindUnseen, KindRowsLost: // events of a load
		return false
	case KindRowNotFound, KindRowsUnasked, KindRowUnlisted, KindRowMoved: // of the load that last read the table
		return !slices.ContainsFunc(d.found, func(f *found) bool { return f.ds != nil && f.name == old.text(row, "table_name") })
	case KindUsers:
		return !d.source.options.Users
	case KindComments:
		return d.content == nil || !d.content.options.Content.Comments
	case KindSearch:
		return d.pick.direct() != nil || d.source.options.Databases != nil
	case KindView:
		if !d.source.options.Content.Views {
			return true
		}
	case KindTable, KindPartial, KindNotShared, KindLinked, KindNoSources, KindBlocks, KindUnsupportedBlock, KindMarkdown:
	case KindFile, KindFileBlocked, KindFileTooLarge, KindFileType, KindCopyDamaged: // above
	}
	switch typ {
	case "data_source":
		return d.carries(object) && !again[string(kind)+object]
	case "database":
		return !d.asked[object]
	case "view":
		return !slices.ContainsFunc(d.found, func(f *found) bool { return f.name == old.text(row, "table_name") })
	}
	return !again[string(kind)+object]
}
