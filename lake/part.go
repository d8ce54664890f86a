package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A run that loads a part of the workspace holds the lock of the namespace twice,
// for a moment: when it enters itself into the journal, and when it publishes.
// In between it holds the locks of its parts, by which others know that it lives.
// What other parts published meanwhile, the fixed tables among it, stays: those are
// rebuilt on what is there then, and a load's ID is after that of every other.

// errPartRuns is a run of a part that is in the way of one of the whole.
var errPartRuns = fmt.Errorf("a run that loads a part of the workspace is running: %w", ErrLocked)

const (
	// partPoll is how often it is looked whether a run of a part has ended.
	partPoll = time.Second
	// joinTimeout is how long a part that has been read waits for others that publish.
	joinTimeout = time.Hour
)

// lockParts takes the locks of the parts, always in the same order. It waits a little
// in any case: a run that looks who lives has a lock for a moment.
func (s *session) lockParts(ctx context.Context) error {
	for _, part := range slices.Sorted(slices.Values(s.Parts)) {
		unlock, err := s.Catalog.LockPart(ctx, part, max(s.LockTimeout, partPoll))
		if err != nil {
			return err
		}
		s.parts = append(s.parts, unlock)
	}
	return nil
}

// deadAfter is how old a run of another part must be that is taken for dead since its
// locks are free: a lock may be lost by a run that lives, with the connection that it is
// bound to, and would cost it all that it has read. And what it wrote may come late.
const deadAfter = 20 * time.Hour

// findDead finds the runs of other parts that have died. It is done before the lock of
// the namespace is taken, for which others wait: where a lock is a lease, it takes a
// while to see that nobody renews it. Who is dead by then stays dead.
func (s *session) findDead(ctx context.Context) error {
	if len(s.Parts) == 0 {
		return nil
	}
	entries, _, _, err := s.journal.list(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	g, gctx := NewGroup(ctx)
	g.SetLimit(parallelLooks)
	s.dead = map[RunID]bool{}
	for _, e := range entries {
		if !s.isOthers(e) || s.now().Sub(e.Began) < deadAfter {
			continue
		}
		g.Go(func() error {
			lives, err := s.lives(gctx, e)
			switch {
			case gctx.Err() != nil:
				return gctx.Err()
			case err != nil:
				s.Logger.WarnContext(gctx, "whether a run of another part lives could not be found out: what it left stays", "load", e.LoadID, "parts", e.Parts, "error", err)
			case !lives:
				mu.Lock()
				defer mu.Unlock()
				s.dead[e.Run] = true
			}
			return nil
		})
	}
	return g.Wait()
}

// lives reports whether a run of a part has not ended, which has the locks of all its
// parts until then. A run that begins with one of them, or that looks as this one does,
// may be taken for it.
func (s *session) lives(ctx context.Context, e journalEntry) (bool, error) {
	for _, part := range e.Parts {
		if slices.Contains(s.Parts, part) {
			return false, nil
		}
		unlock, err := s.Catalog.LockPart(ctx, part, 0)
		if errors.Is(err, ErrLocked) {
			continue
		}
		if err != nil {
			return false, err
		}
		s.unlocked(ctx, unlock())
		return false, nil
	}
	return true, nil
}

// isOthers reports whether an entry is of a run of another part than those of this session.
func (s *session) isOthers(e journalEntry) bool {
	return len(s.Parts) > 0 && !containsAll(s.Parts, e.Parts)
}

// withoutParts returns the entries but those of runs of other parts that may live.
// A part leaves those alone; the whole finds out, and fails if one lives.
func (s *session) withoutParts(ctx context.Context, entries []journalEntry, known loads) (rest []journalEntry, err error) {
	for _, e := range entries {
		switch {
		case len(e.Parts) == 0 || known.holds(e):
		case s.isOthers(e):
			if !s.dead[e.Run] {
				continue
			}
		case len(s.Parts) == 0:
			lives, err := s.lives(ctx, e)
			if err != nil {
				return nil, err
			}
			if lives {
				return nil, fmt.Errorf("%w (since %s, load %s)", errPartRuns, e.Started.Format(time.RFC3339), e.LoadID)
			}
		}
		rest = append(rest, e)
	}
	return rest, nil
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// part lets others go on while a part is read.
func (r *run) part(ctx context.Context) {
	if len(r.Parts) > 0 {
		r.unlocked(ctx, r.release())
	}
}

// join takes the lock of the namespace again for a part that has been read, and
// brings what it is to publish to what others have published meanwhile.
func (r *run) join(ctx context.Context) error {
	if len(r.Parts) == 0 {
		return nil
	}
	if err := r.wait(ctx); err != nil {
		return storageError(err)
	}
	if err := r.rename(ctx); err != nil {
		return storageError(err)
	}
	before := r.view.before
	after, err := newView(ctx, r.load, r.Storage, r.Catalog)
	if err != nil {
		return storageError(err)
	}
	r.view.load, r.view.before = r.load, after.before
	if err := r.checkNames(before); err != nil {
		return storageError(err)
	}
	for i := range r.changes {
		if err := r.restage(ctx, i, before); err != nil {
			return storageError(err)
		}
	}
	return nil
}

// errNotJoined is a part that has been read and cannot publish since others hold the lock.
// What it has read is kept, as long as no other load is published.
var errNotJoined = errors.New("what was read of a part of the workspace could not be published, since other programs held the lock all the time")

// wait takes the lock of the namespace when others have published.
func (r *run) wait(ctx context.Context) error {
	deadline := time.Now().Add(joinTimeout)
	for first := true; ; first = false {
		unlock, err := r.Catalog.Lock(ctx)
		if err == nil {
			r.unlock = unlock
			return nil
		}
		if !errors.Is(err, ErrLocked) {
			return err
		}
		if !time.Now().Before(deadline) {
			return fmt.Errorf("%w: %w", errNotJoined, err)
		}
		if first {
			r.Logger.InfoContext(ctx, "the part has been read: waiting for others that hold the lock, to publish it", "load", r.load.ID)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(partPoll):
		}
	}
}

// rename gives the load a later ID where others have been published or held since.
func (r *run) rename(ctx context.Context) error {
	entries, _, _, err := r.journal.list(ctx)
	if err != nil {
		return err
	}
	known, err := knownLoads(ctx, r.Catalog, entries)
	if err != nil {
		return err
	}
	r.entry.After = known.last
	newest := max(known.last, slices.Max(append(known.pinned, "")))
	r.held = nil // others may have been held or discarded since
	for _, e := range entries {
		if e.mayHold() {
			newest = max(newest, e.LoadID)
		}
		if known.holds(e) {
			r.held = append(r.held, e)
		}
	}
	if newest < r.load.ID {
		return nil
	}
	if r.AsLoad != "" {
		return fmt.Errorf("load %s: the catalog holds load %s already: %w", r.AsLoad, newest, ErrConflict)
	}
	old := r.journal.key(r.entry)
	r.load.ID = NextLoadID(r.load.Started, newest)
	r.report.LoadID, r.report.Tag, r.entry.LoadID = r.load.ID, r.load.ID.Tag(), r.load.ID
	if err := r.journal.write(ctx, r.entry); err != nil {
		return err
	}
	return r.Storage.Delete(ctx, old)
}

// checkNames finds tables that others have named meanwhile as this load names its own.
func (r *run) checkNames(before map[string]TableState) error {
	names := map[string]bool{}
	for _, result := range r.results {
		names[result.Schema.Table] = true
	}
	for key, t := range r.view.before {
		mine := slices.ContainsFunc(r.results, func(of TableResult) bool { return of.Schema.Key == key })
		if name := t.Schema.Table; !mine && names[name] && before[key].Schema.Table != name {
			return fmt.Errorf("a table of another load, which was published since this one began, has the name %s, which this one gives to a new table: run again: %w", name, ErrConflict)
		}
	}
	return nil
}

// restage plans a change again on the table as it is now, which must be as it was:
// others have at most given it their tags.
func (r *run) restage(ctx context.Context, i int, before map[string]TableState) error {
	schema := r.results[i].Schema
	if was, is := before[schema.Key].Snapshot.ID, r.view.before[schema.Key].Snapshot.ID; was != is {
		return fmt.Errorf("table %s has been published by another load since this one began: %w", schema.Table, ErrConflict)
	}
	return r.stageAgain(ctx, i)
}
