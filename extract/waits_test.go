package extract

import (
	"fmt"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// Where it takes requests to prove that no row was skipped, the rows that have come
// can be written meanwhile; archived ones come after that.
func TestRowsWait(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		for source, rows := range map[string]int{"a": 150, "b": 100} {
			addSource(tx, source, notiontest.Parent{})
			for i := range rows {
				tx.AddRow(key(source), notiontest.Page{Values: titled(fmt.Sprint(i)), Archived: i == 0})
			}
		}
		tx.Tick(time.Hour)
	})
	o := contentOptions(newClient(t, notiontest.NewServer(w, notiontest.Options{})))
	o.Archived = true
	got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(o))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, len(got[key("a")].rows), 150)
	equal(t, got[key("a")].waits, []int{149})
	equal(t, len(got[key("b")].rows), 100)
	equal(t, got[key("b")].waits, []int(nil))
}
