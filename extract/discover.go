package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	pick            picker
	parents         map[string]string // of data sources at the last load: database IDs
	unlistedSources []unlistedSource

	mu         sync.Mutex
	visited    map[string]bool   // data sources
	named      map[string]string // data sources: the surest way in which each is named
	asked      map[string]bool   // databases
	early      earlyDatabases
	listings   earlyListings
	results    map[string]*found
	chosen     map[string]bool // of results
	excluded   int
	leftOut    map[string]bool // data sources that are there and that exclude names
	containers map[string]*database
	next       []candidate
	nextBases  []string      // databases
	nextWikis  []*dataSource // in which data sources may stand

	follow  bool     // what is found leads to more
	content *content // nil: only data sources are read

	fileNotes fileNotes

	viewing sync.WaitGroup        // that which is being read of viewed
	viewed  map[string]*viewsRead // by data source
	// pagesFound: there are pages, although none is read (in a plan).
	pagesFound bool
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

// newDiscovery returns a discovery that has found nothing yet.
func (s *Source) newDiscovery(ctx context.Context, now lake.View) (*discovery, error) {
	before, err := now.Tables(ctx)
	if err != nil {
		return nil, fmt.Errorf("tables of the last load: %w", err)
	}
	w := &workspace{source: s, view: now, before: before, gone: map[string]string{}, sources: map[string]*dataSource{}}
	d := &discovery{
		workspace: w, visited: map[string]bool{}, named: map[string]string{}, asked: map[string]bool{}, early: newEarlyDatabases(),
		results: map[string]*found{}, leftOut: map[string]bool{}, chosen: map[string]bool{}, containers: map[string]*database{},
		viewed: map[string]*viewsRead{},
	}
	if d.pick, err = newPicker(s.options, before); err != nil {
		return nil, err
	}
	d.follow = s.options.Databases == nil && d.pick.direct() == nil
	if s.options.Content.any() {
		d.content, err = s.newContent(d)
	}
	return d, err
}

// first finds what there is to find before any row is read. Where there are tables, it
// does not wait for the pages that are being read: what they lead to comes later.
func (d *discovery) first(ctx context.Context) error {
	s := d.source
	g, gctx := errgroup.WithContext(ctx)
	if s.options.Users {
		g.Go(safe(keyUsers, func() error {
			if err := s.users.list(gctx); err != nil && fatal(err) {
				return err
			}
			return nil // what else went wrong is said by the table of users
		}))
	}
	g.Go(safe(keyDataSources, func() error {
		defer d.endEarly()
		if err := d.run(gctx); err != nil {
			return err
		}
		if err := d.visitNamed(gctx); err != nil {
			return err
		}
		if d.hasNames() {
			return nil
		}
		d.endEarlyRows()
		return d.settle(gctx)
	}))
	return g.Wait()
}

// hasNames reports whether there are tables that can be read before all are found: those
// of the last load have their names, and others get theirs at last.
func (d *discovery) hasNames() bool {
	if d.content == nil || !d.content.roams() {
		return false
	}
	for id, f := range d.results {
		if !d.inTrashedDatabase(f) && !d.pick.excludesFound(f, d.databaseTitle(f), d.before[id].Table) {
			return true
		}
	}
	return false
}

// settle looks at everything that has been found, and at what that leads to. With
// content it waits for the tables that are being read: their pages lead to more.
func (d *discovery) settle(ctx context.Context) error {
	for {
		if err := d.visitPending(ctx); err != nil {
			return err
		}
		if d.content == nil {
			return nil
		}
		if err := d.content.wait(ctx); err != nil {
			return err
		}
		if d.pending() {
			continue
		}
		more, err := d.content.leftovers(ctx)
		if err != nil || !more && !d.pending() {
			return err
		}
	}
}

func (d *discovery) pending() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.next)+len(d.nextBases)+len(d.nextWikis) > 0
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
		if err := d.readUnlisted(ctx); err != nil {
			return err
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
		for key := range d.before {
			if !strings.HasPrefix(key, "_") {
				d.add(candidate{id: key, by: byLastLoad})
				d.beginRows(key)
			}
		}
		// What the last load had need not be searched for: it is looked at meanwhile.
		var early context.Context
		early, d.early.cancel = context.WithCancel(ctx)
		g, gctx := errgroup.WithContext(ctx)
		g.Go(safe(keyDataSources, func() error {
			return d.search(gctx, func(found notion.JSON) {
				d.askShown(early, found)
				d.beginRows(found.Get("id").Text())
			})
		}))
		g.Go(func() error { return d.visitNamed(gctx) })
		g.Go(safe(keyDatabases, func() error { return d.askLast(gctx, early) }))
		return g.Wait()
	}
	return nil
}

// search looks for data sources, and calls found with what it shows of each.
func (d *discovery) search(ctx context.Context, found func(notion.JSON)) error {
	for object, err := range d.source.client.Search(ctx, "data_source") {
		switch {
		case errors.Is(err, notion.ErrIncomplete) && !fatal(err):
			d.problem(problem{kind: KindSearch, message: notion.Steady(err)})
			continue
		case err != nil:
			return err // it says what was searched for
		}
		if object.Get("object").Text() == "data_source" && !inTrash(object) {
			d.add(candidate{id: object.Get("id").Text(), by: bySearch})
			found(object)
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
	if c.id == "" || d.pick.excludes(c.id) {
		return
	}
	if by, known := d.named[c.id]; !known || slices.Index(sourceWays, c.by) < slices.Index(sourceWays, by) {
		d.named[c.id] = c.by
	}
	if d.visited[c.id] {
		return
	}
	d.visited[c.id] = true
	d.next = append(d.next, c)
	d.wake()
}

// wake has what waits for content look whether something was found.
func (d *discovery) wake() {
	if d.content != nil {
		d.content.changed.Broadcast()
	}
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

// addDatabase takes in a database that has not been looked at.
func (d *discovery) addDatabase(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.asked[id] && !slices.Contains(d.nextBases, id) && !d.pick.excludes(id) {
		d.nextBases = append(d.nextBases, id)
		d.wake()
	}
}

// visitPending looks at candidates, and at those that they lead to, until there are none.
func (d *discovery) visitPending(ctx context.Context) error {
	for d.pending() {
		if err := d.visitAll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// visitNamed is visitPending that leaves wikis for later where there are tables already.
func (d *discovery) visitNamed(ctx context.Context) error {
	onlyWikis := func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.next)+len(d.nextBases) == 0
	}
	for d.pending() && !(onlyWikis() && d.hasNames()) {
		if err := d.visitAll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// visitAll looks at all candidates that there are now; it finds further ones.
func (d *discovery) visitAll(ctx context.Context) error {
	d.mu.Lock()
	now, bases, wikis := d.next, d.nextBases, d.nextWikis
	d.next, d.nextBases, d.nextWikis = nil, nil, nil
	d.mu.Unlock()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for _, c := range now {
		g.Go(safe(keyDataSources, func() error { return d.visit(ctx, c) }))
	}
	for _, id := range bases {
		g.Go(safe(keyDatabases, func() error { return d.visitDatabase(ctx, id) }))
	}
	for _, ds := range wikis {
		g.Go(safe(keyDataSources, func() error { return d.visitWiki(ctx, ds) }))
	}
	return g.Wait()
}

// visit looks at one candidate and, where the load follows what it finds, at its
// database and relations.
func (d *discovery) visit(ctx context.Context, c candidate) error {
	f := &found{id: c.id, by: c.by, configured: c.configured, several: c.several}
	object, err := d.source.client.DataSource(ctx, c.id)
	switch {
	case err != nil && fatal(err):
		return err // it names the data source
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
	g, gctx := errgroup.WithContext(ctx)
	g.Go(safe(keyDatabases, func() error { return d.visitDatabase(gctx, f.ds.database) }))
	if d.follow {
		for _, p := range f.ds.properties {
			d.add(candidate{id: p.relatedSource, by: byRelation})
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	d.keep(f)
	if d.follow && f.ds.isWiki() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.nextWikis = append(d.nextWikis, f.ds)
		d.wake()
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
func (d *discovery) visitDatabase(ctx context.Context, id string) error {
	d.mu.Lock()
	asked := d.asked[id]
	d.asked[id] = true
	d.mu.Unlock()
	if id == "" || asked {
		return nil
	}
	object, err := d.database(ctx, id)
	switch {
	case err != nil && fatal(err):
		return err // it names the database
	case errors.Is(err, notion.ErrNotFound):
		d.problem(problem{kind: KindNotShared, objectType: "database", objectID: id, message: reasonUnshared})
		return nil
	case refusedAs(err, refusedID):
		d.problem(problem{kind: KindLinked, objectType: "database", objectID: id, message: notion.Steady(err)})
		return nil
	case err != nil:
		d.mu.Lock()
		defer d.mu.Unlock()
		d.containers[id] = &database{id: id, err: err}
		return nil
	}
	c := d.container(id, object)
	switch {
	case inTrash(object):
	case len(c.sources) == 0:
		d.problem(problem{kind: KindNoSources, objectType: "database", objectID: id, message: noSources})
	case d.follow:
		for _, source := range c.sources {
			d.add(candidate{id: source, by: byDatabase})
		}
		if d.content != nil {
			d.content.followParent(parentRefOf(object))
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

// close takes in the databases once nothing more is found.
func (d *discovery) close() {
	if d.content != nil {
		d.content.standing()
	}
	slices.SortFunc(d.found, func(a, b *found) int { return strings.Compare(a.id, b.id) })
	for _, f := range d.found {
		if by, ok := d.named[f.id]; ok {
			f.by = by
		}
	}
	slices.SortFunc(d.made, func(a, b *sourceTable) int { return strings.Compare(a.found.name, b.found.name) })
	for _, id := range sortedKeys(d.containers) {
		if c := d.containers[id]; !inTrash(c.object) && (c.err != nil || len(c.sources) > 0) {
			d.databases = append(d.databases, c)
		}
	}
}

func (d *discovery) databaseTitle(f *found) string {
	if f.ds == nil || d.containers[f.ds.database] == nil {
		return ""
	}
	return plainText(d.containers[f.ds.database].object.Get("title"))
}
