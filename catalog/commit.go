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

// errCommit marks an error of the COMMIT itself: only then it is not known what
// became of the transaction.
var errCommit = errors.New("commit")

// commit moves the pointers of all tables in one transaction.
func (a *attempt) commit(ctx context.Context) error {
	err := a.transact(ctx)
	if !errors.Is(err, errCommit) {
		return err
	}
	done, unknown := a.landed(ctx)
	switch {
	case unknown != nil:
		return fmt.Errorf("%w; whether %s could not be found out: %w: %w", err, a.effect(), unknown, lake.ErrUnknown)
	case done:
		a.logger.WarnContext(ctx, "the commit is done although it was answered with an error", "load", a.load.ID, "error", err)
		return nil
	}
	return err
}

// effect is what the attempt is for, done.
func (a *attempt) effect() string {
	switch {
	case a.load.ID == "":
		return "the loads have expired"
	case a.compact:
		return "the tables are compacted"
	default:
		return "load " + string(a.load.ID) + " is published"
	}
}

// transact runs the transaction. Once it has begun it is not cancelled half way:
// what it does takes no time, and a cancelled COMMIT would have an unknown outcome.
func (a *attempt) transact(ctx context.Context) error {
	if err := a.point.Hit("catalog.begin", a.database.place()); err != nil {
		return err
	}
	conn, err := a.db.Conn(ctx)
	if err != nil {
		return a.fault("write", err)
	}
	defer func() { _ = conn.Close() }() // back to the pool: it says nothing about the transaction
	tx, err := a.begin(ctx, conn)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	err = a.point.Hit("catalog.begin.done", a.database.place())
	if err == nil {
		err = a.admitted(ctx, tx)
	}
	if err == nil {
		err = a.move(ctx, tx)
	}
	if err == nil {
		err = a.point.Hit("catalog.commit", a.database.place())
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	err = tx.Commit()
	if err != nil {
		err = a.fault("commit to", err)
	} else {
		err = a.point.Hit("catalog.commit.done", a.database.place())
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errCommit, err)
	}
	return nil
}

// begin begins a transaction that writes.
func (c *Catalog) begin(ctx context.Context, conn *sql.Conn) (*sql.Tx, error) {
	return c.database.begin(ctx, conn)
}

// move writes the rows of all tables. Tables that change their names get one
// that nobody has in between, so that they can swap.
func (a *attempt) move(ctx context.Context, tx *sql.Tx) error {
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
		if err := a.update(ctx, tx, t.base.name, `UPDATE iceberg_tables
			SET table_name = ?, metadata_location = ?, previous_metadata_location = ?
			WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`,
			name, t.metadata, t.base.location, a.name, a.namespace, t.base.name, t.base.location); err != nil {
			return err
		}
	}
	for _, t := range renamed {
		if err := a.update(ctx, tx, t.name, `UPDATE iceberg_tables SET table_name = ?
			WHERE catalog_name = ? AND table_namespace = ? AND metadata_location = ?`,
			t.name, a.name, a.namespace, t.metadata); err != nil {
			return err
		}
	}
	for _, t := range a.targets {
		if t.base != nil || a.hold {
			continue
		}
		if err := a.update(ctx, tx, t.name, `INSERT INTO iceberg_tables
			(catalog_name, table_namespace, table_name, iceberg_type, metadata_location) VALUES (?, ?, ?, 'TABLE', ?)`,
			a.name, a.namespace, t.name, t.metadata); err != nil {
			return err
		}
	}
	return nil
}

// update runs a statement that must change exactly one row.
func (a *attempt) update(ctx context.Context, tx *sql.Tx, name, statement string, args ...any) error {
	if err := a.point.Hit("catalog.update", name); err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, a.bind(statement), args...)
	n := int64(0)
	if err == nil {
		n, err = result.RowsAffected()
	}
	switch f := a.database.fault(err); {
	case err != nil && (f == nil || !f.taken):
		return a.fault("write", err)
	case err != nil || n != 1:
		return fmt.Errorf("table %s has been changed by another program meanwhile: %w", name, lake.ErrConflict)
	}
	return a.point.Hit("catalog.update.done", name)
}
