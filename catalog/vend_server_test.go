package catalog_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// A vendServer is a REST server that hands out credentials for the folders of tables, in a
// bucket that nobody gets into with others.
type vendServer struct {
	*restServer
	s3   *laketest.S3
	life time.Duration // of credentials
	// behind is by how much the server's clock is behind this machine's.
	behind time.Duration
	// answers changes what is said of the storage of a table at a location.
	answers func(location string, answer map[string]any)

	grantsMu sync.Mutex
	clock    atomic.Int64         // nanoseconds since 1970
	grants   map[string]vendGrant // by access key
	asked    map[string]int       // by location
	staged   []string             // names
}

type vendGrant struct {
	prefix string // in the bucket
	token  string
	until  time.Time
}

const vendRoot = "s3://bucket/lake"

func newVendServer(t *testing.T) *vendServer {
	t.Helper()
	s := &vendServer{
		restServer: &restServer{tables: map[string]*served{}, spaces: map[string]bool{}},
		s3:         laketest.NewS3(t), life: time.Hour, grants: map[string]vendGrant{}, asked: map[string]int{},
	}
	s.clock.Store(time.Now().Add(-24 * time.Hour).UnixNano()) // servers refuse what is ahead of their clock
	s.write = func(uri string, data []byte) error {
		s.s3.Put(strings.TrimPrefix(uri, "s3://bucket/"), data)
		return nil
	}
	s.s3.Refuse = s.refuse
	return s
}

func (s *vendServer) now() time.Time { return time.Unix(0, s.clock.Load()) }

// pass lets time pass.
func (s *vendServer) pass(d time.Duration) { s.clock.Add(int64(d)) }

// refuse lets in by what has been handed out.
func (s *vendServer) refuse(access, token, _, key string) string {
	s.grantsMu.Lock()
	defer s.grantsMu.Unlock()
	g, ok := s.grants[access]
	switch {
	case !ok:
		return "InvalidAccessKeyId"
	case g.token != token:
		return "InvalidToken"
	case !s.now().Add(-s.behind).Before(g.until):
		return "ExpiredToken"
	case !strings.HasPrefix(key, g.prefix):
		return "AccessDenied"
	}
	return ""
}

// revoke ends all that has been handed out, before its time.
func (s *vendServer) revoke() {
	s.grantsMu.Lock()
	defer s.grantsMu.Unlock()
	clear(s.grants)
}

// countOf is how often credentials were asked for of a location.
func (s *vendServer) countOf(location string) int {
	s.grantsMu.Lock()
	defer s.grantsMu.Unlock()
	return s.asked[location]
}

func (s *vendServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var answer any
	var err error
	if path := strings.Split(strings.Trim(r.URL.Path, "/"), "/"); r.Method == http.MethodPost && len(path) == 4 && path[3] == "tables" {
		answer, err = s.create(r, path[2])
	} else {
		answer, err = s.answer(r)
	}
	if said, ok := answer.(map[string]any); ok && r.Header.Get("X-Iceberg-Access-Delegation") == "vended-credentials" {
		if meta, ok := said["metadata"].(table.Metadata); ok && r.URL.Path != "/v1/config" {
			s.vend(meta.Location(), said)
		}
	}
	tell(w, answer, err)
}

func (s *vendServer) create(r *http.Request, space string) (any, error) {
	var asked struct {
		Name     string             `json:"name"`
		Location string             `json:"location"`
		Schema   *iceberg.Schema    `json:"schema"`
		Stage    bool               `json:"stage-create"`
		Props    iceberg.Properties `json:"properties"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		return nil, err
	}
	key := space + "\x00" + asked.Name
	if s.tables[key] != nil {
		return nil, &refusal{http.StatusConflict, "AlreadyExistsException", asked.Name}
	}
	meta, err := table.NewMetadata(asked.Schema, iceberg.UnpartitionedSpec, table.UnsortedSortOrder, asked.Location, asked.Props)
	if err != nil {
		return nil, err
	}
	if asked.Stage {
		s.staged = append(s.staged, asked.Name)
		return map[string]any{"metadata": meta, "config": map[string]string{}}, nil
	}
	made := &served{meta, meta.Location() + "/metadata/00000-" + asked.Name + ".metadata.json", 0}
	text, err := json.Marshal(meta)
	if err == nil {
		err = s.write(made.location, text)
	}
	s.tables[key] = made
	return map[string]any{"metadata-location": made.location, "metadata": meta, "config": map[string]string{}}, err
}

// vend adds credentials to an answer about a table.
func (s *vendServer) vend(location string, answer map[string]any) {
	s.grantsMu.Lock()
	defer s.grantsMu.Unlock()
	s.asked[location]++
	if s.answers != nil {
		s.answers(location, answer)
		return
	}
	s.grant(location, answer)
}

// grant hands out what lets into a location.
func (s *vendServer) grant(location string, answer map[string]any) {
	access := "AK" + strconv.Itoa(len(s.grants)+1) + "x" + strconv.Itoa(s.asked[location])
	g := vendGrant{strings.TrimPrefix(location, "s3://bucket/") + "/", "thesessiontoken-" + access, s.now().Add(s.life - s.behind)}
	s.grants[access] = g
	answer["config"] = map[string]string{"s3.endpoint": s.s3.URL, "client.region": "eu-central-1", "s3.path-style-access": "true"}
	answer["storage-credentials"] = []any{
		map[string]any{"prefix": "s3://bucket/elsewhere/", "config": map[string]string{"s3.access-key-id": "no", "s3.secret-access-key": "nosecret"}},
		map[string]any{"prefix": location, "config": map[string]string{
			"s3.access-key-id": access, "s3.secret-access-key": "thesecretkey-" + access, "s3.session-token": g.token,
			"s3.session-token-expires-at-ms": strconv.FormatInt(g.until.UnixMilli(), 10),
		}},
	}
}

// newVendWarehouse is a warehouse that only its catalog lets into.
func newVendWarehouse(t *testing.T) (*warehouse, *vendServer) {
	t.Helper()
	s := newVendServer(t)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	w := &warehouse{t: t, dir: t.TempDir()}
	w.options = catalog.Options{
		Type: "rest", URI: server.URL, LeaseTime: time.Second, Version: "test",
		Logger: slog.New(slog.DiscardHandler), Now: s.now,
	}
	return w, s
}

// vended opens storage and catalog, as a process does.
func (w *warehouse) vended(point lake.Point) *catalog.Catalog {
	w.t.Helper()
	c, err := w.tryVended(point)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *warehouse) tryVended(point lake.Point) (*catalog.Catalog, error) {
	w.t.Helper()
	s, err := lake.OpenStorage(w.t.Context(), lake.StorageOptions{
		URL: vendRoot, Cloud: lake.CloudOptions{Vended: true}, Point: point, TempDir: w.dir, ReadOnly: w.options.ReadOnly && w.options.Absent,
	})
	if err != nil {
		return nil, err
	}
	w.storage = s
	o := w.options
	o.Storage, o.Point = s, point
	c, err := catalog.Open(w.t.Context(), o)
	if err != nil {
		return nil, fmt.Errorf("%w", err)
	}
	w.t.Cleanup(func() { _ = c.Close(); _ = s.Close() })
	return c, nil
}
