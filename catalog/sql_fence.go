package catalog

import (
	"context"
	"database/sql"

	"github.com/notionlake/notionlake/lake"
)

// runProperty is the property of the namespace that says that a run may publish.
func runProperty(run lake.RunID) string { return "notionlake.run." + string(run) }

func (c *sqlCatalog) admit(ctx context.Context, run lake.RunID) error {
	return c.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, c.bind(`INSERT INTO iceberg_namespace_properties
			(catalog_name, namespace, property_key, property_value) VALUES (?, ?, ?, ?)
			ON CONFLICT (catalog_name, namespace, property_key) DO UPDATE SET property_value = excluded.property_value`),
			c.name, c.namespace, runProperty(run), "admitted")
		return err
	})
}

func (c *sqlCatalog) fence(ctx context.Context, run lake.RunID) error {
	return c.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := c.leave(ctx, tx, run)
		return err
	})
}

// leave takes the admission of a run back and reports whether it had one.
func (c *sqlCatalog) leave(ctx context.Context, tx *sql.Tx, run lake.RunID) (bool, error) {
	result, err := tx.ExecContext(ctx, c.bind(`DELETE FROM iceberg_namespace_properties
		WHERE catalog_name = ? AND namespace = ? AND property_key = ?`), c.name, c.namespace, runProperty(run))
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// inTransaction runs a short transaction. It is not cancelled half way.
func (c *sqlCatalog) inTransaction(ctx context.Context, do func(context.Context, *sql.Tx) error) (err error) {
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
	if err := do(context.WithoutCancel(ctx), tx); err != nil {
		return c.fault("write", err)
	}
	if err := tx.Commit(); err != nil {
		return c.fault("commit to", err)
	}
	return c.database.same()
}

// admitted fails where the attempt's run may not publish any more, and ends its
// admission with what it publishes.
func (c *sqlCatalog) admitted(ctx context.Context, a *attempt, tx *sql.Tx) error {
	if !a.needsAdmission {
		return nil
	}
	switch had, err := c.leave(ctx, tx, a.run); {
	case err != nil:
		return c.fault("write", err)
	case !had:
		return errNotAdmitted
	}
	return nil
}
