package catalog

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

// manifestsOf reads the manifest list of a snapshot; nil has none.
func (c *Catalog) manifestsOf(ctx context.Context, s *table.Snapshot) ([]iceberg.ManifestFile, error) {
	if s == nil {
		return nil, nil
	}
	if s.ManifestList == "" {
		return nil, fmt.Errorf("snapshot %d has no manifest list: another program wrote it in format version 1", s.SnapshotID)
	}
	data, err := c.read(ctx, s.ManifestList)
	if err != nil {
		return nil, fmt.Errorf("snapshot %d: %w", s.SnapshotID, err)
	}
	list, err := decoded(func() ([]iceberg.ManifestFile, error) { return iceberg.ReadManifestList(bytes.NewReader(data)) })
	if err == nil {
		err = checkHeader(data)
	}
	if err != nil {
		return nil, lake.Damaged(fmt.Errorf("snapshot %d: manifest list %s is damaged: %w", s.SnapshotID, s.ManifestList, err))
	}
	if err := c.checkList(s, list); err != nil {
		return nil, err
	}
	return list, nil
}

// checkList compares a manifest list with what the snapshot of a load says of itself: one
// that is cut off between two blocks is whole to a reader.
func (c *Catalog) checkList(s *table.Snapshot, list []iceberg.ManifestFile) error {
	if !ofLoad(s) {
		return nil
	}
	var files int64
	for _, m := range list {
		if key, ok := c.store.Key(m.FilePath()); !ok || !fs.ValidPath(key) {
			return lake.Damaged(fmt.Errorf("snapshot %d: manifest list %s is damaged: it names %q", s.SnapshotID, s.ManifestList, m.FilePath()))
		}
		if m.ManifestContent() == iceberg.ManifestContentData {
			files += int64(m.AddedDataFiles()) + int64(m.ExistingDataFiles())
		}
	}
	if want := summaryCount(s, "total-data-files"); files != want {
		return lake.Damaged(fmt.Errorf("snapshot %d: manifest list %s is damaged: it names %d data files where there are %d", s.SnapshotID, s.ManifestList, files, want))
	}
	return nil
}

// decoded is what a decoder makes of a file. That some damage has a library panic is an
// error of the file, in whatever goroutine.
func decoded[T any](decode func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("its decoder gave up: %v", p)
		}
	}()
	return decode()
}

// entriesOf reads the live entries of a manifest.
func (c *Catalog) entriesOf(ctx context.Context, m iceberg.ManifestFile) ([]iceberg.ManifestEntry, error) {
	data, err := c.read(ctx, m.FilePath())
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != m.Length() {
		return nil, lake.Damaged(fmt.Errorf("manifest %s is damaged: it has %d bytes of %d", m.FilePath(), len(data), m.Length()))
	}
	entries, err := decoded(func() ([]iceberg.ManifestEntry, error) { return iceberg.ReadManifest(m, bytes.NewReader(data), true) })
	if err == nil {
		err = checkHeader(data)
	}
	if err != nil {
		return nil, lake.Damaged(fmt.Errorf("manifest %s is damaged: %w", m.FilePath(), err))
	}
	return entries, nil
}

// read reads a file of the warehouse by its URI.
func (c *Catalog) read(ctx context.Context, uri string) ([]byte, error) {
	key, ok := c.store.Key(uri)
	if !ok {
		return nil, fmt.Errorf("file %s is not in the warehouse %s", uri, c.store.Root())
	}
	return c.store.ReadAll(ctx, key)
}

// filesOf lists the live data files of a snapshot. They are taken from the
// manifests and not from a scan, which would leave out files without rows.
func (c *Catalog) filesOf(ctx context.Context, s *table.Snapshot, schema *iceberg.Schema) ([]lake.File, error) {
	manifests, err := c.manifestsOf(ctx, s)
	if err != nil {
		return nil, err
	}
	var files []lake.File
	if deletesRows(manifests) {
		return nil, rowDeletes(s)
	}
	for _, m := range manifests {
		if m.ManifestContent() != iceberg.ManifestContentData {
			continue // nothing in it is alive
		}
		entries, err := c.entriesOf(ctx, m)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			f, err := c.lakeFile(e.DataFile(), schema)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
	}
	return files, nil
}

// writeManifest writes entries into a new manifest.
func (t *target) writeManifest(ctx context.Context, entries []iceberg.ManifestEntry) (iceberg.ManifestFile, error) {
	key := fmt.Sprintf("%s/metadata/%s-m%d.avro", t.location, t.run, t.manifests)
	t.manifests++
	var buf bytes.Buffer
	m, err := iceberg.WriteManifest(t.store.URI(key), &buf, formatVersion, t.spec, t.schema, t.snapshotID, entries)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return m, t.write(ctx, key, buf.Bytes())
}

// writeManifestList writes the snapshot's list of manifests and returns its URI.
func (t *target) writeManifestList(ctx context.Context, manifests []iceberg.ManifestFile) (string, error) {
	key := fmt.Sprintf("%s/metadata/snap-%d-1-%s.avro", t.location, t.snapshotID, t.run)
	var parent *int64
	if t.parent != nil {
		parent = &t.parent.SnapshotID
	}
	var buf bytes.Buffer
	if err := iceberg.WriteManifestList(formatVersion, &buf, t.snapshotID, parent, &t.sequence, 0, manifests); err != nil {
		return "", fmt.Errorf("manifest list: %w", err)
	}
	return t.store.URI(key), t.write(ctx, key, buf.Bytes())
}

// rowDeletes is the error of a snapshot that cannot be read as the files it has.
func rowDeletes(s *table.Snapshot) error {
	return fmt.Errorf("snapshot %d holds row-level deletes, which another program wrote and this one does not read; rewrite the table's files (in Spark: CALL system.rewrite_data_files(table => …, options => map('rewrite-all', 'true', 'remove-dangling-deletes', 'true'))): %w", s.SnapshotID, lake.ErrAltered)
}

// plain refuses a snapshot of which rows are deleted by other files than its own.
func (c *Catalog) plain(ctx context.Context, s *table.Snapshot) error {
	manifests, err := c.manifestsOf(ctx, s)
	if err == nil && deletesRows(manifests) {
		err = rowDeletes(s)
	}
	return err
}

// deletesRows reports whether one of the manifests names files that delete rows of others.
func deletesRows(manifests []iceberg.ManifestFile) bool {
	return slices.ContainsFunc(manifests, func(m iceberg.ManifestFile) bool {
		return m.ManifestContent() != iceberg.ManifestContentData && (m.HasAddedFiles() || m.HasExistingFiles())
	})
}
