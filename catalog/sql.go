package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	icebergsql "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

// A sqlCatalog is a catalog in a database, as the SQL catalogs of iceberg-go,
// PyIceberg, Spark and Trino have it: a row per table, which points to its
// metadata file.
type sqlCatalog struct {
	*Catalog
	db       *sql.DB
	database database
	readOnly bool
	own      string // the ID, where it is known
}

func openSQL(ctx context.Context, base *Catalog, o Options, open func() (database, error)) (*sqlCatalog, error) {
	d, err := open()
	if err != nil {
		return nil, err
	}
	c := &sqlCatalog{Catalog: base, database: d, readOnly: o.ReadOnly}
	if c.db, err = d.open(o.ReadOnly); err != nil {
		return nil, err
	}
	if err := c.prepareWaiting(ctx, o.ReadOnly); err != nil {
		return nil, errors.Join(c.fault("open", err), c.db.Close())
	}
	if err := d.same(); err != nil {
		return nil, errors.Join(err, c.db.Close())
	}
	return c, nil
}

// prepareWaiting prepares the catalog. Of several programs that make it at the same
// time SQLite refuses all but one at once, however long they would wait.
func (c *sqlCatalog) prepareWaiting(ctx context.Context, readOnly bool) error {
	for deadline := time.Now().Add(c.lockTimeout); ; {
		err := c.prepare(ctx, readOnly)
		if f := c.database.fault(err); f == nil || !f.locked || !time.Now().Before(deadline) {
			return err
		}
		select {
		case <-time.After(lockTry):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *sqlCatalog) place() string { return c.database.place() }
func (c *sqlCatalog) close() error  { return c.db.Close() }

// begin has nothing to do: new tables come with everything else.
func (c *sqlCatalog) begin(_ context.Context, l listing, _ lake.Publication) (listing, error) {
	return l, nil
}

// finish has nothing to do: the rows are what was written.
func (c *sqlCatalog) finish(context.Context, *attempt) error { return nil }

// recent reads the rows, which takes no time.
func (c *sqlCatalog) recent(ctx context.Context) ([]row, error) { return c.rows(ctx) }

// writesMetadata says that the metadata files are written here.
func (c *sqlCatalog) writesMetadata() bool { return true }

// prepare makes the tables of the catalog and the namespace.
func (c *sqlCatalog) prepare(ctx context.Context, readOnly bool) error {
	if err := c.db.PingContext(ctx); err != nil {
		return err
	}
	if readOnly {
		there, err := c.database.hasTables(ctx, c.db)
		if err == nil && !there {
			err = ErrNoCatalog
		}
		return err
	}
	// A catalog made by Java's oldest layout gets the column that tells tables
	// from views; every program that knows the old layout reads the new one.
	cat, err := icebergsql.NewCatalog(c.name, c.db, c.database.dialect(), map[string]string{icebergsql.SchemaVersionKey: icebergsql.SchemaVersionV1})
	if err != nil {
		return err
	}
	namespace := table.Identifier{c.namespace}
	exists, err := cat.CheckNamespaceExists(ctx, namespace)
	if err == nil && !exists {
		if err = cat.CreateNamespace(ctx, namespace, nil); err != nil {
			// Another program may have made it since.
			if exists, e := cat.CheckNamespaceExists(ctx, namespace); e == nil && exists {
				err = nil
			}
		}
	}
	if err == nil {
		err = c.identify(ctx)
	}
	return errors.Join(err, cat.Close())
}

// fault says what an error of the database means and what to do.
func (c *sqlCatalog) fault(action string, err error) error {
	return faultOf(c.database, action, err)
}

func faultOf(d database, action string, err error) error {
	f := d.fault(err)
	switch {
	case f != nil && f.locked:
		return fmt.Errorf("%s catalog %s: another program holds it locked; try again when that has ended: %w", action, d.place(), lake.ErrLocked)
	case f == nil || f.why == "":
		return fmt.Errorf("%s catalog %s: %w", action, d.place(), err)
	default:
		return fmt.Errorf("%s catalog %s: %s: %w", action, d.place(), f.why, err)
	}
}

func (c *sqlCatalog) rows(ctx context.Context) ([]row, error) {
	if err := c.database.same(); err != nil {
		return nil, err
	}
	return c.rowsOf(ctx, c.db)
}

// A querier is the database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (c *sqlCatalog) rowsOf(ctx context.Context, q querier) (list []row, err error) {
	defer func() {
		if err != nil {
			err = c.fault("read", err)
		}
	}()
	found, err := q.QueryContext(ctx, c.bind(`SELECT table_name, COALESCE(metadata_location, ''), COALESCE(previous_metadata_location, ''),
		COALESCE(iceberg_type, '') FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? ORDER BY table_name`), c.name, c.namespace)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var r row
		var kind string
		if err := found.Scan(&r.name, &r.location, &r.previous, &kind); err != nil {
			return nil, err
		}
		if strings.EqualFold(kind, "VIEW") {
			r.other = "a view"
		}
		list = append(list, r)
	}
	return list, found.Err()
}
