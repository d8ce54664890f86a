package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// What became of a row of the last load that its data source does not list any
// more (gone[].reason in the report).
const (
	goneTrashed  = "trashed"
	goneArchived = "archived" // and archived rows are not loaded
	goneMoved    = "moved"    // it stands in something else now
	goneNotFound = "not_found"
	goneUnasked  = "not_asked"
)

// fates are the reasons in the order in which they are told.
var fates = [...]string{goneTrashed, goneArchived, goneMoved, goneNotFound, goneUnasked}

// maxGoneAsked is how many rows of a data source that are gone a load asks for, one
// request for each: a night in which many go is to cost little more than others.
// Where one of them is there after all, the list is not to be trusted: as many more
// are asked for.
const maxGoneAsked = 100

// A vanished is what became of the rows of the last load that were not listed.
type vanished struct {
	counts   map[string]int64 // by reason
	problems []problem
	unlisted int               // that are there
	moved    map[string]string // rows that are another data source's now: that
}

func (v *vanished) count(reason string, n int64) {
	if v.counts == nil {
		v.counts = map[string]int64{}
	}
	v.counts[reason] += n
}

// gone counts them for the report.
func (v *vanished) gone() []lake.Gone {
	var all []lake.Gone
	for _, reason := range fates {
		if n := v.counts[reason]; n > 0 {
			all = append(all, lake.Gone{Reason: reason, Count: n})
		}
	}
	return all
}

// vanished asks for the rows of the last load that were not listed, although the
// lists are whole. What Notion shows and did not list is a row nevertheless.
func (r *rowReader) vanished(ctx context.Context) error {
	asked := map[string]bool{}
	for {
		ids, more, err := r.unlisted(ctx, asked)
		if err != nil || len(ids) == 0 {
			return err
		}
		found := r.t.vanished.unlisted
		if err := r.ask(ctx, ids); err != nil || r.stopped || more == 0 {
			return err
		}
		if r.t.vanished.unlisted > found {
			continue
		}
		r.t.vanished.count(goneUnasked, more)
		r.t.vanished.problems = append(r.t.vanished.problems, problem{
			kind: KindRowsUnasked, objectType: "data_source", objectID: r.t.source.id, table: r.t.schema.Table, count: more,
			message: fmt.Sprintf("%d rows of the last load are gone and were not asked for: a load asks for %d of a data source", more, maxGoneAsked),
		})
		return nil
	}
}

// ask asks for rows of the last load and finds out what became of them.
func (r *rowReader) ask(ctx context.Context, ids []string) error {
	pages := make([]notion.JSON, len(ids))
	whys := make([]string, len(ids)) // why a page is not shown
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for i, id := range ids {
		g.Go(safe(r.t.schema.Table, func() error {
			page, err := r.t.client.Page(gctx, id)
			switch {
			case err == nil:
				pages[i] = bytes.Clone(page)
			case !fatal(err) && (errors.Is(err, notion.ErrNotFound) || errors.Is(err, notion.ErrRestricted) || refusedAs(err, refusedID)):
				whys[i] = err.Error()
			default: // it may be there
				return fmt.Errorf("page %s, which was not listed and was there at the last load: %w", id, err)
			}
			return nil
		}))
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, id := range ids {
		if err := r.judge(ctx, id, pages[i], whys[i]); err != nil || r.stopped {
			return err
		}
	}
	return nil
}

// unlisted are the rows of the last load that were not listed, nor asked for: the
// first maxGoneAsked, and how many more there are. That the last load cannot be read
// any more is no reason not to replace it: who is gone is not known then, and that is
// said.
func (r *rowReader) unlisted(ctx context.Context, asked map[string]bool) (ids []string, more int64, err error) {
	if !r.t.loaded {
		return nil, 0, nil
	}
	for row, err := range r.t.view.Columns(ctx, r.t.source.id, "_id") {
		if err != nil && ctx.Err() != nil {
			return nil, 0, err
		}
		if err != nil {
			r.t.log.WarnContext(ctx, "the rows of the last load cannot be read: which of them are gone is not known", "table", r.t.schema.Table, "error", err)
			r.t.vanished.problems = append(r.t.vanished.problems, problem{
				kind: KindRowsUnasked, objectType: "data_source", objectID: r.t.source.id, table: r.t.schema.Table, lost: true,
				message: "the rows of the last load cannot be read, so that it is not known which of them are gone",
			})
			return ids, 0, nil
		}
		id := row.Values[0].Text()
		if r.listed(id) || asked[id] {
			continue
		}
		if len(ids) == maxGoneAsked {
			more++
			continue
		}
		id = strings.Clone(id)
		ids, asked[id] = append(ids, id), true
	}
	return ids, more, nil
}

// judge finds out what became of a row that was not listed. page is what Notion
// shows of it, why tells why that is nothing.
func (r *rowReader) judge(ctx context.Context, id string, page notion.JSON, why string) error {
	v := &r.t.vanished
	parent := parentRefOf(page)
	switch {
	case page != nil && inTrash(page):
		v.count(goneTrashed, 1)
		return nil
	case page.Get("parent").Get("type").Kind() != '"':
		if page != nil {
			why = "Notion shows its ID only"
		}
		v.count(goneNotFound, 1)
		v.problems = append(v.problems, problem{
			kind: KindRowNotFound, objectType: "page", objectID: id, table: r.t.schema.Table,
			message: "a row of the last load is no longer shared with the connection, or was deleted for good: " + why,
		})
		return nil
	case parent.typ != parentDataSource || parent.id.String() != r.t.source.id:
		v.count(goneMoved, 1)
		if parent.typ == parentDataSource {
			if v.moved == nil {
				v.moved = map[string]string{}
			}
			v.moved[id] = parent.id.String()
		}
		r.t.content.moved(page, parent)
		return nil
	}
	archived := page.Get("is_archived").Bool()
	if archived && !r.t.archive {
		v.count(goneArchived, 1)
		return nil
	}
	v.unlisted++
	v.problems = append(v.problems, problem{
		kind: KindRowUnlisted, objectType: "page", objectID: id, table: r.t.schema.Table,
		message: "Notion did not list the row, and shows it when it is asked for: it is in the table as shown",
	})
	return r.page(ctx, notion.Result{Object: page}, archived)
}

// movedMeanwhile tells of rows that moved from one data source to another while the
// load ran, after the rows of the other were read: they are in no table of the load.
// Where pages are not read, so is a row that moved to a data source which nothing leads to.
func (d *discovery) movedMeanwhile(t *sourceTable) (all []problem) {
	for _, id := range sortedKeys(t.vanished.moved) {
		source := t.vanished.moved[id]
		to := d.source.joins.tables[source]
		if to == nil && d.wants(source) {
			all = append(all, problem{
				kind: KindRowMoved, objectType: "page", objectID: id, table: t.found.name,
				message: fmt.Sprintf("the row moved to data source %s, which neither search nor a relation leads to: it is in no table. Name that data source under databases in the configuration, or let pages be read (content.pages)", source),
			})
		}
		if to == nil || !to.complete || to.lists(id) {
			continue
		}
		all = append(all, problem{
			kind: KindRowMoved, objectType: "page", objectID: id, table: t.found.name,
			message: fmt.Sprintf("the row moved to table %s while the load ran, after that was read: it is in neither, and the next load has it", to.found.name),
		})
	}
	return all
}

// wants reports whether a load without pages would read a data source if something led
// to it: it reads them all, and does not leave that one out.
func (d *discovery) wants(source string) bool {
	o := d.source.options
	return d.content == nil && !o.isPart() && len(o.Databases) == 0 && !d.pick.excludes(source) && d.results[source] == nil
}

// lists reports whether a row was among those that were listed.
func (t *sourceTable) lists(id string) bool {
	if t.content != nil {
		return t.content.isRowOf(id, t.source.id)
	}
	_, listed := t.listed[maphash.String(t.seed, id)]
	return listed
}

// isRowOf reports whether a data source listed a page.
func (c *content) isRowOf(id, source string) bool {
	page, _ := notion.ParseUUID([]byte(id))
	of, _ := notion.ParseUUID([]byte(source))
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.number(page)
	return ok && c.all[n].source == of
}

// moved takes in a page that was a row and stands in something else now, which
// need not lead to it.
func (c *content) moved(page notion.JSON, to parentRef) {
	id := page.Get("id").Text()
	switch {
	case c == nil:
	case c.options.isPart() && to.typ == parentDataSource:
		uuid, _ := notion.ParseUUID([]byte(id))
		c.mu.Lock()
		defer c.mu.Unlock()
		c.movedTo[uuid] = to.id
	case to.typ == parentDataSource && !c.roams(): // its table has it, if that is read
	case to.typ == parentDataSource:
		c.stray(page, to.id)
		c.d.add(candidate{id: to.id.String(), by: byPage})
	default:
		c.add(id, byLastLoad, notion.UUID{})
	}
}
