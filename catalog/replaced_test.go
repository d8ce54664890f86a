package catalog_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/lake"
)

// The file of the catalog is removed, or a backup takes its place, while a load is
// made: what is written to the open file nobody will ever read, so it is not
// published. Where the backup is in its place before the commit, nothing of the
// load is left; later nothing is deleted, and the next load finds its way.
func TestReplacedFile(t *testing.T) {
	t.Parallel()
	tasks, users := change{schema: schema("tasks", "tasks"), rows: 3}, change{schema: schema("_users", "_users"), rows: 1}
	for _, point := range []string{"", "catalog.begin", "catalog.begin.done", "catalog.commit", "catalog.commit.done"} {
		for _, removed := range []bool{true, false} {
			name := "replaced at " + point
			if removed {
				name = "removed at " + point
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWarehouse(t)
				c, faults := w.withFaults()
				w.mustPublish(c, loadID(1), tasks, users)
				backup := filepath.Join(t.TempDir(), "backup.db")
				w.alter(`VACUUM INTO ?`, backup)
				replace := func() {
					if err := os.Rename(w.options.URI, w.options.URI+".away"); err != nil {
						t.Error(err)
					}
					if removed {
						return
					}
					if err := os.Rename(backup, w.options.URI); err != nil {
						t.Error(err)
					}
				}
				if point == "" {
					replace()
				}
				done := false
				faults.set(func(name, _ string) error {
					if name == point && !done {
						done = true
						replace()
					}
					return nil
				})
				_, err := w.publish(c, loadID(2), tasks, users)
				faults.set(nil)
				if err == nil || !strings.Contains(err.Error(), "has been replaced or removed") {
					t.Fatalf("the publication: %v", err)
				}
				if committed := point == "catalog.commit" || point == "catalog.begin.done" || point == "catalog.commit.done"; errors.Is(err, lake.ErrUnknown) != committed {
					t.Errorf("whether it was published is unknown: %v", err)
				}
				if removed {
					if err := os.Rename(backup, w.options.URI); err != nil {
						t.Fatal(err)
					}
				}
				if _, missing := w.strays(); len(missing) > 0 {
					t.Errorf("named and missing: %v", missing)
				}
				if _, err := c.Tables(t.Context()); err == nil {
					t.Error("the catalog that was opened reads the file that is gone")
				}
				w.mustPublish(w.open(), loadID(3), tasks, users)
			})
		}
	}
}
