package lake

import (
	"context"
	"errors"
	"fmt"
	"path"
)

// ErrCatalogEmptied is a catalog without tables over a warehouse that has some.
var ErrCatalogEmptied = errors.New("the catalog knows no tables, but the warehouse holds some")

// ErrCatalogOld is a catalog over a warehouse in which more has been published
// than the catalog knows of, such as one from a backup.
var ErrCatalogOld = errors.New("the catalog is older than the tables")

// ErrOtherCatalog is a warehouse in which runs with another catalog have not ended.
var ErrOtherCatalog = errors.New("a run with another catalog has not ended in this warehouse")

// hintName ends the key of the version hint of a table, which is there once the table
// has been published.
const hintName = "/metadata/version-hint.text"

// checkCatalog fails where the catalog is not the one of the warehouse: what its tables
// do not name is no reason to delete anything then, nor to begin a history.
func (s *session) checkCatalog(ctx context.Context, entries []journalEntry, last LoadID) error {
	if last == "" {
		if err := s.checkFirst(ctx); err != nil {
			return err
		}
	}
	id, err := s.Catalog.ID(ctx)
	if err != nil || id == "" {
		return err
	}
	for _, e := range entries {
		if e.Catalog != "" && e.Catalog != id {
			return fmt.Errorf("%w: %s is of load %s, begun at %s: use that catalog, or give this one a warehouse or a namespace of its own; where that catalog is lost for good, delete this file",
				ErrOtherCatalog, s.Storage.describe(s.journal.key(e)), dash(e.LoadID), e.Started.Format("2006-01-02 15:04:05 MST"))
		}
	}
	return nil
}

// checkFirst refuses to begin a history where there is one: with a catalog file
// that was emptied, lost or replaced, or a second one over the same warehouse,
// all earlier loads would be files that nothing names.
func (s *session) checkFirst(ctx context.Context) error {
	tables, err := s.Catalog.Tables(ctx)
	if err != nil || len(tables) > 0 {
		return err
	}
	runs, err := s.knownRuns(ctx)
	if err != nil {
		return err
	}
	var refs map[string]bool
	for o, err := range s.Storage.List(ctx, s.Catalog.Folder()) {
		if err != nil {
			return fmt.Errorf("list the tables' files: %w", err)
		}
		// What a run wrote that has not ended, or is no file of a table, tells nothing; that
		// a table was published does, whoever wrote it.
		if run := runOf(o.Key); hintedFolder(o.Key) == "" && (runs[run] || run == "") {
			continue
		}
		if refs == nil {
			if refs, err = s.Catalog.References(ctx); err != nil {
				return err
			}
		}
		if !refs[o.Key] {
			return fmt.Errorf("%w, such as %s: the catalog was emptied or replaced, or the configuration names another one: restore it from a backup, or, to begin a new history, move the folder %s away",
				ErrCatalogEmptied, s.Storage.describe(o.Key), s.Storage.describe(s.Catalog.Folder()))
		}
	}
	return nil
}

// hintedFolder is the folder of the table whose version hint has this key; "" where it
// is none.
func hintedFolder(key string) string {
	folder := path.Dir(path.Dir(key))
	if key != folder+hintName {
		return ""
	}
	return folder
}
