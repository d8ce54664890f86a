package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// A Reader reads an object, in order or anywhere.
type Reader struct {
	*io.SectionReader
	body io.Closer
}

// Close ends the reading.
func (r *Reader) Close() error { return r.body.Close() }

// Open opens an object; the error is fs.ErrNotExist if there is none of this key.
func (s *Storage) Open(ctx context.Context, key string) (*Reader, error) {
	fail := func(err error) (*Reader, error) {
		return nil, objectFault("open", s.describe(key), err)
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if err := s.point.Hit("storage.open", key); err != nil {
		return fail(err)
	}
	r, err := s.open(ctx, key)
	if err != nil {
		return fail(err)
	}
	if err := s.point.Hit("storage.open.done", key); err != nil {
		_, err = fail(err)
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (s *Storage) open(ctx context.Context, key string) (*Reader, error) {
	if s.disk == nil {
		return s.openObject(ctx, key)
	}
	var file *os.File
	body, err := s.bucket.NewReader(ctx, key, &blob.ReaderOptions{
		BeforeRead: func(as func(any) bool) error {
			as(&file)
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	return &Reader{SectionReader: io.NewSectionReader(file, 0, body.Size()), body: body}, nil
}

// ReadAll returns what an object holds.
func (s *Storage) ReadAll(ctx context.Context, key string) ([]byte, error) {
	if s.disk == nil {
		return s.readObject(ctx, key)
	}
	r, err := s.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	data := make([]byte, r.Size())
	_, err = io.ReadFull(r, data)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, objectFault("read", s.describe(key), err)
	}
	return data, nil
}

// Delete deletes objects; that a key is missing is no error. All are tried.
func (s *Storage) Delete(ctx context.Context, keys ...string) error {
	_, err := s.deleteEach(ctx, keys)
	return err
}

// deleteEach is Delete, and returns the keys of what may still be there, or be there again.
func (s *Storage) deleteEach(ctx context.Context, keys []string) (left []string, err error) {
	if s.disk == nil {
		return s.deleteObjects(ctx, keys)
	}
	var errs []error
	parents := map[string][]string{}
	for _, key := range keys {
		if err := s.delete(ctx, key); err != nil {
			left, errs = append(left, key), append(errs, objectFault("delete", s.describe(key), err))
			continue
		}
		parents[path.Dir(key)] = append(parents[path.Dir(key)], key)
	}
	// Deletions are kept in their order, for those who write down what to delete.
	for dir, gone := range parents {
		if err := s.disk.sync(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			left, errs = append(left, gone...), append(errs, objectFault("delete in", s.describe(dir), err))
		}
	}
	return left, errors.Join(errs...)
}

func (s *Storage) delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := s.point.Hit("storage.delete", key); err != nil {
		return err
	}
	if err := s.bucket.Delete(ctx, key); err != nil && codeOf(err) != gcerrors.NotFound {
		return err
	}
	return s.point.Hit("storage.delete.done", key)
}

// ObjectInfo is what a list says of an object.
type ObjectInfo struct {
	Key     string
	Bytes   int64
	ModTime time.Time
}

// List yields the objects whose keys begin with prefix, in no particular order.
// Those that a killed process left half written are among them: their keys are
// that of the object and ".<digits>.tmp". Who deletes what a list does not name
// can rely on it: what cannot be read ends it with an error. (That is why the
// blob driver, which skips unreadable folders, is not asked.)
func (s *Storage) List(ctx context.Context, prefix string) iter.Seq2[ObjectInfo, error] {
	return func(yield func(ObjectInfo, error) bool) {
		err := s.point.Hit("storage.list", prefix)
		switch {
		case err != nil:
		case s.disk == nil:
			err = s.listObjects(ctx, prefix, yield)
		default:
			err = s.walk(ctx, prefix, yield)
		}
		if errors.Is(err, fs.SkipAll) {
			return
		}
		if err == nil {
			err = s.point.Hit("storage.list.done", prefix)
		}
		if err != nil {
			yield(ObjectInfo{}, objectFault("list", s.describe(prefix), err))
		}
	}
}

// walk calls yield for every object; fs.SkipAll says that it wants no more.
func (s *Storage) walk(ctx context.Context, prefix string, yield func(ObjectInfo, error) bool) error {
	start := path.Dir(prefix + "x") // the lowest folder that holds all of them
	if !fs.ValidPath(start) {
		return fmt.Errorf("prefix %q is not a clean relative path", prefix)
	}
	stopped := false
	err := fs.WalkDir(os.DirFS(s.disk.path(start)), ".", func(name string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		key := path.Join(start, name)
		if e.IsDir() {
			if name != "." && !strings.HasPrefix(key+"/", prefix) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasPrefix(key, prefix) {
			return nil
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if !yield(ObjectInfo{Key: filepath.ToSlash(key), Bytes: info.Size(), ModTime: info.ModTime()}, nil) {
			stopped = true
			return fs.SkipAll
		}
		return nil
	})
	if stopped {
		return fs.SkipAll
	}
	return err
}
