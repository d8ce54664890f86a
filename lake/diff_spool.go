package lake

import (
	"bufio"
	"fmt"
	"os"
	"slices"
)

// A rowSpool keeps rows on disk, by their places, so that memory does not grow
// with what they hold.
type rowSpool struct {
	file    *os.File
	w       *bufio.Writer
	spans   map[int64]span
	end     int64
	columns int
	buffer  []byte
}

// A span is where a row lies in the file.
type span struct{ offset, size int64 }

func newRowSpool(dir string) (*rowSpool, error) {
	f, err := NewTempFile(dir)
	if err != nil {
		return nil, rowSpoolError(err)
	}
	return &rowSpool{file: f, w: bufio.NewWriter(f), spans: map[int64]span{}}, nil
}

func rowSpoolError(err error) error { return fmt.Errorf("spool of changed rows: %w", err) }

func (s *rowSpool) add(place int64, row []Value) error {
	s.buffer, s.columns = s.buffer[:0], len(row)
	for _, v := range row {
		s.buffer = appendValue(s.buffer, v)
	}
	s.spans[place] = span{s.end, int64(len(s.buffer))}
	s.end += int64(len(s.buffer))
	if _, err := s.w.Write(s.buffer); err != nil {
		return rowSpoolError(err)
	}
	return nil
}

// get returns a row, which is valid until the next call.
func (s *rowSpool) get(place int64) ([]Value, error) {
	if s.w.Buffered() > 0 {
		if err := s.w.Flush(); err != nil {
			return nil, rowSpoolError(err)
		}
	}
	at := s.spans[place]
	s.buffer = slices.Grow(s.buffer[:0], int(at.size))[:at.size]
	if _, err := s.file.ReadAt(s.buffer, at.offset); err != nil {
		return nil, rowSpoolError(err)
	}
	row, left := make([]Value, s.columns), s.buffer
	for i := range row {
		var err error
		if row[i], left, err = readValue(left); err != nil {
			return nil, rowSpoolError(err)
		}
	}
	return row, nil
}

func (s *rowSpool) close() error { return CloseTempFile(s.file) }
