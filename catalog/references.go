package catalog

import (
	"context"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/lake"
)

// parallelReads is how many manifests are read at a time.
const parallelReads = 8

// References returns the storage keys of every file that the metadata of any
// table of the namespace names, foreign tables included: metadata files, the log
// of earlier ones, manifest lists and manifests of all snapshots, data and delete
// files, statistics, and the version hint. Data files and tables that lie outside
// the warehouse are left out; a list of files outside is an error.
func (c *Catalog) References(ctx context.Context) (map[string]bool, error) {
	return c.references(ctx, nil, nil)
}

// references is References where the tables that next has are as it says. Of the
// snapshots that only the metadata of after, by table name, does without, those are
// left out that cannot be read.
func (c *Catalog) references(ctx context.Context, next, after map[string]table.Metadata) (map[string]bool, error) {
	rows, err := c.backend.rows(ctx)
	if err != nil {
		return nil, err
	}
	r := &references{catalog: c, keys: map[string]bool{}}
	for _, row := range rows {
		if row.unknown != "" {
			return nil, fmt.Errorf("table %s: %s", row.name, row.unknown)
		}
		if _, ok := c.store.Key(row.location); row.other != "" || !ok {
			continue
		}
		meta, ok := next[row.name]
		if !ok {
			if meta, err = c.metadata(ctx, row); err != nil {
				return nil, err
			}
		}
		r.add(row.location)
		if err := r.serverFiles(ctx, row.location); err != nil {
			return nil, err
		}
		if err := r.table(ctx, row.name, meta, after[row.name]); err != nil {
			return nil, fmt.Errorf("table %s: %w", row.name, err)
		}
	}
	return r.keys, nil
}

type references struct {
	catalog *Catalog
	mu      sync.Mutex
	keys    map[string]bool
}

func (r *references) add(uris ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, uri := range uris {
		if key, ok := r.catalog.store.Key(uri); ok {
			r.keys[key] = true
		}
	}
}

// serverFiles adds the metadata files beside the current one where a server keeps
// them: whether it still needs them is its own business.
func (r *references) serverFiles(ctx context.Context, location string) error {
	key, ok := r.catalog.store.Key(location)
	if r.catalog.backend.writesMetadata() || !ok {
		return nil
	}
	for o, err := range r.catalog.store.List(ctx, path.Dir(key)+"/") {
		if err != nil {
			return fmt.Errorf("list metadata files: %w", err)
		}
		// With Hadoop's files beside them that hold their checksums.
		if strings.HasSuffix(strings.TrimSuffix(o.Key, ".crc"), metadataSuffix) && !strings.HasPrefix(path.Base(o.Key), heldPrefix) {
			r.add(r.catalog.store.URI(o.Key))
		}
	}
	return nil
}

func (r *references) table(ctx context.Context, name string, meta, after table.Metadata) error {
	r.add(strings.TrimSuffix(meta.Location(), "/") + "/metadata/" + hintName)
	for entry := range meta.PreviousFiles() {
		r.add(entry.MetadataFile)
	}
	for s := range meta.Statistics() {
		r.add(s.StatisticsPath)
	}
	for s := range meta.PartitionStatistics() {
		r.add(s.StatisticsPath)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelReads)
	for _, s := range meta.Snapshots() {
		g.Go(func() error {
			err := r.snapshot(ctx, &s)
			switch {
			case err == nil || ctx.Err() != nil:
				return err
			case after != nil && after.SnapshotByID(s.SnapshotID) == nil:
				r.catalog.logger.WarnContext(ctx, "what a load consists of that expires cannot be read: its files stay until maintain finds that nothing names them",
					"table", name, "snapshot", s.SnapshotID, "error", err)
				return nil
			default:
				return &unreadableError{load: loadOf(&s), err: err}
			}
		})
	}
	return g.Wait()
}

// snapshot adds what a snapshot names. That never changes, and is read once.
func (r *references) snapshot(ctx context.Context, s *table.Snapshot) error {
	list, err := r.names(s.ManifestList, func() ([]string, error) {
		manifests, err := r.catalog.manifestsOf(ctx, s)
		if err != nil {
			return nil, err
		}
		uris := []string{s.ManifestList}
		for _, m := range manifests {
			uris = append(uris, m.FilePath())
			if _, err := r.names(m.FilePath(), func() ([]string, error) { return r.manifest(ctx, m) }); err != nil {
				return nil, fmt.Errorf("snapshot %d: %w", s.SnapshotID, err)
			}
		}
		return uris, nil
	})
	if err != nil {
		return err
	}
	r.add(list...)
	for _, uri := range list[1:] {
		files, err := r.names(uri, nil)
		if err != nil {
			return err
		}
		r.add(files...)
	}
	return nil
}

// An unreadableError is a snapshot of which it cannot be told what it consists of, so
// that nothing can be deleted as long as it is kept.
type unreadableError struct {
	load lake.LoadID
	err  error
}

func (e *unreadableError) Error() string {
	text := e.err.Error()
	if e.load != "" {
		text += fmt.Sprintf(" (put the file back, or give load %s up: `notionlake expire --load %[1]s`)", e.load)
	}
	return text
}

func (e *unreadableError) Unwrap() error { return e.err }

// loadOf is the load that made a snapshot, "" for none.
func loadOf(s *table.Snapshot) lake.LoadID {
	if !ofLoad(s) {
		return ""
	}
	return lake.LoadID(s.Summary.Properties[loadEntry])
}

// names returns what a manifest or a list of them names, known or read.
func (r *references) names(uri string, read func() ([]string, error)) ([]string, error) {
	c := r.catalog
	c.mu.Lock()
	uris, ok := c.named[uri]
	c.mu.Unlock()
	if ok {
		return uris, nil
	}
	uris, err := read()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.named[uri] = uris
	return uris, nil
}

func (r *references) manifest(ctx context.Context, m iceberg.ManifestFile) ([]string, error) {
	entries, err := r.catalog.entriesOf(ctx, m)
	if err != nil {
		return nil, err
	}
	uris := make([]string, len(entries))
	for i, e := range entries {
		uris[i] = e.DataFile().FilePath()
	}
	return uris, nil
}
