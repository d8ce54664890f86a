package lake

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go"
)

const (
	defaultFileBytes     = 128 << 20
	defaultRowGroupBytes = 8 << 20
	// Rows are encoded in batches: of so many, or so many bytes of text. A batch
	// is small enough to be in the processor's cache still when it is written.
	batchRows = 64
	batchText = 256 << 10
	// writeBufferBytes is what is handed to the storage at a time.
	writeBufferBytes = 256 << 10
	// firstRows is the first batch of a file, by which it is decided what gets a
	// dictionary.
	firstRows = 256
)

// WriterOptions shape the files of a Writer.
type WriterOptions struct {
	// Name begins the name of every file: <Layout.Prefix><Name>-<n>-<run>.parquet.
	Name string
	Run  RunID // "": a random one for each file
	// FileBytes is about the size of a file; 0 is 128 MiB.
	FileBytes int64
	// RowGroupBytes is about what a row group takes in memory until it is
	// written out, compressed but for its last pages; 0 is 8 MiB.
	RowGroupBytes int64
	// Version of the program, for the files' created-by.
	Version string
	// reuse has the files that are named again instead of the same ones.
	reuse *reusable
}

// A Writer writes the rows of one table to data files. Its files are complete
// and durable once Close has ended; no file is made for a table without rows.
// The same rows, with one schema and layout, make the same files but for their names.
// After an error only Abort is of use. It is not safe for concurrent use.
type Writer struct {
	storage *Storage
	prefix  string
	options WriterOptions
	encoder *encoder
	codec   *codec
	open    *openFile
	keys    []string // of all files that were begun
	files   []File
	err     error
}

// An openFile is the file that a Writer is writing.
type openFile struct {
	key     string
	object  *Object
	digest  *digester
	buffer  *bufio.Writer
	parquet *parquet.GenericWriter[any]
	columns []*parquet.ColumnWriter
	rows    int64 // in all
	group   int64 // of them in the row group
	flushed int64 // bytes of finished row groups
}

// NewWriter returns a Writer for rows of schema. Every column, list element and
// struct field has its field ID in layout, and every Late column its type.
func NewWriter(s *Storage, schema Schema, layout Layout, o WriterOptions) (*Writer, error) {
	e, err := newEncoder(schema, layout)
	if err != nil {
		return nil, err
	}
	if o.FileBytes <= 0 {
		o.FileBytes = defaultFileBytes
	}
	if o.RowGroupBytes <= 0 {
		o.RowGroupBytes = defaultRowGroupBytes
	}
	if err := checkKey(layout.Prefix + o.Name); err != nil {
		return nil, fmt.Errorf("table %s: %w", schema.Table, err)
	}
	c, err := newCodec()
	if err != nil {
		return nil, err
	}
	return &Writer{storage: s, prefix: layout.Prefix, options: o, encoder: e, codec: c}, nil
}

// Write takes in one row: a value per column. The values are not needed after
// it returns. A value that does not fit is a *ValueError.
func (w *Writer) Write(ctx context.Context, values []Value) error {
	if w.err != nil {
		return w.err
	}
	w.err = w.encoder.encode(values)
	rows := batchRows
	if w.open == nil {
		rows = firstRows
	}
	if w.err == nil && (w.encoder.rows >= rows || w.encoder.text.bytes >= batchText) {
		w.err = w.flush(ctx)
	}
	return w.err
}

// Close ends the last file and returns all of them.
func (w *Writer) Close(ctx context.Context) ([]File, error) {
	if w.err == nil && w.encoder.rows > 0 {
		w.err = w.flush(ctx)
	}
	if w.err == nil && w.open != nil {
		w.err = w.finish(ctx)
	}
	if w.err != nil {
		return nil, w.err
	}
	w.err = errWriterClosed
	return w.files, nil
}

var errWriterClosed = errors.New("the writer is closed")

// Abort deletes all that was written, the files of a Close that was successful
// included. ctx is how long that may take.
func (w *Writer) Abort(ctx context.Context) error {
	w.err = errWriterClosed
	if w.open != nil {
		_ = w.open.object.Abort()
		w.open = nil
	}
	if len(w.keys) == 0 {
		return nil
	}
	return w.storage.Delete(ctx, w.keys...)
}

// flush hands the batch to the file.
func (w *Writer) flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.open == nil {
		if err := w.begin(ctx); err != nil {
			return err
		}
	}
	f := w.open
	for i, l := range w.encoder.leaves {
		c := f.columns[i]
		n, err := c.WriteRowValues(l.values)
		if err != nil {
			return w.fault(err)
		}
		l.rows += int64(n)
		if l.pageRows += n; l.pageRows >= pageRows || l.pageText >= l.pageBytes() {
			if err := c.Flush(); err != nil {
				return w.fault(err)
			}
			l.pageRows, l.pageText = 0, 0
		}
	}
	f.rows += int64(w.encoder.rows)
	f.group += int64(w.encoder.rows)
	w.encoder.reset()
	switch size := f.parquet.Size(); {
	case size >= w.options.FileBytes:
		return w.finish(ctx)
	case size-f.flushed >= w.options.RowGroupBytes:
		return w.endRowGroup()
	}
	return nil
}

// begin begins a file with the batch at hand.
func (w *Writer) begin(ctx context.Context) error {
	run := w.options.Run
	if run == "" {
		run = NewRunID()
	}
	key := fmt.Sprintf("%s%s-%05d-%s.parquet", w.prefix, w.options.Name, len(w.keys), run)
	// Whatever Create fails with, the file may be there.
	w.keys = append(w.keys, key)
	object, err := w.storage.Create(ctx, key)
	if err != nil {
		return err
	}
	for _, n := range w.encoder.columns {
		n.chooseDictionaries()
	}
	digest := newDigester(object)
	buffer := bufio.NewWriterSize(digest, writeBufferBytes)
	p := parquet.NewGenericWriter[any](buffer, w.encoder.parquetOptions(w.codec, w.options.Version)...)
	w.open = &openFile{key: key, object: object, digest: digest, buffer: buffer, parquet: p, columns: p.ColumnWriters()}
	return nil
}

// endRowGroup writes the row group out, once it is sure that every column has
// the same rows: the Parquet writer does not look.
func (w *Writer) endRowGroup() error {
	f := w.open
	for _, l := range w.encoder.leaves {
		if l.rows != f.group {
			return w.fault(fmt.Errorf("column %q has %d rows of %d", l.path, l.rows, f.group))
		}
		l.rows, l.pageRows, l.pageText = 0, 0, 0
	}
	if err := f.parquet.Flush(); err != nil {
		return w.fault(err)
	}
	f.group = 0
	f.flushed = f.parquet.Size()
	return nil
}

// finish ends the open file. Where the table has the same one already, that one
// is named in its place.
func (w *Writer) finish(ctx context.Context) error {
	if err := w.endRowGroup(); err != nil {
		return err
	}
	f := w.open
	if err := f.end(); err != nil {
		return w.fault(err)
	}
	file, err := w.describe(f)
	if err != nil {
		return w.fault(err)
	}
	if old, ok := w.options.reuse.take(ctx, w.storage, file, f.digest); ok {
		file, err = old, f.object.Abort()
	} else {
		err = f.object.Close()
	}
	if err != nil {
		return err
	}
	w.files = append(w.files, file)
	w.open = nil
	for _, l := range w.encoder.leaves {
		l.stats.reset()
	}
	return nil
}

// end writes what comes after the row groups.
func (f *openFile) end() error {
	if err := f.buffer.Flush(); err != nil {
		return err
	}
	f.parquet.SetKeyValueMetadata(digestEntry, f.digest.seal())
	if err := f.parquet.Close(); err != nil {
		return err
	}
	return f.buffer.Flush()
}

// describe is what the catalog is to know of a file whose footer is written.
func (w *Writer) describe(f *openFile) (File, error) {
	view := f.parquet.File()
	meta := view.Metadata()
	if meta.NumRows != f.rows {
		return File{}, fmt.Errorf("its footer counts %d rows of %d", meta.NumRows, f.rows)
	}
	file := File{Key: f.key, Rows: f.rows, Bytes: view.Size()}
	columns := make([]ColumnStats, len(w.encoder.leaves))
	for i, l := range w.encoder.leaves {
		columns[i] = ColumnStats{FieldID: l.id, Values: l.stats.values, Nulls: l.stats.nulls, Float: l.stats.kind == Float64}
		columns[i].Min, columns[i].Max = l.stats.bounds()
	}
	for _, group := range meta.RowGroups {
		file.SplitOffsets = append(file.SplitOffsets, group.FileOffset)
		for i := range group.Columns {
			columns[i].Bytes += group.Columns[i].MetaData.TotalCompressedSize
		}
	}
	file.Columns = columns
	return file, nil
}

// fault names the file that could not be written. What the storage reports
// does so already.
func (w *Writer) fault(err error) error {
	return objectFault("write", w.storage.describe(w.open.key), err)
}
