package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/notionlake/notionlake/lake"
)

// CheckNewest fails with lake.ErrCatalogOld where a table has been published with
// metadata that the catalog does not know of: the version hint, which is written
// after each publication, tells.
func (c *Catalog) CheckNewest(ctx context.Context) error {
	l, hints, err := c.hints(ctx)
	if err != nil {
		return err
	}
	unknown := map[string]string{} // hints by key
	for i, e := range l.entries {
		switch known, err := c.knows(ctx, e, hints[i]); {
		case err != nil:
			return err
		case !known:
			unknown[e.key] = hints[i]
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	// Another process may have published after the catalog was read.
	if l, err = c.list(ctx); err != nil {
		return err
	}
	for _, e := range l.entries {
		switch known, err := c.knows(ctx, e, unknown[e.key]); {
		case err != nil:
			return err
		case !known:
			return c.older(l, e, unknown[e.key])
		}
	}
	return nil
}

// older is the error of a catalog that lacks what a table was published as.
func (c *Catalog) older(l listing, e *entry, hint string) error {
	return fmt.Errorf("table %s was published as %s and the catalog has %s, which did not come from it: %w: restore the catalog that published it, or, to go on from load %s and give up what the catalog does not have, delete the version-hint.text of its tables (below %s)",
		e.name, hint, strings.TrimSuffix(path.Base(e.location), metadataSuffix), lake.ErrCatalogOld, l.lastLoad(), c.store.URI(c.Folder()))
}

// knows reports whether the catalog knows what a version hint of a table says: it is
// what the table is, or was before. A higher number than the table's is of a
// publication that the catalog lacks. One that is not higher is so too where another
// catalog, a backup that was restored, was published with and then replaced.
func (c *Catalog) knows(ctx context.Context, e *entry, hint string) (bool, error) {
	name := hint + metadataSuffix
	switch n := metadataNumber(hint); {
	case n < 0, name == path.Base(e.location):
		return true, nil
	case n > metadataNumber(e.location):
		return false, nil
	}
	kept := 0
	for was := range e.meta.PreviousFiles() {
		if path.Base(was.MetadataFile) == name {
			return true, nil
		}
		kept++
	}
	if kept == 0 {
		return true, nil // such as Nessie, which tells of no past: every number is 0 there
	}
	// What is long ago leaves the log.
	location := strings.TrimSuffix(e.location, path.Base(e.location)) + name
	published, err := c.metadataAt(ctx, location)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("table %s: its version-hint.text names metadata file %s, which cannot be read (put it in order, or, if the catalog is the newest there is, delete the hint): %w", e.name, location, err)
	}
	snapshot := published.CurrentSnapshot()
	return snapshot == nil || e.meta.SnapshotByID(snapshot.SnapshotID) != nil, nil
}

// hints are the tables and their version hints.
func (c *Catalog) hints(ctx context.Context) (listing, []string, error) {
	l, err := c.list(ctx)
	if err != nil {
		return l, nil, err
	}
	hints := make([]string, len(l.entries))
	g, ctx := lake.NewGroup(ctx)
	g.SetLimit(parallelReads)
	for i, e := range l.entries {
		folder, err := c.tableFolder(e)
		if err != nil {
			continue // it is not in the warehouse: what is to be done there will say so
		}
		g.Go(func() error {
			var err error
			hints[i], err = c.hintOf(ctx, folder)
			return err
		})
	}
	return l, hints, g.Wait()
}

// MendHints writes the version hints that a run did not come to write which died
// after its commit. The lock is held.
func (c *Catalog) MendHints(ctx context.Context) error {
	l, hints, err := c.hints(ctx)
	if err != nil {
		return err
	}
	for i, e := range l.entries {
		folder, err := c.tableFolder(e)
		if err != nil || e.meta.CurrentSnapshot() == nil || metadataNumber(hints[i]) >= metadataNumber(e.location) {
			continue
		}
		if err := c.writeHint(ctx, folder, e.location); err != nil {
			return fmt.Errorf("table %s: %w", e.name, err)
		}
	}
	return nil
}

// hintOf is what the version hint of a table's folder says; "" where there is none.
func (c *Catalog) hintOf(ctx context.Context, folder string) (string, error) {
	data, err := c.store.ReadAll(ctx, folder+"/metadata/"+hintName)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(data)), err
}

// metadataNumber is the number in the name of a metadata file, -1 where it has
// none. Each publication has a higher one than the one before.
func metadataNumber(location string) int {
	digits, _, ok := strings.Cut(path.Base(location), "-")
	n, err := strconv.Atoi(strings.TrimPrefix(digits, "v"))
	if !ok || err != nil {
		return -1
	}
	return n
}
