package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	rowCache
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

// finish has nothing to do: the pointers are what was planned.
func (c *stepCatalog) finish(context.Context, *attempt) error { return nil }

// list reads the pointers. A table that gets another name between two pages of the
// service would be missed, and what it names taken for nobody's: so the names must
// be the same afterwards.
func (c *stepCatalog) list(ctx context.Context) ([]pointer, error) {
	names := func(list []pointer) []string {
		var names []string
		for _, p := range list {
			names = append(names, p.name)
		}
		slices.Sort(names)
		return names
	}
	before, err := c.pointers.list(ctx)
	for range rowsTries {
		if err != nil {
			return nil, c.pointers.fault("read", err)
		}
		var list []pointer
		if list, err = c.pointers.list(ctx); err == nil && slices.Equal(names(before), names(list)) {
			return list, nil
		}
		before = list
	}
	return nil, errors.Join(err, fmt.Errorf("read catalog %s: tables come, go or get other names all the time: try again: %w", c.place(), lake.ErrConflict))
}

func (c *stepCatalog) rows(ctx context.Context) ([]row, error) {
	list, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	rows := []row{}
	for _, p := range list {
		if !c.isFormer(list, p) {
			rows = append(rows, row{name: p.name, location: p.location, previous: p.previous, other: p.other})
		}
	}
	c.keep(rows)
	return rows, nil
}

func (c *stepCatalog) recent(ctx context.Context) ([]row, error) { return c.or(ctx, c.rows) }

// isFormer reports whether a pointer is the name that a table had before it got
// another, where the service has both for a moment.
func (c *stepCatalog) isFormer(list []pointer, p pointer) bool {
	return slices.ContainsFunc(list, func(now pointer) bool {
		return now.formerly == p.name && now.name != p.name && c.folderOf(now) == c.folderOf(p)
	})
}

// lock takes a lease in the warehouse, and carries out what processes that died
// while they published have left half done.
func (c *stepCatalog) lock(ctx context.Context, part string, wait time.Duration) (func() error, error) {
	unlock, err := newLease(c.Catalog, part).take(ctx, wait)
	c.invalidate()
	if err != nil || part != "" {
		return unlock, err
	}
	if err := c.complete(ctx); err != nil {
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
}

// complete carries out every plan of which it has not been decided what becomes,
// and sees that of the others nothing is left to be done.
func (c *stepCatalog) complete(ctx context.Context) error {
	found := map[string]lake.ObjectInfo{}
	var plans []string
	for o, err := range c.store.List(ctx, c.plans()) {
		if err != nil {
			return err
		}
		found[o.Key] = o
		switch {
		case strings.HasSuffix(o.Key, planSuffix):
			plans = append(plans, o.Key)
		case !strings.HasSuffix(o.Key, outcomeSuffix): // half of one, of a process that was killed
			if err := c.store.Delete(ctx, o.Key); err != nil {
				return err
			}
		}
	}
	for _, key := range plans {
		p, err := c.readPlan(ctx, key)
		if err == nil && p != nil {
			_, decided := found[p.outcomeKey()]
			err = c.completeOne(ctx, p, decided, c.now().Sub(found[key].ModTime))
		}
		if err != nil {
			return fmt.Errorf("%w (of the plan %s: while it cannot be carried out no load can begin; what it is of is in docs/catalogs.md)", err, c.store.URI(key))
		}
	}
	return nil
}

func (c *stepCatalog) completeOne(ctx context.Context, p *plan, decided bool, age time.Duration) error {
	became := outcome("")
	if decided {
		var err error
		if became, err = c.outcome(ctx, p); err != nil {
			return err
		}
	}
	switch {
	case p.Fenced != nil && age <= fenceTime, became != "" && became != outcomeDone && age <= fenceTime:
		if p.Fenced == nil && became == outcomeBack {
			// A request that has been under way since may have arrived.
			if err := c.back(ctx, p); err != nil && !errors.Is(err, errPartly) {
				return err
			}
		}
		return nil
	case became == outcomeDone && age <= doneTime:
		return c.rename(ctx, p)
	case became == "" && p.Fenced == nil:
		c.logger.WarnContext(ctx, "a publication that was cut short is brought to its end", "load", p.Load, "began", p.Began)
		return c.end(ctx, p)
	default:
		return c.store.Delete(ctx, p.key, p.outcomeKey())
	}
}

// end carries a plan out, whatever becomes of it.
func (c *stepCatalog) end(ctx context.Context, p *plan) error {
	err := c.carryOut(ctx, p)
	switch {
	case errors.Is(err, errPartly):
		c.logger.ErrorContext(ctx, "a load is published in part: the next one publishes all tables", "load", p.Load, "why", err)
		return nil
	case errors.Is(err, lake.ErrConflict), errors.Is(err, errRefused):
		c.logger.WarnContext(ctx, "a publication was taken back", "load", p.Load, "why", err)
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
	c.invalidate()
	for n := 1; ; {
		now := c.now().UTC()
		err := c.writePlan(ctx, &plan{Format: planFormat, Run: run, Fenced: &now, key: c.planKey(run, n)})
		if err == nil {
			break
		}
		if !errors.Is(err, lake.ErrExist) {
			return err
		}
		p, err := c.readPlan(ctx, c.planKey(run, n))
		if err != nil {
			return err
		}
		if p == nil {
			continue // it has just been deleted, long after it was carried out
		}
		if p.Fenced != nil {
			break
		}
		if err := c.end(ctx, p); err != nil {
			return err
		}
		n++
	}
	c.runs.answeredTo(run)
	return nil
}
