package catalog_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
)

// newRESTAlone is a server that changes one table at a time: the one of the
// environment, or else one in memory, behind one that hides its transactions.
func newRESTAlone(t *testing.T) string {
	t.Helper()
	uri := os.Getenv(restVariable)
	if uri == "" {
		uri = newRESTServer(t)
	}
	server := httptest.NewServer(alone(passing(t, uri)))
	t.Cleanup(server.Close)
	return server.URL
}

// passing passes requests on to a server.
func passing(t *testing.T, uri string) http.Handler {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	return httputil.NewSingleHostReverseProxy(u)
}

// alone hides the transactions of a server.
func alone(inner http.Handler) http.Handler {
	const path, endpoint = "/transactions/commit", "POST /v1/{prefix}/transactions/commit"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, path):
			w.WriteHeader(http.StatusNotFound)
		case strings.HasSuffix(r.URL.Path, "/v1/config"):
			answer := httptest.NewRecorder()
			inner.ServeHTTP(answer, r)
			var config map[string]any
			if err := json.Unmarshal(answer.Body.Bytes(), &config); err != nil {
				panic(err)
			}
			if list, ok := config["endpoints"].([]any); ok {
				config["endpoints"] = slices.DeleteFunc(list, func(e any) bool { return e == endpoint })
			}
			_ = json.NewEncoder(w).Encode(config) // the client finds out
		default:
			inner.ServeHTTP(w, r)
		}
	})
}

// touchREST lets another program write to a table: the rows as they are, in a
// snapshot of its own.
func (w *warehouse) touchREST(name string) {
	w.t.Helper()
	ctx := w.t.Context()
	cat := w.other()
	for {
		tab, err := cat.LoadTable(ctx, table.Identifier{w.options.Namespace, name})
		if err != nil {
			w.t.Fatal(err)
		}
		meta := tab.Metadata()
		now := *meta.CurrentSnapshot()
		s, before := now, now.SnapshotID
		s.ParentSnapshotID, s.SequenceNumber = &before, meta.LastSequenceNumber()+1
		s.SnapshotID = int64(uuid.New().ID()) + 1
		s.TimestampMs = max(s.TimestampMs, meta.LastUpdatedMillis()) + 1
		_, _, err = cat.CommitTable(ctx, tab.Identifier(), []table.Requirement{table.AssertRefSnapshotID("main", &before)}, []table.Update{
			table.NewAddSnapshotUpdate(&s), table.NewSetSnapshotRefUpdate("main", s.SnapshotID, table.BranchRef, 0, 0, 0),
			table.NewSetPropertiesUpdate(iceberg.Properties{"touched": uuid.NewString()}),
		})
		if err == nil {
			return
		}
		if ctx.Err() != nil || !strings.Contains(err.Error(), "409") && !strings.Contains(err.Error(), "CommitFailed") {
			w.t.Fatal(err)
		}
	}
}
