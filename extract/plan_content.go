package extract

import (
	"context"
	"fmt"

	"github.com/notionlake/notionlake/extract/notion"
)

// pageSet are the pages that are no rows and that a load would ask for one by one.
type pageSet struct {
	ids     map[notion.UUID]bool
	certain int64 // of them, those that it asks for whatever else it finds
	rows    int64 // how often a page names a row as its parent: it is asked for unless it has been listed by then
	closed  bool  // nothing that is known leads to more
}

// requests is how many requests the pages take.
func (s *pageSet) requests(basis Basis) Figure {
	n := int64(len(s.ids)) + s.rows
	if s.closed && s.certain == n {
		return exactly(n)
	}
	return about(n, s.certain, basis)
}

// count is how many pages there are.
func (s *pageSet) count(basis Basis, least int64) Figure {
	n := int64(len(s.ids))
	if s.closed && s.certain == n {
		return exactly(n)
	}
	return about(n, least, basis)
}

// isRow reports whether a page is known as a row that its data source brings.
func (p *planner) isRow(id notion.UUID) bool {
	if e := p.earlier[id]; e != nil && e.source != "" {
		return p.d.sources[e.source] != nil
	}
	_, page := p.searched.pages[id]
	return p.seen[id] && !page
}

// pages finds the pages that a load would ask for.
func (p *planner) pages(ctx context.Context) (*pageSet, error) {
	s := &pageSet{ids: map[notion.UUID]bool{}, closed: true}
	if !p.options.Content.any() {
		return s, nil
	}
	add := func(id notion.UUID) {
		if id != (notion.UUID{}) && !p.d.pick.excludes(id.String()) && !p.isRow(id) {
			s.ids[id] = true
		}
	}
	if p.roams {
		for id := range p.searched.pages {
			add(id)
		}
		for id, e := range p.earlier {
			if e.source == "" {
				add(id)
			} else if _, ok := p.d.before[e.source]; !ok && p.d.results[e.source] == nil {
				s.ids[id] = true // it was shared alone
			}
		}
		s.certain = int64(len(s.ids))
		for _, row := range p.searched.alone {
			if source := row.source.String(); p.d.results[source] == nil && !p.d.pick.excludes(source) {
				s.ids[row.id] = true
			}
		}
	}
	if p.options.Content.Blocks {
		for child, page := range p.within {
			if p.isOwned(page) && !p.isDatabase(child) {
				add(child)
			}
		}
		s.closed = p.relies && len(p.changed) == 0 && p.options.Sample == 0
	}
	if !p.roams {
		return s, nil
	}
	for _, d := range p.d.containers {
		if parent := parentRefOf(d.object); parent.typ == parentPage && !inTrash(d.object) {
			p.addParent(s, add, parent.id)
		}
	}
	for id := range s.ids {
		if parent := p.parentOf(id); parent.typ == parentPage {
			p.addParent(s, add, parent.id)
		}
	}
	if p.options.Content.Blocks {
		err := p.linked(ctx, s, add)
		return s, err
	}
	return s, nil
}

// addParent adds a page that something stands in. What that stands in is known
// only where the page is.
func (p *planner) addParent(s *pageSet, add func(notion.UUID), id notion.UUID) {
	switch {
	case s.ids[id]:
		return
	case p.isRow(id):
		s.rows++
	default:
		add(id)
	}
	s.closed = false
}

func (p *planner) parentOf(id notion.UUID) parentRef {
	if parent, ok := p.searched.pages[id]; ok {
		return parent
	}
	if e := p.earlier[id]; e != nil {
		return e.parent
	}
	return parentRef{}
}

// linked adds the pages that blocks of the last load link to.
func (p *planner) linked(ctx context.Context, s *pageSet, add func(notion.UUID)) error {
	for row, err := range p.view.Columns(ctx, keyLinks, "kind", "target_type", "target_id") {
		if err != nil {
			return fmt.Errorf("links of the last load: %w", err)
		}
		v := row.Values
		if id, ok := notion.ParseUUID([]byte(v[2].Text())); ok && v[0].Text() == linkToPage && v[1].Text() == "page" {
			if add(id); p.isRow(id) { // the link can be read before the row is listed
				s.closed = false
			}
		}
	}
	return nil
}

// isDatabase reports whether a block stands for a database.
func (p *planner) isDatabase(id notion.UUID) bool {
	return p.databases[id] || p.d.containers[id.String()] != nil
}

// isOwned reports whether a page of the last load would be read: of a part, only
// what stands in its rows is.
func (p *planner) isOwned(id notion.UUID) bool {
	if p.roams {
		return true
	}
	for range maxUpwards {
		e := p.earlier[id]
		switch {
		case e == nil:
			return false
		case e.source != "":
			return p.d.sources[e.source] != nil
		case e.parent.typ == parentPage:
			id = e.parent.id
		default:
			id = p.within[id]
		}
	}
	return false
}

// maxUpwards is how many pages in pages are followed upwards.
const maxUpwards = 1000

// texts are the requests for what is in and on pages.
func (p *planner) texts(pages *pageSet) (blocks, markdown, comments Figure) {
	o := p.options.Content
	blocks, markdown, comments = exactly(0), exactly(0), exactly(0)
	if !o.any() {
		return blocks, markdown, comments
	}
	all := pages.count(p.basis(), int64(len(p.searched.pages)))
	for _, s := range p.sources {
		all = all.plus(s.rows())
	}
	if n := int64(len(p.kept)); n > all.N && all.AtMost == nil { // they were there
		all.N = n
	}
	again := int64(0)
	switch {
	case o.Blocks:
		blocks, again = p.blocks(pages, all)
	case o.Markdown:
		markdown = all.less(int64(len(p.kept)), p.basis())
	}
	if o.Comments {
		comments = p.comments(all, again)
	}
	if !o.Blocks {
		blocks = p.blocksAround(pages)
	}
	return blocks, markdown, comments
}

// basis is what figures rest on that the last load had.
func (p *planner) basis() Basis {
	if len(p.earlier) == 0 {
		return Unknown
	}
	return LastLoad
}

// blocks are the requests for blocks, and how many pages are read a second time,
// since something that they show has changed.
func (p *planner) blocks(pages *pageSet, all Figure) (requests Figure, again int64) {
	var known, unchanged, total, costs int64
	reread := p.showingChange()
	for id, e := range p.earlier {
		if !pages.ids[id] && !p.isRow(id) {
			continue
		}
		cost := e.lists + e.copied
		total, costs = total+1, costs+cost
		switch {
		case p.isKept(id):
		case !p.relies || p.changed[id]:
			known += cost
		case reread[id] || e.copied > 0:
			known += cost
			again++
		default:
			unchanged += cost
		}
	}
	kept := int64(0) // pages that the last load did not have, and that are put aside
	for id, k := range p.kept {
		if p.earlier[id] == nil {
			kept, costs = kept+1, costs+k.lists
		}
	}
	fresh := max(all.N-total-kept, 0) // neither
	if p.relies {
		fresh = 0
		for id := range p.changed {
			if p.earlier[id] == nil && !p.isKept(id) {
				fresh++
			}
		}
		for _, s := range p.sources {
			known += s.more
		}
	}
	n := known + int64(p.options.Sample*float64(unchanged)+0.5)
	if n += fresh; total+kept > 0 { // a new page is taken for one like the others
		n += fresh * (costs - total - kept) / (total + kept)
	}
	least := max(all.AtLeast-int64(len(p.kept)), 0)
	if p.relies {
		least = 0
		for id := range p.changed {
			if !p.isKept(id) {
				least++
			}
		}
	}
	return about(n, least, p.basis()), again
}

// showingChange are the pages of the last load that show a page or a database that
// has changed since.
func (p *planner) showingChange() map[notion.UUID]bool {
	in := map[notion.UUID]bool{}
	for id := range p.changed {
		if page, ok := p.within[id]; ok {
			in[page] = true
		} else if parent := p.parentOf(id); parent.typ == parentPage {
			in[parent.id] = true
		}
	}
	for id, d := range p.d.containers {
		if uuid, ok := notion.ParseUUID([]byte(id)); ok && d.object != nil && p.before.databases != nil &&
			p.before.databases[uuid].mark != markOf(d.object, plainText(d.object.Get("title"))) {
			in[p.within[uuid]] = true
		}
	}
	return in
}

// blocksAround are the requests for the blocks that pages and databases stand in,
// where the blocks of pages are not read.
func (p *planner) blocksAround(pages *pageSet) Figure {
	n := int64(0)
	for id := range pages.ids {
		if p.parentOf(id).typ == parentBlock {
			n++
		}
	}
	for _, d := range p.d.containers {
		if parentRefOf(d.object).typ == parentBlock {
			n++
		}
	}
	if n == 0 && pages.closed {
		return exactly(0)
	}
	return about(n, 0, p.basis())
}

// comments are the requests for comments on all pages. again: so many are read a
// second time.
func (p *planner) comments(all Figure, again int64) Figure {
	if p.refused != nil { // all workers may ask before the first is refused
		most := min(all.N, int64(contentWorkers))
		return Figure{N: min(all.N, 1), AtLeast: min(max(all.AtLeast-int64(len(p.kept)), 0), 1), AtMost: &most, Basis: Exact}
	}
	on := about(all.N+again, all.AtLeast, all.Basis)
	if on.Basis == Exact {
		on.Basis = p.basis() // there can be more comments on a page than come at once
	}
	var blocks, more, pages int64 // more: blocks on which comments are read
	for id, e := range p.earlier {
		_, taken := p.keptOn[id]
		switch blocks, pages = blocks+e.blocks, pages+1; {
		case p.kept[id].commented:
		case taken && p.relies && !p.isKept(id):
			on.N, on.AtLeast = on.N-1, on.AtLeast-1
		default:
			on.N += e.comment
			more += e.blocks
		}
	}
	for id, k := range p.kept {
		if k.commented {
			on.N, on.AtLeast = on.N-1, on.AtLeast-1
		} else if p.earlier[id] == nil {
			more += k.blocks
		}
		if p.earlier[id] == nil {
			blocks, pages = blocks+k.blocks, pages+1
		}
	}
	on.N, on.AtLeast = max(on.N, 0), max(on.AtLeast, 0)
	if p.options.Content.BlockComments {
		if on.N += more; pages > 0 {
			on.N += max(all.N-pages, 0) * blocks / pages
		}
	}
	return on
}
