package lake

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"
)

// StorageOptions say where a warehouse is.
type StorageOptions struct {
	// URL is the folder or prefix under which everything is stored: a path
	// (relative ones are made absolute, a leading ~ is the home folder), a
	// file:///absolute URL, s3://bucket/prefix or gs://bucket/prefix. Nothing in it
	// is percent-decoded: neither do the engines that open the table's files.
	URL string
	// Cloud is what s3 and gs need beyond the defaults of the cloud.
	Cloud CloudOptions
	// TempDir is where large objects of a cloud lie while they are read. "": that
	// of the system.
	TempDir string
	// Point, where it is not nil, is called before and after every effect:
	// "storage.create", "storage.sync", "storage.close", "storage.abort",
	// "storage.open", "storage.list" and "storage.delete", after them with ".done" at the end;
	// "storage.write", and "storage.write.torn" when half of it is written;
	// "storage.syncdir" before a folder is synced.
	Point Point
	// ReadOnly makes nothing: of a folder that does not exist it is known that
	// nothing is in it. Nothing may be written then.
	ReadOnly bool
	// Sync makes a file or folder survive a power loss; nil: fsync. A test that
	// puts itself in its place knows what would be lost.
	Sync func(*os.File) error
}

// Storage is a warehouse: objects by key. A key is a slash-separated path below
// the warehouse's root. It may be used by several goroutines at once.
type Storage struct {
	root   string // see Root
	bucket *blob.Bucket
	disk   *disk      // nil in a cloud
	s3     *s3.Client // nil elsewhere
	vended *vended    // nil: credentials come from elsewhere than the catalog
	temp   string
	part   int // bytes of the parts in which an object is sent to a cloud
	point  Point
	// late says that a request to a cloud may still do what nobody waits for.
	late atomic.Bool
}

// OpenStorage opens a warehouse; a folder on a local disk is made if it does not
// exist. A URL that cannot be a warehouse is a *URLError.
func OpenStorage(ctx context.Context, o StorageOptions) (*Storage, error) {
	p, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if p.scheme != "file" {
		return openCloud(ctx, p, o)
	}
	return openFolder(p.dir, o)
}

func openFolder(dir string, o StorageOptions) (*Storage, error) {
	made := missing(dir)
	if o.ReadOnly && len(made) > 0 {
		return newFolder(dir, memblob.OpenBucket(nil), o), nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil && len(made) > 0 {
		return nil, &objectError{action: "open", object: dir, reason: "its folder cannot be made: " + pathReason(err), err: err}
	}
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{
		CreateDir: !o.ReadOnly,
		// A temporary file lies beside the object that it becomes: renaming
		// does not work from one file system to another.
		NoTempDir: true,
		// No .attrs file beside each object.
		Metadata: fileblob.MetadataDontWrite,
	})
	if err != nil {
		if info, e := os.Stat(dir); e == nil && !info.IsDir() {
			err = &fs.PathError{Op: "open", Path: dir, Err: errNotFolder}
		}
		return nil, objectFault("open", dir, err)
	}
	s := newFolder(dir, bucket, o)
	for _, d := range made {
		if err := s.disk.syncDir(filepath.Dir(d)); err != nil {
			return nil, objectFault("open", dir, err)
		}
	}
	return s, nil
}

func newFolder(dir string, bucket *blob.Bucket, o StorageOptions) *Storage {
	s := &Storage{
		root:   "file://" + strings.TrimSuffix(uriPath(dir), "/"),
		bucket: bucket,
		disk:   &disk{root: dir, point: o.Point, fsync: o.Sync, kept: map[string]bool{}},
		point:  o.Point,
	}
	if s.disk.fsync == nil {
		s.disk.fsync = (*os.File).Sync
	}
	return s
}

// Root is the absolute URI of the warehouse, without a slash at its end, as
// table metadata names it: file:///data/lake.
func (s *Storage) Root() string { return s.root }

// URI is the absolute URI of a key.
func (s *Storage) URI(key string) string { return s.root + "/" + key }

// Key is the key of an absolute URI below the root. It takes the forms that
// engines write: of a local URI file:///data/lake/x, file:/data/lake/x and
// /data/lake/x, and s3a:// and s3n:// for s3://.
func (s *Storage) Key(uri string) (string, bool) {
	if s.disk == nil {
		for _, scheme := range []string{"s3a://", "s3n://"} {
			if rest, ok := strings.CutPrefix(uri, scheme); ok {
				uri = "s3://" + rest
			}
		}
		key, ok := strings.CutPrefix(uri, s.root+"/")
		return key, ok && fs.ValidPath(key) && key != "."
	}
	root := strings.TrimPrefix(s.root, "file://")
	uri = strings.TrimPrefix(uri, "file:")
	if rest, ok := strings.CutPrefix(uri, "//"); ok {
		uri = rest
	}
	key, ok := strings.CutPrefix(uri, root+"/")
	return key, ok && fs.ValidPath(key) && key != "."
}

// Close ends the use of the warehouse.
func (s *Storage) Close() error {
	if s.NeedsVendor() {
		return nil // nothing has been opened
	}
	return s.bucket.Close()
}

// describe is the name of a key in messages: a path that can be pasted, or a URI.
func (s *Storage) describe(key string) string {
	if s.disk == nil {
		return s.URI(key)
	}
	return s.disk.path(key)
}

// checkKey refuses keys that are not what they seem once they are a path.
func checkKey(key string) error {
	if !fs.ValidPath(key) || key == "." || strings.ContainsFunc(key, isControl) {
		return fmt.Errorf("storage key %q is not a clean relative path", key)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// uriPath is the path part of the URI of an absolute local path.
func uriPath(dir string) string {
	p := filepath.ToSlash(dir)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	return p
}
