package catalog_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// A laggingServer answers readings from a copy that lags, from when a run is fenced
// after a publication on.
type laggingServer struct {
	http.Handler
	mu                              sync.Mutex
	copied                          map[string][]byte // by URL, until it lags
	lags, watches, published, stale bool
}

func (s *laggingServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if copied, ok := s.copied[r.URL.String()]; ok && s.stale && r.Method == http.MethodGet {
		_, _ = w.Write(copied)
		return
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	s.Handler.ServeHTTP(answer, r)
	switch {
	case r.Method == http.MethodGet && !s.lags:
		s.copied[r.URL.String()] = answer.Body.Bytes()
	case s.watches && strings.HasSuffix(r.URL.Path, "transactions/commit"):
		s.published = true
	case s.published && bytes.Contains(body, []byte("fenced_")):
		s.stale = true
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// A server answers from a copy that lags after a load has been published: what the
// load needs seems to belong to nobody there, and is not deleted.
func TestRESTGoesBack(t *testing.T) {
	t.Parallel()
	w := newRESTWarehouse(t)
	s := &laggingServer{Handler: &restServer{tables: map[string]*served{}, spaces: map[string]bool{}}, copied: map[string][]byte{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	w.options.URI = server.URL
	loader := func(at time.Time, tables ...lake.Table) *lake.Loader {
		return &lake.Loader{
			Source: &laketest.Source{List: tables}, Storage: w.storage, Catalog: w.open(), Logger: slog.New(slog.DiscardHandler),
			TempDir: t.TempDir(), Now: func() time.Time { return at },
		}
	}
	first := loader(w.at.Add(-time.Hour), laketest.Table(onlyID("a"), idRow("0")), laketest.Table(onlyID("b")))
	if _, err := first.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.lags = true
	unread := laketest.Table(onlyID("b"))
	unread.Rows = laketest.RowsThen(&lake.PartialError{Table: "b", Err: errors.New("503")})
	l := loader(w.at, laketest.Table(onlyID("a"), idRow("1")), unread)
	l.Audit.HoldPartial = true
	report, err := l.Run(t.Context())
	var held *lake.HeldError
	if !errors.As(err, &held) {
		t.Fatal(err)
	}
	s.watches = true
	if _, err := loader(w.at.Add(time.Hour)).PublishHeld(t.Context(), report.LoadID); err != nil || !s.stale {
		t.Errorf("publish: %v; a copy answered: %v", err, s.stale)
	}
	s.stale = false
	if rows := w.readRows(w.open()); !slices.Equal(rows, []string{"a1"}) {
		t.Errorf("rows %v", rows)
	}
}
