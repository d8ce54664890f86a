package lake_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// cloudVariable names the bucket of a server that the tests may use, as
// s3://bucket or gs://bucket. The server and the keys are in the variables that
// the SDKs know. `make interop` starts servers and sets it.
const cloudVariable = "NOTIONLAKE_TEST_BUCKET"

func cloudStorage(t *testing.T) *lake.Storage {
	t.Helper()
	bucket := os.Getenv(cloudVariable)
	if bucket == "" {
		t.Skip(cloudVariable + " names no bucket: make interop sets it")
	}
	s, err := lake.OpenStorage(t.Context(), lake.StorageOptions{
		URL: fmt.Sprintf("%s/test %d", bucket, time.Now().UnixNano()), Cloud: cloudOptions(), TempDir: t.TempDir(),
	})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func cloudOptions() lake.CloudOptions {
	return lake.CloudOptions{Anonymous: os.Getenv("STORAGE_EMULATOR_HOST") != ""}
}

func TestCloudObjects(t *testing.T) { testObjects(t, cloudStorage(t)) }
func TestCloudAbort(t *testing.T)   { testAbort(t, cloudStorage(t)) }

func TestCloudKey(t *testing.T) {
	s := cloudStorage(t)
	if key, ok := s.Key(s.URI("a/b")); !ok || key != "a/b" {
		t.Errorf("key %q, %v", key, ok)
	}
	for _, uri := range []string{s.Root(), s.Root() + "/", s.Root() + "x/a", "/a/b", "file:///a"} {
		if key, ok := s.Key(uri); ok {
			t.Errorf("%s is key %q", uri, key)
		}
	}
}

// Files that are not needed after all leave nothing, sent in parts or not.
func TestCloudReused(t *testing.T) {
	w := newWorld(t, nil)
	w.storage = cloudStorage(t)
	large := noisyTable(upTo(40_000)...)
	w.run(large, textTable("a", "1"))
	files := len(w.files())
	report := w.run(large, textTable("a", "1"))
	for _, r := range report.Tables {
		if r.ReusedFiles != r.Files || r.Files == 0 {
			t.Errorf("table %s: %d of %d files reused", r.Name, r.ReusedFiles, r.Files)
		}
	}
	if more := len(w.files()) - files; more != 1 { // the ledger's
		t.Errorf("%d files more, want the ledger's", more)
	}
	if n, err := w.storage.AbortUploads(t.Context(), "", time.Now().Add(time.Hour)); err != nil || n > 0 {
		t.Errorf("%d uploads are left, %v", n, err)
	}
}

// A large object goes in parts, and is read in blocks or, where more is wanted, as
// a whole.
func TestCloudLarge(t *testing.T) {
	s := cloudStorage(t)
	ctx := t.Context()
	data := make([]byte, 30<<20+12345)
	if _, err := rand.Read(data); err != nil {
		t.Fatal(err)
	}
	o, err := s.Create(ctx, "large")
	must(t, err)
	_, err = io.Copy(o, bytes.NewReader(data))
	must(t, err)
	if got := keys(t, s, ""); len(got) > 0 {
		t.Errorf("seen before Close: %q", got)
	}
	must(t, o.Close())
	if err := s.WriteAll(ctx, "large", data[1:]); !errors.Is(err, lake.ErrExist) {
		t.Errorf("another one of the same key: %v", err)
	}
	r, err := s.Open(ctx, "large")
	must(t, err)
	random := mathrand.New(mathrand.NewPCG(1, 2))
	for range 400 {
		off := random.IntN(len(data))
		got := make([]byte, 1+random.IntN(300_000))
		n, err := r.ReadAt(got, int64(off))
		if want := data[off:min(off+len(got), len(data))]; !bytes.Equal(got[:n], want) || err != nil && !errors.Is(err, io.EOF) || err == nil && n < len(got) {
			t.Fatalf("%d bytes at %d: %d read, %v", len(got), off, n, err)
		}
	}
	if _, err := r.ReadAt(make([]byte, 1), int64(len(data))); !errors.Is(err, io.EOF) {
		t.Errorf("beyond the end: %v", err)
	}
	must(t, r.Close())

	if n, err := s.AbortUploads(ctx, "", time.Now().Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("%d uploads were left of what was there already, %v", n, err)
	}
	// Nothing is left of what was abandoned.
	o, err = s.Create(ctx, "abandoned")
	must(t, err)
	_, err = io.Copy(o, bytes.NewReader(data))
	must(t, err)
	must(t, o.Abort())
	if n, err := s.AbortUploads(ctx, "", time.Now().Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("%d uploads were left, %v", n, err)
	}
	if got := keys(t, s, ""); len(got) != 1 {
		t.Errorf("keys %q", got)
	}
}

func TestCloudWithoutBucket(t *testing.T) {
	bucket := os.Getenv(cloudVariable)
	if bucket == "" {
		t.Skip(cloudVariable + " names no bucket: make interop sets it")
	}
	_, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: bucket + "-that-is-not/x", Cloud: cloudOptions()})
	if err == nil || errors.Is(err, lake.ErrExist) {
		t.Fatalf("error %v", err)
	}
	t.Log(err)
}
