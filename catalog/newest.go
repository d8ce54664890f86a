package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/lake"
)

// CheckNewest fails with lake.ErrCatalogOld where a table has been published with
// newer metadata than the catalog has: the version hint, which is written after
// each publication, tells.
func (c *Catalog) CheckNewest(ctx context.Context) error {
	l, hints, err := c.hints(ctx)
	if err != nil {
		return err
	}
	behind := map[string]string{} // hints by key
	for i, e := range l.entries {
		if metadataNumber(hints[i]) > metadataNumber(e.location) {
			behind[e.key] = hints[i]
		}
	}
	if len(behind) == 0 {
		return nil
	}
	// Another process may have published after the catalog was read.
	if l, err = c.list(ctx); err != nil {
		return err
	}
	i := slices.IndexFunc(l.entries, func(e *entry) bool { return metadataNumber(behind[e.key]) > metadataNumber(e.location) })
	if i < 0 {
		return nil
	}
	e := l.entries[i]
	return fmt.Errorf("table %s was published as %s and the catalog has %s: %w: restore the newer catalog, or, to go on from load %s and give up what came after it, delete the version-hint.text of its tables (below %s)",
		e.name, behind[e.key], strings.TrimSuffix(path.Base(e.location), metadataSuffix), lake.ErrCatalogOld, l.lastLoad(), c.store.URI(c.Folder()))
}

// hints are the tables and their version hints.
func (c *Catalog) hints(ctx context.Context) (listing, []string, error) {
	l, err := c.list(ctx)
	if err != nil {
		return l, nil, err
	}
	hints := make([]string, len(l.entries))
	g, ctx := errgroup.WithContext(ctx)
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
