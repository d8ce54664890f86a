package lake

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"gocloud.dev/blob"
)

const (
	// blockBytes is how much of an object is fetched at a time.
	blockBytes = 256 << 10
	// maxBlocks is how many of them are fetched and held: who wants more wants most
	// of the object, which is then fetched as one stream into a file.
	maxBlocks = 64
)

// A blockReader reads an object of a cloud anywhere.
type blockReader struct {
	ctx    context.Context
	bucket *blob.Bucket
	key    string
	size   int64
	temp   string // folder

	mu     sync.Mutex
	blocks map[int64][]byte // by number
	file   *os.File         // the whole object
}

// ReadAt reads from blocks or from the file.
func (r *blockReader) ReadAt(p []byte, off int64) (n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	end := p
	if rest := r.size - off; rest < int64(len(p)) {
		end, err = p[:max(rest, 0)], io.EOF
	}
	for n < len(end) {
		if r.file == nil {
			if err := r.need(off); err != nil {
				return n, err
			}
		}
		if r.file != nil {
			if c, err := r.file.ReadAt(end[n:], off); err != nil {
				return n + c, err
			}
			return len(end), err
		}
		c := copy(end[n:], r.blocks[off/blockBytes][off%blockBytes:])
		n, off = n+c, off+int64(c)
	}
	return n, err
}

// need fetches the block in which an offset lies, or everything.
func (r *blockReader) need(off int64) error {
	number := off / blockBytes
	if r.blocks[number] != nil {
		return nil
	}
	if len(r.blocks) == maxBlocks {
		return r.fetchAll()
	}
	start := number * blockBytes
	body, err := r.bucket.NewRangeReader(r.ctx, r.key, start, min(blockBytes, r.size-start), nil)
	if err != nil {
		return err
	}
	data := make([]byte, min(blockBytes, r.size-start))
	_, err = io.ReadFull(body, data)
	if err = errors.Join(err, body.Close()); err != nil {
		return err
	}
	if r.blocks == nil {
		r.blocks = map[int64][]byte{}
	}
	r.blocks[number] = data
	return nil
}

// fetchAll puts the whole object into a file without a name.
func (r *blockReader) fetchAll() error {
	file, err := os.CreateTemp(r.temp, "notionlake-*")
	if err != nil {
		return err
	}
	// Where an open file cannot be removed, Close does it.
	_ = os.Remove(file.Name())
	body, err := r.bucket.NewReader(r.ctx, r.key, nil)
	if err == nil {
		var n int64
		if n, err = io.Copy(file, body); err == nil && n != r.size {
			err = io.ErrUnexpectedEOF
		}
		err = errors.Join(err, body.Close())
	}
	if err != nil {
		return errors.Join(err, remove(file))
	}
	r.file, r.blocks = file, nil
	return nil
}

func remove(file *os.File) error {
	err := file.Close()
	if e := os.Remove(file.Name()); !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}

// Close ends the reading.
func (r *blockReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocks = nil
	if r.file == nil {
		return nil
	}
	return remove(r.file)
}
