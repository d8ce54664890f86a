package main

import (
	"context"
	"maps"
	"slices"

	"github.com/notionlake/notionlake/lake"
)

// dropped are the tables that the last load had and the catalog has not any more,
// which somebody dropped or renamed: the next load would begin them anew.
func (l *lakeAt) dropped(ctx context.Context) (names []string, last lake.LoadID, err error) {
	loads, err := l.loads(ctx)
	if err != nil || len(loads) == 0 {
		return nil, "", err
	}
	tables, err := l.catalog.Tables(ctx)
	if err != nil {
		return nil, "", storageError(err)
	}
	of := loads[len(loads)-1]
	for _, name := range slices.Sorted(maps.Keys(of.TableSnapshots)) {
		if !slices.ContainsFunc(tables, func(t lake.TableState) bool { return t.Schema.Table == name }) {
			names = append(names, name)
		}
	}
	return names, of.LoadID, nil
}

const (
	droppedText = "the catalog has tables of the last load no more: another program dropped or renamed them"
	droppedCure = "register their newest metadata files again (their folders are still in the warehouse), else their history begins anew with the next load"
)

// warnOfDropped says before a load which tables would begin anew. What else is
// wrong with the catalog the load finds out.
func (p *program) warnOfDropped(ctx context.Context, l *lakeAt) {
	if names, last, err := l.dropped(ctx); err == nil && len(names) > 0 {
		p.log.Warn(droppedText, "tables", names, "load", last, "cure", droppedCure)
	}
}
