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

	"golang.org/x/sync/errgroup"
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
	// HoldPartial holds a load back when a table could not be read whole.
	HoldPartial bool
	Progress    *Progress
	Stats       func() SourceStats
	Point       Point
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
	*Loader
	load   Load
	view   *lakeView
	report Report

	mu      sync.Mutex
	changes []Change
	tables  []TableReport
	partial []string // reasons
	whole   int      // tables that are not fixed ones and were read whole

	ledgerFiles []File
}

// Run runs the load. The Report is filled in whatever becomes of the load.
func (l *Loader) Run(ctx context.Context) (Report, error) {
	r := &run{Loader: l}
	err := r.all(ctx)
	r.report.Finished = l.now()
	r.report.count(l.Stats)
	r.report.Tables = r.tables
	if err != nil && r.report.Status != StatusHeld {
		r.report.Status = StatusFailed
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

// all is the whole load: begin, read, audit, publish, verify.
func (r *run) all(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	err := r.read(ctx)
	if err == nil {
		err = r.audit()
	}
	if err != nil {
		return r.discard(ctx, err)
	}
	snapshots, err := r.publish(ctx)
	if err != nil {
		if errors.Is(err, ErrUnknown) {
			return storageError(err) // what was written may be published: it stays
		}
		return r.discard(ctx, storageError(err))
	}
	if err := r.Point.Hit("load.published", string(r.load.ID)); err != nil {
		return err
	}
	// It is published whatever happens now: an interrupted run still says whether it is right.
	if err := r.verify(context.WithoutCancel(ctx), snapshots); err != nil {
		return storageError(fmt.Errorf("%w: %w", ErrNotVerified, err))
	}
	return nil
}

// begin names the load.
func (r *run) begin(ctx context.Context) error {
	started := r.now()
	r.report = Report{Started: started, Reasons: []string{}, Tables: []TableReport{}}
	last, err := r.Catalog.LastLoad(ctx)
	if err != nil {
		return storageError(fmt.Errorf("find the last load: %w", err))
	}
	id := r.AsLoad
	if id == "" {
		id = NextLoadID(started, last)
	} else if id <= last {
		return storageError(fmt.Errorf("load %s: the catalog holds load %s already: %w", id, last, ErrConflict))
	}
	r.load = Load{ID: id, Started: started, Version: r.Version, Status: StatusComplete}
	r.report.LoadID, r.report.Tag = id, id.Tag()
	if err := r.Point.Hit("load.begin", string(id)); err != nil {
		return err
	}
	if r.view, err = newView(ctx, r.load, r.Storage, r.Catalog); err != nil {
		return storageError(err)
	}
	if r.Progress != nil {
		for _, t := range r.view.before {
			r.Progress.Expected.Add(t.Snapshot.Rows)
		}
	}
	r.Logger.InfoContext(ctx, "load begins", "load", id, "last", last)
	return nil
}

// read reads every table, those that are Last after all others.
func (r *run) read(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	parallel := r.Parallel
	if parallel == 0 {
		parallel = 4
	}
	g.SetLimit(parallel)
	var last []Table
	var err error
	for t, e := range r.Source.Tables(gctx, r.view) {
		if e != nil {
			err = sourceError(e)
			break
		}
		if t.Unread == "" {
			if err = t.Schema.Check(); err != nil {
				err = &SourceError{err}
				break
			}
		}
		if r.Progress != nil {
			r.Progress.TablesSeen.Add(1)
		}
		if t.Last {
			last = append(last, t)
			continue
		}
		g.Go(func() error { return r.table(gctx, t) })
	}
	// A table's failure cancels gctx, and Tables then ends with gctx's error: the table's is the cause.
	if failed := g.Wait(); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	for _, t := range last {
		if err := r.table(ctx, t); err != nil {
			return err
		}
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

// table reads one table and notes what became of it.
func (r *run) table(ctx context.Context, t Table) (err error) {
	load := newTableLoad(r.Loader, r.load, t)
	defer func() {
		if v := recover(); v != nil {
			err = load.abort(ctx, &PanicError{Table: t.Schema.Table, Value: v, Stack: debug.Stack()})
		}
	}()
	report := TableReport{
		Name: t.Schema.Table, Key: t.Schema.Key, Complete: true,
		SchemaChanges: []SchemaChange{}, Omitted: []Omission{},
	}
	if t.Unread != "" {
		report.Complete, report.Reason = false, t.Unread
		if before, ok := r.view.before[t.Schema.Key]; ok {
			report.Name, report.Rows, report.SnapshotID = before.Schema.Table, before.Snapshot.Rows, before.Snapshot.ID
		}
		r.note(report, nil, nil)
		return nil
	}
	start := r.now()
	change, result, err := load.run(ctx)
	if t.Omitted != nil {
		report.Omitted = append(report.Omitted, t.Omitted()...)
	}
	var partial *PartialError
	var storage *StorageError // what was written could not be removed: that is more than a partial table
	if errors.As(err, &partial) && !errors.As(err, &storage) && ctx.Err() == nil {
		report.Complete, report.Reason = false, partial.Error()
		if before, ok := r.view.before[t.Schema.Key]; ok {
			report.Rows, report.SnapshotID = before.Snapshot.Rows, before.Snapshot.ID
		}
		r.view.stage(t.Schema.Key, TableResult{Schema: t.Schema, Partial: partial})
		r.note(report, nil, partial)
		r.Logger.WarnContext(ctx, "table not read whole", "table", t.Schema.Table, "reason", partial.Err)
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range change.Files {
		report.Bytes += f.Bytes
	}
	report.Rows, report.Files = result.Rows, len(change.Files)
	report.SchemaChanges = append(report.SchemaChanges, change.Staged.Changes()...)
	r.view.stage(t.Schema.Key, result)
	r.note(report, &change, nil)
	r.Logger.InfoContext(ctx, "table read", "table", t.Schema.Table, "rows", report.Rows, "files", report.Files,
		"bytes", report.Bytes, "seconds", r.now().Sub(start).Round(time.Millisecond).Seconds())
	return nil
}

// note takes in what became of a table.
func (r *run) note(report TableReport, change *Change, partial *PartialError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tables = append(r.tables, report)
	if change != nil {
		r.changes = append(r.changes, *change)
		if !strings.HasPrefix(report.Key, "_") {
			r.whole++
		}
	}
	if partial != nil {
		r.partial = append(r.partial, partial.Error())
	}
	if r.Progress != nil {
		r.Progress.TablesDone.Add(1)
	}
}
