package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The table that names the copies of files, and its column with their URIs.
const (
	CopiesTable  = "_files"
	copiesColumn = "path"
)

// copies deletes the copies of files that no snapshot of the table of files names.
// Those that are younger than the plan says stay: the next run takes them over.
// While a load is held or can be continued, all stay: what it names is in no
// catalog.
func (m *maintenance) copies(ctx context.Context) error {
	all := NewCopies(m.Storage, m.Catalog)
	// Listed before it is asked which are needed, so that none is missed that is
	// published meanwhile.
	var found []ObjectInfo
	before := m.now().Add(-m.plan.Orphans)
	for o, err := range m.Storage.List(ctx, all.dir) {
		if err != nil {
			return fmt.Errorf("copies of files: %w", err)
		}
		if _, ok := all.parse(o.Key); (ok || all.isHalf(o.Key)) && o.ModTime.Before(before) {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		return nil
	}
	runs, err := m.knownRuns(ctx)
	if err != nil {
		return err
	}
	if len(runs) > 0 {
		m.Logger.InfoContext(ctx, "no copy of a file is deleted while a load is held, or waits to be continued")
		return nil
	}
	named, err := m.namedCopies(ctx)
	if errors.Is(err, errNoCopiesTable) {
		m.Logger.WarnContext(ctx, "copies of files are left where they are: there is no table that names them", "table", CopiesTable)
		return nil
	}
	if err != nil {
		return fmt.Errorf("copies of files: %w: %w", errNotKnown, err)
	}
	found = slices.DeleteFunc(found, func(o ObjectInfo) bool { return named[o.Key] })
	var keys, left []string
	for _, o := range found {
		keys = append(keys, o.Key)
	}
	if !m.plan.DryRun {
		slices.Sort(keys)
		left, err = m.Storage.deleteEach(ctx, keys)
	}
	gone := map[string]bool{}
	for _, key := range without(keys, left) {
		gone[key] = true
	}
	for _, o := range found {
		if gone[o.Key] {
			m.report.Copies.add(o.Bytes)
		} else {
			m.report.CopiesLeft.add(o.Bytes)
		}
	}
	m.report.Did = m.report.Did || len(keys) > 0
	return err
}

var errNoCopiesTable = errors.New("there is no table of files")

// namedCopies are the keys of the copies that any snapshot of the table of files
// names, those of held loads included. A data file is read once, whichever
// snapshots have it. Data files that a dry run would let go are passed over.
func (m *maintenance) namedCopies(ctx context.Context) (map[string]bool, error) {
	states, err := m.Catalog.States(ctx, CopiesTable)
	if err != nil {
		return nil, err
	}
	if len(states) == 0 {
		return nil, errNoCopiesTable
	}
	named, read := map[string]bool{}, map[string]bool{}
	for _, key := range m.drops {
		read[key] = true
	}
	for _, t := range states {
		files, err := t.Files(ctx)
		if err != nil {
			return nil, err
		}
		files = slices.DeleteFunc(slices.Clone(files), func(f File) bool { return read[f.Key] })
		for _, f := range files {
			read[f.Key] = true
		}
		if err := m.readCopies(ctx, t, files, named); err != nil {
			return nil, err
		}
	}
	return named, nil
}

// readCopies adds what data files of the table of files name.
func (m *maintenance) readCopies(ctx context.Context, t TableState, files []File, named map[string]bool) error {
	schema := t.Schema
	schema.Columns = slices.DeleteFunc(slices.Clone(schema.Columns), func(c Column) bool { return c.Name != copiesColumn })
	if len(schema.Columns) != 1 || schema.Columns[0].Type.Kind != String {
		return fmt.Errorf("table %s has no column %s of text", t.Schema.Table, copiesColumn)
	}
	for row, err := range ReadFiles(ctx, m.Storage, schema, t.Layout, files) {
		if err != nil {
			return err
		}
		if row.Values[0].IsNull() {
			continue
		}
		// A copy elsewhere is none of this warehouse's.
		if key, ok := m.Storage.Key(row.Values[0].Text()); ok {
			named[strings.Clone(key)] = true // the next row overwrites this one's text
		}
	}
	return nil
}
