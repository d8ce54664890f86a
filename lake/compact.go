package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

const (
	// smallBytes is below which size a file is small.
	smallBytes = 16 << 20
	// smallFiles is from how many small files on a table is compacted.
	smallFiles = 8
)

// A Compacted is a table whose small files were put together.
type Compacted struct {
	Table  string `json:"table"`
	Before int    `json:"files_before"`
	After  int    `json:"files_after"`
	Rows   int64  `json:"rows"` // of the table
}

// A compaction is one table's.
type compaction struct {
	table  TableState
	rest   []File // that stay
	small  []File
	fresh  []File
	staged Staged
}

// compact puts the rows of small files into few, of all tables in one
// publication that changes no row. The small files go when the loads expire that
// still name them.
func (m *maintenance) compact(ctx context.Context) error {
	tables, err := m.Catalog.Tables(ctx)
	if err != nil {
		return err
	}
	var todo []*compaction
	var planned []Compacted
	for _, t := range tables {
		c, err := m.plansCompaction(ctx, t)
		if errors.Is(err, ErrAltered) || IsLost(err) { // whatever is wrong with one, the others are compacted
			m.Logger.WarnContext(ctx, "a table is not compacted: `notionlake check` looks at it, and `notionlake run --full` writes anew what is lost", "table", t.Schema.Table, "reason", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("compact table %s: %w", t.Schema.Table, err)
		}
		if c == nil {
			continue
		}
		todo = append(todo, c)
		planned = append(planned, Compacted{
			Table: t.Schema.Table, Before: len(c.rest) + len(c.small), After: len(c.rest) + c.files(m.FileBytes), Rows: t.Snapshot.Rows,
		})
	}
	if m.plan.DryRun {
		m.report.Compacted = append(m.report.Compacted, planned...)
	}
	if len(todo) == 0 || m.plan.DryRun {
		return nil
	}
	entry := journalEntry{State: stateMaintaining, Run: NewRunID(), Started: m.now(), Version: m.Version, own: true}
	if err := m.journal.enter(ctx, entry); err != nil {
		return err
	}
	err = m.publishCompaction(ctx, &entry, todo)
	if errors.Is(err, ErrUnknown) {
		return fmt.Errorf("compact: %w", err) // the next run finds out
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maintainTimeout)
	defer cancel()
	if err != nil && m.Storage.late.Load() {
		return fmt.Errorf("compact: %w (the next run deletes what was written)", err)
	}
	if err != nil {
		err = fmt.Errorf("compact: %w", err)
		if e := m.bury(ctx, []journalEntry{entry}); e != nil {
			err = errors.Join(err, fmt.Errorf("what was written could not be deleted, which the next run does: %w", e))
		}
		return err
	}
	m.report.Did = true
	for i, c := range todo {
		planned[i].After = len(c.rest) + len(c.fresh)
	}
	m.report.Compacted = append(m.report.Compacted, planned...)
	if err := m.conclude(ctx, entry); err != nil {
		return fmt.Errorf("the tables are compacted, but not all files could be deleted that they do not need any more, which the next run does: %w", err)
	}
	return nil
}

// plansCompaction finds the small files of a table; nil where they are few.
func (m *maintenance) plansCompaction(ctx context.Context, t TableState) (*compaction, error) {
	if t.Snapshot.Files < smallFiles {
		return nil, nil
	}
	files, err := t.Files(ctx)
	if err != nil {
		return nil, err
	}
	c := &compaction{table: t}
	for _, f := range files {
		if f.Bytes < smallBytes {
			c.small = append(c.small, f)
		} else {
			c.rest = append(c.rest, f)
		}
	}
	if len(c.small) < smallFiles {
		return nil, nil
	}
	for _, f := range c.small {
		if err := checkWhole(ctx, m.Storage, f); err != nil {
			return nil, err
		}
	}
	c.staged, err = m.Catalog.StageCompaction(ctx, t.Schema.Key, t.Snapshot.ID)
	return c, err
}

// files is about how many files the small ones become.
func (c *compaction) files(target int64) int {
	var all int64
	for _, f := range c.small {
		all += f.Bytes
	}
	if target <= 0 {
		target = defaultFileBytes
	}
	return int(max(1, (all+target-1)/target))
}

// publishCompaction writes the new files and makes the tables consist of them.
func (m *maintenance) publishCompaction(ctx context.Context, entry *journalEntry, todo []*compaction) error {
	last, err := m.Catalog.LastLoad(ctx)
	if err != nil {
		return err
	}
	p := Publication{
		Load: Load{ID: last, Version: m.Version}, Run: entry.Run, Compaction: true,
		Before: func(ctx context.Context, p Prepared) error {
			entry.Drops = p.Drops
			return m.journal.write(ctx, *entry)
		},
	}
	for _, c := range todo {
		if err := m.merge(ctx, c, entry.Run); err != nil {
			return fmt.Errorf("table %s: %w", c.table.Schema.Table, err)
		}
		p.Changes = append(p.Changes, Change{Staged: c.staged, Files: slices.Concat(c.rest, c.fresh)})
	}
	snapshots, err := m.Catalog.Publish(ctx, p)
	if err != nil {
		return err
	}
	for i, s := range snapshots {
		if s.Rows != todo[i].table.Snapshot.Rows {
			return fmt.Errorf("table %s has %d rows where it had %d: roll back to the last load: %w", s.Table, s.Rows, todo[i].table.Snapshot.Rows, ErrNotVerified)
		}
	}
	return nil
}

// merge writes the rows of a table's small files into new ones.
func (m *maintenance) merge(ctx context.Context, c *compaction, run RunID) error {
	w, err := NewWriter(m.Storage, c.table.Schema, c.staged.Layout(), WriterOptions{
		Name: "compacted", Run: run, FileBytes: m.FileBytes, Version: m.Version,
	})
	if err != nil {
		return err
	}
	var rows int64
	for row, err := range ReadFiles(ctx, m.Storage, c.table.Schema, c.table.Layout, c.small) {
		if err == nil {
			err = w.Write(ctx, row.Values)
		}
		if err != nil {
			return abandon(ctx, w, err)
		}
		rows++
	}
	if c.fresh, err = w.Close(ctx); err != nil {
		return abandon(ctx, w, err)
	}
	var want, got int64
	for _, f := range c.small {
		want += f.Rows
	}
	for _, f := range c.fresh {
		got += f.Rows
	}
	if rows != want || got != want {
		return fmt.Errorf("%d rows were read and %d written of %d", rows, got, want)
	}
	return nil
}
