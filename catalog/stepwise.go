package catalog

import (
	"context"
	"errors"
	"path"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// A stepCatalog is a catalog whose service changes one table at a time. What is to
// be published is written to the warehouse first, as a plan, whose creation is the
// commit: from then on whoever holds the lock carries it out to its end, and the
// pointers move one after the other, that of the ledger last.
type stepCatalog struct {
	*Catalog
	pointers pointers
	runs     *admissions
}

func openStepwise(ctx context.Context, base *Catalog, o Options, open func(context.Context, *Catalog, Options) (pointers, error)) (*stepCatalog, error) {
	service, err := open(ctx, base, o)
	if err != nil {
		return nil, err
	}
	c := &stepCatalog{Catalog: base, pointers: service, runs: newAdmissions()}
	if err := service.prepare(ctx, o.ReadOnly); err != nil {
		return nil, errors.Join(service.fault("open", err), service.close())
	}
	return c, nil
}

func (c *stepCatalog) place() string { return c.pointers.place() }
func (c *stepCatalog) close() error  { return c.pointers.close() }

// writesMetadata says that the metadata files are written here.
func (c *stepCatalog) writesMetadata() bool { return true }

// begin has nothing to do: new tables come with everything else.
func (c *stepCatalog) begin(_ context.Context, l listing, p lake.Publication) (listing, error) {
	if p.Run != "" && !c.runs.isAdmitted(p.Run) {
		return l, errNotAdmitted
	}
	return l, nil
}

func (c *stepCatalog) rows(ctx context.Context) ([]row, error) {
	list, err := c.pointers.list(ctx)
	if err != nil {
		return nil, c.pointers.fault("read", err)
	}
	former := c.former(list)
	var rows []row
	for _, p := range list {
		if !former[p.name] {
			rows = append(rows, row{name: p.name, location: p.location, previous: p.previous, other: p.other})
		}
	}
	return rows, nil
}

// former are the names that tables had before they got another, where the service
// has both: of two that point into one folder the one that is behind, or as far.
func (c *stepCatalog) former(list []pointer) map[string]bool {
	newest, former := map[string]pointer{}, map[string]bool{}
	for _, p := range list {
		key, ok := c.store.Key(p.location)
		if !ok || p.other != "" {
			continue
		}
		folder := path.Dir(path.Dir(key))
		other, ok := newest[folder]
		switch {
		case !ok:
			newest[folder] = p
		case metadataNumber(p.location) > metadataNumber(other.location):
			newest[folder], former[other.name] = p, true
		default:
			former[p.name] = true
		}
	}
	return former
}

func (c *stepCatalog) recent(ctx context.Context) ([]row, error) { return c.rows(ctx) }

// lock takes a lease in the warehouse, and carries out what processes that died
// while they published have left half done.
func (c *stepCatalog) lock(ctx context.Context, part string, wait time.Duration) (func() error, error) {
	unlock, err := newLease(c.Catalog, part).take(ctx, wait)
	if err != nil || part != "" {
		return unlock, err
	}
	if err := c.complete(ctx); err != nil {
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
}

// complete carries out every plan that there is, and clears away what is left of
// names that tables had.
func (c *stepCatalog) complete(ctx context.Context) error {
	for o, err := range c.store.List(ctx, c.plans()) {
		if err != nil {
			return err
		}
		p, err := c.readPlan(ctx, o.Key)
		if err != nil {
			return err
		}
		if p == nil || p.Fenced != nil {
			continue
		}
		c.logger.WarnContext(ctx, "a publication that was cut short is brought to its end", "load", p.Load, "began", p.Began)
		if err := c.end(ctx, p); err != nil {
			return err
		}
		if err := c.store.Delete(ctx, o.Key); err != nil {
			return err
		}
	}
	return c.dropFormer(ctx)
}

// dropFormer takes out the names that tables do not have any more.
func (c *stepCatalog) dropFormer(ctx context.Context) error {
	list, err := c.pointers.list(ctx)
	if err != nil {
		return c.pointers.fault("read", err)
	}
	former := c.former(list)
	for _, p := range list {
		if !former[p.name] {
			continue
		}
		if err := c.pointers.drop(ctx, p); err != nil && !errors.Is(err, errMoved) && !errors.Is(err, errNoTable) {
			return c.pointers.fault("write", err)
		}
	}
	return nil
}

// end carries a plan out, whatever becomes of it.
func (c *stepCatalog) end(ctx context.Context, p *plan) error {
	err := c.carryOut(ctx, p)
	switch {
	case errors.Is(err, lake.ErrConflict):
		c.logger.WarnContext(ctx, "a publication was taken back", "load", p.Load, "why", err)
		return nil
	case errors.Is(err, errPartly):
		c.logger.ErrorContext(ctx, "a load is published in part: the next one publishes all tables", "load", p.Load, "why", err)
		return nil
	}
	return err
}

// settled carries the plan out, so that nothing of it can still happen, and reads
// the tables.
func (c *stepCatalog) settled(ctx context.Context, a *attempt, _ error) ([]row, error) {
	if err := c.fence(ctx, a.run); err != nil {
		return nil, err
	}
	return c.rows(ctx)
}

func (c *stepCatalog) traces(t *target, e *entry) trace { return t.written(e) }

// finish deletes fences that are too old to be of use.
func (c *stepCatalog) finish(ctx context.Context, a *attempt) error {
	for o, err := range c.store.List(ctx, c.plans()) {
		if err != nil {
			return err
		}
		p, err := c.readPlan(ctx, o.Key)
		if err != nil {
			return err
		}
		if p != nil && p.Fenced != nil && a.at.Sub(*p.Fenced) > fenceTime {
			if err := c.store.Delete(ctx, o.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *stepCatalog) admit(_ context.Context, run lake.RunID) error {
	c.runs.admit(run)
	return nil
}

// fence carries out what the run has planned and sees to it that it cannot plan
// any more.
func (c *stepCatalog) fence(ctx context.Context, run lake.RunID) error {
	if c.runs.leave(run) {
		return nil
	}
	key := c.planKey(run)
	for {
		now := c.now().UTC()
		fence := &plan{Run: run, Fenced: &now}
		err := c.writePlan(ctx, fence, false)
		if err == nil {
			break
		}
		if !errors.Is(err, lake.ErrExist) {
			return err
		}
		p, err := c.readPlan(ctx, key)
		switch {
		case err != nil:
			return err
		case p == nil: // it has just been carried out
			continue
		case p.Fenced != nil:
			c.runs.answeredTo(run)
			return nil
		}
		if err := c.end(ctx, p); err != nil {
			return err
		}
		if err := c.writePlan(ctx, fence, true); err != nil {
			return err
		}
		break
	}
	c.runs.answeredTo(run)
	return nil
}

// plans is where plans lie.
func (c *stepCatalog) plans() string { return "_notionlake/" + c.folder + "/publications/" }

func (c *stepCatalog) planKey(run lake.RunID) string {
	return path.Join(c.plans(), string(run)+".json")
}
