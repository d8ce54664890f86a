package extract

import (
	"bytes"
	"context"
	"maps"
	"slices"
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

// resumedComments are the comments on a page, and on its blocks, as a run read them that
// this one continues; what is in the page was as the last load has it.
type resumedComments struct {
	id notion.UUID
	mark
	text place
}

// takeIn takes in a page that was kept; of several readings the last counts.
func (c *content) takeIn(line keptLine) error {
	if c == nil {
		return nil
	}
	id, ok := notion.ParseUUID([]byte(line.ID))
	if before, known := c.resumed[id]; !ok || !line.Carried && known && before.read.After(line.Read) {
		return nil
	}
	at, err := c.texts.add(line.Text)
	if err != nil {
		return err
	}
	if line.Carried {
		c.resumedOn = append(c.resumedOn, resumedComments{id, mark{line.Edited, line.Title}, at})
		return nil
	}
	c.resumed[id] = resumedPage{mark{line.Edited, line.Title}, line.Read, line.Comments, at}
	if c.resumedFrom.IsZero() || line.Read.Before(c.resumedFrom) {
		c.resumedFrom = line.Read // what this load has was read then or later
	}
	return nil
}

// tookIn says that all that was kept has been taken in.
func (c *content) tookIn() {
	if c == nil {
		return
	}
	slices.Reverse(c.resumedOn) // the last comes first
	slices.SortStableFunc(c.resumedOn, func(a, b resumedComments) int { return bytes.Compare(a.id[:], b.id[:]) })
	c.resumedOn = slices.Clone(slices.CompactFunc(c.resumedOn, func(a, b resumedComments) bool { return a.id == b.id }))
}

// resumedCommentsOn are the comments on a page that were taken in.
func (c *content) resumedCommentsOn(id notion.UUID) (of resumedComments, ok bool) {
	n, ok := slices.BinarySearchFunc(c.resumedOn, id, func(r resumedComments, id notion.UUID) int { return bytes.Compare(r.id[:], id[:]) })
	if !ok {
		return of, false
	}
	return c.resumedOn[n], true
}

// kept is how many pages have been taken in.
func (c *content) kept() int {
	if c == nil {
		return 0
	}
	n := len(c.resumed)
	for _, on := range c.resumedOn {
		if _, whole := c.resumed[on.id]; !whole {
			n++
		}
	}
	return n
}

// takenOver is how many pages are as a run read them that this one continues.
func (c *content) takenOver() (n int64) {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.all {
		if !e.gone && e.carried != nil && (!e.carried.read.IsZero() || e.resumedOn) {
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
	if err := c.keepVerdict(e, t); err != nil {
		return nil, err
	}
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

// keepVerdict has a page judged like one of the sample where a run that this one continues
// has read another text than the last load, in one that should have the same: whether it
// was of the sample or read since that had shown a change, it shows that now.
func (c *content) keepVerdict(e *pageEntry, t *pageText) error {
	before, err := c.asBefore(e)
	if before == nil {
		return err
	}
	if was := digest(before); was != digest(t) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.isSample(e.id) || c.verdicts < maxVerdicts {
			c.verdicts++
			e.setSeldom().sample = &sample{carriedOf(before), was}
		}
	}
	return err
}

// maxVerdicts is how many pages that are not of the sample are judged: all may have been
// read, and some tell as much as all of them do.
const maxVerdicts = 1000

// keep keeps what was read of a page, if that is all of it. line has what that is.
func (c *content) keep(ctx context.Context, e *pageEntry, line keptLine) error {
	c.mu.Lock()
	unsure, mark := e.unsure, e.mark
	c.mu.Unlock()
	if unsure {
		return nil
	}
	line.ID, line.Edited, line.Title = e.id.String(), mark.edited, mark.title
	return c.keeper.add(ctx, line)
}

// resumeComments takes over the comments that an earlier run of this load read on a page
// whose text is the last load's, as it was then.
func (c *content) resumeComments(e *pageEntry, t *pageText) (there bool, err error) {
	c.mu.Lock()
	on, taken := c.resumedCommentsOn(e.id)
	taken = taken && c.options.Content.Comments && e.carried != nil && e.carried.read.IsZero() && on.mark == e.mark
	if taken {
		e.resumedOn = true
	}
	c.mu.Unlock()
	if !taken {
		return false, nil
	}
	record, err := c.texts.get(on.text)
	if err != nil {
		return false, err
	}
	of := parsePageText(record)
	t.comments, t.commented = of.comments, true
	blocks := map[notion.UUID][]notion.JSON{}
	each(of.blocks, func(b *block) bool {
		blocks[b.id] = b.comments
		return true
	})
	each(t.blocks, func(b *block) bool {
		b.comments = blocks[b.id]
		return true
	})
	for _, list := range append(slices.Collect(maps.Values(blocks)), t.comments) {
		for _, j := range list {
			c.meet(j)
		}
	}
	return true, nil
}

// commentsRecord is the record of the comments on a page and on its blocks, without what
// is in it.
func (t *pageText) commentsRecord() []byte {
	on := &pageText{comments: t.comments}
	each(t.blocks, func(b *block) bool {
		if len(b.comments) > 0 {
			on.adopt(nil, &block{raw: notion.JSON(append(appendQuoted([]byte(`{"id":`), b.id.String()), '}')), comments: b.comments})
		}
		return true
	})
	return on.record()
}
