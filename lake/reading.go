package lake

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// A reading is the reading of one table.
type reading struct {
	table  Table
	load   *tableLoad
	report TableReport
	start  time.Time
}

// table reads one table and notes what became of it. One that is to go on when
// other tables have been read is put aside.
func (r *run) table(ctx context.Context, t Table) error {
	report := newTableReport(t.Schema)
	if t.Unread != "" {
		report.Complete, report.Reason, report.unread = false, t.Unread, true
		if before, ok := r.view.before[t.Schema.Key]; ok {
			report.Name = before.Schema.Table
			report.stays(before.Snapshot)
			if err := r.lookAtUnread(ctx, before); err != nil {
				return err
			}
		}
		r.note(report, nil, TableResult{})
		return nil
	}
	if t.State != nil {
		state, err := t.State(ctx)
		if err != nil {
			return sourceError(err)
		}
		t.Schema.Columns = slices.Clone(t.Schema.Columns)
		t.Schema.Columns[0].State = state
	}
	p := &reading{table: t, load: newTableLoad(r.Loader, r.load, r.run, t), report: report, start: r.now()}
	if before, ok := r.view.before[t.Schema.Key]; ok && t.Disposition == Replace {
		p.load.reuse = &reusable{
			table: before, day: r.load.Started.Unix() / (24 * 60 * 60), broken: func() bool { return r.Full || r.view.isBroken(t.Schema.Key) },
			damaged: func(ctx context.Context, key string) {
				r.Logger.WarnContext(ctx, "a data file is not what it was when it was written: it is written anew, and earlier loads have lost its rows", "table", before.Schema.Table, "file", key)
			},
		}
	}
	return r.step(ctx, p, p.load.run)
}

// lookAtUnread says what is lost of a table that stays as it was: no load writes it anew.
func (r *run) lookAtUnread(ctx context.Context, t TableState) error {
	look := checkSize
	if r.Full {
		look = checkWhole
	}
	lost, err := findLost(ctx, t, func(ctx context.Context, f File) error { return look(ctx, r.Storage, f) })
	switch {
	case err == nil, errors.Is(err, ErrAltered):
		return nil
	case !IsLost(err):
		return storageError(fmt.Errorf("table %s: %w", t.Schema.Table, err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Reasons = append(r.report.Reasons, fmt.Sprintf("table %s, which is not read any more, has lost rows: %v", t.Schema.Table, err))
	r.Logger.WarnContext(ctx, "a table that is not read any more has lost rows: put its files back", "table", t.Schema.Table, "files", len(lost), "error", err)
	return nil
}

// rest reads what is left of the tables that were put aside.
func (r *run) rest(ctx context.Context) error {
	g, gctx := NewGroup(ctx)
	g.SetLimit(r.parallel())
	for _, p := range r.paused {
		g.Go(func() error { return r.step(gctx, p, p.load.resume) })
	}
	r.paused = nil
	return g.Wait()
}

// forsake removes what was written of the tables that were put aside.
func (r *run) forsake(ctx context.Context, err error) error {
	for _, p := range r.paused {
		err = p.load.abort(ctx, err)
	}
	r.paused = nil
	return err
}

// step reads a table, or what is left of it, and notes what became of it.
func (r *run) step(ctx context.Context, p *reading, read func(context.Context) (Change, TableResult, error)) (err error) {
	t, load, report := p.table, p.load, p.report
	defer func() {
		if v := recover(); v != nil {
			err = load.abort(ctx, &PanicError{Table: t.Schema.Table, Value: v, Stack: debug.Stack()})
		}
	}()
	change, result, err := read(ctx)
	if err == nil && load.rest != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.paused = append(r.paused, p)
		return nil
	}
	if t.Omitted != nil {
		report.Omitted = append(report.Omitted, t.Omitted()...)
	}
	var partial *PartialError
	var storage *StorageError // what was written could not be removed: that is more than a partial table
	if errors.As(err, &partial) && !errors.As(err, &storage) && ctx.Err() == nil {
		report.Complete, report.Reason = false, partial.Error()
		if before, ok := r.view.before[t.Schema.Key]; ok {
			report.stays(before.Snapshot)
		}
		result := TableResult{Schema: t.Schema, Partial: partial}
		r.view.stage(t.Schema.Key, result)
		r.note(report, nil, result)
		reason := partial.Err
		if root := (*PartialError)(nil); errors.As(reason, &root) {
			reason = fmt.Errorf("table %s was not", root.Table)
		}
		r.Logger.WarnContext(ctx, "table not read whole", "table", t.Schema.Table, "reason", reason)
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range change.Files {
		report.Bytes += f.Bytes
		if f.Reused {
			report.ReusedFiles, report.ReusedBytes = report.ReusedFiles+1, report.ReusedBytes+f.Bytes
		}
	}
	report.Rows, report.Files = result.Rows, len(change.Files)
	if t.Gone != nil {
		report.Gone = append(report.Gone, t.Gone()...)
	}
	report.SchemaChanges = append(report.SchemaChanges, change.Staged.Changes()...)
	if err := r.noteLost(ctx, t); err != nil {
		return err
	}
	r.view.stage(t.Schema.Key, result)
	r.note(report, &change, result)
	r.Logger.InfoContext(ctx, "table read", "table", t.Schema.Table, "rows", report.Rows, "files", report.Files,
		"bytes", report.Bytes, "reused", report.ReusedFiles, "seconds", r.now().Sub(p.start).Round(time.Millisecond).Seconds())
	return nil
}

// noteLost notes how many rows a table has lost for a reason that is known.
func (r *run) noteLost(ctx context.Context, t Table) error {
	if t.Lost == nil {
		return nil
	}
	n, err := t.Lost(ctx)
	if err != nil {
		return sourceError(fmt.Errorf("table %s: %w", t.Schema.Table, err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost == nil {
		r.lost = map[string]int64{}
	}
	r.lost[t.Schema.Key] = n
	return nil
}

// note takes in what became of a table.
func (r *run) note(report TableReport, change *Change, result TableResult) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tables = append(r.tables, report)
	if change != nil {
		r.changes = append(r.changes, *change)
		r.results = append(r.results, result)
	}
	if report.Reason == "" || result.Partial != nil {
		r.whole.add(report)
	}
	if result.Partial != nil {
		r.partial = append(r.partial, result.Partial)
	}
	if r.Progress != nil {
		r.Progress.TablesDone.Add(1)
	}
}
