package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// audit decides whether what was read may be published.
func (r *run) audit() error {
	slices.SortFunc(r.tables, func(a, b TableReport) int { return strings.Compare(a.Name, b.Name) })
	if len(r.partial) == 0 {
		r.report.Status = StatusComplete
		return nil
	}
	slices.Sort(r.partial)
	r.report.Reasons = append(r.report.Reasons, r.partial...)
	if r.whole == 0 {
		r.report.Reasons = r.report.Reasons[:0] // the error says it
		return &SourceError{fmt.Errorf("no table was read whole: %s", strings.Join(r.partial, "; "))}
	}
	if r.HoldPartial {
		r.report.Status = StatusHeld
		return &HeldError{Reasons: r.partial}
	}
	r.load.Status, r.report.Status = StatusPartial, StatusPartial
	return nil
}

// publish makes everything that was read visible at once.
func (r *run) publish(ctx context.Context) ([]Snapshot, error) {
	r.report.count(r.Stats)
	r.load.Summary = map[string]string{"notionlake.requests": strconv.FormatInt(r.report.Requests, 10)}
	if err := r.Point.Hit("load.publish", string(r.load.ID)); err != nil {
		return nil, err
	}
	snapshots, err := r.Catalog.Publish(ctx, Publication{
		Load: r.load, Changes: r.changes,
		Ledger: func(ctx context.Context, at time.Time, snapshots []Snapshot) (Change, error) {
			change, err := r.ledger(ctx, r.load, &r.report, at, snapshots)
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
	for i := range r.tables {
		for _, s := range snapshots {
			if s.Key == r.tables[i].Key {
				r.tables[i].SnapshotID = s.ID
			}
		}
	}
	return snapshots, nil
}

// verify looks at what readers find now: every table that was published stands
// at its snapshot, with its rows, and the files of this load have the size that
// was written.
func (r *run) verify(ctx context.Context, snapshots []Snapshot) error {
	for _, f := range append(r.files(), r.ledgerFiles...) {
		size, err := r.size(ctx, f.Key)
		if err != nil {
			return fmt.Errorf("verify load %s: %w", r.load.ID, err)
		}
		if size != f.Bytes {
			return fmt.Errorf("verify load %s: file %s has %d bytes where %d were written", r.load.ID, f.Key, size, f.Bytes)
		}
	}
	tables, err := r.Catalog.Tables(ctx)
	if err != nil {
		return fmt.Errorf("verify load %s: %w", r.load.ID, err)
	}
	for _, want := range snapshots {
		i := slices.IndexFunc(tables, func(t TableState) bool { return t.Schema.Key == want.Key })
		if i < 0 {
			return fmt.Errorf("verify load %s: table %s is not in the catalog", r.load.ID, want.Table)
		}
		if err := r.verifyTable(ctx, tables[i], want); err != nil {
			return fmt.Errorf("verify load %s: table %s: %w", r.load.ID, want.Table, err)
		}
	}
	r.Logger.InfoContext(ctx, "load published", "load", r.load.ID, "tables", len(r.changes)) // the ledger is not one of its tables
	return nil
}

func (r *run) verifyTable(ctx context.Context, t TableState, want Snapshot) error {
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
	}
	if rows != want.Rows {
		return fmt.Errorf("its files hold %d rows where %d were published", rows, want.Rows)
	}
	return nil
}

func (r *run) size(ctx context.Context, key string) (int64, error) {
	f, err := r.Storage.Open(ctx, key)
	if err != nil {
		return 0, err
	}
	return f.Size(), f.Close()
}

// discard deletes the files of a load that is not published and returns err.
func (r *run) discard(ctx context.Context, err error) error {
	return errors.Join(err, storageError(r.remove(ctx, r.files())))
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
	return r.Storage.Delete(ctx, fileKeys(files)...)
}
