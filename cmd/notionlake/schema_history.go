package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// propertiesTable tells which property was last seen by which load.
const propertiesTable = "_properties"

// A schemaVersionInfo is a version in the document of `schema --history --json`.
type schemaVersionInfo struct {
	SchemaID   int                 `json:"schema_id"`
	LoadID     lake.LoadID         `json:"load_id"` // "": no load that is left is so old
	SnapshotID int64               `json:"snapshot_id,omitempty"`
	Time       *time.Time          `json:"time,omitempty"` // of publication
	Changes    []lake.SchemaChange `json:"changes"`
	// ExpiredBefore are the loads just before it that have expired: the schema may have come with one of them.
	ExpiredBefore []lake.LoadID `json:"expired_before,omitempty"`
	Schema        []columnInfo  `json:"schema"`
}

// schemaHistory prints every schema that a table had.
func (p *program) schemaHistory(ctx context.Context, l *lakeAt, name, at string, asJSON bool) error {
	state, _, err := l.table(ctx, name, at)
	if err != nil {
		return err
	}
	versions, err := l.catalog.SchemaHistory(ctx, name)
	if err != nil {
		return l.tableError(ctx, name, err)
	}
	if versions, err = l.withRetired(ctx, state, versions); err != nil {
		return err
	}
	if at != "" {
		versions = slices.DeleteFunc(versions, func(v catalog.SchemaVersion) bool { return v.Snapshot.Time.After(state.Snapshot.Time) })
	}
	expired, err := l.expiredBefore(ctx, state.Schema.Table, versions)
	if err != nil {
		return err
	}
	if asJSON {
		return p.printSchemaHistoryJSON(state, versions, expired)
	}
	g := &grid{header: []string{"load", "published", "columns", "change"}, numbers: []int{2}, maxWidth: 2 * maxCellWidth}
	for i, v := range versions {
		load, words := string(v.Snapshot.LoadID), []string{}
		if v.Snapshot.ID == 0 {
			load = "(expired)"
		}
		for _, c := range v.Changes {
			words = append(words, c.String())
		}
		switch n := int64(len(expired[i])); {
		case i == 0 && v.Snapshot.ID == 0:
			words = []string{"the first schema that is known"}
		case i == 0 && n > 0:
			words = []string{"the first schema that is known: " + plural(n, "earlier load") + " expired"}
		case i == 0:
			words = []string{"the first schema"}
		case n > 0:
			words = append(words, "(with this load, or before it: "+plural(n, "load")+" expired in between)")
		}
		columns := fmt.Sprint(len(v.Schema.Columns))
		for _, word := range words {
			g.add(load, when(v.Snapshot.Time), columns, word)
			load, columns, v.Snapshot.Time = "", "", time.Time{}
		}
	}
	return p.printText(g.String())
}

// expiredBefore are, for each version, the loads that had the table and have expired,
// between the load that it is told of and the one before that is kept.
func (l *lakeAt) expiredBefore(ctx context.Context, table string, versions []catalog.SchemaVersion) ([][]lake.LoadID, error) {
	loads, err := l.loads(ctx)
	if err != nil {
		return nil, err
	}
	kept, err := l.kept(ctx, loads)
	if err != nil {
		return nil, err
	}
	expired := make([][]lake.LoadID, len(versions))
	for i, v := range versions {
		for _, load := range loads { // the oldest first
			_, had := load.TableSnapshots[table]
			switch {
			case v.Snapshot.ID == 0 || load.LoadID >= v.Snapshot.LoadID || !had:
			case isKept(kept, load.LoadID):
				expired[i] = nil
			default:
				expired[i] = append(expired[i], load.LoadID)
			}
		}
	}
	return expired, nil
}

func (p *program) printSchemaHistoryJSON(state lake.TableState, versions []catalog.SchemaVersion, expired [][]lake.LoadID) error {
	infos := []schemaVersionInfo{}
	for i, v := range versions {
		info := schemaVersionInfo{
			SchemaID: v.SchemaID, LoadID: v.Snapshot.LoadID, SnapshotID: v.Snapshot.ID, ExpiredBefore: expired[i],
			Changes: append([]lake.SchemaChange{}, v.Changes...), Schema: []columnInfo{},
		}
		if v.Snapshot.ID != 0 {
			published := v.Snapshot.Time.UTC()
			info.Time = &published
		}
		for _, c := range v.Schema.Columns {
			info.Schema = append(info.Schema, columnInfoOf(lake.TableState{Layout: v.Layout}, c))
		}
		infos = append(infos, info)
	}
	return p.printJSON(struct {
		Table    string              `json:"table"`
		Key      string              `json:"key"`
		Versions []schemaVersionInfo `json:"versions"`
	}{state.Schema.Table, state.Schema.Key, infos})
}

// withRetired adds what the schemas do not say: which columns stay, without
// values, of properties that are gone, and since when. It is known of those that
// have not come back.
func (l *lakeAt) withRetired(ctx context.Context, state lake.TableState, versions []catalog.SchemaVersion) ([]catalog.SchemaVersion, error) {
	last, err := l.lastSeen(ctx, state.Schema.Key)
	if err != nil || len(last) == 0 {
		return versions, err
	}
	current, err := l.catalog.TableAt(ctx, state.Schema.Table, catalog.Ref{})
	if err != nil {
		return nil, l.tableError(ctx, state.Schema.Table, err)
	}
	snapshots, err := l.catalog.Snapshots(ctx, state.Schema.Table)
	if err != nil {
		return nil, l.tableError(ctx, state.Schema.Table, err)
	}
	// The load that wrote these rows saw all properties that there were. It need not
	// be the last one: a rollback brings older rows back.
	wrote := slices.Max(slices.Collect(maps.Values(last)))
	for _, c := range current.Schema.Columns {
		seen, ok := last[c.Key]
		if !c.Property || !ok || seen == wrote {
			continue
		}
		gone := slices.IndexFunc(snapshots, func(s lake.Snapshot) bool {
			held := slices.ContainsFunc(s.Tags, func(tag string) bool { return strings.HasPrefix(tag, lake.LoadID("").HeldTag()) })
			return s.LoadID > seen && !held && !s.Time.After(current.Snapshot.Time)
		})
		if gone >= 0 {
			versions = retired(versions, snapshots[gone], lake.SchemaChange{Kind: lake.RetireColumn, Column: c.Name, From: c.Type.String()})
		}
	}
	return versions, nil
}

// retired adds a change to the version that began with a snapshot, or makes one.
func retired(versions []catalog.SchemaVersion, s lake.Snapshot, change lake.SchemaChange) []catalog.SchemaVersion {
	at := 0
	for i, v := range versions {
		if v.Snapshot.ID == s.ID {
			versions[i].Changes = append(versions[i].Changes, change)
			return versions
		}
		if v.Snapshot.Time.Before(s.Time) {
			at = i + 1
		}
	}
	if at == 0 {
		return versions // older than anything that is left
	}
	v := versions[at-1]
	v.Snapshot, v.Changes = s, []lake.SchemaChange{change}
	return slices.Insert(versions, at, v)
}

// lastSeen are the loads that saw the properties of a data source last, by
// property ID.
func (l *lakeAt) lastSeen(ctx context.Context, key string) (map[string]lake.LoadID, error) {
	state, err := l.catalog.TableAt(ctx, propertiesTable, catalog.Ref{})
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, storageError(err)
	}
	files, err := state.Files(ctx)
	if err != nil {
		return nil, storageError(err)
	}
	index := func(name string) int {
		return slices.IndexFunc(state.Schema.Columns, func(c lake.Column) bool { return c.Name == name })
	}
	source, property, load := index("data_source_id"), index("property_id"), index("last_load")
	if source < 0 || property < 0 || load < 0 {
		return nil, nil
	}
	last := map[string]lake.LoadID{}
	for row, err := range lake.ReadFiles(ctx, l.storage, state.Schema, state.Layout, files) {
		if err != nil {
			return nil, storageError(err)
		}
		if row.Values[source].Text() == key {
			last[strings.Clone(row.Values[property].Text())] = lake.LoadID(strings.Clone(row.Values[load].Text()))
		}
	}
	return last, nil
}
