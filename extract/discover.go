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
	if err := d.visitDatabase(ctx, f.ds.database, follow); err != nil {
		return err
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
func (d *discovery) visitDatabase(ctx context.Context, id string, follow bool) error {
	d.mu.Lock()
	asked := d.asked[id]
	d.asked[id] = true
	d.mu.Unlock()
	if id == "" || asked {
		return nil
	}
	object, err := d.source.client.Database(ctx, id)
	switch {
	case err != nil && fatal(err):
		return fmt.Errorf("database %s: %w", id, err)
	case errors.Is(err, notion.ErrNotFound):
		d.problem(problem{kind: KindNotShared, objectType: "database", objectID: id, message: reasonUnshared})
		return nil
	case err != nil:
		d.mu.Lock()
		defer d.mu.Unlock()
		d.containers[id] = &database{id: id, err: err}
		return nil
	}
	c := d.container(id, object)
	if follow {
		for _, source := range c.sources {
			d.add(candidate{id: source, by: byDatabase})
		}
	}
	return nil
}

// inTrashedDatabase reports whether the data source lies in a database that is
// in the trash.
func (d *discovery) inTrashedDatabase(f *found) bool {
	if f.ds == nil {
		return false
	}
	c := d.containers[f.ds.database]
	return c != nil && inTrash(c.object)
}

// finish takes the exclusions and the selection into account and names the tables.
func (d *discovery) finish() error {
	w := d.workspace
	excluded := 0
	for _, id := range sortedKeys(d.results) {
		f := d.results[id]
		if d.inTrashedDatabase(f) {
			d.missing(candidate{id: id, by: f.by}, reasonTrash)
		} else if !d.pick.excludesFound(f, d.databaseTitle(f), w.before[id].Table) {
			w.found = append(w.found, f)
		} else {
			excluded++
		}
	}
	if len(w.found) == 0 && excluded > 0 {
		return fmt.Errorf("%w: it names all %d that were found", ErrAllExcluded, excluded)
	}
	w.nameTables()
	everything := len(w.found)
	if err := d.pick.only(w); err != nil {
		return err
	}
	shard := w.source.options.Shard
	w.found = slices.DeleteFunc(w.found, func(f *found) bool { return !shard.has(f.id) })
	maps.DeleteFunc(w.gone, func(id, _ string) bool { return !shard.has(id) })
	for _, f := range w.found {
		if f.ds != nil {
			w.sources[f.id] = f.ds
		}
	}
	for _, id := range sortedKeys(d.containers) {
		if c := d.containers[id]; !inTrash(c.object) {
			w.databases = append(w.databases, c)
		}
	}
	if len(w.found) > 0 || w.source.options.AllowEmpty || shard.Of > 0 && everything > 0 {
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
