package catalog

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/notionlake/notionlake/lake"
)

const (
	metadataSuffix = ".metadata.json"
	hintName       = "version-hint.text"
)

// published does what follows a publication. None of it is needed to read the
// tables from the catalog, and the load is published whatever becomes of it:
// what fails is logged, and made good by the next publication.
func (a *attempt) published(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := a.backend.finish(ctx, a); err != nil {
		a.logger.WarnContext(ctx, "what follows the publication could not be done: the next load does it", "error", err)
	}
	g, _ := lake.NewGroup(ctx)
	g.SetLimit(parallelTables)
	for _, t := range slices.Concat(a.targets, a.tagged) {
		if a.hold && t.base == nil || t.metadata == "" {
			continue // it is not in the catalog, or the server did not say how it stands there
		}
		a.remember(t.metadata, t.meta)
		g.Go(func() error {
			if err := a.writeHint(ctx, t.location, t.metadata); err != nil {
				a.logger.WarnContext(ctx, "the version hint of a table could not be written: readers by path see an earlier load until the next one",
					"table", t.name, "error", err)
			}
			if err := a.drop(ctx, t); err != nil {
				a.logger.WarnContext(ctx, "old metadata files of a table could not be deleted", "table", t.name, "error", err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil { // what failed is logged, but for a panic
		a.logger.ErrorContext(ctx, "what follows the publication was not done: the next load does it", "error", err)
	}
}

// writeHint writes the file by which a reader without a catalog finds the current
// metadata: it holds the name of the metadata file without its ending.
func (c *Catalog) writeHint(ctx context.Context, folder, metadata string) error {
	key := folder + "/metadata/" + hintName
	if err := c.point.Hit("catalog.hint", key); err != nil {
		return err
	}
	if err := c.store.Replace(ctx, key, []byte(strings.TrimSuffix(path.Base(metadata), metadataSuffix))); err != nil {
		return err
	}
	return c.point.Hit("catalog.hint.done", key)
}

// drop deletes the files that drops lists.
func (a *attempt) drop(ctx context.Context, t *target) error {
	for _, key := range a.drops(t) {
		if err := a.point.Hit("catalog.delete", key); err != nil {
			return err
		}
		if err := a.store.Delete(ctx, key); err != nil {
			return err
		}
		if err := a.point.Hit("catalog.delete.done", key); err != nil {
			return err
		}
	}
	return nil
}

// drops are the keys of what the publication makes superfluous: the metadata files
// that leave the table's log, as far as they lie where the table's metadata lies.
// Where a server writes them they are its own.
func (a *attempt) drops(t *target) []string {
	keys := slices.Clone(t.superfluous)
	if t.base == nil || !a.backend.writesMetadata() {
		return keys
	}
	for _, file := range dropped(t.base, t.meta) {
		key, ok := a.store.Key(file)
		if ok && path.Dir(key) == t.location+"/metadata" && strings.HasSuffix(key, metadataSuffix) {
			keys = append(keys, key)
		}
	}
	return keys
}
