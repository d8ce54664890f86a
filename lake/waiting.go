package lake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Waiting is a load that did not end: the next run can continue it, with what was put
// aside of what it had read.
type Waiting struct {
	Load    Load
	Parts   []string // that it loads; none: everything
	Runs    bool     // whether its run was interrupted, or goes on, is not known
	Bytes   int64    // put aside
	Other   bool     // begun with another catalog: what it left is left as it is
	refused func(config string, resume time.Duration, now time.Time) string
}

// Refused says why a run of a configuration that begins at a time would not continue
// the load, but delete what it left, unless the load is Other; "": it would. resume is how
// old the load may be.
func (w Waiting) Refused(config string, resume time.Duration, now time.Time) string {
	return w.refused(config, resume, now)
}

// WaitingLoads returns the loads that did not end, the oldest first. It reads only, and takes no lock: one that ends at this moment may be among
// them or not.
func WaitingLoads(ctx context.Context, s *Storage, c Catalog) ([]Waiting, error) {
	j := newJournal(s, c)
	entries, _, _, err := j.list(ctx)
	if err != nil {
		return nil, storageError(err)
	}
	known, err := knownLoads(ctx, c, entries)
	if err != nil {
		return nil, storageError(err)
	}
	id, err := c.ID(ctx)
	if err != nil {
		return nil, storageError(err)
	}
	var list []Waiting
	held := known.newestHeld(entries)
	for _, e := range entries {
		if !e.reads() || !e.resumable(known.last) || known.holds(e) {
			continue
		}
		bytes, err := j.keptBytes(ctx, e.Kept)
		if err != nil {
			return nil, storageError(err)
		}
		w := Waiting{Load: *e.Load, Parts: e.Parts, Runs: e.State != stateInterrupted, Bytes: bytes, Other: !e.isOwn(id, known)}
		w.refused = func(config string, resume time.Duration, now time.Time) string {
			if w.Other {
				return "it was begun with another catalog"
			}
			if held > e.LoadID {
				return "load " + string(held) + ", which is held, is later"
			}
			return e.refused(config, resume, now)
		}
		w.Load.ID = e.LoadID
		// The entry that a run continues stays until its own is there.
		list = slices.DeleteFunc(list, func(o Waiting) bool {
			w.Runs = w.Runs || o.Load.ID == w.Load.ID && o.Runs
			return o.Load.ID == w.Load.ID
		})
		list = append(list, w)
	}
	return list, nil
}

// newestHeld is the newest load that is held: an earlier one is not continued.
func (l loads) newestHeld(entries []journalEntry) (newest LoadID) {
	for _, e := range entries {
		if l.holds(e) {
			newest = max(newest, e.LoadID)
		}
	}
	return newest
}

// keptBytes is how much was put aside.
func (j journal) keptBytes(ctx context.Context, first RunID) (n int64, err error) {
	for o, err := range j.storage.List(ctx, j.keptDir(first)) {
		if err != nil {
			return 0, fmt.Errorf("list what was read: %w", err)
		}
		if !strings.HasSuffix(o.Key, halfSuffix) {
			n += o.Bytes
		}
	}
	return n, nil
}

// refused says why a run does not continue the load of a dead one; "": it does.
func (e journalEntry) refused(config string, resume time.Duration, now time.Time) string {
	switch {
	case resume <= 0:
		return "resume is off"
	case e.Config != config:
		return "the configuration is not the one with which it was begun"
	case now.Sub(e.Started) > resume:
		return "it is older than resume allows"
	case e.Started.After(now.Add(time.Minute)):
		return "the clock says that it has not begun yet"
	}
	return ""
}
