package extract

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A PlanClient is what a plan wants of a notion.Client beyond what a load does.
type PlanClient interface {
	Client
	Glance(ctx context.Context, id string, g notion.Glance) (rows []notion.JSON, more bool, err error)
	Newest(ctx context.Context, object string) iter.Seq2[notion.JSON, error]
}

// A PlanView is what a plan may know of the lake.
type PlanView interface {
	lake.View
	// State is a table as last published; false where there is none.
	State(key string) (lake.TableState, bool)
}

// A Plan is what a load would read.
type Plan struct {
	Tables   []PlannedTable
	Requests []PlannedRequests // of every kind that the load would make, or could
	// Chain is how many requests wait for one another, as far as that is known.
	Chain int64
	// Resumed counts what an interrupted run has put aside, that need not be read again.
	Resumed Resumed
	// Problems are what could not be looked at.
	Problems []string
	// IdleExcludes are globs of the configuration that leave nothing out of what was found.
	IdleExcludes []string
}

// A PlannedTable is a table of a Plan.
type PlannedTable struct {
	Schema lake.Schema // with a type for every column
	// Late are the names of the columns whose type the values decide: the schema
	// has the type they had, or the one that they would get without values.
	Late []string
	Rows *Figure // of a data source's table
	// Unread says why the table would stay at its last load; "": it would be read.
	// LeftOut: because the configuration does not have it.
	Unread  string
	LeftOut bool
	// Unreadable says why the table could not be read whole, were the load made now.
	Unreadable string
}

// MakePlan finds out what a load with these options would read, by what is cheap
// to ask: what is shared, the properties of data sources, one look at the rows of
// each that is small, new or could have changed, and the tables of the last load.
// Its errors are those with which the load would end. Nothing is written.
func MakePlan(ctx context.Context, o Options, client PlanClient, view PlanView) (*Plan, error) {
	p, err := newPlanner(ctx, o, client, view)
	if err != nil {
		return nil, err
	}
	if err := p.discover(ctx); err != nil {
		return nil, err
	}
	fresh, err := p.d.choose(true)
	if err != nil {
		return nil, err
	}
	if err := p.lookAtAll(ctx, fresh); err != nil {
		return nil, err
	}
	if err := p.readBlocks(ctx); err != nil {
		return nil, err
	}
	if err := p.tryComments(ctx); err != nil {
		return nil, err
	}
	pages, err := p.pages(ctx)
	if err != nil {
		return nil, err
	}
	p.dropLost(pages)
	requests, err := p.requests(ctx, pages)
	if err != nil {
		return nil, err
	}
	plan := &Plan{Tables: p.tables(fresh), Requests: requests, Chain: p.chain(), Resumed: Resumed{p.keptPages(), p.keptFiles}}
	for _, t := range plan.Tables {
		if t.Unread == "" {
			if err := t.Schema.Check(); err != nil {
				return nil, err
			}
		}
	}
	for _, problem := range p.d.problems {
		plan.Problems = append(plan.Problems, strings.Join(slices.DeleteFunc([]string{string(problem.kind) + ":", problem.objectID, problem.message}, func(s string) bool { return s == "" }), " "))
	}
	plan.IdleExcludes = p.d.idleExcludes()
	slices.Sort(plan.Problems)
	return plan, nil
}

// A planner makes one Plan. What it finds out it finds by the code that a load
// finds it by, as far as that reads no rows and no blocks.
type planner struct {
	client  PlanClient // whose requests a load does not make
	tally   *tally     // the load's own
	view    PlanView
	d       *discovery
	options Options

	roams    bool // the load looks for pages that no other one leads to
	relies   bool // on what the last load has of pages
	before   earlierLoad
	earlier  map[notion.UUID]*earlierContent // pages of the last load
	archived map[string]int64                // rows of the last load that are archived, by data source

	searched  searchedPages
	sources   map[string]*sourceRows
	within    map[notion.UUID]notion.UUID // pages and databases: the page whose block stands for them
	databases map[notion.UUID]bool        // that blocks stand for
	seen      map[notion.UUID]bool        // pages that were looked at
	changed   map[notion.UUID]bool        // of them, since the last load
	met       map[string]bool             // users
	kept      map[notion.UUID]keptContent // pages that would be taken over
	keptOn    map[notion.UUID]mark        // pages of which the comments would be
	keptFiles int64
	refused   error // comments cannot be read
}

func newPlanner(ctx context.Context, o Options, client PlanClient, view PlanView) (*planner, error) {
	p := &planner{
		client: client, tally: &tally{Client: client, counts: map[RequestKind]int64{}}, view: view, options: o,
		earlier: map[notion.UUID]*earlierContent{}, archived: map[string]int64{}, sources: map[string]*sourceRows{},
		within: map[notion.UUID]notion.UUID{}, databases: map[notion.UUID]bool{}, changed: map[notion.UUID]bool{}, kept: map[notion.UUID]keptContent{}, keptOn: map[notion.UUID]mark{}, seen: map[notion.UUID]bool{}, met: map[string]bool{},
	}
	o.Client = p.tally
	s := NewSource(o)
	p.options = s.options
	s.options.Content = Content{} // no pages are read
	var err error
	if p.d, err = s.newDiscovery(ctx, view); err != nil {
		return nil, err
	}
	s.options.Content = o.Content
	p.roams = o.Content.any() && p.d.follow && !o.isPart()
	if err := p.readPages(ctx); err != nil {
		return nil, err
	}
	return p, p.readKept(ctx)
}

// discover finds what a load finds before it reads rows and blocks.
func (p *planner) discover(ctx context.Context) error {
	if p.options.Users {
		if err := p.d.source.users.list(ctx); err != nil && fatal(err) {
			return err
		}
	}
	defer p.d.endEarly()
	if err := p.d.run(ctx); err != nil {
		return err
	}
	if p.roams {
		if err := p.search(ctx); err != nil {
			return err
		}
	}
	if err := p.d.settle(ctx); err != nil || !p.roams {
		return err
	}
	var err error
	p.d.pagesFound, err = p.anyPage(ctx)
	return err
}

// tables are the tables of the load, and those that it would leave as they are.
func (p *planner) tables(fresh []*found) []PlannedTable {
	c := &content{Source: p.d.source, d: p.d, refused: p.refused, began: p.options.Now()}
	listed := p.d.sourceTables(fresh, true)
	if p.options.Content.any() {
		p.d.content = c // for the schemas: nothing is read with it
	}
	listed = append(listed, p.d.fixedTables()...)
	planned := map[string]bool{}
	var all []PlannedTable
	for _, t := range listed {
		planned[t.Schema.Key] = true
		all = append(all, p.table(t))
	}
	for _, key := range sortedKeys(p.d.before) {
		if planned[key] || key == lake.LedgerTable || p.options.isPart() {
			continue
		}
		schema := lake.Schema{Table: p.d.before[key].Table, Key: key}
		all = append(all, PlannedTable{Schema: schema, Unread: "the configuration leaves it out", LeftOut: true})
	}
	return all
}

func (p *planner) table(t lake.Table) PlannedTable {
	planned := PlannedTable{Schema: t.Schema, Unread: t.Unread}
	planned.Schema.Columns = slices.Clone(t.Schema.Columns)
	for i := range planned.Schema.Columns {
		c := &planned.Schema.Columns[i]
		if c.Late != nil {
			c.Type, c.State, c.Late = c.Late.Type(), c.Late.State(), nil
			planned.Late = append(planned.Late, c.Name)
		}
	}
	if s := p.sources[t.Schema.Key]; s != nil {
		rows := s.rows()
		planned.Rows, planned.Unreadable = &rows, s.failure
	}
	if f := p.d.results[t.Schema.Key]; f != nil && f.ds == nil && f.err != nil {
		planned.Unreadable = f.err.Error()
	}
	return planned
}

// tryComments finds out by one request whether comments may be read.
func (p *planner) tryComments(ctx context.Context) error {
	if !p.options.Content.Comments {
		return nil
	}
	for id := range p.somePage() {
		for _, err := range p.client.Comments(ctx, id.String()) {
			switch {
			case err != nil && fatal(err):
				return err
			case errors.Is(err, notion.ErrRestricted):
				p.refused = err
				p.d.problem(problem{kind: KindComments, message: commentsRefused})
			}
			break
		}
		break
	}
	return nil
}

// somePage yields a page that is there.
func (p *planner) somePage() iter.Seq[notion.UUID] {
	return func(yield func(notion.UUID) bool) {
		for id := range p.seen {
			if !yield(id) {
				return
			}
		}
	}
}
