package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// checkLake looks at storage and catalog.
func (p *program) checkLake(ctx context.Context, cfg *config, list *checkList) {
	ctx, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	what := "the warehouse " + cfg.Warehouse
	if cfg.Storage.Endpoint != "" {
		what += " at " + cfg.Storage.Endpoint
	}
	late := func(err error) error {
		if !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return storageError(fmt.Errorf("no answer from %s within %s: look at the network and at the configuration", what, p.patience))
	}
	storage, err := p.openStorage(ctx, cfg)
	if err != nil {
		list.fail("storage", late(err))
		return
	}
	defer storage.Close()
	if !storage.NeedsVendor() {
		checkStorage(ctx, storage, probePrefix, list, late)
	}
	if list.err != nil && exitCode(list.err) == exitStorage {
		return // the catalog's folder may be the same
	}
	what = "the " + cfg.Catalog.Type + " catalog"
	if err := p.refuseLost(ctx, cfg, storage); err != nil {
		list.fail("catalog", late(err))
		return
	}
	c, err := p.openCatalog(ctx, cfg, storage, catalog.Options{})
	if err != nil {
		list.fail("catalog", late(err))
		return
	}
	defer c.Close()
	if cfg.Storage.vended() && !checkVended(ctx, storage, c, list, late) {
		return
	}
	tables, err := c.Tables(ctx)
	if err != nil {
		list.fail("catalog", late(storageError(err)))
		return
	}
	// What would end a run as it begins: a catalog that was emptied, lost or is an old one.
	looker := &lake.Loader{Storage: storage, Catalog: c, Logger: p.log, Now: p.now, Version: version}
	if _, err := looker.Look(ctx); err != nil {
		list.fail("catalog", late(storageError(err)))
		return
	}
	if err := c.CheckWritable(ctx); lake.IsLost(err) {
		list.failWith("catalog", storageError(err), lostCure)
	} else if err != nil {
		list.fail("catalog", late(storageError(err)))
		return
	}
	names, of, err := (&lakeAt{cfg, storage, c, p.log}).dropped(ctx)
	switch {
	case errors.Is(err, lake.ErrNoLedger):
		list.fail("tables", err)
	case err == nil && len(names) > 0:
		list.warn("tables", droppedText+": "+strings.Join(names, ", ")+" of load "+string(of), droppedCure)
	}
	last, err := c.LastLoad(ctx)
	switch {
	case err != nil:
		list.fail("catalog", late(storageError(err)))
	case last == "":
		list.ok("catalog", "%s, no load yet", c.Place())
	default:
		list.ok("catalog", "%s, %s, last load %s", c.Place(), plural(int64(len(tables)), "table"), last)
	}
	if last != "" {
		checkTables(ctx, storage, tables, list)
	}
	if err == nil && c.OneByOne() {
		list.ok("publication", "%s", oneByOneText)
	}
}

// checkStorage looks whether what is done with objects works below a prefix.
func checkStorage(ctx context.Context, storage *lake.Storage, prefix string, list *checkList, late func(error) error) {
	if err := probe(ctx, storage, prefix); err != nil {
		list.fail("storage", late(err))
	} else {
		list.ok("storage", "write, read, list and delete work in %s", storage.Root())
	}
	if err := probeConditional(ctx, storage, prefix); err != nil {
		list.fail("new objects", late(err))
	} else {
		list.ok("new objects", "an object that is there is not written over")
	}
}

// oneByOneText is what readers may see where the catalog changes one table at a time.
const oneByOneText = "the catalog changes one table at a time, _loads last: while a load is published, or until the next run where it died in that, " +
	"readers may see tables of two loads; those pinned to the tag of the newest load in _loads see one (`notionlake connect` prints how)"

// lostCure is what can be done about files that are lost.
const lostCure = "put them back from a backup; otherwise the next `notionlake run` writes the rows of the data sources anew that Notion still has, and `notionlake run --full` the other tables; what only earlier loads had stays lost. A table that Notion has no more can be dropped"

// checkTables looks whether the data files of all tables are there, as they are now. It
// looks at as many tables as there is time for.
func checkTables(ctx context.Context, storage *lake.Storage, tables []lake.TableState, list *checkList) {
	slices.SortFunc(tables, func(a, b lake.TableState) int { return strings.Compare(a.Schema.Table, b.Schema.Table) })
	var files, lost int64
	var first error
	for i, t := range tables {
		look := lake.FindLost
		if t.Schema.Key == lake.LedgerTable {
			look = lake.FindDamaged // it is small, and every command needs it
		}
		gone, err := look(ctx, storage, t)
		if ctx.Err() != nil {
			list.warn("files", fmt.Sprintf("there was time for %d of %s only", i, plural(int64(len(tables)), "table")), "`notionlake head TABLE` reads one of the others")
			return
		}
		files += t.Snapshot.Files
		lost += int64(len(gone))
		if err != nil && first == nil {
			if first = err; !strings.HasPrefix(err.Error(), "table ") {
				first = fmt.Errorf("table %s: %w", t.Schema.Table, err)
			}
		}
	}
	switch {
	case first == nil:
		list.ok("files", "%s of the last load are there, as long as they should be", plural(files, "data file"))
	case lost > 1:
		first = fmt.Errorf("%w; and %d more are lost", first, lost-1)
		fallthrough
	default:
		list.failWith("files", storageError(first), lostCure)
	}
}
