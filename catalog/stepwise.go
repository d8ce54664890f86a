package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// A stepCatalog is a catalog whose service changes one table at a time. What is to
// be published is written to the warehouse first, as a plan, whose creation is the
// commit: from then on whoever holds the lock carries it out to its end, and the
// pointers move one after the other, that of the ledger last.
type stepCatalog struct {
	*publications
	pointers pointers
	rowCache
}

func openStepwise(ctx context.Context, base *Catalog, o Options, open func(context.Context, *Catalog, Options) (pointers, error)) (*stepCatalog, error) {
	service, err := open(ctx, base, o)
	if err != nil {
		return nil, err
	}
	c := &stepCatalog{publications: &publications{Catalog: base, runs: newAdmissions()}, pointers: service}
	c.carrier = c
	if err := service.prepare(ctx, o.ReadOnly); err != nil {
		return nil, errors.Join(service.fault("open", err), service.close())
	}
	return c, nil
}

func (c *stepCatalog) place() string { return c.pointers.place() }

func (c *stepCatalog) close() error { return c.pointers.close() }

func (c *stepCatalog) id(context.Context) (string, error) {
	return placeID(c.pointers.place(), c.pointers.account(), c.namespace), nil
}

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
