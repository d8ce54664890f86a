package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	icebergsql "github.com/apache/iceberg-go/catalog/sql"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A sqliteFile is a database in a file on a local disk.
type sqliteFile struct {
	path    string
	timeout time.Duration // for other programs' locks
	first   sync.Once
	opened  os.FileInfo
}

func newSQLite(uri string, timeout time.Duration) (*sqliteFile, error) {
	path, err := sqlitePath(uri)
	return &sqliteFile{path: path, timeout: timeout}, err
}

func (d *sqliteFile) place() string                        { return d.path }
func (d *sqliteFile) dialect() icebergsql.SupportedDialect { return icebergsql.SQLite }

func (d *sqliteFile) open(readOnly bool) (*sql.DB, error) {
	if err := prepareFile(d.path, readOnly); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(d.path, d.timeout, readOnly))
	if err != nil {
		return nil, faultOf(d, "open", err)
	}
	return db, nil
}

// same fails where the file has been replaced or removed: an open file stays what it
// was, and what is written to it then nobody will ever read.
func (d *sqliteFile) same() error {
	info, err := os.Stat(d.path)
	d.first.Do(func() { d.opened = info })
	switch {
	case err == nil && d.opened != nil && os.SameFile(d.opened, info):
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("catalog %s: whether it is still the file that was opened cannot be seen: %w", d.path, reason(err))
	default:
		return fmt.Errorf("catalog %s: %w", d.path, errReplaced)
	}
}

// errReplaced is a catalog whose file is not the one that was opened.
var errReplaced = errors.New("its file has been replaced or removed since it was opened: where the one that is there now is right, do it again")

func (d *sqliteFile) hasTables(ctx context.Context, db *sql.DB) (bool, error) {
	var n int
	err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE name = 'iceberg_tables'`).Scan(&n)
	return n > 0, err
}

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
	return realPath(path), nil
}

// realPath is the file that a path leads to, be it there or not: the lock lies beside it,
// and must be the same under each of its names.
func realPath(path string) string {
	for range maxLinks {
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// maxLinks is how many links are followed, as many as Linux does.
const maxLinks = 40

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
		// Nor is it changed: a file of another journal mode would be written to.
		q["_pragma"] = q["_pragma"][:1]
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

// lockTry is how long SQLite waits for another program's lock at a stretch. It
// does not look at a context meanwhile.
const lockTry = 100 * time.Millisecond

// begin begins the transaction, and with it takes the write lock. Another
// program's lock is waited for in short tries, so that ctx is heard.
func (d *sqliteFile) begin(ctx context.Context, conn *sql.Conn) (tx *sql.Tx, err error) {
	within := context.WithoutCancel(ctx) // a transaction ends with its context
	if err := busyTimeout(within, conn, min(lockTry, d.timeout)); err != nil {
		return nil, faultOf(d, "write", err)
	}
	defer func() {
		if e := busyTimeout(within, conn, d.timeout); e != nil && tx != nil {
			err, tx = errors.Join(faultOf(d, "write", e), tx.Rollback()), nil
		}
	}()
	for deadline := time.Now().Add(d.timeout); ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		tx, err = conn.BeginTx(within, nil)
		switch {
		case err == nil:
			if err := d.same(); err != nil {
				return nil, errors.Join(err, tx.Rollback())
			}
			return tx, nil
		case !d.isLocked(err), !time.Now().Before(deadline):
			return nil, faultOf(d, "write", err)
		}
	}
}

func busyTimeout(ctx context.Context, conn *sql.Conn, d time.Duration) error {
	_, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", d.Milliseconds()))
	return err
}

// An extended result code of SQLite holds the primary one in its lowest byte.
const primaryCode = 0xff

// isLocked reports whether another program's lock is in the way.
func (d *sqliteFile) isLocked(err error) bool {
	f := d.fault(err)
	return f != nil && f.locked
}

func (d *sqliteFile) fault(err error) *fault {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return nil
	}
	switch e.Code() & primaryCode {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return &fault{locked: true}
	case sqlite3.SQLITE_CONSTRAINT:
		return &fault{taken: true}
	case sqlite3.SQLITE_NOTADB:
		return &fault{why: "it is not a SQLite database, or it is damaged; name another file, or restore it from a backup"}
	case sqlite3.SQLITE_CORRUPT:
		return &fault{why: "it is damaged; restore it from a backup (the tables themselves stay readable by their paths)"}
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return &fault{why: "it cannot be opened; check that it and its folder can be read and written, and how many files a process may open (ulimit -n)"}
	case sqlite3.SQLITE_READONLY:
		return &fault{why: "it cannot be written; check the permissions of it and of its folder"}
	case sqlite3.SQLITE_FULL:
		return &fault{why: "no space left on the disk"}
	case sqlite3.SQLITE_IOERR:
		if e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE { // the file beside it could not be made longer
			return &fault{why: "no space left on the disk"}
		}
		return &fault{why: "input/output error of the disk"}
	}
	return nil
}
