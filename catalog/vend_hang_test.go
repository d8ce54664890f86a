package catalog_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// While credentials still do, a server that does not answer costs nobody the lock that is
// renewed with them.
func TestVendedHangs(t *testing.T) {
	t.Parallel()
	w, s := newVendWarehouse(t)
	var hangs atomic.Bool
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if hangs.Load() && strings.Contains(r.URL.Path, "/_notionlake/tables/") {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
		s.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.options.URI, w.options.LeaseTime, w.options.LockTimeout = server.URL, 3*time.Second, 4500*time.Millisecond
	first := w.vended(nil)
	unlock, err := first.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.pass(55*time.Minute + time.Second) // nearly five minutes are left
	second := w.vended(nil)
	hangs.Store(true)
	if _, err := second.Lock(t.Context()); !errors.Is(err, lake.ErrLocked) {
		t.Errorf("the second one: %v", err)
	}
	close(release)
	if err := unlock(); err != nil {
		t.Error(err)
	}
}
