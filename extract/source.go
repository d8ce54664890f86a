package extract

import (
	"context"
	"errors"
	"hash/fnv"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// Errors of Source.Tables that callers tell apart.
var (
	// ErrAllExcluded: Options.Exclude leaves nothing to read.
	ErrAllExcluded = errors.New("the configuration's exclude leaves no data source")
	// ErrNothingShared: there is no data source to read.
	ErrNothingShared = errors.New("no data source is shared with the connection")
	// ErrOtherWorkspace: a run with a Shard finds new data sources, and none that has a
	// table. Where the whole is loaded, the load says which tables were not read.
	ErrOtherWorkspace = errors.New("none of the data sources that have a table can be read any more, while new ones can")
	// ErrNotDatabase: a configured ID is that of a page.
	ErrNotDatabase = errors.New("is a page, not a database")
	// ErrNoMatch: something that was to be read alone does not exist.
	ErrNoMatch = errors.New("no such table or data source")
)

// Options of a Source. Only Client is required.
type Options struct {
	Client Client
	// Databases are what to read; nil: everything shared with the connection.
	Databases []Database
	// Exclude holds IDs, URLs and globs of names: what is not read.
	Exclude []string
	// Content is what to read of pages besides rows.
	Content Content
	// Files says which files are copied.
	Files Files
	// Full: everything is read, also what has not changed since the last load.
	Full bool
	// Sample is the share, 0 to 1, of the pages that have not been edited that is
	// read nevertheless: where one has changed, everything is.
	Sample float64
	// Now is the clock; nil: time.Now. Skew is how far Notion's is ahead of it; nil: not.
	Now  func() time.Time
	Skew func() time.Duration
	// KeepEvery is how long what was read of pages waits to be kept for a run that
	// continues the load: one that is killed loses that much. 0: a minute.
	KeepEvery time.Duration
	// TempDir is where what does not fit into memory lies. "": the system's folder.
	TempDir string
	// Archived: rows that are archived too. Users: the table _users. Raw: Notion's
	// JSON beside the typed columns.
	Archived, Users, Raw bool
	// Only holds table names, IDs and URLs; nil: all. The load then owns the tables
	// of these data sources only, and of the fixed tables the rows that belong to them.
	Only []string
	// Shard is one of several parts by the data sources' IDs; zero: all.
	Shard Shard
	// AllowEmpty: a load of no data source at all is no error.
	AllowEmpty bool
	Logger     *slog.Logger // none
}

// A Shard is the Number-th, from 1 on, of Of parts.
type Shard struct{ Number, Of int }

// has reports whether a data source is in the part. IDs of one workspace have
// their first digits in common.
func (s Shard) has(id string) bool {
	if s.Of == 0 {
		return true
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // it never fails
	return int(h.Sum32()%uint32(s.Of)) == s.Number-1
}

// isPart reports whether a part of the workspace is read.
func (o Options) isPart() bool { return len(o.Only) > 0 || o.Shard.Of > 0 }

// A Database is a database, or a data source, that the configuration names.
type Database struct {
	ID   string // or URL
	Name string // of its table; of several data sources, what the names begin with
}

// A Source reads a Notion workspace. It serves one load.
type Source struct {
	client  Client
	options Options
	log     *slog.Logger
	users   *directory
	content *content // nil: no pages are read
	joins   *joins
	files   *copier // nil: no files are copied
	counted pageCount

	problems problemCount
	keeper   *keeper // of what is in pages and became of files
}

var _ lake.Source = (*Source)(nil)

// NewSource returns the Source of one load.
func NewSource(o Options) *Source {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.KeepEvery == 0 {
		o.KeepEvery = time.Minute
	}
	s := &Source{client: o.Client, options: o, log: o.Logger, users: newDirectory(o.Client)}
	s.joins = newJoins(s)
	return s
}

// Close removes what lies on disk of what was read. It is called once the tables
// have been read.
func (s *Source) Close() error {
	err := errors.Join(s.joins.close(), s.files.close())
	if s.content != nil {
		err = errors.Join(err, s.content.close())
	}
	return err
}

// Tables discovers the workspace and yields its tables: those of the data
// sources by name, then the fixed ones. Where pages are read, more data sources
// are found in them: it then waits until the tables that it yielded have been
// read, and yields those that they led to.
func (s *Source) Tables(ctx context.Context, now lake.View) iter.Seq2[lake.Table, error] {
	return func(yield func(lake.Table, error) bool) {
		if err := s.tables(ctx, now, func(t lake.Table) bool { return yield(t, nil) }); err != nil && !errors.Is(err, errStopped) {
			yield(lake.Table{}, err)
		}
	}
}

// KeepRest keeps what was read and waits to be kept, for the run that continues the load.
func (s *Source) KeepRest(ctx context.Context) {
	if s.keeper == nil { // nothing has been read
		return
	}
	if err := s.keeper.rest(ctx); err != nil {
		s.log.WarnContext(ctx, "some of what was read is not kept for the run that continues this load", "error", err)
	}
}

// errStopped says that no more tables are wanted.
var errStopped = errors.New("stopped")

func (s *Source) tables(ctx context.Context, now lake.View, yield func(lake.Table) bool) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d, err := s.newDiscovery(ctx, now)
	if err != nil {
		return err
	}
	s.content = d.content // Close closes it
	s.keeper = &keeper{keep: now.Keep, now: s.options.Now, every: s.options.KeepEvery}
	if s.options.Files.Copies != nil {
		if s.files, err = s.newCopier(ctx, d); err != nil {
			return err
		}
	}
	defer func() {
		cancel()
		d.viewing.Wait()
	}()
	if s.content == nil {
		if err := s.loadKept(ctx, now); err != nil {
			return err
		}
	} else {
		var working sync.WaitGroup
		working.Go(func() { s.content.work(ctx) })
		s.content.begin(ctx, &working)
		defer working.Wait()
		defer cancel()
	}
	d.listEarly(ctx)
	defer d.endEarlyRows()
	if err := d.first(ctx); err != nil {
		return err
	}
	for first := true; ; first = false {
		fresh, err := d.choose(first)
		if err != nil {
			return err
		}
		if !first && len(fresh) == 0 {
			more, err := s.content.finish(ctx)
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
		if first && s.content != nil {
			if err := s.content.takePart(ctx); err != nil {
				return err
			}
		}
		s.log.InfoContext(ctx, "workspace discovered", "data_sources", len(d.found), "databases", len(d.containers), "not_read", len(d.gone))
		d.readViews(ctx, fresh)
		for _, t := range d.sourceTables(fresh, first) {
			if s.content != nil && t.Unread == "" {
				s.content.expect()
			}
			if !yield(t) {
				return errStopped
			}
		}
		if s.content == nil {
			break
		}
		if err := d.settle(ctx); err != nil {
			return err
		}
	}
	d.viewing.Wait()
	d.nameAtLast()
	d.sayIdleExcludes(ctx)
	d.close()
	if s.content != nil {
		s.content.parseOnce()
		s.content.findLost()
		s.content.leaveOthers()
		s.content.tellLosses()
	}
	for _, t := range d.fixedTables() {
		if !yield(t) {
			return errStopped
		}
	}
	return nil
}

// A workspace is what a load found of a workspace.
type workspace struct {
	source    *Source
	view      lake.View
	before    map[string]lake.Schema // tables of the last load, by key
	found     []*found               // by ID
	databases []*database            // by ID
	gone      map[string]string      // tables that are not read: data source ID -> why
	problems  []problem
	sources   map[string]*dataSource // of found, by ID
	made      []*sourceTable
}

// A found is a data source that the load reads.
type found struct {
	id         string
	by         string // how it was found: one of the by constants
	configured string // its name in the configuration
	several    bool   // the configured name is one of several data sources'
	ds         *dataSource
	err        error  // why ds is nil: it could not be read
	name       string // of its table
}

// How a data source was found (_data_sources.discovered_by).
const (
	byConfiguration = "configuration"
	bySearch        = "search"
	byDatabase      = "database"
	byRelation      = "relation"
	byLastLoad      = "last_load"
	byPage          = "page" // a block in a page, or of a data source a row of it
)

// sourceWays are the ways in which a data source is found, the surest first: of all
// that name it that one is told, whichever came first. The database is the last,
// since a data source that is found leads to its own.
var sourceWays = []string{byConfiguration, bySearch, byLastLoad, byRelation, byPage, byDatabase}

// sourceTables are the tables of data sources, by name, and with gone those that
// are not read.
func (w *workspace) sourceTables(list []*found, gone bool) []lake.Table {
	var tables []lake.Table
	if gone { // all are known where nothing leads to more, and else the content keeps rows
		w.source.joins.expect(w.sources)
	}
	for _, f := range list {
		name := func() string { return f.name }
		if f.ds == nil {
			t := w.unreadable(f)
			t.Name = name
			tables = append(tables, t)
			continue
		}
		before, ok := w.before[f.id]
		t := w.source.newSourceTable(f.ds, f.name, f.configured, pointer(before, ok), w.sources)
		t.view, t.loaded, t.found = w.view, ok, f
		w.made = append(w.made, t)
		w.source.joins.tables[f.id] = t
		table := t.table()
		table.Name = name
		tables = append(tables, table)
	}
	if gone {
		for id, why := range w.gone {
			tables = append(tables, lake.Table{Schema: lake.Schema{Table: w.before[id].Table, Key: id}, Unread: why})
		}
		w.sayGone()
	}
	slices.SortFunc(tables, func(a, b lake.Table) int { return strings.Compare(a.Schema.Table, b.Schema.Table) })
	return tables
}

// fixedTables are the tables about the workspace itself.
func (d *discovery) fixedTables() []lake.Table {
	w := d.workspace
	tables := []lake.Table{w.databasesTable(), w.optionsTable()}
	tables = append(tables, d.contentTables()...)
	if w.source.options.Users {
		tables = append(tables, w.usersTable())
	}
	if w.source.options.Files.Copies != nil {
		tables = append(tables, d.filesTable())
	}
	return append(tables, w.dataSourcesTable(), w.propertiesTable(), d.problemsTable())
}

func pointer(s lake.Schema, ok bool) *lake.Schema {
	if !ok {
		return nil
	}
	return &s
}

// unreadable is the table of a data source whose properties could not be read.
func (w *workspace) unreadable(f *found) lake.Table {
	schema := lake.Schema{Table: f.name, Key: f.id, Columns: pageColumns}
	return lake.Table{Schema: schema, Rows: func(context.Context) iter.Seq2[lake.Row, error] {
		return func(yield func(lake.Row, error) bool) {
			err := &lake.PartialError{Table: f.name, Err: f.err}
			w.source.content.tableRead(err)
			yield(lake.Row{}, err)
		}
	}}
}

// nameTables gives data sources the names of their tables, none of those in use.
func (w *workspace) nameTables(list, inUse []*found) {
	taken := map[string]bool{}
	for _, t := range w.before {
		taken[t.Table] = true
	}
	for _, f := range inUse {
		taken[f.name] = true
	}
	claims := make([]claim, len(list))
	for i, f := range list {
		c := claim{suffix: sourceSuffix(f.id)}
		title := ""
		if f.ds != nil {
			title = f.ds.title
		}
		c.base, c.always = tableBase(f.configured, title, f.several)
		if before, ok := w.before[f.id]; ok {
			c.before = before.Table
			c.keep = f.configured == "" || f.configured == stateOf(&before).Configured
			delete(taken, before.Table)
		}
		claims[i] = c
	}
	for i, name := range assignNames(claims, taken) {
		list[i].name = name
	}
}

// nameAtLast names tables once more, now that all data sources are known: of equal names
// the lowest ID's keeps its own, in whatever order they were found. Nothing is read any more.
func (d *discovery) nameAtLast() {
	if d.content == nil || !d.content.roams() {
		return // all were named at once
	}
	first := map[string]string{} // last names by those that tables were read under
	was := make([]string, len(d.found))
	for i, f := range d.found {
		was[i] = f.name
	}
	d.nameTables(slices.SortedFunc(slices.Values(d.found), func(a, b *found) int { return strings.Compare(a.id, b.id) }), nil)
	for i, f := range d.found {
		first[was[i]] = f.name
	}
	for i := range d.problems {
		if name := first[d.problems[i].table]; name != "" {
			d.problems[i].table = name
		}
	}
}

// tableBase is the name that a data source's table would have alone. always: it
// gets a suffix nevertheless, since nothing names it.
func tableBase(configured, title string, several bool) (base string, always bool) {
	name := snakeCase(configured, "t_")
	if name != "" && !several {
		return name, false
	}
	rest, always := snakeCase(title, ""), false
	if rest == "" {
		rest, always = "data_source", true
	}
	if name != "" {
		return name + "_" + rest, always
	}
	if rest[0]-'0' <= 9 {
		rest = "t_" + rest
	}
	return rest, always
}

// carries reports whether the rows of a fixed table that belong to the data
// source stay as they were at the last load, as its table does.
func (w *workspace) carries(id string) bool {
	if w.gone[id] != "" {
		return true
	}
	for _, f := range w.found {
		if f.id == id {
			return f.ds == nil
		}
	}
	return w.source.options.isPart()
}
