package catalog

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/google/uuid"
)

// idProperty is the property of the namespace that tells the catalog from every other
// one: an empty one in its place, or another one that was named by mistake, has no
// part in what runs with this one have left.
const idProperty = "notionlake.id"

// identify gives the namespace its ID, unless it has one.
func (c *sqlCatalog) identify(ctx context.Context) error {
	id, err := c.id(ctx)
	if err == nil && id == "" {
		err = c.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, c.bind(`INSERT INTO iceberg_namespace_properties
				(catalog_name, namespace, property_key, property_value) VALUES (?, ?, ?, ?)
				ON CONFLICT (catalog_name, namespace, property_key) DO NOTHING`), c.name, c.namespace, idProperty, uuid.NewString())
			return err
		})
	}
	if err == nil {
		c.own, err = c.id(ctx)
	}
	return err
}

func (c *sqlCatalog) id(ctx context.Context) (id string, err error) {
	if c.own != "" {
		return c.own, nil
	}
	err = c.db.QueryRowContext(ctx, c.bind(`SELECT property_value FROM iceberg_namespace_properties
		WHERE catalog_name = ? AND namespace = ? AND property_key = ?`), c.name, c.namespace, idProperty).Scan(&id)
	switch {
	case errors.Is(err, sql.ErrNoRows), err != nil && c.readOnly: // a catalog that others made need not have that table
		return "", nil
	case err != nil:
		return "", c.fault("read", err)
	}
	return id, nil
}

// placeID tells a catalog that keeps no ID by where it is, and by what there is several of
// there: not every service has a place for an ID.
func placeID(place string, more ...string) string {
	sum := sha256.Sum256([]byte(strings.TrimRight(place, "/") + "\x00" + strings.Join(more, "\x00")))
	return hex.EncodeToString(sum[:16])
}
