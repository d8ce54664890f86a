package catalog_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"modernc.org/sqlite"

	"github.com/notionlake/notionlake/lake"
)

// rooms are how many pages SQLite may use of each file that is in it, by path.
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

// A catalog file that has no room to grow on its disk is said to have none, and nothing
// has changed: with a page more each time, until a load finds room.
func TestSQLiteFull(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	var changes []change
	for n := range 30 { // more rows than go into the pages that are there
		name := fmt.Sprintf("table_%d", n)
		changes = append(changes, change{schema: schema(name, name), rows: 1})
	}
	c := w.open()
	w.mustPublish(c, loadID(0), changes[0])
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	before := w.pointers()
	failed := 0
	for more := 0; ; more++ {
		rooms.Store(w.options.URI, w.pages()+more)
		c := w.open()
		_, err := w.publish(c, loadID(1), changes...)
		rooms.Delete(w.options.URI)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		w.checkFiles()
		if err == nil {
			break
		}
		failed++
		if !strings.Contains(err.Error(), w.options.URI) || !strings.Contains(err.Error(), "no space left on the disk") ||
			errors.Is(err, lake.ErrUnknown) || errors.Is(err, lake.ErrConflict) {
			t.Errorf("%d pages more: %v", more, err)
		}
		if d := cmp.Diff(before, w.pointers()); d != "" || t.Failed() {
			t.Fatalf("%d pages more: the catalog moved: %s", more, d)
		}
	}
	if failed < 2 || len(w.pointers()) != len(changes)+1 {
		t.Errorf("%d loads had no room; then there are %d tables", failed, len(w.pointers()))
	}
}

// pages is how many pages the catalog's file has.
func (w *warehouse) pages() (n int) {
	w.t.Helper()
	db, err := sql.Open("sqlite", w.options.URI)
	if err == nil {
		err = errors.Join(db.QueryRow("PRAGMA page_count").Scan(&n), db.Close())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}
