// Package sqlitetest gives tests a catalog file whose disk is full.
package sqlitetest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"modernc.org/sqlite"
)

// rooms are how many pages SQLite may use of a file, by path.
var rooms sync.Map

func init() {
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, dsn string) error {
		path, _, _ := strings.Cut(strings.TrimPrefix(dsn, "file://"), "?")
		pages, ok := rooms.Load(path)
		if !ok {
			return nil
		}
		_, err := conn.ExecContext(context.Background(), fmt.Sprintf("PRAGMA max_page_count = %d", pages), []driver.NamedValue{})
		return err
	})
}

// WithRoom calls do while those who open the database file can have that many pages of
// it, or as many as it has, if those are more.
func WithRoom(path string, pages int, do func()) {
	rooms.Store(path, pages)
	defer rooms.Delete(path)
	do()
}

// Pages is how many pages the database file has.
func Pages(t testing.TB, path string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err == nil {
		err = errors.Join(db.QueryRow("PRAGMA page_count").Scan(&n), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}
