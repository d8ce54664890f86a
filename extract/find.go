package extract

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// How a page was found (_pages.discovered_by), beside the constants of data sources.
const (
	byDataSource = "data_source" // a row of it
	byOnlyRow    = "row"         // a row whose data source is not shared
	byParent     = "parent"
	byLink       = "link"
)

// ways are the ways in which a page is found, the surest first.
var ways = []string{byDataSource, byPage, bySearch, byOnlyRow, byParent, byLink, byLastLoad}

func wayOf(by string) uint8 { return uint8(slices.Index(ways, by)) }

// find looks for pages where no other one leads: by a search, and among those of
// the last load.
func (c *content) find(ctx context.Context) error {
	for object, err := range c.client.Search(ctx, "page") {
		switch {
		case errors.Is(err, notion.ErrIncomplete) && !fatal(err):
			c.d.problem(problem{kind: KindSearch, message: notion.Steady(err)})
			continue
		case err != nil:
			return err // it says what was searched for
		}
		if object.Get("object").Text() != "page" || inTrash(object) {
			continue
		}
		if p := parentRefOf(object); p.typ == parentDataSource {
			c.d.add(candidate{id: p.id.String(), by: byPage})
			c.stray(object, p.id)
			continue
		}
		c.add(object.Get("id").Text(), bySearch, notion.UUID{})
	}
	if err := c.isReady(ctx); err != nil {
		return err
	}
	c.findEarlier()
	return nil
}

// leftovers reads what only now, when nothing else is to be read, is known to be
// missing. more: it read something, which may have led to more.
func (c *content) leftovers(ctx context.Context) (more bool, err error) {
	known := c.entries()
	c.strayRows()
	if err := c.findAway(ctx); err != nil {
		return false, err
	}
	if err := c.resolveBlocks(ctx); err != nil {
		return false, err
	}
	return c.entries() > known, nil // they may be out of the queue already, and being read
}

// entries counts the pages that were ever taken in.
func (c *content) entries() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

// finish does what takes all pages and tables to be known. more: it led to more.
func (c *content) finish(ctx context.Context) (more bool, err error) {
	if (c.before != nil || len(c.resumed) > 0) && c.recheck() {
		return true, nil
	}
	return c.readCopies(ctx)
}

// stray takes in a row that something else than its data source names. An archived one
// is not wanted where its data source is not asked for those.
func (c *content) stray(page notion.JSON, source notion.UUID) {
	if !c.roams() || !c.options.Archived && page.Get("is_archived").Bool() {
		return
	}
	if id, ok := notion.ParseUUID([]byte(page.Get("id").Text())); ok {
		c.strayID(id, source)
	}
}

func (c *content) strayID(id, source notion.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.strays[source] = append(c.strays[source], id)
}

// strayRows takes in the rows that their data source does not bring, because it is
// not shared (a page can be shared alone), or its rows had been read before they moved there.
func (c *content) strayRows() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for source, rows := range c.strays {
		_, found := c.d.results[source.String()]
		if found {
			// Its table brings it, unless it moved there, or was left out, when that was read.
			if t := c.joins.tables[source.String()]; t == nil || !t.complete {
				continue
			}
		}
		delete(c.strays, source)
		if c.d.pick.excludes(source.String()) {
			continue
		}
		for _, id := range rows {
			if n, known := c.number(id); known { // nearly all, where their data source is read
				c.all[n].way = min(c.all[n].way, wayOf(byOnlyRow))
			} else if !c.d.pick.excludes(id.String()) {
				e := &pageEntry{id: id, way: wayOf(byOnlyRow), only: true}
				if found {
					e.setSeldom().unlisted = source
				}
				c.enter(e)
			}
		}
	}
}

// resolveBlocks finds the pages of the blocks that pages and databases stand in,
// where no page that was read holds them.
func (c *content) resolveBlocks(ctx context.Context) error {
	type in struct{ id, block notion.UUID }
	var list []in
	c.d.mu.Lock()
	containers := maps.Clone(c.d.containers)
	c.d.mu.Unlock()
	c.mu.Lock()
	add := func(id notion.UUID, p parentRef) {
		if _, known := c.within[id]; p.typ == parentBlock && !known {
			list = append(list, in{id, p.id})
		}
	}
	for _, e := range c.all { // also of pages in the trash: what stands in them may be there
		add(e.id, e.parent)
	}
	for id, d := range containers {
		if uuid, ok := notion.ParseUUID([]byte(id)); ok && d.object != nil {
			add(uuid, parentRefOf(d.object))
		}
	}
	c.mu.Unlock()
	for _, i := range list {
		page, err := c.pageOf(ctx, i.block)
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.within[i.id] = page // also where it is not known: asked once
		c.mu.Unlock()
		if page != (notion.UUID{}) && c.roams() {
			c.add(page.String(), byParent, notion.UUID{})
		}
	}
	return nil
}

// pageOf finds the page that a block is on; zero where that is not shown.
func (c *content) pageOf(ctx context.Context, id notion.UUID) (page notion.UUID, err error) {
	seen := map[notion.UUID]bool{}
	for !seen[id] {
		seen[id] = true
		object, err := c.client.Block(ctx, id.String())
		switch {
		case err != nil && fatal(err):
			return page, err // it names the block
		case errors.Is(err, notion.ErrNotFound):
			return page, nil // the path of what stands in it begins there
		case err != nil:
			c.d.problem(problem{kind: KindBlocks, objectType: "block", objectID: id.String(), message: "which page the block is on cannot be read: " + notion.Steady(err)})
			if !errors.Is(err, notion.ErrRestricted) { // that page may be in no table
				c.fail(err, keyPages, keyBlocks, keyComments, keyLinks)
			}
			return page, nil
		}
		parent := parentRefOf(object)
		switch parent.typ {
		case parentPage:
			return parent.id, nil
		case parentBlock:
			id = parent.id
		default:
			return page, nil
		}
	}
	return page, nil
}

// isEmpty reports whether there is no page at all.
func (c *content) isEmpty() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !slices.ContainsFunc(c.all, func(e *pageEntry) bool { return !e.gone })
}

// tableRead takes in that a table that could bring pages has been read. Where it
// was not read whole, neither are the pages.
func (c *content) tableRead(err error) {
	if c == nil {
		return
	}
	var partial *lake.PartialError
	if errors.As(err, &partial) {
		c.fail(err, keyPages, keyBlocks, keyComments, keyLinks)
	}
	c.left()
}
