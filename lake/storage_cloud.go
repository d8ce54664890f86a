package lake

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// CloudOptions say how to reach s3 and gs where the defaults of the cloud
// (environment, shared files, the machine's or the pod's role) do not do.
type CloudOptions struct {
	Endpoint string // URL of a compatible server; "": the cloud's own
	// Of s3:
	Region    string
	Profile   string // of the shared configuration files
	PathStyle *bool  // the bucket is in the path of URLs; nil: where there is an endpoint
	// Static keys; SessionToken belongs to temporary ones.
	AccessKeyID, SecretAccessKey, SessionToken string
	// Anonymous sends no credentials.
	Anonymous bool
	// Vended leaves credentials to the catalog: see Storage.UseVendor.
	Vended bool
}

const (
	// The parts in which an object is sent are held in memory, and Google's library
	// takes one for each object however small it is.
	partBytesS3  = 8 << 20
	partBytesGCS = 4 << 20
	// parallelParts of one object are sent at a time.
	parallelParts = 2
	// parallelDeletes are sent at a time.
	parallelDeletes = 16
	// answerTimeout is how long the answer to a write is waited for that nobody wants any more.
	answerTimeout = 10 * time.Second
	// abandonTimeout is how long it may take to find out what became of a write.
	abandonTimeout = 30 * time.Second
)

// openCloud opens a bucket, and makes sure that it is there.
func openCloud(ctx context.Context, p location, o StorageOptions) (*Storage, error) {
	s := &Storage{root: p.scheme + "://" + p.bucket, temp: o.TempDir, point: o.Point}
	if p.prefix != "" {
		s.root += "/" + p.prefix
	}
	open := openS3
	s.part = partBytesS3
	if p.scheme == "gs" {
		open, s.part = openGCS, partBytesGCS
	}
	if o.Cloud.Vended && p.scheme == "s3" {
		return openVended(s, p, o)
	}
	if err := open(ctx, s, p.bucket, o.Cloud); err != nil {
		return nil, objectFault("open", s.root, err)
	}
	if p.prefix != "" {
		s.bucket = blob.PrefixedBucket(s.bucket, p.prefix+"/")
	}
	// An object that is not there cannot be told from a bucket that is not.
	if _, _, err := s.bucket.ListPage(ctx, blob.FirstPageToken, 1, nil); err != nil {
		if codeOf(err) == gcerrors.NotFound {
			err = errNoBucket
		}
		return nil, errors.Join(objectFault("list", s.root, err), s.bucket.Close())
	}
	return s, nil
}

var errNoBucket = errors.New("the bucket does not exist")

// readObject returns what an object holds.
func (s *Storage) readObject(ctx context.Context, key string) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		return nil, objectFault("read", s.describe(key), err)
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if err := s.point.Hit("storage.open", key); err != nil {
		return fail(err)
	}
	data, err := s.bucket.ReadAll(ctx, key)
	if err == nil {
		err = s.point.Hit("storage.open.done", key)
	}
	if err != nil {
		return fail(err)
	}
	return data, nil
}

// openStream opens an object to be read once from its beginning to its end: one
// request, and nothing of it is held.
func (s *Storage) openStream(ctx context.Context, key string) (io.ReadCloser, error) {
	if s.disk != nil {
		return s.Open(ctx, key)
	}
	fail := func(err error) (io.ReadCloser, error) {
		return nil, objectFault("open", s.describe(key), err)
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if err := s.point.Hit("storage.open", key); err != nil {
		return fail(err)
	}
	r, err := s.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return fail(err)
	}
	if err := s.point.Hit("storage.open.done", key); err != nil {
		_, err = fail(err)
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// openObject opens an object to be read anywhere.
func (s *Storage) openObject(ctx context.Context, key string) (*Reader, error) {
	a, err := s.bucket.Attributes(ctx, key)
	if err != nil {
		return nil, err
	}
	blocks := &blockReader{ctx: ctx, bucket: s.bucket, key: key, size: a.Size, temp: s.temp}
	return &Reader{SectionReader: io.NewSectionReader(blocks, 0, a.Size), body: blocks}, nil
}

func (s *Storage) deleteObjects(ctx context.Context, keys []string) (left []string, err error) {
	errs := make([]error, len(keys))
	g, _ := NewGroup(ctx)
	g.SetLimit(parallelDeletes)
	for i, key := range keys {
		g.Go(func() error {
			if err := s.delete(ctx, key); err != nil {
				errs[i] = objectFault("delete", s.describe(key), err)
			}
			return nil // all are tried
		})
	}
	if err := g.Wait(); err != nil {
		return keys, err
	}
	for i, err := range errs {
		if err != nil {
			left = append(left, keys[i])
		}
	}
	return left, errors.Join(errs...)
}

// listObjects calls yield for every object; fs.SkipAll says that it wants no more.
func (s *Storage) listObjects(ctx context.Context, prefix string, yield func(ObjectInfo, error) bool) error {
	prefixes, err := s.prefixes(ctx, prefix)
	if err != nil {
		return err
	}
	for _, p := range prefixes {
		if err := s.listPrefix(ctx, p, yield); err != nil {
			return err
		}
	}
	return nil
}

func (s *Storage) listPrefix(ctx context.Context, prefix string, yield func(ObjectInfo, error) bool) error {
	list := s.bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := list.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case !fs.ValidPath(o.Key): // folders that consoles make: "x/"
		case !yield(ObjectInfo{Key: o.Key, Bytes: o.Size, ModTime: o.ModTime}, nil):
			return fs.SkipAll
		}
	}
}

// A fingerprint is what is remembered of the bytes that were written. A nil one
// remembers nothing.
type fingerprint struct {
	bytes int64
	sum   hash.Hash32
}

func newFingerprint() *fingerprint {
	return &fingerprint{sum: crc32.New(crc32.MakeTable(crc32.Castagnoli))}
}

func (f *fingerprint) add(p []byte) {
	if f != nil {
		f.bytes += int64(len(p))
		_, _ = f.sum.Write(p) // it never fails
	}
}

// abortUpload ends the upload of an object that was abandoned: the library does
// not always get it done, where a part was on its way.
func (o *Object) abortUpload() {
	id := o.upload.Load()
	if id == nil {
		return // it is sent in one request
	}
	ctx, cancel := context.WithTimeout(context.Background(), abandonTimeout)
	defer cancel()
	_ = o.storage.abortUpload(ctx, o.key, *id) // what stays is ended by the maintenance
}

// landed finds out whether a new object of a cloud is there although the answer
// to its writing was the error err: an answer that was lost is asked for again,
// and then the object is in its own way.
func (o *Object) landed(err error) error {
	if o.sent == nil || errors.Is(err, context.Canceled) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), abandonTimeout)
	defer cancel()
	r, e := o.storage.bucket.NewReader(ctx, o.key, nil)
	if e != nil {
		if codeOf(e) == gcerrors.NotFound {
			return err
		}
		return fmt.Errorf("%w (and whether it is there is not known: %w)", err, e)
	}
	there := newFingerprint()
	buffer := make([]byte, 64<<10)
	for e == nil && there.bytes <= o.sent.bytes {
		var n int
		n, e = r.Read(buffer)
		there.add(buffer[:n])
	}
	_ = r.Close() // all that is wanted was read
	if errors.Is(e, io.EOF) && there.bytes == o.sent.bytes && there.sum.Sum32() == o.sent.sum.Sum32() {
		return nil
	}
	if codeOf(err) == gcerrors.NotFound {
		return ErrExist // what was to be there first is said not to be
	}
	return err
}
