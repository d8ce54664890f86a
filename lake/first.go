package lake

import (
	"context"
	"errors"
	"fmt"
)

// ErrCatalogEmptied is a catalog without tables over a warehouse that has some.
var ErrCatalogEmptied = errors.New("the catalog knows no tables, but the warehouse holds some")

// ErrCatalogOld is a catalog over a warehouse in which more has been published
// than the catalog knows of, such as one from a backup.
var ErrCatalogOld = errors.New("the catalog is older than the tables")

// checkFirst refuses to begin a history where there is one: with a catalog file
// that was emptied, lost or replaced, or a second one over the same warehouse,
// all earlier loads would be files that nothing names.
func (r *run) checkFirst(ctx context.Context) error {
	if len(r.view.before) > 0 {
		return nil
	}
	runs, err := r.knownRuns(ctx)
	if err != nil {
		return err
	}
	var refs map[string]bool
	for o, err := range r.Storage.List(ctx, r.Catalog.Folder()) {
		if err != nil {
			return fmt.Errorf("list the tables' files: %w", err)
		}
		if runs[runOf(o.Key)] || runOf(o.Key) == "" {
			continue // known, or no file of a table
		}
		if refs == nil {
			if refs, err = r.Catalog.References(ctx); err != nil {
				return err
			}
		}
		if !refs[o.Key] {
			return fmt.Errorf("%w, such as %s: the catalog was emptied or replaced: restore it from a backup, or, to begin a new history, move the folder %s away",
				ErrCatalogEmptied, r.Storage.describe(o.Key), r.Storage.describe(r.Catalog.Folder()))
		}
	}
	return nil
}
