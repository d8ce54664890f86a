package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	icebergsql "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

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
	Type      string // sqlite, also when ""
	Name      string // of the catalog; "": notionlake. Other programs must give the same
	URI       string // path of the SQLite file
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

// Open opens a catalog. The SQLite file, the folders above it and the namespace
// are made if they do not exist.
func Open(ctx context.Context, o Options) (*Catalog, error) {
	switch o.Type {
	case "", "sqlite":
	case "postgres", "rest", "glue", "hive":
		return nil, fmt.Errorf("catalog type %s is not built into this version yet (there is: sqlite): %w", o.Type, ErrCatalogType)
	default:
		return nil, fmt.Errorf("catalog type %q: %w (there is: sqlite)", o.Type, ErrCatalogType)
	}
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
	var err error
	if c.path, err = sqlitePath(o.URI); err != nil {
		return nil, err
	}
	if err := prepareFile(c.path, o.ReadOnly); err != nil {
		return nil, err
	}
	c.folder = namespaceFolder(c.name, c.namespace)
	if c.lockTimeout = o.LockTimeout; c.lockTimeout == 0 {
		c.lockTimeout = lockTimeout
	}
	if c.db, err = sql.Open("sqlite", dsn(c.path, c.lockTimeout, o.ReadOnly)); err != nil {
		return nil, c.fault("open", err)
	}
	if err := c.prepare(ctx, o.ReadOnly); err != nil {
		return nil, errors.Join(c.fault("open", err), c.db.Close())
	}
	return c, nil
}

// Close ends the use of the catalog. The storage stays open.
func (c *Catalog) Close() error { return c.db.Close() }

// sqlitePath is the absolute path of a SQLite file.
func sqlitePath(uri string) (string, error) {
	path := uri
	if rest, ok := strings.CutPrefix(uri, "file://"); ok {
		path = rest
	}
	switch {
	case path == "":
		return "", errors.New("catalog: the path of the SQLite file is empty")
	case strings.Contains(path, "://"):
		return "", fmt.Errorf("catalog %s: a SQLite catalog is a file on a local disk", uri)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("catalog %s: %w", uri, err)
	}
	return path, nil
}

// prepareFile makes the folders above the file and refuses what SQLite would
// explain badly.
func prepareFile(path string, readOnly bool) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("catalog %s: it is a folder; name a file in it, such as %s", path, filepath.Join(path, "catalog.db"))
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("catalog %s: it is not a file", path)
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("catalog %s: %w", path, reason(err))
	case readOnly:
		return fmt.Errorf("catalog %s: %w", path, ErrNoCatalog)
	}
	if err := makeDirs(filepath.Dir(path)); err != nil {
		return fmt.Errorf("catalog %s: its folder cannot be made: %w", path, reason(err))
	}
	return nil
}

// makeDirs makes a folder and those above it, durably.
func makeDirs(dir string) error {
	var made []string
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, d)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range made {
		f, err := os.Open(filepath.Dir(d))
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// reason is what a file error says beyond its path.
func reason(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// dsn is the data source name. Writers wait for each other (busy_timeout), take
// the lock when they begin (_txlock), leave readers alone (WAL), and what is
// committed survives a power loss (synchronous).
func dsn(path string, timeout time.Duration, readOnly bool) string {
	q := url.Values{
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", timeout.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock": {"immediate"},
	}
	if readOnly {
		q.Set("mode", "rw") // not rwc: it is not created
		if onlyReadable(path) {
			q.Set("mode", "ro")
			q.Set("immutable", "1")
			q["_pragma"] = nil // none of them is for a file that cannot change
		}
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: q.Encode()}
	return u.String()
}

// onlyReadable reports whether the file may be read but its folder not be
// written: SQLite then cannot make the files that readers of a WAL share, and
// need not, if there is no WAL.
func onlyReadable(path string) bool {
	if _, err := os.Stat(path + "-wal"); err == nil {
		return false
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		_ = f.Close() // nothing was written
		return false
	}
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// prepare makes the tables of the catalog and the namespace.
func (c *Catalog) prepare(ctx context.Context, readOnly bool) error {
	if err := c.db.PingContext(ctx); err != nil {
		return err
	}
	if readOnly {
		var n int
		err := c.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE name = 'iceberg_tables'`).Scan(&n)
		if err == nil && n == 0 {
			err = ErrNoCatalog
		}
		return err
	}
	// A catalog made by Java's oldest layout gets the column that tells tables
	// from views; every program that knows the old layout reads the new one.
	cat, err := icebergsql.NewCatalog(c.name, c.db, icebergsql.SQLite, map[string]string{icebergsql.SchemaVersionKey: icebergsql.SchemaVersionV1})
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

// An extended result code of SQLite holds the primary one in its lowest byte.
const primaryCode = 0xff

// isLocked reports whether another program's lock is in the way.
func isLocked(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	code := e.Code() & primaryCode
	return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
}

// fault says what an error of SQLite means and what to do.
func (c *Catalog) fault(action string, err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s catalog %s: %w", action, c.path, err)
	}
	if isLocked(err) {
		return fmt.Errorf("%s catalog %s: another program holds it locked; try again when that has ended: %w", action, c.path, lake.ErrLocked)
	}
	why := ""
	switch e.Code() & primaryCode {
	case sqlite3.SQLITE_NOTADB:
		why = "it is not a SQLite database, or it is damaged; name another file, or restore it from a backup"
	case sqlite3.SQLITE_CORRUPT:
		why = "it is damaged; restore it from a backup (the tables themselves stay readable by their paths)"
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		why = "it cannot be opened; check that it and its folder can be read and written"
	case sqlite3.SQLITE_READONLY:
		why = "it cannot be written; check the permissions of it and of its folder"
	case sqlite3.SQLITE_FULL:
		why = "no space left on the disk"
	case sqlite3.SQLITE_IOERR:
		why = "input/output error of the disk"
	}
	if why == "" {
		return fmt.Errorf("%s catalog %s: %w", action, c.path, err)
	}
	return fmt.Errorf("%s catalog %s: %s: %w", action, c.path, why, err)
}
