package lake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// A vendor has credentials for each folder right below the warehouse.
type vendor struct {
	url string

	mu     sync.Mutex
	asked  []string // by what
	number int      // of those that are good
	fails  error
}

func (v *vendor) Credentials(_ context.Context, key string, writes bool, refused *lake.Credentials) (*lake.Credentials, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fails != nil {
		return nil, v.fails
	}
	v.asked = append(v.asked, fmt.Sprintf("%s %v", key, writes))
	folder, _, _ := strings.Cut(key, "/")
	if refused != nil && refused.AccessKeyID == v.key(folder) {
		v.number++
	}
	return &lake.Credentials{AccessKeyID: v.key(folder), SecretAccessKey: "secret", SessionToken: "token", Endpoint: v.url}, nil
}

func (v *vendor) key(folder string) string { return fmt.Sprintf("%s-%d", folder, v.number) }

func (v *vendor) Prefixes(_ context.Context, prefix string) ([]string, error) {
	if prefix == "" {
		return []string{"a/", "b/"}, nil
	}
	return []string{prefix}, nil
}

// newVendedStorage lets requests in that have the newest of the keys for their folder.
func newVendedStorage(t *testing.T) (*lake.Storage, *vendor, *laketest.S3) {
	t.Helper()
	server := laketest.NewS3(t)
	v := &vendor{url: server.URL, number: 1}
	var mu sync.Mutex
	last := 0
	server.Refuse = func(access, token, _, key string) string {
		mu.Lock()
		defer mu.Unlock()
		folder, _, _ := strings.Cut(strings.TrimPrefix(key, "lake/"), "/")
		var n int
		if _, err := fmt.Sscanf(access, folder+"-%d", &n); err != nil || token != "token" {
			return "AccessDenied"
		}
		if n < last {
			return "ExpiredToken"
		}
		last = n
		return ""
	}
	s, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: "s3://bucket/lake", Cloud: lake.CloudOptions{Vended: true}, TempDir: t.TempDir()})
	must(t, err)
	if !s.NeedsVendor() {
		t.Error("it needs no vendor")
	}
	if err := s.WriteAll(t.Context(), "a/x", nil); err == nil {
		t.Error("it can be written to before there are credentials")
	}
	must(t, s.UseVendor(t.Context(), v, "a/"))
	t.Cleanup(func() { must(t, s.Close()) })
	return s, v, server
}

// Each request has the credentials of what it is about.
func TestVendedKeys(t *testing.T) {
	t.Parallel()
	s, v, _ := newVendedStorage(t)
	ctx := t.Context()
	must(t, s.WriteAll(ctx, "a/x", []byte("ax")))
	must(t, s.Replace(ctx, "b/c/x", []byte("bx")))
	if err := s.WriteAll(ctx, "a/x", nil); !errors.Is(err, lake.ErrExist) {
		t.Errorf("a second one of the same key: %v", err)
	}
	if data, err := s.ReadAll(ctx, "b/c/x"); err != nil || string(data) != "bx" {
		t.Errorf("read %q, %v", data, err)
	}
	r, err := s.Open(ctx, "a/x")
	must(t, err)
	data, err := io.ReadAll(r)
	if must(t, errors.Join(err, r.Close())); string(data) != "ax" {
		t.Errorf("read %q", data)
	}
	if got := keys(t, s, ""); !slices.Equal(got, []string{"a/x", "b/c/x"}) {
		t.Errorf("keys %q", got)
	}
	if got := keys(t, s, "b/c/"); !slices.Equal(got, []string{"b/c/x"}) {
		t.Errorf("keys %q", got)
	}
	if n, err := s.AbortUploads(ctx, "", time.Now()); n != 0 || err != nil {
		t.Errorf("%d uploads, %v", n, err)
	}
	must(t, s.Delete(ctx, "a/x", "b/c/x"))
	for _, want := range []string{"a/x true", "a/x false", "b/c/x true", "b/c/x false", "a/ false", "b/ false", "b/c/ false"} {
		if !slices.Contains(v.asked, want) {
			t.Errorf("not asked for %q: %q", want, v.asked)
		}
	}
}

// What is refused is tried once more with others, its body from the beginning.
func TestVendedRefused(t *testing.T) {
	t.Parallel()
	s, v, server := newVendedStorage(t)
	data := bytes.Repeat([]byte("0123456789"), 100_000)
	must(t, s.WriteAll(t.Context(), "a/x", data))
	refuse, refusals := server.Refuse, 0
	server.Refuse = func(access, token, method, key string) string {
		if strings.HasSuffix(access, "-1") {
			refusals++
			return "ExpiredToken"
		}
		return refuse(access, token, method, key)
	}
	must(t, s.WriteAll(t.Context(), "a/y", data))
	got, err := s.ReadAll(t.Context(), "a/y")
	if err != nil || !bytes.Equal(got, data) || refusals != 1 || v.number != 2 {
		t.Errorf("%d bytes, %v, refused %d times, renewed %d times", len(got), err, refusals, v.number-1)
	}
	server.Refuse = func(string, string, string, string) string { return "AccessDenied" }
	requests := server.Requests()
	if err := s.Replace(t.Context(), "a/y", nil); err == nil || !strings.Contains(err.Error(), "access denied") {
		t.Errorf("what is refused again: %v", err)
	}
	if n := server.Requests() - requests; n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
	v.fails = &lake.VendorError{Err: errors.New("there are none")}
	var vendor *lake.VendorError
	if _, err := s.ReadAll(t.Context(), "a/y"); !errors.As(err, &vendor) || !strings.HasSuffix(err.Error(), "a/y: there are none") {
		t.Errorf("where there are none: %v", err)
	}
}
