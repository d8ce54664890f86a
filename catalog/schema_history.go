package catalog

import (
	"cmp"
	"context"
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
	// Changes are the differences from the version before; none in the first. A
	// column that the source has no more and that is kept, as nulls, is no
	// difference of the schema.
	Changes []lake.SchemaChange
}

// SchemaHistory returns the schemas that a table had, in the order in which
// loads made them current: one again where an earlier one came back. A schema
// that differs from the one before in descriptions only is no version of its
// own, and those of loads that are held are left out.
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
	add := func(s *iceberg.Schema, snapshot lake.Snapshot) {
		v := SchemaVersion{
			SchemaID: s.ID, Snapshot: snapshot, Layout: lake.Layout{FieldIDs: fieldIDs(s)},
			Schema: lake.Schema{Table: e.name, Key: e.key, Columns: lakeColumns(s, e.columns)},
		}
		if n := len(versions); n > 0 {
			before := versions[n-1]
			v.Changes = lake.DiffSchemas(
				lake.TableState{Schema: before.Schema, Layout: before.Layout},
				lake.TableState{Schema: v.Schema, Layout: v.Layout},
			)
			if len(v.Changes) == 0 {
				return
			}
		}
		versions = append(versions, v)
	}
	used := map[int]bool{}
	for _, s := range e.meta.Snapshots() {
		if s.SchemaID != nil {
			used[*s.SchemaID] = true
		}
	}
	first, last := -1, -1 // of the snapshots that are left
	var live []SchemaVersion
	for _, s := range published(e.meta) {
		if s.SchemaID == nil || schemas[*s.SchemaID] == nil || *s.SchemaID == last {
			continue
		}
		if last = *s.SchemaID; first < 0 {
			first = last
		}
		live = append(live, SchemaVersion{SchemaID: last, Snapshot: lakeSnapshot(e.name, e.key, e.meta, &s)})
	}
	// Those before the first have lost their snapshots; a later one without any is
	// that of a load that was discarded.
	for _, s := range sortedSchemas(e.meta.Schemas()) {
		if !used[s.ID] && s.ID < first {
			add(s, lake.Snapshot{Table: e.name, Key: e.key})
		}
	}
	for _, v := range live {
		add(schemas[v.SchemaID], v.Snapshot)
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
