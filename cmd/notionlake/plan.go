package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/extract"
	"github.com/notionlake/notionlake/lake"
)

// A planDocument is what `plan --json` prints.
type planDocument struct {
	Namespace string         `json:"namespace"`
	LastLoad  *planLoad      `json:"last_load"` // null: the first load would be made
	Continues *planContinued `json:"continues"` // null: a new load would begin
	Parts     []string       `json:"parts"`     // of the workspace; none: all of it
	Tables    []planTable    `json:"tables"`
	Requests  []planRequests `json:"requests"`
	Total     planFigure     `json:"total"`
	Time      planTime       `json:"time"`
	Asked     int64          `json:"asked"` // requests of the plan itself
	Notes     []string       `json:"notes"`
}

type planLoad struct {
	LoadID   lake.LoadID `json:"load_id"`
	Requests int64       `json:"requests"`
	Rows     int64       `json:"rows"`
}

// A planContinued is an interrupted load that would be continued.
type planContinued struct {
	LoadID lake.LoadID `json:"load_id"`
	Began  time.Time   `json:"began"`
	Until  time.Time   `json:"until"` // it can be continued
	Pages  int64       `json:"pages"` // put aside, and not to be read again
	Files  int64       `json:"files"`
	// MayRun: it is not known whether its run has ended.
	MayRun bool `json:"may_be_running,omitempty"`
}

// The values of planTable.Status.
const (
	planNew     = "new"
	planKept    = "kept"    // its columns may change
	planRenamed = "renamed" // by its name in the configuration
	planGone    = "gone"    // it stays at its last load: Notion has it no more
	planUnread  = "unread"  // it stays at its last load: the configuration leaves it out
)

type planTable struct {
	Name     string              `json:"name"`
	Key      string              `json:"key"`
	Status   string              `json:"status"`
	From     string              `json:"from,omitempty"` // name until now
	Rows     *int64              `json:"rows"`           // at the last load; null: it is new
	Expected *planFigure         `json:"expected"`       // rows of the load, of a data source's table
	Reason   string              `json:"reason,omitempty"`
	Columns  []planColumn        `json:"columns"`
	Changes  []lake.SchemaChange `json:"schema_changes"`
}

type planColumn struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	PropertyID string `json:"property_id,omitempty"`
	// ByValues: the values decide the type; it is the one that the column has, or
	// would get without values.
	ByValues bool `json:"by_values,omitempty"`
	// Empty: the property is gone, the column stays without values.
	Empty bool `json:"empty,omitempty"`
}

// A planFigure is a number that is known more or less.
type planFigure struct {
	Expected int64         `json:"expected"`
	AtLeast  int64         `json:"at_least"`
	AtMost   *int64        `json:"at_most"` // null: any number
	Basis    extract.Basis `json:"basis"`   // exact, last_load, unknown
}

type planRequests struct {
	Kind extract.RequestKind `json:"kind"`
	planFigure
}

func figure(f extract.Figure) planFigure {
	return planFigure{Expected: f.N, AtLeast: f.AtLeast, AtMost: f.AtMost, Basis: f.Basis}
}

func (p *program) planCommand() *cli.Command {
	return &cli.Command{
		Name:  "plan",
		Usage: "say what run would do, and write nothing",
		Description: "Shows tables, columns, changes of columns, how many requests a load would make and how long that\n" +
			"would take. It asks Notion what is shared and looks once at each data source; it reads neither all\n" +
			"rows nor blocks, takes no lock and makes nothing in the warehouse or the catalog.",
		Flags: append(selectionFlags(), jsonFlag()),
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			o, err := selection(c)
			if err != nil {
				return err
			}
			cfg, err := p.configurationToLoad(c)
			if err != nil {
				return err
			}
			doc, err := p.plan(c.Context, cfg, o)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return p.printJSON(doc)
			}
			return p.printText(planText(doc))
		},
	}
}

// plan finds out what run would do with these options.
func (p *program) plan(ctx context.Context, cfg *config, o runOptions) (doc planDocument, err error) {
	cfg.attempts, o.now = planAttempts, p.now
	client, err := p.client(ctx, cfg)
	if err != nil {
		return doc, err
	}
	l, err := p.openLake(ctx, cfg, catalog.Options{ReadOnly: true, Absent: true})
	if err != nil {
		return doc, err
	}
	defer func() { err = errors.Join(err, storageError(l.close())) }()
	p.warnOfDropped(ctx, l)
	if o.files, err = p.fileOptions(cfg, l); err != nil {
		return doc, err
	}
	loader := &lake.Loader{
		Storage: l.storage, Catalog: l.catalog, Logger: p.log, Now: p.now, Version: version,
		Parts: o.parts(), Config: cfg.fingerprint(o.parts()), Resume: cfg.resumeFor(o.full),
	}
	now, err := loader.Look(ctx)
	if err != nil {
		return doc, err
	}
	asking, answer, stop := p.impatient(ctx, cfg, client)
	defer stop()
	plan, err := extract.MakePlan(asking, cfg.sourceOptions(client, p.log, o), client, now)
	if err != nil {
		return doc, sourceError(answer(err))
	}
	doc = planDocument{Namespace: cfg.Namespace, Parts: append([]string{}, o.parts()...), Requests: []planRequests{}, Notes: []string{}}
	if doc.Tables, err = foresee(ctx, l.catalog, now, plan); err != nil {
		return doc, storageError(err)
	}
	if doc.LastLoad, err = lastLoad(ctx, l, now); err != nil && (!o.full || !errors.Is(err, lake.ErrNoLedger)) { // which makes it anew
		return doc, err
	}
	if now.Continues != "" {
		doc.Continues = &planContinued{now.Continues, now.Began, now.Began.Add(cfg.resume), plan.Resumed.Pages, plan.Resumed.Files, now.Runs}
	}
	total := extract.Sum(plan.Requests)
	for _, r := range plan.Requests {
		doc.Requests = append(doc.Requests, planRequests{r.Kind, figure(r.Figure)})
	}
	stats := client.Stats()
	doc.Total, doc.Asked = figure(total), stats.Requests
	doc.Time = planTimeOf(total, plan.Chain, cfg.rate, stats)
	if doc.Notes, err = p.abandoned(ctx, cfg, l, o); err != nil {
		return doc, err
	}
	doc.Notes = append(doc.Notes, planNotes(cfg, now, doc, plan)...)
	return doc, nil
}

// sourceError says of an error that is not the lake's that Notion is the source of it.
func sourceError(err error) error {
	if as[*lake.StorageError](err) {
		return err
	}
	return &lake.SourceError{Err: err}
}

// lastLoad is the last load by the ledger, nil where there is none.
func lastLoad(ctx context.Context, l *lakeAt, now *lake.Prospect) (*planLoad, error) {
	if now.Last == "" {
		return nil, nil
	}
	last := &planLoad{LoadID: now.Last}
	loads, err := l.loads(ctx)
	for _, of := range loads {
		if of.LoadID == now.Last {
			last.Requests, last.Rows = of.Requests, of.Rows
		}
	}
	return last, err
}

// foresee is what the load would make of the tables, those first that a load reads,
// by name.
func foresee(ctx context.Context, c *catalog.Catalog, now *lake.Prospect, plan *extract.Plan) ([]planTable, error) {
	planned := plan.Tables
	ledger := lake.LedgerSchema()
	planned = append(slices.Clone(planned), extract.PlannedTable{Schema: ledger})
	var read []lake.Schema
	for _, t := range planned {
		if t.Unread == "" {
			read = append(read, t.Schema)
		}
	}
	foreseen, err := c.Foresee(ctx, read)
	if err != nil {
		return nil, err
	}
	tables := []planTable{}
	for _, t := range planned {
		row := planTable{Name: t.Schema.Table, Key: t.Schema.Key, Status: planKept, Columns: []planColumn{}, Changes: []lake.SchemaChange{}}
		state, there := now.State(t.Schema.Key)
		if there {
			row.Rows = &state.Snapshot.Rows
		}
		if t.Rows != nil {
			rows := figure(*t.Rows)
			row.Expected = &rows
		}
		if t.Unread != "" && !there { // a note says it
			continue
		}
		if t.Unread != "" {
			if row.Status, row.Reason = planGone, t.Unread; t.LeftOut {
				row.Status = planUnread
			}
			tables = append(tables, row)
			continue
		}
		f := foreseen[0]
		foreseen = foreseen[1:]
		switch {
		case f.Before == "":
			row.Status = planNew
		case f.Before != row.Name:
			row.Status, row.From = planRenamed, f.Before
		}
		row.Reason = t.Unreadable
		if t.Unreadable == "" { // else the table stays as it is
			row.Changes = append(row.Changes, f.Changes...)
			row.Columns = planColumns(f, t.Late)
		}
		tables = append(tables, row)
	}
	slices.SortStableFunc(tables, func(a, b planTable) int {
		own := func(t planTable) int { return len(t.Key) - len(strings.TrimPrefix(t.Key, "_")) }
		return cmp.Or(cmp.Compare(own(a), own(b)), cmp.Compare(a.Name, b.Name))
	})
	return tables, nil
}

func planColumns(f catalog.Foreseen, late []string) []planColumn {
	var columns []planColumn
	for _, c := range f.Schema.Columns {
		column := planColumn{Name: c.Name, Type: c.Type.String(), ByValues: slices.Contains(late, c.Name), Empty: slices.Contains(f.Kept, c.Name)}
		if c.Property {
			column.PropertyID = c.Key
		}
		columns = append(columns, column)
	}
	return columns
}

// abandoned are notes about loads that were interrupted and that the run would not
// continue, but delete what they have put aside.
func (p *program) abandoned(ctx context.Context, cfg *config, l *lakeAt, o runOptions) ([]string, error) {
	notes := []string{}
	list, err := lake.WaitingLoads(ctx, l.storage, l.catalog)
	if err != nil {
		return nil, err
	}
	for _, w := range list {
		why := w.Refused(cfg.fingerprint(w.Parts), cfg.resume, p.now())
		switch {
		case w.Other: // which is said as the lake is looked at
			continue
		case w.Bytes == 0 || w.Runs || len(o.parts()) > 0 && !slices.Equal(w.Parts, o.parts()): // another part's
			continue
		case !slices.Equal(w.Parts, o.parts()):
			why = "it loads a part, and this run everything"
		case o.full:
			why = "--full begins a new one"
		}
		if why != "" {
			notes = append(notes, fmt.Sprintf("load %s, begun at %s, was interrupted, and run does not continue it: %s; %s of what it read, which is put aside, is deleted",
				w.Load.ID, when(w.Load.Started), why, size(w.Bytes)))
		}
	}
	return notes, nil
}

// planNotes are what else is to be known before a load.
func planNotes(cfg *config, now *lake.Prospect, doc planDocument, plan *extract.Plan) (notes []string) {
	if c := doc.Continues; c != nil {
		was := "was interrupted"
		if c.MayRun {
			was += ", or is running"
		}
		aside := fmt.Sprintf("and does not read %s and %s again that are put aside: they are not among the requests", plural(c.Pages, "page"), plural(c.Files, "file"))
		if c.Pages+c.Files == 0 {
			aside = "and reads everything: nothing has been put aside"
		}
		notes = append(notes, fmt.Sprintf("load %s, begun at %s, %s: until %s run continues it under its id, %s", c.LoadID, when(c.Began), was, when(c.Until), aside))
	}
	for _, id := range now.Held {
		notes = append(notes, fmt.Sprintf("load %s is held: once another one is published it can only be discarded", id))
	}
	for _, id := range now.Late {
		notes = append(notes, fmt.Sprintf("load %s is held and can only be discarded, with `notionlake discard %[1]s`", id))
	}
	for _, t := range doc.Tables {
		if cfg.Schema.Contract == "freeze" && t.Status != planNew && len(t.Changes) > 0 {
			notes = append(notes, "columns of "+t.Name+" change, and schema.contract is freeze: the load would be held")
		}
	}
	for _, t := range plan.Tables {
		if t.Unreadable != "" {
			notes = append(notes, "table "+t.Schema.Table+" could not be read: "+t.Unreadable)
		}
	}
	for _, glob := range plan.IdleExcludes {
		notes = append(notes, fmt.Sprintf("exclude: %q leaves out nothing of what was found", glob))
	}
	if cfg.Content.Files.on {
		notes = append(notes, "files are fetched besides: neither their number nor their size is foreseen, nor the requests for URLs that have expired")
	}
	return append(notes, plan.Problems...)
}
