package catalog

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

// mergeManifests is how many manifests a table may have that keeps files before
// they are merged into one: readers open every manifest.
const mergeManifests = 50

// contents are what a new snapshot holds, and how that differs from its parent.
type contents struct {
	manifests             []iceberg.ManifestFile
	added, removed, total count
	// deletes says that row-level deletes, which only other programs make, stay.
	deletes bool
	// older says that what is added is in manifests of older snapshots: who reads
	// what a snapshot appends would not find it.
	older bool
}

// A count is a number of files with their rows and bytes.
type count struct{ files, rows, bytes int64 }

func (c *count) add(d iceberg.DataFile) {
	c.files, c.rows, c.bytes = c.files+1, c.rows+d.Count(), c.bytes+d.FileSizeBytes()
}

// fill writes the manifests of the new snapshot. Its files are those of the
// change and, where that appends, those of the parent. A file that the parent
// has already stays the entry that it is, and a manifest of which all entries
// stay is taken over as it is.
func (t *target) fill(ctx context.Context) (contents, error) {
	if t.staged.restores != nil {
		return t.refill(ctx, *t.staged.restores)
	}
	files := map[string]lake.File{} // not yet in the table, by URI
	for _, f := range t.files {
		files[t.store.URI(f.Key)] = f
	}
	if len(files) != len(t.files) {
		return contents{}, fmt.Errorf("one data file is given twice")
	}
	var out contents
	parents, entriesOf, err := t.parentContents(ctx)
	switch {
	case err == nil:
	case t.staged.appends || !lake.IsLost(err) || slices.ContainsFunc(t.files, func(f lake.File) bool { return f.Reused }):
		return contents{}, err
	default: // nothing of the parent stays: what goes is counted as it says itself
		t.logger.WarnContext(ctx, "what a table consists of cannot be read: all of it is replaced, and earlier loads have lost rows of it", "table", t.name, "error", err)
		parents, out.removed = nil, countOf(t.parent)
	}
	had := map[string]bool{} // URIs of the parent's files
	var deletes []iceberg.ManifestFile
	var changed []iceberg.ManifestEntry // of manifests that are not taken over
	merge := len(parents) >= mergeManifests
	for _, m := range parents {
		if m.ManifestContent() != iceberg.ManifestContentData {
			deletes = append(deletes, m)
			continue
		}
		entries := entriesOf[m.FilePath()]
		for _, e := range entries {
			had[e.DataFile().FilePath()] = true
		}
		// Entries of another partition spec cannot move to a manifest of this one.
		other := int(m.PartitionSpecID()) != t.spec.ID()
		whole, split := t.split(entries, files, other, &out)
		switch {
		case len(entries) == 0:
		case whole && (other || !merge):
			out.manifests = append(out.manifests, m)
		case !other:
			changed = append(changed, split...)
		}
	}
	if err := t.checkReused(had, deletesRows(parents)); err != nil {
		return contents{}, err
	}
	if out.total.files > 0 {
		out.deletes = len(deletes) > 0
		out.manifests = append(out.manifests, deletes...)
	}
	added, err := t.added(files, &out)
	if err != nil {
		return contents{}, err
	}
	for _, entries := range [][]iceberg.ManifestEntry{changed, added} {
		if len(entries) == 0 {
			continue
		}
		m, err := t.writeManifest(ctx, entries)
		if err != nil {
			return contents{}, err
		}
		out.manifests = append(out.manifests, m)
	}
	return out, nil
}

// checkReused refuses files that were taken over from the table as it was when the
// load began, where it is not the parent any more.
func (t *target) checkReused(had map[string]bool, deletes bool) error {
	for _, f := range t.files {
		if f.Reused && (deletes || !had[t.store.URI(f.Key)]) {
			return fmt.Errorf("table %s has been changed by another program since this load began, and its file %s is not what it was: %w", t.name, f.Key, lake.ErrConflict)
		}
	}
	return nil
}

// refill takes over the files of another snapshot of the table. Those that the
// parent has too stay the entries that they are.
func (t *target) refill(ctx context.Context, from restored) (contents, error) {
	var out contents
	if len(t.files) > 0 {
		return out, fmt.Errorf("a change that takes files over takes no others")
	}
	manifests, err := t.manifestsOf(ctx, from.snapshot)
	if err != nil {
		return out, err
	}
	if deletesRows(manifests) {
		return out, rowDeletes(from.snapshot)
	}
	had, err := t.parentEntries(ctx)
	switch {
	case err == nil:
	case from.anew || ctx.Err() != nil:
		return out, err
	default: // a rollback is the way out of that: what goes is counted as the parent says
		out.removed = countOf(t.parent)
	}
	var entries []iceberg.ManifestEntry
	for _, m := range manifests {
		if m.ManifestContent() != iceberg.ManifestContentData {
			continue // nothing in it is alive
		}
		live, err := t.entriesOf(ctx, m)
		if err != nil {
			return out, err
		}
		for _, e := range live {
			d := e.DataFile()
			out.total.add(d)
			if old, ok := had[d.FilePath()]; ok {
				delete(had, d.FilePath())
				snapshot, sequence := old.SnapshotID(), old.SequenceNum()
				entries = append(entries, iceberg.NewManifestEntry(iceberg.EntryStatusEXISTING, &snapshot, &sequence, old.FileSequenceNum(), d))
				continue
			}
			out.added.add(d)
			entries = append(entries, iceberg.NewManifestEntry(iceberg.EntryStatusADDED, &t.snapshotID, nil, nil, d))
		}
		if !from.anew {
			out.manifests = append(out.manifests, m)
		}
	}
	for _, e := range had {
		out.removed.add(e.DataFile())
	}
	if !from.anew || len(entries) == 0 {
		out.older = out.added.files > 0
		return out, nil
	}
	m, err := t.writeManifest(ctx, entries)
	if err != nil {
		return out, err
	}
	out.manifests = append(out.manifests, m)
	return out, nil
}

// countOf is what a snapshot says itself of what it consists of.
func countOf(s *table.Snapshot) count {
	return count{summaryCount(s, "total-data-files"), summaryCount(s, "total-records"), summaryCount(s, "total-files-size")}
}

// parentContents are the manifests of the parent, and the entries of those with data
// files, by the manifest's path.
func (t *target) parentContents(ctx context.Context) ([]iceberg.ManifestFile, map[string][]iceberg.ManifestEntry, error) {
	manifests, err := t.manifestsOf(ctx, t.parent)
	if err != nil {
		return nil, nil, err
	}
	entries := map[string][]iceberg.ManifestEntry{}
	for _, m := range manifests {
		if m.ManifestContent() != iceberg.ManifestContentData {
			continue
		}
		if entries[m.FilePath()], err = t.entriesOf(ctx, m); err != nil {
			return nil, nil, err
		}
	}
	return manifests, entries, nil
}

// parentEntries are the entries of the parent's files, by their URIs.
func (t *target) parentEntries(ctx context.Context) (map[string]iceberg.ManifestEntry, error) {
	_, entries, err := t.parentContents(ctx)
	if err != nil {
		return nil, err
	}
	had := map[string]iceberg.ManifestEntry{}
	for _, of := range entries {
		for _, e := range of {
			had[e.DataFile().FilePath()] = e
		}
	}
	return had, nil
}

// split repeats the entries of a manifest as what they become, existing or
// deleted, and reports whether all of them stay.
func (t *target) split(entries []iceberg.ManifestEntry, files map[string]lake.File, other bool, out *contents) (bool, []iceberg.ManifestEntry) {
	whole := true
	split := make([]iceberg.ManifestEntry, 0, len(entries))
	for _, e := range entries {
		d := e.DataFile()
		snapshot, sequence, status := e.SnapshotID(), e.SequenceNum(), iceberg.EntryStatusEXISTING
		if _, stays := files[d.FilePath()]; t.staged.appends || stays && !other {
			delete(files, d.FilePath())
			out.total.add(d)
		} else {
			whole = false
			out.removed.add(d)
			snapshot, status = t.snapshotID, iceberg.EntryStatusDELETED
		}
		split = append(split, iceberg.NewManifestEntry(status, &snapshot, &sequence, e.FileSequenceNum(), d))
	}
	return whole, split
}

// added makes the entries of the files that are new in the table, in their order.
func (t *target) added(files map[string]lake.File, out *contents) ([]iceberg.ManifestEntry, error) {
	var entries []iceberg.ManifestEntry
	for _, f := range t.files {
		if _, ok := files[t.store.URI(f.Key)]; !ok {
			continue
		}
		d, err := t.dataFile(f, t.spec, t.schema)
		if err != nil {
			return nil, err
		}
		out.added.add(d)
		out.total.add(d)
		entries = append(entries, iceberg.NewManifestEntry(iceberg.EntryStatusADDED, &t.snapshotID, nil, nil, d))
	}
	return entries, nil
}

// summary is the snapshot's summary, without the load's entries.
func (c contents) summary(parent *table.Snapshot) (table.Operation, iceberg.Properties) {
	props := iceberg.Properties{}
	put := func(name string, n int64, always bool) {
		if n > 0 || always {
			props[name] = strconv.FormatInt(n, 10)
		}
	}
	put("added-data-files", c.added.files, false)
	put("added-records", c.added.rows, false)
	put("added-files-size", c.added.bytes, false)
	put("deleted-data-files", c.removed.files, false)
	put("deleted-records", c.removed.rows, false)
	put("removed-files-size", c.removed.bytes, false)
	put("total-data-files", c.total.files, true)
	put("total-records", c.total.rows, true)
	put("total-files-size", c.total.bytes, true)
	for _, name := range []string{"delete-files", "position-deletes", "equality-deletes"} {
		had := summaryCount(parent, "total-"+name)
		if c.deletes {
			put("total-"+name, had, true)
		} else {
			put("removed-"+name, had, false)
			put("total-"+name, 0, true)
		}
	}
	if c.removed.files > 0 || c.older {
		return table.OpOverwrite, props
	}
	return table.OpAppend, props
}

// summaryCount is a number of a snapshot's summary; 0 where it lacks it.
func summaryCount(s *table.Snapshot, name string) int64 {
	if s == nil || s.Summary == nil {
		return 0
	}
	n, err := strconv.ParseInt(s.Summary.Properties[name], 10, 64)
	if err != nil {
		return 0
	}
	return n
}
