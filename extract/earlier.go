package extract

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// margin is how long before the beginning of a load a page must have been edited
// last for what that load read of it to be sure. Notion cuts times to the minute,
// and clocks differ.
const margin = 10 * time.Minute

// A contentState is what the table of blocks remembers from load to load, with its
// first column.
type contentState struct {
	Load  lake.LoadID `json:"load"`  // that the state is of
	Began time.Time   `json:"began"` // what the table holds was read then or later
}

func (s contentState) String() string {
	b, err := json.Marshal(s)
	if err != nil {
		return "" // a struct of texts always encodes
	}
	return string(b)
}

// An earlierLoad is what the last load had of pages: what it read of a page that
// has not been edited since need not be read again.
type earlierLoad struct {
	began     time.Time
	pages     *earlierPages
	databases map[notion.UUID]earlierDatabase
	blocks    *recordFile
	more      map[notion.UUID][]place // where blocks of a page do not stand together
}

// A mark tells one state of a page or database from another.
type mark struct {
	edited int64 // microseconds
	title  uint64
}

// An earlierPage is a page of the last load.
type earlierPage struct {
	id notion.UUID
	mark
	standing int32 // index in earlierPages.standings
	broken   bool  // what the last load has of it cannot be relied on
	blocks   place // nearly always all of them; more is in earlierLoad
}

// An earlierDatabase is a database of the last load.
type earlierDatabase struct {
	mark
	parent parentRef
}

func titleHash(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // it never fails
	return h.Sum64()
}

func markOf(object notion.JSON, title string) mark {
	return mark{valueOf(object.Get("last_edited_time"), timeValue).Micros(), titleHash(title)}
}

// state is what the table of blocks remembers of this load; "": nothing that could
// be relied on.
func (c *content) state(ctx context.Context) (string, error) {
	if !c.options.Raw {
		return "", nil
	}
	s := contentState{Load: c.d.view.Load().ID, Began: c.began.UTC()}
	if c.options.Skew != nil {
		s.Began = s.Began.Add(c.options.Skew())
	}
	if !c.resumedFrom.IsZero() && c.resumedFrom.Before(s.Began) {
		s.Began = c.resumedFrom
	}
	if c.options.isPart() { // what it carries over, of other parts too, was read earlier
		now, err := c.d.view.Tables(ctx)
		if err != nil {
			return "", err
		}
		before, ok := stateIn(now, c.d.view)
		if !ok {
			return "", nil
		}
		if before.Began.Before(s.Began) {
			s.Began = before.Began
		}
		if c.before != nil && c.before.began.Before(s.Began) {
			s.Began = c.before.began
		}
	}
	return s.String(), nil
}

// earlierState says when the last load read its pages, where it can be relied on:
// it had all that this load wants, pages and blocks are of one load, and it is
// known when they were read.
func (w *workspace) earlierState(o Options) (s contentState, ok bool) {
	if o.Full || !o.Raw || !o.Content.Blocks {
		return s, false
	}
	return stateIn(w.before, w.view)
}

// stateIn is what the table of blocks remembers, where it can be relied on.
func stateIn(tables map[string]lake.Schema, view lake.View) (s contentState, ok bool) {
	pages, blocks := tables[keyPages], tables[keyBlocks]
	if len(pages.Columns) == 0 || len(blocks.Columns) == 0 {
		return s, false
	}
	of := view.LoadOf(keyBlocks)
	if json.Unmarshal([]byte(blocks.Columns[0].State), &s) != nil || s.Load == "" || s.Load != of || of != view.LoadOf(keyPages) {
		return s, false
	}
	return s, newCells(blocks)["_raw"] != 0
}

// loadEarlier reads what the last load had. A full load does without where that cannot
// be read, and says so: it replaces it.
func (c *content) loadEarlier(ctx context.Context) error {
	c.readAway()
	err := c.readEarlier(ctx)
	if err == nil {
		return nil
	}
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	err = c.d.without(ctx, err, problem{
		kind: KindRowsUnasked, objectType: "page", table: c.d.before[keyPages].Table,
		message: "the pages of the last load cannot be read, so that it is not known which of them are gone",
	})
	c.last = earlierPages{}
	return err
}

// readEarlier reads what the last load had, where it can be relied on.
func (c *content) readEarlier(ctx context.Context) (err error) {
	if c.last, err = c.readLastPages(ctx); err != nil {
		return err
	}
	s, ok := c.d.earlierState(c.options)
	if !ok {
		return nil
	}
	blocks := c.d.before[keyBlocks]
	e := &earlierLoad{began: s.Began, pages: &c.last, databases: map[notion.UUID]earlierDatabase{}, more: map[notion.UUID][]place{}}
	if e.blocks, err = newRecordFile(c.options.TempDir); err != nil {
		return err
	}
	c.before = e
	if databases, ok := c.d.before[keyDatabases]; ok {
		cells := newCells(databases)
		for row, err := range c.d.view.Rows(ctx, keyDatabases) {
			if err != nil {
				return fmt.Errorf("databases of the last load: %w", err)
			}
			if id, ok := notion.ParseUUID([]byte(cells.value(row, "id").Text())); ok {
				d := earlierDatabase{mark: mark{cells.value(row, "last_edited_time").Micros(), titleHash(cells.value(row, "title").Text())}}
				d.parent.typ = parentKindOf(cells.value(row, "parent_type").Text())
				d.parent.id, _ = notion.ParseUUID([]byte(cells.value(row, "parent_id").Text()))
				e.databases[id] = d
			}
		}
	}
	if err := e.readProblems(ctx, c.d); err != nil {
		return err
	}
	return e.readBlocks(ctx, c.d.view, newCells(blocks))
}

// readProblems takes in of which pages the last load could not read what is in them.
func (e *earlierLoad) readProblems(ctx context.Context, d *discovery) error {
	before, ok := d.before[keyProblems]
	if !ok {
		return nil
	}
	cells := newCells(before)
	for row, err := range d.view.Rows(ctx, keyProblems) {
		if err != nil {
			return fmt.Errorf("problems of the last load: %w", err)
		}
		if id, ok := notion.ParseUUID([]byte(cells.value(row, "object_id").Text())); ok && cells.text(row, "kind") == string(KindBlocks) {
			e.breaks(id)
		}
	}
	return nil
}

func (e *earlierLoad) breaks(page notion.UUID) {
	if p := e.pages.page(page); p != nil {
		p.broken = true
	}
}

// readBlocks takes in the blocks of the last load, which stand page by page.
func (e *earlierLoad) readBlocks(ctx context.Context, view lake.View, cells cells) error {
	var page notion.UUID
	var record []byte
	flush := func() error {
		if len(record) == 0 {
			return nil
		}
		at, err := e.blocks.addCopy(append(record, ']'))
		if p := e.pages.page(page); p != nil && p.blocks == 0 {
			p.blocks = at
		} else if p != nil {
			e.more[page] = append(e.more[page], at)
		}
		record = record[:0]
		return err
	}
	for row, err := range view.Rows(ctx, keyBlocks) {
		if err != nil {
			return fmt.Errorf("blocks of the last load: %w", err)
		}
		id, _ := notion.ParseUUID([]byte(cells.value(row, "page_id").Text()))
		if cells.value(row, "_raw").IsNull() {
			e.breaks(id)
			continue
		}
		if len(record) == 0 || id != page {
			if err := flush(); err != nil {
				return err
			}
			page, record = id, append(record, '[')
		} else {
			record = append(record, ',')
		}
		record = appendQuoted(append(record, `{"in":`...), cells.value(row, "parent_id").Text())
		record = strconv.AppendInt(append(record, `,"at":`...), cells.value(row, "position").Int(), 10)
		record = append(append(append(record, `,"b":`...), cells.value(row, "_raw").Text()...), '}')
	}
	return flush()
}

// text puts together what the last load read in a page; nil where it has not all
// of it.
func (e *earlierLoad) text(page notion.UUID) (*pageText, error) {
	type entry struct {
		in       notion.UUID
		position int
		block    *block
	}
	p := e.pages.page(page)
	if p == nil || p.broken {
		return nil, nil
	}
	var entries []entry
	places := e.more[page]
	if first := p.blocks; first != 0 {
		places = append([]place{first}, places...)
	}
	for _, at := range places {
		data, err := e.blocks.get(at)
		if err != nil {
			return nil, err
		}
		for item := range notion.JSON(data).Elems() {
			f, _ := item.Get("at").Float()
			raw := item.Get("b")
			n := entry{position: int(f), block: &block{raw: raw}}
			n.in, _ = notion.ParseUUID([]byte(item.Get("in").Text()))
			n.block.id, _ = notion.ParseUUID([]byte(raw.Get("id").Text()))
			entries = append(entries, n)
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return a.position - b.position })
	children := map[notion.UUID][]*block{}
	for _, n := range entries {
		children[n.in] = append(children[n.in], n.block)
	}
	t := &pageText{}
	count := 0
	var hang func(in notion.UUID, parent *block)
	stack := []*block{nil}
	hang = func(in notion.UUID, parent *block) {
		for _, b := range children[in] {
			t.adopt(parent, b)
			count++
			stack = append(stack, b)
		}
	}
	hang(page, nil)
	for i := 1; i < len(stack); i++ {
		hang(stack[i].id, stack[i])
	}
	if count != len(entries) || !each(t.blocks, isWhole) {
		return nil, nil
	}
	return t, nil
}

// isWhole reports whether what is in a block was read too.
func isWhole(b *block) bool {
	if len(b.children) > 0 || !b.raw.Get("has_children").Bool() {
		return true
	}
	switch b.typ() {
	case "child_page", "child_database":
		return true
	case "synced_block":
		return b.payload().Get("synced_from").Get("block_id").Kind() == '"'
	}
	return false
}

// unchanged returns what the last load read in a page that has not been edited
// since; nil: it is to be read.
func (c *content) unchanged(e *pageEntry) (*pageText, error) {
	t, err := c.asBefore(e)
	if t != nil && c.isSample(e.id) {
		c.mu.Lock()
		e.setSeldom().sample = &sample{carriedOf(t), digest(t)}
		c.mu.Unlock()
		return nil, err
	}
	return t, err
}

// asBefore is unchanged without a sample.
func (c *content) asBefore(e *pageEntry) (*pageText, error) {
	c.mu.Lock()
	now, all := e.mark, c.before == nil || c.distrust || e.reread
	c.mu.Unlock()
	if all {
		return nil, nil
	}
	before := c.before.pages.page(e.id)
	if before == nil || now != before.mark || !isBefore(now.edited, c.before.began) {
		return nil, nil
	}
	return c.before.text(e.id)
}
