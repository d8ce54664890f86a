package main

import (
	"context"
	"slices"
	"strings"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// inRefs looks for what the ledger does not know in the refs of a table, or of
// all where table is "": the tag of a load that is held, which its id names too.
func (l *lakeAt) inRefs(ctx context.Context, ref catalog.Ref, table string) (catalog.Ref, bool, error) {
	if ref.Tag == "" {
		return catalog.Ref{}, false, nil
	}
	names := []string{table}
	if table == "" {
		tables, err := l.catalog.Tables(ctx)
		if err != nil {
			return catalog.Ref{}, false, storageError(err)
		}
		names = nil
		for _, t := range tables {
			names = append(names, t.Schema.Table)
		}
	}
	wanted := []string{ref.Tag}
	if id, ok := strings.CutPrefix(ref.Tag, lake.LoadID("").Tag()); ok {
		wanted = append(wanted, lake.LoadID(id).HeldTag())
	}
	for _, name := range names {
		snapshots, err := l.catalog.Snapshots(ctx, name)
		if err != nil {
			return catalog.Ref{}, false, l.tableError(ctx, name, err)
		}
		for _, s := range snapshots {
			for _, tag := range wanted {
				if slices.Contains(s.Tags, tag) {
					return catalog.Ref{Tag: tag}, true, nil
				}
			}
		}
	}
	return catalog.Ref{}, false, nil
}

// kept are the loads whose tags are still there: the others have expired.
func (l *lakeAt) kept(ctx context.Context, loads []ledgerRow) ([]ledgerRow, error) {
	ids, err := l.catalog.Loads(ctx)
	if err != nil {
		return nil, storageError(err)
	}
	return slices.DeleteFunc(slices.Clone(loads), func(r ledgerRow) bool { return !slices.Contains(ids, r.LoadID) }), nil
}

func isKept(kept []ledgerRow, id lake.LoadID) bool {
	return slices.ContainsFunc(kept, func(r ledgerRow) bool { return r.LoadID == id })
}
