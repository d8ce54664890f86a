package lake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
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
//
// The end says what the rest was when it was written. Whether it still is that is looked
// at by reading it all, of each file once in checkDays, and at once where rows of the
// table could not be read: what is damaged is written anew.

// digestEntry is the entry of a footer's key-value metadata with the SHA-256 of the
// row groups, in hexadecimal.
const digestEntry = "notionlake.sha256"

// A digester hashes the row groups on their way into a file, and keeps what comes
// after them.
type digester struct {
	to     io.Writer
	sum    hash.Hash // nil: the end is being written
	sealed string
	end    []byte
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
	d.sealed = hex.EncodeToString(sum)
	return d.sealed
}

// A reusable is the data files of a table that its next snapshot may name again.
// One goroutine at a time may use it. A nil one has none.
type reusable struct {
	table   TableState
	day     int64                                 // of the load, from 1970
	broken  func() bool                           // whether rows of the table could not be read
	damaged func(ctx context.Context, key string) // is told of a file that is not what it was
	listed  bool
	files   []File // that have not been taken
}

// checkDays is in how many days every file is looked at once.
const checkDays = 30

// isDue reports whether a file is to be looked at.
func (r *reusable) isDue(key string) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // it never fails
	return int64(h.Sum32()%checkDays) == r.day%checkDays || r.broken()
}

// take returns the file that is the same as fresh, which ends with end and has not
// been closed. Whatever cannot be read is not the same: it is written anew.
func (r *reusable) take(ctx context.Context, s *Storage, fresh File, d *digester) (File, bool) {
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
		if endsWith(ctx, s, old, d.end) {
			if r.isDue(old.Key) && !beginsWith(ctx, s, old, d) {
				r.damaged(ctx, old.Key)
				continue
			}
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

// beginsWith reports whether what stands before the end of a file is what was written.
func beginsWith(ctx context.Context, s *Storage, f File, d *digester) bool {
	r, err := s.Open(ctx, f.Key)
	if err != nil {
		return false
	}
	sum := sha256.New()
	_, err = io.Copy(sum, io.NewSectionReader(r, 0, f.Bytes-int64(len(d.end))))
	if closed := r.Close(); err == nil {
		err = closed
	}
	return err == nil && hex.EncodeToString(sum.Sum(nil)) == d.sealed
}

// checkWhole looks whether a file holds what was written: its size, its rows and, where
// the footer has one, the hash of what stands before the page indexes.
func checkWhole(ctx context.Context, s *Storage, f File) (err error) {
	if err := checkSize(ctx, s, f); err != nil {
		return err
	}
	r, err := s.Open(ctx, f.Key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	file, err := openDataFile(r, r.Size(), Schema{}, Layout{})
	if err != nil {
		return decodeFault(s.describe(f.Key), err)
	}
	defer file.close()
	if rows := file.file.NumRows(); rows != f.Rows {
		return Damaged(fmt.Errorf("file %s has %d rows where the table says %d", f.Key, rows, f.Rows))
	}
	digest, ok := file.file.Lookup(digestEntry)
	end := f.Bytes
	for _, g := range file.file.Metadata().RowGroups {
		for _, c := range g.Columns {
			if c.ColumnIndexOffset > 0 {
				end = min(end, c.ColumnIndexOffset)
			}
		}
	}
	if !ok || end == f.Bytes {
		return nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(r, 0, end)); err != nil {
		return decodeFault(s.describe(f.Key), err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != digest {
		return Damaged(fmt.Errorf("file %s does not hold what was written", f.Key))
	}
	return nil
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
