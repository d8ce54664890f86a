package lake

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// rewrite returns the table's files in the final schema: the segments that fit
// as they are, the others written anew, all of them without the rows that newer
// ones superseded.
func (t *tableLoad) rewrite(ctx context.Context, schema Schema, layout Layout) ([]File, error) {
	stale := len(t.newest) > 0
	for _, s := range t.segments {
		stale = stale || !s.fits(schema, layout)
	}
	var files []File
	if !stale {
		for _, s := range t.segments {
			files = append(files, s.files...)
		}
		return files, nil
	}
	var late *spoolReader
	if t.spool != nil {
		r, err := t.spool.rewind()
		if err != nil {
			return nil, storageError(err)
		}
		late = r
	}
	first := int64(0) // number of the segment's first row
	old := t.segments
	for n, s := range old {
		if len(t.newest) == 0 && s.fits(schema, layout) {
			if err := skip(late, s.rows, len(t.late)); err != nil {
				return nil, storageError(err)
			}
			files = append(files, s.files...)
			first += s.rows
			continue
		}
		fresh := &segment{schema: schema, layout: layout}
		t.segments = append(t.segments, fresh) // so that abort finds its files
		if err := t.rewriteSegment(ctx, s, fresh, late, first, len(old)+n); err != nil {
			return nil, err
		}
		files = append(files, fresh.files...)
		first += s.rows
		if err := t.l.Storage.Delete(ctx, written(s.files)...); err != nil {
			return nil, storageError(err)
		}
		s.files = nil
	}
	return files, nil
}

// gone reports whether a newer row superseded the one with this number.
func (t *tableLoad) gone(values []Value, number int64) bool {
	if t.idCol < 0 {
		return false
	}
	newest, ok := t.newest[values[t.idCol].Text()]
	return ok && number < newest
}

// decideAgain takes the rows that newer ones superseded out of what decides the
// late types: a value that no row has must not make a column a text for good.
func (t *tableLoad) decideAgain(ctx context.Context) error {
	if len(t.newest) == 0 || len(t.late) == 0 {
		return nil
	}
	late, err := t.spool.rewind()
	if err != nil {
		return storageError(err)
	}
	for _, i := range t.late {
		t.table.Schema.Columns[i].Late.Reset()
	}
	values := make([]Value, len(t.late))
	number := int64(0)
	for _, s := range t.segments {
		for row, err := range ReadFiles(ctx, t.l.Storage, s.schema, s.layout, s.files) {
			if err == nil {
				err = late.row(values)
			}
			if err != nil {
				return storageError(err)
			}
			if !t.gone(row.Values, number) {
				for n, i := range t.late {
					t.table.Schema.Columns[i].Late.Add(values[n])
				}
			}
			number++
		}
	}
	if number != t.rows {
		return storageError(fmt.Errorf("table %s: %d rows were written and %d read back", t.table.Schema.Table, t.rows, number))
	}
	return nil
}

func skip(late *spoolReader, rows int64, columns int) error {
	if late == nil {
		return nil
	}
	values := make([]Value, columns)
	for range rows {
		if err := late.row(values); err != nil {
			return err
		}
	}
	return nil
}

// rewriteSegment writes the rows of s, whose first has the number first, into fresh.
func (t *tableLoad) rewriteSegment(ctx context.Context, s, fresh *segment, late *spoolReader, first int64, n int) error {
	var err error
	if fresh.writer, err = t.newWriter(fresh.schema, fresh.layout, n); err != nil {
		return err
	}
	values := make([]Value, len(t.late))
	number := first
	for row, err := range ReadFiles(ctx, t.l.Storage, s.schema, s.layout, s.files) {
		if err != nil {
			return storageError(err)
		}
		if late != nil {
			if err := late.row(values); err != nil {
				return storageError(err)
			}
		}
		this := number
		number++
		if t.gone(row.Values, this) {
			t.superseded++
			continue
		}
		converted, err := t.convert(row.Values, fresh.schema, values)
		if err != nil {
			return err
		}
		if err := fresh.writer.Write(ctx, converted); err != nil {
			return storageError(err)
		}
	}
	if number != first+s.rows {
		return storageError(fmt.Errorf("table %s: %d rows were written and %d read back", s.schema.Table, s.rows, number-first))
	}
	if fresh.files, err = fresh.writer.Close(ctx); err != nil {
		return storageError(err)
	}
	fresh.writer = nil
	return nil
}

// cleanupTimeout is how long the removal of a failed load's files may take
// once the load itself has been cancelled.
const cleanupTimeout = 30 * time.Second

// abort deletes everything that was written and returns err, with what the
// deletion itself had to say.
func (t *tableLoad) abort(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	err = errors.Join(err, t.closeSpool())
	var keys []string
	for _, s := range t.segments {
		if s.writer != nil {
			err = errors.Join(err, storageError(s.writer.Abort(ctx)))
		}
		keys = append(keys, written(s.files)...)
	}
	return errors.Join(err, storageError(t.l.Storage.Delete(ctx, keys...)))
}

// abandon aborts a writer after err.
func abandon(ctx context.Context, w *Writer, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	return errors.Join(err, w.Abort(ctx))
}
