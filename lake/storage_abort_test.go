package lake_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// An uploadS3 is a server that lets uploads begin late: when nobody waits for the answer
// any more.
type uploadS3 struct {
	mu      sync.Mutex
	began   bool
	done    chan struct{} // closed when it has begun
	asked   chan struct{} // closed when one is to begin
	release chan struct{} // it begins when this is closed
	patient bool          // somebody waited for the answer
}

func (u *uploadS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		defer close(u.done)
		close(u.asked)
		<-u.release
		select {
		case <-r.Context().Done():
		case <-time.After(200 * time.Millisecond): // it is waited for
			u.patient = true
		}
		u.set(true)
		_, _ = fmt.Fprint(w, `<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>`)
	case r.Method == http.MethodDelete && query.Has("uploadId"):
		u.set(false)
		w.WriteHeader(http.StatusNoContent)
	case query.Has("uploads"):
		_, _ = fmt.Fprint(w, `<ListMultipartUploadsResult>`)
		if u.left() {
			_, _ = fmt.Fprintf(w, `<Upload><Key>lake/x</Key><UploadId>1</UploadId><Initiated>%s</Initiated></Upload>`, time.Now().UTC().Format(time.RFC3339))
		}
		_, _ = fmt.Fprint(w, `</ListMultipartUploadsResult>`)
	case r.Method == http.MethodPut:
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		_, _ = fmt.Fprint(w, `<ListBucketResult></ListBucketResult>`)
	}
}

func (u *uploadS3) set(began bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.began = began
}

func (u *uploadS3) left() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.began
}

// An object is abandoned while its upload begins: the server does not keep it.
func TestAbortedAsItBegins(t *testing.T) {
	t.Parallel()
	u := &uploadS3{done: make(chan struct{}), asked: make(chan struct{}), release: make(chan struct{})}
	server := httptest.NewServer(u)
	defer server.Close()
	aborts := false
	s, err := lake.OpenStorage(t.Context(), lake.StorageOptions{
		URL: "s3://bucket/lake", TempDir: t.TempDir(),
		Cloud: lake.CloudOptions{Endpoint: server.URL, AccessKeyID: "k", SecretAccessKey: "s", Region: "us-east-1"},
		Point: func(name, _ string) error {
			if name == "storage.abort" {
				aborts = true
				close(u.release)
			}
			return nil
		},
	})
	must(t, err)
	defer s.Close()
	o, err := s.Create(t.Context(), "x")
	must(t, err)
	_, err = o.Write(make([]byte, 16<<20)) // two parts: the upload begins, and nothing waits to be taken
	must(t, err)
	<-u.asked
	must(t, o.Abort())
	<-u.done
	if !aborts || !u.patient || u.left() {
		t.Errorf("abandoned: %t, waited for: %t, an upload is left: %t", aborts, u.patient, u.left())
	}
}
