package extract

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A sample is a page that could have been carried over and is read, to see whether
// that would have been right.
type sample struct {
	*carried
	digest uint64
}

// isSample reports whether a page is of this load's sample.
func (c *content) isSample(id notion.UUID) bool {
	return inSample(c.d.view.Load().ID, id, c.options.Sample)
}

func inSample(load lake.LoadID, id notion.UUID, share float64) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(string(load) + string(id[:]))) // it never fails
	return float64(h.Sum32()) < share*math.MaxUint32
}

// digest tells whether two readings of a page are equal: the order of members in
// the JSON is of no account.
func digest(t *pageText) uint64 {
	h := fnv.New64a()
	each(t.blocks, func(b *block) bool {
		var v any
		if json.Unmarshal(b.raw, &v) == nil {
			if raw, err := json.Marshal(v); err == nil {
				_, _ = fmt.Fprintln(h, b.depth, string(raw)) // it never fails
			}
		}
		return true
	})
	return h.Sum64()
}

// judge looks at the pages that were read as a sample, once nothing else is read again:
// where one is another than it was, and nothing tells why, no other page is relied on.
func (c *content) judge(stale map[notion.UUID]bool) {
	for _, e := range c.all {
		s := e.seldom().sample
		if s == nil || e.gone || e.text == 0 {
			continue
		}
		e.rare.sample = nil
		t, err := c.text(e)
		if err != nil || digest(t) == s.digest || c.showsChange(e.id, s.carried, stale) {
			continue // what cannot be read back is said when the tables are written
		}
		c.distrust = true
		e.rare.problems = append(e.rare.problems, problem{
			page: e.id.String(), kind: KindUnseen, objectType: "page", objectID: e.id.String(),
			message: "what is in the page has changed, and its last_edited_time has not: all pages were read",
		})
	}
}

// showsChange reports whether a page shows something of others that has changed.
func (c *content) showsChange(id notion.UUID, of *carried, stale map[notion.UUID]bool) bool {
	child := func(o shownObject) bool {
		return c.hasMoved(o, id, of.read) || c.isOther(o, of.read, true) || c.fillChanged(o)
	}
	mention := func(o shownObject) bool { return c.isOther(o, of.read, false) }
	return stale[id] || of.copies ||
		slices.ContainsFunc(of.children, child) ||
		slices.ContainsFunc(of.mentions, mention) ||
		slices.ContainsFunc(of.users, c.nameChanged)
}

// A carried is a page whose text was taken from the last load, or from a run that
// this one continues.
type carried struct {
	read               time.Time     // by a run that this one continues; zero: by the last load
	children, mentions []shownObject // pages and databases that stand in it, and that it mentions
	users              []namedUser   // whom it mentions
	copies             bool          // it holds what a synced copy shows
}

// A shownObject is a page or database with the title that a text has.
type shownObject struct {
	id    notion.UUID
	title uint64 // its hash
	// Of one that stands in the page:
	filled bool        // there is something in it
	in     notion.UUID // the block that it stands in; zero: the page itself
}

// A namedUser is a user with the name that a text has.
type namedUser struct{ id, name string }

func carriedOf(t *pageText) *carried {
	c := &carried{}
	each(t.blocks, func(b *block) bool {
		switch b.typ() {
		case "child_page", "child_database":
			child := shownObject{id: b.id, title: titleHash(b.payload().Get("title").Text()), filled: b.raw.Get("has_children").Bool()}
			if b.parent != nil {
				child.in = b.parent.id
			}
			c.children = append(c.children, child)
		case "synced_block":
			if b.payload().Get("synced_from").Get("block_id").Kind() == '"' && len(b.children) > 0 {
				c.copies = true
			}
		}
		for run := range richTexts(b) {
			mention := run.Get("mention")
			for _, kind := range []string{"page", "database"} {
				if id, ok := notion.ParseUUID([]byte(mention.Get(kind).Get("id").Text())); ok {
					if o := (shownObject{id: id, title: titleHash(run.Get("plain_text").Text())}); !slices.Contains(c.mentions, o) {
						c.mentions = append(c.mentions, o)
					}
				}
			}
			if user := mention.Get("user"); user.Get("name").Kind() == '"' {
				c.users = append(c.users, namedUser{user.Get("id").Text(), user.Get("name").Text()})
			}
		}
		return true
	})
	return c
}

// shared is one for all pages that show nothing of others, as most do.
func (c *content) shared(of *carried) *carried {
	if len(of.children)+len(of.mentions)+len(of.users) == 0 && !of.copies && of.read.IsZero() {
		return &c.nothing
	}
	return of
}

// recheck puts back into the queue the carried pages that show something of
// others that has changed. more: there are some.
func (c *content) recheck() (more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	children := map[notion.UUID]map[notion.UUID]bool{} // of carried pages that show some
	for _, e := range c.all {
		of := e.carriedOrSampled()
		if of == nil || e.gone || len(of.children) == 0 {
			continue
		}
		in := map[notion.UUID]bool{}
		for _, child := range of.children {
			in[child.id] = true
		}
		children[e.id] = in
	}
	// lacks reports whether what stands in a carried page is not shown by it.
	lacks := func(page, child notion.UUID) bool {
		n, ok := c.number(page)
		return ok && !c.all[n].gone && c.all[n].carriedOrSampled() != nil && !children[page][child]
	}
	stale := map[notion.UUID]bool{}
	for _, e := range c.all { // what stands in a carried page that does not show it
		parent := e.parent.id
		if e.parent.typ == parentBlock {
			parent = c.within[e.id]
		}
		if !e.gone && lacks(parent, e.id) {
			stale[parent] = true
		}
	}
	for id, d := range c.d.containers {
		uuid, ok := notion.ParseUUID([]byte(id))
		if !ok || d.object == nil || inTrash(d.object) {
			continue
		}
		p := parentRefOf(d.object)
		if p.typ == parentBlock {
			p.id = c.within[uuid]
		}
		if lacks(p.id, uuid) {
			stale[p.id] = true
		}
	}
	if more = c.readAgain(stale); !more {
		c.judge(stale)
		more = c.distrust && c.readAgain(stale)
	}
	c.changed.Broadcast()
	return more
}

// readAgain puts carried pages back into the queue: those that show what has changed, and
// where the last load is distrusted all that it read. some: there are any.
func (c *content) readAgain(stale map[notion.UUID]bool) (some bool) {
	for _, e := range c.all {
		if e.carried == nil || e.gone {
			continue
		}
		if ofLast := e.carried.read.IsZero(); !(c.distrust && ofLast) && !c.showsChange(e.id, e.carried, stale) {
			continue
		}
		for _, child := range e.carried.children {
			if c.within[child.id] == e.id {
				delete(c.within, child.id)
			}
		}
		e.carried, e.reread = nil, true
		if e.rare != nil {
			e.rare.problems = nil
		}
		c.queue = append(c.queue, e)
		c.counted.read.Add(-1)
		some = true
	}
	return some
}

// hasMoved reports whether a page or database that a page shows stands in something else
// now than when that was read. That changes the time of none of them.
func (c *content) hasMoved(o shownObject, page notion.UUID, since time.Time) bool {
	parent := parentRef{}
	if n, ok := c.number(o.id); ok && !c.all[n].gone {
		parent = c.all[n].parent
	} else if d := c.d.containers[o.id.String()]; d != nil && d.object != nil {
		parent = parentRefOf(d.object)
	}
	switch parent.typ {
	case parentNone:
		return false
	case parentDatabase: // a wiki: in which of its pages, or in none, is not told
		return c.hasMovedToWiki(o.id, page, parent, since)
	case parentPage:
		return parent.id != page || o.in != notion.UUID{}
	case parentBlock:
		return parent.id != o.in
	case parentOther, parentDataSource:
	}
	return true
}

// hasMovedToWiki reports whether a database that stands in a wiki may not have done so
// when a page was read that shows it: by the last load, or after a time by a run that this
// one continues.
func (c *content) hasMovedToWiki(database, page notion.UUID, wiki parentRef, since time.Time) bool {
	if !since.IsZero() {
		return true
	}
	if before, ok := c.before.databases[database]; ok {
		return before.parent != wiki
	}
	// No data source of it is shared: it is where it was, if the page is of that wiki.
	n, ok := c.number(page)
	if !ok || c.all[n].parent.typ != parentDataSource {
		return true
	}
	f := c.d.results[c.all[n].parent.id.String()]
	return f == nil || f.database() != wiki.id.String()
}

// isOther reports whether a page or database is shown otherwise than by a text, which was
// read by the last load, or after a time by a run that this one continues. What stands in
// a page is shown with all that an edit of it changes, what is mentioned with its title.
func (c *content) isOther(o shownObject, since time.Time, stands bool) bool {
	now, is := c.nowOf(o.id)
	switch {
	case !is && c.leavesAlone(o.id):
		return false
	case !since.IsZero():
		return !is || !sameTitle(o.title, now.title) || !isBefore(now.edited, since)
	}
	before, was := c.beforeOf(o.id)
	switch {
	case is && was: // where it changed while the last load ran, that may have read the text before
		return now.title != before.title || stands && now != before || !isBefore(before.edited, c.before.began)
	case is && stands && c.has(o.id): // new, or not read for a while
		return true
	case is: // also a database without a data source that is shared: those are in no table
		return !sameTitle(o.title, now.title) || !isBefore(now.edited, c.before.began)
	case stands && c.isTrashed(o.id):
		return true
	}
	// It is not read: a linked database, or what the configuration leaves out, stays as it
	// was. What the last load had is gone, and so may be what this one has asked for.
	n, known := c.number(o.id)
	return was || stands && known && c.all[n].gone
}

// nowOf is what a page or database is in this load.
func (c *content) nowOf(id notion.UUID) (m mark, is bool) {
	if n, ok := c.number(id); ok && !c.all[n].gone {
		return c.all[n].mark, true
	}
	if d := c.d.containers[id.String()]; d != nil && d.object != nil && !inTrash(d.object) {
		return markOf(d.object, plainText(d.object.Get("title"))), true
	}
	return mark{}, false
}

// beforeOf is what it was in the last load.
func (c *content) beforeOf(id notion.UUID) (m mark, was bool) {
	if page := c.before.pages.page(id); page != nil {
		return page.mark, true
	}
	database, was := c.before.databases[id]
	return database.mark, was
}

// isTrashed reports whether a database is in the trash.
func (c *content) isTrashed(id notion.UUID) bool {
	d := c.d.containers[id.String()]
	return d != nil && d.object != nil && inTrash(d.object)
}

// leavesAlone reports whether this load does not look at a page or database, since it is
// of another part of the workspace.
func (c *content) leavesAlone(id notion.UUID) bool {
	_, known := c.number(id)
	return c.part != nil && !known && !c.part.pages[id] && !c.d.asked[id.String()]
}

// untitled is how a page or database without a title is shown.
var untitled = [...]uint64{titleHash(""), titleHash("Untitled")}

// sameTitle reports whether a text shows a title that is so now.
func sameTitle(shown, now uint64) bool {
	return shown == now || slices.Contains(untitled[:], shown) && slices.Contains(untitled[:], now)
}

// fillChanged reports whether there is something in a page now and was not, or the
// other way around, although it was not edited: what stands in it came or went.
func (c *content) fillChanged(o shownObject) bool {
	n, ok := c.number(o.id)
	if !ok {
		return false
	}
	e := c.all[n]
	if e.gone || e.unsure || e.text == 0 || e.carried != nil && e.carried.read.IsZero() {
		return false // not read by this load
	}
	t, err := c.text(e)
	return err == nil && len(t.blocks) > 0 != o.filled // what cannot be read back is said when the tables are written
}

// isBefore reports whether something was edited so long before t that what was
// read of it then is sure to be what it is.
func isBefore(edited int64, t time.Time) bool {
	return edited < math.MaxInt64 && time.UnixMicro(edited).Add(margin).Before(t)
}

// nameChanged reports whether a user whom a text mentions has another name now.
func (c *content) nameChanged(u namedUser) bool {
	now, ok := c.users.lookup(u.id)
	return ok && now.known && now.name.Text() != u.name
}
