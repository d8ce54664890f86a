package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/notionlake/notionlake/lake"
)

// commit publishes by a plan.
func (c *stepCatalog) commit(ctx context.Context, a *attempt) error {
	if a.needsAdmission && !c.runs.isAdmitted(a.run) {
		return errNotAdmitted
	}
	if err := c.point.Hit("catalog.begin", c.place()); err != nil {
		return err
	}
	return c.publish(ctx, a, func(int) (*plan, error) { return c.plan(a), nil })
}

// takes moves the pointers.
func (c *stepCatalog) takes(ctx context.Context, p *plan) (func(context.Context, *step) error, error) {
	list, err := c.list(ctx)
	return func(ctx context.Context, s *step) error { return c.take(ctx, p, list, s) }, err
}

// owns reports whether a plan moves pointers.
func (c *stepCatalog) owns(p *plan) bool {
	return !slices.ContainsFunc(p.Steps, func(s *step) bool { return s.REST != nil })
}

// A stepState is how far a step is.
type stepState int

const (
	pending stepState = iota
	taken
	changed // by another program, so that it cannot be taken
)

// state tells how far a step is, whatever other programs have done to the table
// since.
func (c *stepCatalog) state(ctx context.Context, p *plan, s *step, now *pointer) (stepState, error) {
	switch {
	case now == nil && s.From == "":
		return pending, nil
	case now == nil:
		return changed, nil
	case now.location == s.To:
		return taken, nil
	case now.location == s.From:
		return pending, nil
	}
	meta, err := c.metadata(ctx, row{name: now.name, location: now.location, previous: now.previous})
	if err != nil {
		return changed, err
	}
	for entry := range meta.PreviousFiles() {
		if entry.MetadataFile == s.To {
			return taken, nil
		}
	}
	if p.Tag != "" {
		if at := meta.SnapshotByName(p.Tag); at != nil && (s.SnapshotID == 0 || at.SnapshotID == s.SnapshotID) {
			return taken, nil
		}
	}
	return changed, nil
}

// errRefused is a step that the service does not accept, and will not.
var errRefused = errors.New("it is refused")

// take does a step, if it has not been done.
func (c *stepCatalog) take(ctx context.Context, p *plan, list []pointer, s *step) error {
	now := c.pointerAt(list, s)
	conflict := fmt.Errorf("table %s has been changed by another program meanwhile: %w", s.Name, lake.ErrConflict)
	switch is, err := c.state(ctx, p, s, now); {
	case err != nil || is == taken:
		return err
	case is == changed:
		return conflict
	case is == pending:
	}
	meta, err := c.metadata(ctx, row{name: s.Name, location: s.To})
	if err != nil {
		return err
	}
	if err := c.point.Hit("catalog.move", s.Folder); err != nil {
		return err
	}
	if now == nil {
		err = c.make(ctx, list, s, meta)
	} else {
		err = c.pointers.move(ctx, *now, s.To, meta)
	}
	switch {
	case err == nil:
		return c.point.Hit("catalog.move.done", s.Folder)
	case errors.Is(err, errRefused):
		return fmt.Errorf("table %s: %w", s.Name, c.pointers.fault("commit to", err))
	case !errors.Is(err, errMoved) && !errors.Is(err, errNoTable) && !errors.Is(err, errTaken):
		return c.pointers.fault("commit to", err)
	}
	// Another one has been there: it may have done the same.
	again, err := c.list(ctx)
	if err != nil {
		return err
	}
	if is, err := c.state(ctx, p, s, c.pointerAt(again, s)); err != nil || is == taken {
		return err
	}
	return conflict
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

// undoTries is how often a step is taken back when others write to its table.
const undoTries = 5

// errPartly is a plan that is carried out in part and stays so.
var errPartly = errors.New("what had been published of it could not be taken back")

// back takes back what has been done of a plan. A table gets new metadata that says
// what it was before, and not the old one: a move that is still under way must not
// find what it expects. So also where a step has not been done.
func (c *stepCatalog) back(ctx context.Context, p *plan) (partly error) {
	list, err := c.list(ctx)
	if err != nil {
		return err
	}
	for _, s := range slices.Backward(p.Steps) {
		var err error
		for range undoTries {
			if err = c.undo(ctx, p, s, list); !errors.Is(err, errMoved) && !errors.Is(err, errNoTable) {
				break
			}
			if list, err = c.list(ctx); err != nil {
				return err
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

func (c *stepCatalog) undo(ctx context.Context, p *plan, s *step, list []pointer) error {
	now := c.pointerAt(list, s)
	switch {
	case now == nil:
		return nil
	case now.location == s.To && s.From == "":
		if err := c.point.Hit("catalog.move", s.Folder); err != nil {
			return err
		}
		return c.pointers.drop(ctx, *now)
	case now.location == s.To, now.location == s.From:
		return c.restore(ctx, p, s, *now)
	}
	if is, err := c.state(ctx, p, s, now); err != nil || is != taken {
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

// after gives tables their new names, one after the other. Where one has the
// name that another is to get, both go by way of a name that nobody has. A name
// that another program's table has meanwhile stays that one's.
func (c *stepCatalog) after(ctx context.Context, p *plan) error {
	if !slices.ContainsFunc(p.Steps, func(s *step) bool { return s.Was != s.Name }) {
		return nil
	}
	between := betweenPrefix + string(p.Run)
	for {
		list, err := c.list(ctx)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(list, func(p pointer) bool { return c.isFormer(list, p) }); i >= 0 {
			if err := c.pointers.drop(ctx, list[i]); err != nil && !errors.Is(err, errMoved) && !errors.Is(err, errNoTable) {
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
