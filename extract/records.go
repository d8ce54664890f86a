package extract

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/zstd"

	"github.com/notionlake/notionlake/lake"
)

// A recordFile keeps what was read of a workspace on disk, compressed, until the
// tables are written: it would not fit into memory. It is safe for concurrent use.
type recordFile struct {
	file *os.File
	pack *zstd.Encoder
	open *zstd.Decoder

	mu  sync.Mutex
	end int64
}

// A place is where a record lies in its file. The zero place is none.
type place struct {
	at   int64
	size int32
}

func newRecordFile(dir string) (*recordFile, error) {
	f, err := lake.NewTempFile(dir)
	if err != nil {
		return nil, &lake.StorageError{Err: fmt.Errorf("file for what is read: %w", err)}
	}
	// One at a time each: they hold memory for as many as they do at once.
	pack, packErr := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	open, openErr := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err := errors.Join(packErr, openErr); err != nil {
		return nil, errors.Join(err, lake.CloseTempFile(f))
	}
	return &recordFile{file: f, pack: pack, open: open}, nil
}

func (r *recordFile) close() error {
	r.open.Close()
	return lake.CloseTempFile(r.file)
}

// add appends a record.
func (r *recordFile) add(data []byte) (place, error) {
	packed := r.pack.EncodeAll(data, nil)
	r.mu.Lock()
	p := place{at: r.end, size: int32(len(packed))}
	r.end += int64(len(packed))
	r.mu.Unlock()
	if _, err := r.file.WriteAt(packed, p.at); err != nil {
		return place{}, &lake.StorageError{Err: fmt.Errorf("file for what is read: %w", err)}
	}
	return p, nil
}

// get returns a record.
func (r *recordFile) get(p place) ([]byte, error) {
	packed := make([]byte, p.size)
	if _, err := r.file.ReadAt(packed, p.at); err != nil {
		return nil, &lake.StorageError{Err: fmt.Errorf("file for what is read: %w", err)}
	}
	data, err := r.open.DecodeAll(packed, nil)
	if err != nil {
		return nil, &lake.StorageError{Err: fmt.Errorf("file for what is read: %w", err)}
	}
	return data, nil
}

// appendQuoted appends a text as JSON.
func appendQuoted(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // its error speaks of U+FFFD only
	return dst
}
