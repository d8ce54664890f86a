package lake

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// A spool keeps the late values of a table's rows on disk, so that a column
// whose type turns out otherwise can be written anew without reading the source
// again and without holding rows in memory. A value is its length plus one as a
// varint, 0 for null, and its text.
type spool struct {
	file *os.File
	w    *bufio.Writer
	len  [binary.MaxVarintLen64]byte
}

func newSpool(dir string) (*spool, error) {
	f, err := NewTempFile(dir)
	if err != nil {
		return nil, fmt.Errorf("spool of late columns: %w", err)
	}
	return &spool{file: f, w: bufio.NewWriterSize(f, 256<<10)}, nil
}

// NewTempFile makes a file for what has no room in memory; dir "" is the system's folder. Without a name it is gone however the
// process ends; where open files cannot be removed, CloseTempFile does it.
func NewTempFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "notionlake-spool-*")
	if err == nil {
		_ = os.Remove(f.Name())
	}
	return f, err
}

// add appends a value.
func (s *spool) add(v Value) error {
	n := uint64(0)
	if !v.IsNull() {
		n = uint64(len(v.text)) + 1
	}
	if _, err := s.w.Write(s.len[:binary.PutUvarint(s.len[:], n)]); err != nil {
		return fmt.Errorf("spool of late columns: %w", err)
	}
	if _, err := s.w.WriteString(v.text); err != nil {
		return fmt.Errorf("spool of late columns: %w", err)
	}
	return nil
}

// rewind ends the writing and starts reading from the first value.
func (s *spool) rewind() (*spoolReader, error) {
	if err := s.w.Flush(); err != nil {
		return nil, fmt.Errorf("spool of late columns: %w", err)
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("spool of late columns: %w", err)
	}
	return &spoolReader{r: bufio.NewReaderSize(s.file, 256<<10)}, nil
}

func (s *spool) close() error { return CloseTempFile(s.file) }

// CloseTempFile closes a file of NewTempFile, which is gone then.
func CloseTempFile(f *os.File) error {
	err := f.Close()
	if rm := os.Remove(f.Name()); rm != nil && !errors.Is(rm, os.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	return err
}

// A spoolReader reads the values of a spool in their order.
type spoolReader struct {
	r   *bufio.Reader
	buf []byte
}

// row reads one value per element of values; they are valid until the next call.
func (s *spoolReader) row(values []Value) error {
	s.buf = s.buf[:0]
	ends := make([]int, len(values))
	for i := range values {
		n, err := binary.ReadUvarint(s.r)
		if err != nil {
			return fmt.Errorf("spool of late columns: %w", err)
		}
		if n == 0 {
			ends[i] = -1
			continue
		}
		start := len(s.buf)
		s.buf = append(s.buf, make([]byte, n-1)...)
		if _, err := io.ReadFull(s.r, s.buf[start:]); err != nil {
			return fmt.Errorf("spool of late columns: %w", err)
		}
		ends[i] = len(s.buf)
	}
	start := 0
	for i, end := range ends {
		if values[i] = (Value{}); end >= 0 {
			values[i] = JSONBytes(s.buf[start:end])
			start = end
		}
	}
	return nil
}
