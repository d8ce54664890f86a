package extract

import (
	"context"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
)

// In the first load no row is read before everything has been searched for, since
// that decides what tables are called. Requests would be left unused meanwhile: so
// what is in the rows that the search finds is asked for ahead, by workers that have
// nothing else to read. Nothing but the answer is kept. It is taken when the row has
// come from its data source, as it was when the search found it.

// ahead are the pages that may be read ahead. Its content's mu guards it.
type ahead struct {
	pages   map[notion.UUID]*aheadPage // that nobody has claimed
	sources []*aheadSource
}

type aheadSource struct {
	id    string
	queue []*aheadPage
}

// An aheadPage is a row that the search has found.
type aheadPage struct {
	id      notion.UUID
	edited  int64         // microseconds
	began   time.Time     // by Notion's clock: when its blocks were asked for
	done    chan struct{} // closed when blocks is set; nil: it has not been begun
	claimed bool
	blocks  place // 0: they could not be read
}

// readsAhead reports whether rows are worth reading before they are listed: where the
// last load has the names of tables they are listed at once. URLs of files are good
// for a while only.
func (c *content) readsAhead() bool {
	return len(c.d.before) == 0 && c.options.Content.Blocks && c.files == nil && c.roams()
}

// foundRow takes in a row that the search has found, to be read ahead. One that was
// edited just now may be edited again without showing another time.
func (c *content) foundRow(page notion.JSON, source string) {
	id, ok := notion.ParseUUID([]byte(page.Get("id").Text()))
	edited := markOf(page, "").edited
	if !ok || !c.readsAhead() || c.d.pick.excludes(id.String()) || !isBefore(edited, c.notionNow()) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, listed := c.number(id); listed || c.ahead.pages[id] != nil {
		return
	}
	var of *aheadSource
	for _, s := range c.ahead.sources {
		if s.id == source {
			of = s
		}
	}
	if of == nil {
		of = &aheadSource{id: source}
		c.ahead.sources = append(c.ahead.sources, of)
	}
	p := &aheadPage{id: id, edited: edited}
	if c.ahead.pages == nil {
		c.ahead.pages = map[notion.UUID]*aheadPage{}
	}
	c.ahead.pages[id] = p
	of.queue = append(of.queue, p)
	c.changed.Signal()
}

// nextAhead is a page to read ahead that will be read in any case; nil: there is none.
// mu is held.
func (c *content) nextAhead() *aheadPage {
	select {
	case <-c.ready: // what a run has put aside that this one continues is known
	default:
		return nil
	}
	for _, s := range c.ahead.sources {
		for len(s.queue) > 0 && c.d.willRead(s.id) {
			p := s.queue[0]
			s.queue = s.queue[1:]
			if _, resumed := c.resumed[p.id]; !p.claimed && !resumed {
				p.done, p.began = make(chan struct{}), c.notionNow()
				return p
			}
		}
	}
	return nil
}

// willRead reports whether it is known that rows of a data source are read: where
// something is excluded, not before it has been looked at.
func (d *discovery) willRead(id string) bool {
	if d.pick.excludesNothing() {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.results[id]
	return f != nil && f.ds != nil && !d.inTrashedDatabase(f) && !d.pick.excludesFound(f, d.databaseTitle(f), "")
}

// readAhead reads the blocks in a page. Where that fails they are read again once
// the row has come, and what is wrong is said then.
func (c *content) readAhead(ctx context.Context, p *aheadPage) error {
	defer close(p.done)
	list, err := c.client.Children(ctx, p.id.String())
	if err != nil {
		return nil
	}
	p.blocks, err = c.texts.add(appendArray(nil, list))
	return err
}

// claimAhead returns the blocks in a page that were read ahead, if it still is as it
// was then.
func (c *content) claimAhead(ctx context.Context, e *pageEntry) (list []notion.JSON, ok bool, err error) {
	c.mu.Lock()
	p := c.ahead.pages[e.id]
	delete(c.ahead.pages, e.id)
	if p != nil {
		p.claimed = true
		ok = p.done != nil && p.edited == e.mark.edited
	}
	c.mu.Unlock()
	if !ok {
		return nil, false, nil
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	if p.blocks == 0 {
		return nil, false, nil
	}
	record, err := c.texts.get(p.blocks)
	for block := range notion.JSON(record).Elems() {
		list = append(list, block)
	}
	return list, err == nil, err
}

// beganAhead is when a page was begun to be read, if that was before now.
func (c *content) beganAhead(id notion.UUID, now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.ahead.pages[id]; p != nil && p.done != nil && p.began.Before(now) {
		return p.began
	}
	return now
}

// children are the blocks in the page of e, or in a block of it.
func (c *content) children(ctx context.Context, e *pageEntry, id notion.UUID) ([]notion.JSON, error) {
	if id == e.id {
		if list, ok, err := c.claimAhead(ctx, e); ok || err != nil {
			return list, err
		}
	}
	return c.client.Children(ctx, id.String())
}
