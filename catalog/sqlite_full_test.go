package catalog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog/sqlitetest"
	"github.com/notionlake/notionlake/lake"
)

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
		var err error
		sqlitetest.WithRoom(w.options.URI, sqlitetest.Pages(t, w.options.URI)+more, func() {
			c := w.open()
			_, err = w.publish(c, loadID(1), changes...)
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		})
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
