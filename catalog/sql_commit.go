package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/notionlake/notionlake/lake"
)

// commit moves the pointers of all tables in one transaction. Once it has begun it
// is not cancelled half way: what it does takes no time, and a cancelled COMMIT
// would have an unknown outcome.
func (c *sqlCatalog) commit(ctx context.Context, a *attempt) (err error) {
	if err = c.point.Hit("catalog.begin", c.database.place()); err != nil {
		return err
	}
	conn, err := c.db.Conn(ctx)
	if err != nil {
		return c.fault("write", err)
	}
	defer func() { _ = conn.Close() }() // back to the pool: it says nothing about the transaction
	tx, err := c.database.begin(ctx, conn)
	if err != nil {
		return err
	}
	defer func() { err = rolledBack(tx, err) }()
	ctx = context.WithoutCancel(ctx)
	err = c.point.Hit("catalog.begin.done", c.database.place())
	if err == nil {
		err = c.admitted(ctx, a, tx)
	}
	if err == nil {
		err = c.move(ctx, a, tx)
	}
	if err != nil {
		return err
	}
	// An error here is as one of a commit that did nothing.
	if err = c.point.Hit("catalog.commit", c.database.place()); err != nil {
		return fmt.Errorf("%w: %w", errCommit, err)
	}
	if err = tx.Commit(); err != nil {
		err = c.fault("commit to", err)
	} else {
		err = errors.Join(c.point.Hit("catalog.commit.done", c.database.place()), c.database.same())
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errCommit, err)
	}
	return nil
}

// rolledBack is deferred, so that no transaction stays open, after a panic either: it
// would keep the catalog locked, which could not be closed. One that has ended is not
// touched.
func rolledBack(tx *sql.Tx, err error) error {
	if e := tx.Rollback(); e != nil && !errors.Is(e, sql.ErrTxDone) {
		return errors.Join(err, e)
	}
	return err
}

// move writes the rows of all tables. Tables that change their names get one
// that nobody has in between, so that they can swap.
func (c *sqlCatalog) move(ctx context.Context, a *attempt, tx *sql.Tx) error {
	between := "renamed-" + uuid.NewString()
	var renamed []*target
	for i, t := range slices.Concat(a.targets, a.tagged) {
		if t.base == nil {
			continue
		}
		name := t.name
		if a.hold {
			name = t.base.name // held, it keeps its name too
		}
		if name != t.base.name {
			name = fmt.Sprintf("%s-%d", between, i)
			renamed = append(renamed, t)
		}
		if err := c.update(ctx, tx, t.base.name, `UPDATE iceberg_tables
			SET table_name = ?, metadata_location = ?, previous_metadata_location = ?
			WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`,
			name, t.metadata, t.base.location, c.name, c.namespace, t.base.name, t.base.location); err != nil {
			return err
		}
	}
	for _, t := range renamed {
		if err := c.update(ctx, tx, t.name, `UPDATE iceberg_tables SET table_name = ?
			WHERE catalog_name = ? AND table_namespace = ? AND metadata_location = ?`,
			t.name, c.name, c.namespace, t.metadata); err != nil {
			return err
		}
	}
	for _, t := range a.targets {
		if t.base != nil || a.hold {
			continue
		}
		if err := c.update(ctx, tx, t.name, `INSERT INTO iceberg_tables
			(catalog_name, table_namespace, table_name, iceberg_type, metadata_location) VALUES (?, ?, ?, 'TABLE', ?)`,
			c.name, c.namespace, t.name, t.metadata); err != nil {
			return err
		}
	}
	return nil
}

// update runs a statement that must change exactly one row.
func (c *sqlCatalog) update(ctx context.Context, tx *sql.Tx, name, statement string, args ...any) error {
	if err := c.point.Hit("catalog.update", name); err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, c.bind(statement), args...)
	n := int64(0)
	if err == nil {
		n, err = result.RowsAffected()
	}
	switch f := c.database.fault(err); {
	case err != nil && (f == nil || !f.taken):
		return c.fault("write", err)
	case err != nil || n != 1:
		return fmt.Errorf("table %s has been changed by another program meanwhile: %w", name, lake.ErrConflict)
	}
	return c.point.Hit("catalog.update.done", name)
}

func (c *sqlCatalog) traces(t *target, e *entry) trace { return t.written(e) }

// written tells whether a table is what this attempt wrote, or was before other
// programs wrote since.
func (t *target) written(e *entry) trace {
	if e.location == t.metadata || t.tagStands(e) || t.followed(e) {
		return made
	}
	return untouched
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

// settled reads the rows of the namespace while it holds the write lock, so that
// no transaction is under way.
func (c *sqlCatalog) settled(ctx context.Context, _ *attempt, _ error) (list []row, err error) {
	conn, err := c.db.Conn(ctx)
	if err != nil {
		return nil, c.fault("read", err)
	}
	defer func() { _ = conn.Close() }() // back to the pool
	tx, err := c.database.begin(ctx, conn)
	if err != nil {
		return nil, err
	}
	defer func() { err = rolledBack(tx, err) }()
	return c.rowsOf(ctx, tx)
}
