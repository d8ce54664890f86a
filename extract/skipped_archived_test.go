package extract

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A row was skipped since another one was deleted for a moment, and is archived when that
// has shown: the archived rows, which have been asked for, are asked for again.
func TestSkippedAndArchived(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	rows := 0
	var deleted string
	w.Update(func(tx *notiontest.Tx) {
		addSource(tx, "a", notiontest.Parent{})
		for rows = range 150 {
			if id := tx.AddRow(key("a"), notiontest.Page{Values: titled("a")}); rows == 0 {
				deleted = id
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var listings atomic.Int64
		server := notiontest.NewServer(w, notiontest.Options{OnRequest: func(r *http.Request) {
			if id, is := strings.CutPrefix(r.URL.Path, "/v1/pages/"); is {
				time.Sleep(time.Second) // the archived rows have come
				w.Update(func(tx *notiontest.Tx) { tx.Page(id).Archived = true })
			} else if strings.HasSuffix(r.URL.Path, "/query") {
				n := listings.Add(1)
				w.Update(func(tx *notiontest.Tx) { tx.Page(deleted).Trashed = n == 2 })
			}
		}})
		o := contentOptions(newClient(t, server))
		o.Content, o.Archived = Content{}, true
		got, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(o))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, len(got[key("a")].rows), 150)
	})
}
