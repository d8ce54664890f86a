package lake

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// A session is the time in which this process alone changes the tables.
type session struct {
	*Loader
	journal journal
	// resumable is a load that died or met its deadline and is to be continued.
	resumable *journalEntry
	// replaced are the entries of all such loads: they stay until that of this run
	// stands in their place.
	replaced []journalEntry
	// keeps is set where the session reads no source: a load that can be continued
	// stays one, and whether it is continued is the next run's to say.
	keeps  bool
	held   []journalEntry
	lost   []LoadID     // held too, and without an entry
	unlock func() error // of the namespace; nil: it is not held
	parts  []func() error
	dead   map[RunID]bool // runs of other parts that have died
}

// begin takes the lock and brings to an end what earlier runs left behind.
func (l *Loader) begin(ctx context.Context) (*session, error) { return l.lock(ctx, false) }

// beginKeeping is begin for what reads no source.
func (l *Loader) beginKeeping(ctx context.Context) (*session, error) { return l.lock(ctx, true) }

func (l *Loader) lock(ctx context.Context, keeps bool) (*session, error) {
	for deadline := time.Now().Add(l.LockTimeout); ; {
		s := &session{Loader: l, journal: newJournal(l.Storage, l.Catalog), keeps: keeps}
		err := s.open(ctx)
		if err == nil {
			return s, nil
		}
		s.end(ctx)
		err = storageError(err)
		if !errors.Is(err, errPartRuns) || !time.Now().Before(deadline) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(partPoll):
		}
	}
}

// open takes the locks and clears away what dead runs left.
func (s *session) open(ctx context.Context) error {
	if err := s.lockParts(ctx); err != nil {
		return err
	}
	if err := s.findDead(ctx); err != nil {
		return err
	}
	waits := time.AfterFunc(waitsAfter, func() {
		s.Logger.InfoContext(ctx, "another program holds the lock: waiting until it has ended, for --lock-timeout, or until it is known to be dead")
	})
	var err error
	s.unlock, err = s.Catalog.Lock(ctx)
	if waits.Stop(); err != nil {
		return err
	}
	if err := s.Catalog.CheckNewest(ctx); err != nil {
		return err
	}
	return s.recover(ctx)
}

// waitsAfter is how long the lock is waited for before that is said.
const waitsAfter = time.Second

// end releases the locks.
func (s *session) end(ctx context.Context) {
	err := s.release()
	for _, unlock := range s.parts {
		err = errors.Join(err, unlock())
	}
	s.parts = nil
	s.unlocked(ctx, err)
}

// unlocked says that a lock could not be released. That changes nothing of what was done: it
// goes with the process, or is taken over.
func (s *session) unlocked(ctx context.Context, err error) {
	if err != nil {
		s.Logger.WarnContext(ctx, "a lock could not be released: others wait for it until it is known that nobody holds it", "error", err)
	}
}

// release releases the lock of the namespace.
func (s *session) release() (err error) {
	if s.unlock != nil {
		err, s.unlock = s.unlock(), nil
	}
	return err
}

// recover deletes what dead runs left: the lock is held, so every run of the
// journal is dead, but for the loads that are held. Of the files that carry a
// dead run's ID, those go that no table's metadata names; whether the run
// published or not need not be known for that.
func (s *session) recover(ctx context.Context) error {
	entries, damaged, halves, err := s.journal.list(ctx)
	if err != nil {
		return err
	}
	known, err := knownLoads(ctx, s.Catalog, entries)
	if err != nil {
		return err
	}
	own, err := s.checkCatalog(ctx, entries, known)
	if err != nil {
		return err
	}
	for _, d := range damaged {
		if err := s.quarantine(ctx, d); err != nil {
			return err
		}
	}
	if len(halves) > 0 {
		if err := s.Storage.Delete(ctx, halves...); err != nil {
			return err
		}
	}
	if err := s.journal.forgetOthers(ctx, entries); err != nil {
		return err
	}
	if s.lost, err = s.journal.lost(ctx, entries, nil, known); err != nil {
		return err
	}
	for _, id := range s.lost {
		s.Logger.WarnContext(ctx, "of a load that is held, or may be, the journal has no entry that can be read: it can only be discarded", "load", id, "cure", "`notionlake discard "+string(id)+"`")
	}
	if entries, err = s.withoutParts(ctx, own, known); err != nil {
		return err
	}
	if slices.ContainsFunc(own, func(e journalEntry) bool {
		return !known.holds(e) && (!s.isOthers(e) || s.dead[e.Run] || e.State == stateUnknown)
	}) {
		if err := s.Catalog.MendHints(ctx); err != nil {
			s.Logger.WarnContext(ctx, "version hints could not be written: readers by path may see an earlier load until the next one", "error", err)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	var dead, discarding []journalEntry
	for _, e := range entries {
		switch {
		case e.State == stateDiscarding:
			discarding = append(discarding, e)
		case known.holds(e):
			s.held = append(s.held, e)
		case s.leaves(e, known.last) && e.State == stateInterrupted:
		default:
			e.keep = s.leaves(e, known.last)
			if !e.keep && s.resumes(e, known.last) {
				s.resumable, e.keep = &e, true
				s.replaced = append(s.replaced, e)
			}
			s.sayAbandoned(ctx, e, known.last)
			dead = append(dead, e)
		}
	}
	err = s.clear(ctx, dead, discarding)
	if errors.Is(err, errNotKnown) {
		// Their files are still there: so are their entries, for the run that can delete them.
		s.resumable, s.replaced = nil, nil
		// What this load writes does not depend on it.
		s.Logger.WarnContext(ctx, "files of an earlier run are left where they are until all tables can be read", "error", err)
		return nil
	}
	return err
}

// clear brings to an end what dead runs left. What it cannot of those of other parts is no
// reason for this one to fail.
func (s *session) clear(ctx context.Context, dead, discarding []journalEntry) error {
	bury := func(others bool) error {
		kind := func(e journalEntry) bool { return s.isOthers(e) != others }
		err := s.bury(ctx, slices.DeleteFunc(slices.Clone(dead), kind))
		for _, e := range slices.DeleteFunc(slices.Clone(discarding), kind) {
			if err == nil {
				err = s.dropHeld(ctx, e)
			}
		}
		return err
	}
	if err := bury(false); err != nil {
		return err
	}
	err := bury(true)
	if err != nil && ctx.Err() == nil {
		s.Logger.WarnContext(ctx, "what runs of other parts left could not be cleared away: a later run tries it again", "error", err)
		return nil
	}
	return err
}

// sayAbandoned says that a load that was interrupted is not continued, though the
// configuration has loads continued.
func (s *session) sayAbandoned(ctx context.Context, e journalEntry, last LoadID) {
	if s.keeps || e.own || e.keep || s.Resume <= 0 || !e.resumable(last) {
		return
	}
	why := e.refused(s.Config, s.Resume, s.now())
	switch {
	case s.isOthers(e): // another run of its part would not continue it either
		why = e.refused(e.Config, s.Resume, s.now())
	case !slices.Equal(e.Parts, s.Parts):
		why = "it loads another part of the workspace"
	}
	s.Logger.WarnContext(ctx, "a load that was interrupted is not continued: what it had read is read again", "load", e.LoadID, "began", e.Started, "reason", why)
}

// errNotKnown says that it is not known which files are needed: none is deleted then.
var errNotKnown = errors.New("the files that the tables need cannot be listed")

// loads are what the catalog says of loads.
type loads struct {
	last      LoadID
	pinned    []LoadID // held, on some table
	published []LoadID // where an entry is of one that may be held without such a table
}

func knownLoads(ctx context.Context, c Catalog, entries []journalEntry) (l loads, err error) {
	if l.last, err = c.LastLoad(ctx); err == nil {
		l.pinned, err = c.Holds(ctx)
	}
	if err == nil && slices.ContainsFunc(entries, func(e journalEntry) bool { return e.mayHold() && !e.Pinned }) {
		l.published, err = c.Loads(ctx)
	}
	return l, err
}

// mayHold reports whether an entry is of a load that is held, or was.
func (e journalEntry) mayHold() bool {
	return e.State == stateHolding || e.State == stateHeld
}

// without are the loads that tables hold and that have no entry.
func (l loads) without(entries []journalEntry) []LoadID {
	return slices.DeleteFunc(slices.Clone(l.pinned), func(id LoadID) bool {
		return slices.ContainsFunc(entries, func(e journalEntry) bool { return e.LoadID == id })
	})
}

// holds reports whether an entry is of a load that is held. Whether one that was
// being held became so is seen by its tag; and one of tables that were all new
// has none, and is held until it is published itself.
func (l loads) holds(e journalEntry) bool {
	if !e.mayHold() || e.Load == nil {
		return false
	}
	if e.Pinned {
		return slices.Contains(l.pinned, e.LoadID)
	}
	return l.last != e.LoadID && !slices.Contains(l.published, e.LoadID)
}

// resumable reports whether the load of a dead run can be continued.
func (e journalEntry) resumable(last LoadID) bool {
	switch e.State {
	case stateRunning, stateInterrupted, statePublishing:
		return e.Kept != "" && e.Load != nil && e.Load.RollbackTo == "" && e.LoadID > last
	default:
		return false
	}
}

// leaves reports whether another run is to say whether the load of a dead one is continued:
// a session that reads no source leaves that to the next run, and one of a part to that of
// the other part, unless the load has become too old. Where this one was told to continue
// none, how old that is is not known: then until a later load is published.
func (s *session) leaves(e journalEntry, last LoadID) bool {
	return e.resumable(last) && (s.keeps || s.isOthers(e) && (s.Resume <= 0 || e.refused(e.Config, s.Resume, s.now()) == ""))
}

// resumes reports whether this session continues it.
func (s *session) resumes(e journalEntry, last LoadID) bool {
	return e.resumable(last) && e.refused(s.Config, s.Resume, s.now()) == ""
}

// bury deletes the files of dead runs, and then their entries, but for those of
// loads that can be continued.
func (s *session) bury(ctx context.Context, dead []journalEntry) error {
	if len(dead) == 0 {
		return nil
	}
	gone, err := s.sweep(ctx, dead)
	if err != nil {
		return err
	}
	return s.strike(ctx, dead, len(gone))
}

// sweep deletes the files of dead runs, and returns the keys of those that are gone.
func (s *session) sweep(ctx context.Context, dead []journalEntry) (gone []string, err error) {
	// From here on none of them can publish, should it live after all: what is
	// needed now does not become more.
	for _, e := range dead {
		if err := s.Catalog.Fence(ctx, e.Run); errors.Is(err, ErrNotFenced) {
			return nil, fmt.Errorf("%w: %w", errNotKnown, err)
		} else if err != nil {
			return nil, err
		}
	}
	refs, err := s.Catalog.References(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotKnown, err)
	}
	keys, err := s.remains(ctx, dead, refs)
	if err != nil {
		return nil, err
	}
	left, err := s.Storage.deleteEach(ctx, keys)
	return without(keys, left), err
}

// without are the keys that are not among others.
func without(keys, others []string) []string {
	drop := map[string]bool{}
	for _, key := range others {
		drop[key] = true
	}
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return drop[key] })
}

// strike ends the entries of dead runs, of whose files so many were deleted.
func (s *session) strike(ctx context.Context, dead []journalEntry, files int) error {
	earlier := false
	for _, e := range dead {
		if !e.own {
			earlier = true
			s.Logger.InfoContext(ctx, "an earlier run has been cleaned up", "load", e.LoadID, "state", e.State, "began", e.Started)
		}
		var err error
		if e.keep {
			e.State, e.Drops = stateInterrupted, nil
			err = s.journal.write(ctx, e)
		} else {
			if !slices.ContainsFunc(dead, func(o journalEntry) bool { return o.keep && o.Kept == e.Kept }) { // a load that got another ID has two for a moment
				err = s.journal.forget(ctx, e.Kept)
			}
			if err == nil {
				err = s.journal.remove(ctx, e)
			}
		}
		if err != nil {
			return err
		}
	}
	if earlier && files > 0 {
		s.Logger.InfoContext(ctx, "files of earlier runs deleted", "files", files)
	}
	return nil
}

// conclude deletes what a publication made superfluous, as far as the catalog has
// not, and then the entry of its run: after it nobody would know of them.
func (s *session) conclude(ctx context.Context, e journalEntry) error {
	if err := s.Storage.Delete(ctx, e.Drops...); err != nil {
		return err
	}
	return s.journal.remove(ctx, e)
}

// remains lists the files of dead runs that nothing refers to.
func (s *session) remains(ctx context.Context, dead []journalEntry, refs map[string]bool) ([]string, error) {
	runs := map[string]bool{}
	var found hints // of tables that the catalog does not have
	var keys []string
	for _, e := range dead {
		runs[string(e.Run)] = true
		for _, key := range e.Drops {
			if !refs[key] && strings.HasPrefix(key, s.Catalog.Folder()) {
				keys = append(keys, key)
			}
		}
	}
	for o, err := range s.Storage.List(ctx, s.Catalog.Folder()) {
		var vendor *VendorError
		if errors.As(err, &vendor) { // what cannot be looked at is left to a run that can
			return nil, fmt.Errorf("%w: list the tables' files: %w", errNotKnown, err)
		}
		if err != nil {
			return nil, fmt.Errorf("list the tables' files: %w", err)
		}
		if refs[o.Key] {
			continue
		}
		found.see(o.Key)
		if runs[runOf(o.Key)] || halfHint(o.Key) {
			keys = append(keys, o.Key)
		}
	}
	// A table that was published and that the catalog does not have may be had again:
	// what it consists of is not known.
	published, err := found.published(ctx, s.Storage)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotKnown, err)
	}
	keys = slices.DeleteFunc(keys, func(key string) bool { return published[tableFolder(key, s.Catalog.Folder())] })
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// halfHint reports whether a key is of a version hint that was being replaced:
// only who holds the lock does that.
func halfHint(key string) bool {
	return strings.HasSuffix(key, halfSuffix) && strings.HasPrefix(path.Base(key), path.Base(hintName)+".")
}

// uuidLength is that of a UUID in text.
const uuidLength = 36

// runOf returns the ID of the run that wrote a file, by its name: the last UUID in it.
func runOf(key string) string {
	name := path.Base(key)
	for i := len(name) - uuidLength; i >= 0; i-- {
		if isUUID(name[i : i+uuidLength]) {
			return name[i : i+uuidLength]
		}
	}
	return ""
}

func isUUID(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// quarantine moves a file of the journal that cannot be understood out of the
// way. What its run wrote stays: it is not known.
func (s *session) quarantine(ctx context.Context, d damagedEntry) error {
	data, err := s.Storage.ReadAll(ctx, d.key)
	if err != nil {
		return err
	}
	to := s.journal.damaged() + path.Base(d.key)
	if err := s.Storage.Replace(ctx, to, data); err != nil {
		return err
	}
	if err := s.Storage.Delete(ctx, d.key); err != nil {
		return err
	}
	published, err := s.Catalog.Loads(ctx)
	if err != nil {
		return err
	}
	cure := "delete it, then `notionlake maintain` deletes those that are in tables' folders"
	if load := loadOf(d.key); load.Valid() && !slices.Contains(published, load) {
		cure = "`notionlake discard " + string(load) + "` deletes them, and it"
	}
	s.Logger.WarnContext(ctx, "a journal entry is damaged and was put aside; files that its run left have the UUID of its name in theirs, and stay as long as it does",
		"entry", s.Storage.describe(to), "error", d.err, "cure", cure)
	return nil
}
