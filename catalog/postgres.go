package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"strings"
	"time"

	icebergsql "github.com/apache/iceberg-go/catalog/sql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/notionlake/notionlake/lake"
)

// A postgresServer is a database of a PostgreSQL server.
type postgresServer struct {
	config  *pgx.ConnConfig
	timeout time.Duration // for other programs' locks
}

// newPostgres reads the URL of a database. What it leaves out is taken from the
// environment as by all programs of Postgres: PGPASSWORD, PGSSLMODE and so on.
func newPostgres(uri string, timeout time.Duration) (*postgresServer, error) {
	if !strings.HasPrefix(uri, "postgres://") && !strings.HasPrefix(uri, "postgresql://") {
		return nil, fmt.Errorf("%w: a Postgres catalog is a URL like postgres://user@host:5432/database", ErrOptions)
	}
	config, err := pgx.ParseConfig(uri)
	if err != nil {
		return nil, fmt.Errorf("%w: the URL of the Postgres database cannot be read: %w", ErrOptions, err)
	}
	config.RuntimeParams["application_name"] = "notionlake"
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout // connect_timeout in the URL
	}
	return &postgresServer{config, timeout}, nil
}

func (d *postgresServer) place() string {
	return fmt.Sprintf("postgres://%s@%s/%s", d.config.User, net.JoinHostPort(d.config.Host, fmt.Sprint(d.config.Port)), d.config.Database)
}

func (d *postgresServer) dialect() icebergsql.SupportedDialect { return icebergsql.Postgres }

func (d *postgresServer) open(bool) (*sql.DB, error) { return stdlib.OpenDB(*d.config), nil }

// same has nothing to find: a connection to a database that was replaced is lost.
func (d *postgresServer) same() error { return nil }

func (d *postgresServer) hasTables(ctx context.Context, db *sql.DB) (there bool, err error) {
	err = db.QueryRowContext(ctx, `SELECT to_regclass('iceberg_tables') IS NOT NULL`).Scan(&there)
	return there, err
}

// connectTimeout is how long the database may take to let this program in.
const connectTimeout = 30 * time.Second

// The locks of Postgres that stand for the catalog: of loads, which a session
// holds, and of transactions.
const (
	loadLock   = "load"
	commitLock = "commit"
)

// lockKey is the key of a lock: each schema of the database has its own catalog.
const lockKey = "hashtextextended(COALESCE(current_schema(), ''), $1)"

func (d *postgresServer) key(kind string, parts ...string) int64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "notionlake %s %q", kind, parts) // it never fails
	return int64(h.Sum64())
}

// begin lets one transaction at a time write: who looks what became of another
// then knows that it has ended.
func (d *postgresServer) begin(ctx context.Context, conn *sql.Conn) (*sql.Tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	within := context.WithoutCancel(ctx) // a transaction ends with its context
	tx, err := conn.BeginTx(within, nil)
	if err != nil {
		return nil, faultOf(d, "write", err)
	}
	_, err = tx.ExecContext(within, fmt.Sprintf("SET LOCAL lock_timeout = %d", max(d.timeout.Milliseconds(), 1)))
	if err == nil {
		_, err = tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock("+lockKey+")", d.key(commitLock))
	}
	if err != nil {
		return nil, errors.Join(faultOf(d, "write", err), tx.Rollback())
	}
	return tx, nil
}

// lock takes a lock that ends with its connection.
func (d *postgresServer) lock(ctx context.Context, c *sqlCatalog, part string, wait time.Duration) (func() error, error) {
	if err := c.point.Hit("catalog.lock", d.place()); err != nil {
		return nil, fmt.Errorf("lock %s: %w", d.place(), err)
	}
	conn, err := c.db.Conn(ctx)
	if err != nil {
		return nil, c.fault("lock", err)
	}
	key := d.key(loadLock, c.name, c.namespace)
	if part != "" {
		key = d.key(loadLock, c.name, c.namespace, part)
	}
	deadline := time.Now().Add(wait)
	for got := false; !got; {
		err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock("+lockKey+")", key).Scan(&got)
		switch {
		case err != nil:
			return nil, errors.Join(c.fault("lock", err), d.drop(conn))
		case got:
		case !time.Now().Before(deadline):
			return nil, errors.Join(fmt.Errorf("another load is running (a lock in %s): try again when it has ended: %w", d.place(), lake.ErrLocked), d.drop(conn))
		default:
			select {
			case <-ctx.Done():
				return nil, errors.Join(ctx.Err(), d.drop(conn))
			case <-time.After(lockPoll):
			}
		}
	}
	if err := c.point.Hit("catalog.lock.done", d.place()); err != nil {
		return nil, errors.Join(err, d.drop(conn))
	}
	return func() error { return d.drop(conn) }, nil
}

// drop closes a connection, and so ends its locks, also where it is broken.
func (d *postgresServer) drop(conn *sql.Conn) error {
	err := conn.Raw(func(driver any) error {
		if c, ok := driver.(*stdlib.Conn); ok {
			ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
			defer cancel()
			_ = c.Conn().Close(ctx) // its locks end with it
		}
		return nil
	})
	if e := conn.Close(); e != nil && !errors.Is(e, sql.ErrConnDone) {
		err = errors.Join(err, e)
	}
	return err
}

// postgresWords are what the codes of Postgres mean.
var postgresWords = map[string]string{
	"28P01": "the server refuses the user or the password; set PGPASSWORD, or the password in catalog.uri",
	"28000": "the server refuses the user; look at catalog.uri",
	"3D000": "the database does not exist; make it, or name another",
	"3F000": "the schema does not exist; make it, or name another in search_path",
	"42501": "the user may not do that; grant it the right to make and change tables",
	"53100": "no space left on the server's disk",
	"53300": "the server has too many connections; try again later",
	"57P03": "the server is starting or stopping; try again later",
	"25006": "the server is read-only, such as a replica; name the primary",
}

func (d *postgresServer) fault(err error) *fault {
	var e *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &e):
		switch e.Code {
		case "55P03": // lock_not_available
			return &fault{locked: true}
		case "23505", "40001", "40P01": // unique_violation, serialization_failure, deadlock_detected
			return &fault{taken: true}
		}
		if why, ok := postgresWords[e.Code]; ok {
			return &fault{why: why}
		}
	case errors.As(err, &connect):
		return &fault{why: "it cannot be reached; look at catalog.uri and at the server"}
	}
	return nil
}
