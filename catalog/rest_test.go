package catalog_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strconv"
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
	w.options.LeaseTime = 2 * time.Second
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
	w.checkOneLoad()
}

func (w *warehouse) checkOneLoad() { w.t.Helper(); w.checkOneLoadBut("") }

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

// A server that keeps no tags and no earlier snapshots has the newest load, and
// nothing that it names is deleted, whatever fails.
func TestRESTWithoutTags(t *testing.T) {
	t.Parallel()
	w := newRESTWarehouse(t)
	w.options.URI = (&restServer{forgets: true}).start(t)
	now := w.at
	run := func(point lake.Point, row string) error {
		now = now.Add(time.Hour)
		o := w.options
		o.Point = point
		c, err := catalog.Open(t.Context(), o)
		if err != nil {
			return err
		}
		at := now
		l := &lake.Loader{
			Source:  &laketest.Source{List: []lake.Table{laketest.Table(onlyID("a"), idRow(row)), laketest.Table(onlyID("b"), idRow(row))}},
			Storage: w.storage, Catalog: c, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return at }, TempDir: t.TempDir(),
		}
		_, err = l.Run(t.Context())
		return errors.Join(err, c.Close())
	}
	for k := 0; ; k++ {
		fail, hit := laketest.Fail(k, false), false
		err := run(func(name, key string) error {
			err := fail(name, key)
			hit = hit || err != nil
			return err
		}, strconv.Itoa(k))
		rows := w.readRows(w.open())
		if len(rows) != 0 && (len(rows) != 2 || rows[0][1:] != rows[1][1:]) {
			t.Fatalf("point %d (%v): rows %v", k, err, rows)
		}
		if err == nil && !slices.Equal(rows, []string{"a" + strconv.Itoa(k), "b" + strconv.Itoa(k)}) {
			t.Errorf("point %d: after a load: %v", k, rows)
		}
		if k > 0 && !hit {
			if k < 10 {
				t.Errorf("only %d points", k)
			}
			return
		}
	}
}

// readRows reads the tables that are not fixed ones, a row as the table's name and
// its first value.
func (w *warehouse) readRows(c *catalog.Catalog) (rows []string) {
	w.t.Helper()
	tables, err := c.Tables(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, table := range tables {
		files, err := table.Files(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		for row, err := range lake.ReadFiles(w.t.Context(), w.storage, table.Schema, table.Layout, files) {
			if err != nil {
				w.t.Fatal(err)
			}
			if !strings.HasPrefix(table.Schema.Table, "_") {
				rows = append(rows, table.Schema.Table+row.Values[0].Text())
			}
		}
	}
	return rows
}

// A maintenance takes tags away: that the server then lacks them is not said of a
// server that keeps them.
func TestRESTKeepsTags(t *testing.T) {
	t.Parallel()
	for _, forgets := range []bool{false, true} {
		w := newRESTWarehouse(t)
		w.options.URI = (&restServer{forgets: forgets}).start(t)
		var said bytes.Buffer
		w.options.Logger = slog.New(slog.NewTextHandler(&said, nil))
		c := w.open()
		for n := range 3 {
			w.mustPublish(c, loadID(n), change{schema: tasks, rows: 1})
		}
		l := &lake.Loader{Storage: w.storage, Catalog: c, Logger: slog.New(slog.DiscardHandler), TempDir: t.TempDir()}
		if _, err := l.Maintain(t.Context(), lake.Maintenance{Retention: lake.Retention{Last: 1}}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(said.String(), "keeps no tags"); got != forgets {
			t.Errorf("a server that forgets: %v; said:\n%s", forgets, said.String())
		}
	}
}

// Where a server made a part of what it was sent, it is not known what became of
// the load, and nothing is deleted.
func TestRESTPartly(t *testing.T) {
	t.Parallel()
	w := newRESTWarehouse(t)
	w.options.URI = (&restServer{refuses: loadID(1).Tag()}).start(t)
	c := w.open()
	changes := []change{{schema: schema("tasks", "tasks"), rows: 1}, {schema: schema("_users", "_users"), rows: 1}}
	w.mustPublish(c, loadID(0), changes...)
	if _, err := w.publish(c, loadID(1), changes...); !errors.Is(err, lake.ErrUnknown) {
		t.Errorf("published in part: %v, want ErrUnknown", err)
	}
	w.checkThere(c)
	w.mustPublish(c, loadID(2), changes...)
}

// checkThere fails where a metadata file, a manifest or a list of them is named and
// not there; the data files of these tests are none.
func (w *warehouse) checkThere(c *catalog.Catalog) {
	w.t.Helper()
	refs, err := c.References(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for key := range refs {
		if !strings.Contains(key, "/metadata/") || strings.HasSuffix(key, "version-hint.text") {
			continue
		}
		if _, err := w.storage.ReadAll(w.t.Context(), key); err != nil {
			w.t.Errorf("a table names %s: %v", key, err)
		}
	}
}

// A run of another process is fenced on the server, before there is a table and
// after, however late it looks; long after, the fences go.
func TestRESTFence(t *testing.T) {
	t.Parallel()
	w := newRESTWarehouse(t)
	const long = 100 * 24 * time.Hour
	// In the past: a server refuses snapshots that are younger than its own clock.
	w.at = w.at.Add(-long)
	changes := []change{{schema: schema("tasks", "tasks"), rows: 1}}
	publish := func(c *catalog.Catalog, run lake.RunID, id lake.LoadID, hold bool) error {
		staged, err := w.stage(c, changes[0])
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Publish(t.Context(), lake.Publication{Load: lake.Load{ID: id, Status: "complete"}, Run: run, Changes: []lake.Change{staged}, Hold: hold})
		return err
	}
	for n := range 2 {
		taken, run := w.open(), lake.NewRunID()
		if err := taken.Admit(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		other := w.open()
		if err := other.Fence(t.Context(), run, lake.NewRunID()); err != nil {
			t.Fatal(err)
		}
		if err := publish(taken, run, loadID(10*n), true); !errors.Is(err, lake.ErrConflict) { // at first all tables are new
			t.Errorf("a run that another process has fenced holds: %v", err)
		}
		for late := range 2 {
			if err := publish(taken, run, loadID(10*n+2*late), false); !errors.Is(err, lake.ErrConflict) {
				t.Errorf("a run that another process has fenced: %v", err)
			}
			if _, err := w.publish(other, loadID(10*n+2*late+1), changes...); err != nil {
				t.Fatal(err)
			}
		}
		w.checkNamed(other)
	}
	c := w.open()
	w.at = w.at.Add(long)
	if _, err := w.publish(c, loadID(50), changes...); err != nil {
		t.Fatal(err)
	}
	w.checkNamed(c)
	for _, name := range []string{"_loads", "tasks"} {
		snapshots, err := c.Snapshots(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range snapshots {
			if s.LoadID == "" || slices.ContainsFunc(s.Tags, func(tag string) bool { return strings.HasPrefix(tag, "fenced_") }) {
				t.Errorf("%s: snapshot of load %q with tags %v", name, s.LoadID, s.Tags)
			}
		}
		info, err := c.Metadata(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for name := range info.Properties {
			if strings.Contains(name, "fenced") {
				t.Errorf("property %s stays", name)
			}
		}
	}
}

// A new table gets the name of one that is renamed in the same load.
func TestRESTNames(t *testing.T) {
	t.Parallel()
	w := newRESTWarehouse(t)
	c := w.open()
	w.mustPublish(c, loadID(0), change{schema: schema("tasks", "one"), rows: 1})
	w.mustPublish(c, loadID(1), change{schema: schema("old", "one"), rows: 2}, change{schema: schema("tasks", "two"), rows: 3})
	w.mustPublish(c, loadID(2), change{schema: schema("tasks", "one"), rows: 4}, change{schema: schema("old", "two"), rows: 5})
	tables, err := w.open().Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, table := range tables {
		got[table.Schema.Key] = table.Schema.Table
	}
	if got["one"] != "tasks" || got["two"] != "old" {
		t.Errorf("names: %v", got)
	}
	w.checkOneLoad()
}

// A guarded server lets in who has a token, and gives one to who has a credential.
func guarded(t *testing.T) (uri, auth string) {
	t.Helper()
	inner := newRESTServer(t)
	u, err := url.Parse(inner)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/auth/token":
			if r.FormValue("client_id") != "theid" || r.FormValue("client_secret") != "thesecretkey" || r.FormValue("scope") != "all" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token": "thetoken", "token_type": "Bearer", "expires_in": 3600}`)
		case r.Header.Get("Authorization") != "Bearer thetoken":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/api/v1/config" && r.URL.Query().Get("warehouse") != "prod":
			w.WriteHeader(http.StatusBadRequest)
		case r.URL.Path == "/api/v1/config":
			_, _ = io.WriteString(w, `{"defaults": {}, "overrides": {"prefix": "p/rod"}}`)
		case r.Header.Get("X-Iceberg-Access-Delegation") != "":
			w.WriteHeader(http.StatusNotImplemented)
		default:
			r.URL.Path = "/v1" + strings.TrimPrefix(r.URL.Path, "/api/v1/p/rod")
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/api", server.URL + "/auth/token"
}

func TestRESTCredentials(t *testing.T) {
	t.Parallel()
	uri, auth := guarded(t)
	good := catalog.RESTOptions{Warehouse: "prod", Credential: "theid:thesecretkey", AuthURL: auth, Scope: "all"}
	token := catalog.RESTOptions{Warehouse: "prod", Token: "thetoken"}
	bad, other := good, token
	bad.Credential, other.Token = "theid:anotherkey", "anothertoken"
	for name, test := range map[string]struct {
		options catalog.RESTOptions
		want    string
	}{
		"credential": {good, ""}, "token": {token, ""},
		"another secret": {bad, "no token was given for the credential"}, "another token": {other, "look at catalog.token"}, "none": {catalog.RESTOptions{Warehouse: "prod"}, "look at catalog.token"},
	} {
		w := newWarehouse(t)
		w.options.Type, w.options.URI, w.options.REST = "rest", uri, test.options
		w.options.Namespace = strings.ReplaceAll(name, " ", "-")
		c, err := catalog.Open(t.Context(), w.options)
		if test.want != "" {
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "anotherkey") || strings.Contains(err.Error(), "anothertoken") {
				t.Errorf("%s: %v, want %q", name, err, test.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		w.mustPublish(c, loadID(0), change{schema: schema("tasks", "tasks"), rows: 1})
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
