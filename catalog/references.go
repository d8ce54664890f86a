package catalog

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

// parallelReads is how many manifests are read at a time.
const parallelReads = 8

// References returns the storage keys of every file that the metadata of any
// table of the namespace names, foreign tables included: metadata files, the log
// of earlier ones, manifest lists and manifests of all snapshots, data and delete
// files, statistics, and the version hint; and all files of a table of which it is not
// known what it consists of in some load. Data files and tables that lie outside the
// warehouse are left out; a list of files outside is an error.
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
	var mu sync.Mutex
	var lost []lostSnapshot
	g, gctx := lake.NewGroup(ctx)
	g.SetLimit(parallelReads)
	for _, s := range meta.Snapshots() {
		g.Go(func() error {
			err := r.snapshot(gctx, &s)
			if err == nil || !lake.IsLost(err) || !ofLoad(&s) || writesElsewhere(meta.Properties()) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			lost = append(lost, lostSnapshot{&s, err})
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return r.keepFolder(ctx, name, meta, after, lost)
}

// A lostSnapshot is one of which it cannot be told what it consists of.
type lostSnapshot struct {
	*table.Snapshot
	err error
}

// writesElsewhere reports whether files of a table may lie outside its folder.
func writesElsewhere(p iceberg.Properties) bool {
	return p["write.data.path"] != "" || p["write.metadata.path"] != "" || p["write.object-storage.path"] != ""
}

// keepFolder adds all files in a table's folder where snapshots of it are lost that are
// kept: what they consist of lies there, for loads made them. after is the table's
// metadata once those have left that expire, nil where none do.
func (r *references) keepFolder(ctx context.Context, name string, meta, after table.Metadata, lost []lostSnapshot) error {
	log := r.catalog.logger
	kept := slices.DeleteFunc(lost, func(s lostSnapshot) bool {
		goes := after != nil && after.SnapshotByID(s.SnapshotID) == nil
		if goes {
			log.WarnContext(ctx, "what a load consists of that expires cannot be read: its files stay until maintain finds that nothing names them",
				"table", name, "snapshot", s.SnapshotID, "error", s.err)
		}
		return goes
	})
	if len(kept) == 0 {
		return nil
	}
	log.WarnContext(ctx, "what a table consists of in some loads cannot be read: none of its files is deleted",
		"table", name, "error", kept[0].err, "cure", cureOf(meta, kept))
	folder, ok := r.catalog.store.Key(strings.TrimSuffix(meta.Location(), "/"))
	if !ok {
		return kept[0].err
	}
	for o, err := range r.catalog.store.List(ctx, folder+"/") {
		if err != nil {
			return fmt.Errorf("list its files: %w", err)
		}
		r.add(r.catalog.store.URI(o.Key))
	}
	return nil
}

// cureOf says what can be done about snapshots that are lost.
func cureOf(meta table.Metadata, lost []lostSnapshot) string {
	loads, held := map[string]bool{}, map[string]bool{}
	now := false
	for _, s := range lost {
		for tag, ref := range meta.Refs() {
			if ref.SnapshotID != s.SnapshotID {
				continue
			}
			if id, ok := loadOfTag(tag); ok {
				loads[string(id)] = true
			} else if id, ok := heldLoad(tag); ok {
				held[string(id)] = true
			}
			now = now || tag == table.MainBranch
		}
	}
	cures := []string{"put the file back"}
	switch {
	case now && meta.Properties()[keyProperty] == lake.LedgerTable:
		cures = append(cures, "`notionlake run --full` makes the table anew")
	case now: // the newest load does not expire
		cures = append(cures, "let a load replace the table (`notionlake run`); one that Notion has no more can be dropped with an engine")
	case len(loads) > 0:
		cures = append(cures, "give up what cannot be read any more: `notionlake expire --load "+strings.Join(slices.Sorted(maps.Keys(loads)), " --load ")+"`")
	}
	for _, id := range slices.Sorted(maps.Keys(held)) {
		cures = append(cures, "`notionlake discard "+id+"`")
	}
	return strings.Join(cures, ", or ")
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
