package lake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Loader runs one load: it reads a Source and publishes its tables, all at
// once or not at all.
type Loader struct {
	Source  Source
	Storage *Storage
	Catalog Catalog
	Logger  *slog.Logger
	Now     func() time.Time // nil: time.Now
	Version string           // of the program
	// AsLoad is the load's ID where it is not made from the time.
	AsLoad LoadID
	// Parallel is how many tables are read at a time. Zero: 4.
	Parallel int
	// FileBytes is the target size of data files. Zero: the Writer's.
	FileBytes int64
	// TempDir is where spools go. "": the system's folder for such files.
	TempDir string
	Audit   Audit
	// Parts name what is loaded where that is a part of the workspace; nil: all of it.
	// Several parts are loaded at once, and none at once with the whole.
	Parts []string
	// LockTimeout is how long runs that load parts are waited for.
	LockTimeout time.Duration
	// Config tells one configuration from another: only a load of the same one is continued.
	Config string
	// Resume is how old a load that died or was interrupted may be to be continued
	// under its own ID. Zero: none is.
	Resume time.Duration
	// Full makes the ledger anew where rows of it cannot be read.
	Full     bool
	Progress *Progress
	Stats    func() SourceStats
	Point    Point
}

// Progress is what a load tells while it runs. All its methods take nil.
type Progress struct {
	Rows, Expected         atomic.Int64 // Expected: rows of the last load
	TablesDone, TablesSeen atomic.Int64
}

func (p *Progress) row() {
	if p != nil {
		p.Rows.Add(1)
	}
}

// A run is the state of one Loader.Run.
type run struct {
	*session
	run    RunID
	load   Load
	entry  journalEntry
	view   *lakeView
	keeper *keeper
	report Report

	mu      sync.Mutex
	changes []Change
	results []TableResult // of the changes
	tables  []TableReport
	names   map[string]func() string // Table.Name, by key
	partial []error                  // why tables were not read whole
	whole   tally                    // what was read whole
	lost    map[string]int64         // Table.Lost, by key
	paused  []*reading               // tables of which a rest is to be read

	ledgerFiles []File
	ledgerLost  bool // rows of it cannot be read
	published   bool
}

// Run runs the load. The Report is filled in whatever becomes of the load.
func (l *Loader) Run(ctx context.Context) (Report, error) {
	return l.do(ctx, l.begin, func(r *run) error { return r.loadAll(ctx) })
}

// do makes a run that holds the lock from its beginning to its end.
func (l *Loader) do(ctx context.Context, begin func(context.Context) (*session, error), work func(*run) error) (Report, error) {
	r := &run{run: NewRunID(), names: map[string]func() string{}, report: Report{Started: l.now(), Reasons: []string{}, Tables: []TableReport{}}}
	var err error
	if r.session, err = begin(ctx); err == nil {
		err = work(r)
		r.end(ctx)
	}
	r.report.Finished = l.now()
	r.report.count(l.Stats)
	r.report.Tables = r.tables
	if l.Stats != nil && (r.published || r.report.Status == StatusHeld) {
		r.report.Reasons = append(r.report.Reasons, l.Stats().Lost...)
	}
	if err != nil && r.report.Status != StatusHeld {
		if !r.published {
			r.report.Status = StatusFailed
		}
		r.report.Reasons = append(r.report.Reasons, err.Error())
	}
	return r.report, err
}

func (l *Loader) now() time.Time {
	if l.Now == nil {
		return time.Now().UTC()
	}
	return l.Now().UTC()
}

// loadAll is the whole load: name it, read, audit, publish, verify.
func (r *run) loadAll(ctx context.Context) error {
	if err := r.name(ctx); err != nil {
		return err
	}
	err := r.read(ctx)
	if err == nil {
		err = r.audit()
	}
	var held *HeldError
	if errors.As(err, &held) {
		if e := r.hold(ctx, held); e != nil {
			return e
		}
		return err
	}
	if err != nil {
		return r.discard(ctx, err)
	}
	return r.publishAll(ctx)
}

// publishAll publishes and verifies what the run staged.
func (r *run) publishAll(ctx context.Context) error {
	snapshots, err := r.publish(ctx)
	if err != nil {
		if errors.Is(err, ErrUnknown) {
			// What was written may be published: it stays, and the next run finds out.
			return storageError(errors.Join(err, r.mark(ctx, stateUnknown)))
		}
		return r.discard(ctx, storageError(err))
	}
	r.published = true
	r.overtake(ctx)
	// It is published whatever happens now: an interrupted run still says whether it is right.
	ctx = context.WithoutCancel(ctx)
	err = r.Point.Hit("load.published", string(r.load.ID))
	if err == nil {
		err = r.verify(ctx, snapshots)
	}
	if err != nil {
		return storageError(fmt.Errorf("%w: %w", ErrNotVerified, err))
	}
	r.leave(ctx)
	return nil
}

// leave ends the journal's entry of a run that is done. That changes nothing of
// what was published and verified: if it fails, the next run does it.
func (r *run) leave(ctx context.Context) {
	err := r.keeper.forget(ctx)
	if err == nil {
		err = r.conclude(ctx, r.entry)
	}
	if err != nil {
		r.Logger.WarnContext(ctx, "the journal entry of this load is left to the next run", "error", err)
	}
}

// name names the load and writes it into the journal.
func (r *run) name(ctx context.Context) error {
	last, err := r.Catalog.LastLoad(ctx)
	if err != nil {
		return storageError(fmt.Errorf("find the last load: %w", err))
	}
	newest := last
	for _, e := range r.held {
		newest = max(newest, e.LoadID)
	}
	for _, held := range r.session.lost {
		newest = max(newest, held)
	}
	id, began, continued := r.AsLoad, r.report.Started, false
	switch {
	case id != "" && id <= newest:
		return storageError(fmt.Errorf("load %s: the catalog holds load %s already: %w", id, newest, ErrConflict))
	case id != "":
	case r.resumable != nil && r.resumable.LoadID > newest && r.load.RollbackTo == "":
		id, began, continued = r.resumable.LoadID, r.resumable.Started, true
		r.report.Continues = &Continuation{Began: began}
		r.Logger.InfoContext(ctx, "the load that was interrupted is continued: rows are read again", "load", id)
	default:
		id = NextLoadID(began, newest)
	}
	r.load.ID, r.load.Started, r.load.Version, r.load.Status = id, began, r.Version, StatusComplete
	r.report.LoadID, r.report.Tag = id, id.Tag()
	if err := r.Point.Hit("load.begin", string(id)); err != nil {
		return err
	}
	if r.view, err = newView(ctx, r.load, r.Storage, r.Catalog); err != nil {
		return storageError(err)
	}
	if err := r.checkLedger(ctx, r.Full); err != nil {
		return storageError(err)
	}
	// What the ledger's table would refuse at the end is better known before anything is read.
	if _, err := r.Catalog.Stage(ctx, LedgerSchema(), r.ledgerDisposition()); err != nil {
		return storageError(err)
	}
	if r.Progress != nil {
		for _, t := range r.view.before {
			r.Progress.Expected.Add(t.Snapshot.Rows)
		}
	}
	r.entry = journalEntry{
		State: stateRunning, Run: r.run, LoadID: id, After: last, Started: r.load.Started, Began: r.report.Started,
		Version: r.Version, Config: r.Config, Load: &r.load, Parts: r.Parts,
	}
	if r.Resume > 0 {
		r.entry.Kept = r.run
		if continued {
			r.entry.Kept = r.resumable.keptBy()
		}
	}
	r.keeper = &keeper{journal: r.journal, run: r.run, first: r.entry.Kept, begins: !continued}
	r.view.keeper = r.keeper
	if err := r.journal.enter(ctx, r.entry); err != nil {
		return storageError(err)
	}
	if err := r.replaceEntries(ctx); err != nil {
		return storageError(err)
	}
	r.part(ctx)
	r.Logger.InfoContext(ctx, "load begins", "load", id, "last", last)
	return nil
}

// replaceEntries removes the entries of loads that could be continued: this run's
// stands in their place now.
func (r *run) replaceEntries(ctx context.Context) error {
	for _, e := range r.replaced {
		if e.Kept != r.entry.Kept {
			if err := r.journal.forget(ctx, e.Kept); err != nil {
				return err
			}
		}
		if err := r.journal.remove(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// read reads every table, those that are Last after all others. Of a part the
// tables that belong to no data source are among them: other parts change them too.
func (r *run) read(ctx context.Context) error {
	sctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, gctx := NewGroup(sctx)
	g.SetLimit(r.parallel())
	var last []Table
	var err error
	failed := false // gctx ended before the Source did
	for t, e := range r.Source.Tables(gctx, r.view) {
		if e == nil && t.Unread == "" {
			e = t.Schema.Check()
		}
		if e != nil {
			failed = gctx.Err() != nil
			err = sourceError(e)
			cancel()
			break
		}
		if r.Progress != nil {
			r.Progress.TablesSeen.Add(1)
		}
		if t.Name != nil {
			r.names[t.Schema.Key] = t.Name
		}
		if t.Last || len(r.Parts) > 0 && strings.HasPrefix(t.Schema.Key, "_") {
			last = append(last, t)
			continue
		}
		g.Go(func() error { return r.prepared(gctx, t) })
	}
	// A table's failure cancels gctx, and Tables then ends with gctx's error: the
	// table's is the cause. An error of Tables ends what is being read.
	if e := g.Wait(); e != nil && (err == nil || failed) {
		err = e
	}
	if err != nil {
		return r.forsake(ctx, err)
	}
	if err := r.rest(ctx); err != nil {
		return err
	}
	if err := r.nameAtLast(ctx); err != nil {
		return err
	}
	if len(r.Parts) > 0 { // not while others wait for the lock
		for _, t := range last {
			if err := r.prepare(ctx, t); err != nil {
				return err
			}
		}
	}
	if err := r.join(ctx); err != nil {
		return err
	}
	for _, t := range last {
		read := r.prepared
		if len(r.Parts) > 0 {
			read = r.table
		}
		if err := read(ctx, t); err != nil {
			return err
		}
		if err := r.rest(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loader) parallel() int {
	if l.Parallel == 0 {
		return 4
	}
	return l.Parallel
}

// prepared prepares a table and reads it.
func (r *run) prepared(ctx context.Context, t Table) error {
	if err := r.prepare(ctx, t); err != nil {
		return err
	}
	return r.table(ctx, t)
}

// prepare lets the source read what a table's rows are made of.
func (r *run) prepare(ctx context.Context, t Table) (err error) {
	if t.Prepare == nil || t.Unread != "" {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Table: t.Schema.Table, Value: v, Stack: debug.Stack()}
		}
	}()
	if err := t.Prepare(ctx); err != nil {
		return sourceError(err)
	}
	return nil
}

func sourceError(err error) error {
	var storage *StorageError
	if errors.As(err, &storage) {
		return err
	}
	return &SourceError{err}
}
