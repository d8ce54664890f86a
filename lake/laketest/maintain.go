package laketest

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/notionlake/notionlake/lake"
)

// Loads returns the loads that have tags.
func (c *Catalog) Loads(context.Context) ([]lake.LoadID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	loads := map[lake.LoadID]bool{}
	for _, t := range c.tables {
		for _, tags := range t.tags {
			for _, tag := range tags {
				loads[lake.LoadID(strings.TrimPrefix(tag, lake.LoadID("").Tag()))] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(loads)), nil
}

// Expire forgets loads.
func (c *Catalog) Expire(ctx context.Context, loads []lake.LoadID, _ lake.RunID, before func(context.Context, lake.Prepared) error) error {
	had, err := c.References(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	kept := map[string]*table{}
	var prepared lake.Prepared
	for key, t := range c.tables {
		k := &table{lastField: t.lastField, tags: map[int64][]string{}}
		for i, s := range t.states {
			tags := slices.DeleteFunc(slices.Clone(t.tags[s.snapshot.ID]), func(tag string) bool {
				return slices.ContainsFunc(loads, func(id lake.LoadID) bool { return id.Tag() == tag })
			})
			if len(tags) == 0 && i < len(t.states)-1 {
				prepared.Snapshots++
				continue
			}
			k.states, k.tags[s.snapshot.ID] = append(k.states, s), tags
		}
		kept[key] = k
	}
	after := references(kept, c.held)
	c.mu.Unlock()
	for key := range had {
		if !after[key] {
			prepared.Drops = append(prepared.Drops, key)
		}
	}
	if len(loads) == 0 && prepared.Snapshots == 0 {
		return nil
	}
	if err := before(ctx, prepared); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tables = kept
	for _, id := range loads {
		c.expired[id] = true
	}
	return nil
}

// Folders are the folders of the tables.
func (c *Catalog) Folders(context.Context) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var folders []string
	for _, t := range c.tables {
		folders = append(folders, path.Dir(strings.TrimSuffix(t.states[0].layout.Prefix, "/")))
	}
	return folders, nil
}

// StageCompaction plans that a table's rows come to lie in other files.
func (c *Catalog) StageCompaction(_ context.Context, key string, snapshot int64) (lake.Staged, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key]
	if t == nil {
		return nil, fmt.Errorf("no table with the key %s", key)
	}
	now := t.states[len(t.states)-1]
	if now.snapshot.ID != snapshot {
		return nil, fmt.Errorf("table %s has changed: %w", key, lake.ErrConflict)
	}
	return &staged{schema: now.schema, layout: now.layout, base: now.snapshot.ID, lastField: t.lastField}, nil
}

func references(tables map[string]*table, held map[lake.LoadID]heldLoad) map[string]bool {
	keys := map[string]bool{}
	add := func(files []lake.File) {
		for _, f := range files {
			keys[f.Key] = true
		}
	}
	for t := range maps.Values(tables) {
		for _, s := range t.states {
			add(s.files)
		}
	}
	for h := range maps.Values(held) {
		for _, change := range h.changes {
			add(change.Files)
		}
	}
	return keys
}
