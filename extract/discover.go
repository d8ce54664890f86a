package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A discovery finds the data sources that a load reads. What search finds is not
// all that is shared: its index lags and need not know what is shared through a
// parent. So the databases of what is found are asked for their other data
// sources, relations are followed, and the tables of the last load looked for.
type discovery struct {
	*workspace
	pick    picker
	parents map[string]string // of data sources at the last load: database IDs

	mu         sync.Mutex
	visited    map[string]bool // data sources
	asked      map[string]bool // databases
	results    map[string]*found
	containers map[string]*database
	next       []candidate
}

// A candidate is a data source that may be there.
type candidate struct {
	id, by, configured string
	several            bool
}

// A database is one that holds data sources of the load.
type database struct {
	id      string
	object  notion.JSON
	sources []string // IDs
	err     error    // why object is nil
}

// discover finds the data sources of the load and names their tables.
func (s *Source) discover(ctx context.Context, now lake.View) (*workspace, error) {
	before, err := now.Tables(ctx)
	if err != nil {
		return nil, fmt.Errorf("tables of the last load: %w", err)
	}
	w := &workspace{source: s, view: now, before: before, gone: map[string]string{}, sources: map[string]*dataSource{}}
	d := &discovery{
		workspace: w, visited: map[string]bool{}, asked: map[string]bool{},
		results: map[string]*found{}, containers: map[string]*database{},
	}
	if d.pick, err = newPicker(s.options, before); err != nil {
		return nil, err
	}
	g, gctx := errgroup.WithContext(ctx)
	if s.options.Users {
		g.Go(func() error {
			if err := s.users.list(gctx); err != nil && fatal(err) {
				return err
			}
			return nil // what else went wrong is said by the table of users
		})
	}
	g.Go(func() error { return d.run(gctx) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := d.finish(); err != nil {
		return nil, err
	}
	return w, nil
}

func (d *discovery) run(ctx context.Context) error {
	options := d.source.options
	direct := d.pick.direct()
	switch {
	case options.Databases != nil:
		for _, db := range options.Databases {
			if err := d.configured(ctx, db); err != nil {
				return err
			}
		}
	case direct != nil:
		for _, id := range direct {
			if _, known := d.before[id]; known {
				d.add(candidate{id: id, by: byLastLoad})
			} else if err := d.configured(ctx, Database{ID: id}); err != nil {
				return err
			}
		}
	default:
		if err := d.search(ctx); err != nil {
			return err
		}
		for key := range d.before {
			if !strings.HasPrefix(key, "_") {
				d.add(candidate{id: key, by: byLastLoad})
			}
		}
	}
	follow := options.Databases == nil && direct == nil
	for len(d.next) > 0 {
		if err := d.visitAll(ctx, follow); err != nil {
			return err
		}
	}
	return nil
}

// search looks for data sources.
func (d *discovery) search(ctx context.Context) error {
	for object, err := range d.source.client.Search(ctx, "data_source") {
		switch {
		case errors.Is(err, notion.ErrIncomplete) && !fatal(err):
			d.problem(problem{kind: KindSearch, message: err.Error()})
			continue
		case err != nil:
			return fmt.Errorf("search for data sources: %w", err)
		}
		if object.Get("object").Text() == "data_source" && !inTrash(object) {
			d.add(candidate{id: object.Get("id").Text(), by: bySearch})
		}
	}
	return nil
}

// configured looks for what the configuration names: a database or a data source.
func (d *discovery) configured(ctx context.Context, db Database) error {
	id, err := notion.ParseID(db.ID)
	if err != nil {
		return fmt.Errorf("%s: %w", config(db), err)
	}
	object, err := d.source.client.Database(ctx, id)
	switch {
	case err == nil:
		return d.configuredDatabase(ctx, db, id, object)
	case fatal(err):
		return fmt.Errorf("%s: %w", config(db), err)
	case errors.Is(err, notion.ErrNotFound):
		return d.configuredSource(ctx, db, id)
	}
	var refused *notion.Error
	if errors.As(err, &refused) && refused.Status == 400 {
		if _, pageErr := d.source.client.Page(ctx, id); pageErr == nil {
			return fmt.Errorf("%s %w: give the link of the database itself", config(db), ErrNotDatabase)
		}
		d.problem(problem{kind: KindLinked, objectType: "database", objectID: id, message: refused.Message})
		return nil
	}
	return d.unread(ctx, db, id, err)
}

func (d *discovery) configuredDatabase(ctx context.Context, db Database, id string, object notion.JSON) error {
	c := d.container(id, object)
	if inTrash(object) {
		return d.lost(ctx, db, id, reasonTrash, errors.New(reasonTrash))
	}
	if len(c.sources) == 0 {
		d.problem(problem{
			kind: KindNoSources, objectType: "database", objectID: id,
			message: "the database shows no data source to the connection: it is linked, or its data sources are not shared",
		})
		return d.lost(ctx, db, id, reasonUnshared, nil)
	}
	for _, source := range c.sources {
		d.add(candidate{id: source, by: byConfiguration, configured: db.Name, several: len(c.sources) > 1})
	}
	return nil
}

func (d *discovery) configuredSource(ctx context.Context, db Database, id string) error {
	object, err := d.source.client.DataSource(ctx, id)
	switch {
	case err == nil && inTrash(object):
		return d.lost(ctx, db, id, reasonTrash, errors.New(reasonTrash))
	case err == nil:
		d.add(candidate{id: id, by: byConfiguration, configured: db.Name})
		return nil
	case fatal(err):
		return fmt.Errorf("%s: %w", config(db), err)
	case errors.Is(err, notion.ErrNotFound):
		return d.lost(ctx, db, id, reasonUnshared, err)
	}
	return d.unread(ctx, db, id, err)
}

// Why a table is not read (lake.Table.Unread).
const (
	reasonTrash    = "in the trash"
	reasonUnshared = "not found, or no longer shared with the connection"
)

// lost says of the tables of a configured database why they are not read; where
// there is none, err.
func (d *discovery) lost(ctx context.Context, db Database, id, why string, err error) error {
	tables, readErr := d.tablesOf(ctx, id)
	if readErr != nil {
		return readErr
	}
	if len(tables) == 0 && err != nil {
		return fmt.Errorf("%s: %w", config(db), err)
	}
	for _, key := range tables {
		d.gone[key] = why
	}
	return nil
}

// unread says of the tables of a configured database that they could not be
// read; where there is none, nothing tells what they would be.
func (d *discovery) unread(ctx context.Context, db Database, id string, err error) error {
	tables, readErr := d.tablesOf(ctx, id)
	if readErr != nil {
		return readErr
	}
	if len(tables) == 0 {
		return fmt.Errorf("%s: %w", config(db), err)
	}
	for _, key := range tables {
		d.results[key] = &found{id: key, by: byConfiguration, configured: db.Name, several: len(tables) > 1, err: err}
	}
	return nil
}

// tablesOf returns the keys of the tables of a database, or data source, at the last load.
func (d *discovery) tablesOf(ctx context.Context, id string) ([]string, error) {
	if d.parents == nil {
		d.parents = map[string]string{}
		if err := d.readParents(ctx); err != nil {
			return nil, err
		}
	}
	var keys []string
	for key := range d.before {
		if key == id || d.parents[key] == id {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// readParents reads which database the data sources of the last load belonged to.
func (d *discovery) readParents(ctx context.Context) error {
	schema, ok := d.before[keyDataSources]
	if !ok {
		return nil
	}
	cells := newCells(schema)
	for row, err := range d.view.Rows(ctx, keyDataSources) {
		if err != nil {
			return fmt.Errorf("data sources of the last load: %w", err)
		}
		d.parents[cells.text(row, "id")] = cells.text(row, "database_id")
	}
	return nil
}

func (d *discovery) problem(p problem) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.problems = append(d.problems, p)
}

// add takes a candidate in that has not been looked at.
func (d *discovery) add(c candidate) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.id == "" || d.visited[c.id] || d.pick.excludes(c.id) {
		return
	}
	d.visited[c.id] = true
	d.next = append(d.next, c)
}

// container takes in a database.
func (d *discovery) container(id string, object notion.JSON) *database {
	c := &database{id: id, object: bytes.Clone(object)}
	for source := range c.object.Get("data_sources").Elems() {
		c.sources = append(c.sources, source.Get("id").Text())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked[id], d.containers[id] = true, c
	return c
}

// visitAll looks at all candidates that there are now; it finds further ones.
func (d *discovery) visitAll(ctx context.Context, follow bool) error {
	now := d.next
	d.next = nil
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for _, c := range now {
		g.Go(func() error { return d.visit(ctx, c, follow) })
	}
	return g.Wait()
}

// visit looks at one candidate and, where the load follows what it finds, at its
// database and relations.
func (d *discovery) visit(ctx context.Context, c candidate, follow bool) error {
	f := &found{id: c.id, by: c.by, configured: c.configured, several: c.several}
	object, err := d.source.client.DataSource(ctx, c.id)
	switch {
	case err != nil && fatal(err):
		return fmt.Errorf("data source %s: %w", c.id, err)
	case errors.Is(err, notion.ErrNotFound):
		d.missing(c, reasonUnshared)
		return nil
	case err == nil && inTrash(object):
		d.missing(c, reasonTrash)
		return nil
	case err == nil:
		f.ds, err = parseDataSource(bytes.Clone(object))
	}
	if f.err = err; err != nil {
		d.keep(f)
		return nil
	}
	trashed, err := d.visitDatabase(ctx, f.ds.database, follow)
	if err != nil {
		return err
	}
	if trashed {
		d.missing(c, reasonTrash)
		return nil
	}
	d.keep(f)
	if follow {
		for _, p := range f.ds.properties {
			d.add(candidate{id: p.relatedSource, by: byRelation})
		}
	}
	return nil
}

// missing takes in that a candidate is not there.
func (d *discovery) missing(c candidate, why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.before[c.id]; ok {
		d.gone[c.id] = why
	} else if why == reasonUnshared {
		d.problems = append(d.problems, problem{
			kind: KindNotShared, objectType: "data_source", objectID: c.id, message: why + " (found by " + c.by + ")",
		})
	}
}

func (d *discovery) keep(f *found) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.results[f.id] = f
}

// visitDatabase looks once at a database and its data sources.
func (d *discovery) visitDatabase(ctx context.Context, id string, follow bool) (trashed bool, err error) {
	d.mu.Lock()
	asked, c := d.asked[id], d.containers[id]
	d.asked[id] = true
	d.mu.Unlock()
	if id == "" || asked {
		return c != nil && inTrash(c.object), nil
	}
	object, err := d.source.client.Database(ctx, id)
	switch {
	case err != nil && fatal(err):
		return false, fmt.Errorf("database %s: %w", id, err)
	case errors.Is(err, notion.ErrNotFound):
		d.problem(problem{kind: KindNotShared, objectType: "database", objectID: id, message: reasonUnshared})
		return false, nil
	case err != nil:
		d.mu.Lock()
		defer d.mu.Unlock()
		d.containers[id] = &database{id: id, err: err}
		return false, nil
	}
	c = d.container(id, object)
	if follow {
		for _, source := range c.sources {
			d.add(candidate{id: source, by: byDatabase})
		}
	}
	return inTrash(c.object), nil
}

// finish takes the exclusions and the selection into account and names the tables.
func (d *discovery) finish() error {
	w := d.workspace
	for _, id := range slices.Sorted(maps.Keys(d.results)) {
		if f := d.results[id]; !d.pick.excludesFound(f, d.databaseTitle(f), w.before[id].Table) {
			w.found = append(w.found, f)
		}
	}
	w.nameTables()
	if err := d.pick.only(w); err != nil {
		return err
	}
	for _, f := range w.found {
		if f.ds != nil {
			w.sources[f.id] = f.ds
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.containers)) {
		w.databases = append(w.databases, d.containers[id])
	}
	if len(w.found) > 0 || w.source.options.AllowEmpty {
		return nil
	}
	if len(w.gone) > 0 {
		return fmt.Errorf("%w: none of the %d tables can be read any more", ErrNothingShared, len(w.gone))
	}
	return ErrNothingShared
}

func (d *discovery) databaseTitle(f *found) string {
	if f.ds == nil || d.containers[f.ds.database] == nil {
		return ""
	}
	return plainText(d.containers[f.ds.database].object.Get("title"))
}
