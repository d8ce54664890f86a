package extract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// sourceRows are the rows of one data source, as far as a plan knows of them.
type sourceRows struct {
	open, archived Figure
	queries        Figure
	properties     Figure
	gone           Figure // rows of the last load that are asked for because they were not listed
	more           int64  // rows that have changed and were not looked at: at least so many
	failure        string // why they could not be looked at
	// joins: rollups run over them for which pages may be asked that are no rows of the
	// load, those in the trash.
	joins bool
}

func (s *sourceRows) rows() Figure { return s.open.plus(s.archived) }

// lookAtAll looks at the rows of all data sources.
func (p *planner) lookAtAll(ctx context.Context, list []*found) error {
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for _, f := range list {
		if f.ds == nil {
			continue
		}
		g.Go(func() error {
			s, pages, err := p.lookAt(gctx, f)
			var storage *lake.StorageError
			switch {
			case err != nil && (fatal(err) || gctx.Err() != nil):
				return err
			case errors.As(err, &storage):
				return err
			case err != nil: // the load will say that the table cannot be read whole
				s.failure = err.Error()
			}
			mu.Lock()
			defer mu.Unlock()
			p.sources[f.id] = s
			for _, page := range pages {
				if id, ok := notion.ParseUUID([]byte(page.Get("id").Text())); ok {
					p.look(id, page)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// lookAt looks at the rows of one data source, by one request if the table is
// small, or if the load could rely on what it has of rows that were not edited,
// and one for archived rows if it is new. A table whose rows are lost is written anew
// by the load, and looked at as a new one.
func (p *planner) lookAt(ctx context.Context, f *found) (s *sourceRows, pages []notion.JSON, err error) {
	state, loaded := p.view.State(f.id)
	s, pages, err = p.lookAtRows(ctx, f, state, loaded)
	if loaded && lake.IsLost(err) && ctx.Err() == nil {
		p.options.Logger.WarnContext(ctx, "the rows of the last load cannot be read: what they tell of the requests is not known", "table", state.Schema.Table, "error", err)
		s, pages, err = p.lookAtRows(ctx, f, state, false)
	}
	return s, pages, err
}

func (p *planner) lookAtRows(ctx context.Context, f *found, state lake.TableState, loaded bool) (s *sourceRows, pages []notion.JSON, err error) {
	archives := p.options.Archived
	s = &sourceRows{open: about(0, 0, Unknown), archived: exactly(0), queries: exactly(0), properties: exactly(0), gone: exactly(0)}
	s.joins = slices.ContainsFunc(newMapper(f.ds.properties, false, nil).rollups, func(c *column) bool { return rollupWays[c.function].joined })
	if archives {
		s.archived = about(p.archived[f.id], 0, LastLoad)
	}
	var more bool
	small := !loaded || state.Snapshot.Rows <= listSize
	switch {
	case small:
		pages, more, err = p.client.Glance(ctx, f.id, notion.Glance{})
	case p.relies:
		pages, more, err = p.client.Glance(ctx, f.id, notion.Glance{Since: p.before.began.Add(-margin).Truncate(time.Minute)})
		if refusedAs(err, refusedID) { // a load asks for no such thing: what was edited is not known then
			err = nil
		}
	}
	if err != nil {
		return s, nil, fmt.Errorf("rows of data source %s: %w", f.id, err)
	}
	if small && !more {
		s.open = exactly(int64(len(pages)))
	} else if more {
		s.more = 1
	}
	if loaded && (!small || more) {
		s.gone = about(0, 0, LastLoad)
	} else if loaded {
		if s.gone, err = p.countGone(ctx, f, pages); err != nil {
			return s, pages, err
		}
	}
	if loaded && !small {
		return s, pages, p.countEarlier(ctx, f, s, state)
	}
	if more {
		s.open = about(0, max(p.searched.rows[f.id], int64(len(pages))+1), Unknown) // what a search found is there
	}
	if archives && !loaded {
		rows, more, err := p.client.Glance(ctx, f.id, notion.Glance{Archived: true})
		if err != nil {
			return s, pages, fmt.Errorf("archived rows of data source %s: %w", f.id, err)
		}
		pages = append(pages, rows...)
		if s.archived = exactly(int64(len(rows))); more {
			s.archived = about(0, int64(len(rows))+1, Unknown)
		}
	}
	if s.queries = listing(s.open); archives {
		s.queries = s.queries.plus(listing(s.archived))
	}
	var long int64
	if loaded {
		if long, err = p.countLong(ctx, f, state); err != nil {
			return s, pages, err
		}
	}
	n, err := p.propertiesOf(f.ds, pages)
	switch {
	case n == 0 && s.rows().Basis == Exact:
	case s.rows().Basis == Exact: // how long the lists are is not known
		s.properties = about(n+long, n, Unknown)
	default:
		s.properties = about(n+long, n, s.rows().Basis)
	}
	return s, pages, err
}

// countGone counts the rows of the last load that are not listed any more. Which
// of those that are archived are listed is not known.
func (p *planner) countGone(ctx context.Context, f *found, pages []notion.JSON) (Figure, error) {
	listed := map[string]bool{}
	for _, page := range pages {
		listed[page.Get("id").Text()] = true
	}
	gone, sure := int64(0), true
	for row, err := range p.view.Columns(ctx, f.id, "_id", "_archived") {
		switch {
		case err != nil:
			return Figure{}, err
		case listed[row.Values[0].Text()]:
		case row.Values[1].Bool() && p.options.Archived:
			sure = false
		default:
			gone++
		}
	}
	if gone == 0 && sure {
		return exactly(0), nil
	}
	return about(min(gone, maxGoneAsked), 0, LastLoad), nil // those that are archived now are listed
}

// listing is how many requests the rows take, if they were created one after the
// other. Where many share a minute it is twice as many.
func listing(rows Figure) Figure {
	if rows.Basis == Exact && rows.N <= listSize {
		return exactly(1)
	}
	return about(parts(rows.N), parts(rows.AtLeast), rows.Basis)
}

// propertiesOf is how many values of rows have to be asked for by themselves.
func (p *planner) propertiesOf(ds *dataSource, pages []notion.JSON) (n int64, err error) {
	m := newMapper(ds.properties, false, nil)
	for _, page := range pages {
		_, err := m.read(page, nil)
		var retyped *retypedError
		if err != nil && !errors.As(err, &retyped) {
			return n, err
		}
		n += int64(len(m.wants))
	}
	return n, nil
}

// listColumns are the columns of a table of the last load that can hold more than a
// page shows, with the names that they have in it.
func listColumns(ds *dataSource, state lake.TableState) (m *mapper, columns []*column, names []string) {
	m = newMapper(ds.properties, false, nil)
	for _, c := range m.columns {
		for _, old := range state.Schema.Columns {
			if (c.typ == "relation" || c.typ == "people") && old.Property && old.Key == c.id && old.Type.Kind == lake.List {
				columns, names = append(columns, c), append(names, old.Name)
			}
		}
	}
	return m, columns, names
}

// countLong is how many requests the long lists of a table took at the last load
// beyond the first for each.
func (p *planner) countLong(ctx context.Context, f *found, state lake.TableState) (more int64, err error) {
	m, columns, names := listColumns(f.ds, state)
	if len(names) == 0 {
		return 0, nil
	}
	for row, err := range p.view.Columns(ctx, f.id, names...) {
		if err != nil {
			return 0, err
		}
		for i, c := range columns {
			all, first := c.lists(m, int64(len(row.Values[i].Items())))
			more += all - first
		}
	}
	return more, nil
}

// countEarlier estimates a table from what the last load has of it: its rows, when
// they were created, and how many lists are longer than a page shows.
func (p *planner) countEarlier(ctx context.Context, f *found, s *sourceRows, state lake.TableState) error {
	m, lists, names := listColumns(f.ds, state)
	var minutes [2][]int64 // of rows that are not archived, and that are
	wants := int64(0)
	for row, err := range p.view.Columns(ctx, f.id, append([]string{"_created_time", "_archived"}, names...)...) {
		if err != nil {
			return err
		}
		minute := row.Values[0].Micros() / time.Minute.Microseconds()
		if row.Values[1].Bool() {
			minutes[1] = append(minutes[1], minute)
		} else {
			minutes[0] = append(minutes[0], minute)
		}
		for i, c := range lists {
			all, _ := c.lists(m, int64(len(row.Values[i+2].Items())))
			wants += all
		}
	}
	s.open = about(int64(len(minutes[0])), 0, LastLoad)
	s.queries = about(windows(minutes[0]), 1, LastLoad)
	if p.options.Archived {
		s.archived = about(int64(len(minutes[1])), 0, LastLoad)
		s.queries = s.queries.plus(about(windows(minutes[1]), 1, LastLoad))
	}
	s.properties = about(wants, 0, LastLoad)
	return nil
}

// lists is how many requests a list of n values takes that a page shows a part of,
// with those of the rollups over it, which run over the same list; first: how many
// if each took one.
func (c *column) lists(m *mapper, n int64) (requests, first int64) {
	if n < pageLimit || n == pageLimit && c.typ == "relation" {
		return 0, 0
	}
	first = 1
	for _, r := range m.rollups {
		if r.relation == c && rollupWays[r.function].endpoint {
			first++
		}
	}
	return first * readings(n), first
}

// windows is how many requests it takes to read rows that were created in these
// minutes, as notion.Client.QueryDataSource does it.
func windows(minutes []int64) (requests int64) {
	slices.Sort(minutes)
	for from := 0; ; {
		at, pages := from, int64(0)
		for {
			pages++
			if at += listSize; at >= len(minutes) {
				break // the last page
			}
			last := minutes[at-1]
			first, _ := slices.BinarySearch(minutes, last)
			if last > minutes[from] && at-max(first, at-listSize) <= listSize/4 {
				at = first
				break
			}
		}
		requests += pages
		end := at >= len(minutes)
		if pages > 1 { // it is proved that none was removed meanwhile
			requests += int64(min(at, len(minutes))-from+notion.ProofSize-1) / notion.ProofSize
		}
		if end {
			return requests
		}
		from = at
	}
}
