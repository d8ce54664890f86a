package catalog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

// A SchemaVersion is the schema that a table had from one load on.
type SchemaVersion struct {
	SchemaID int
	// Snapshot is the first one with the schema. Its ID is 0 where all of them
	// have expired: the schema is older than any load that is left.
	Snapshot lake.Snapshot
	Schema   lake.Schema
	Layout   lake.Layout
	// Changes are the differences from the version before, as loads report them; none
	// in the first. A column that the source has no more and that is kept, as nulls, is
	// one that is removed.
	Changes []lake.SchemaChange
}

// SchemaHistory returns the schemas that a table had, in the order in which
// loads made them current: one again where an earlier one came back, or where the
// source has other columns of it. A schema that differs from the one before in
// descriptions only, or by a column that had been removed, is no version of its own,
// and those of loads that are held are left out.
func (c *Catalog) SchemaHistory(ctx context.Context, name string) ([]SchemaVersion, error) {
	e, err := c.table(ctx, name)
	if err != nil {
		return nil, err
	}
	schemas := map[int]*iceberg.Schema{}
	for _, s := range e.meta.Schemas() {
		schemas[s.ID] = s
	}
	var versions []SchemaVersion
	var before lake.TableState // what the last one had of the source
	add := func(s *iceberg.Schema, removed map[int]bool, snapshot lake.Snapshot) {
		cols := e.columns
		cols.removed = removed
		now := alive(e.name, e.key, s, cols)
		v := SchemaVersion{
			SchemaID: s.ID, Snapshot: snapshot, Layout: now.Layout,
			Schema: lake.Schema{Table: e.name, Key: e.key, Columns: lakeColumns(s, cols)},
		}
		if len(versions) > 0 {
			if v.Changes = lake.DiffSchemas(before, now); len(v.Changes) == 0 {
				return
			}
		}
		versions, before = append(versions, v), now
	}
	used := map[int]bool{}
	for _, s := range e.meta.Snapshots() {
		if s.SchemaID != nil {
			used[*s.SchemaID] = true
		}
	}
	live := slices.DeleteFunc(published(e.meta), func(s table.Snapshot) bool { return s.SchemaID == nil || schemas[*s.SchemaID] == nil })
	// Those before the first have lost their snapshots; a later one without any is
	// that of a load that was discarded. What was removed by then is not known: it is
	// told of the first load that is left.
	for _, s := range sortedSchemas(e.meta.Schemas()) {
		if len(live) > 0 && !used[s.ID] && s.ID < *live[0].SchemaID {
			add(s, nil, lake.Snapshot{Table: e.name, Key: e.key})
		}
	}
	last, lastRemoved := -1, map[int]bool(nil)
	for _, s := range live {
		removed, err := removedAt(e.meta, &s, e.columns.removed)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", e.name, err)
		}
		if *s.SchemaID == last && maps.Equal(removed, lastRemoved) {
			continue // as nearly always
		}
		last, lastRemoved = *s.SchemaID, removed
		add(schemas[*s.SchemaID], removed, lakeSnapshot(e.name, e.key, e.meta, &s))
	}
	return versions, nil
}

// published are the snapshots that were current, in their order: by the log, and
// by the tags of loads from before a gap in it.
func published(meta table.Metadata) []table.Snapshot {
	current := map[int64]bool{}
	for entry := range meta.SnapshotLogs() {
		current[entry.SnapshotID] = true
	}
	for name, ref := range meta.Refs() {
		if _, ok := loadOfTag(name); ok {
			current[ref.SnapshotID] = true
		}
	}
	list := slices.DeleteFunc(meta.Snapshots(), func(s table.Snapshot) bool { return !current[s.SnapshotID] })
	slices.SortStableFunc(list, func(a, b table.Snapshot) int { return cmp.Compare(a.SequenceNumber, b.SequenceNumber) })
	return list
}

func sortedSchemas(list []*iceberg.Schema) []*iceberg.Schema {
	return slices.SortedFunc(slices.Values(list), func(a, b *iceberg.Schema) int { return cmp.Compare(a.ID, b.ID) })
}
