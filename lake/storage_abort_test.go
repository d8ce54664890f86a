package lake_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
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

// openS3 opens a warehouse of a server of S3; point may be nil.
func openS3(t *testing.T, endpoint string, point lake.Point) *lake.Storage {
	t.Helper()
	s, err := lake.OpenStorage(t.Context(), lake.StorageOptions{
		URL: "s3://bucket/lake", TempDir: t.TempDir(), Point: point,
		Cloud: lake.CloudOptions{Endpoint: endpoint, AccessKeyID: "k", SecretAccessKey: "s", Region: "us-east-1"},
	})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// An object is abandoned while its upload begins: the server does not keep it.
func TestAbortedAsItBegins(t *testing.T) {
	t.Parallel()
	u := &uploadS3{done: make(chan struct{}), asked: make(chan struct{}), release: make(chan struct{})}
	server := httptest.NewServer(u)
	defer server.Close()
	aborts := false
	s := openS3(t, server.URL, func(name, _ string) error {
		if name == "storage.abort" {
			aborts = true
			close(u.release)
		}
		return nil
	})
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

// A partsS3 takes objects in parts, and keeps which uploads are open.
type partsS3 struct {
	mu    sync.Mutex
	n     int
	open  map[string]string // keys, by ID
	ended []string          // IDs of those that were aborted
}

func (p *partsS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	query := r.URL.Query()
	id := query.Get("uploadId")
	switch {
	case query.Has("uploads") && r.Method == http.MethodPost:
		p.n++
		p.open[strconv.Itoa(p.n)] = strings.TrimPrefix(r.URL.Path, "/bucket/")
		_, _ = fmt.Fprintf(w, `<InitiateMultipartUploadResult><UploadId>%d</UploadId></InitiateMultipartUploadResult>`, p.n)
	case query.Has("uploads"):
		_, _ = fmt.Fprint(w, `<ListMultipartUploadsResult>`)
		for id, key := range p.open {
			_, _ = fmt.Fprintf(w, `<Upload><Key>%s</Key><UploadId>%s</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>`, key, id)
		}
		_, _ = fmt.Fprint(w, `</ListMultipartUploadsResult>`)
	case id != "" && p.open[id] == "":
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(w, `<Error><Code>NoSuchUpload</Code><Message>no such upload</Message></Error>`)
	case r.Method == http.MethodDelete:
		delete(p.open, id)
		p.ended = append(p.ended, id)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut:
		w.Header().Set("ETag", `"x"`)
	case r.Method == http.MethodPost:
		delete(p.open, id)
		_, _ = fmt.Fprint(w, `<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>`)
	default:
		_, _ = fmt.Fprint(w, `<ListBucketResult></ListBucketResult>`)
	}
}

// Who abandons an object ends its own upload, and not that of another program which
// writes an object of this key, as it does with the copy of a file, or of a longer one.
func TestAbortEndsItsOwn(t *testing.T) {
	t.Parallel()
	p := &partsS3{open: map[string]string{}}
	server := httptest.NewServer(p)
	defer server.Close()
	s := openS3(t, server.URL, nil)
	begin := func(key string) *lake.Object {
		o, err := s.Create(t.Context(), key)
		must(t, err)
		_, err = o.Write(make([]byte, 20<<20))
		must(t, err)
		return o
	}
	own, longer, others := begin("x"), begin("x.pdf"), begin("x")
	must(t, own.Abort())
	must(t, others.Close())
	must(t, longer.Close())
	if len(p.open) > 0 || slices.Contains(p.ended, "2") || slices.Contains(p.ended, "3") || !slices.Contains(p.ended, "1") {
		t.Errorf("uploads %v were aborted, %v are open", p.ended, p.open)
	}
}

// An object is abandoned while a part of it is on its way, of which the server makes the
// upload anew if that has been ended by then, as versitygw does: nothing is left of it.
func TestAbortedWithPartOnItsWay(t *testing.T) {
	t.Parallel()
	p := &partsS3{open: map[string]string{}}
	asked, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut || !r.URL.Query().Has("uploadId") {
			p.ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		once.Do(func() { close(asked) })
		<-release
		select {
		case <-r.Context().Done():
			time.Sleep(200 * time.Millisecond) // the server is not done with it
		case <-time.After(200 * time.Millisecond):
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.open[r.URL.Query().Get("uploadId")] = strings.TrimPrefix(r.URL.Path, "/bucket/")
		w.Header().Set("ETag", `"x"`)
	}))
	s := openS3(t, server.URL, func(name, _ string) error {
		if name == "storage.abort" {
			close(release)
		}
		return nil
	})
	o, err := s.Create(t.Context(), "x")
	must(t, err)
	_, err = o.Write(make([]byte, 16<<20))
	must(t, err)
	<-asked
	must(t, o.Abort())
	server.Close() // no request is on its way any more
	if len(p.open) > 0 || len(p.ended) == 0 {
		t.Errorf("uploads %v are left, ended were %q", p.open, p.ended)
	}
}
