package extract

import (
	"context"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
)

// A resumedPage is a page as a run read it that this one continues.
type resumedPage struct {
	mark
	read     time.Time
	comments bool
	text     place
}

// takeIn takes in a page that was kept; of several readings the last counts.
func (c *content) takeIn(line keptLine) error {
	if c == nil {
		return nil
	}
	id, ok := notion.ParseUUID([]byte(line.ID))
	if before, known := c.resumed[id]; !ok || known && before.read.After(line.Read) {
		return nil
	}
	at, err := c.texts.add(line.Text)
	if err != nil {
		return err
	}
	c.resumed[id] = resumedPage{mark{line.Edited, line.Title}, line.Read, line.Comments, at}
	if c.resumedFrom.IsZero() || line.Read.Before(c.resumedFrom) {
		c.resumedFrom = line.Read // what this load has was read then or later
	}
	return nil
}

// kept is how many pages have been taken in.
func (c *content) kept() int {
	if c == nil {
		return 0
	}
	return len(c.resumed)
}

// takenOver is how many pages are as a run read them that this one continues.
func (c *content) takenOver() (n int64) {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.all {
		if !e.gone && e.carried != nil && !e.carried.read.IsZero() {
			n++
		}
	}
	return n
}

// resume returns what an earlier run of this load read in a page that has not been
// edited since; nil: it is to be read.
func (c *content) resume(e *pageEntry) (*pageText, error) {
	c.mu.Lock()
	r, ok := c.resumed[e.id]
	now, again := e.mark, e.reread
	c.mu.Unlock()
	if !ok || again || r.mark != now || !isBefore(now.edited, r.read) {
		return nil, nil
	}
	record, err := c.texts.get(r.text)
	if err != nil {
		return nil, err
	}
	t := parsePageText(record)
	t.commented = r.comments
	comments := func(list []notion.JSON) {
		for _, j := range list {
			c.meet(j)
		}
	}
	comments(t.comments)
	each(t.blocks, func(b *block) bool {
		c.block(e, b)
		comments(b.comments)
		return true
	})
	of := carriedOf(t)
	of.read = r.read
	c.mu.Lock()
	e.carried = of
	c.mu.Unlock()
	return t, nil
}

// keep keeps what was read of a page, if that is all of it.
func (c *content) keep(ctx context.Context, e *pageEntry, t *pageText, record []byte, began time.Time) error {
	c.mu.Lock()
	unsure, mark := e.unsure, e.mark
	c.mu.Unlock()
	if unsure {
		return nil
	}
	return c.keeper.add(ctx, keptLine{Read: began, ID: e.id.String(), Edited: mark.edited, Title: mark.title, Comments: t.commented, Text: record})
}
