package extract

import (
	"context"
	"fmt"

	"github.com/notionlake/notionlake/extract/notion"
)

// requests are the requests of a load, by kind.
func (p *planner) requests(ctx context.Context, pages *pageSet) (all []PlannedRequests, err error) {
	if err := p.readDatabases(ctx); err != nil {
		return nil, err
	}
	f := map[RequestKind]Figure{
		RequestSearch: exactly(p.tally.of(RequestSearch)), RequestQueries: exactly(p.tally.of(RequestQueries)), RequestProperties: exactly(0),
	}
	if p.roams {
		searchable := int64(len(p.earlier))
		for _, n := range p.archived {
			searchable -= n
		}
		f[RequestSearch] = f[RequestSearch].plus(p.searched.requests(searchable))
	}
	f[RequestDatabases], f[RequestDataSources] = p.containers()
	for _, id := range sortedKeys(p.sources) {
		f[RequestQueries] = f[RequestQueries].plus(p.sources[id].queries)
		f[RequestProperties] = f[RequestProperties].plus(p.sources[id].properties)
	}
	if f[RequestUsers], err = p.users(ctx); err != nil {
		return nil, err
	}
	if f[RequestViews], err = p.views(ctx); err != nil {
		return nil, err
	}
	f[RequestPages] = exactly(p.tally.of(RequestPages)).plus(pages.requests(p.basis()))
	if away := p.away(); away > 0 {
		f[RequestPages] = f[RequestPages].plus(about(away, away, p.basis()))
	}
	for _, s := range p.sources {
		f[RequestPages] = f[RequestPages].plus(s.gone)
		if s.joins && s.properties.N > 0 {
			f[RequestPages] = f[RequestPages].plus(about(0, 0, p.basis()))
		}
	}
	f[RequestBlocks], f[RequestMarkdown], f[RequestComments] = p.texts(pages)
	for _, kind := range requestKinds {
		all = append(all, PlannedRequests{kind, f[kind]})
	}
	return all, nil
}

// away counts the pages that are asked for since they were away at the last load.
func (p *planner) away() (n int64) {
	if !p.options.Content.any() {
		return 0
	}
	for id, since := range p.d.awayBefore() {
		if isAsked(since, p.options.Now()) && p.earlier[id] == nil && !p.d.pick.excludes(id.String()) {
			n++
		}
	}
	return n
}

// readDatabases reads how databases were at the last load.
func (p *planner) readDatabases(ctx context.Context) error {
	if !p.relies {
		return nil
	}
	p.before.databases = map[notion.UUID]earlierDatabase{}
	for row, err := range p.view.Columns(ctx, keyDatabases, "id", "title", "last_edited_time") {
		if err != nil {
			return fmt.Errorf("databases of the last load: %w", err)
		}
		if id, ok := notion.ParseUUID([]byte(row.Values[0].Text())); ok {
			p.before.databases[id] = earlierDatabase{mark: mark{row.Values[2].Micros(), titleHash(row.Values[1].Text())}}
		}
	}
	return nil
}

// containers are the requests for databases and data sources. Those that only
// blocks lead to are known from the last load.
func (p *planner) containers() (databases, sources Figure) {
	databases, sources = exactly(p.tally.of(RequestDatabases)), exactly(p.tally.of(RequestDataSources))
	if !p.roams || !p.options.Content.Blocks {
		return databases, sources
	}
	hidden := int64(0)
	for id := range p.databases {
		if text := id.String(); !p.d.asked[text] && !p.d.pick.excludes(text) {
			hidden++
		}
	}
	if p.relies && len(p.changed) == 0 && hidden == 0 {
		return databases, sources
	}
	return about(databases.N+hidden, databases.N, p.basis()), about(sources.N, sources.N, p.basis())
}

// users are the requests for users: the list, and those who are met and not on it.
func (p *planner) users(ctx context.Context) (Figure, error) {
	listed := exactly(p.tally.of(RequestUsers))
	directory := p.d.source.users
	if directory.isRefused() {
		return listed, nil
	}
	met := p.met
	if p.options.Users {
		if err := p.column(ctx, keyUsers, "id", func(id string) { met[id] = true }); err != nil {
			return listed, err
		}
	}
	alone := int64(0)
	for id := range met {
		if _, known := directory.lookup(id); !known && p.options.Users {
			alone++
		}
	}
	return about(listed.N+alone, listed.N, p.basis()), nil
}

// views are the requests for views: their list and each of them, by data source.
// Of new data sources the list is asked for.
func (p *planner) views(ctx context.Context) (Figure, error) {
	sum := exactly(0)
	if !p.options.Content.Views {
		return sum, nil
	}
	before := map[string]int64{}
	if err := p.column(ctx, keyViews, "data_source_id", func(id string) { before[id]++ }); err != nil {
		return sum, err
	}
	for _, f := range p.d.found {
		if f.ds == nil {
			continue
		}
		if n, ok := before[f.id]; ok {
			sum = sum.plus(about(1+n, 1, LastLoad))
			continue
		}
		n := int64(0)
		for _, err := range p.client.Views(ctx, f.id) {
			if err != nil && fatal(err) {
				return sum, err
			}
			if err == nil {
				n++
			}
		}
		sum = sum.plus(exactly(readings(n) + n))
	}
	return sum, nil
}

// chain is how many requests at least wait for one another: the searches, then the
// longest list of rows, with what comes before and after it.
func (p *planner) chain() int64 {
	longest := int64(0)
	for _, s := range p.sources {
		longest = max(longest, s.queries.N)
	}
	n := p.tally.of(RequestSearch) + 2 + longest // a data source and its database
	if p.roams {
		n += p.searched.requests(int64(len(p.earlier))).N
	}
	o, deepest := p.options.Content, int64(0)
	if o.Blocks {
		deepest = 1
		for _, e := range p.earlier {
			if e.inside > 0 {
				deepest = 2
			}
		}
	}
	if o.Comments || !o.Blocks && o.Markdown {
		deepest++
	}
	if n += deepest; o.Views {
		n += 2
	}
	return n
}
