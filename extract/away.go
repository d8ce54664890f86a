package extract

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/extract/notion"
)

// A page that goes to the trash, or is not shared any more, may be there again on another
// night. What it stands in then need not show it, since it was read without it and has not
// been edited, nor does a search always tell of it. So the table of blocks remembers which
// pages of earlier loads are away, and they are asked for.

// An awayPage is a page of an earlier load that was not there later.
type awayPage struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
}

const (
	// awayTime is how long a page that is away is asked for: as long as Notion keeps what
	// is in the trash.
	awayTime = 30 * 24 * time.Hour
	// maxAway is how many are, a request each: those that went last.
	maxAway = 100
)

// readAway takes in the pages that were away at the last load.
func (c *content) readAway() { c.away = c.d.awayBefore(c.notionNow()) }

// awayBefore are the pages that were away at the last load, and are still asked for.
func (w *workspace) awayBefore(now time.Time) map[notion.UUID]time.Time {
	away := map[notion.UUID]time.Time{}
	var s contentState
	if blocks := w.before[keyBlocks]; len(blocks.Columns) == 0 || json.Unmarshal([]byte(blocks.Columns[0].State), &s) != nil {
		return away
	}
	for _, page := range s.Away {
		if id, ok := notion.ParseUUID([]byte(page.ID)); ok && now.Sub(page.Since) < awayTime {
			away[id] = page.Since
		}
	}
	return away
}

// goesAway notes that a page is not there. was: it was not at the last load either.
func (c *content) goesAway(id notion.UUID) (was bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, was = c.away[id]; !was && c.last.page(id) != nil {
		c.away[id] = c.notionNow()
	}
	return was
}

// stillAway are the pages that are not there at the end of a load.
func (c *content) stillAway() (pages []awayPage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, since := range c.away {
		if !c.has(id) {
			pages = append(pages, awayPage{id.String(), since.UTC().Truncate(time.Minute)})
		}
	}
	slices.SortFunc(pages, func(a, b awayPage) int {
		return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.ID, b.ID))
	})
	return pages[:min(len(pages), maxAway)]
}

// findAway takes in the pages that were away and stand in a page of this load, of which
// nothing else tells. A load that roams asks for all of them.
func (c *content) findAway(ctx context.Context) error {
	if c.roams() {
		return nil
	}
	if c.awayIn == nil {
		if err := c.askAway(ctx); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, in := range c.awayIn {
		if c.has(in) {
			delete(c.awayIn, id)
			c.enter(&pageEntry{id: id, way: wayOf(byLastLoad)})
		}
	}
	return nil
}

// askAway finds out which of the pages that were away are there, and on which pages.
func (c *content) askAway(ctx context.Context) error {
	if err := c.isReady(ctx); err != nil {
		return err
	}
	var mu sync.Mutex
	c.awayIn = map[notion.UUID]notion.UUID{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for _, id := range c.awayIDs() {
		if c.d.pick.excludes(id.String()) {
			continue
		}
		g.Go(safe(keyPages, func() error {
			page, err := c.client.Page(gctx, id.String())
			switch {
			case err != nil && fatal(err):
				return err // it names the page
			case err != nil || inTrash(page):
				return nil // it is away still
			}
			in := parentRefOf(page)
			if in.typ == parentBlock {
				if in.id, err = c.pageOf(gctx, in.id); err != nil {
					return err
				}
			}
			mu.Lock()
			defer mu.Unlock()
			c.awayIn[id] = in.id
			return nil
		}))
	}
	return g.Wait()
}

// awayIDs are the pages that are not there as far as is known.
func (c *content) awayIDs() (ids []notion.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.away {
		if !c.has(id) {
			ids = append(ids, id)
		}
	}
	return ids
}
