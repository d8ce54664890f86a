package lake_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/notionlake/notionlake/lake"
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

// An error is what its answer says, whatever digits are in the ID of the request: 301 is
// the status of a bucket that is elsewhere.
func TestAnswersByTheirStatus(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		status, code := http.StatusForbidden, "Odd"
		switch {
		case r.URL.Query().Has("list-type"):
			_, _ = fmt.Fprint(w, "<ListBucketResult></ListBucketResult>")
			return
		case r.Method == http.MethodPut:
			status, code = http.StatusPreconditionFailed, "PreconditionFailed"
		case strings.HasSuffix(r.URL.Path, "/none"):
			status, code = http.StatusNotFound, "NoSuchKey"
		}
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("X-Amz-Request-Id", "A4301B")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>for a test</Message></Error>", code)
	}))
	defer server.Close()
	s := openS3(t, server.URL, nil)
	if _, err := s.ReadAll(t.Context(), "x"); err == nil || lake.IsLost(err) || !strings.Contains(err.Error(), "Odd") {
		t.Errorf("refused: %v", err)
	}
	if _, err := s.ReadAll(t.Context(), "none"); !lake.IsLost(err) {
		t.Errorf("not there: %v", err)
	}
	if err := s.Delete(t.Context(), "x"); err == nil {
		t.Error("what may not be deleted is called deleted")
	}
	o, err := s.Create(t.Context(), "x")
	must(t, err)
	_, err = o.Write([]byte("{}"))
	must(t, err)
	if err := o.Close(); !errors.Is(err, lake.ErrExist) {
		t.Errorf("there already: %v", err)
	}
}
