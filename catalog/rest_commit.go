package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	icebergcatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/notionlake/notionlake/lake"
)

// begin makes the tables that there are not yet, without a snapshot: a transaction
// makes none. For a reader of ours they are none; those of a run that died are
// used by the next one or dropped. The server stamps them with its own time,
// which all snapshots of the publication have to follow.
func (c *restCatalog) begin(ctx context.Context, l listing, p lake.Publication) (listing, error) {
	if p.Run != "" && !c.runs.isAdmitted(p.Run) {
		return l, errNotAdmitted
	}
	if p.Hold || p.Compaction {
		return l, nil
	}
	var news []*staged
	for _, change := range p.Changes {
		st, err := c.own(change.Staged)
		if err != nil {
			return l, err
		}
		if st.base != nil {
			continue
		}
		switch e := l.byKey(st.key); {
		case e != nil && !e.isEmpty():
			continue
		case e != nil: // of an earlier try to publish what was held
			if err := c.discard(ctx, e); err != nil {
				return l, err
			}
		}
		if _, err = c.make(ctx, l, st); err != nil {
			return l, fmt.Errorf("table %s: %w", st.name, err)
		}
		news = append(news, st)
	}
	ledger := l.byKey(lake.LedgerTable) != nil
	if !ledger {
		if _, err := c.makeLedger(ctx, l); err != nil {
			return l, err
		}
	}
	if ledger && len(news) == 0 {
		return l, nil
	}
	c.invalidate()
	l, err := c.list(ctx)
	for _, st := range news {
		if st.base, st.evolved.changed = l.byKey(st.key), false; st.base == nil && err == nil {
			err = fmt.Errorf("table %s is gone from the catalog %s: %w", st.name, c.place(), lake.ErrConflict)
		}
	}
	return l, err
}

// commit sends the changes of all tables in one transaction of the server. It is
// bound to the ledger as it was read: there is no other publication in between,
// and none of a run that was fenced. Tables change their names just after it.
func (c *restCatalog) commit(ctx context.Context, a *attempt) error {
	if a.needsAdmission && !c.runs.isAdmitted(a.run) {
		return errNotAdmitted
	}
	if err := c.point.Hit("catalog.begin", c.place()); err != nil {
		return err
	}
	c.invalidate()
	targets := slices.Concat(a.targets, a.tagged)
	if a.hold {
		targets = slices.DeleteFunc(targets, func(t *target) bool { return t.base == nil })
	}
	// Of what is held of new tables nothing is in the catalog, but a run that is fenced
	// must not hold it: the ledger is asked for that.
	ledger, err := c.ledger(ctx, a, targets)
	if err != nil {
		return err
	}
	if err := c.point.Hit("catalog.begin.done", c.place()); err != nil {
		return err
	}
	// What it does takes no time, and a cancelled request has an unknown outcome.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if err := c.transact(ctx, a, targets, ledger); err != nil {
		return err
	}
	if err := c.check(ctx, targets); err != nil {
		return fmt.Errorf("%w: %w", errCommit, err)
	}
	c.runs.leave(a.run)
	c.rename(ctx, a, targets)
	return nil
}

// commitTimeout is how long a commit may take. The lock is renewed for as long.
const commitTimeout = 10 * time.Minute

// transact is the transaction.
func (c *restCatalog) transact(ctx context.Context, a *attempt, targets []*target, ledger *entry) error {
	var commits []table.TableCommit
	for _, t := range targets {
		from := t.base.meta
		t.difference = differ(from, t.meta)
		if t.base.name != t.name && !a.hold {
			t.difference.updates = append(t.difference.updates, table.NewSetPropertiesUpdate(iceberg.Properties{renameProperty: t.name}))
		}
		requirements := append(holds(from), t.reliesOn()...)
		if t.key == lake.LedgerTable {
			requirements = append(requirements, notFenced(a.run))
		}
		commits = append(commits, table.TableCommit{Identifier: c.ident(t.base.name), Requirements: requirements, Updates: t.difference.updates})
	}
	if !slices.ContainsFunc(targets, func(t *target) bool { return t.key == lake.LedgerTable }) {
		commits = append(commits, table.TableCommit{Identifier: c.ident(ledger.name), Requirements: append(holds(ledger.meta), notFenced(a.run))})
	}
	if err := c.point.Hit("catalog.commit", c.place()); err != nil {
		return err
	}
	if _, ok := c.runs.sends(a.run, a.needsAdmission); !ok {
		return errNotAdmitted
	}
	err := c.server.CommitTransaction(ctx, commits)
	if err == nil {
		a.accepted = true
		c.runs.answeredTo(a.run)
		err = c.point.Hit("catalog.commit.done", c.place())
	} else if err = c.answered(err); errors.Is(err, lake.ErrConflict) {
		c.runs.answeredTo(a.run)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errCommit, err)
	}
	return nil
}

// checkTries is how often it is looked for what a server says that it has done:
// it may answer from a copy that is a little behind.
const checkTries = 5

// check looks whether the server did what it says it did: not every one is sure
// of that when others write at the same time.
func (c *restCatalog) check(ctx context.Context, targets []*target) (err error) {
	for n := range checkTries {
		if n > 0 {
			if e := c.pause(ctx, n); e != nil {
				return errors.Join(err, e)
			}
		}
		if err = c.look(ctx, targets); err == nil {
			return nil
		}
	}
	return err
}

func (c *restCatalog) look(ctx context.Context, targets []*target) error {
	l, err := c.list(ctx)
	if err != nil {
		return err
	}
	for _, t := range targets {
		e := l.byKey(t.key)
		if e == nil || c.traces(t, e) != made {
			return fmt.Errorf("the catalog %s says that the transaction is done, and table %s is not changed as it should be: another program wrote at the same time, or the server does not keep all that it is sent", c.place(), t.name)
		}
		if tag := t.tag(); t.meta.SnapshotByName(tag) != nil && e.meta.SnapshotByName(tag) == nil {
			c.logger.WarnContext(ctx, "the server keeps no tags: earlier loads cannot be read by them", "catalog", c.place())
			return nil
		}
	}
	return nil
}

// answered says what an answer to a commit means.
func (c *restCatalog) answered(err error) error {
	if errors.Is(err, table.ErrCommitFailed) || errors.Is(err, icebergcatalog.ErrNoSuchTable) || errors.Is(err, icebergcatalog.ErrTableAlreadyExists) {
		return fmt.Errorf("a table has been changed by another program meanwhile (%w): %w", err, lake.ErrConflict)
	}
	return c.fault("commit to", err)
}

// ledger is the ledger as the attempt read it. Where there is none yet, it is made.
func (c *restCatalog) ledger(ctx context.Context, a *attempt, targets []*target) (*entry, error) {
	for _, t := range targets {
		if t.key == lake.LedgerTable {
			return t.base, nil
		}
	}
	if e := a.read.byKey(lake.LedgerTable); e != nil {
		return e, nil
	}
	return c.makeLedger(ctx, a.read)
}

// makeLedger makes the ledger without a snapshot.
func (c *restCatalog) makeLedger(ctx context.Context, l listing) (*entry, error) {
	location, err := c.newLocation(ctx, lake.LedgerTable, lake.LedgerTable)
	if err != nil {
		return nil, err
	}
	schema := lake.LedgerSchema()
	e, err := c.make(ctx, l, &staged{
		catalog: c.Catalog, name: schema.Table, key: schema.Key, appends: true, location: location,
		evolved: evolve(nil, columns{}, 0, schema, c.retire),
	})
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", schema.Table, err)
	}
	return e, nil
}

// make makes a table without a snapshot. Where another one has the name that it is
// to have, which is about to get another, it gets it with the publication.
func (c *restCatalog) make(ctx context.Context, l listing, st *staged) (*entry, error) {
	name := st.name
	if slices.ContainsFunc(l.entries, func(e *entry) bool { return e.name == name }) {
		name = newPrefix + uuid.NewString()
	}
	b, err := newBuilder(st, c.store, false)
	if err != nil {
		return nil, err
	}
	if id, e := uuid.Parse(c.vending.takeUUID(st.location)); e == nil {
		err = b.SetUUID(id)
	}
	if err != nil {
		return nil, err
	}
	meta, err := b.Build()
	if err != nil {
		return nil, err
	}
	if err := c.point.Hit("catalog.create", name); err != nil {
		return nil, err
	}
	made, location, err := c.server.CommitTable(ctx, c.ident(name), []table.Requirement{table.AssertCreate()}, newTable(meta))
	if err != nil {
		return nil, c.answered(err)
	}
	if made.Location() != meta.Location() || !made.CurrentSchema().Equals(meta.CurrentSchema()) {
		if err := c.discard(ctx, &entry{name: name, key: st.key, location: location, meta: made}); err != nil {
			return nil, err
		}
	}
	if !made.CurrentSchema().Equals(meta.CurrentSchema()) {
		return nil, fmt.Errorf("the catalog %s changes the field IDs of new tables: it cannot be used", c.place())
	}
	if made.Location() != meta.Location() {
		return nil, fmt.Errorf("the catalog %s puts it at %s, and not where it is to lie, %s: let the server's warehouse have the location %s", c.place(), made.Location(), meta.Location(), c.store.Root())
	}
	if err := c.point.Hit("catalog.create.done", name); err != nil {
		return nil, err
	}
	return &entry{name: name, key: st.key, location: location, meta: made, columns: st.evolved.columns}, nil
}

// rename gives tables their new names, one after the other. Where one has the
// name that another is to get, both go by way of a name that nobody has. The load
// is published whatever becomes of it.
func (c *restCatalog) rename(ctx context.Context, a *attempt, targets []*target) {
	if a.hold {
		return
	}
	now := map[*target]string{} // the names that they have
	has := func(name string) bool {
		return slices.ContainsFunc(targets, func(t *target) bool { return now[t] == name })
	}
	for _, t := range targets {
		now[t] = t.base.name
	}
	rename := func(t *target, to string) error {
		err := c.point.Hit("catalog.rename", now[t])
		if err == nil {
			err = c.tryRename(ctx, now[t], to)
		}
		if err == nil {
			now[t] = to
			return nil
		}
		a.logger.WarnContext(ctx, "a table could not be renamed: the next load that reads it does it", "table", now[t], "to", to, "load", a.load.ID, "error", err)
		return err
	}
	between := betweenPrefix + uuid.NewString()
	for i, t := range targets {
		if t.name != now[t] && has(t.name) {
			_ = rename(t, fmt.Sprintf("%s-%d", between, i)) // it keeps its name, and what follows sees that
		}
	}
	failed := map[*target]bool{}
	for progress := true; progress; {
		progress = false
		for _, t := range targets {
			if t.name != now[t] && !failed[t] && !has(t.name) {
				failed[t] = rename(t, t.name) != nil
				progress = true
			}
		}
	}
	for _, t := range targets {
		if now[t] != t.name && now[t] != t.base.name && !has(t.base.name) {
			_ = rename(t, t.base.name) // back: another one kept the name
		}
	}
}

// tryRename renames a table, in some tries.
func (c *restCatalog) tryRename(ctx context.Context, from, to string) (err error) {
	for n := range checkTries {
		if n > 0 {
			time.Sleep(lockPoll << n)
		}
		_, err = c.server.RenameTable(ctx, c.ident(from), c.ident(to))
		if err == nil {
			return nil
		}
		if _, e := c.server.LoadTable(ctx, c.ident(from)); errors.Is(e, icebergcatalog.ErrNoSuchTable) {
			return nil // it was done, and the answer lost
		}
	}
	return err
}

// Names that tables have until they get their own, which is in a property then.
const (
	newPrefix      = "new-"
	betweenPrefix  = "renamed-"
	droppedPrefix  = "dropped-" // until it is dropped
	renameProperty = "notionlake.name"
)

// properName is the name that a table is to have, if no other one has it still.
func (l listing) properName(e *entry) string {
	name := e.meta.Properties()[renameProperty]
	waits := strings.HasPrefix(e.name, newPrefix) || strings.HasPrefix(e.name, betweenPrefix)
	if name == "" || !waits || slices.ContainsFunc(l.entries, func(other *entry) bool { return other.name == name }) {
		return e.name
	}
	return name
}

// settled reads the tables when the commit has been refused, or, where its
// answer does not say, once it cannot be made any more because its run is fenced.
func (c *restCatalog) settled(ctx context.Context, a *attempt, answer error) ([]row, error) {
	if !errors.Is(answer, lake.ErrConflict) {
		if err := c.fence(ctx, a.run); err != nil {
			return nil, err
		}
	}
	return c.rows(ctx)
}

// traces tells whether the table got the target's changes. A server that keeps no
// tags does so without them, but what is held is nothing without its tag.
func (c *restCatalog) traces(t *target, e *entry) trace { return t.difference.traces(e.meta, t.hold) }

// finish reads what the server made of the tables, and drops those without a
// snapshot that dead runs left.
func (c *restCatalog) finish(ctx context.Context, a *attempt) error {
	c.invalidate()
	l, err := c.list(ctx)
	if err != nil {
		return err
	}
	for _, t := range slices.Concat(a.targets, a.tagged) {
		if e := l.byKey(t.key); e != nil {
			t.metadata = e.location
			if t.staged == nil || e.meta.SnapshotByID(t.snapshotID) != nil {
				t.meta = e.meta
			}
		}
	}
	if a.hold {
		return nil
	}
	for _, e := range l.entries {
		if !e.isEmpty() {
			continue
		}
		if err := c.discard(ctx, e); err != nil {
			return err
		}
	}
	return nil
}
