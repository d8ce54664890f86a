package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// defaultDiffRows is how many rows of each kind are shown: about a screen.
const defaultDiffRows = 10

// diffOptions are what `diff` was asked for.
type diffOptions struct {
	table, from, to         string // "" is all tables, the load before, the newest load
	schemaOnly, raw         bool
	asJSON, asCSV, limitSet bool
	limit                   int
}

func (p *program) diffCommand() *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "show what changed between two loads",
		ArgsUsage: "[TABLE]",
		Description: "With TABLE, its rows that were added, removed and changed, and which columns of these, before and after.\n" +
			"Without, how much changed in each table. Columns are matched by the id of their Notion property: a renamed\n" +
			"column is a change of the schema, not of values. What only one side has differs where it is not null; a column\n" +
			"whose type changed is compared by its text. Rows of tables without an id are added or removed only.\n" +
			"LOAD is a load id (of a held load too), a tag, a snapshot id, an RFC 3339 time or a day.\n" +
			"Not compared without --raw: _raw, and what notionlake notes with every load (last_load of _properties, load_id of\n" +
			"_problems; without TABLE, the table _loads).",
		Flags: []cli.Flag{
			loadFlag("from", "compare `LOAD` (default: the load before --to, or that it followed where it is held)"),
			loadFlag("to", "with `LOAD` (default: the newest)"),
			&cli.BoolFlag{Name: "schema", Usage: "show changes of columns only", DisableDefaultText: true},
			&cli.IntFlag{Name: "limit", Usage: "show at most `N` rows of each kind; 0 shows all. --json and --csv show all without it", Value: defaultDiffRows},
			&cli.BoolFlag{Name: "raw", Usage: "compare also _raw and notionlake's own notes", DisableDefaultText: true},
			&cli.BoolFlag{Name: "csv", Usage: "print one line per change: kind, id, column, old, new (a row that was added or removed as JSON); without TABLE one per table, with --schema one per column", DisableDefaultText: true},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "[TABLE]")
			if err != nil {
				return err
			}
			o := diffOptions{
				table: args[0], from: c.String("from"), to: c.String("to"), schemaOnly: c.Bool("schema"), raw: c.Bool("raw"),
				asJSON: c.Bool("json"), asCSV: c.Bool("csv"), limit: c.Int("limit"), limitSet: c.IsSet("limit"),
			}
			if o.limit < 0 {
				return usagef("--limit %d: a number of rows is expected, 0 for all", o.limit)
			}
			if o.asJSON && o.asCSV {
				return usagef("--json and --csv: use one of them")
			}
			l, err := p.openExisting(c.Context, c)
			if err != nil {
				return err
			}
			defer l.close()
			return p.diff(c.Context, l, o)
		},
	}
}

// loadFlag is a flag that names a load.
func loadFlag(name, usage string) cli.Flag {
	return &cli.StringFlag{
		Name: name, Usage: usage,
		Action: func(_ *cli.Context, load string) error {
			if load == "" {
				return usagef("--%s needs a load: a load id, a tag, a snapshot id or a time", name)
			}
			return nil
		},
	}
}

func (p *program) diff(ctx context.Context, l *lakeAt, o diffOptions) error {
	span, err := l.span(ctx, o)
	if err != nil {
		return err
	}
	if o.table == "" {
		return p.diffAll(ctx, l, span, o)
	}
	from, to, err := l.statesOf(ctx, o.table, span)
	if err != nil {
		return err
	}
	one := tableChange{name: o.table, from: from, to: to, unread: span.to.leaves(to)}
	if o.schemaOnly {
		return p.printSchemaDiff(span, o, []tableChange{one})
	}
	d, err := lake.DiffTables(ctx, l.storage, from, to, o.comparison())
	if err != nil {
		return storageError(err)
	}
	one.diff = d
	switch {
	case o.asJSON:
		return p.printDiffJSON(ctx, span, o, one)
	case o.asCSV:
		return p.printDiffCSV(ctx, o, one)
	default:
		return p.printDiff(ctx, span, o, one)
	}
}

// comparison says what is compared.
func (o diffOptions) comparison() lake.DiffOptions {
	if o.raw {
		return lake.DiffOptions{}
	}
	return lake.DiffOptions{Skip: func(c lake.Column) bool {
		return !c.Property && (c.Name == "_raw" || c.Name == "last_load" || c.Name == "load_id")
	}}
}

// rows is how many rows of each kind are shown; 0 is all.
func (o diffOptions) rows() int64 {
	if (o.asJSON || o.asCSV) && !o.limitSet {
		return 0
	}
	return int64(o.limit)
}

// A tableChange is a table of two loads. A state without Files is that of a load
// that did not have the table.
type tableChange struct {
	name     string
	from, to lake.TableState
	diff     *lake.TableDiff
	unread   bool // the later load is held and did not read it: it would stay as it was
}

func (t tableChange) appeared() bool { return t.from.Files == nil }
func (t tableChange) left() bool     { return t.to.Files == nil }

// key is the key of the table, which never changes.
func (t tableChange) key() string {
	if t.left() {
		return t.from.Schema.Key
	}
	return t.to.Schema.Key
}

// schema are the changes of the columns, none for a table that appeared or left.
func (t tableChange) schema() []lake.SchemaChange {
	if t.appeared() || t.left() {
		return nil
	}
	return lake.DiffSchemas(t.from, t.to)
}

// An end is one side of a comparison.
type end struct {
	moment
	nothing bool              // before the first load
	read    []lake.TableState // what a load that is held read
	base    catalog.Ref       // of the other tables of that load: the load that it followed
}

func (e end) String() string {
	switch {
	case e.nothing:
		return "nothing"
	case e.load != nil && e.ref.SnapshotID == 0:
		return string(e.load.LoadID)
	case e.held != nil:
		return string(e.held.Load.ID) + " (held)"
	default:
		return e.ref.String()
	}
}

// A momentInfo is a side of a comparison in the documents of `diff --json`.
type momentInfo struct {
	LoadID     lake.LoadID `json:"load_id,omitempty"`
	Tag        string      `json:"tag,omitempty"`
	SnapshotID int64       `json:"snapshot_id,omitempty"`
	Time       *time.Time  `json:"time,omitempty"` // of publication
}

func (e end) info() *momentInfo {
	if e.nothing {
		return nil
	}
	i := &momentInfo{Tag: e.ref.Tag, SnapshotID: e.ref.SnapshotID}
	if e.load != nil {
		finished := e.load.Finished.UTC()
		i.LoadID, i.Tag, i.Time = e.load.LoadID, e.load.Tag, &finished
	}
	if e.held != nil {
		i.LoadID = e.held.Load.ID
	}
	return i
}

// A timeSpan is what two moments enclose.
type timeSpan struct{ from, to end }

// span finds the two moments that are compared.
func (l *lakeAt) span(ctx context.Context, o diffOptions) (s timeSpan, err error) {
	all, err := l.loads(ctx)
	if err != nil {
		return s, err
	}
	loads, err := l.kept(ctx, all)
	if err != nil {
		return s, err
	}
	if s, err = l.ends(ctx, o, all, loads); err != nil {
		return s, err
	}
	for _, e := range []*end{&s.from, &s.to} {
		if e.held != nil {
			if e.read, err = l.heldStates(ctx, e.held); err != nil {
				return s, err
			}
			if slices.ContainsFunc(loads, func(r ledgerRow) bool { return r.LoadID == e.held.After }) {
				e.base = catalog.Ref{Tag: e.held.After.Tag()} // else it has expired, or there was none
			}
		}
	}
	return s, nil
}

// ends finds the moments; all are the loads, of which loads can be read.
func (l *lakeAt) ends(ctx context.Context, o diffOptions, all, loads []ledgerRow) (s timeSpan, err error) {
	if len(loads) == 0 && o.to == "" {
		return s, usagef("there is no load yet: `notionlake run` makes the first")
	}
	if o.to == "" {
		last := &loads[len(loads)-1]
		s.to.moment = moment{ref: catalog.Ref{Tag: last.Tag}, load: last}
	} else if s.to.moment, err = l.moment(ctx, "--to", o.to, o.table); err != nil {
		return s, err
	}
	if o.from != "" {
		s.from.moment, err = l.moment(ctx, "--from", o.from, o.table)
		return s, err
	}
	if s.from, err = l.before(ctx, loads, s.to, o.table); err == nil && s.from.nothing && s.to.load != nil && all[0].LoadID < s.to.load.LoadID {
		return s, onlyOneLeft(s.to.load.LoadID, len(loads))
	}
	return s, err
}

// onlyOneLeft says that the loads before one have expired: that nothing was before it
// would not be true.
func onlyOneLeft(load lake.LoadID, kept int) error {
	if kept > 1 {
		return usagef("the loads before %s have expired, so there is nothing to compare it with: name a later one with --to (`notionlake loads` lists them)", load)
	}
	return usagef("there is one load only, %s: those before it have expired, so there is nothing to compare it with; `notionlake run` makes another, and retention in the configuration says how many are kept", load)
}

// before is the moment before another one: that of the load before, of the one that
// it followed for a load that is held (the newest, where that has expired), of the parent
// for a snapshot that no load made.
func (l *lakeAt) before(ctx context.Context, loads []ledgerRow, to end, table string) (end, error) {
	of := func(i int) end {
		if i < 0 {
			return end{nothing: true}
		}
		return end{moment: moment{ref: catalog.Ref{Tag: loads[i].Tag}, load: &loads[i]}}
	}
	if to.load != nil {
		i, _ := slices.BinarySearchFunc(loads, to.load.LoadID, func(r ledgerRow, id lake.LoadID) int { return strings.Compare(string(r.LoadID), string(id)) })
		return of(i - 1), nil
	}
	if to.ref.Tag != "" {
		if to.held != nil {
			if i := slices.IndexFunc(loads, func(r ledgerRow) bool { return r.LoadID == to.held.After }); i >= 0 {
				return of(i), nil
			}
		}
		return of(len(loads) - 1), nil
	}
	snapshots, err := l.catalog.Snapshots(ctx, table)
	if err != nil {
		return end{}, l.tableError(ctx, table, err)
	}
	for _, s := range snapshots {
		if s.ID == to.ref.SnapshotID && s.ParentID != 0 {
			return end{moment: moment{ref: catalog.Ref{SnapshotID: s.ParentID}}}, nil
		}
	}
	return end{nothing: true}, nil
}
