package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// A ledgerRow is a row of the table _loads.
type ledgerRow struct {
	LoadID         lake.LoadID                    `json:"load_id"`
	Tag            string                         `json:"tag"`
	Status         string                         `json:"status"`
	Started        time.Time                      `json:"started"`
	Finished       time.Time                      `json:"finished,omitzero"`
	Requests       int64                          `json:"requests"`
	Rows           int64                          `json:"rows"`
	Tables         int64                          `json:"tables"`
	Version        string                         `json:"version"`
	RollbackTo     string                         `json:"rollback_to,omitempty"`
	Reasons        []string                       `json:"reasons,omitempty"`      // of a held load; of an unfinished one why it is not continued
	OvertakenBy    lake.LoadID                    `json:"overtaken_by,omitempty"` // of a held load that can only be discarded
	EntryLost      bool                           `json:"entry_lost,omitempty"`   // of a held load that can only be discarded: nothing else is known of it
	Until          time.Time                      `json:"until,omitzero"`         // an unfinished load can be continued
	KeptBytes      int64                          `json:"kept_bytes,omitempty"`
	Parts          []string                       `json:"parts,omitempty"`          // of an unfinished load that is not one of everything
	MayRun         bool                           `json:"may_be_running,omitempty"` // an unfinished load: whether it was interrupted is not known
	Elsewhere      bool                           `json:"-"`                        // an unfinished load was begun with another catalog
	Expired        bool                           `json:"expired,omitempty"`        // it cannot be read any more
	TableSnapshots map[string]ledgerTableSnapshot `json:"table_snapshots"`
}

type ledgerTableSnapshot struct {
	SnapshotID int64 `json:"snapshot_id"`
	Rows       int64 `json:"rows"`
}

// loads reads the ledger, oldest load first. Without any load it is empty.
func (l *lakeAt) loads(ctx context.Context) ([]ledgerRow, error) {
	state, err := l.catalog.TableAt(ctx, lake.LedgerTable, catalog.Ref{})
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, storageError(lake.CheckLedger(ctx, l.storage, l.catalog))
	}
	if err != nil {
		return nil, storageError(err)
	}
	files, err := state.Files(ctx)
	if err != nil {
		return nil, storageError(err)
	}
	var loads []ledgerRow
	for row, err := range lake.ReadFiles(ctx, l.storage, state.Schema, state.Layout, files) {
		if err != nil {
			return nil, storageError(err)
		}
		var r ledgerRow
		for i, column := range state.Schema.Columns {
			if err := r.set(column.Name, row.Values[i]); err != nil {
				return nil, storageError(fmt.Errorf("table %s, column %s: %w", lake.LedgerTable, column.Name, err))
			}
		}
		loads = append(loads, r)
	}
	sort.SliceStable(loads, func(i, j int) bool { return loads[i].LoadID < loads[j].LoadID })
	return loads, nil
}

func (r *ledgerRow) set(column string, v lake.Value) error {
	text := strings.Clone(v.Text())
	switch column {
	case "load_id":
		r.LoadID = lake.LoadID(text)
	case "tag":
		r.Tag = text
	case "status":
		r.Status = text
	case "started":
		r.Started = v.Time()
	case "finished":
		r.Finished = v.Time()
	case "requests":
		r.Requests = v.Int()
	case "rows":
		r.Rows = v.Int()
	case "tables":
		r.Tables = v.Int()
	case "version":
		r.Version = text
	case "rollback_to":
		r.RollbackTo = text
	case "table_snapshots":
		return json.Unmarshal([]byte(text), &r.TableSnapshots)
	}
	return nil
}

// A moment is what --at names.
type moment struct {
	ref  catalog.Ref
	load *ledgerRow // nil: now, or a snapshot that no load of the ledger made
	held *lake.Held // nil: it is not a load that is held
}

// at finds what the text of --at names; "" is now. table is the table it is
// asked for, "" for all of them.
func (l *lakeAt) at(ctx context.Context, text, table string) (moment, error) {
	return l.moment(ctx, "--at", text, table)
}

// moment finds what the text of a flag names; "" is now.
func (l *lakeAt) moment(ctx context.Context, flag, text, table string) (moment, error) {
	if text == "" {
		return moment{}, nil
	}
	ref, err := l.parseAt(ctx, flag, text)
	if err != nil {
		return moment{}, err
	}
	loads, err := l.loads(ctx)
	if err != nil {
		return moment{}, err
	}
	if own, err := l.isSnapshotOf(ctx, ref, table); err != nil {
		return moment{}, err
	} else if own {
		if load := findLoad(loads, ref); load != nil {
			return moment{ref: ref, load: load}, nil
		}
		return l.heldSnapshot(ctx, ref)
	}
	kept, err := l.kept(ctx, loads)
	if err != nil {
		return moment{}, err
	}
	if load := findLoad(loads, ref); load != nil {
		if isKept(kept, load.LoadID) {
			return moment{ref: catalog.Ref{Tag: load.Tag}, load: load}, nil
		}
		return moment{}, usagef("%s %s: load %s has expired%s", flag, cut(text, 60), load.LoadID, nearest(kept, catalog.Ref{Tag: load.Tag}))
	}
	if held, err := l.heldAt(ctx, ref); err != nil {
		return moment{}, err
	} else if held != nil {
		return moment{ref: catalog.Ref{Tag: held.Load.ID.HeldTag()}, held: held}, nil
	}
	if found, ok, err := l.inRefs(ctx, ref, table); err != nil || ok {
		return moment{ref: found}, err
	}
	if !ref.Time.IsZero() && len(kept) > 0 {
		return moment{}, usagef("%s %s: no such load, none was published by then%s", flag, cut(text, 60), nearest(kept, ref))
	}
	if id, ok := strings.CutPrefix(ref.Tag, lake.LoadID("").Tag()); ok {
		if err := l.isUnfinished(ctx, flag, lake.LoadID(id), time.Now()); err != nil {
			return moment{}, err
		}
	}
	if len(loads) == 0 {
		return moment{}, l.noLoad(ctx)
	}
	return moment{}, usagef("%s %s: no such load%s", flag, cut(text, 60), nearest(kept, ref))
}

// isSnapshotOf reports whether ref is a snapshot of the table, whatever its name was then.
func (l *lakeAt) isSnapshotOf(ctx context.Context, ref catalog.Ref, table string) (bool, error) {
	if ref.SnapshotID == 0 || table == "" {
		return false, nil
	}
	_, err := l.catalog.TableAt(ctx, table, ref)
	if errors.Is(err, catalog.ErrNotFound) {
		return false, nil
	}
	return err == nil, storageError(err)
}

// findLoad finds the load that ref names: by tag, by a snapshot of any table, or
// the last one that was published by a time.
func findLoad(loads []ledgerRow, ref catalog.Ref) *ledgerRow {
	for i := len(loads) - 1; i >= 0; i-- {
		load := &loads[i]
		switch {
		case !ref.Time.IsZero():
			if !load.Finished.After(ref.Time) {
				return load
			}
		case ref.SnapshotID != 0:
			for _, s := range load.TableSnapshots {
				if s.SnapshotID == ref.SnapshotID {
					return load
				}
			}
		case load.Tag == ref.Tag:
			return load
		}
	}
	return nil
}

// nearest names the loads around what was asked for.
func nearest(loads []ledgerRow, ref catalog.Ref) string {
	if len(loads) == 0 {
		return "; there is no load yet"
	}
	i := len(loads)
	switch {
	case ref.Tag != "":
		i = sort.Search(len(loads), func(i int) bool { return loads[i].Tag >= ref.Tag })
	case !ref.Time.IsZero():
		i = 0 // it is before the first
	}
	const shown = 3
	from := max(0, min(i-shown/2-1, len(loads)-shown))
	var ids []string
	for _, load := range loads[from:min(from+shown, len(loads))] {
		ids = append(ids, string(load.LoadID))
	}
	return "; the nearest are " + strings.Join(ids, ", ")
}

// states are all tables at a moment, by name. Tables that were not there yet are left out.
func (l *lakeAt) states(ctx context.Context, m moment) ([]lake.TableState, error) {
	if m.held != nil {
		return l.heldStates(ctx, m.held)
	}
	tables, err := l.catalog.Tables(ctx)
	if err != nil {
		return nil, storageError(err)
	}
	if m.ref != (catalog.Ref{}) {
		var then []lake.TableState
		for _, t := range tables {
			state, err := l.catalog.TableAt(ctx, t.Schema.Table, m.ref)
			switch {
			case errors.Is(err, catalog.ErrNotFound):
			case err != nil:
				return nil, storageError(err)
			default:
				then = append(then, state)
			}
		}
		tables = then
	}
	slices.SortFunc(tables, func(a, b lake.TableState) int { return strings.Compare(a.Schema.Table, b.Schema.Table) })
	return tables, nil
}

// tableName is a table as the user may name it: with the namespace, as engines do, or without.
func (l *lakeAt) tableName(name string) string { return strings.TrimPrefix(name, l.cfg.Namespace+".") }

// table is one table at the moment that --at names.
func (l *lakeAt) table(ctx context.Context, name, at string) (lake.TableState, moment, error) {
	name = l.tableName(name)
	m, err := l.at(ctx, at, name)
	if err != nil {
		return lake.TableState{}, moment{}, err
	}
	if m.held != nil {
		state, err := l.heldTable(ctx, m.held, name)
		return state, m, err
	}
	state, err := l.catalog.TableAt(ctx, name, m.ref)
	return state, m, l.tableError(ctx, name, err)
}

// tableError says what is wrong with the name of a table, where that is what is wrong.
func (l *lakeAt) tableError(ctx context.Context, name string, err error) error {
	if !errors.Is(err, catalog.ErrNotFound) {
		return storageError(err)
	}
	var names []string
	tables, listErr := l.catalog.Tables(ctx)
	if listErr != nil {
		return storageError(listErr)
	}
	for _, t := range tables {
		if names = append(names, t.Schema.Table); t.Schema.Table == name {
			return usagef("the table %s was not there yet in that load", name)
		}
	}
	if len(names) == 0 {
		return l.noLoad(ctx)
	}
	hint := suggest(name, names, "")
	switch {
	case name == lake.CopiesTable && !l.cfg.Content.Files.on:
		hint = ": a load makes it where content.files in the configuration is on"
	case hint == "":
		hint = ": `notionlake tables` lists them"
	}
	return usagef("no table %q in namespace %s%s", cut(name, 130), l.cfg.Namespace, hint)
}

// noLoad is the error of every command that reads a lake without a load: there is none
// yet, or the catalog has been emptied.
func (l *lakeAt) noLoad(ctx context.Context) error {
	looker := &lake.Loader{Storage: l.storage, Catalog: l.catalog, Logger: slog.New(slog.DiscardHandler), Now: time.Now, Version: version}
	if _, err := looker.Look(ctx); err != nil {
		return storageError(err)
	}
	return usagef("there is no load yet: `notionlake run` makes the first")
}

// storageError marks an error of reading the lake, unless the program was interrupted.
func storageError(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return &lake.StorageError{Err: err}
}

// columnFieldID is the field ID of a top-level column, "" where it has none.
func columnFieldID(t lake.TableState, name string) int { return t.Layout.FieldIDs[name] }

func formatID(id int64) string { return strconv.FormatInt(id, 10) }
