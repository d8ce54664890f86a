package laketest

import (
	"crypto/md5" // what S3 calls an ETag
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// An S3 is a bucket in memory behind a server that lets in by keys, each of them to what
// lies below a prefix. It looks at no signature: see `make interop` for that.
type S3 struct {
	URL string
	// Refuse, where it is not nil, says with which code a request is refused; "": it is not.
	Refuse func(accessKey, sessionToken, method, key string) string

	mu       sync.Mutex
	objects  map[string]s3Object
	requests int
}

type s3Object struct {
	data    []byte
	changed time.Time
}

// NewS3 starts a server with a bucket, whose name does not matter.
func NewS3(t *testing.T) *S3 {
	t.Helper()
	s := &S3{objects: map[string]s3Object{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Keys are those of the objects, the prefix of a warehouse included, sorted.
func (s *S3) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// Requests is how many there were.
func (s *S3) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Put makes an object, as somebody does who needs no keys.
func (s *S3) Put(key string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = s3Object{data, time.Now()}
}

// Get is what an object holds.
func (s *S3) Get(key string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[key]
	return o.data, ok
}

func (s *S3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query := r.URL.Query()
	about := key
	if key == "" {
		about = query.Get("prefix")
	}
	_, signed, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	access, _, _ := strings.Cut(signed, "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.Refuse != nil {
		if code := s.Refuse(access, r.Header.Get("X-Amz-Security-Token"), r.Method, about); code != "" {
			status := http.StatusForbidden
			if code == "ExpiredToken" {
				status = http.StatusBadRequest
			}
			s.fail(w, r, status, code)
			return
		}
	}
	o, is := s.objects[key]
	switch {
	case r.Method == http.MethodGet && key == "" && query.Has("uploads"):
		_, _ = io.WriteString(w, "<ListMultipartUploadsResult></ListMultipartUploadsResult>")
	case r.Method == http.MethodGet && key == "":
		s.list(w, query.Get("prefix"))
	case r.Method == http.MethodPut && is && r.Header.Get("If-None-Match") != "":
		s.fail(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
	case r.Method == http.MethodPut:
		s.objects[key] = s3Object{body, time.Now()}
		w.Header().Set("ETag", etag(body))
	case r.Method == http.MethodDelete:
		delete(s.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case !is:
		s.fail(w, r, http.StatusNotFound, "NoSuchKey")
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		w.Header().Set("ETag", etag(o.data))
		w.Header().Set("Last-Modified", o.changed.UTC().Format(http.TimeFormat))
		http.ServeContent(w, r, "", o.changed, strings.NewReader(string(o.data)))
	default:
		s.fail(w, r, http.StatusNotImplemented, "NotImplemented")
	}
}

func etag(data []byte) string {
	sum := md5.Sum(data)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func (s *S3) fail(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, code)
	}
}

func (s *S3) list(w io.Writer, prefix string) {
	type content struct {
		Key, ETag, LastModified, Size string
	}
	var result struct {
		XMLName     xml.Name `xml:"ListBucketResult"`
		IsTruncated bool
		Contents    []content
	}
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if o := s.objects[key]; strings.HasPrefix(key, prefix) {
			result.Contents = append(result.Contents, content{key, etag(o.data), o.changed.UTC().Format(time.RFC3339), strconv.Itoa(len(o.data))})
		}
	}
	_ = xml.NewEncoder(w).Encode(result) // the client finds out
}
