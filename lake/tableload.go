package lake

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
)

// headRows is how many rows of a table with late columns are looked at before
// the first file is begun: enough that the type seldom changes later, few
// enough to be held in memory.
const (
	headRows  = 1000
	headBytes = 4 << 20 // of text
)

// A tableLoad turns the rows of one table into data files. The type of a late
// column is taken from the first rows; the files written until a type changed
// form a segment, and at the end the segments that do not have the final types
// are written anew with the values that the spool kept.
type tableLoad struct {
	l      *Loader
	load   Load
	runID  RunID
	table  Table
	late   []int   // indexes of the late columns
	types  []Type  // of the late columns as they are written now
	idCol  int     // index of the identifier column, -1 for none
	values []Value // the row with its late values converted
	reuse  *reusable

	head       [][]Value
	headSize   int // bytes of text in head
	spool      *spool
	segments   []*segment
	rows       int64 // rows taken in, superseded ones included
	superseded int64 // rows that rewrite left out
	// newest is, for every row that superseded an earlier one, its number.
	newest map[string]int64
	// rest is what is left to be read when other tables have been; nil: nothing.
	rest func(context.Context) iter.Seq2[Row, error]
}

// A segment is a run of rows that were written with one schema.
type segment struct {
	schema Schema
	layout Layout
	writer *Writer // nil when closed
	files  []File
	rows   int64
}

func newTableLoad(l *Loader, load Load, run RunID, table Table) *tableLoad {
	t := &tableLoad{l: l, load: load, runID: run, table: table, idCol: -1, newest: map[string]int64{}}
	for i, c := range table.Schema.Columns {
		if c.Late != nil {
			t.late = append(t.late, i)
		}
		if c.Required && t.idCol < 0 {
			t.idCol = i
		}
	}
	t.types = make([]Type, len(t.late))
	t.values = make([]Value, len(table.Schema.Columns))
	return t
}

// run reads the table and returns the change that would publish it. Where rest is
// not nil then, there is none yet: resume has to be called later.
func (t *tableLoad) run(ctx context.Context) (Change, TableResult, error) {
	if len(t.late) > 0 {
		spool, err := newSpool(t.l.TempDir)
		if err != nil {
			return Change{}, TableResult{}, storageError(err)
		}
		t.spool = spool
	}
	err := t.read(ctx, t.table.Rows)
	if err == nil && t.table.Rest != nil {
		if t.rest = t.table.Rest(); t.rest != nil {
			if err = t.pause(ctx); err == nil {
				return Change{}, TableResult{}, nil
			}
		}
	}
	return t.end(ctx, err)
}

// pause keeps nothing of the table in memory, and no file open but the spool.
func (t *tableLoad) pause(ctx context.Context) error {
	if err := t.startHead(ctx); err != nil {
		return err
	}
	return t.closeSegment(ctx)
}

// resume reads the rest of the table and returns the change that would publish it.
func (t *tableLoad) resume(ctx context.Context) (Change, TableResult, error) {
	rest := t.rest
	t.rest = nil
	return t.end(ctx, t.read(ctx, rest))
}

// end stages the table, or removes what was written after err.
func (t *tableLoad) end(ctx context.Context, err error) (change Change, result TableResult, _ error) {
	if err == nil {
		err = t.startHead(ctx)
	}
	if err == nil {
		change, result, err = t.finish(ctx)
	}
	if err != nil {
		return Change{}, TableResult{}, t.abort(ctx, err)
	}
	if err := t.closeSpool(); err != nil {
		return Change{}, TableResult{}, t.abort(ctx, err)
	}
	return change, result, nil
}

func (t *tableLoad) closeSpool() error {
	if t.spool == nil {
		return nil
	}
	err := t.spool.close()
	t.spool = nil
	return storageError(err)
}

func (t *tableLoad) read(ctx context.Context, rows func(context.Context) iter.Seq2[Row, error]) error {
	for row, err := range rows(ctx) {
		if err != nil {
			var storage *StorageError // of View.Rows
			if errors.As(err, &storage) {
				return err
			}
			return &SourceError{err}
		}
		if err := t.take(ctx, row); err != nil {
			return err
		}
		t.l.Progress.row()
	}
	return ctx.Err()
}

// take takes one row in.
func (t *tableLoad) take(ctx context.Context, row Row) error {
	if len(row.Values) != len(t.table.Schema.Columns) {
		return &SourceError{fmt.Errorf("table %s: a row of %d values for %d columns", t.table.Schema.Table, len(row.Values), len(t.table.Schema.Columns))}
	}
	if row.Supersedes {
		if t.idCol < 0 {
			return &SourceError{fmt.Errorf("table %s: a row supersedes another one, but there is no identifier column", t.table.Schema.Table)}
		}
		t.newest[string([]byte(row.Values[t.idCol].Text()))] = t.rows
	}
	t.rows++
	if len(t.late) == 0 {
		if t.closed() {
			if err := t.start(ctx); err != nil {
				return err
			}
		}
		return t.write(ctx, row.Values)
	}
	changed := false
	for n, i := range t.late {
		v := row.Values[i]
		late := t.table.Schema.Columns[i].Late
		late.Add(v)
		if err := t.spool.add(v); err != nil {
			return storageError(err)
		}
		changed = changed || len(t.segments) > 0 && !late.Type().Equal(t.types[n])
	}
	if len(t.segments) == 0 {
		t.head = append(t.head, cloneRow(row.Values))
		for _, v := range row.Values {
			t.headSize += v.textSize()
		}
		if len(t.head) == headRows || t.headSize >= headBytes {
			return t.startHead(ctx)
		}
		return nil
	}
	if changed || t.closed() {
		if err := t.start(ctx); err != nil {
			return err
		}
	}
	return t.write(ctx, row.Values)
}

// cloneRow copies the values, which are valid only until the next row.
func cloneRow(values []Value) []Value {
	c := make([]Value, len(values))
	for i, v := range values {
		c[i] = v.Clone()
	}
	return c
}

// startHead begins the first file and writes the rows that were held.
func (t *tableLoad) startHead(ctx context.Context) error {
	if len(t.segments) > 0 || len(t.head) == 0 {
		return nil
	}
	if err := t.start(ctx); err != nil {
		return err
	}
	for _, values := range t.head {
		if err := t.write(ctx, values); err != nil {
			return err
		}
	}
	t.head = nil
	return nil
}

// start ends the current segment and begins one with the types as they are now.
func (t *tableLoad) start(ctx context.Context) error {
	if err := t.closeSegment(ctx); err != nil {
		return err
	}
	schema := t.schema()
	staged, err := t.l.Catalog.Stage(ctx, schema, t.table.Disposition)
	if err != nil {
		return storageError(fmt.Errorf("stage %s: %w", schema.Table, err))
	}
	s := &segment{schema: schema, layout: staged.Layout()}
	if s.writer, err = t.newWriter(s.schema, s.layout, len(t.segments)); err != nil {
		return err
	}
	t.segments = append(t.segments, s)
	for n, i := range t.late {
		t.types[n] = schema.Columns[i].Type
	}
	return nil
}

// schema is the table's schema with the late types as they are now.
func (t *tableLoad) schema() Schema {
	s := t.table.Schema
	s.Columns = append([]Column(nil), s.Columns...)
	for _, i := range t.late {
		c := &s.Columns[i]
		c.Type, c.State, c.Late = c.Late.Type(), c.Late.State(), nil
	}
	return s
}

func (t *tableLoad) newWriter(schema Schema, layout Layout, n int) (*Writer, error) {
	w, err := NewWriter(t.l.Storage, schema, layout, WriterOptions{
		Name: fmt.Sprintf("%s-%d", t.load.ID, n), Run: t.runID, FileBytes: t.l.FileBytes, reuse: t.reuse,
	})
	if err != nil {
		return nil, storageError(fmt.Errorf("table %s: %w", schema.Table, err))
	}
	return w, nil
}

// write writes a row into the current segment.
func (t *tableLoad) write(ctx context.Context, values []Value) error {
	s := t.segments[len(t.segments)-1]
	converted, err := t.convert(values, s.schema, nil)
	if err != nil {
		return err
	}
	if err := s.writer.Write(ctx, converted); err != nil {
		return storageError(err)
	}
	s.rows++
	return nil
}

// convert gives the late values their types in schema; late replaces the late
// values of the row where it is not nil.
func (t *tableLoad) convert(values []Value, schema Schema, late []Value) ([]Value, error) {
	if len(t.late) == 0 {
		return values, nil
	}
	copy(t.values, values)
	for n, i := range t.late {
		v := values[i]
		if late != nil {
			v = late[n]
		}
		c, err := t.table.Schema.Columns[i].Late.Value(v, schema.Columns[i].Type)
		if err != nil {
			return nil, &SourceError{fmt.Errorf("table %s, column %s: %w", schema.Table, schema.Columns[i].Name, err)}
		}
		t.values[i] = c
	}
	return t.values, nil
}

// closed reports whether no segment is being written.
func (t *tableLoad) closed() bool {
	return len(t.segments) == 0 || t.segments[len(t.segments)-1].writer == nil
}

func (t *tableLoad) closeSegment(ctx context.Context) error {
	if len(t.segments) == 0 {
		return nil
	}
	s := t.segments[len(t.segments)-1]
	if s.writer == nil {
		return nil
	}
	files, err := s.writer.Close(ctx)
	if err != nil {
		return storageError(err)
	}
	s.writer, s.files = nil, files
	return nil
}

// finish stages the table as it is after the last row and brings every segment
// to that schema.
func (t *tableLoad) finish(ctx context.Context) (Change, TableResult, error) {
	if err := t.closeSegment(ctx); err != nil {
		return Change{}, TableResult{}, err
	}
	if err := t.decideAgain(ctx); err != nil {
		return Change{}, TableResult{}, err
	}
	schema := t.schema()
	staged, err := t.l.Catalog.Stage(ctx, schema, t.table.Disposition)
	if err != nil {
		return Change{}, TableResult{}, storageError(fmt.Errorf("stage %s: %w", schema.Table, err))
	}
	layout := staged.Layout()
	files, err := t.rewrite(ctx, schema, layout)
	if err != nil {
		return Change{}, TableResult{}, err
	}
	result := TableResult{Schema: schema, Layout: layout}
	for _, f := range files {
		result.Rows += f.Rows
	}
	if want := t.rows - t.superseded; result.Rows != want {
		return Change{}, TableResult{}, storageError(fmt.Errorf("table %s: %d rows were read and %d written", schema.Table, want, result.Rows))
	}
	return Change{Staged: staged, Files: files}, result, nil
}

// fits reports whether the files of s are what the final schema wants.
func (s *segment) fits(schema Schema, layout Layout) bool {
	for i, c := range schema.Columns {
		if !c.Type.Equal(s.schema.Columns[i].Type) {
			return false
		}
	}
	return s.layout.Prefix == layout.Prefix && maps.Equal(s.layout.FieldIDs, layout.FieldIDs)
}
