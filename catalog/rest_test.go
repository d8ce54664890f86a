package catalog_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// restVariable names a REST catalog over a local warehouse that the tests may
// use. `make interop` starts a server and sets it; without it they have one in memory.
const restVariable = "NOTIONLAKE_TEST_REST"

// newRESTWarehouse has its tables in a namespace of its own.
func newRESTWarehouse(t *testing.T) *warehouse {
	t.Helper()
	w := newWarehouse(t)
	w.options.Type, w.options.URI = "rest", os.Getenv(restVariable)
	if w.options.URI == "" {
		w.options.URI = newRESTServer(t)
	}
	w.options.Namespace = "t" + strings.ReplaceAll(uuid.NewString(), "-", "")
	return w
}

func TestRESTConformance(t *testing.T) {
	t.Parallel()
	laketest.TestCatalog(t, func(t *testing.T) (laketest.PastCatalog, *lake.Storage) {
		w := newRESTWarehouse(t)
		return past{w.open()}, w.storage
	})
}

func TestRESTFaultAtEveryPoint(t *testing.T) {
	t.Parallel()
	testFaultAtEveryPoint(t, newRESTWarehouse(t))
}

// Loads of several processes take turns, by the lock in the warehouse.
func TestRESTTurns(t *testing.T) {
	t.Parallel()
	w := newRESTWarehouse(t)
	changes := []change{{schema: schema("tasks", "tasks"), rows: 1}, {schema: schema("_users", "_users"), rows: 1}}
	w.mustPublish(w.open(), loadID(0), changes...)
	const processes, rounds = 4, 5
	var all sync.WaitGroup
	for range processes {
		c := w.open()
		all.Go(func() {
			for range rounds {
				unlock, err := c.Lock(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				last, err := c.LastLoad(t.Context())
				if err == nil {
					_, err = w.publish(c, lake.NextLoadID(time.Time{}, last), changes...)
				}
				if err := errors.Join(err, unlock()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	loads, err := w.open().Loads(t.Context())
	if err != nil || len(loads) != 1+processes*rounds {
		t.Errorf("%d loads, %v", len(loads), err)
	}
	w.checkOneLoadBut("")
}

// checkOneLoadBut fails where the tables are not all at one load, but for one table.
func (w *warehouse) checkOneLoadBut(other string) {
	w.t.Helper()
	tables, err := w.open().Tables(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, table := range tables {
		if table.Schema.Table != other && table.Snapshot.LoadID != tables[0].Snapshot.LoadID {
			w.t.Errorf("table %s is at load %s, %s at %s", table.Schema.Table, table.Snapshot.LoadID, tables[0].Schema.Table, tables[0].Snapshot.LoadID)
		}
	}
}

// Of loads that are published at the same time without a lock one is, where the
// server's transactions are what they should be: those of Iceberg's own are not.
func TestRESTRace(t *testing.T) {
	t.Parallel()
	w := newRESTWarehouse(t)
	w.options.URI = newRESTServer(t)
	testRace(t, w)
}

// A server that cannot be used is refused before anything is read, and says why.
func TestRESTRefused(t *testing.T) {
	t.Parallel()
	answers := func(code int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
		t.Cleanup(s.Close)
		return s.URL
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for uri, want := range map[string]string{
		newRESTServer(t, "GET /v1/{prefix}/namespaces/{namespace}", "POST /v1/{prefix}/namespaces"): "no transactions of several tables",
		answers(http.StatusUnauthorized):           "look at catalog.token",
		answers(http.StatusForbidden):              "grant the right",
		closed.URL:                                 "it cannot be reached",
		"https://user:thepassword@catalog.example": "no place in the URL",
		"catalog.db":                               "is a URL like",
	} {
		w := newWarehouse(t)
		w.options.Type, w.options.URI = "rest", uri
		w.options.REST.Token = "thetoken"
		_, err := catalog.Open(t.Context(), w.options)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "thepassword") || strings.Contains(err.Error(), "thetoken") {
			t.Errorf("%s: %v, want %q", uri, err, want)
		}
	}
	w := newRESTWarehouse(t)
	w.options.ReadOnly = true
	if _, err := catalog.Open(t.Context(), w.options); !errors.Is(err, catalog.ErrNoCatalog) {
		t.Errorf("nothing to read: %v", err)
	}
}
