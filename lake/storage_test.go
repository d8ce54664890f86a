package lake_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
)

// keys are the keys of all objects, sorted.
func keys(t testing.TB, s *lake.Storage, prefix string) []string {
	t.Helper()
	var keys []string
	for o, err := range s.List(context.Background(), prefix) {
		must(t, err)
		keys = append(keys, o.Key)
	}
	slices.Sort(keys)
	return keys
}

func TestStorageURL(t *testing.T) {
	home, wd := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Chdir(wd)
	abs := filepath.Join(t.TempDir(), "lake")
	for _, c := range []struct{ name, url, root string }{
		{"absolute", abs, "file://" + abs},
		{"slash at the end", abs + "/", "file://" + abs},
		{"relative", "lake", "file://" + wd + "/lake"},
		{"relative with dots", "./a/../lake", "file://" + wd + "/lake"},
		{"home", "~/lake", "file://" + home + "/lake"},
		{"only home", "~", "file://" + home},
		{"file URL", "file://" + abs, "file://" + abs},
		{"file URL with one slash", "file:" + abs, "file://" + abs},
		{"file URL with host", "file://localhost" + abs, "file://" + abs},
		{"upper case scheme", "FILE://" + abs, "file://" + abs},
		{"space", abs + "/a b", "file://" + abs + "/a b"},
		{"umlaut", abs + "/Größe", "file://" + abs + "/Größe"},
		{"percent stays", abs + "/50%20%", "file://" + abs + "/50%20%"},
		{"percent of a URL stays", "file://" + abs + "/50%20%", "file://" + abs + "/50%20%"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: c.url})
			must(t, err)
			defer func() { must(t, s.Close()) }()
			if s.Root() != c.root {
				t.Errorf("root %q, want %q", s.Root(), c.root)
			}
			// The URI is the path: that is how engines read it.
			must(t, s.Replace(t.Context(), "t/x.txt", []byte("x")))
			path := strings.TrimPrefix(s.URI("t/x.txt"), "file://")
			if data, err := os.ReadFile(path); err != nil || string(data) != "x" {
				t.Errorf("%s holds %q, %v", path, data, err)
			}
			for _, uri := range []string{s.URI("t/x.txt"), "file:" + path, path} {
				if key, ok := s.Key(uri); key != "t/x.txt" || !ok {
					t.Errorf("key of %s is %q, %t", uri, key, ok)
				}
			}
		})
	}
}

func TestStorageKey(t *testing.T) {
	s := tempStorage(t, nil)
	for _, uri := range []string{"", s.Root(), s.Root() + "/", s.Root() + "x/y", s.Root() + "/../x", s.Root() + "//x", "s3://bucket/x", "/elsewhere/x"} {
		if key, ok := s.Key(uri); ok {
			t.Errorf("%q has the key %q", uri, key)
		}
	}
}

func TestBadStorageURL(t *testing.T) {
	for url, want := range map[string]string{
		"s3:/b":                 "two slashes",
		"s3://":                 "no bucket",
		"s3:///x":               "no bucket",
		"s3:bucket":             "two slashes",
		"ftp://x":               `scheme "ftp" is not supported`,
		"gs://b?x":              "query",
		"s3://b":                "no name of a bucket",
		"s3://Bucket/x":         "no name of a bucket",
		"gs://bucket//x":        "empty part",
		"s3://bucket/a/../b":    "empty part, or one that is . or ..",
		"s3://bucket/50%20":     "control characters and %",
		"file://lake":           "three slashes",
		"file:lake":             "three slashes",
		"":                      "empty",
		"/tmp/a?b":              "'?'",
		"/tmp/C#":               "'#'",
		"/tmp/a\"b":             `'"'`,
		"/tmp/a\nb":             "control",
		"s3://me:secret@bucket": "credentials",
		"ftp://me:secret@x/y":   "not supported",
		"gs://b/x?key=secret":   "query",
	} {
		t.Run(url, func(t *testing.T) {
			_, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: url})
			var bad *lake.URLError
			if !errors.As(err, &bad) {
				t.Fatalf("error %v", err)
			}
			for _, want := range []string{want, "file:///path", "s3://bucket/prefix", "gs://bucket/prefix"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%q tells a secret", err)
			}
		})
	}
}

func TestStorageRootIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, nil, 0o600))
	for url, want := range map[string]string{path: "it is a file, not a folder", path + "/below": "a part of the path is a file"} {
		_, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: url})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), url) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestStorageObjects(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o022))
	s := tempStorage(t, nil)
	must(t, s.WriteAll(t.Context(), "mode/one", nil))
	for key, mode := range map[string]fs.FileMode{"mode": 0o755 | fs.ModeDir, "mode/one": 0o644} {
		info, err := os.Stat(strings.TrimPrefix(s.URI(key), "file://"))
		must(t, err)
		if info.Mode() != mode {
			t.Errorf("%s has mode %v", key, info.Mode())
		}
	}
	must(t, s.Delete(t.Context(), "mode/one"))
	testObjects(t, s)
}

// testObjects is what every storage has to do. It is empty at first.
func testObjects(t *testing.T, s *lake.Storage) {
	ctx := t.Context()
	must(t, s.WriteAll(ctx, "a/b/one", []byte("first")))

	if err := s.WriteAll(ctx, "a/b/one", []byte("second")); !errors.Is(err, lake.ErrExist) {
		t.Errorf("a second object of one key: %v", err)
	}
	must(t, s.Replace(ctx, "a/b/one", []byte("third")))
	must(t, s.Replace(ctx, "a/two", nil))
	data, err := s.ReadAll(ctx, "a/b/one")
	must(t, err)
	if string(data) != "third" {
		t.Errorf("it holds %q", data)
	}

	r, err := s.Open(ctx, "a/b/one")
	must(t, err)
	at := make([]byte, 3)
	_, err = r.ReadAt(at, 1)
	must(t, err)
	_, err = r.Seek(-2, io.SeekEnd)
	must(t, err)
	rest, err := io.ReadAll(r)
	must(t, err)
	if string(at) != "hir" || string(rest) != "rd" || r.Size() != 5 {
		t.Errorf("read %q, %q of %d bytes", at, rest, r.Size())
	}
	must(t, r.Close())

	// Who creates it first has it, also if both began when there was none.
	one, err := s.Create(ctx, "c")
	must(t, err)
	two, err := s.Create(ctx, "c")
	must(t, err)
	_, err = one.Write([]byte("1"))
	must(t, err)
	_, err = two.Write([]byte("2"))
	must(t, err)
	must(t, one.Close())
	if err := two.Close(); !errors.Is(err, lake.ErrExist) {
		t.Errorf("the second close: %v", err)
	}

	if got, want := keys(t, s, ""), []string{"a/b/one", "a/two", "c"}; !cmp.Equal(got, want) {
		t.Errorf("keys %q", got)
	}
	if got, want := keys(t, s, "a/b"), []string{"a/b/one"}; !cmp.Equal(got, want) {
		t.Errorf("keys at a/b: %q", got)
	}
	if got := keys(t, s, "nowhere/x"); len(got) > 0 {
		t.Errorf("keys nowhere: %q", got)
	}
	must(t, s.Delete(ctx, "a/b/one", "missing/x", "a/two"))
	must(t, s.Delete(ctx))
	if got, want := keys(t, s, ""), []string{"c"}; !cmp.Equal(got, want) {
		t.Errorf("keys after deletion %q", got)
	}
	for _, err := range []error{second(s.Open(ctx, "a/b/one")), second(s.ReadAll(ctx, "a/b"))} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("reading what is not there: %v", err)
		}
	}
	for _, key := range []string{"", ".", "..", "../x", "/x", "a//b", "a/", "a\x00b", "a\nb", "\xff"} {
		if err := s.WriteAll(ctx, key, nil); err == nil {
			t.Errorf("key %q is taken", key)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestListThroughLink(t *testing.T) {
	folder, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(folder, link))
	s, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: link})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	must(t, s.WriteAll(t.Context(), "a/b", nil))
	if got := keys(t, s, ""); !cmp.Equal(got, []string{"a/b"}) {
		t.Errorf("keys %q", got)
	}
}

func TestAbort(t *testing.T) { testAbort(t, tempStorage(t, nil)) }

func testAbort(t *testing.T, s *lake.Storage) {
	ctx := t.Context()
	o, err := s.Create(ctx, "a/b")
	must(t, err)
	_, err = o.Write([]byte("text"))
	must(t, err)
	must(t, o.Abort())
	must(t, o.Abort())
	if err := o.Close(); err == nil {
		t.Error("closed after Abort")
	}
	if got := keys(t, s, ""); len(got) > 0 {
		t.Errorf("left: %q", got)
	}

	// A context that ends abandons the object.
	short, cancel := context.WithCancel(ctx)
	o, err = s.Create(short, "a/b")
	must(t, err)
	cancel()
	if err := o.Close(); !errors.Is(err, context.Canceled) {
		t.Errorf("closed after cancel: %v", err)
	}
	if got := keys(t, s, ""); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
}

// points records and fails effects.
type points struct {
	mu   sync.Mutex
	hits []string
	fail int // the hit that fails, from 1; 0 is none
	err  error
}

func (p *points) hit(name, key string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hits = append(p.hits, strings.TrimPrefix(name, "storage.")+" "+key)
	if len(p.hits) == p.fail {
		return p.err
	}
	return nil
}

func TestDurability(t *testing.T) {
	p := &points{}
	s := tempStorage(t, p.hit)
	must(t, s.WriteAll(t.Context(), "a/b/one", []byte("x")))
	want := []string{
		"create a/b/one", "create.done a/b/one", "write a/b/one", "write.torn a/b/one",
		"close a/b/one", "sync a/b/one", "sync.done a/b/one",
		"syncdir a/b", "syncdir a", "syncdir .", "close.done a/b/one",
	}
	if diff := cmp.Diff(want, p.hits); diff != "" {
		t.Error(diff)
	}
	// Folders that are on the disk are not synced again.
	p.hits = nil
	must(t, s.WriteAll(t.Context(), "a/b/two", nil))
	if got := p.hits[len(p.hits)-2:]; !cmp.Equal(got, []string{"syncdir a/b", "close.done a/b/two"}) {
		t.Errorf("second file: %q", got)
	}
	p.hits = nil
	must(t, s.Delete(t.Context(), "a/b/one", "a/b/two"))
	if got := p.hits[len(p.hits)-1]; got != "syncdir a/b" {
		t.Errorf("after deletion: %q", p.hits)
	}
}

func TestStorageFaults(t *testing.T) {
	p := &points{}
	must(t, tempStorage(t, p.hit).WriteAll(t.Context(), "a/b", []byte("text")))
	hits := len(p.hits)
	for i := 1; i <= hits; i++ {
		p := &points{fail: i, err: syscall.ENOSPC}
		s := tempStorage(t, p.hit)
		err := s.WriteAll(t.Context(), "a/b", []byte("text"))
		at := p.hits[len(p.hits)-1]
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v", at, err)
			continue
		}
		for _, want := range []string{strings.TrimPrefix(s.URI("a/b"), "file://"), "no space left on the disk"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", at, err, want)
			}
		}
		// The file is there whole or not at all, and not before it was synced.
		visible := strings.HasPrefix(at, "syncdir") || at == "close.done a/b"
		if got := keys(t, s, ""); visible != (len(got) == 1) {
			t.Errorf("%s: keys %q", at, got)
		}
		if visible {
			if data, err := s.ReadAll(t.Context(), "a/b"); string(data) != "text" || err != nil {
				t.Errorf("%s: holds %q, %v", at, data, err)
			}
		}
	}
	if hits < 9 {
		t.Errorf("%d points only", hits)
	}
}

func TestReadFaults(t *testing.T) {
	p := &points{err: syscall.EIO}
	s := tempStorage(t, p.hit)
	ctx := t.Context()
	must(t, s.WriteAll(ctx, "a/b", nil))
	list := func() error {
		for _, err := range s.List(ctx, "a/") {
			if err != nil {
				return err
			}
		}
		return nil
	}
	for name, act := range map[string]func() error{
		"open":   func() error { return second(s.Open(ctx, "a/b")) },
		"list":   list,
		"delete": func() error { return s.Delete(ctx, "a/b") },
	} {
		for hit := 1; hit <= 2; hit++ {
			p.hits, p.fail = nil, hit
			if err := act(); !errors.Is(err, syscall.EIO) || !strings.HasPrefix(err.Error(), name) {
				t.Errorf("%s, hit %d: %v", name, hit, err)
			}
			p.fail = 0
			must(t, s.Replace(ctx, "a/b", nil))
		}
	}
}
