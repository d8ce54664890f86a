package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	icebergcatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/notionlake/notionlake/lake"
)

// owns reports whether a plan is of such a server.
func (c *restSteps) owns(p *plan) bool {
	return !slices.ContainsFunc(p.Steps, func(s *step) bool { return s.REST == nil })
}

// tables are the tables as they were read last, by their UUIDs. That they cannot be
// read says nothing of a step.
func (c *restSteps) tables(ctx context.Context) (map[uuid.UUID]row, error) {
	rows, err := c.recent(ctx)
	if err != nil {
		return nil, fmt.Errorf("tables of a publication: %s", err.Error())
	}
	tables := map[uuid.UUID]row{}
	for _, r := range rows {
		if r.meta != nil {
			tables[r.meta.TableUUID()] = r
		}
	}
	return tables, nil
}

// state tells how far a step is, whatever other programs have done to the table
// since.
func (s *restStep) state(p *plan, at int64, meta table.Metadata) stepState {
	marks := marksOf(meta)
	switch _, ok := marks[s.Mark]; {
	case meta.TableUUID() != s.UUID:
		return changed
	case ok:
		return taken
	case marks[s.Mark+backSuffix] != 0:
		return changed
	}
	if tagged := meta.SnapshotByName(p.Tag); p.Tag != "" && tagged != nil && tagged.SnapshotID == at {
		return taken
	}
	if len(s.Snapshots) > 0 && !slices.ContainsFunc(s.Snapshots, func(id int64) bool { return meta.SnapshotByID(id) == nil }) {
		return taken
	}
	if s.New && meta.CurrentSnapshot() != nil || !hasMarks(meta, s.Marks) {
		return changed
	}
	return pending
}

// send sends updates of a table, and looks whether it has the mark then.
func (c *restSteps) send(ctx context.Context, s *step, name string, requirements []table.Requirement, updates []table.Update, mark string) error {
	if err := c.point.Hit("catalog.move", s.Folder); err != nil {
		return err
	}
	meta, _, err := c.server.CommitTable(ctx, c.ident(name), requirements, updates)
	c.invalidate()
	switch {
	case errors.Is(err, rest.ErrBadRequest), errors.Is(err, rest.ErrForbidden):
		return fmt.Errorf("table %s: %w: %w", s.Name, errRefused, c.fault("commit to", err))
	case err != nil:
		return c.answered(err)
	}
	c.order.saw(name, meta)
	if _, ok := marksOf(meta)[mark]; !ok {
		return fmt.Errorf("the catalog %s says that table %s is changed, and it has not got the tag %s: the server must keep tags", c.place(), s.Name, mark)
	}
	return c.point.Hit("catalog.move.done", s.Folder)
}

// takes changes tables, each if it is as it was planned on.
func (c *restSteps) takes(ctx context.Context, p *plan) (func(context.Context, *step) error, error) {
	tables, err := c.tables(ctx)
	if err == nil && p.isFenced(tables) {
		err = errNotAdmitted
	}
	return func(ctx context.Context, s *step) error { return c.take(ctx, p, s, tables) }, err
}

// isFenced reports whether the plan's run has been fenced by one that publishes by
// transactions, before all that the plan says was done.
func (p *plan) isFenced(tables map[uuid.UUID]row) bool {
	last := p.Steps[len(p.Steps)-1]
	if t := tables[last.REST.UUID]; t.meta != nil && last.REST.state(p, last.SnapshotID, t.meta) == taken {
		return false
	}
	for _, t := range tables {
		if t.meta.Properties()[keyProperty] == lake.LedgerTable && t.meta.SnapshotByName(fenceTag(p.Run)) != nil {
			return true
		}
	}
	return false
}

func (c *restSteps) take(ctx context.Context, p *plan, s *step, tables map[uuid.UUID]row) (err error) {
	var why error // it has not been done
	conflict := fmt.Errorf("table %s has been changed by another program meanwhile: %w", s.Name, lake.ErrConflict)
	for n := range undoTries {
		if n > 0 {
			if err := c.pause(ctx, n-1); err != nil {
				return err
			}
			if tables, err = c.tables(ctx); err != nil {
				return err
			}
		}
		is, t := changed, tables[s.REST.UUID]
		if t.meta != nil {
			is = s.REST.state(p, s.SnapshotID, t.meta)
		}
		switch {
		case is == taken: // another one may have done it
			return nil
		case is == changed:
			return cmp.Or(why, conflict)
		case why == nil:
			err = c.send(ctx, s, t.name, rawRequirements(s.REST.Requirements), rawUpdates(s.REST.Updates), s.REST.Mark)
			switch {
			case errors.Is(err, lake.ErrConflict):
				why = fmt.Errorf("%w (%s)", conflict, err.Error())
			case errors.Is(err, errRefused):
				why = err
			default:
				return err
			}
		default:
			// What the step expects of the table, but for its mark, can be again what it
			// was: a request that is still under way must not find the mark.
			err = c.undo(ctx, p, s, t)
			switch {
			case errors.Is(err, errRefused) && errors.Is(why, errRefused):
				return why
			case err != nil && !errors.Is(err, errAgain) && !errors.Is(err, lake.ErrConflict):
				return err
			}
		}
	}
	return c.fault("commit to", fmt.Errorf("table %s: %w", s.Name, errAgain))
}

// errAgain is a step that is to be looked at again.
var errAgain = errors.New("other programs write to the table all the time")

// back takes back what has been done of a plan. Each table gets another mark, also
// where nothing has been done: what is still under way finds none that it expects.
func (c *restSteps) back(ctx context.Context, p *plan) error {
	for n := range undoTries {
		if n > 0 {
			if err := c.pause(ctx, n); err != nil {
				return err
			}
		}
		tables, err := c.tables(ctx)
		if err != nil {
			return err
		}
		var partly error
		again := false
		for _, s := range slices.Backward(p.Steps) {
			t, ok := tables[s.REST.UUID]
			if !ok {
				continue
			}
			switch err := c.undo(ctx, p, s, t); {
			case errors.Is(err, errPartly):
				partly = errors.Join(partly, err)
			case errors.Is(err, errAgain), errors.Is(err, lake.ErrConflict):
				again = true
			case err != nil:
				return fmt.Errorf("what has been published of load %s cannot be taken back: %s", p.Load, err.Error())
			}
		}
		if !again {
			return partly
		}
	}
	return c.fault("commit to", errAgain)
}

func (c *restSteps) undo(ctx context.Context, p *plan, s *step, t row) error {
	r, marks := s.REST, marksOf(t.meta)
	is := r.state(p, s.SnapshotID, t.meta)
	_, mine := marks[r.Mark]
	current := currentID(t.meta)
	switch {
	case is == changed:
		return nil
	case is == taken && (!mine || current == nil || *current != r.Main || t.meta.CurrentSchema().ID != r.Schema && !(r.New && isCondemned(t.meta))):
		return fmt.Errorf("%w: another program has written to table %s since", errPartly, t.name)
	case r.New:
		if err := c.point.Hit("catalog.move", s.Folder); err != nil {
			return err
		}
		c.invalidate()
		if err := c.discard(ctx, &entry{name: t.name, location: t.location, meta: t.meta}); err != nil {
			return err
		}
		return errAgain // whether it was that is seen then
	}
	requirements, updates, at := append(holds(t.meta), expects(marks)...), []table.Update(nil), int64(0)
	switch {
	case is == taken:
		updates, at = rawUpdates(r.Undo), r.Before
	case current != nil:
		at = *current
	default:
		return nil // another program has taken out all that was in it: it has no marks either
	}
	updates = append(updates, remark(marks, r.Mark+backSuffix, at)...)
	for _, id := range r.Snapshots { // once no ref needs them: servers refuse to remove a ref that is not there
		if is == taken {
			updates = append(updates, table.NewRemoveSnapshotsUpdate([]int64{id}, false))
		}
	}
	return c.send(ctx, s, t.name, requirements, updates, r.Mark+backSuffix)
}

// after takes out of the tables what the plan takes out, and gives them their new
// names.
func (c *restSteps) after(ctx context.Context, p *plan) error {
	if !slices.ContainsFunc(p.Steps, func(s *step) bool { return s.Was != s.Name || len(s.REST.GoneRefs)+len(s.REST.GoneSnapshots) > 0 }) {
		return nil
	}
	tables, err := c.tables(ctx)
	if err != nil {
		return err
	}
	last := p.Steps[len(p.Steps)-1]
	g, _ := lake.NewGroup(ctx)
	g.SetLimit(parallelTables)
	for _, s := range p.Steps {
		if s != last {
			g.Go(func() error { return c.remove(ctx, s, tables) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := c.remove(ctx, last, tables); err != nil {
		return err
	}
	return c.renames(ctx, p)
}

// remove takes out of a table what it is to lose.
func (c *restSteps) remove(ctx context.Context, s *step, tables map[uuid.UUID]row) (err error) {
	for n := range undoTries {
		if n > 0 {
			if err := c.pause(ctx, n); err != nil {
				return err
			}
			if tables, err = c.tables(ctx); err != nil {
				return err
			}
		}
		t, ok := tables[s.REST.UUID]
		if !ok {
			return nil // it has been dropped
		}
		updates := s.REST.removals(t.meta)
		if len(updates) == 0 {
			return nil
		}
		marks := marksOf(t.meta)
		mark := slices.Concat(slices.Sorted(maps.Keys(marks)), []string{""})[0]
		if err = c.send(ctx, s, t.name, append(holds(t.meta), expects(marks)...), updates, mark); !errors.Is(err, lake.ErrConflict) {
			return err
		}
	}
	return c.fault("commit to", fmt.Errorf("table %s: %w", s.Name, errAgain))
}

// removals are the updates that a table still lacks to have lost all that it is to
// lose. A snapshot stays that another program has given a ref since.
func (s *restStep) removals(meta table.Metadata) (updates []table.Update) {
	needed := map[int64]bool{}
	for name, ref := range meta.Refs() {
		needed[ref.SnapshotID] = needed[ref.SnapshotID] || !slices.Contains(s.GoneRefs, name)
	}
	for _, name := range s.GoneRefs {
		if meta.SnapshotByName(name) != nil {
			updates = append(updates, table.NewRemoveSnapshotRefUpdate(name))
		}
	}
	for _, id := range s.GoneSnapshots { // one by one: older servers take no lists
		if meta.SnapshotByID(id) != nil && !needed[id] {
			updates = append(updates, table.NewRemoveSnapshotsUpdate([]int64{id}, false))
		}
	}
	return updates
}

// renames gives tables their new names, one after the other. Where one has the name
// that another is to get, it goes by way of a name that nobody has. Once a later plan
// or another program has changed a table, its name is theirs. The load is published
// whatever becomes of it.
func (c *restSteps) renames(ctx context.Context, p *plan) error {
	if !slices.ContainsFunc(p.Steps, func(s *step) bool { return s.Was != s.Name }) {
		return nil
	}
	failed := map[uuid.UUID]bool{}
	for stale := 0; ; {
		rows, err := c.recent(ctx)
		if err != nil {
			return err
		}
		from, to, of := p.nextName(rows, failed)
		if from == "" {
			return nil
		}
		if err := c.point.Hit("catalog.rename", from); err != nil {
			return err
		}
		c.invalidate()
		// The server compares nothing: who was stopped here must not rename another's.
		now, err := c.server.LoadTable(ctx, c.ident(from))
		if err == nil && (now.Metadata().TableUUID() != of.UUID || now.Metadata().SnapshotByName(of.Mark) == nil) || errors.Is(err, icebergcatalog.ErrNoSuchTable) {
			if stale++; stale >= undoTries { // what the server shows is not what it has
				failed[of.UUID] = true
				c.logger.WarnContext(ctx, "a table is not where the server shows it: the next load gives it its name", "table", from, "to", to, "load", p.Load)
				continue
			}
			if err := c.pause(ctx, stale); err != nil {
				return err
			}
			continue
		}
		if err == nil {
			err = c.tryRename(ctx, from, to)
		}
		if err != nil {
			failed[of.UUID] = true
			c.logger.WarnContext(ctx, "a table could not be renamed: the next load does it", "table", from, "to", to, "load", p.Load, "error", err)
			continue
		}
		if err := c.point.Hit("catalog.rename.done", from); err != nil {
			return err
		}
	}
}

// nextName is the next table to be renamed, "" where there is none.
func (p *plan) nextName(rows []row, failed map[uuid.UUID]bool) (from, to string, of *restStep) {
	has := map[string]*step{} // the tables that are to get another name, by the one that they have
	taken := map[string]bool{}
	for _, r := range rows {
		taken[r.name] = true
		for _, s := range p.Steps {
			if r.meta != nil && r.meta.TableUUID() == s.REST.UUID && r.meta.SnapshotByName(s.REST.Mark) != nil && r.name != s.Name && !failed[s.REST.UUID] {
				has[r.name] = s
			}
		}
	}
	names := slices.Sorted(maps.Keys(has))
	for _, name := range names {
		if s := has[name]; !taken[s.Name] {
			return name, s.Name, s.REST
		}
	}
	for _, name := range names {
		if s := has[name]; has[s.Name] != nil && !strings.HasPrefix(name, betweenPrefix) {
			return name, betweenPrefix + uuid.NewString(), s.REST
		}
	}
	return "", "", nil
}
