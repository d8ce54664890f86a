package lake

import (
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
)

// files finds the data files to read. One that both states have holds the same
// rows, and is read only where the states see other columns in it.
func (d *TableDiff) files(ctx context.Context, from, to TableState) error {
	list := func(t TableState) ([]File, error) {
		if t.Files == nil {
			return nil, nil
		}
		files, err := t.Files(ctx)
		if err != nil {
			return nil, fmt.Errorf("files of table %s: %w", t.Schema.Table, err)
		}
		return files, nil
	}
	old, err := list(from)
	if err != nil {
		return err
	}
	now, err := list(to)
	if err != nil {
		return err
	}
	onlyFrom, onlyTo := d.from.fields(), d.to.fields()
	maps.DeleteFunc(onlyFrom, func(id int, _ bool) bool {
		_, both := onlyTo[id]
		delete(onlyTo, id)
		return both
	})
	before := map[string]File{}
	for _, f := range old {
		before[f.Key] = f
	}
	shared := map[string]bool{}
	for _, f := range now {
		if was, ok := before[f.Key]; ok && was.lacks(onlyFrom) && f.lacks(onlyTo) {
			shared[f.Key] = true
		}
	}
	isShared := func(f File) bool { return shared[f.Key] }
	d.from.files = slices.DeleteFunc(slices.Clone(old), isShared)
	d.to.files = slices.DeleteFunc(slices.Clone(now), isShared)
	return nil
}

// fields are the field IDs that are read; true are those of parts of lists and structs.
func (s *diffSide) fields() map[int]bool {
	ids := map[int]bool{}
	var add func(path string, t Type, part bool)
	add = func(path string, t Type, part bool) {
		ids[s.layout.FieldIDs[path]] = part
		if t.Kind == List {
			add(path+".element", *t.Elem, true)
		}
		for _, f := range t.Fields {
			add(path+"."+f.Name, f.Type, true)
		}
	}
	for _, c := range s.schema.Columns {
		add(c.Name, c.Type, false)
	}
	return ids
}

// lacks reports whether the file surely has nothing but nulls in the fields. Of
// parts of lists and structs that cannot be told: an empty list has none.
func (f File) lacks(fields map[int]bool) bool {
	if len(fields) > 0 && len(f.Columns) == 0 {
		return false // nothing is known of the file
	}
	return !slices.ContainsFunc(f.Columns, func(c ColumnStats) bool {
		part, ok := fields[c.FieldID]
		return ok && (part || c.Nulls < c.Values)
	})
}

// A rowHash is a hash of a row or its identifier, by seeds that nobody knows.
type rowHash [2]uint64

// hasher makes the hashes of one side's rows.
type hasher struct {
	seeds  [2]maphash.Seed
	buffer []byte
}

func (h *hasher) sum() rowHash {
	return rowHash{maphash.Bytes(h.seeds[0], h.buffer), maphash.Bytes(h.seeds[1], h.buffer)}
}

// hash returns the hashes of the identifier and of the rest of a row; where there
// is no identifier, the whole row is one.
func (d *TableDiff) hash(h *hasher, row []Value, from bool) (id, rest rowHash) {
	h.buffer = h.buffer[:0]
	for _, i := range d.ids {
		h.buffer = d.pairs[i].encode(h.buffer, row, from)
	}
	if len(d.ids) > 0 {
		id = h.sum()
		h.buffer = h.buffer[:0]
	}
	for _, p := range d.pairs {
		h.buffer = p.encode(h.buffer, row, from)
	}
	rest = h.sum()
	if len(d.ids) == 0 {
		id = rest
	}
	return id, rest
}

// encode appends the pair's value of a row of one side.
func (p *diffPair) encode(b []byte, row []Value, from bool) []byte {
	at, encode := p.to, p.encodeTo
	if from {
		at, encode = p.from, p.encodeFrom
	}
	if at < 0 {
		return encodeNothing(b, Value{})
	}
	return encode(b, row[at])
}

// An unmatched row of From waits for one of To with its identifier. next is
// another one with the same, -1 for none.
type waitingRow struct {
	rest rowHash
	next int64
}

// compare reads both sides once and finds out what became of each row.
func (d *TableDiff) compare(ctx context.Context) error {
	h := &hasher{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	first := map[rowHash]int64{} // the first waiting row by identifier
	var waiting []waitingRow     // by place
	for row, err := range d.from.read(ctx, d.storage) {
		if err != nil {
			return err
		}
		id, rest := d.hash(h, row.Values, true)
		next, ok := first[id]
		if !ok {
			next = -1
		}
		first[id] = int64(len(waiting))
		waiting = append(waiting, waitingRow{rest, next})
	}
	d.from.rows = make([]rowState, len(waiting))
	d.Removed = int64(len(waiting))
	for row, err := range d.to.read(ctx, d.storage) {
		if err != nil {
			return err
		}
		id, rest := d.hash(h, row.Values, false)
		place, ok := take(first, waiting, id, rest)
		state := rowSame
		switch {
		case !ok:
			state = rowAlone
			d.Added++
		case waiting[place].rest != rest:
			state = rowDiffers
			d.partner = append(d.partner, place)
			d.Changed++
		}
		if ok {
			d.from.rows[place] = state
			d.Removed--
		}
		d.to.rows = append(d.to.rows, state)
	}
	return nil
}

// take takes the waiting row with an identifier. Identifiers are unique, but
// where a foreign writer has one twice, a row that is the same comes first.
func take(first map[rowHash]int64, waiting []waitingRow, id, rest rowHash) (int64, bool) {
	head, ok := first[id]
	if !ok {
		return 0, false
	}
	before, place := int64(-1), head
	for p, b := head, int64(-1); p >= 0; p, b = waiting[p].next, p {
		if waiting[p].rest == rest {
			before, place = b, p
			break
		}
	}
	switch next := waiting[place].next; {
	case before >= 0:
		waiting[before].next = next
	case next >= 0:
		first[id] = next
	default:
		delete(first, id)
	}
	return place, true
}
