package catalog_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// postgresVariable names a database that the tests may use. `make interop` starts
// a server and sets it.
const postgresVariable = "NOTIONLAKE_TEST_POSTGRES"

// newPostgresWarehouse has its catalog in a schema of its own.
func newPostgresWarehouse(t *testing.T) *warehouse {
	t.Helper()
	server := os.Getenv(postgresVariable)
	if server == "" {
		t.Skip(postgresVariable + " names no database: make interop sets it")
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	name := "t" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := db.ExecContext(context.Background(), "DROP SCHEMA "+name+" CASCADE")
		if err := errors.Join(err, db.Close()); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	w := newWarehouse(t)
	w.options.Type, w.options.URI = "postgres", u.String()
	return w
}

func TestPostgresConformance(t *testing.T) {
	t.Parallel()
	laketest.TestCatalog(t, func(t *testing.T) (laketest.PastCatalog, *lake.Storage) {
		w := newPostgresWarehouse(t)
		return past{w.open()}, w.storage
	})
}

func TestPostgresLock(t *testing.T) {
	t.Parallel()
	w := newPostgresWarehouse(t)
	w.options.LockTimeout = time.Millisecond
	first, second := w.open(), w.open()
	unlock, err := first.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Lock(t.Context()); !errors.Is(err, lake.ErrLocked) {
		t.Errorf("locked twice: %v, want ErrLocked", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if unlock, err = second.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The lock goes with who held it.
	_ = unlock
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func TestPostgresRace(t *testing.T) {
	t.Parallel()
	testRace(t, newPostgresWarehouse(t))
}

func TestPostgresFaults(t *testing.T) {
	t.Parallel()
	w := newPostgresWarehouse(t)
	for change, want := range map[string]string{
		"user=nobody":    "the server refuses",
		"database=other": "the database does not exist",
	} {
		u, err := url.Parse(w.options.URI)
		if err != nil {
			t.Fatal(err)
		}
		key, value, _ := strings.Cut(change, "=")
		if key == "user" {
			u.User = url.UserPassword(value, "thepassword")
		} else {
			u.Path = "/" + value
		}
		o := w.options
		o.URI = u.String()
		_, err = catalog.Open(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "thepassword") {
			t.Errorf("%s: %v, want %q", change, err, want)
		}
	}
	o := w.options
	o.ReadOnly = true
	if _, err := catalog.Open(t.Context(), o); !errors.Is(err, catalog.ErrNoCatalog) {
		t.Errorf("nothing to read: %v", err)
	}
}

func TestPostgresFaultAtEveryPoint(t *testing.T) {
	t.Parallel()
	testFaultAtEveryPoint(t, newPostgresWarehouse(t))
}
