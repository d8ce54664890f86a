package lake_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
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

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// A fakeS3 is a server for one bucket, of as much as one process needs.
type fakeS3 struct {
	mu      sync.Mutex
	objects map[string][]byte
	gets    int // of objects
	// put, if not nil, says what becomes of an object that has arrived whole.
	put func(key, body string) fate
	// odd says 404 of an object that is in the way, as a server was seen to do.
	odd bool
	// landing are the objects that have not landed yet.
	landing map[string][]byte
}

type fate int

const (
	stored  fate = iota
	lost         // it is stored, and the answer is an error
	landing      // the answer is an error, and it is stored when the test says so
)

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/bucket"), "/")
	data, there := f.objects[key]
	switch {
	case r.Method == http.MethodPut:
		body, err := io.ReadAll(r.Body)
		switch {
		case err != nil:
			return
		case there && r.Header.Get("If-None-Match") != "" && f.odd:
			w.WriteHeader(http.StatusNotFound)
		case there && r.Header.Get("If-None-Match") != "":
			w.WriteHeader(http.StatusPreconditionFailed)
		default:
			f.store(w, key, body)
		}
	case r.Method == http.MethodDelete:
		delete(f.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Query().Has("list-type"):
		f.list(w, r.URL.Query().Get("prefix"))
	case !there:
		w.WriteHeader(http.StatusNotFound)
	default:
		f.gets++
		http.ServeContent(w, r, "", time.Now(), strings.NewReader(string(data)))
	}
}

func (f *fakeS3) store(w http.ResponseWriter, key string, body []byte) {
	fate := stored
	if f.put != nil {
		fate = f.put(key, string(body))
	}
	if fate == landing {
		f.landing[key] = body
	} else {
		f.objects[key] = body
	}
	if fate != stored {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("ETag", `"1"`)
}

func (f *fakeS3) list(w io.Writer, prefix string) {
	type object struct {
		Key          string
		Size         int
		LastModified time.Time
	}
	var list struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []object
	}
	for _, key := range slices.Sorted(maps.Keys(f.objects)) {
		if strings.HasPrefix(key, prefix) {
			list.Contents = append(list.Contents, object{key, len(f.objects[key]), time.Now().UTC()})
		}
	}
	_ = xml.NewEncoder(w).Encode(list)
}

// land lets what was refused arrive.
func (f *fakeS3) land() {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.Copy(f.objects, f.landing)
}

func (f *fakeS3) keys(part string) (keys []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key := range f.objects {
		if strings.Contains(key, part) {
			keys = append(keys, key)
		}
	}
	return keys
}

func newFakeS3(t *testing.T) (*fakeS3, *lake.Storage) {
	t.Helper()
	f := &fakeS3{objects: map[string][]byte{}, landing: map[string][]byte{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	s, err := lake.OpenStorage(t.Context(), lake.StorageOptions{
		URL: "s3://bucket/lake", TempDir: t.TempDir(),
		Cloud: lake.CloudOptions{Endpoint: server.URL, AccessKeyID: "k", SecretAccessKey: "s", Region: "us-east-1"},
	})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return f, s
}

// An object that has been sent whole is there or not when its writing ends,
// whoever waits for it: it does not come once it has been deleted.
func TestCancelledWrite(t *testing.T) {
	t.Parallel()
	f, s := newFakeS3(t)
	ctx, cancel := context.WithCancel(t.Context())
	o, err := s.Create(ctx, "x")
	must(t, err)
	_, err = o.Write([]byte("x"))
	must(t, err)
	f.put = func(string, string) fate { cancel(); return stored }
	if err := o.Close(); err != nil || f.keys("x") == nil {
		t.Errorf("error %v, objects %v", err, f.keys(""))
	}
	if o, err := s.Create(ctx, "y"); err == nil {
		_, _ = o.Write([]byte("y"))
		if err := o.Close(); !errors.Is(err, context.Canceled) || f.keys("y") != nil {
			t.Errorf("cancelled before: error %v, objects %v", err, f.keys(""))
		}
	}
}

// An object that is in the way is that, whatever the server says.
func TestObjectInTheWay(t *testing.T) {
	t.Parallel()
	f, s := newFakeS3(t)
	must(t, s.WriteAll(t.Context(), "x", []byte("theirs")))
	for _, f.odd = range []bool{false, true} {
		if err := s.WriteAll(t.Context(), "x", []byte("mine")); !errors.Is(err, lake.ErrExist) {
			t.Errorf("404: %v, error %v, want ErrExist", f.odd, err)
		}
	}
	if data, err := s.ReadAll(t.Context(), "x"); err != nil || string(data) != "theirs" {
		t.Errorf("%q, %v", data, err)
	}
}

// parquetLands lets the files of data land late.
func parquetLands(key, _ string) fate {
	if strings.HasSuffix(key, ".parquet") {
		return landing
	}
	return stored
}

// What a cloud stores after it has refused it, and after the failed load has
// deleted its files, the next load deletes. It is a load of its own.
func TestLateObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var f *fakeS3
	f, w.storage = newFakeS3(t)
	w.run(textTable("a", "1"))
	f.put = parquetLands
	failed, err := w.loader(textTable("a", "1", "2")).Run(t.Context())
	if err == nil {
		t.Fatal("a load whose file was refused succeeded")
	}
	f.checkLanded(t, func() {
		l := w.loader(textTable("a", "1"))
		l.Resume = 12 * time.Hour
		if next, err := l.Run(t.Context()); err != nil || next.LoadID == failed.LoadID {
			t.Errorf("load %s after %s: %v", next.LoadID, failed.LoadID, err)
		}
	})
}

// The same of a compaction.
func TestLateCompaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var f *fakeS3
	f, w.storage = newFakeS3(t)
	var ids []string
	for i := range 20000 {
		sum := sha256.Sum256([]byte(strconv.Itoa(i)))
		ids = append(ids, hex.EncodeToString(sum[:]))
	}
	l := w.loader(textTable("a", ids...))
	l.FileBytes = 50_000
	_, err := l.Run(t.Context())
	must(t, err)
	f.put = parquetLands
	if _, err := w.loader().Maintain(t.Context(), lake.Maintenance{Compact: true}); err == nil || len(f.landing) == 0 {
		t.Fatalf("%d objects come late, %v", len(f.landing), err)
	}
	f.checkLanded(t, func() { w.run(textTable("a", "1")) })
}

// checkLanded lets what was refused land, and fails if it is there after a load.
func (f *fakeS3) checkLanded(t *testing.T, load func()) {
	t.Helper()
	f.put = nil
	before := len(f.keys(".parquet"))
	f.land()
	if len(f.landing) == 0 || len(f.keys(".parquet")) == before {
		t.Fatal("nothing arrived late")
	}
	load()
	for key := range f.landing {
		if f.keys(key) != nil {
			t.Errorf("%s is still there", key)
		}
	}
}

// A load that could not be held, though the journal says so at first, is none that
// waits for a decision: its files are deleted.
func TestHoldIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var f *fakeS3
	f, w.storage = newFakeS3(t)
	f.put = func(_, body string) fate {
		if strings.Contains(body, `"state": "holding"`) {
			return lost
		}
		return stored
	}
	unread := textTable("b")
	unread.Rows = laketest.RowsThen(&lake.PartialError{Table: "b", Err: errors.New("503")})
	l := w.loader(textTable("a", "1"), unread)
	l.Audit.HoldPartial = true
	var held *lake.HeldError
	if _, err := l.Run(t.Context()); err == nil || errors.As(err, &held) {
		t.Fatalf("the load is held: %v", err)
	}
	f.put = nil
	if list, err := lake.HeldLoads(t.Context(), w.storage, w.catalog); err != nil || len(list) > 0 {
		t.Errorf("held: %v, %v", list, err)
	}
	w.run(textTable("a", "1"))
	if files := f.keys(".parquet"); len(files) != 2 || f.keys("journal") != nil {
		t.Errorf("files %v, journal %v", files, f.keys("journal"))
	}
}
