package lake_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// An object that is to be new meets the deletion of the one before, as the lock of parts
// of a load does: it is written again.
func TestConflictWithDeletion(t *testing.T) {
	t.Parallel()
	var puts atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodPut && r.Header.Get("If-None-Match") == "*" && puts.Add(1) == 1 {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusConflict)
			_, _ = fmt.Fprint(w, `<Error><Code>ConditionalRequestConflict</Code><Message>a conflicting operation</Message></Error>`)
		}
	}))
	defer server.Close()
	s := openS3(t, server.URL, nil)
	o, err := s.Create(t.Context(), "lock.json")
	must(t, err)
	_, err = o.Write([]byte("{}"))
	must(t, err)
	must(t, o.Close())
	if puts.Load() != 2 {
		t.Errorf("written %d times", puts.Load())
	}
}
