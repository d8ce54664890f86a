package laketest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/notionlake/notionlake/lake"
)

// A Catalog keeps tables in memory. Columns that are gone are kept as nulls.
type Catalog struct {
	// Fail, where it is set, is the answer to the next Publish, before anything
	// is published.
	Fail error
	Now  func() time.Time
	// Nameless: it has no ID, as a catalog that keeps none.
	Nameless bool

	id       string
	mu       sync.Mutex
	tables   map[string]*table // by key
	last     lake.LoadID
	at       time.Time
	ids      int64
	held     map[lake.LoadID]heldLoad
	admitted map[lake.RunID]bool
	// expired are loads that were forgotten.
	expired map[lake.LoadID]bool
	lock    chan struct{} // full while someone has the lock
	parts   map[string]chan struct{}
}

type table struct {
	lastField int
	states    []state
	tags      map[int64][]string // by snapshot
}

type state struct {
	schema   lake.Schema
	layout   lake.Layout
	files    []lake.File
	snapshot lake.Snapshot
}

type staged struct {
	schema    lake.Schema // kept columns included
	layout    lake.Layout
	changes   []lake.SchemaChange
	append    bool
	base      int64 // ID of the snapshot it builds on, 0: none
	lastField int
	restored  []lake.File // not nil: the files that the change takes over
}

func (s *staged) Layout() lake.Layout          { return s.layout }
func (s *staged) Changes() []lake.SchemaChange { return s.changes }

func (s *staged) Restored(context.Context) ([]lake.File, error) { return s.restored, nil }

// NewCatalog returns an empty catalog.
func NewCatalog() *Catalog {
	return &Catalog{Now: time.Now, id: uuid.NewString(), tables: map[string]*table{}, held: map[lake.LoadID]heldLoad{}, admitted: map[lake.RunID]bool{}, expired: map[lake.LoadID]bool{}, lock: make(chan struct{}, 1)}
}

// LastLoad returns the last load's ID.
func (c *Catalog) LastLoad(context.Context) (lake.LoadID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, nil
}

// Tables returns the current state of every table.
func (c *Catalog) Tables(context.Context) ([]lake.TableState, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []lake.TableState
	for _, key := range slices.Sorted(maps.Keys(c.tables)) {
		states := c.tables[key].states
		list = append(list, c.tables[key].public(states[len(states)-1]))
	}
	return list, nil
}

// States returns a table at each of its snapshots.
func (c *Catalog) States(_ context.Context, key string) ([]lake.TableState, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key]
	if t == nil {
		return nil, nil
	}
	var list []lake.TableState
	for _, s := range t.states {
		list = append(list, t.public(s))
	}
	return list, nil
}

// At returns a table as the last load up to that ID left it, unless that expired.
func (c *Catalog) At(key string, load lake.LoadID) (lake.TableState, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key]
	if t == nil {
		return lake.TableState{}, false
	}
	for _, s := range slices.Backward(t.states) {
		if s.snapshot.LoadID <= load && !c.expired[load] {
			return t.public(s), true
		}
	}
	return lake.TableState{}, false
}

func (t *table) public(s state) lake.TableState {
	s.snapshot.Tags = slices.Clone(t.tags[s.snapshot.ID])
	return lake.TableState{
		Schema: s.schema, Layout: s.layout, Snapshot: s.snapshot,
		Files: func(context.Context) ([]lake.File, error) { return s.files, nil },
	}
}

// Stage plans a change.
func (c *Catalog) Stage(_ context.Context, s lake.Schema, d lake.WriteDisposition) (lake.Staged, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	st := &staged{append: d == lake.Append}
	var old state
	if t := c.tables[s.Key]; t != nil {
		old = t.states[len(t.states)-1]
		st.base, st.lastField = old.snapshot.ID, t.lastField
	}
	st.evolve(old, s)
	return st, nil
}

// evolve matches the columns of s with those of old by key.
func (st *staged) evolve(old state, s lake.Schema) {
	st.schema = s
	st.schema.Columns = nil
	st.layout = lake.Layout{Prefix: "tables/" + s.Key + "/data/", FieldIDs: map[string]int{}}
	names := map[string]bool{}
	byKey := map[string]lake.Column{}
	for _, c := range old.schema.Columns {
		byKey[c.Key] = c
	}
	for _, c := range s.Columns {
		names[c.Name] = true
	}
	live := map[string]bool{}
	for _, c := range s.Columns {
		live[c.Key] = true
		st.schema.Columns = append(st.schema.Columns, c)
		was, known := byKey[c.Key]
		switch {
		case !known && old.schema.Key != "":
			st.changes = append(st.changes, lake.SchemaChange{Kind: lake.AddColumn, Column: c.Name, To: c.Type.String()})
		case known && was.Type.String() != c.Type.String():
			st.changes = append(st.changes, lake.SchemaChange{Kind: lake.RetypeColumn, Column: c.Name, From: was.Type.String(), To: c.Type.String()})
			known = false
		case known && was.Name != c.Name:
			st.changes = append(st.changes, lake.SchemaChange{Kind: lake.RenameColumn, Column: c.Name, From: was.Name, To: c.Name})
		}
		st.number(c, known, was.Name, c.Name, old.layout)
	}
	for _, c := range old.schema.Columns {
		if live[c.Key] {
			continue
		}
		if names[c.Name] {
			st.changes = append(st.changes, lake.SchemaChange{Kind: lake.RetireColumn, Column: c.Name})
			continue
		}
		st.schema.Columns = append(st.schema.Columns, c)
		st.number(c, true, c.Name, c.Name, old.layout)
	}
}

// number gives a column and what is in it the old field IDs or new ones.
func (st *staged) number(c lake.Column, known bool, was, name string, old lake.Layout) {
	if id := old.FieldIDs[was]; known && id != 0 {
		st.layout.FieldIDs[name] = id
	} else {
		st.lastField++
		st.layout.FieldIDs[name] = st.lastField
	}
	t := c.Type
	if t.Elem != nil {
		st.number(lake.Column{Type: *t.Elem}, known, was+".element", name+".element", old)
	}
	for _, f := range t.Fields {
		st.number(f, known, was+"."+f.Name, name+"."+f.Name, old)
	}
}

// Publish makes the changes visible.
func (c *Catalog) Publish(ctx context.Context, p lake.Publication) ([]lake.Snapshot, error) {
	c.mu.Lock()
	if c.Fail != nil {
		err := c.Fail
		c.Fail = nil
		c.mu.Unlock()
		return nil, err
	}
	at := c.Now().UTC()
	if !at.After(c.at) {
		at = c.at.Add(time.Millisecond)
	}
	c.mu.Unlock()
	if p.Hold {
		return c.hold(ctx, p)
	}
	changes := slices.Clone(p.Changes)
	snapshots := make([]lake.Snapshot, 0, len(changes)+1)
	for _, change := range changes {
		s, err := c.plan(p.Load, at, change)
		if err != nil {
			return nil, err
		}
		snapshots = append(snapshots, s)
	}
	if p.Ledger != nil {
		change, err := p.Ledger(ctx, at, snapshots)
		if err != nil {
			return nil, err
		}
		s, err := c.plan(p.Load, at, change)
		if err != nil {
			return nil, err
		}
		changes, snapshots = append(changes, change), append(snapshots, s)
	}
	if p.Before != nil {
		if err := p.Before(ctx, lake.Prepared{}); err != nil {
			return nil, err
		}
	}
	return snapshots, c.commit(p, at, changes, snapshots)
}

func (c *Catalog) plan(load lake.Load, at time.Time, change lake.Change) (lake.Snapshot, error) {
	st, ok := change.Staged.(*staged)
	if !ok {
		return lake.Snapshot{}, fmt.Errorf("table of another catalog: %T", change.Staged)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids++
	s := lake.Snapshot{
		Table: st.schema.Table, Key: st.schema.Key, ID: c.ids, Time: at,
		LoadID: load.ID, Status: load.Status, Summary: load.Summary,
	}
	for _, f := range st.files(c, change) {
		s.Rows, s.Bytes, s.Files = s.Rows+f.Rows, s.Bytes+f.Bytes, s.Files+1
	}
	var had []lake.File
	if t := c.tables[s.Key]; t != nil {
		now := t.states[len(t.states)-1]
		s.ParentID, had = now.snapshot.ID, now.files
	}
	for _, f := range change.Files {
		if f.Reused && !slices.ContainsFunc(had, func(old lake.File) bool { return old.Key == f.Key }) {
			return lake.Snapshot{}, fmt.Errorf("table %s has the file %s no more: %w", s.Table, f.Key, lake.ErrConflict)
		}
	}
	return s, nil
}

// files are the table's files after the change.
func (st *staged) files(c *Catalog, change lake.Change) []lake.File {
	if st.restored != nil {
		return st.restored
	}
	var files []lake.File
	if t := c.tables[st.schema.Key]; t != nil && st.append {
		files = append(files, t.states[len(t.states)-1].files...)
	}
	for _, f := range change.Files {
		f.Reused = false // of this change, and not of the table
		files = append(files, f)
	}
	return files
}

func (c *Catalog) commit(p lake.Publication, at time.Time, changes []lake.Change, snapshots []lake.Snapshot) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	load := p.Load
	if err := c.leave(p.Run); err != nil {
		return err
	}
	for _, change := range changes {
		st, _ := change.Staged.(*staged)
		if t := c.tables[st.schema.Key]; t != nil && t.states[len(t.states)-1].snapshot.ID != st.base || t == nil && st.base != 0 {
			return fmt.Errorf("table %s: %w", st.schema.Table, lake.ErrConflict)
		}
	}
	for i, change := range changes {
		st, _ := change.Staged.(*staged)
		files := st.files(c, change)
		t := c.tables[st.schema.Key]
		if t == nil {
			t = &table{tags: map[int64][]string{}}
			c.tables[st.schema.Key] = t
		}
		t.lastField = st.lastField
		t.states = append(t.states, state{schema: st.schema, layout: st.layout, files: files, snapshot: snapshots[i]})
	}
	c.at = at
	if p.Compaction {
		return nil
	}
	for _, t := range c.tables {
		id := t.states[len(t.states)-1].snapshot.ID
		t.tags[id] = append(t.tags[id], load.ID.Tag())
	}
	delete(c.held, load.ID)
	c.last = load.ID
	return nil
}

// Tags returns the tags of a table's snapshots, by snapshot ID.
func (c *Catalog) Tags(key string) map[int64][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.tables[key].tags)
}
