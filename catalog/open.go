package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

// The values of Options.Removed.
const (
	Keep   = "keep"   // a column that the source has no more stays as nulls
	Retire = "retire" // it leaves
)

// The names of the catalog and the namespace.
const (
	defaultName      = "notionlake"
	defaultNamespace = "notion"
)

// lockTimeout is how long another program's lock on the catalog is waited for.
const lockTimeout = 30 * time.Second

// Options say which catalog to open.
type Options struct {
	Type      string // sqlite, also when "", postgres or rest
	Name      string // of the catalog; "": notionlake. Other programs must give the same
	URI       string // path of the SQLite file, postgres://user@host/database, or https://server/path
	REST      RESTOptions
	Glue      GlueOptions
	User      string // that a Hive metastore is told; "": the one of the system
	Namespace string // "": notion
	Removed   string // Keep, also when "", or Retire
	// ReadOnly makes nothing: a catalog that does not exist is ErrNoCatalog.
	ReadOnly bool
	// Absent, with ReadOnly: a catalog that does not exist is one without tables.
	Absent bool
	// LockTimeout is how long another program's lock on the catalog is waited
	// for. Zero: 30 seconds.
	LockTimeout time.Duration
	// LeaseTime is how long a lock in the warehouse lasts that its holder does not
	// renew, where the catalog has none of its own. Zero: 15 seconds.
	LeaseTime time.Duration
	Storage   *lake.Storage
	Logger    *slog.Logger     // nil: none
	Now       func() time.Time // nil: time.Now
	Version   string           // of the program
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
		c.namespace = defaultNamespace
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
	c.leaseTime = cmp.Or(o.LeaseTime, leaseTime)
	c.folder = namespaceFolder(c.name, c.namespace)
	if o.Storage != nil && o.Storage.NeedsVendor() && o.Type != "rest" {
		return nil, fmt.Errorf("catalog type %q: only REST catalogs hand out credentials for the warehouse: %w", o.Type, ErrOptions)
	}
	var err error
	switch o.Type {
	case "", "sqlite":
		c.backend, err = openSQL(ctx, c, o, func() (database, error) { return newSQLite(o.URI, c.lockTimeout) })
	case "postgres":
		c.backend, err = openSQL(ctx, c, o, func() (database, error) { return newPostgres(o.URI, c.lockTimeout) })
	case "rest":
		c.backend, err = openREST(ctx, c, o)
	case "glue":
		c.backend, err = openStepwise(ctx, c, o, openGlue)
	case "hive":
		c.backend, err = openStepwise(ctx, c, o, openHive)
	default:
		return nil, fmt.Errorf("catalog type %q: %w (there are: sqlite, postgres, rest, glue, hive)", o.Type, ErrCatalogType)
	}
	if o.ReadOnly && o.Absent && errors.Is(err, ErrNoCatalog) {
		c.backend, err = nowhere{uri: o.URI}, nil
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Place is where the catalog is, for messages: a path, or a URL without secrets.
func (c *Catalog) Place() string { return c.backend.place() }

// OneByOne reports whether the tables of a load become visible one after the other,
// the ledger last, because the catalog cannot change several at once. It is not known
// of one that is opened to be read only.
func (c *Catalog) OneByOne() bool {
	switch c.backend.(type) {
	case *stepCatalog, *restSteps:
		return true
	default:
		return false
	}
}

// Close ends the use of the catalog. The storage stays open.
func (c *Catalog) Close() error { return c.backend.close() }
