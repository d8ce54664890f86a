package lake

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Orphans are files that nothing names.
type Orphans struct {
	FileCount
	Keys []string `json:"keys"`
	// Left are those that could not be deleted, which the next Maintain does.
	Left []string `json:"left,omitempty"`
	// Folders are those that belong to no table of the catalog. What is in them is
	// not deleted: it may be all that is left of tables that someone dropped.
	Folders []string `json:"folders"`
	// Loose are the files that lie beside the folders of the tables. They stay too.
	Loose []string `json:"loose,omitempty"`
}

// orphans deletes the files below the tables' folders that no table and no entry
// of the journal names. Those that are younger than the plan says stay: another
// program may be about to publish them.
func (m *maintenance) orphans(ctx context.Context) error {
	// The files are listed before it is asked which are needed, so that none is
	// missed that is published meanwhile.
	var found []ObjectInfo
	before := m.now().Add(-m.plan.Orphans)
	for o, err := range m.Storage.List(ctx, m.Catalog.Folder()) {
		if err != nil {
			return fmt.Errorf("list the tables' files: %w", err)
		}
		if o.ModTime.Before(before) {
			found = append(found, o)
		}
	}
	refs, err := m.Catalog.References(ctx)
	if err != nil {
		return fmt.Errorf("orphan files: %w: %w", errNotKnown, err)
	}
	runs, err := m.knownRuns(ctx)
	if err != nil {
		return err
	}
	tables, err := m.Catalog.Tables(ctx)
	if err != nil {
		return err
	}
	folders := map[string]bool{}
	for _, t := range tables {
		folders[path.Dir(strings.TrimSuffix(t.Layout.Prefix, "/"))] = true
	}
	all, err := m.Catalog.Folders(ctx)
	if err != nil {
		return err
	}
	unknown, sizes := map[string]bool{}, map[string]int64{}
	var keys []string
	for _, o := range found {
		if refs[o.Key] || runs[runOf(o.Key)] {
			continue
		}
		folder := tableFolder(o.Key, m.Catalog.Folder())
		if folder == o.Key {
			m.report.Orphans.Loose = append(m.report.Orphans.Loose, o.Key)
			continue
		}
		if !folders[folder] {
			if !slices.Contains(all, folder) {
				unknown[folder] = true
			}
			continue
		}
		sizes[o.Key] = o.Bytes
		keys = append(keys, o.Key)
	}
	slices.Sort(keys)
	slices.Sort(m.report.Orphans.Loose)
	m.report.Orphans.Folders = append(m.report.Orphans.Folders, slices.Sorted(maps.Keys(unknown))...)
	if m.plan.DryRun {
		m.report.Orphans.FileCount, m.report.Orphans.Keys = m.count(keys, sizes), append(m.report.Orphans.Keys, keys...)
		return nil
	}
	for _, prefix := range []string{m.Catalog.Folder(), journalRoot + m.Catalog.Folder()} {
		if n, err := m.Storage.AbortUploads(ctx, prefix, before); err != nil {
			m.Logger.WarnContext(ctx, "uploads that killed programs began could not be ended", "error", err)
		} else if n > 0 {
			m.Logger.InfoContext(ctx, "uploads that killed programs began were ended", "uploads", n)
		}
	}
	left, err := m.Storage.deleteEach(ctx, keys)
	gone := without(keys, left)
	m.report.Did = m.report.Did || len(keys) > 0
	m.report.Orphans.FileCount, m.report.Orphans.Keys = m.count(gone, sizes), append(m.report.Orphans.Keys, gone...)
	m.report.Orphans.Left = left
	return err
}

// tableFolder is the folder of the table that a file lies in: right below the
// catalog's. A file that lies there itself is in none: then it is the file's key.
func tableFolder(key, catalog string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(key, catalog), "/")
	return catalog + name
}

// knownRuns are the runs of the journal's entries: of loads that are held or to
// be continued. Of those that were put aside as damaged the names tell.
func (s *session) knownRuns(ctx context.Context) (map[string]bool, error) {
	entries, damaged, _, err := s.journal.list(ctx)
	if err != nil {
		return nil, err
	}
	runs := map[string]bool{}
	for _, e := range entries {
		runs[string(e.Run)] = true
	}
	for _, d := range damaged {
		runs[runOf(d.key)] = true
	}
	for o, err := range s.Storage.List(ctx, s.journal.damaged()) {
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		runs[runOf(o.Key)] = true
	}
	return runs, nil
}
