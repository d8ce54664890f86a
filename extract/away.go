package extract

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/extract/notion"
)

// A page that goes to the trash, or is not shared any more, may be there again on another
// night. What it stands in then need not show it, since it was read without it and has not
// been edited, nor does a search always tell of it. So the table of pages remembers which
// pages of earlier loads are away, and they are asked for. So does a part of the workspace
// for what moved out of another one.

// An awayPage is a page of an earlier load that was not there later.
type awayPage struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
}

// A pagesState is what the table of pages remembers from load to load, with its first
// column.
type pagesState struct {
	Away []awayPage `json:"away,omitempty"`
}

const (
	// awayTime is how long a page that is away is asked for: as long as Notion keeps what
	// is in the trash.
	awayTime = 30 * 24 * time.Hour
	// maxAway is how many are, a request each: those that went last.
	maxAway = 100
)

// readAway takes in the pages that were away at the last load.
func (c *content) readAway() { c.away = c.d.awayBefore() }

// awayBefore are the pages that were away at the last load.
func (w *workspace) awayBefore() map[notion.UUID]time.Time {
	away := map[notion.UUID]time.Time{}
	var s pagesState
	if pages := w.before[keyPages]; len(pages.Columns) == 0 || json.Unmarshal([]byte(pages.Columns[0].State), &s) != nil {
		return away
	}
	for _, page := range s.Away {
		if id, ok := notion.ParseUUID([]byte(page.ID)); ok {
			away[id] = page.Since
		}
	}
	return away
}

// isAsked reports whether a page that has been away since then is still asked for.
func isAsked(since, now time.Time) bool { return now.Sub(since) < awayTime }

// awayState is what the table of pages remembers: which pages are not there at the end of
// a load.
func (c *content) awayState() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var s pagesState
	for id, since := range c.away {
		// What moved out of a part stays in its tables, and is not new there later.
		if !c.has(id) && (isAsked(since, c.notionNow()) || c.last.page(id) != nil) {
			s.Away = append(s.Away, awayPage{id.String(), since.UTC().Truncate(time.Minute)})
		}
	}
	if len(s.Away) == 0 {
		return ""
	}
	slices.SortFunc(s.Away, func(a, b awayPage) int {
		return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.ID, b.ID))
	})
	s.Away = s.Away[:min(len(s.Away), maxAway)]
	b, err := json.Marshal(s)
	if err != nil {
		return "" // a struct of texts always encodes
	}
	return string(b)
}

// findAway takes in the pages that were away and stand in a page of this load, of which
// nothing else tells. A load that roams asks for all of them (see findEarlier).
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
			case errors.Is(err, notion.ErrNotFound), errors.Is(err, notion.ErrRestricted), refusedAs(err, refusedID), inTrash(page):
				return nil // it is away still
			case err != nil:
				c.fail(err, keyPages, keyBlocks, keyComments, keyLinks)
				return nil
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

// awayIDs are the pages that are asked for, as far as they are not known to be there.
func (c *content) awayIDs() (ids []notion.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, since := range c.away {
		if !c.has(id) && isAsked(since, c.notionNow()) {
			ids = append(ids, id)
		}
	}
	return ids
}

// A loss is a page that is not there.
type loss struct {
	page *pageEntry
	kind ProblemKind
	why  string
	told bool // by an earlier load
}

// lose notes that a page is not there.
func (c *content) lose(ctx context.Context, e *pageEntry, kind ProblemKind, why string) error {
	c.drop(e)
	if err := c.isReady(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.last.page(e.id)
	_, was := c.away[e.id]
	c.losses = append(c.losses, loss{e, kind, why, was && before == nil})
	if before != nil && !c.hadTable(&c.last.standings[before.standing]) {
		c.away[e.id] = c.notionNow()
	}
	return nil
}

// tellLosses tells which pages are not there, once it is known what names them: those of
// the last load, and those that something else names.
func (c *content) tellLosses() {
	slices.SortFunc(c.losses, func(a, b loss) int { return bytes.Compare(a.page.id[:], b.page.id[:]) })
	for _, l := range c.losses {
		e, by := l.page, ways[l.page.way]
		before := c.last.page(e.id)
		ofTable := before != nil && c.hadTable(&c.last.standings[before.standing]) // which tells of it
		switch {
		case before == nil && e.seldom().unlisted != (notion.UUID{}): // it was deleted meanwhile
		case l.told && by == byLastLoad:
		case l.kind == KindTrash && by != byLastLoad && (before == nil || ofTable):
			// What is in the trash is not part of the workspace.
		default:
			c.d.problem(problem{kind: l.kind, objectType: "page", objectID: e.id.String(), message: l.why + " (found by " + by + ")"})
		}
	}
}
