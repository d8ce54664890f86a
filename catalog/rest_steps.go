package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/notionlake/notionlake/lake"
)

// A restSteps is a server that has no transactions of several tables. A load is
// published by a plan in the warehouse, and the tables change one after the other.
type restSteps struct {
	*restCatalog
	journal *publications
}

func newRESTSteps(c *restCatalog) *restSteps {
	s := &restSteps{restCatalog: c}
	s.journal = &publications{Catalog: c.Catalog, carrier: s, runs: c.runs}
	return s
}

// isPlanned reports whether plans lie in the warehouse, of a time when the server had
// no transactions: as long as they do, what is published is planned.
func (c *restSteps) isPlanned(ctx context.Context) (bool, error) {
	for o, err := range c.store.List(ctx, c.journal.plans()) {
		if err != nil {
			return false, err
		}
		if !strings.HasSuffix(o.Key, planSuffix) {
			continue
		}
		if p, err := c.journal.readPlan(ctx, o.Key); err != nil || p != nil && c.owns(p) {
			return err == nil, err
		}
	}
	return false, nil
}

// A restStep is what is done to a table of a server. What is added comes first; what
// the table loses, once it is decided that the plan is done.
type restStep struct {
	UUID   uuid.UUID `json:"uuid"`
	New    bool      `json:"new,omitempty"` // there is nothing in it before
	Mark   string    `json:"mark"`          // that it gets
	Main   int64     `json:"main"`          // current snapshot afterwards, on which the mark is
	Before int64     `json:"main_before,omitempty"`
	Schema int       `json:"schema_id"` // current schema afterwards
	// Marks are those that it has before.
	Marks        map[string]int64  `json:"marks,omitempty"`
	Snapshots    []int64           `json:"snapshots,omitempty"` // that it gets
	Requirements []json.RawMessage `json:"requirements"`
	Updates      []json.RawMessage `json:"updates"`
	Undo         []json.RawMessage `json:"undo,omitempty"` // not of new ones, which are dropped
	// What it loses.
	GoneRefs      []string `json:"gone_refs,omitempty"`
	GoneSnapshots []int64  `json:"gone_snapshots,omitempty"`
}

// lock takes the lease, carries out what dead processes have left half done, and
// makes the tables ready for the next plan.
func (c *restSteps) lock(ctx context.Context, part string, wait time.Duration) (func() error, error) {
	unlock, err := c.lease(ctx, part, wait)
	if err != nil || part != "" {
		return unlock, err
	}
	err = c.journal.complete(ctx)
	if err == nil {
		err = c.ready(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
}

// fence fences a run, also one that has found the server with transactions: that one
// looks for no plan.
func (c *restSteps) fence(ctx context.Context, run lake.RunID) error {
	mine := c.runs.knows(run)
	if err := c.journal.fence(ctx, run); err != nil || mine {
		return err
	}
	l, err := c.list(ctx)
	if err != nil || l.byKey(lake.LedgerTable) == nil {
		return err // its transaction is bound to a ledger that is gone
	}
	return c.fenceTransaction(ctx, run)
}

// settled carries the plan out, so that nothing of it can still happen, and reads
// the tables.
func (c *restSteps) settled(ctx context.Context, a *attempt, _ error) ([]row, error) {
	if err := c.fence(ctx, a.run); err != nil {
		return nil, err
	}
	return c.rows(ctx)
}

// commit publishes by a plan.
func (c *restSteps) commit(ctx context.Context, a *attempt) error {
	if a.needsAdmission && !c.runs.isAdmitted(a.run) {
		return errNotAdmitted
	}
	if err := c.point.Hit("catalog.begin", c.place()); err != nil {
		return err
	}
	targets := slices.Concat(a.targets, a.tagged)
	if a.hold {
		targets = slices.DeleteFunc(targets, func(t *target) bool { return t.base == nil })
	}
	for _, t := range targets { // none where all tables of a held load are new: its plan finds a fence all the same
		switch {
		case t.meta.CurrentSnapshot() == nil:
			return fmt.Errorf("table %s has nothing in it: another program has made it meanwhile: %w", t.name, lake.ErrConflict)
		case t.base.meta.CurrentSnapshot() != nil && len(marksOf(t.base.meta)) == 0:
			return fmt.Errorf("table %s has lost its tag %s…, which the next run sets again: %w", t.name, markPrefix, lake.ErrConflict)
		}
	}
	return c.journal.publish(ctx, a, func(n int) (*plan, error) { return c.plan(a, targets, n) })
}

// plan is the nth one of a run.
func (c *restSteps) plan(a *attempt, targets []*target, n int) (*plan, error) {
	p := &plan{Format: planFormat, Run: a.run, Load: a.load.ID, Tag: a.tag(), Began: c.now().UTC()}
	if a.load.ID == "" {
		p.Tag = ""
	}
	last := ""
	for _, t := range targets {
		s, err := t.restStep(fmt.Sprintf("%s%s-%d", markPrefix, a.run, n))
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", t.name, err)
		}
		if t.key == lake.LedgerTable {
			last = t.location
		}
		p.Steps = append(p.Steps, s)
	}
	p.order(last)
	return p, nil
}

// restStep is the step of a target, which gets a mark.
func (t *target) restStep(mark string) (*step, error) {
	from, d := t.base.meta, differ(t.base.meta, t.meta)
	t.difference = d
	s := &step{Folder: t.location, Was: t.base.name, Name: t.name, SnapshotID: t.meta.CurrentSnapshot().SnapshotID}
	r := &restStep{
		UUID: from.TableUUID(), New: from.CurrentSnapshot() == nil, Mark: mark, Main: s.SnapshotID, Schema: t.meta.CurrentSchema().ID,
		Marks: marksOf(from), Snapshots: d.snapshots, GoneRefs: d.goneRefs, GoneSnapshots: d.gone,
	}
	if id := currentID(from); id != nil {
		r.Before = *id
	}
	s.REST = r
	if t.hold {
		s.Name, s.SnapshotID = t.base.name, t.snapshotID
	}
	updates := append(d.additions(), remark(r.Marks, mark, r.Main)...)
	named := iceberg.Properties{}
	if s.Was != s.Name {
		named[renameProperty] = s.Name
		updates = append(updates, table.NewSetPropertiesUpdate(named))
	}
	requirements := slices.Concat(holds(from), t.reliesOn(), expects(r.Marks))
	if t.key == lake.LedgerTable {
		requirements = append(requirements, notFenced(t.run))
	}
	var err, errUndo, errRequirements error
	r.Updates, err = rawOf(updates)
	r.Requirements, errRequirements = rawOf(requirements)
	if !r.New {
		r.Undo, errUndo = rawOf(d.undo(from, t.meta, named))
	}
	return s, errors.Join(err, errRequirements, errUndo)
}

// additions are the updates but for those that take something away.
func (d *difference) additions() []table.Update {
	return slices.DeleteFunc(slices.Clone(d.updates), func(u table.Update) bool {
		return u.Action() == table.UpdateRemoveSnapshots || u.Action() == table.UpdateRemoveSnapshotRef
	})
}

// undo are the updates that take the additions back, but for the snapshots. A schema that was added stays,
// not current: not every server can remove one.
func (d *difference) undo(from, to table.Metadata, named iceberg.Properties) (updates []table.Update) {
	if id := from.CurrentSchema().ID; id != to.CurrentSchema().ID {
		updates = append(updates, table.NewSetCurrentSchemaUpdate(id))
	}
	after := maps.Clone(to.Properties())
	maps.Copy(after, named)
	var props difference
	props.differProperties(after, from.Properties())
	updates = append(updates, props.updates...)
	refs := maps.Collect(from.Refs())
	var gone []table.Update
	for _, name := range slices.Sorted(maps.Keys(d.refs)) {
		ref, ok := refs[name]
		if !ok {
			gone = append(gone, table.NewRemoveSnapshotRefUpdate(name))
			continue
		}
		updates = append(updates, table.NewSetSnapshotRefUpdate(name, ref.SnapshotID, ref.SnapshotRefType,
			valueOf(ref.MaxRefAgeMs), valueOf(ref.MaxSnapshotAgeMs), valueOf(ref.MinSnapshotsToKeep)))
	}
	return append(updates, gone...)
}

// isMark reports whether a tag is one that only this program needs.
func isMark(tag string) bool { return strings.HasPrefix(tag, markPrefix) }
