// Package catalog keeps the tables of a lake as Iceberg tables.
//
// The catalog is a table of pointers, in SQLite or Postgres as the SQL catalogs of
// iceberg-go, PyIceberg, Spark and Trino have it: the name of each Iceberg table
// and the metadata file that is the table. A publication writes the manifests
// and the new metadata file of every table, durably, and then moves all the
// pointers in one transaction. Until then nothing of it is seen; from then on
// all of it is.
//
//	Stage    old schema + wanted schema → new schema, field IDs, changes
//	Publish  files → manifests → snapshots → metadata files → one transaction
//
// Every table of the namespace that a Loader made, read in a load or not, gets
// the load's tag, so that the tag names one state of the whole lake.
//
// Which table and column is which is kept in table properties: notionlake.key
// is the table's key, notionlake.properties maps Notion property IDs to field
// IDs. What carries no notionlake.key belongs to someone else and is left alone.
package catalog

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

// Errors that callers tell apart.
var (
	// ErrCatalogType is a catalog type that does not exist or is not built in.
	ErrCatalogType = errors.New("no such catalog type")
	// ErrOptions are options with which no catalog of their type can be opened.
	ErrOptions = errors.New("catalog options")
	// ErrNoCatalog is a catalog that is only to be read and does not exist.
	ErrNoCatalog = errors.New("there is no catalog yet")
	// ErrForeign is a table that another program made, where this one wants to write.
	ErrForeign = errors.New("another program's table")
	// ErrMoved is a catalog whose tables lie in another warehouse.
	ErrMoved = errors.New("the warehouse was moved or changed")
	// ErrUnsafe is a table whose properties would send credentials elsewhere.
	ErrUnsafe = errors.New("unsafe table property")
	// ErrNotFound is a table or a snapshot that does not exist.
	ErrNotFound = errors.New("not found")
)

// A Catalog is the tables of one namespace. It may be used by several goroutines
// at once.
type Catalog struct {
	backend   backend
	name      string
	namespace string
	folder    string // storage key of the tables' folders
	retire    bool
	store     store
	logger    *slog.Logger
	now       func() time.Time
	point     lake.Point
	version   string
	// lockTimeout is how long another program's lock is waited for.
	lockTimeout time.Duration
	leaseTime   time.Duration
	vending     *vending // nil: the warehouse has credentials of its own

	mu     sync.Mutex
	parsed map[string]table.Metadata // by location; a metadata file never changes
	named  map[string][]string       // by manifest list or manifest: the files that it names, which never change
	mine   lake.LoadID               // the last one published through this Catalog
	seen   *lake.LoadID              // what LastLoad returned last
}

// store is what a Catalog needs of a lake.Storage.
type store interface {
	Root() string
	URI(key string) string
	Key(uri string) (string, bool)
	ReadAll(ctx context.Context, key string) ([]byte, error)
	WriteAll(ctx context.Context, key string, data []byte) error
	Replace(ctx context.Context, key string, data []byte) error
	Delete(ctx context.Context, keys ...string) error
	List(ctx context.Context, prefix string) iter.Seq2[lake.ObjectInfo, error]
}

var (
	_ lake.Catalog = (*Catalog)(nil)
	_ store        = (*lake.Storage)(nil)
)

// An entry is a table as the catalog has it.
type entry struct {
	name     string
	key      string
	location string // URI of the metadata file
	meta     table.Metadata
	columns  columns
}

// A listing is what the namespace holds.
type listing struct {
	entries []*entry          // tables with a key, by name
	foreign map[string]string // other tables and views: name to why they are not ours
}

func (l listing) byKey(key string) *entry {
	for _, e := range l.entries {
		if e.key == key {
			return e
		}
	}
	return nil
}

// isEmpty reports whether the table has nothing to be read: a run made it that
// has not published yet, or died before it did.
func (e *entry) isEmpty() bool {
	if e.meta.CurrentSnapshot() != nil {
		return false
	}
	for range e.meta.Refs() {
		return false
	}
	return true
}

// list reads the namespace.
func (c *Catalog) list(ctx context.Context) (listing, error) {
	rows, err := c.backend.rows(ctx)
	if err != nil {
		return listing{}, err
	}
	return c.listRows(ctx, rows)
}

// listRecent is list for what is planned while the lock is held.
func (c *Catalog) listRecent(ctx context.Context) (listing, error) {
	rows, err := c.backend.recent(ctx)
	if err != nil {
		return listing{}, err
	}
	return c.listRows(ctx, rows)
}

func (c *Catalog) listRows(ctx context.Context, rows []row) (listing, error) {
	l := listing{foreign: map[string]string{}}
	used := map[string]bool{}
	metadata := c.metadataOf(ctx, rows)
	for i, r := range rows {
		if r.other != "" {
			l.foreign[r.name] = "it is " + r.other
			continue
		}
		if r.unknown != "" {
			l.foreign[r.name] = r.unknown
			continue
		}
		if _, ok := c.store.Key(r.location); !ok && r.name == lake.LedgerTable {
			return listing{}, fmt.Errorf("catalog %s: the tables of namespace %s lie elsewhere (%s), not in the warehouse %s: %w",
				c.backend.place(), c.namespace, r.location, c.store.Root(), ErrMoved)
		} else if !ok {
			l.foreign[r.name] = fmt.Sprintf("its metadata %s is not in the warehouse %s", r.location, c.store.Root())
			continue
		}
		meta, err := metadata[i].meta, metadata[i].err
		var format *formatError
		if errors.As(err, &format) && !format.ours {
			l.foreign[r.name] = format.Error()
			continue
		}
		if err != nil {
			return listing{}, err
		}
		used[r.location] = true
		props := meta.Properties()
		key, ok := props[keyProperty]
		if !ok {
			l.foreign[r.name] = "it has no property " + keyProperty
			continue
		}
		if twin := l.byKey(key); twin != nil {
			return listing{}, fmt.Errorf("tables %s and %s both have the %s %s: drop the one that is a copy from the catalog", twin.name, r.name, keyProperty, key)
		}
		cols, err := parseColumns(props)
		if err == nil {
			cols.removed, err = removedAt(meta, meta.CurrentSnapshot(), cols.removed)
		}
		if err != nil {
			return listing{}, fmt.Errorf("table %s: %w", r.name, err)
		}
		l.entries = append(l.entries, &entry{name: r.name, key: key, location: r.location, meta: meta, columns: cols})
	}
	c.forget(used)
	return l, nil
}

// A row is a table or a view as the catalog has it.
type row struct {
	name, location string
	previous       string // location of the metadata before; "" where that is not known
	other          string // what it is, where that is no Iceberg table
	unknown        string // why the catalog can say no more of it
	// meta is what the catalog said of the table; nil: it is in the file at location.
	meta table.Metadata
}

// A read is the metadata of a row, as far as that can be read.
type read struct {
	meta table.Metadata
	err  error
}

// metadataOf reads the metadata of the rows that may be the program's, several at a time.
func (c *Catalog) metadataOf(ctx context.Context, rows []row) []read {
	list := make([]read, len(rows))
	g, _ := lake.NewGroup(ctx)
	g.SetLimit(parallelTables)
	for i, r := range rows {
		if _, ok := c.store.Key(r.location); !ok || r.other != "" || r.unknown != "" {
			continue
		}
		g.Go(func() error {
			list[i].meta, list[i].err = c.metadata(ctx, r)
			return nil
		})
	}
	if err := g.Wait(); err != nil { // each row has its own error, but for a panic
		for i := range list {
			list[i].err = cmp.Or(list[i].err, err)
		}
	}
	return list
}

// metadata reads the metadata file that a row points to.
func (c *Catalog) metadata(ctx context.Context, r row) (table.Metadata, error) {
	if r.meta != nil {
		return r.meta, nil
	}
	meta, err := c.metadataAt(ctx, r.location)
	switch {
	case err == nil:
		return meta, nil
	case errors.Is(err, ErrForeign):
		return nil, fmt.Errorf("table %s: %w", r.name, err)
	}
	hint := "restore it from a backup, or "
	if r.previous != "" {
		hint += "copy the one before it, " + r.previous + ", to its place: the next `notionlake run` goes on from there"
	} else {
		hint += "drop the table from the catalog: the next `notionlake run` begins it anew"
	}
	return nil, fmt.Errorf("table %s: the catalog %s points to metadata file %s, which cannot be read (%s): %w", r.name, c.backend.place(), r.location, hint, err)
}

// metadataAt reads a metadata file.
func (c *Catalog) metadataAt(ctx context.Context, location string) (table.Metadata, error) {
	c.mu.Lock()
	meta := c.parsed[location]
	c.mu.Unlock()
	if meta != nil {
		return meta, nil
	}
	key, _ := c.store.Key(location)
	data, err := c.store.ReadAll(ctx, key)
	if err != nil {
		return nil, err
	}
	if data, err = gunzip(data); err != nil {
		return nil, err
	}
	if meta, err = decoded(func() (table.Metadata, error) { return table.ParseMetadataBytes(data) }); err != nil {
		if format := unknownFormat(data); format != nil {
			return nil, fmt.Errorf("%w; notionlake writes version %d: %w", format, formatVersion, ErrForeign)
		}
		return nil, err
	}
	c.remember(location, meta)
	return meta, nil
}

// gunzip undoes the compression that some engines can be told to use for metadata.
func gunzip(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func (c *Catalog) remember(location string, meta table.Metadata) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parsed[location] = meta
}

// forget drops the metadata that no table has any more.
func (c *Catalog) forget(used map[string]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for location := range c.parsed {
		if !used[location] {
			delete(c.parsed, location)
		}
	}
}

// ID tells the catalog from every other one; "": nothing does.
func (c *Catalog) ID(ctx context.Context) (string, error) { return c.backend.id(ctx) }

// LastLoad returns the ID of the newest published load. It also marks where a
// load begins: a Publish that finds a newer load than the last LastLoad of this
// Catalog saw ends with lake.ErrConflict.
func (c *Catalog) LastLoad(ctx context.Context) (lake.LoadID, error) {
	l, err := c.list(ctx)
	if err != nil {
		return "", err
	}
	last := l.lastLoad()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = &last
	return last, nil
}

// lastLoad is the newest load by the tags, and by the snapshots where someone
// removed the tags.
func (l listing) lastLoad() lake.LoadID {
	var last lake.LoadID
	for _, e := range l.entries {
		for name := range e.meta.Refs() {
			if id, ok := loadOfTag(name); ok {
				last = max(last, id)
			}
		}
		if s := e.meta.CurrentSnapshot(); s != nil && s.Summary != nil {
			if id := lake.LoadID(s.Summary.Properties[loadEntry]); id.Valid() {
				last = max(last, id)
			}
		}
	}
	return last
}

// Tables returns every table that a Loader made, as it is now, by name.
func (c *Catalog) Tables(ctx context.Context) ([]lake.TableState, error) {
	l, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	states := make([]lake.TableState, 0, len(l.entries))
	for _, e := range l.entries {
		if e.meta.CurrentSnapshot() == nil {
			continue // it is not published
		}
		state, err := c.state(e, e.meta.CurrentSnapshot(), e.meta.CurrentSchema())
		if err != nil {
			return nil, err
		}
		states = append(states, state)
	}
	return states, nil
}

// tableNames are the names of the tables that a Loader published.
func (l listing) tableNames() []string {
	var names []string
	for _, e := range l.entries {
		if e.meta.CurrentSnapshot() != nil {
			names = append(names, e.name)
		}
	}
	slices.Sort(names)
	return names
}
