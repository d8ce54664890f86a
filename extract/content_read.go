package extract

import (
	"context"
	"errors"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
)

// read reads one page: the object where only the ID is known, then what is in
// and on it.
func (c *content) read(ctx context.Context, e *pageEntry) error {
	if c.isGone(e) { // its data source brought it meanwhile
		return nil
	}
	if e.object == 0 {
		there, err := c.readObject(ctx, e)
		if err != nil || !there {
			return err
		}
	}
	if err := c.isReady(ctx); err != nil {
		return err
	}
	began := c.notionNow()
	t, err := c.readText(ctx, e)
	if err != nil || t == nil {
		return err
	}
	asked := false
	if !t.commented {
		there, err := c.resumeComments(e, t)
		if err != nil {
			return err
		}
		if asked = !there; asked {
			if err := c.readComments(ctx, e, t); err != nil {
				return err
			}
		}
	}
	if err := c.files.text(ctx, e.id, t); err != nil {
		return err
	}
	c.meetAll(t, e.carried != nil)
	c.forgetCopies(e)
	c.meetIDs(t)
	record := t.record()
	if e.text, err = c.texts.add(record); err != nil {
		return err
	}
	c.parseEarly(e.text, record)
	switch {
	case e.carried == nil:
		return c.keep(ctx, e, keptLine{Read: began, Comments: t.commented, Text: record})
	case asked && t.commented && e.carried.read.IsZero():
		return c.keep(ctx, e, keptLine{Read: began, Comments: true, Carried: true, Text: t.commentsRecord()})
	}
	return nil
}

// meetIDs meets the IDs of what is in and on a page.
func (c *content) meetIDs(t *pageText) {
	comments := func(list []notion.JSON) {
		for _, j := range list {
			c.ids[keyComments].meet(j.Get("id").Text())
		}
	}
	comments(t.comments)
	each(t.blocks, func(b *block) bool {
		c.ids[keyBlocks].meet(b.id.String())
		comments(b.comments)
		return true
	})
}

// notionNow is the time by Notion's clock.
func (c *content) notionNow() time.Time {
	now := c.options.Now()
	if c.options.Skew != nil {
		now = now.Add(c.options.Skew())
	}
	return now.UTC()
}

// forgetCopies forgets what copies in a page showed, which is read again.
func (c *content) forgetCopies(e *pageEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !e.reread {
		return
	}
	for original, page := range c.shown { // also those of which nothing could be read
		if page == e {
			delete(c.shown, original)
			delete(c.originals, original)
		}
	}
	if e.rare != nil {
		e.rare.more = nil
	}
}

// readText reads what is in a page, or takes it from the last load; nil: the page
// is not there any more.
func (c *content) readText(ctx context.Context, e *pageEntry) (*pageText, error) {
	o := c.options.Content
	t := c.newText()
	record, err := c.pages.get(e.object)
	if err != nil {
		return nil, err
	}
	page := notion.JSON(record).Get("page")
	c.mu.Lock()
	e.mark = markOf(page, pageTitle(page))
	c.mu.Unlock()
	if resumed, err := c.resume(e); err != nil || resumed != nil {
		if resumed != nil {
			resumed.signed = t.signed // comments may be read yet
		}
		return resumed, err
	}
	if !o.Blocks {
		if o.Markdown {
			return t, c.readMarkdown(ctx, e, t)
		}
		return t, nil
	}
	if earlier, err := c.unchanged(e); err != nil {
		return nil, err
	} else if earlier != nil {
		earlier.signed = t.signed
		each(earlier.blocks, func(b *block) bool {
			c.block(e, b)
			return true
		})
		c.mu.Lock()
		e.carried = c.shared(carriedOf(earlier))
		c.mu.Unlock()
		return earlier, nil
	}
	there, err := c.readBlocks(ctx, e, t)
	if err != nil || !there {
		return nil, err
	}
	return t, nil
}

// readObject reads the object of a page that no listing brought.
func (c *content) readObject(ctx context.Context, e *pageEntry) (there bool, err error) {
	id := e.id.String()
	page, err := c.client.Page(ctx, id)
	switch {
	case err != nil && fatal(err):
		return false, err // it names the page
	case errors.Is(err, notion.ErrNotFound), errors.Is(err, notion.ErrRestricted):
		return false, c.lose(ctx, e, KindNotShared, reasonUnshared)
	case refusedAs(err, refusedID): // it is that of a database
		c.drop(e)
		if c.roams() {
			c.d.addDatabase(id)
		}
		return false, nil
	case err != nil:
		c.drop(e)
		c.fail(err, keyPages, keyBlocks, keyComments, keyLinks)
		return false, nil
	case inTrash(page):
		e.trashed = true
		c.standsIn(e, page) // what stands in it may be there still
		return false, c.lose(ctx, e, KindTrash, reasonTrash)
	case e.only && !c.options.Archived && page.Get("is_archived").Bool():
		c.drop(e) // as where its data source is asked
		return false, nil
	}
	c.standsIn(e, page)
	parts, err := c.longProperties(ctx, id, page)
	switch {
	case errors.Is(err, notion.ErrNotFound):
		return false, c.lose(ctx, e, KindNotShared, reasonUnshared)
	case err != nil && fatal(err):
		return false, err
	case err != nil:
		c.drop(e)
		c.fail(err, keyPages, keyBlocks, keyComments, keyLinks)
		return false, nil
	}
	if e.object, err = c.pages.add(pageRecord(page, parts)); err != nil {
		return false, err
	}
	c.meet(page)
	unlisted := e.seldom().unlisted
	moved := unlisted != (notion.UUID{}) && unlisted != e.parent.id // to a data source that may bring it
	if e.parent.typ == parentDataSource && (!e.only || moved) {
		// Its data source brings it, where that can be read.
		c.mu.Lock()
		if n, known := c.number(e.id); known && c.all[n] == e {
			c.forget(e.id)
		}
		e.gone = true
		c.mu.Unlock()
		if moved {
			c.strayID(e.id, e.parent.id)
		} else {
			c.stray(page, e.parent.id)
		}
		if c.roams() {
			c.d.add(candidate{id: e.parent.id.String(), by: byPage})
		}
		return false, nil
	}
	if e.parent.typ == parentDataSource {
		if c.roams() { // it may have moved there
			c.d.add(candidate{id: e.parent.id.String(), by: byPage})
		}
		if unlisted != (notion.UUID{}) {
			c.unlisted(e, page)
		}
	}
	if refs := c.files.of(page, id); len(refs) > 0 {
		if _, err := c.files.ofPage(ctx, page, refs); err != nil {
			return false, err
		}
	}
	c.followParent(e.parent)
	return true, nil
}

// standsIn notes what a page stands in; resolveBlocks may look at the same time.
func (c *content) standsIn(e *pageEntry, page notion.JSON) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.parent = parentRefOf(page)
}

// unlisted tells of a row that was not among those of its data source. That one is not
// there which was made after the load had begun goes without saying.
func (c *content) unlisted(e *pageEntry, page notion.JSON) {
	began := c.began
	if c.options.Skew != nil {
		began = began.Add(c.options.Skew())
	}
	if made := valueOf(page.Get("created_time"), timeValue); !made.IsNull() && time.UnixMicro(made.Micros()).After(began) {
		return
	}
	table := ""
	for _, t := range c.d.made {
		if t.vanished.moved[e.id.String()] != "" {
			return // it moved from there, which is told
		}
		if t.source.id == e.parent.id.String() {
			table = t.found.name
		}
	}
	c.d.problem(problem{
		kind: KindRowUnlisted, objectType: "page", objectID: e.id.String(), table: table,
		message: "data source " + e.parent.id.String() + " did not list the row, or it moved there after that had been read: it is with its content in the tables about pages, and not in the data source's, which the next load reads again",
	})
}

// roams reports whether what is found leads to other pages and databases: not where
// the configuration names what to read, and not in a part of the workspace.
func (c *content) roams() bool { return c.d.follow && !c.options.isPart() }

// followParent looks at what a page stands in.
func (c *content) followParent(p parentRef) {
	if p.typ == parentPage && c.roams() {
		c.add(p.id.String(), byParent, notion.UUID{})
	}
}

func (c *content) isGone(e *pageEntry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.gone
}

// drop takes a page out that is none.
func (c *content) drop(e *pageEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.gone = true
}

// meet meets the users that made an object.
func (c *content) meet(object notion.JSON) {
	for _, name := range []string{"created_by", "last_edited_by"} {
		if u := object.Get(name); u.Get("id").Kind() == '"' {
			c.users.meet(u.Get("id").Text(), u, u.Get("type").Kind() == '"')
		}
	}
}

// refusedAs reports whether Notion refused a request with an error code.
func refusedAs(err error, code string) bool {
	var refused *notion.Error
	return errors.As(err, &refused) && refused.Code == code
}
