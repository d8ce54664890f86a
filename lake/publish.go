package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// publish makes everything that was read visible at once.
func (r *run) publish(ctx context.Context) ([]Snapshot, error) {
	r.report.count(r.Stats)
	r.load.Summary = r.summary()
	if err := r.Point.Hit("load.publish", string(r.load.ID)); err != nil {
		return nil, err
	}
	snapshots, err := r.Catalog.Publish(ctx, Publication{
		Load: r.load, Run: r.run, Changes: r.changes, Before: r.before,
		Ledger: func(ctx context.Context, at time.Time, snapshots []Snapshot) (Change, error) {
			change, err := r.ledger(ctx, at, snapshots)
			r.ledgerFiles = append(r.ledgerFiles, change.Files...)
			return change, err
		},
	})
	if err != nil {
		if !errors.Is(err, ErrUnknown) {
			err = errors.Join(err, r.remove(ctx, r.ledgerFiles))
		}
		return nil, fmt.Errorf("publish load %s: %w", r.load.ID, err)
	}
	r.tableCounts(snapshots)
	return snapshots, nil
}

// verify looks at what readers find now: every table that was published stands
// at its snapshot, with its rows, and the files of this load have the size that
// was written and, by their footers, the rows.
func (r *run) verify(ctx context.Context, snapshots []Snapshot) error {
	g, gctx := NewGroup(ctx)
	g.SetLimit(parallelChecks)
	for _, f := range append(r.files(), r.ledgerFiles...) {
		g.Go(func() error { return checkWritten(gctx, r.Storage, f) })
	}
	tables, err := r.Catalog.Tables(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("verify load %s: %w", r.load.ID, err), g.Wait())
	}
	// The files of a rollback, or of a load that was held, are not this run's.
	sizes := len(r.files()) == 0
	for _, want := range snapshots {
		g.Go(func() error {
			i := slices.IndexFunc(tables, func(t TableState) bool { return t.Schema.Key == want.Key })
			if i < 0 {
				return fmt.Errorf("table %s is not in the catalog", want.Table)
			}
			if err := r.verifyTable(gctx, tables[i], want, sizes && want.Key != LedgerTable); err != nil {
				return fmt.Errorf("table %s: %w", want.Table, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("verify load %s: %w", r.load.ID, err)
	}
	r.Logger.InfoContext(ctx, "load published", "load", r.load.ID, "tables", len(r.changes)) // the ledger is not one of its tables
	return nil
}

// parallelChecks is how many files and tables are looked at at a time.
const parallelChecks = 8

func (r *run) verifyTable(ctx context.Context, t TableState, want Snapshot, sizes bool) error {
	if t.Snapshot.ID != want.ID {
		if t.Snapshot.LoadID > want.LoadID {
			return nil // a later load has been published meanwhile
		}
		return fmt.Errorf("snapshot %d stands where %d was published", t.Snapshot.ID, want.ID)
	}
	files, err := t.Files(ctx)
	if err != nil {
		return err
	}
	var rows int64
	for _, f := range files {
		rows += f.Rows
		if !sizes {
			continue
		}
		if err := checkSize(ctx, r.Storage, f); err != nil {
			return err
		}
	}
	if rows != want.Rows {
		return fmt.Errorf("its files hold %d rows where %d were published", rows, want.Rows)
	}
	return nil
}

// before writes into the journal what the publication is about to do.
func (r *run) before(ctx context.Context, p Prepared) error {
	r.entry.State, r.entry.Drops = statePublishing, p.Drops
	if p.Records != nil {
		r.entry.State, r.entry.Records, r.entry.Pinned = stateHolding, p.Records, p.Pinned
	}
	return r.journal.write(ctx, r.entry)
}

// hold keeps what was read beside what is published, for someone to decide.
func (r *run) hold(ctx context.Context, held *HeldError) error {
	r.report.count(r.Stats)
	r.load.Summary = r.summary()
	r.report.Tag, r.report.Reasons = r.load.ID.HeldTag(), held.Reasons
	r.entry.Reasons, r.entry.Tables, r.entry.Requests = held.Reasons, r.tables, r.report.Requests
	err := r.Point.Hit("load.hold", string(r.load.ID))
	if err == nil {
		_, err = r.Catalog.Publish(ctx, Publication{Load: r.load, Run: r.run, Changes: r.changes, Hold: true, Before: r.before})
	}
	if errors.Is(err, ErrUnknown) {
		return storageError(fmt.Errorf("hold load %s: %w", r.load.ID, err))
	}
	if err != nil {
		return r.discard(ctx, storageError(fmt.Errorf("hold load %s: %w", r.load.ID, err)))
	}
	r.report.Status = StatusHeld
	if err := r.keeper.forget(ctx); err != nil {
		r.Logger.WarnContext(ctx, "what was read is left to the next run", "error", err)
	}
	return storageError(r.mark(ctx, stateHeld))
}

// mark notes a state in the journal.
func (r *run) mark(ctx context.Context, state string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	r.entry.State = state
	return r.journal.write(ctx, r.entry)
}

// discard deletes the files of a load that is not published and returns err.
// What it cannot delete, or what may still arrive, is in the journal for the next run.
func (r *run) discard(ctx context.Context, err error) error {
	interrupted := r.Resume > 0 && (ctx.Err() != nil || errors.Is(err, errNotJoined))
	if interrupted {
		if source, ok := r.Source.(Keeping); ok {
			source.KeepRest(ctx)
		}
	}
	if r.entry.State == stateHolding {
		// While it is not known to the journal, the load counts as held, with all its files.
		if e := r.mark(ctx, stateFailed); e != nil {
			return errors.Join(err, storageError(e))
		}
	}
	if e := r.remove(ctx, r.files()); e != nil {
		return errors.Join(err, storageError(e))
	}
	if interrupted {
		return errors.Join(err, storageError(r.mark(ctx, stateInterrupted)))
	}
	if r.Storage.late.Load() {
		return errors.Join(err, storageError(r.mark(ctx, stateFailed))) // the next run looks again
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if e := r.keeper.forget(ctx); e != nil {
		return errors.Join(err, storageError(e))
	}
	return errors.Join(err, storageError(r.journal.remove(ctx, r.entry)))
}

// files are the files of all changes but the ledger's.
func (r *run) files() []File {
	var files []File
	for _, c := range r.changes {
		files = append(files, c.Files...)
	}
	return files
}

func (r *run) remove(ctx context.Context, files []File) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	return r.Storage.Delete(ctx, written(files)...)
}
