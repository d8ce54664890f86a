package extract

import (
	"context"
	"errors"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
)

const (
	// searchedFar is how many pages a plan looks at in any case: small workspaces
	// are known whole then. Of larger ones, where it relies on the last load, it
	// looks at what was edited since.
	searchedFar = 1000
	// searchCap is how many results Notion gives at most.
	searchCap = 10_000
)

// searchedPages are what a search for pages gave.
type searchedPages struct {
	n     int64
	whole bool // it was read to its end
	rows  map[string]int64
	pages map[notion.UUID]parentRef // that are no rows
	alone []strayRow                // rows
}

// A strayRow is a row whose data source may not be shared.
type strayRow struct{ id, source notion.UUID }

// search looks for pages as a load does, but once and from the newest on.
func (p *planner) search(ctx context.Context) error {
	f := &p.searched
	f.rows, f.pages, f.whole = map[string]int64{}, map[notion.UUID]parentRef{}, true
	seen := map[notion.UUID]bool{}
	for object, err := range p.client.Newest(ctx, "page") {
		switch {
		case errors.Is(err, notion.ErrIncomplete) && !fatal(err), errors.Is(err, notion.ErrCursor) && f.n > 0:
			f.whole = false
			continue
		case err != nil:
			return err // it says what was searched for
		}
		id, ok := notion.ParseUUID([]byte(object.Get("id").Text()))
		if !ok || seen[id] {
			continue
		}
		seen[id] = true
		edited := markOf(object, "").edited
		if p.relies && f.n >= searchedFar && time.UnixMicro(edited).Add(margin).Before(p.before.began) {
			f.whole = false
			break
		}
		f.n++
		if object.Get("object").Text() != "page" || inTrash(object) || p.d.pick.excludes(id.String()) {
			continue
		}
		parent := parentRefOf(object)
		if parent.typ == parentDataSource {
			source := parent.id.String()
			f.rows[source]++
			f.alone = append(f.alone, strayRow{id, parent.id})
			p.d.add(candidate{id: source, by: byPage})
			p.look(id, object)
			continue
		}
		f.pages[id] = parent
		p.look(id, object)
	}
	return nil
}

// askedPages is how many pages of the last load a plan asks for where a search
// finds none.
const askedPages = 10

// anyPage reports whether there is a page that no data source brings: found by the
// search or, where that has gaps, of the last load.
func (p *planner) anyPage(ctx context.Context) (bool, error) {
	if len(p.searched.pages) > 0 {
		return true, nil
	}
	for _, row := range p.searched.alone {
		if source := row.source.String(); p.d.results[source] == nil && !p.d.pick.excludes(source) {
			return true, nil
		}
	}
	asked := 0
	for id, e := range p.earlier {
		if e.source != "" || p.d.pick.excludes(id.String()) {
			continue
		}
		page, err := p.client.Page(ctx, id.String())
		if err != nil && fatal(err) {
			return false, err
		}
		if asked++; err == nil && !inTrash(page) || asked == askedPages {
			return err == nil && !inTrash(page), nil
		}
	}
	return false, nil
}

// requests is how many requests a load's search for pages takes. before: so many
// the last load would have found.
func (f *searchedPages) requests(before int64) Figure {
	switch {
	case f.whole:
		return exactly(readings(f.n))
	case before == 0:
		return about(0, readings(f.n), Unknown)
	}
	return about(readings(min(max(f.n, before), searchCap)), readings(f.n), LastLoad)
}

// look takes in a page that a listing showed: whether it has changed since the
// last load, and who is met there.
func (p *planner) look(id notion.UUID, object notion.JSON) {
	for _, name := range []string{"created_by", "last_edited_by"} {
		if user := object.Get(name).Get("id"); user.Kind() == '"' {
			p.met[user.Text()] = true
		}
	}
	if p.isChanged(id, object) {
		p.changed[id] = true
	}
	p.lookAtKept(id, markOf(object, pageTitle(object)))
	p.seen[id] = true
}

// isChanged reports whether what the last load read in a page is not relied on.
func (p *planner) isChanged(id notion.UUID, object notion.JSON) bool {
	before, known := p.earlier[id]
	now := markOf(object, pageTitle(object))
	return !p.relies || !known || now != before.mark || !time.UnixMicro(now.edited).Add(margin).Before(p.before.began)
}
