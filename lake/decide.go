package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// ErrNotHeld is a load about which there is nothing to decide.
var ErrNotHeld = errors.New("is not held")

// A Held is a load that waits for a decision.
type Held struct {
	Load    Load
	After   LoadID // the load before it: once another one is published, it cannot be
	Reasons []string
	Tables  []TableReport
	// Requests are those that it took.
	Requests int64
	// Records are what the Catalog knows its tables by.
	Records []json.RawMessage
	// Lost is set where the journal has no entry of it that can be read: tables hold it, and
	// it can only be discarded.
	Lost bool
}

// HeldLoads returns the loads that wait for a decision, the oldest first. It
// reads only, and takes no lock: a load that is being held or decided at this
// moment may be among them or not.
func HeldLoads(ctx context.Context, s *Storage, c Catalog) (list []Held, err error) {
	j := newJournal(s, c)
	entries, known, lost, err := j.known(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if known.holds(e) {
			list = append(list, Held{Load: *e.Load, After: e.After, Reasons: e.Reasons, Tables: e.Tables, Requests: e.Requests, Records: e.Records})
		}
	}
	if len(lost) == 0 {
		return list, nil
	}
	// Their entries may have been written just after the journal was read.
	_, _, again, err := j.known(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range lost {
		if slices.Contains(again, id) {
			list = append(list, Held{Load: Load{ID: id, Started: id.Time()}, Lost: true})
		}
	}
	slices.SortStableFunc(list, func(a, b Held) int { return strings.Compare(string(a.Load.ID), string(b.Load.ID)) })
	return list, nil
}

// known reads the entries, and then what the catalog says of loads. lost are those that
// are held, or may be, and of which no entry can be read.
func (j journal) known(ctx context.Context) (entries []journalEntry, l loads, lost []LoadID, err error) {
	entries, damaged, _, err := j.list(ctx)
	if err == nil {
		l, err = knownLoads(ctx, j.catalog, entries)
	}
	if err == nil {
		lost, err = j.lost(ctx, entries, damaged, l)
	}
	return entries, l, lost, storageError(err)
}

// lost are the loads that tables hold and that have no entry, and those later than the
// last one in the names of damaged entries.
func (j journal) lost(ctx context.Context, entries []journalEntry, damaged []damagedEntry, known loads) ([]LoadID, error) {
	lost := known.without(entries)
	for _, d := range damaged {
		lost = append(lost, loadOf(d.key))
	}
	aside, err := j.aside(ctx)
	lost = append(lost, aside...)
	slices.Sort(lost)
	return slices.DeleteFunc(slices.Compact(lost), func(id LoadID) bool {
		return !id.Valid() || id <= known.last && !slices.Contains(known.pinned, id)
	}), err
}

// aside are the loads in the names of entries that were put aside as damaged.
func (j journal) aside(ctx context.Context) (ids []LoadID, err error) {
	for o, err := range j.storage.List(ctx, j.damaged()) {
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		ids = append(ids, loadOf(o.Key))
	}
	return ids, nil
}

// loadOf is the load in the name of an entry.
func loadOf(key string) LoadID {
	id, _, _ := strings.Cut(path.Base(key), "_")
	return LoadID(id)
}

// heldEntry finds the entry of a held load.
func (s *session) heldEntry(load LoadID) (journalEntry, error) {
	var ids []string
	for _, e := range s.held {
		if e.LoadID == load {
			return e, nil
		}
		ids = append(ids, string(e.LoadID))
	}
	if slices.Contains(s.lost, load) {
		return journalEntry{}, storageError(fmt.Errorf("load %s is held, and its entry in the journal is lost or damaged: it can only be discarded, with `notionlake discard %[1]s`", load))
	}
	hint := "no load is held"
	if len(ids) > 0 {
		hint = "held are " + strings.Join(ids, ", ")
	}
	return journalEntry{}, fmt.Errorf("load %s %w: %s", load, ErrNotHeld, hint)
}

// PublishHeld publishes a load that is held, as it was read, under its own ID,
// unless another load has been published since.
func (l *Loader) PublishHeld(ctx context.Context, load LoadID) (Report, error) {
	return l.do(ctx, l.beginKeeping, func(r *run) error {
		held, err := r.heldEntry(load)
		if err != nil {
			return err
		}
		last, err := r.Catalog.LastLoad(ctx)
		if err != nil {
			return storageError(err)
		}
		if last != held.After {
			return storageError(fmt.Errorf("load %s was read after load %s, and load %s has been published since: %w",
				load, dash(held.After), dash(last), ErrHeldLate))
		}
		r.load, r.tables = *held.Load, held.Tables
		r.report.LoadID, r.report.Tag, r.report.Status, r.report.Started = load, load.Tag(), r.load.Status, r.load.Started
		r.report.Requests = held.Requests
		r.Stats = nil
		if r.view, err = newView(ctx, r.load, r.Storage, r.Catalog); err == nil {
			err = r.checkLedger(ctx, true) // another load would be in the way of this one
		}
		if err != nil {
			return storageError(err)
		}
		for _, record := range held.Records {
			staged, err := r.Catalog.Restage(ctx, record)
			if err == nil {
				err = r.checkRestored(ctx, staged)
			}
			if err != nil {
				return storageError(fmt.Errorf("publish load %s: %w", load, err))
			}
			r.changes = append(r.changes, Change{Staged: staged})
		}
		r.entry = journalEntry{State: stateRunning, Run: r.run, LoadID: load, After: last, Started: r.load.Started, Version: r.Version}
		if err := r.journal.enter(ctx, r.entry); err != nil {
			return storageError(err)
		}
		if err := r.publishAll(ctx); err != nil {
			return err
		}
		// What held it is not needed any more. The load is published whatever
		// becomes of that: the next run sees it, and does what fails here.
		held.own = true
		if err := r.bury(context.WithoutCancel(ctx), []journalEntry{held}); err != nil {
			r.Logger.WarnContext(ctx, "files that held the load are left to the next run", "load", load, "error", err)
		}
		return nil
	})
}

// overtake says of loads that are held, and could be published until this one was, that
// they can only be discarded now.
func (r *run) overtake(ctx context.Context) {
	for _, e := range r.held {
		if e.After == r.entry.After && e.LoadID != r.load.ID {
			r.report.Overtaken = append(r.report.Overtaken, e.LoadID)
			r.Logger.WarnContext(ctx, "a load is held and can now only be discarded", "load", e.LoadID, "published", r.load.ID)
		}
	}
}

func dash(id LoadID) string {
	if id == "" {
		return "none"
	}
	return string(id)
}

// Discard deletes a load that is held.
func (l *Loader) Discard(ctx context.Context, load LoadID) error {
	s, err := l.beginKeeping(ctx)
	if err != nil {
		return err
	}
	defer s.end(ctx)
	held, err := s.heldEntry(load)
	if err == nil {
		return storageError(s.dropHeld(ctx, held))
	}
	aside, e := s.journal.aside(ctx)
	if e != nil {
		return storageError(e)
	}
	published, e := s.Catalog.Loads(ctx)
	switch {
	case e != nil:
		return storageError(e)
	case slices.Contains(published, load), !slices.Contains(s.lost, load) && !slices.Contains(aside, load):
		return err
	}
	return storageError(s.dropDamaged(ctx, load))
}

// dropDamaged discards a load of which the journal has no entry, or a damaged one,
// which was put aside.
func (s *session) dropDamaged(ctx context.Context, load LoadID) error {
	runs := []RunID{}
	var aside []string
	for o, err := range s.Storage.List(ctx, s.journal.damaged()+string(load)+"_") {
		if err != nil {
			return err
		}
		aside = append(aside, o.Key)
		if run := runOf(o.Key); run != "" {
			runs = append(runs, RunID(run))
		}
	}
	if len(runs) == 0 {
		runs = append(runs, NewRunID())
	}
	for _, run := range runs {
		if err := s.dropHeld(ctx, journalEntry{Run: run, LoadID: load, Started: s.now(), Version: s.Version, Pinned: true}); err != nil {
			return err
		}
	}
	return s.Storage.Delete(ctx, aside...)
}

// dropHeld discards a held load. Once that is written down it is brought to an
// end, by the next run if need be.
func (s *session) dropHeld(ctx context.Context, held journalEntry) error {
	held.State = stateDiscarding
	if err := s.journal.write(ctx, held); err != nil {
		return err
	}
	own := journalEntry{State: stateMaintaining, Run: NewRunID(), LoadID: held.LoadID, Started: s.now(), Version: s.Version, Parts: held.Parts, own: true}
	if err := s.journal.enter(ctx, own); err != nil {
		return err
	}
	err := s.Catalog.Discard(ctx, held.LoadID, own.Run, func(ctx context.Context, p Prepared) error {
		own.Drops = p.Drops
		return s.journal.write(ctx, own)
	})
	if err != nil {
		return err // both entries stay: the next run goes on here
	}
	held.own = true
	return s.bury(ctx, []journalEntry{held, own})
}

// Rollback makes an earlier load current again, in all tables at once, as a load
// of its own. A table that is younger than that load loses its rows. The ledger
// goes on.
func (l *Loader) Rollback(ctx context.Context, to LoadID) (Report, error) {
	return l.do(ctx, l.beginKeeping, func(r *run) error {
		r.load.RollbackTo, r.report.RollbackTo = to, to
		if err := r.name(ctx); err != nil {
			return err
		}
		if err := r.stageLoad(ctx, to); err != nil {
			return r.discard(ctx, err)
		}
		r.report.Status = StatusComplete
		return r.publishAll(ctx)
	})
}

// stageLoad stages every table but the ledger as the load to left it.
func (r *run) stageLoad(ctx context.Context, to LoadID) error {
	for _, key := range sortedTables(r.view.before) {
		if key == LedgerTable {
			continue
		}
		staged, err := r.Catalog.StageLoad(ctx, key, to)
		if err == nil {
			err = r.checkRestored(ctx, staged)
		}
		if err != nil {
			return storageError(fmt.Errorf("roll back to load %s: %w", to, err))
		}
		r.changes = append(r.changes, Change{Staged: staged})
		r.tables = append(r.tables, TableReport{
			Name: r.view.before[key].Schema.Table, Key: key, Complete: true,
			SchemaChanges: append([]SchemaChange{}, staged.Changes()...), Omitted: []Omission{}, Gone: []Gone{},
		})
	}
	return nil
}

// checkRestored looks whether the files are whole that are to be current again: what
// is current now may be better than a load that has lost some.
func (r *run) checkRestored(ctx context.Context, staged Staged) error {
	files, err := staged.Restored(ctx)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := checkWhole(ctx, r.Storage, f); err != nil {
			return fmt.Errorf("%w (the tables are as they were: put the file back, or decide for another load)", err)
		}
	}
	return nil
}

func sortedTables(tables map[string]TableState) []string {
	keys := make([]string, 0, len(tables))
	for key := range tables {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int { return strings.Compare(tables[a].Schema.Table, tables[b].Schema.Table) })
	return keys
}

// tableCounts fills in what is only known of a table once it is published.
func (r *run) tableCounts(snapshots []Snapshot) {
	for i := range r.tables {
		t := &r.tables[i]
		for _, s := range snapshots {
			if s.Key != t.Key {
				continue
			}
			t.SnapshotID = s.ID
			if r.load.RollbackTo != "" {
				t.stays(s)
			}
		}
	}
}

// summary are the entries of the load's snapshots beside those of every load.
func (r *run) summary() map[string]string {
	m := map[string]string{requestsEntry: strconv.FormatInt(r.report.Requests, 10)}
	if r.load.RollbackTo != "" {
		m[rollbackEntry] = string(r.load.RollbackTo)
	}
	return m
}
