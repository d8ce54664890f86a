package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/parquet-go/parquet-go"
)

// ReadFiles yields the rows of data files, in the order of the files and as they
// stand in them, a value per column of schema. Columns, struct fields included,
// are found by their field IDs in layout; what a file does not have is null. Only
// the columns of schema are read. Memory is bounded by a page per column, not
// by the files. A file that is not what was written is an error that names it.
// A row is lent: the next ones overwrite it, and who keeps a value keeps its Clone.
func ReadFiles(ctx context.Context, s *Storage, schema Schema, layout Layout, files []File) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for _, f := range files {
			more, err := readFile(ctx, s, schema, layout, f, yield)
			if err != nil {
				yield(Row{}, err)
			}
			if err != nil || !more {
				return
			}
		}
	}
}

// readFile yields the rows of one file and reports whether more are wanted.
func readFile(ctx context.Context, s *Storage, schema Schema, layout Layout, f File, yield func(Row, error) bool) (more bool, err error) {
	object, err := s.Open(ctx, f.Key)
	if err != nil {
		return false, err
	}
	defer func() {
		err = errors.Join(err, object.Close())
	}()
	fault := func(err error) error { return decodeFault(s.describe(f.Key), err) }
	r, err := openDataFile(object, object.Size(), schema, layout)
	if err != nil {
		return false, fault(err)
	}
	defer r.close()
	if f.Rows > 0 && f.Rows != r.file.NumRows() {
		return false, fault(fmt.Errorf("it holds %d rows and not %d", r.file.NumRows(), f.Rows))
	}
	for n := 0; ; n++ {
		if n%pageRows == 0 {
			if err := ctx.Err(); err != nil {
				return false, err
			}
		}
		values, err := r.next()
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, fault(err)
		}
		row, back := lent(values)
		wanted := yield(Row{Values: row}, nil)
		if back(); !wanted {
			return false, nil
		}
	}
}

// decodeFault names the object that could not be read. Where that is not the storage's
// error, what came is damaged.
func decodeFault(object string, err error) error {
	var ofStorage *objectError
	if errors.As(err, &ofStorage) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return Damaged(objectFault("read", object, err))
}

// checkWritten compares the size of a file, and its rows by its footer, with what was written.
func checkWritten(ctx context.Context, s *Storage, f File) (err error) {
	object, err := s.Open(ctx, f.Key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, object.Close()) }()
	if n := object.Size(); n != f.Bytes {
		return fmt.Errorf("file %s has %d bytes where %d were written", f.Key, n, f.Bytes)
	}
	r, err := openDataFile(object, object.Size(), Schema{}, Layout{})
	if err != nil {
		return decodeFault(s.describe(f.Key), err)
	}
	if n := r.file.NumRows(); n != f.Rows {
		return fmt.Errorf("file %s has %d rows where %d were written", f.Key, n, f.Rows)
	}
	return nil
}

// A dataFile is a data file that is being read.
type dataFile struct {
	file    *parquet.File
	groups  []parquet.RowGroup // that are still to come
	left    int64              // rows of the current group that are still to come
	columns []*decoder
	cursors []*cursor
	row     []Value
	slab    slab
}

// readBufferBytes is what is read at once of each column.
const readBufferBytes = 64 << 10

func openDataFile(at io.ReaderAt, size int64, schema Schema, layout Layout) (r *dataFile, err error) {
	defer corrupt(&err)
	if err := checkFooter(at, size); err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(at, size,
		parquet.SkipPageIndex(true),
		parquet.SkipBloomFilters(true),
		parquet.ReadBufferSize(readBufferBytes),
	)
	if err != nil {
		return nil, err
	}
	r = &dataFile{file: file, groups: file.RowGroups(), row: make([]Value, len(schema.Columns))}
	if err := r.compile(schema, layout); err != nil {
		return nil, err
	}
	return r, nil
}

// checkFooter refuses a file whose footer cannot be one, before memory is taken for it.
func checkFooter(at io.ReaderAt, size int64) error {
	const magic = "PAR1"
	var tail [8]byte
	if size < int64(len(magic)+len(tail)) {
		return errNotParquet
	}
	if _, err := at.ReadAt(tail[:], size-int64(len(tail))); err != nil {
		return err
	}
	footer := int64(tail[0]) | int64(tail[1])<<8 | int64(tail[2])<<16 | int64(tail[3])<<24
	if string(tail[4:]) != magic || footer > size-int64(len(magic)+len(tail)) {
		return errNotParquet
	}
	return nil
}

var errNotParquet = errors.New("it is not a whole Parquet file")

// next returns the values of the next row, which are valid until the one after
// it, and io.EOF after the last.
func (r *dataFile) next() (row []Value, err error) {
	defer corrupt(&err)
	r.slab.reset()
	for _, c := range r.cursors {
		c.release()
	}
	for r.left == 0 {
		if err := r.nextGroup(); err != nil {
			return nil, err
		}
	}
	r.left--
	for i, d := range r.columns {
		if r.row[i], err = r.decode(d); err != nil {
			return nil, err
		}
	}
	return r.row, nil
}

func (r *dataFile) nextGroup() error {
	for _, c := range r.cursors {
		if v, err := c.peek(); err == nil || !errors.Is(err, io.EOF) {
			return errors.Join(fmt.Errorf("column %q has more values than its row group has rows (%v)", c.path, v), err)
		}
	}
	if len(r.groups) == 0 {
		return io.EOF
	}
	group := r.groups[0]
	r.groups = r.groups[1:]
	r.left = group.NumRows()
	chunks := group.ColumnChunks()
	for _, c := range r.cursors {
		c.begin(chunks[c.index].Pages())
	}
	return nil
}

func (r *dataFile) close() {
	for _, c := range r.cursors {
		c.end()
	}
}

// corrupt turns a panic of the Parquet library, which some damage to a file
// leads to, into an error.
func corrupt(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("it is damaged: %v", p)
	}
}
