package lake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
)

// A data file that a table has is named again instead of a new one that would be
// the same byte for byte, so that a table that nothing changed costs nothing. That
// two files are the same is known by their ends. The footer of each has the SHA-256
// of what stands before the page indexes, the row groups; page indexes and footer,
// with names, types, field IDs and bounds, are compared as they are. So a column
// that was renamed, or a version of this program that writes something else, makes
// another file, and what another program wrote is never taken for the same.
//
// Only files of the snapshot on which the load's own builds are looked at: as
// long as that is current nobody deletes them, and the catalog ends a publication
// with ErrConflict where it is not any more.

// digestEntry is the entry of a footer's key-value metadata with the SHA-256 of the
// row groups, in hexadecimal.
const digestEntry = "notionlake.sha256"

// A digester hashes the row groups on their way into a file, and keeps what comes
// after them.
type digester struct {
	to  io.Writer
	sum hash.Hash // nil: the end is being written
	end []byte
}

func newDigester(to io.Writer) *digester { return &digester{to: to, sum: sha256.New()} }

func (d *digester) Write(p []byte) (int, error) {
	n, err := d.to.Write(p)
	if d.sum != nil {
		_, _ = d.sum.Write(p[:n]) // it never fails
	} else {
		d.end = append(d.end, p[:n]...)
	}
	return n, err
}

// seal returns the hash of what was written; what follows is the end.
func (d *digester) seal() string {
	sum := d.sum.Sum(nil)
	d.sum = nil
	return hex.EncodeToString(sum)
}

// A reusable is the data files of a table that its next snapshot may name again.
// One goroutine at a time may use it. A nil one has none.
type reusable struct {
	table  TableState
	listed bool
	files  []File // that have not been taken
}

// take returns the file that is the same as fresh, which ends with end and has not
// been closed. Whatever cannot be read is not the same: it is written anew.
func (r *reusable) take(ctx context.Context, s *Storage, fresh File, end []byte) (File, bool) {
	if r == nil {
		return File{}, false
	}
	if !r.listed {
		r.listed = true
		// Where rows of it are deleted by other files, the list is an error.
		if files, err := r.table.Files(ctx); err == nil {
			r.files = slices.Clone(files)
		}
	}
	for i, old := range r.files {
		if old.Rows != fresh.Rows || old.Bytes != fresh.Bytes || !strings.HasPrefix(old.Key, r.table.Layout.Prefix) {
			continue
		}
		if endsWith(ctx, s, old, end) {
			r.files = slices.Delete(r.files, i, i+1) // a snapshot names a file once
			fresh.Key, fresh.Reused = old.Key, true
			return fresh, true
		}
	}
	return File{}, false
}

// endsWith reports whether a file is there, whole, and ends with end.
func endsWith(ctx context.Context, s *Storage, f File, end []byte) bool {
	r, err := s.Open(ctx, f.Key)
	if err != nil {
		return false
	}
	there := make([]byte, len(end))
	if r.Size() == f.Bytes && f.Bytes >= int64(len(end)) {
		_, err = r.ReadAt(there, f.Bytes-int64(len(end)))
	} else {
		err = fmt.Errorf("it has %d bytes of %d", r.Size(), f.Bytes)
	}
	if closed := r.Close(); err == nil {
		err = closed
	}
	return err == nil && bytes.Equal(there, end)
}

// written are the keys of the files that were written, without those that the
// table had before.
func written(files []File) []string {
	var keys []string
	for _, f := range files {
		if !f.Reused {
			keys = append(keys, f.Key)
		}
	}
	return keys
}
