package main

import (
	"context"
	"slices"
	"strings"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// heldAt finds the held load that ref names, by its id, its tag or one of its snapshots;
// nil if it names none.
func (l *lakeAt) heldAt(ctx context.Context, ref catalog.Ref) (*lake.Held, error) {
	if ref.Tag == "" && ref.SnapshotID == 0 {
		return nil, nil
	}
	list, err := lake.HeldLoads(ctx, l.storage, l.catalog)
	if err != nil {
		return nil, err
	}
	for _, h := range list {
		if h.Lost {
			continue // its tables are read by its tag
		}
		if ref.Tag == h.Load.ID.HeldTag() || ref.Tag == h.Load.ID.Tag() {
			return &h, nil
		}
		if ref.SnapshotID == 0 {
			continue
		}
		states, err := l.heldStates(ctx, &h)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(states, func(t lake.TableState) bool { return t.Snapshot.ID == ref.SnapshotID }) {
			return &h, nil
		}
	}
	return nil, nil
}

// heldStates are the tables as a held load has them, by name. Those that it did
// not read are left out.
func (l *lakeAt) heldStates(ctx context.Context, h *lake.Held) ([]lake.TableState, error) {
	var states []lake.TableState
	for _, record := range h.Records {
		state, err := l.catalog.Held(ctx, record)
		if err != nil {
			return nil, storageError(err)
		}
		states = append(states, state)
	}
	slices.SortFunc(states, func(a, b lake.TableState) int { return strings.Compare(a.Schema.Table, b.Schema.Table) })
	return states, nil
}

// heldTable is one table as a held load has it.
func (l *lakeAt) heldTable(ctx context.Context, h *lake.Held, name string) (lake.TableState, error) {
	states, err := l.heldStates(ctx, h)
	if err != nil {
		return lake.TableState{}, err
	}
	for _, state := range states {
		if state.Schema.Table == name || state.Schema.Key == name {
			return state, nil
		}
	}
	return lake.TableState{}, usagef("load %s, which is held, did not read a table %q: `notionlake tables --at %s` lists those that it read", h.Load.ID, cut(name, 130), h.Load.ID)
}

// heldRows are the held loads as rows of the list of loads.
func (l *lakeAt) heldRows(ctx context.Context) ([]ledgerRow, error) {
	list, err := lake.HeldLoads(ctx, l.storage, l.catalog)
	if err != nil {
		return nil, err
	}
	var rows []ledgerRow
	var last lake.LoadID
	if len(list) > 0 {
		if last, err = l.catalog.LastLoad(ctx); err != nil {
			return nil, storageError(err)
		}
	}
	for _, h := range list {
		r := ledgerRow{
			LoadID: h.Load.ID, Tag: h.Load.ID.HeldTag(), Status: lake.StatusHeld, Started: h.Load.Started, Requests: h.Requests,
			Version: h.Load.Version, Reasons: h.Reasons, EntryLost: h.Lost, TableSnapshots: map[string]ledgerTableSnapshot{},
		}
		if !h.Lost && last != h.After {
			r.OvertakenBy = last
		}
		for _, t := range h.Tables {
			if t.Complete { // the others keep their last load
				r.Rows += t.Rows
				r.Tables++
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}
