package lake

import (
	"context"
	"fmt"
	"time"
)

// A Prospect is the lake as a load that began now would find it.
type Prospect struct {
	*lakeView
	// Last is the newest published load, "" where there is none.
	Last LoadID
	// Held are the loads about which nobody has decided and that can be published yet; Late
	// those that can only be discarded.
	Held, Late []LoadID
	// Continues is the load that died, or still runs, and would be continued if it
	// is dead; "": a new one would begin.
	Continues LoadID
	// Began is when that load began. Runs: whether it died is not known.
	Began time.Time
	Runs  bool
}

// Look looks at the lake as Run would when it begins, and ends with the errors
// with which Run would end then. It takes no lock, writes nothing and clears
// nothing away: what another process does meanwhile may show or not.
func (l *Loader) Look(ctx context.Context) (*Prospect, error) {
	p, err := l.look(ctx)
	return p, storageError(err)
}

func (l *Loader) look(ctx context.Context) (*Prospect, error) {
	s := &session{Loader: l, journal: newJournal(l.Storage, l.Catalog)}
	if err := l.Catalog.CheckNewest(ctx); err != nil {
		return nil, err
	}
	entries, _, _, err := s.journal.list(ctx)
	if err != nil {
		return nil, err
	}
	known, err := knownLoads(ctx, l.Catalog, entries)
	if err != nil {
		return nil, fmt.Errorf("find the last load: %w", err)
	}
	entries, other := s.checkCatalog(ctx, entries, known)
	var continued RunID
	held := known.newestHeld(entries)
	p := &Prospect{Last: known.last, Late: known.without(entries)}
	for _, e := range entries {
		switch {
		case known.holds(e) && e.After == known.last:
			p.Held = append(p.Held, e.LoadID)
		case known.holds(e):
			p.Late = append(p.Late, e.LoadID)
		case s.resumes(e, max(known.last, held)):
			p.Continues, p.Began, p.Runs, continued = e.LoadID, e.Started, e.State != stateInterrupted, e.keptBy()
		}
	}
	load := Load{ID: p.Continues, Started: l.now(), Version: l.Version}
	if load.ID == "" {
		load.ID = NextLoadID(load.Started, known.last)
	}
	if p.lakeView, err = newView(ctx, load, l.Storage, l.Catalog); err != nil {
		return nil, err
	}
	p.keeper = &keeper{journal: s.journal, first: continued, looks: true}
	return p, other
}

// State is a table as it was last published; false where there is none.
func (p *Prospect) State(key string) (TableState, bool) {
	t, ok := p.before[key]
	return t, ok
}
