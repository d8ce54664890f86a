package lake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// ErrCatalogEmptied is a catalog without tables over a warehouse that has some.
var ErrCatalogEmptied = errors.New("the catalog knows no tables, but the warehouse holds some")

// ErrCatalogOld is a catalog over a warehouse in which more has been published
// than the catalog knows of, such as one from a backup.
var ErrCatalogOld = errors.New("the catalog is older than the tables")

// ErrOtherCatalog is a warehouse in which runs with another catalog have not ended.
var ErrOtherCatalog = errors.New("a run with another catalog has not ended in this warehouse")

// checkCatalog fails where the catalog is not the one of the warehouse: what its tables
// do not name is no reason to delete anything then, nor to begin a history. Of another one
// tell, where it has no loads, the files of published tables, and the entries of runs: of
// those it returns the ones that are this catalog's own. Others may live; they are left
// as they are.
func (s *session) checkCatalog(ctx context.Context, entries []journalEntry, known loads) (own []journalEntry, err error) {
	if known.last == "" {
		if err := s.checkFirst(ctx); err != nil {
			return nil, err
		}
	}
	id, err := s.Catalog.ID(ctx)
	if err != nil {
		return nil, err
	}
	var published []LoadID
	for _, e := range entries {
		if e.isOwn(id, known) {
			own = append(own, e)
			continue
		}
		if published == nil {
			if published, err = s.Catalog.Loads(ctx); err != nil {
				return nil, err
			}
		}
		entry := s.Storage.describe(s.journal.key(e))
		switch {
		case slices.Contains(published, e.LoadID): // it is the same catalog, wherever it was then
			own = append(own, e)
		case known.last == "":
			return nil, fmt.Errorf("%w: %s is of load %s, begun at %s: use that catalog, or give this one a warehouse or a namespace of its own; where that catalog is lost for good, move this file and the folder %s away",
				ErrOtherCatalog, entry, dash(e.LoadID), e.Started.Format("2006-01-02 15:04:05 MST"), s.Storage.describe(s.Catalog.Folder()))
		default:
			s.Logger.WarnContext(ctx, "a run with another catalog has not ended in this warehouse: what it wrote is left as it is",
				"entry", entry, "load", e.LoadID, "began", e.Started, "cure", "use one catalog for one warehouse; where that one is lost, or is this one at another address, delete the entry: `notionlake maintain` finds what the run left")
		}
	}
	return own, nil
}

// isOwn reports whether an entry is of a run with the catalog of that ID, as far as the entry
// and the loads that are held there tell.
func (e journalEntry) isOwn(id string, known loads) bool {
	return e.Catalog == "" || e.Catalog == id || slices.Contains(known.pinned, e.LoadID)
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
	var found hints
	for o, err := range s.Storage.List(ctx, s.Catalog.Folder()) {
		if err != nil {
			return fmt.Errorf("list the tables' files: %w", err)
		}
		if refs == nil {
			if refs, err = s.Catalog.References(ctx); err != nil {
				return err
			}
		}
		if refs[o.Key] {
			continue
		}
		found.see(o.Key)
		// What a run wrote that has not ended tells nothing, nor what is no file of a table.
		if run := runOf(o.Key); run != "" && !runs[run] {
			return s.emptied(o.Key)
		}
	}
	folders, err := found.published(ctx, s.Storage)
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		return s.emptied(folder)
	}
	return err
}

func (s *session) emptied(key string) error {
	return fmt.Errorf("%w, such as %s: the catalog was emptied or replaced, or the configuration names another one: restore it from a backup, or, to begin a new history, move the folders %s and %s away",
		ErrCatalogEmptied, s.Storage.describe(key), s.Storage.describe(s.Catalog.Folder()), s.Storage.describe(journalRoot+s.Catalog.Folder()))
}

// hintName ends the key of the version hint of a table, which is written when the table
// has been published, and names its metadata file.
const hintName = "/metadata/version-hint.text"

// metadataSuffix ends the keys of metadata files.
const metadataSuffix = ".metadata.json"

// hints are the version hints and metadata files among some keys.
type hints struct {
	hints    []string
	metadata map[string]bool
}

func (h *hints) see(key string) {
	switch {
	case strings.HasSuffix(key, hintName):
		h.hints = append(h.hints, key)
	case strings.HasSuffix(key, metadataSuffix):
		if h.metadata == nil {
			h.metadata = map[string]bool{}
		}
		h.metadata[key] = true
	}
}

// published are the folders of the tables whose version hint names a metadata file that is
// there: they have been published, and are not gone.
func (h *hints) published(ctx context.Context, storage *Storage) (map[string]bool, error) {
	folders := map[string]bool{}
	for _, key := range h.hints {
		data, err := storage.ReadAll(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("version hint: %w", err)
		}
		name := path.Dir(key) + "/" + strings.TrimSpace(string(data)) + metadataSuffix
		folders[strings.TrimSuffix(key, hintName)] = h.metadata[name]
	}
	maps.DeleteFunc(folders, func(_ string, there bool) bool { return !there })
	return folders, nil
}
