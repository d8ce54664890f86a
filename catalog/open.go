package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	icebergsql "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

// The values of Options.Removed.
const (
	Keep   = "keep"   // a column that the source has no more stays as nulls
	Retire = "retire" // it leaves
)

// defaultName is the name of the catalog.
const defaultName = "notionlake"

// lockTimeout is how long another program's lock on the catalog is waited for.
const lockTimeout = 30 * time.Second

// Options say which catalog to open.
type Options struct {
	Type      string // sqlite, also when "", or postgres
	Name      string // of the catalog; "": notionlake. Other programs must give the same
	URI       string // path of the SQLite file, or postgres://user@host/database
	Namespace string // "": notion
	Removed   string // Keep, also when "", or Retire
	// ReadOnly makes nothing: a catalog that does not exist is ErrNoCatalog.
	ReadOnly bool
	// LockTimeout is how long another program's lock on the catalog is waited
	// for. Zero: 30 seconds.
	LockTimeout time.Duration
	Storage     *lake.Storage
	Logger      *slog.Logger     // nil: none
	Now         func() time.Time // nil: time.Now
	Version     string           // of the program
	// Point, where it is not nil, is called before and after every effect:
	// "catalog.write-metadata", "catalog.begin", "catalog.update", "catalog.commit",
	// "catalog.outcome", "catalog.hint" and "catalog.delete", after it with
	// ".done" at the end.
	Point lake.Point
}

// Open opens a catalog. The SQLite file, the folders above it, the catalog's tables
// and the namespace are made if they do not exist.
func Open(ctx context.Context, o Options) (*Catalog, error) {
	c := &Catalog{
		name: o.Name, namespace: o.Namespace, retire: o.Removed == Retire, store: o.Storage,
		logger: o.Logger, now: o.Now, point: o.Point, version: o.Version,
		parsed: map[string]table.Metadata{}, named: map[string][]string{},
	}
	if o.Removed != "" && o.Removed != Keep && o.Removed != Retire {
		return nil, fmt.Errorf("removed columns: %q is neither %s nor %s", o.Removed, Keep, Retire)
	}
	if c.name == "" {
		c.name = defaultName
	}
	if c.namespace == "" {
		c.namespace = "notion"
	}
	if strings.ContainsAny(c.namespace, "./\\") || strings.ContainsFunc(c.namespace, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, fmt.Errorf("namespace %q: it must be one level, without dots, slashes and spaces", c.namespace)
	}
	if c.logger == nil {
		c.logger = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.lockTimeout = o.LockTimeout; c.lockTimeout == 0 {
		c.lockTimeout = lockTimeout
	}
	c.folder = namespaceFolder(c.name, c.namespace)
	var err error
	switch o.Type {
	case "", "sqlite":
		c.database, err = newSQLite(o.URI, c.lockTimeout)
	case "postgres":
		c.database, err = newPostgres(o.URI, c.lockTimeout)
	case "rest", "glue", "hive":
		return nil, fmt.Errorf("catalog type %s is not built into this version yet (there are: sqlite, postgres): %w", o.Type, ErrCatalogType)
	default:
		return nil, fmt.Errorf("catalog type %q: %w (there are: sqlite, postgres)", o.Type, ErrCatalogType)
	}
	if err != nil {
		return nil, err
	}
	if c.db, err = c.database.open(o.ReadOnly); err != nil {
		return nil, err
	}
	if err := c.prepare(ctx, o.ReadOnly); err != nil {
		return nil, errors.Join(c.fault("open", err), c.db.Close())
	}
	return c, nil
}

// Place is where the catalog is, for messages: a path, or a URL without secrets.
func (c *Catalog) Place() string { return c.database.place() }

// Close ends the use of the catalog. The storage stays open.
func (c *Catalog) Close() error { return c.db.Close() }

// prepare makes the tables of the catalog and the namespace.
func (c *Catalog) prepare(ctx context.Context, readOnly bool) error {
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
	return errors.Join(err, cat.Close())
}

// fault says what an error of the database means and what to do.
func (c *Catalog) fault(action string, err error) error {
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
