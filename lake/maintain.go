package lake

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Maintenance says what Maintain does.
type Maintenance struct {
	// Retention says which loads are kept. An empty one lets none expire.
	Retention Retention
	// Compact puts the rows of many small files into few.
	Compact bool
	// Orphans is from which age on a file that nothing names is deleted. Zero: none is.
	Orphans time.Duration
	// DryRun finds out what there is to be done, and does nothing. It takes no lock.
	DryRun bool
}

// A MaintenanceReport says what Maintain did, or in a dry run would do. What was to be
// done and failed is not in it, but for files that are still there. Its JSON is a
// documented contract.
type MaintenanceReport struct {
	DryRun  bool       `json:"dry_run"`
	Kept    []KeptLoad `json:"kept"`
	Expired []LoadID   `json:"expired"`
	// Snapshots is how many of them left the tables.
	Snapshots int         `json:"snapshots"`
	Files     FileCount   `json:"files"`               // that were deleted with them
	FilesLeft FileCount   `json:"files_left,omitzero"` // that could not be, which the next run does
	Compacted []Compacted `json:"compacted"`
	Orphans   Orphans     `json:"orphans"`
	// Copies are those of files of the source that were deleted.
	Copies     FileCount `json:"copies"`
	CopiesLeft FileCount `json:"copies_left,omitzero"` // that could not be, which the next Maintain does
	// Did says that there is something to be told, also where the rest failed.
	Did bool `json:"-"`
}

// A FileCount is a number of files and their size.
type FileCount struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

func (c *FileCount) add(bytes int64) { c.Files, c.Bytes = c.Files+1, c.Bytes+bytes }

// A maintenance is the state of one Maintain.
type maintenance struct {
	*session
	plan   Maintenance
	report MaintenanceReport
	drops  []string // what goes, or in a dry run would go, with the loads that expire
}

// Maintain lets loads expire, puts small files together and deletes files that
// nothing names, as far as the plan says. Each step first makes the metadata do
// without the files and deletes them then: a run that dies in between leaves
// files, which the next one deletes, and never misses one.
func (l *Loader) Maintain(ctx context.Context, plan Maintenance) (MaintenanceReport, error) {
	m := &maintenance{plan: plan, report: MaintenanceReport{
		DryRun: plan.DryRun, Kept: []KeptLoad{}, Expired: []LoadID{}, Compacted: []Compacted{},
		Orphans: Orphans{Keys: []string{}, Folders: []string{}},
	}}
	err := m.run(ctx, l)
	return m.report, storageError(err)
}

func (m *maintenance) run(ctx context.Context, l *Loader) (err error) {
	if m.plan.DryRun {
		m.session = &session{Loader: l, journal: newJournal(l.Storage, l.Catalog), keeps: true}
		if err := l.Catalog.CheckNewest(ctx); err != nil {
			return err
		}
	} else {
		if m.session, err = l.beginKeeping(ctx); err != nil {
			return err
		}
		defer m.end(ctx)
	}
	steps := []func(context.Context) error{m.expire}
	if m.plan.Compact {
		steps = append(steps, m.compact)
	}
	if m.plan.Orphans > 0 {
		steps = append(steps, m.orphans, m.copies)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// errDry ends a step of a dry run where it would begin to change something.
var errDry = errors.New("dry run")

// expire lets the loads expire that the retention does not keep.
func (m *maintenance) expire(ctx context.Context) error {
	loads, err := m.Catalog.Loads(ctx)
	if err != nil {
		return err
	}
	var expired []LoadID
	if !m.plan.Retention.Empty() {
		var kept []KeptLoad
		kept, expired = m.plan.Retention.Split(loads, m.now())
		m.report.Kept = append(m.report.Kept, kept...)
	}
	sizes, err := m.sizes(ctx)
	if err != nil {
		return err
	}
	entry := journalEntry{State: stateMaintaining, Run: NewRunID(), Started: m.now(), Version: m.Version, own: true}
	entered, snapshots := false, 0
	err = m.Catalog.Expire(ctx, expired, entry.Run, func(ctx context.Context, p Prepared) error {
		snapshots, m.drops = p.Snapshots, p.Drops
		if m.plan.DryRun {
			return errDry
		}
		entered, entry.Drops = true, p.Drops
		return m.journal.enter(ctx, entry)
	})
	if err == nil || errors.Is(err, errDry) {
		m.report.Snapshots, m.report.Expired = snapshots, append(m.report.Expired, expired...)
	}
	switch {
	case errors.Is(err, errDry):
		m.report.Files = m.count(m.drops, sizes)
		return nil
	case errors.Is(err, ErrUnknown):
		return fmt.Errorf("expire: %w", err) // the next run finds out
	case err != nil:
		err = fmt.Errorf("expire: %w", err)
	}
	if !entered || err != nil && m.Storage.late.Load() {
		return err // the next run deletes what may come late
	}
	// What is deleted is only what no table names: also where nothing has expired.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maintainTimeout)
	defer cancel()
	dead := []journalEntry{entry}
	gone, e := m.sweep(ctx, dead)
	if err == nil {
		m.report.Did = true
		left := without(m.drops, gone)
		m.report.Files = m.count(without(m.drops, left), sizes)
		if e != nil {
			m.report.FilesLeft = m.count(left, sizes)
			e = fmt.Errorf("the loads have expired, but not all of their files could be deleted, which the next run does: %w", e)
		}
	}
	if e == nil {
		e = m.strike(ctx, dead, len(gone))
	}
	return errors.Join(err, e)
}

// count counts the files of tables among some keys.
func (m *maintenance) count(keys []string, sizes map[string]int64) (c FileCount) {
	for _, key := range keys {
		if strings.HasPrefix(key, m.Catalog.Folder()) {
			c.add(sizes[key])
		}
	}
	return c
}

// maintainTimeout is how long the deletion of superfluous files may take once
// the maintenance itself has been cancelled.
const maintainTimeout = 5 * time.Minute

// sizes are those of all files of the tables, by key.
func (m *maintenance) sizes(ctx context.Context) (map[string]int64, error) {
	sizes := map[string]int64{}
	for o, err := range m.Storage.List(ctx, m.Catalog.Folder()) {
		if err != nil {
			return nil, fmt.Errorf("list the tables' files: %w", err)
		}
		sizes[o.Key] = o.Bytes
	}
	return sizes, nil
}
