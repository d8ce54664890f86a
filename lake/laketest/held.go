package laketest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// A heldLoad is a load that is kept beside the tables.
type heldLoad struct {
	changes []lake.Change
	pinned  bool
}

// A record names a change of a held load.
type record struct {
	Load lake.LoadID
	N    int
}

// Lock waits for whoever has the lock.
func (c *Catalog) Lock(ctx context.Context) (func() error, error) {
	select {
	case c.lock <- struct{}{}:
		return func() error { <-c.lock; return nil }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// LockPart waits for whoever has the lock of the part.
func (c *Catalog) LockPart(ctx context.Context, part string, wait time.Duration) (func() error, error) {
	c.mu.Lock()
	if c.parts == nil {
		c.parts = map[string]chan struct{}{}
	}
	if c.parts[part] == nil {
		c.parts[part] = make(chan struct{}, 1)
	}
	lock := c.parts[part]
	c.mu.Unlock()
	select {
	case lock <- struct{}{}:
		return func() error { <-lock; return nil }, nil
	default:
	}
	select {
	case lock <- struct{}{}:
		return func() error { <-lock; return nil }, nil
	case <-time.After(wait):
		return nil, fmt.Errorf("part %s: %w", part, lake.ErrLocked)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// CheckNewest finds nothing: the tables are here and nowhere else.
func (c *Catalog) CheckNewest(context.Context) error { return nil }

// MendHints has nothing to do: nobody reads these tables without the catalog.
func (c *Catalog) MendHints(context.Context) error { return nil }

// Admit lets a run publish.
func (c *Catalog) Admit(_ context.Context, run lake.RunID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.admitted[run] = true
	return nil
}

// Fence ends the admission of runs.
func (c *Catalog) Fence(_ context.Context, runs ...lake.RunID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, run := range runs {
		delete(c.admitted, run)
	}
	return nil
}

// leave ends the admission of a run that publishes; mu is held.
func (c *Catalog) leave(run lake.RunID) error {
	if run != "" && !c.admitted[run] {
		return fmt.Errorf("run %s may not publish: %w", run, lake.ErrConflict)
	}
	delete(c.admitted, run)
	return nil
}

// ID tells the catalog from every other one, unless that is Nameless.
func (c *Catalog) ID(context.Context) (string, error) {
	if c.Nameless {
		return "", nil
	}
	return c.id, nil
}

// Folder is the key prefix of all tables.
func (c *Catalog) Folder() string { return "tables/" }

// Holds returns the loads that are held on a table.
func (c *Catalog) Holds(context.Context) ([]lake.LoadID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var loads []lake.LoadID
	for id, h := range c.held {
		if h.pinned {
			loads = append(loads, id)
		}
	}
	slices.Sort(loads)
	return loads, nil
}

// StageLoad plans that a table becomes what it was after a load.
func (c *Catalog) StageLoad(_ context.Context, key string, load lake.LoadID) (lake.Staged, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key]
	if t == nil {
		return nil, fmt.Errorf("no table with the key %s", key)
	}
	now := t.states[len(t.states)-1]
	st := &staged{schema: now.schema, layout: now.layout, base: now.snapshot.ID, lastField: t.lastField, restored: []lake.File{}}
	for _, s := range t.states {
		if slices.Contains(t.tags[s.snapshot.ID], load.Tag()) {
			st.schema, st.layout, st.restored = s.schema, s.layout, slices.Clone(s.files)
		}
	}
	return st, nil
}

// Restage plans a held change again.
func (c *Catalog) Restage(_ context.Context, data json.RawMessage) (lake.Staged, error) {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.held[r.Load]
	if r.N >= len(h.changes) {
		return nil, fmt.Errorf("load %s is not held: %w", r.Load, lake.ErrConflict)
	}
	st, _ := h.changes[r.N].Staged.(*staged)
	again := *st
	again.restored = append([]lake.File{}, h.changes[r.N].Files...)
	return &again, nil
}

// hold keeps what a publication would publish.
func (c *Catalog) hold(ctx context.Context, p lake.Publication) ([]lake.Snapshot, error) {
	h := heldLoad{changes: p.Changes}
	var prepared lake.Prepared
	c.mu.Lock()
	for i, change := range p.Changes {
		st, ok := change.Staged.(*staged)
		if !ok {
			c.mu.Unlock()
			return nil, fmt.Errorf("table of another catalog: %T", change.Staged)
		}
		data, err := json.Marshal(record{p.Load.ID, i})
		if err != nil {
			c.mu.Unlock()
			return nil, err
		}
		prepared.Records = append(prepared.Records, data)
		h.pinned = h.pinned || c.tables[st.schema.Key] != nil
	}
	c.mu.Unlock()
	prepared.Pinned = h.pinned
	if p.Before != nil {
		if err := p.Before(ctx, prepared); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.leave(p.Run); err != nil {
		return nil, err
	}
	c.held[p.Load.ID] = h
	return nil, nil
}

// Discard forgets a held load.
func (c *Catalog) Discard(ctx context.Context, load lake.LoadID, _ lake.RunID, before func(context.Context, lake.Prepared) error) error {
	if err := before(ctx, lake.Prepared{}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, load)
	return nil
}

// References are the files of all states of all tables.
func (c *Catalog) References(context.Context) (map[string]bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return references(c.tables, c.held), nil
}
