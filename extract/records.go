package extract

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/zstd"

	"github.com/notionlake/notionlake/lake"
)

// A recordFile keeps what was read of a workspace on disk, compressed, until the
// tables are written: it would not fit into memory. What little there is of it stays
// there as well, since it is read again when Notion is not waited for any more. It is
// safe for concurrent use.
type recordFile struct {
	file *os.File
	pack *zstd.Encoder
	open *zstd.Decoder

	mu   sync.Mutex
	end  int64
	few  map[place][]byte // all records; nil: they are more than fewBytes
	size int              // of few
}

// fewBytes is how much of a record file stays in memory, if that is all.
const fewBytes = 6 << 20

// A place is where a record lies in its file, counted from 1: there are millions of
// them. The zero place is none.
type place int64

// headBytes is the length of a record, before it.
const headBytes = 4

// guessBytes is how much of a record is read at once, since its length is not known.
const guessBytes = 2 << 10

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
	return &recordFile{file: f, pack: pack, open: open, few: map[place][]byte{}}, nil
}

func (r *recordFile) close() error {
	r.open.Close()
	return lake.CloseTempFile(r.file)
}

// add appends a record, which is not to be changed from then on.
func (r *recordFile) add(data []byte) (place, error) { return r.put(data, false) }

// addCopy appends a record in memory that the caller uses again.
func (r *recordFile) addCopy(data []byte) (place, error) { return r.put(data, true) }

func (r *recordFile) put(data []byte, again bool) (place, error) {
	packed := r.pack.EncodeAll(data, make([]byte, headBytes, headBytes+len(data)/4))
	binary.LittleEndian.PutUint32(packed, uint32(len(packed)-headBytes))
	r.mu.Lock()
	at := r.end
	r.end += int64(len(packed))
	if r.size += len(data); r.size > fewBytes {
		r.few = nil
	}
	r.mu.Unlock()
	if _, err := r.file.WriteAt(packed, at); err != nil {
		return 0, &lake.StorageError{Err: fmt.Errorf("file for what is read: %w", err)}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.few != nil {
		if again {
			data = bytes.Clone(data)
		}
		r.few[place(at+1)] = data
	}
	return place(at + 1), nil
}

// isSmall reports whether all records are in memory.
func (r *recordFile) isSmall() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.few != nil
}

// get returns a record, which is not to be changed. There is none at the zero place: who wants that one wants what
// was not read, and a table without it would be short of it unseen.
func (r *recordFile) get(p place) ([]byte, error) {
	if p == 0 {
		return nil, errors.New("what was not read is to be written; this is a bug, the load was not published")
	}
	r.mu.Lock()
	data, ok := r.few[p]
	r.mu.Unlock()
	if ok {
		return data, nil
	}
	packed := make([]byte, guessBytes)
	n, err := r.file.ReadAt(packed, int64(p)-1)
	if n < headBytes {
		return nil, &lake.StorageError{Err: fmt.Errorf("file for what is read: %w", err)}
	}
	size := int(binary.LittleEndian.Uint32(packed))
	if packed = packed[headBytes:n]; size > len(packed) {
		packed = append(packed, make([]byte, size-len(packed))...)
		if _, err := r.file.ReadAt(packed[n-headBytes:], int64(p)-1+int64(n)); err != nil {
			return nil, &lake.StorageError{Err: fmt.Errorf("file for what is read: %w", err)}
		}
	}
	packed = packed[:size]
	data, err = r.open.DecodeAll(packed, nil)
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
