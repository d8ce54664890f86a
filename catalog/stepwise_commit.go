package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/lake"
)

// commit writes the plan and carries it out. Once the plan is there, the load is
// published, whoever carries it out, unless another program has changed one of the
// tables meanwhile: then none is.
func (c *stepCatalog) commit(ctx context.Context, a *attempt) error {
	if a.needsAdmission && !c.runs.isAdmitted(a.run) {
		return errNotAdmitted
	}
	if err := c.point.Hit("catalog.begin", c.place()); err != nil {
		return err
	}
	p := c.plan(a)
	if len(p.Steps) == 0 {
		c.runs.leave(a.run)
		return nil
	}
	// What it does takes no time, and a cancelled request has an unknown outcome.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if err := c.point.Hit("catalog.commit", c.place()); err != nil {
		return err
	}
	if !c.runs.sends(a.run, a.needsAdmission) {
		return errNotAdmitted
	}
	switch err := c.writePlan(ctx, p, false); {
	case errors.Is(err, lake.ErrExist):
		c.runs.answeredTo(a.run)
		return errNotAdmitted
	case err != nil:
		return fmt.Errorf("%w: %w", errCommit, err)
	}
	err := c.point.Hit("catalog.commit.done", c.place())
	if err == nil {
		err = c.carryOut(ctx, p)
	}
	if err != nil && !errors.Is(err, lake.ErrConflict) {
		return fmt.Errorf("%w: %w", errCommit, err)
	}
	if e := c.store.Delete(ctx, c.planKey(a.run)); e != nil {
		a.logger.WarnContext(ctx, "a plan that is carried out stays where it is: the next run deletes it", "load", a.load.ID, "error", e)
	}
	c.runs.answeredTo(a.run)
	if err == nil {
		c.runs.leave(a.run)
	}
	return err
}

// carryOut brings a plan to its end, however much of it has been done and whoever
// does it at the same time: all tables change, or, with lake.ErrConflict, none.
func (c *stepCatalog) carryOut(ctx context.Context, p *plan) error {
	err := c.forward(ctx, p)
	if err == nil {
		return c.rename(ctx, p)
	}
	if !errors.Is(err, lake.ErrConflict) {
		return err
	}
	if e := c.back(ctx, p); e != nil {
		return fmt.Errorf("%s: %w", err.Error(), e) // no conflict: of that nothing is left
	}
	return err
}

// forward moves the pointers.
func (c *stepCatalog) forward(ctx context.Context, p *plan) error {
	list, err := c.pointers.list(ctx)
	if err != nil {
		return c.pointers.fault("read", err)
	}
	if len(p.Steps) == 0 {
		return nil
	}
	// Whoever is first at the first table is first at all; the ledger says that all
	// the others are done.
	first, last := p.Steps[0], p.Steps[len(p.Steps)-1]
	if err := c.take(ctx, list, first); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelTables)
	for _, s := range p.Steps {
		if s != first && s != last {
			g.Go(func() error { return c.take(gctx, list, s) })
		}
	}
	if err := g.Wait(); err != nil || first == last {
		return err
	}
	return c.take(ctx, list, last)
}

// take does a step, if it has not been done.
func (c *stepCatalog) take(ctx context.Context, list []pointer, s *step) error {
	now := c.pointerAt(list, s.Folder)
	if done, err := c.isDone(ctx, s, now); done || err != nil {
		return err
	}
	changed := fmt.Errorf("table %s has been changed by another program meanwhile: %w", s.Name, lake.ErrConflict)
	if now == nil && s.From != "" || now != nil && now.location != s.From {
		return changed
	}
	meta, err := c.metadata(ctx, row{name: s.Name, location: s.To})
	if errors.Is(err, fs.ErrNotExist) {
		return changed // it has been taken back, and the plan could not be deleted
	}
	if err != nil {
		return err
	}
	if err := c.point.Hit("catalog.move", s.Folder); err != nil {
		return err
	}
	s.tried = true
	if now == nil {
		err = c.make(ctx, list, s, meta)
	} else {
		err = c.pointers.move(ctx, *now, s.To, meta)
	}
	if err == nil {
		return c.point.Hit("catalog.move.done", s.Folder)
	}
	if !errors.Is(err, errMoved) && !errors.Is(err, errNoTable) && !errors.Is(err, errTaken) {
		return c.pointers.fault("commit to", err)
	}
	// Another one has been there: it may have done the same.
	again, e := c.pointers.list(ctx)
	if e != nil {
		return c.pointers.fault("read", e)
	}
	if done, e := c.isDone(ctx, s, c.pointerAt(again, s.Folder)); done || e != nil {
		return e
	}
	return changed
}

// make makes a table. Where another one has its name, which is about to get another,
// it gets it later.
func (c *stepCatalog) make(ctx context.Context, list []pointer, s *step, meta table.Metadata) error {
	name := s.Name
	if slices.ContainsFunc(list, func(p pointer) bool { return p.name == name }) {
		name = newPrefix + uuid.NewString()
	}
	return c.pointers.create(ctx, name, s.To, meta)
}

// isDone reports whether a table is as the step makes it, or was before other
// programs changed it.
func (c *stepCatalog) isDone(ctx context.Context, s *step, now *pointer) (bool, error) {
	if now == nil || now.location == s.From {
		return false, nil
	}
	if now.location == s.To {
		return true, nil
	}
	meta, err := c.metadata(ctx, row{name: now.name, location: now.location, previous: now.previous})
	if err != nil {
		return false, err
	}
	for entry := range meta.PreviousFiles() {
		if entry.MetadataFile == s.To {
			return true, nil
		}
	}
	return false, nil
}

// undoTries is how often a step is taken back when others write to its table.
const undoTries = 5

// errPartly is a plan that is carried out in part and stays so.
var errPartly = errors.New("what had been published of it could not be taken back")

// back takes back what has been done of a plan. A table gets new metadata that says
// what it was before, and not the old one: a move that is still under way must not
// find what it expects.
func (c *stepCatalog) back(ctx context.Context, p *plan) (partly error) {
	for _, s := range slices.Backward(p.Steps) {
		var err error
		for range undoTries {
			if err = c.undo(ctx, p, s); !errors.Is(err, errMoved) && !errors.Is(err, errNoTable) {
				break
			}
		}
		switch {
		case errors.Is(err, errPartly):
			partly = errors.Join(partly, err)
		case err != nil:
			return c.pointers.fault("commit to", err)
		}
	}
	return partly
}

func (c *stepCatalog) undo(ctx context.Context, p *plan, s *step) error {
	list, err := c.pointers.list(ctx)
	if err != nil {
		return err
	}
	now := c.pointerAt(list, s.Folder)
	switch {
	case now == nil:
		return nil
	case now.location == s.To && s.From == "":
		if err := c.point.Hit("catalog.move", s.Folder); err != nil {
			return err
		}
		return c.pointers.drop(ctx, *now)
	case now.location == s.To, now.location == s.From && (s.tried || !p.own):
		return c.restore(ctx, p, s, *now)
	}
	if done, err := c.isDone(ctx, s, now); err != nil || !done {
		return err
	}
	return fmt.Errorf("%w: another program has written to table %s since", errPartly, now.name)
}

// restore gives a table new metadata of what it was.
func (c *stepCatalog) restore(ctx context.Context, p *plan, s *step, now pointer) error {
	meta, err := c.metadata(ctx, row{name: s.Name, location: s.From})
	if err != nil {
		return err
	}
	e := &entry{name: now.name, location: s.From, meta: meta}
	data, err := editMetadata(e, publicationTime(c.now(), []*entry{e}), func(*metadataEdit) {})
	if err != nil {
		return err
	}
	key := fmt.Sprintf("%s/metadata/%s", s.Folder, nextMetadataName(s.To, p.Run))
	if err := c.store.WriteAll(ctx, key, data); err != nil && !errors.Is(err, lake.ErrExist) {
		return err
	}
	location := c.store.URI(key)
	if meta, err = c.metadata(ctx, row{name: s.Name, location: location}); err != nil {
		return err
	}
	if err := c.point.Hit("catalog.move", s.Folder); err != nil {
		return err
	}
	return c.pointers.move(ctx, now, location, meta)
}

// rename gives tables their new names, one after the other. Where one has the
// name that another is to get, both go by way of a name that nobody has. A name
// that another program's table has meanwhile stays that one's.
func (c *stepCatalog) rename(ctx context.Context, p *plan) error {
	between := betweenPrefix + string(p.Run)
	for {
		list, err := c.pointers.list(ctx)
		if err != nil {
			return c.pointers.fault("read", err)
		}
		if spare := p.spare(list); spare != nil {
			if err := c.pointers.drop(ctx, *spare); err != nil && !errors.Is(err, errMoved) && !errors.Is(err, errNoTable) {
				return c.pointers.fault("rename a table of", err)
			}
			continue
		}
		var from *pointer
		var to string
		for i, s := range p.Steps {
			now := misnamed(list, s)
			if now == nil {
				continue
			}
			if named(list, s.Name) == nil {
				from, to = now, s.Name
				break
			}
			if from == nil && !strings.HasPrefix(now.name, betweenPrefix) && p.gives(list, s.Name) {
				from, to = now, fmt.Sprintf("%s-%d", between, i)
			}
		}
		if from == nil {
			c.warnOfNames(ctx, p, list)
			return nil
		}
		meta, err := c.metadata(ctx, row{name: from.name, location: from.location})
		if err != nil {
			return err
		}
		if err := c.point.Hit("catalog.rename", from.name); err != nil {
			return err
		}
		if err := c.pointers.rename(ctx, *from, to, meta); err != nil && !errors.Is(err, errMoved) && !errors.Is(err, errNoTable) {
			return c.pointers.fault("rename a table of", err)
		}
		if err := c.point.Hit("catalog.rename.done", from.name); err != nil {
			return err
		}
	}
}

// spare is the former name of a table that has another one already, where the
// service cannot change names and somebody died in between.
func (p *plan) spare(list []pointer) *pointer {
	for _, s := range p.Steps {
		var of []*pointer
		for i, there := range list {
			if there.location == s.To {
				of = append(of, &list[i])
			}
		}
		for _, later := range of {
			if later.name != s.Name && !strings.HasPrefix(later.name, betweenPrefix) {
				continue
			}
			for _, former := range of {
				if former != later && former.name != s.Name {
					return former
				}
			}
		}
	}
	return nil
}

func (c *stepCatalog) warnOfNames(ctx context.Context, p *plan, list []pointer) {
	for _, s := range p.Steps {
		if now := misnamed(list, s); now != nil {
			c.logger.WarnContext(ctx, "a table could not be renamed, another one has the name: the next load that reads it tries again", "table", now.name, "to", s.Name, "load", p.Load)
		}
	}
}

// misnamed is the pointer of a step's table that has another name than it is to
// have; nil: there is none. Once others have changed the table, its name is theirs.
func misnamed(list []pointer, s *step) *pointer {
	for i, p := range list {
		if p.location == s.To && p.name != s.Name {
			return &list[i]
		}
	}
	return nil
}

// gives reports whether the table that has a name is to get another one.
func (p *plan) gives(list []pointer, name string) bool {
	holder := named(list, name)
	return holder != nil && slices.ContainsFunc(p.Steps, func(s *step) bool {
		now := misnamed(list, s)
		return now != nil && now.name == holder.name
	})
}

func named(list []pointer, name string) *pointer {
	for i, p := range list {
		if p.name == name {
			return &list[i]
		}
	}
	return nil
}
