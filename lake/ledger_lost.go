package lake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
)

// The entries of a snapshot's summary that a load sets beside those of the Catalog.
const (
	requestsEntry = "notionlake.requests"
	rollbackEntry = "notionlake.rollback-to"
	versionEntry  = "notionlake.version"
)

// ErrNoLedger is a catalog in which other tables have loads and the ledger is not.
var ErrNoLedger = errors.New("table " + LedgerTable + ", without which the loads are not known, is not in the catalog any more: another program dropped or renamed it " +
	"(register its newest metadata file again, its folder is still in the warehouse, or `notionlake run --full` makes the table anew of what the other tables know of their loads)")

// parallelLooks is how many files are looked at at a time.
const parallelLooks = 16

// FindLost looks at the data files of a table, without reading them, and returns those
// that are not there or not as long as the table says, with the error of one of them: one
// for which IsLost is false, if there is any. Nothing more is known where the list of them
// cannot be read: that is an error too.
func FindLost(ctx context.Context, s *Storage, t TableState) (lost []File, err error) {
	return findLost(ctx, t, func(ctx context.Context, f File) error { return checkSize(ctx, s, f) })
}

// FindDamaged is FindLost, and reads the files.
func FindDamaged(ctx context.Context, s *Storage, t TableState) (lost []File, err error) {
	return findLost(ctx, t, func(ctx context.Context, f File) error {
		for _, err := range ReadFiles(ctx, s, t.Schema, t.Layout, []File{f}) {
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func findLost(ctx context.Context, t TableState, check func(context.Context, File) error) (lost []File, err error) {
	files, err := t.Files(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	g, _ := NewGroup(ctx)
	g.SetLimit(parallelLooks)
	for _, f := range files {
		g.Go(func() error {
			e := check(ctx, f)
			mu.Lock()
			defer mu.Unlock()
			if e != nil {
				lost = append(lost, f)
			}
			if e != nil && (err == nil || IsLost(err) && !IsLost(e)) {
				err = e
			}
			return nil
		})
	}
	if e := g.Wait(); e != nil { // its functions return none: a panic
		return lost, e
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return lost, err
}

// checkSize looks whether a file is there and as long as its table says.
func checkSize(ctx context.Context, s *Storage, f File) error {
	r, err := s.Open(ctx, f.Key)
	if err != nil {
		return err
	}
	size := r.Size()
	if err := r.Close(); err != nil {
		return err
	}
	if size != f.Bytes {
		return Damaged(fmt.Errorf("file %s has %d bytes where the table says %d", f.Key, size, f.Bytes))
	}
	return nil
}

// checkLedger looks at every byte of the ledger, to which every load only adds: without it no command
// knows the loads any more. anew says that it is made anew where rows of it are lost.
func (r *run) checkLedger(ctx context.Context, anew bool) error {
	ledger, ok := r.view.before[LedgerTable]
	if !ok {
		return r.checkNoLedger(ctx, anew)
	}
	lost, err := findLost(ctx, ledger, func(ctx context.Context, f File) error { return checkWhole(ctx, r.Storage, f) })
	switch {
	case err == nil, errors.Is(err, ErrAltered): // staging says it, with what to do
		return nil
	case ctx.Err() != nil || !IsLost(err):
		return fmt.Errorf("table %s: %w", LedgerTable, err)
	case !anew:
		return fmt.Errorf("table %s, without which the loads are not known: %w (put it back, or `notionlake run --full` makes the table anew of what the other tables know of their loads)", LedgerTable, err)
	}
	r.Logger.WarnContext(ctx, "rows of a table cannot be read: it is made anew of what the other tables know of their loads", "table", LedgerTable, "files", len(lost), "error", err)
	r.makeLedgerAnew(fmt.Sprintf("rows of it could not be read (%v)", err))
	return nil
}

// checkNoLedger is checkLedger where there is no ledger: of a first load, or since
// another program dropped it.
func (r *run) checkNoLedger(ctx context.Context, anew bool) error {
	err := CheckLedger(ctx, r.Storage, r.Catalog)
	if !anew || !errors.Is(err, ErrNoLedger) {
		return err
	}
	r.Logger.WarnContext(ctx, "a table is not in the catalog any more: it is made anew of what the other tables know of their loads", "table", LedgerTable)
	r.makeLedgerAnew("it was not in the catalog any more")
	return nil
}

// CheckLedger tells why there is no ledger, where there is none: ErrNoLedger if it was
// dropped, nil if nothing has been published yet, or the first load is being: some
// catalogs change one table at a time, the ledger last.
func CheckLedger(ctx context.Context, s *Storage, c Catalog) error {
	loads, err := c.Loads(ctx)
	if err != nil || len(loads) == 0 {
		return err
	}
	entries, _, _, err := newJournal(s, c).list(ctx)
	if err != nil {
		return err
	}
	if len(loads) == 1 && slices.ContainsFunc(entries, func(e journalEntry) bool { return e.LoadID == loads[0] && e.State != stateMaintaining }) {
		return nil
	}
	return ErrNoLedger
}

func (r *run) makeLedgerAnew(why string) {
	r.ledgerLost = true
	r.report.Reasons = append(r.report.Reasons, fmt.Sprintf("table %s was made anew, since %s: rows of loads that have expired are lost, and of the others the fraction of the second in which they began", LedgerTable, why))
}

// ledgerDisposition is how the ledger is written: the row of the load is added, unless
// the table is made anew.
func (r *run) ledgerDisposition() WriteDisposition {
	if r.ledgerLost {
		return Replace
	}
	return Append
}

// ledgerAnew are the rows of the ledger as far as they are known: those that can be
// read, in whatever snapshot of it, and for the other loads what the snapshots of the
// tables say.
func (r *run) ledgerAnew(ctx context.Context) ([][]Value, error) {
	rows := map[LoadID][]Value{}
	states, err := r.Catalog.States(ctx, LedgerTable)
	if err != nil {
		return nil, err
	}
	tried := map[string]bool{}
	for _, state := range states {
		files, err := state.Files(ctx)
		if IsLost(err) {
			continue // so it is with the one for which this is done
		}
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if tried[f.Key] {
				continue
			}
			tried[f.Key] = true
			for row, err := range ReadFiles(ctx, r.Storage, LedgerSchema(), state.Layout, []File{f}) {
				if IsLost(err) {
					break
				}
				if err != nil {
					return nil, err
				}
				values := make([]Value, len(row.Values))
				for i, v := range row.Values {
					values[i] = v.Clone()
				}
				rows[LoadID(values[0].Text())] = values
			}
		}
	}
	known, err := r.loadsOfTables(ctx)
	if err != nil {
		return nil, err
	}
	for id, of := range known {
		if rows[id] != nil {
			continue
		}
		if rows[id], err = of.values(); err != nil {
			return nil, err
		}
	}
	var list [][]Value
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		list = append(list, rows[id])
	}
	return list, nil
}

// loadsOfTables are the loads that have not expired, as the tables' snapshots tell.
func (r *run) loadsOfTables(ctx context.Context) (map[LoadID]ledgerRow, error) {
	loads, err := r.Catalog.Loads(ctx)
	if err != nil {
		return nil, err
	}
	known := map[LoadID]ledgerRow{}
	for key := range r.view.before {
		if key == LedgerTable {
			continue
		}
		states, err := r.Catalog.States(ctx, key)
		if err != nil {
			return nil, err
		}
		for _, t := range states {
			s := t.Snapshot
			if !slices.Contains(loads, s.LoadID) || !slices.Contains(s.Tags, s.LoadID.Tag()) {
				continue
			}
			row, ok := known[s.LoadID]
			if !ok {
				row = ledgerRow{
					load: Load{
						ID: s.LoadID, Started: s.LoadID.Time(), Version: s.Summary[versionEntry], Status: s.Status,
						RollbackTo: LoadID(s.Summary[rollbackEntry]),
					},
					at: s.Time, tables: map[string]tableSnapshot{},
				}
				row.requests, _ = strconv.ParseInt(s.Summary[requestsEntry], 10, 64) // 0 where it is not known
			}
			row.tables[t.Schema.Table] = tableSnapshot{s.ID, s.Rows}
			known[s.LoadID] = row
		}
	}
	return known, nil
}
