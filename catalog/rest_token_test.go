package catalog_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/notionlake/notionlake/catalog"
)

// A guardedServer is a REST catalog that lets nobody in without the newest token.
type guardedServer struct {
	restServer
	lock     sync.Mutex
	tokens   int
	statuses []int // of the next answers that are no tokens
	config   string
	refs     bool // a table was asked for with the snapshots by reference only
}

func (g *guardedServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.lock.Lock()
	defer g.lock.Unlock()
	g.refs = g.refs || r.URL.Query().Get("snapshots") == "refs"
	switch {
	case r.URL.Path == "/v1/oauth/tokens" && len(g.statuses) > 0:
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(g.statuses[0])
		g.statuses = g.statuses[1:]
	case r.URL.Path == "/v1/oauth/tokens":
		g.tokens++
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token": "%s", "token_type": "bearer"}`, g.token())
	case r.Header.Get("Authorization") != "Bearer "+g.token():
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error": {"message": "no", "type": "NotAuthorizedException", "code": 401}}`)
	case r.URL.Path == "/v1/config" && g.config != "":
		_, _ = io.WriteString(w, g.config)
	default:
		g.restServer.ServeHTTP(w, r)
	}
}

func (g *guardedServer) token() string { return fmt.Sprintf("sesame-%d", g.tokens) }

// revoke ends the token, and says what the next answers are to who wants another one.
func (g *guardedServer) revoke(statuses ...int) {
	g.lock.Lock()
	defer g.lock.Unlock()
	g.tokens++
	g.statuses = statuses
}

func (g *guardedServer) open(t *testing.T) (w *warehouse, hidden *[]string) {
	t.Helper()
	g.tables, g.spaces = map[string]*served{}, map[string]bool{}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	w, hidden = newWarehouse(t), &[]string{}
	w.options.Type, w.options.URI = "rest", server.URL
	w.options.REST = catalog.RESTOptions{Credential: "id:secret", Hide: func(s string) { *hidden = append(*hidden, s) }}
	return w, hidden
}

// A token that is not taken any more, although nothing was said of its end, is fetched
// anew, also in the middle of a publication, and an OAuth2 server that has an error for a
// moment is asked again.
func TestTokens(t *testing.T) {
	t.Parallel()
	g := &guardedServer{}
	w, hidden := g.open(t)
	c, err := catalog.Open(t.Context(), w.options)
	if err != nil {
		t.Fatal(err)
	}
	w.mustPublish(c, loadID(0), change{schema: schema("tasks", "tasks"), rows: 1})
	g.revoke(http.StatusServiceUnavailable)
	w.mustPublish(c, loadID(1), change{schema: schema("tasks", "tasks"), rows: 2})
	if want := "sesame-1 sesame-3"; strings.Join(*hidden, " ") != want {
		t.Errorf("hidden: %q, want %q", *hidden, want)
	}
	for _, test := range []struct {
		statuses []int
		want     string
	}{
		{[]int{http.StatusUnauthorized}, "no token was given for the credential; look at catalog.credential"},
		{[]int{http.StatusServiceUnavailable, http.StatusServiceUnavailable, http.StatusServiceUnavailable, http.StatusServiceUnavailable}, "no token could be had; look at catalog.oauth2_server_uri, or try again later"},
	} {
		g.revoke(test.statuses...)
		if _, err := w.publish(c, loadID(2), change{schema: schema("tasks", "tasks"), rows: 3}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, want %q", test.statuses, err, test.want)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// What is said where the OAuth2 server gives no token tells whether it is the credential.
func TestNoToken(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		statuses []int
		want     []string
	}{
		{[]int{http.StatusBadRequest}, []string{"look at catalog.credential", "400 Bad Request", "/v1/oauth/tokens"}},
		{[]int{500, 500, 500, 500}, []string{"try again later", "500 Internal Server Error", "/v1/oauth/tokens"}},
	} {
		g := &guardedServer{statuses: test.statuses}
		w, _ := g.open(t)
		_, err := catalog.Open(t.Context(), w.options)
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v: %v, want %q", test.statuses, err, want)
			}
		}
	}
}

// A server cannot have the client leave out snapshots that have no tag, whose files would
// be taken for nobody's then, nor look at no certificate.
func TestIgnoredSettings(t *testing.T) {
	t.Parallel()
	g := &guardedServer{config: `{"defaults": {"snapshot-loading-mode": "refs"}, "overrides": {"snapshot-loading-mode": "refs"}}`}
	w, _ := g.open(t)
	c, err := catalog.Open(t.Context(), w.options)
	if err != nil {
		t.Fatal(err)
	}
	w.mustPublish(c, loadID(0), change{schema: schema("tasks", "tasks"), rows: 1})
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if g.refs {
		t.Error("tables were asked for with a part of their snapshots")
	}
	var let bool
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { let = true }))
	other.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer other.Close()
	g = &guardedServer{config: `{"overrides": {"rest.tls.skip-verify": "true", "uri": "` + other.URL + `"}}`}
	w, _ = g.open(t)
	if _, err := catalog.Open(t.Context(), w.options); err == nil || let {
		t.Errorf("a server with a certificate that nobody knows was asked: %t, %v", let, err)
	}
}
