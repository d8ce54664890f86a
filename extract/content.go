package extract

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// Content says what to read of pages besides the rows of data sources.
type Content struct {
	Pages, Blocks, Markdown, Views bool
	// Comments: on pages. BlockComments: on blocks too, a request for each.
	Comments, BlockComments bool
}

// any reports whether pages are looked at.
func (c Content) any() bool { return c.Pages || c.Blocks || c.Comments }

// contentWorkers is how many pages are read at a time. A page is a chain of
// requests, of which the client's own limit lets some through at a time.
const contentWorkers = 32

// A content is what is read of the pages of a workspace: the objects, the blocks
// in them, the comments on them. Pages come from everywhere, rows from the tables
// that are read at the same time; each is read once.
type content struct {
	*Source
	d      *discovery
	pages  *recordFile // page objects
	texts  *recordFile // what is in and on them
	parsed parsedTexts

	mu      sync.Mutex
	changed *sync.Cond
	pageIndex
	ordered []*pageEntry // all, as they stand in the tables, once nothing more is found
	queue   []*pageEntry
	active  int // pages that are being read
	tables  int // tables that may still bring pages
	err     error
	ready   chan struct{} // closed once what earlier loads have has been read

	within    map[notion.UUID]notion.UUID // pages and databases: the page whose block stands for them
	parents   map[notion.UUID]parentRef   // what databases and data sources stand in
	originals map[notion.UUID]int32       // synced blocks that are copied: the index of their page
	copies    []syncedCopy
	shown     map[notion.UUID]*pageEntry    // originals that only copies show: the page that holds one
	refused   error                         // why comments cannot be read at all
	failures  map[string]error              // by table: why it cannot be whole
	strays    map[notion.UUID][]notion.UUID // by data source: its rows that something else named
	movedTo   map[notion.UUID]notion.UUID   // rows of a part that are another data source's now
	lostPages map[notion.UUID]bool          // of the last load, that belong to tables that are not read any more
	losses    []loss                        // pages that are not there
	part      *part                         // nil: the whole workspace is read
	last      earlierPages                  // of the last load
	away      map[notion.UUID]time.Time     // pages of earlier loads that are not there: since when
	awayIn    map[notion.UUID]notion.UUID   // of those that are there: the page that they stand in; nil: they were not asked for
	before    *earlierLoad                  // nil: everything is read
	distrust  bool                          // what the last load read is not relied on after all
	began     time.Time
	ids       map[string]*twice // of blocks and comments
	nothing   carried           // of all pages that show nothing of others
	// resumed are the pages that a run read that this one continues, resumedFrom is
	// when it began, by Notion's clock.
	resumed     map[notion.UUID]resumedPage
	resumedOn   []resumedComments // by ID: a map of them would take twice the memory
	resumedFrom time.Time
	verdicts    int // pages that keepVerdict has judged
}

// A pageEntry is a page of the load. There is one for each, so that what is in it
// stands closely.
type pageEntry struct {
	id      notion.UUID
	source  notion.UUID // of a row that was listed: its data source
	parent  parentRef
	way     uint8 // how it was found: index in ways
	gone    bool  // it turned out not to be there
	only    bool  // a row whose data source is not shared
	trashed bool
	reread  bool // it is to be read whatever the last load had
	unsure  bool // not all of it could be read
	// resumedOn: the comments on it were read by a run that this one continues.
	resumedOn bool
	// created is the time of a row that was listed, in microseconds.
	created int64
	object  place
	text    place
	mark    mark
	// carried: what is in it is as the last load read it; nil: it was read.
	carried *carried
	rare    *rareEntry // nil: of all pages
}

// isRow reports whether it was listed by its data source.
func (e *pageEntry) isRow() bool { return e.source != notion.UUID{} }

// A rareEntry is what few pages have: a load keeps an entry for each.
type rareEntry struct {
	more     []shownCopy
	sample   *sample
	problems []problem
	unlisted notion.UUID // the data source, of a row that was not among its rows
}

// seldom is the rareEntry to read from.
func (e *pageEntry) seldom() rareEntry {
	if e.rare == nil {
		return rareEntry{}
	}
	return *e.rare
}

// setSeldom is the rareEntry to write to.
func (e *pageEntry) setSeldom() *rareEntry {
	if e.rare == nil {
		e.rare = &rareEntry{}
	}
	return e.rare
}

// carriedOrSampled is what the last load read in it; nil: nothing that is relied on.
func (e *pageEntry) carriedOrSampled() *carried {
	if s := e.seldom().sample; s != nil {
		return s.carried
	}
	return e.carried
}

// A syncedCopy is a block that shows what another one holds.
type syncedCopy struct {
	page         *pageEntry
	id, original notion.UUID
}

func (s *Source) newContent(d *discovery) (*content, error) {
	c := &content{
		Source: s, d: d, resumed: map[notion.UUID]resumedPage{}, within: map[notion.UUID]notion.UUID{}, parents: map[notion.UUID]parentRef{},
		originals: map[notion.UUID]int32{}, shown: map[notion.UUID]*pageEntry{}, failures: map[string]error{}, strays: map[notion.UUID][]notion.UUID{}, movedTo: map[notion.UUID]notion.UUID{},
	}
	c.ready = make(chan struct{})
	c.changed, c.began = sync.NewCond(&c.mu), s.options.Now()
	c.ids = map[string]*twice{keyBlocks: newTwice(), keyComments: newTwice()}
	var err error
	if c.pages, err = newRecordFile(s.options.TempDir); err != nil {
		return nil, err
	}
	if c.texts, err = newRecordFile(s.options.TempDir); err != nil {
		return nil, errors.Join(err, c.pages.close())
	}
	return c, nil
}

func (c *content) close() error {
	err := errors.Join(c.pages.close(), c.texts.close())
	if c.before != nil {
		err = errors.Join(err, c.before.blocks.close())
	}
	return err
}

// work reads pages until the context ends.
func (c *content) work(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed.Broadcast()
	})
	defer stop()
	var workers sync.WaitGroup
	for range contentWorkers {
		workers.Go(func() {
			for e := c.next(ctx); e != nil; e = c.next(ctx) {
				c.done(safely(keyPages, func() error { return c.read(ctx, e) }))
			}
		})
	}
	workers.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed.Broadcast()
}

// safe is safely for a goroutine of a group.
func safe(table string, f func() error) func() error {
	return func() error { return safely(table, f) }
}

// safely makes an error of a panic. table is what is being read.
func safely(table string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &lake.PanicError{Table: table, Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// next waits for a page to read; nil: there is nothing more to do.
func (c *content) next(ctx context.Context) *pageEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) == 0 && ctx.Err() == nil && c.err == nil {
		c.changed.Wait()
	}
	if ctx.Err() != nil || c.err != nil {
		return nil
	}
	e := c.queue[0]
	c.queue = c.queue[1:]
	c.active++
	return e
}

func (c *content) done(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active--
	c.counted.read.Add(1)
	if c.err == nil {
		c.err = err
	}
	c.changed.Broadcast()
}

// begin reads what earlier loads have and, where all pages are wanted, looks for
// pages; both takes its time, in which others are read already.
func (c *content) begin(ctx context.Context, working *sync.WaitGroup) {
	begin := func(f func(context.Context) error, end func()) {
		c.expect()
		working.Go(func() {
			err := safely(keyPages, func() error { return f(ctx) })
			c.mu.Lock()
			if c.err == nil {
				c.err = err
			}
			c.mu.Unlock()
			end()
			c.left()
		})
	}
	begin(func(ctx context.Context) error {
		if err := c.loadKept(ctx, c.d.view); err != nil {
			return err
		}
		return c.loadEarlier(ctx)
	}, func() { close(c.ready) })
	if c.roams() {
		begin(c.find, func() {})
	}
}

// isReady waits until what earlier loads have has been read.
func (c *content) isReady(ctx context.Context) error {
	select {
	case <-c.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// wait waits until there is nothing to read and no table that could bring pages, or
// until there are data sources and databases to be looked at.
func (c *content) wait(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed.Broadcast()
	})
	defer stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for (len(c.queue) > 0 || c.active > 0 || c.tables > 0) && c.err == nil && ctx.Err() == nil && !c.d.pending() {
		c.changed.Wait()
	}
	if c.err != nil {
		return c.err
	}
	return ctx.Err()
}

// expect says that a table is about to be read; left that it has been.
func (c *content) expect() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tables++
}

func (c *content) left() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tables--
	c.changed.Broadcast()
}

// add takes in a page of which only the ID is known. within is the page whose
// block stands for it; zero: not known.
func (c *content) add(id, by string, within notion.UUID) {
	uuid, ok := notion.ParseUUID([]byte(id))
	if !ok || c.d.pick.excludes(uuid.String()) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if within != (notion.UUID{}) {
		c.within[uuid] = within
	}
	c.enter(&pageEntry{id: uuid, way: wayOf(by)})
}

// enter puts a page into the queue, unless it is known. Of all ways in which it is
// found the first of ways is told, whichever comes first.
func (c *content) enter(e *pageEntry) {
	if n, ok := c.number(e.id); ok {
		c.all[n].way = min(c.all[n].way, e.way)
		return
	}
	c.append(e)
	c.queue = append(c.queue, e)
	c.counted.known.Add(1)
	c.changed.Signal()
}

// row takes in a row of a data source. parts are the values that replace those of
// the page, which shows a part of them only.
func (c *content) row(source string, page notion.JSON, parts map[*column]notion.JSON) error {
	e := &pageEntry{way: wayOf(byDataSource)}
	var ok bool
	if e.source, ok = notion.ParseUUID([]byte(source)); !ok {
		return fmt.Errorf("data source %q: its id is none of Notion's", source)
	}
	if e.id, ok = notion.ParseUUID([]byte(page.Get("id").Text())); !ok {
		return errors.New("a page came without its id")
	}
	c.mu.Lock()
	n, known := c.number(e.id)
	twice := known && c.all[n].isRow()
	c.mu.Unlock()
	if twice { // read as it was first
		return nil
	}
	var err error
	e.parent, e.created = parentRefOf(page), valueOf(page.Get("created_time"), timeValue).Micros()
	if e.object, err = c.pages.add(pageRecord(page, parts)); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, known := c.number(e.id); known { // something else named it: its data source is where it belongs
		c.all[n].gone = true
		c.forget(e.id)
	}
	c.enter(e)
	return nil
}

// pageRecord is the record of a page: its object, and values that it lacks.
func pageRecord(page notion.JSON, parts map[*column]notion.JSON) []byte {
	record := append(make([]byte, 0, len(page)+len(`{"page":,"parts":{}}`)), `{"page":`...)
	_, record = appendRaw(record, page, true)
	record = append(record, `,"parts":{`...)
	first := true
	for _, col := range sortedColumns(parts) {
		if !first {
			record = append(record, ',')
		}
		first = false
		record = appendQuoted(record, col.id)
		record = append(record, ':')
		record, _ = appendClean(record, parts[col], 0, false)
	}
	return append(record, "}}"...)
}

func sortedColumns(parts map[*column]notion.JSON) []*column {
	var columns []*column
	for col := range parts {
		columns = append(columns, col)
	}
	slices.SortFunc(columns, func(a, b *column) int { return a.number - b.number })
	return columns
}

// fail notes why tables cannot be whole.
func (c *content) fail(err error, tables ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range tables {
		if c.failures[t] == nil {
			c.failures[t] = err
		}
	}
}

func (c *content) failure(table string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failures[table]
}
