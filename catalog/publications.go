package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// publications are what is published table by table. What is to be published is
// written to the warehouse first, as a plan, whose creation is the commit: from
// then on whoever holds the lock carries it out to its end.
type publications struct {
	*Catalog
	carrier carrier
	runs    *admissions
}

// A carrier does the steps of plans: it knows how a table is changed.
type carrier interface {
	// invalidate lets the tables be read anew.
	invalidate()
	// takes reads the tables and returns what does a step of the plan, if that has
	// not been done. Its error wraps lake.ErrConflict or errRefused where the step
	// cannot be done any more, by anybody, however late a request arrives.
	takes(ctx context.Context, p *plan) (func(context.Context, *step) error, error)
	// back takes back what has been done of a plan, and sees to it that nothing of
	// it that is still under way can land. errPartly: something of it stays.
	back(ctx context.Context, p *plan) error
	// after does what follows once the plan is done.
	after(ctx context.Context, p *plan) error
	// owns reports whether a plan is of this kind of catalog, and not of one that had
	// the warehouse before.
	owns(p *plan) bool
}

// complete carries out every plan of which it has not been decided what becomes,
// and sees that of the others nothing is left to be done.
func (c *publications) complete(ctx context.Context) error {
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

func (c *publications) completeOne(ctx context.Context, p *plan, decided bool, age time.Duration) error {
	other, err := c.isOthers(ctx, p)
	switch {
	case err != nil:
		return err
	case other && !decided && p.Fenced == nil:
		return errOthersPlan
	case other || !c.carrier.owns(p):
		if age > fenceTime {
			return c.store.Delete(ctx, p.key, p.outcomeKey())
		}
		return nil
	}
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
			if err := c.carrier.back(ctx, p); err != nil && !errors.Is(err, errPartly) {
				return err
			}
		}
		return nil
	case became == outcomeDone:
		if err := c.carrier.after(ctx, p); err != nil || age <= doneTime {
			return err
		}
		return c.store.Delete(ctx, p.key, p.outcomeKey())
	case became == "" && p.Fenced == nil:
		c.logger.WarnContext(ctx, "a publication that was cut short is brought to its end", "load", p.Load, "began", p.Began)
		return c.end(ctx, p)
	default:
		return c.store.Delete(ctx, p.key, p.outcomeKey())
	}
}

// errOthersPlan is a plan that only a run with the catalog can carry out, or take back,
// that it is of: in another one its tables are not.
var errOthersPlan = fmt.Errorf("%w: it is about to publish, or died in that: use that catalog, or where it is the same at another address, take the line \"catalog\" out of the plan", lake.ErrOtherCatalog)

// isOthers reports whether a plan is of another catalog than this one.
func (c *publications) isOthers(ctx context.Context, p *plan) (bool, error) {
	id, err := c.backend.id(ctx)
	return p.Catalog != "" && p.Catalog != id, err
}

// end carries a plan out, whatever becomes of it.
func (c *publications) end(ctx context.Context, p *plan) error {
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

// carryOut brings a plan to its end, however much of it has been done and whoever
// does it at the same time: all tables change, or, with lake.ErrConflict or
// errRefused, none.
func (c *publications) carryOut(ctx context.Context, p *plan) error {
	became, err := c.outcome(ctx, p)
	if err != nil {
		return err
	}
	why := fmt.Errorf("load %s has been taken back: a table had been changed by another program: %w", p.Load, lake.ErrConflict)
	switch other, err := c.isOthers(ctx, p); {
	case err != nil:
		return err
	case other:
		return fmt.Errorf("plan %s: %w", c.store.URI(p.key), errOthersPlan)
	}
	if !c.carrier.owns(p) {
		return fmt.Errorf("plan %s is of another type of catalog: let a run with that one end it", c.store.URI(p.key))
	}
	if became == "" {
		if err := c.checkPlan(ctx, p); err != nil {
			return err
		}
		want := outcomeDone
		switch first, err := c.forward(ctx, p); {
		case err == nil:
		case !errors.Is(err, lake.ErrConflict) && !errors.Is(err, errRefused):
			return err
		case first:
			want, why = outcomeNever, err
		default:
			want, why = outcomeBack, err
		}
		if became, err = c.decide(ctx, p, want); err != nil {
			return err
		}
	}
	switch became {
	case outcomeDone:
		return c.carrier.after(ctx, p)
	case outcomeNever:
		return why
	default:
		if err := c.carrier.back(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", why.Error(), err) // no conflict: of that nothing is left
		}
		return why
	}
}

// forward does the steps. first: it failed at the first step, before any other.
func (c *publications) forward(ctx context.Context, p *plan) (first bool, err error) {
	if len(p.Steps) == 0 {
		return false, nil
	}
	take, err := c.carrier.takes(ctx, p)
	if err != nil {
		return false, err
	}
	// Whoever is first at the first table is first at all; the ledger says that all
	// the others are done.
	begin, end := p.Steps[0], p.Steps[len(p.Steps)-1]
	if err := take(ctx, begin); err != nil {
		return true, err
	}
	g, _ := lake.NewGroup(ctx) // nothing is cancelled: what is under way could still arrive
	g.SetLimit(parallelTables)
	var mu sync.Mutex
	var definite error
	for _, s := range p.Steps {
		if s == begin || s == end {
			continue
		}
		g.Go(func() error {
			err := take(ctx, s)
			if errors.Is(err, lake.ErrConflict) || errors.Is(err, errRefused) {
				mu.Lock()
				defer mu.Unlock()
				definite = cmp.Or(definite, err)
			}
			return err
		})
	}
	err = g.Wait()
	if err = cmp.Or(definite, err); err != nil || begin == end {
		return false, err
	}
	return false, take(ctx, end)
}

// fence carries out what the run has planned and sees to it that it cannot plan
// any more.
func (c *publications) fence(ctx context.Context, run lake.RunID) error {
	if c.runs.leave(run) {
		return nil
	}
	c.carrier.invalidate()
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

// publish writes the plan of an attempt, its run's nth, and carries it out. Once the
// plan is there, the load is published, whoever carries it out, unless another
// program has changed one of the tables meanwhile: then none is.
func (c *publications) publish(ctx context.Context, a *attempt, make func(n int) (*plan, error)) error {
	c.carrier.invalidate()
	// What it does takes no time, and a cancelled request has an unknown outcome.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if err := c.point.Hit("catalog.commit", c.backend.place()); err != nil {
		return err
	}
	n, ok := c.runs.sends(a.run, a.needsAdmission)
	if !ok {
		return errNotAdmitted
	}
	p, err := make(n)
	if err != nil {
		c.runs.answeredTo(a.run)
		return err
	}
	p.key = c.planKey(a.run, n)
	if p.Catalog, err = c.backend.id(ctx); err != nil {
		c.runs.answeredTo(a.run)
		return err
	}
	switch err := c.writePlan(ctx, p); {
	case errors.Is(err, lake.ErrExist):
		c.runs.answeredTo(a.run)
		return errNotAdmitted // what is there is a fence: this plan has never been
	case err != nil:
		return fmt.Errorf("%w: %w", errCommit, err)
	}
	err = c.point.Hit("catalog.commit.done", c.backend.place())
	if err == nil {
		err = c.carryOut(ctx, p)
	}
	switch {
	case err == nil:
		c.runs.answeredTo(a.run)
		c.runs.leave(a.run)
	case errors.Is(err, lake.ErrConflict), errors.Is(err, errRefused):
		c.runs.answeredTo(a.run)
	default:
		return fmt.Errorf("%w: %w", errCommit, err)
	}
	return err
}
