package lake

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"sync/atomic"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// An Object is an object that is being written. It is seen by nobody before
// Close has ended. One goroutine at a time may use it.
type Object struct {
	storage *Storage
	key     string
	writer  *blob.Writer
	cancel  context.CancelFunc // makes Close of the writer give up
	// settle says that the object is whole, and its answer is waited for; done then
	// says whether anybody still wants it.
	settle func() (done func() error)
	ended  func() error // nil as long as somebody wants the object
	file   *os.File     // what the writer writes to; nil in a cloud
	sent   *fingerprint // of what is written to a new object of a cloud
	err    error        // the first that failed; Close then gives up
	bytes  int64
	closed bool
	upload atomic.Pointer[string] // its ID, where a cloud takes the object in parts
}

// Create begins an object. It fails with ErrExist if there is one of this key;
// on local disks that is looked up and not locked: of two processes that create
// one key at the same moment, the later one wins. The context lasts until Close.
func (s *Storage) Create(ctx context.Context, key string) (*Object, error) {
	return s.create(ctx, key, true)
}

func (s *Storage) create(ctx context.Context, key string, fresh bool) (*Object, error) {
	fail := func(err error) (*Object, error) {
		return nil, objectFault("create", s.describe(key), err)
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if err := s.point.Hit("storage.create", key); err != nil {
		return fail(err)
	}
	if fresh && s.disk != nil {
		if exists, err := s.bucket.Exists(ctx, key); err != nil {
			return fail(err)
		} else if exists {
			return fail(ErrExist)
		}
	}
	o := &Object{storage: s, key: key}
	ctx = o.writes(ctx)
	if fresh && s.disk == nil {
		o.sent = newFingerprint()
	}
	var err error
	o.writer, err = s.bucket.NewWriter(ctx, key, &blob.WriterOptions{
		// With no type to find out, the writer opens its file at once.
		DisableContentTypeDetection: true,
		IfNotExist:                  fresh,
		BeforeWrite: func(as func(any) bool) error {
			as(&o.file)
			return nil
		},
		BufferSize: s.part, MaxConcurrency: parallelParts,
	})
	if err != nil {
		o.cancel()
		return fail(err)
	}
	if err := s.point.Hit("storage.create.done", key); err != nil {
		o.discard()
		return fail(err)
	}
	return o, nil
}

// writes is the context of the writer. It ends with ctx until settle is called:
// what has been sent to a cloud whole can arrive whoever waits for it, and would
// come back after it was deleted. So its answer is waited for.
func (o *Object) writes(ctx context.Context) context.Context {
	writes, cancel := context.WithCancel(context.WithValue(context.WithoutCancel(ctx), uploadKey{}, &o.upload))
	end := context.AfterFunc(ctx, cancel)
	o.cancel = func() { end(); cancel() }
	o.ended = ctx.Err
	o.settle = func() func() error {
		if o.storage.disk != nil || !end() {
			return ctx.Err
		}
		last := context.AfterFunc(ctx, func() {
			select {
			case <-writes.Done():
			case <-time.After(answerTimeout):
				cancel()
			}
		})
		return func() error {
			last()
			return ctx.Err()
		}
	}
	return writes
}

// Write appends to the object.
func (o *Object) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.write(p)
	if err != nil {
		o.err = objectFault("write", o.storage.describe(o.key), err)
	}
	return n, o.err
}

func (o *Object) write(p []byte) (int, error) {
	o.sent.add(p)
	o.bytes += int64(len(p))
	point := o.storage.point
	if point == nil {
		return o.writer.Write(p)
	}
	if err := point.Hit("storage.write", o.key); err != nil {
		return 0, err
	}
	// A write that stops in the middle.
	half, err := o.writer.Write(p[:len(p)/2])
	if err != nil {
		return half, err
	}
	if err := point.Hit("storage.write.torn", o.key); err != nil {
		return half, err
	}
	n, err := o.writer.Write(p[half:])
	return half + n, err
}

// Close makes the object visible, durably: after an error it may be there or
// not, but never in part. If a Write failed, it is not there.
func (o *Object) Close() error {
	if o.closed {
		return objectFault("close", o.storage.describe(o.key), os.ErrClosed)
	}
	if o.err != nil {
		o.discard()
		return o.err
	}
	if err := o.close(); err != nil {
		return objectFault("close", o.storage.describe(o.key), err)
	}
	return nil
}

func (o *Object) close() error {
	point := o.storage.point
	err := point.Hit("storage.close", o.key)
	if err == nil {
		err = o.ended() // the writer learns of it a moment later
	}
	if err == nil {
		err = o.sync()
	}
	if err != nil {
		o.discard()
		return err
	}
	o.closed = true
	done := o.settle()
	err = o.writer.Close()
	ended := done()
	o.cancel()
	if err != nil {
		_ = o.removeTemporary()
		err = o.landed(err)
	}
	if err != nil && ended != nil && !errors.Is(err, ended) {
		err = errors.Join(ended, err) // what is wrong is that nobody wants it any more
	}
	if err != nil && o.storage.disk == nil && codeOf(err) != gcerrors.FailedPrecondition && !errors.Is(err, ErrExist) {
		o.storage.late.Store(true)
	}
	if err == nil && o.storage.disk != nil {
		err = o.storage.disk.keep(o.key)
	}
	if err != nil {
		return err
	}
	return point.Hit("storage.close.done", o.key)
}

// sync makes what was written to a local file durable.
func (o *Object) sync() error {
	if o.storage.disk == nil {
		return nil
	}
	if err := o.storage.point.Hit("storage.sync", o.key); err != nil {
		return err
	}
	if err := o.storage.disk.fsync(o.file); err != nil {
		return err
	}
	return o.storage.point.Hit("storage.sync.done", o.key)
}

// Abort abandons the object: nothing is left of it. After Close it does nothing.
func (o *Object) Abort() error {
	if o.closed {
		return nil
	}
	err := o.storage.point.Hit("storage.abort", o.key)
	err = errors.Join(err, o.abandon())
	if err == nil {
		err = o.storage.point.Hit("storage.abort.done", o.key)
	}
	if err != nil {
		return objectFault("abort", o.storage.describe(o.key), err)
	}
	return nil
}

// discard is abandon where something has failed already.
func (o *Object) discard() { _ = o.abandon() }

func (o *Object) abandon() error {
	o.closed = true
	o.cancel()
	// That it was cancelled is all that this can say.
	_ = o.writer.Close()
	return o.removeTemporary()
}

// removeTemporary removes what the writer leaves if closing its file fails, so
// that it does not come back after a power loss: nobody would know of it then.
func (o *Object) removeTemporary() error {
	if o.storage.disk == nil {
		o.abortUpload()
		return nil
	}
	err := os.Remove(o.file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, o.storage.disk.syncDir(o.storage.disk.path(path.Dir(o.key))))
}

// WriteAll creates an object that holds data.
func (s *Storage) WriteAll(ctx context.Context, key string, data []byte) error {
	return s.writeAll(ctx, key, data, true)
}

// Replace is WriteAll for a key that may be taken: readers see the old object or
// the new one.
func (s *Storage) Replace(ctx context.Context, key string, data []byte) error {
	return s.writeAll(ctx, key, data, false)
}

func (s *Storage) writeAll(ctx context.Context, key string, data []byte, fresh bool) error {
	o, err := s.create(ctx, key, fresh)
	if err != nil {
		return err
	}
	if _, err := o.Write(data); err != nil {
		return errors.Join(err, o.Abort())
	}
	return o.Close()
}
