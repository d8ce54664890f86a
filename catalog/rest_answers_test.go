package catalog_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// A loser is a server in between that loses what is sent to the catalog or what
// it answers.
type loser struct {
	http.Handler // the catalog

	mu   sync.Mutex
	mode string // what becomes of the next transaction
	late []byte // a transaction that is to arrive later
}

func (l *loser) next(mode string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mode = mode
}

// The modes of a loser.
const (
	lostRequest = "the request is lost"
	lostAnswer  = "the answer is lost"
	unavailable = "503, not done"
	tooSoon     = "429, not done, and done when it is sent again"
	doneButBad  = "502, done"
	late        = "the request arrives later than the next one"
)

func (l *loser) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	mode, held := "", l.late
	if r.Method == http.MethodPost {
		if strings.HasSuffix(r.URL.Path, "/transactions/commit") {
			mode, l.mode = l.mode, ""
		} else {
			l.late = nil
		}
	}
	l.mu.Unlock()
	switch mode {
	case lostRequest:
		panic(http.ErrAbortHandler)
	case lostAnswer:
		l.Handler.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case tooSoon:
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
	case unavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
	case doneButBad:
		l.Handler.ServeHTTP(httptest.NewRecorder(), r)
		w.WriteHeader(http.StatusBadGateway)
	case late:
		text, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		l.mu.Lock()
		l.late = text
		l.mu.Unlock()
		panic(http.ErrAbortHandler)
	default:
		l.Handler.ServeHTTP(w, r)
		if r.Method == http.MethodPost && held != nil {
			again := httptest.NewRequest(http.MethodPost, "/v1/transactions/commit", bytes.NewReader(held))
			again.Header.Set("Content-Type", "application/json")
			l.Handler.ServeHTTP(httptest.NewRecorder(), again)
		}
	}
}

// What became of a transaction whose answer is lost is found out: the load is
// published in all tables or in none, and what was written for one that is not
// published is gone.
func TestRESTAnswers(t *testing.T) {
	t.Parallel()
	for mode, landed := range map[string]bool{lostRequest: false, lostAnswer: true, unavailable: false, tooSoon: true, doneButBad: true, late: false} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newRESTWarehouse(t)
			between := &loser{Handler: passing(t, w.options.URI)}
			proxy := httptest.NewServer(between)
			t.Cleanup(proxy.Close)
			w.options.URI = proxy.URL
			changes := []change{{schema: schema("tasks", "tasks"), rows: 1}, {schema: schema("_users", "_users"), rows: 1}}
			c := w.open()
			for n, new := range []bool{true, false} {
				if new {
					between.next(mode) // the first publication makes tables too
				}
				_, err := w.publish(c, loadID(2*n), changes...)
				w.expect(c, err, new && !landed, loadID(2*n))
				between.next(mode)
				if mode == unavailable && err != nil && new && !strings.Contains(err.Error(), "HTTP status 503 Service Unavailable") {
					t.Errorf("what was answered is not told: %v", err)
				}
				_, err = w.publish(c, loadID(2*n+1), append(changes, change{schema: schema("more", "more"), rows: int64(n + 1)})...)
				w.expect(c, err, !landed, loadID(2*n+1))
			}
			if _, err := w.publish(c, loadID(10), changes...); err != nil {
				t.Error(err)
			}
			w.checkOneLoadBut("more")
			w.checkNamed(c)
		})
	}
}

// expect fails where a load is not, or is, published in all its tables.
func (w *warehouse) expect(c *catalog.Catalog, err error, fails bool, id lake.LoadID) {
	w.t.Helper()
	if (err != nil) != fails || errors.Is(err, lake.ErrUnknown) {
		w.t.Errorf("load %s: %v", id, err)
	}
	last, e := c.LastLoad(w.t.Context())
	if e != nil || (last == id) == fails {
		w.t.Errorf("load %s: the last load is %s, %v", id, last, e)
	}
}

// checkNamed fails for files that no table names.
func (w *warehouse) checkNamed(c *catalog.Catalog) {
	w.t.Helper()
	refs, err := c.References(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for o, err := range w.storage.List(w.t.Context(), c.Folder()) {
		if err != nil {
			w.t.Fatal(err)
		}
		if !refs[o.Key] {
			w.t.Errorf("no table names %s", o.Key)
		}
	}
}
