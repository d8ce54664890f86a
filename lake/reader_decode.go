package lake

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// A decoder puts the values of Parquet columns together again; it is what a
// node is for writing. The decoder of what the file does not have is nil.
type decoder struct {
	kind   Kind
	def    int        // definition level of a value that is not null
	rep    int        // of a List: repetition level of all elements but the first; of a Struct: around it
	elem   *decoder   // of a List
	elemAt int        // of a List: definition level of an element, be it null
	fields []*decoder // of a Struct
	stack  []Value    // of a List: elements as they come
	// witness says that the file has a struct but none of its fields: a column
	// of another field tells which structs are null.
	witness bool

	// below are the cursors of all columns at or below; the first one tells
	// whether there is a value, and how many elements.
	below []*cursor
}

// compile finds the columns of schema in the file.
func (r *dataFile) compile(schema Schema, layout Layout) error {
	byID := columnsByID(r.file.Root())
	for _, c := range schema.Columns {
		id, err := layout.fieldID(schema.Table, c.Name)
		if err != nil {
			return err
		}
		d, err := r.decoder(schema.Table, c.Type, c.Name, byID[id], 0, layout)
		if err != nil {
			return err
		}
		r.columns = append(r.columns, d)
	}
	return nil
}

func columnsByID(c *parquet.Column) map[int]*parquet.Column {
	byID := map[int]*parquet.Column{}
	for _, child := range c.Columns() {
		if id := child.ID(); id > 0 {
			byID[id] = child
		}
	}
	return byID
}

// decoder compiles the decoder of a column of type t; def is the definition
// level around it.
func (r *dataFile) decoder(table string, t Type, path string, c *parquet.Column, def int, layout Layout) (*decoder, error) {
	if c == nil {
		return nil, nil
	}
	if c.Optional() {
		def++
	}
	d := &decoder{kind: t.Kind, def: def}
	unlike := func() (*decoder, error) {
		return nil, fmt.Errorf("column %s is not stored as %s", path, t)
	}
	first := len(r.cursors)
	switch t.Kind {
	case List:
		if len(c.Columns()) != 1 || !c.Columns()[0].Repeated() || len(c.Columns()[0].Columns()) != 1 {
			return unlike()
		}
		d.rep = c.Columns()[0].MaxRepetitionLevel()
		d.elemAt = def + 1
		elem, err := r.decoder(table, *t.Elem, path+".element", c.Columns()[0].Columns()[0], d.elemAt, layout)
		if err != nil {
			return nil, err
		}
		d.elem = elem
	case Struct:
		if c.Leaf() {
			return unlike()
		}
		byID := columnsByID(c)
		for _, f := range t.Fields {
			id, err := layout.fieldID(table, path+"."+f.Name)
			if err != nil {
				return nil, err
			}
			field, err := r.decoder(table, f.Type, path+"."+f.Name, byID[id], def, layout)
			if err != nil {
				return nil, err
			}
			d.fields = append(d.fields, field)
		}
		if len(r.cursors) == first {
			d.witness, d.rep = true, c.MaxRepetitionLevel()
			leaf := c
			for !leaf.Leaf() {
				leaf = leaf.Columns()[0]
			}
			r.cursor(leaf)
		}
	case Bool, Int64, Float64, String, JSON, Timestamp, Invalid:
		if !c.Leaf() || !storedAs(t.Kind, c.Type()) {
			return unlike()
		}
		r.cursor(c)
	}
	d.below = r.cursors[first:len(r.cursors):len(r.cursors)]
	return d, nil
}

func (r *dataFile) cursor(c *parquet.Column) {
	r.cursors = append(r.cursors, &cursor{index: c.Index(), path: c.Path()})
}

// storedAs reports whether t holds values of kind.
func storedAs(kind Kind, t parquet.Type) bool {
	switch kind {
	case Bool:
		return t.Kind() == parquet.Boolean
	case Int64:
		return t.Kind() == parquet.Int64
	case Float64:
		return t.Kind() == parquet.Double
	case String, JSON:
		return t.Kind() == parquet.ByteArray
	case Timestamp:
		l := t.LogicalType()
		return t.Kind() == parquet.Int64 && l != nil && l.String() == parquet.TimestampAdjusted(parquet.Microsecond, true).Type().LogicalType().String()
	case Invalid, List, Struct:
	}
	return false
}

var errCutRow = errors.New("a column ends before its rows do")

// decode returns the value of a column in the current row, or the next element.
func (r *dataFile) decode(d *decoder) (Value, error) {
	if d == nil {
		return Value{}, nil
	}
	if d.kind != List && d.kind != Struct {
		v, err := d.below[0].take()
		if err != nil {
			return Value{}, cutRow(err)
		}
		return d.scalar(v), nil
	}
	v, err := d.below[0].peek()
	if err != nil {
		return Value{}, cutRow(err)
	}
	switch level := v.DefinitionLevel(); {
	case level < d.def:
		return Value{}, nothing(d.below)
	case d.kind == List && level < d.elemAt:
		return ListValue(nil), nothing(d.below)
	case d.kind == List:
		return r.list(d)
	}
	items := r.slab.take(len(d.fields))
	for i, f := range d.fields {
		if items[i], err = r.decode(f); err != nil {
			return Value{}, err
		}
	}
	if d.witness {
		err = d.below[0].pass(d.rep)
	}
	return Value{kind: Struct, items: items}, err
}

func (r *dataFile) list(d *decoder) (Value, error) {
	d.stack = d.stack[:0]
	for {
		v, err := r.decode(d.elem)
		if err != nil {
			return Value{}, err
		}
		d.stack = append(d.stack, v)
		next, err := d.below[0].peek()
		if errors.Is(err, io.EOF) || err == nil && next.RepetitionLevel() < d.rep {
			break
		}
		if err != nil {
			return Value{}, err
		}
	}
	items := r.slab.take(len(d.stack))
	copy(items, d.stack)
	return Value{kind: List, items: items}, nil
}

// nothing takes the one value that every column has where nothing is.
func nothing(cursors []*cursor) error {
	for _, c := range cursors {
		if _, err := c.take(); err != nil {
			return cutRow(err)
		}
	}
	return nil
}

func cutRow(err error) error {
	if errors.Is(err, io.EOF) {
		return errCutRow
	}
	return err
}

func (d *decoder) scalar(v *parquet.Value) Value {
	if v.DefinitionLevel() < d.def {
		return Value{}
	}
	switch d.kind {
	case Bool:
		return BoolValue(v.Boolean())
	case Int64:
		return IntValue(v.Int64())
	case Float64:
		return FloatValue(v.Double())
	case String:
		return TextBytes(v.ByteArray())
	case JSON:
		return JSONBytes(v.ByteArray())
	case Timestamp:
		return MicrosValue(v.Int64())
	case Invalid, List, Struct:
	}
	return Value{}
}

// A slab holds the items of the lists and structs of one row.
type slab struct {
	values []Value
	used   int
}

func (s *slab) take(n int) []Value {
	if s.used+n > len(s.values) {
		// What was taken before stays in the old one.
		s.values, s.used = make([]Value, max(2*len(s.values), n, 64)), 0
	}
	items := s.values[s.used : s.used+n : s.used+n]
	s.used += n
	return items
}

func (s *slab) reset() { s.used = 0 }
