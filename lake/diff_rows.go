package lake

import (
	"context"
	"iter"
	"slices"
)

// read yields the rows of the files that are compared.
func (s *diffSide) read(ctx context.Context, storage *Storage) iter.Seq2[Row, error] {
	return ReadFiles(ctx, storage, s.schema, s.layout, s.files)
}

// A placedRow is a row with its place among all that are compared.
type placedRow struct {
	place  int64
	values []Value
}

// at yields the rows at the given places, which ascend. Files without any are not
// opened, and nothing is read behind the last.
func (s *diffSide) at(ctx context.Context, storage *Storage, places []int64) iter.Seq2[placedRow, error] {
	return func(yield func(placedRow, error) bool) {
		start := int64(0)
		for _, f := range s.files {
			place := start
			start += f.Rows
			if len(places) == 0 {
				return
			}
			if places[0] >= start {
				continue
			}
			for row, err := range ReadFiles(ctx, storage, s.schema, s.layout, []File{f}) {
				if err != nil {
					yield(placedRow{}, err)
					return
				}
				if place == places[0] {
					if !yield(placedRow{place, row.Values}, nil) {
						return
					}
					if places = places[1:]; len(places) == 0 || places[0] >= start {
						break
					}
				}
				place++
			}
		}
	}
}

// first returns the places of the first rows of a state, limit at most.
func (s *diffSide) first(limit int64, state rowState) (places []int64) {
	for place, is := range s.rows {
		if int64(len(places)) == limit {
			break
		}
		if is == state {
			places = append(places, int64(place))
		}
	}
	return places
}

// rows yields the rows that differ. It reads both sides once more: the old values
// of changed rows go to a file, since the new ones may come in another order. It
// reports whether more are wanted.
func (d *TableDiff) rows(ctx context.Context, limit int64, yield func(RowChange, error) bool) (more bool, err error) {
	olds, err := newRowSpool(d.tempDir)
	if err != nil {
		return true, err
	}
	defer func() {
		if closed := olds.close(); err == nil {
			err = closed
		}
	}()
	changed := d.partner[:min(int64(len(d.partner)), limit)]
	places := append(d.from.first(limit, rowAlone), changed...)
	slices.Sort(places)
	for row, err := range d.from.at(ctx, d.storage, places) {
		if err != nil {
			return true, err
		}
		if d.from.rows[row.place] == rowDiffers {
			err = olds.add(row.place, row.values)
		} else if !yield(d.change(RowRemoved, row.values, nil), nil) {
			return false, nil
		}
		if err != nil {
			return true, err
		}
	}
	places = append(d.to.first(limit, rowAlone), d.to.first(limit, rowDiffers)...)
	slices.Sort(places)
	for row, err := range d.to.at(ctx, d.storage, places) {
		if err != nil {
			return true, err
		}
		kind, old := RowAdded, []Value(nil)
		if d.to.rows[row.place] == rowDiffers {
			if old, err = olds.get(changed[0]); err != nil {
				return true, err
			}
			kind, changed = RowChanged, changed[1:]
		}
		if !yield(d.change(kind, old, row.values), nil) {
			return false, nil
		}
	}
	return true, nil
}

// change describes a row; a side on which it is not is nil.
func (d *TableDiff) change(kind RowKind, old, now []Value) RowChange {
	c := RowChange{Kind: kind}
	cells := make([]CellChange, len(d.pairs))
	for i, p := range d.pairs {
		if p.from >= 0 && old != nil {
			cells[i].From = Cell{&d.from.schema.Columns[p.from], old[p.from]}
		}
		if p.to >= 0 && now != nil {
			cells[i].To = Cell{&d.to.schema.Columns[p.to], now[p.to]}
		}
	}
	for _, i := range d.ids {
		id := cells[i].To
		if kind == RowRemoved {
			id = cells[i].From
		}
		c.ID = append(c.ID, id)
	}
	var a, b []byte
	for i, cell := range cells {
		if cell.From.Column == nil && cell.To.Column == nil {
			continue
		}
		c.Row = append(c.Row, cell)
		if kind == RowChanged {
			a = d.pairs[i].encode(a[:0], old, true)
			b = d.pairs[i].encode(b[:0], now, false)
			if string(a) == string(b) {
				continue
			}
		}
		c.Cells = append(c.Cells, cell)
	}
	return c
}
