package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

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
	if at != "" {
		versions = slices.DeleteFunc(versions, func(v catalog.SchemaVersion) bool { return v.Snapshot.Time.After(state.Snapshot.Time) })
	}
	expired, err := l.expiredBefore(ctx, state.Schema.Key, versions)
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
func (l *lakeAt) expiredBefore(ctx context.Context, key string, versions []catalog.SchemaVersion) ([][]lake.LoadID, error) {
	loads, err := l.loads(ctx)
	if err != nil {
		return nil, err
	}
	kept, err := l.kept(ctx, loads)
	if err != nil {
		return nil, err
	}
	snapshots, err := l.catalog.Snapshots(ctx, key)
	if err != nil {
		return nil, storageError(err)
	}
	names := namesOf(snapshots, loads)
	expired := make([][]lake.LoadID, len(versions))
	for i, v := range versions {
		for n, load := range loads { // the oldest first
			_, had := load.TableSnapshots[names[n]]
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

// namesOf are the names that a table had, by load. The ledger tells them by the
// snapshots that are left, and by those that these were made from.
func namesOf(snapshots []lake.Snapshot, loads []ledgerRow) []string {
	table, its := "", map[int64]bool{}
	for _, s := range snapshots {
		table, its[s.ID], its[s.ParentID] = s.Table, true, true
	}
	names := make([]string, len(loads))
	for n := len(loads) - 1; n >= 0; n-- {
		for name, s := range loads[n].TableSnapshots {
			if its[s.SnapshotID] {
				table = name
			}
		}
		names[n] = table
	}
	return names
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
