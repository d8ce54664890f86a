package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// landed finds out what became of a commit that was answered with an error. It
// takes the catalog's write lock first, so that no transaction is under way
// while it looks. The load is published if every table points to what this
// attempt wrote or, where other programs have written since, did before or has the load's tag;
// it is not if none does. Anything else is an error: it cannot be known.
func (a *attempt) landed(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := a.point.Hit("catalog.outcome", a.database.place()); err != nil {
		return false, err
	}
	rows, err := a.lockedRows(ctx)
	if err != nil {
		return false, err
	}
	l, err := a.listRows(ctx, rows)
	if err != nil {
		return false, err
	}
	targets := slices.Concat(a.targets, a.tagged)
	if a.hold {
		targets = slices.DeleteFunc(targets, func(t *target) bool { return t.base == nil })
		if len(targets) == 0 {
			return true, nil // nothing of it is in the catalog
		}
	}
	done := 0
	for _, t := range targets {
		e := l.byKey(t.key)
		if e != nil && (e.location == t.metadata || t.tagStands(e) || t.followed(e)) {
			done++
		}
	}
	switch done {
	case len(targets):
		return true, nil
	case 0:
		return false, nil
	default:
		return false, fmt.Errorf("%d of %d tables have the tag %s", done, len(targets), a.load.ID.Tag())
	}
}

// tagStands reports whether the table has the load's tag, on the snapshot that
// this attempt made: another load that began in the same second has the same tag.
func (t *target) tagStands(e *entry) bool {
	s := e.meta.SnapshotByName(t.tag())
	return s != nil && (t.staged == nil || s.SnapshotID == t.snapshotID)
}

// followed reports whether the table was what this attempt wrote, before other
// programs wrote since.
func (t *target) followed(e *entry) bool {
	for entry := range e.meta.PreviousFiles() {
		if entry.MetadataFile == t.metadata {
			return true
		}
	}
	return false
}

// lockedRows reads the rows of the namespace while it holds the write lock.
func (c *Catalog) lockedRows(ctx context.Context) (list []row, err error) {
	conn, err := c.db.Conn(ctx)
	if err != nil {
		return nil, c.fault("read", err)
	}
	defer func() { _ = conn.Close() }() // back to the pool
	tx, err := c.begin(ctx, conn)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := tx.Rollback(); e != nil && !errors.Is(e, sql.ErrTxDone) {
			err = errors.Join(err, e)
		}
	}()
	return c.rows(ctx, tx)
}
