package lake

import (
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// An encoder takes the values of rows apart into Parquet columns: each value
// goes to its leaf column, with the levels that say where in the lists and
// optional structs around it it stands. It is compiled once from a schema; then
// a row costs no allocation.
type encoder struct {
	schema  Schema
	columns []*node
	leaves  []*leaf
	text    arena
	rows    int // rows since the last reset
}

// A node is a column, a list element or a struct field.
type node struct {
	name     string
	id       int
	kind     Kind
	required bool
	leaf     *leaf   // of a scalar
	elem     *node   // of a List
	fields   []*node // of a Struct
	below    []*leaf // all leaves of a List or Struct
	rep      int     // of a List: the repetition level of all elements but the first
}

// newEncoder compiles schema; layout has the field IDs.
func newEncoder(schema Schema, layout Layout) (*encoder, error) {
	if err := schema.Check(); err != nil {
		return nil, err
	}
	e := &encoder{schema: schema}
	for _, c := range schema.Columns {
		if err := c.Type.check(); err != nil {
			return nil, fmt.Errorf("table %s, column %s: %w", schema.Table, c.Name, err)
		}
		n, err := e.compile(c, c.Name, place{parquet: []string{c.Name}}, layout)
		if err != nil {
			return nil, err
		}
		e.columns = append(e.columns, n)
	}
	return e, nil
}

// A place is where in the schema a node stands.
type place struct {
	parquet  []string // path in the Parquet schema
	def, rep int      // levels of what is around it
}

func (p place) below(def, rep int, names ...string) place {
	return place{parquet: append(p.parquet[:len(p.parquet):len(p.parquet)], names...), def: def, rep: rep}
}

func (e *encoder) compile(c Column, path string, at place, layout Layout) (*node, error) {
	id, err := layout.fieldID(e.schema.Table, path)
	if err != nil {
		return nil, err
	}
	n := &node{name: c.Name, id: id, kind: c.Type.Kind, required: c.Required}
	def := at.def
	if !c.Required {
		def++
	}
	first := len(e.leaves)
	switch c.Type.Kind {
	case List:
		n.rep = at.rep + 1
		elem := Column{Name: "element", Type: *c.Type.Elem, Long: c.Long}
		n.elem, err = e.compile(elem, path+".element", at.below(def+1, n.rep, "list", "element"), layout)
		if err != nil {
			return nil, err
		}
	case Struct:
		for _, f := range c.Type.Fields {
			child, err := e.compile(f, path+"."+f.Name, at.below(def, at.rep, f.Name), layout)
			if err != nil {
				return nil, err
			}
			n.fields = append(n.fields, child)
		}
	case Bool, Int64, Float64, String, JSON, Timestamp:
		n.leaf = &leaf{
			id:     id,
			path:   at.parquet,
			index:  len(e.leaves),
			def:    def,
			long:   c.Long || c.Type.Kind == JSON,
			bloom:  c.Required && (path == "_id" || path == "id"),
			unique: c.Required,
			stats:  columnBounds{kind: c.Type.Kind, counted: at.rep > 0 || c.Long || c.Type.Kind == JSON},
		}
		e.leaves = append(e.leaves, n.leaf)
	case Invalid:
	}
	n.below = e.leaves[first:len(e.leaves):len(e.leaves)]
	return n, nil
}

// encode takes in one row.
func (e *encoder) encode(values []Value) error {
	if len(values) != len(e.columns) {
		return fmt.Errorf("table %s: a row of %d values for %d columns", e.schema.Table, len(values), len(e.columns))
	}
	for i, n := range e.columns {
		if !e.value(n, &values[i], 0, 0) {
			return e.misfit(i, values[i])
		}
	}
	e.rows++
	return nil
}

// misfit says why a value was not taken.
func (e *encoder) misfit(column int, v Value) error {
	c := e.schema.Columns[column]
	reason, fits := c.Type.Fits(v)
	if fits {
		reason = "null in a required column"
	}
	return &ValueError{Table: e.schema.Table, Column: c.Name, Want: c.Type, Reason: reason}
}

// value takes in v, whose surroundings have the levels rep and def, and reports
// whether it fits.
func (e *encoder) value(n *node, v *Value, rep, def int) bool {
	if v.kind == Invalid {
		return e.null(n, rep, def)
	}
	if v.kind != n.kind {
		return false
	}
	if !n.required {
		def++
	}
	switch n.kind {
	case String, JSON:
		l := n.leaf
		s := v.text
		if !validText(s) {
			s = strings.ToValidUTF8(s, "\uFFFD")
		}
		l.stats.text(s)
		l.put(parquet.ByteArrayValue(e.text.keep(s)), rep, def)
		l.pageText += len(s)
	case Int64, Timestamp:
		n.leaf.stats.int(v.Int())
		n.leaf.put(parquet.Int64Value(v.Int()), rep, def)
	case Float64:
		n.leaf.stats.float(v.Float())
		n.leaf.put(parquet.DoubleValue(v.Float()), rep, def)
	case Bool:
		n.leaf.stats.bool(v.Bool())
		n.leaf.put(parquet.BooleanValue(v.Bool()), rep, def)
	case Struct:
		if len(v.items) != len(n.fields) {
			return false
		}
		for i, f := range n.fields {
			if !e.value(f, &v.items[i], rep, def) {
				return false
			}
		}
	case List:
		if len(v.items) == 0 {
			nulls(n.below, rep, def)
			return true
		}
		for i := range v.items {
			if !e.value(n.elem, &v.items[i], rep, def+1) {
				return false
			}
			rep = n.rep
		}
	case Invalid:
	}
	return true
}

func (e *encoder) null(n *node, rep, def int) bool {
	if n.required {
		return false
	}
	if n.leaf != nil {
		n.leaf.null(rep, def)
	} else {
		nulls(n.below, rep, def)
	}
	return true
}

// nulls writes down in every leaf below a list or struct that nothing is there.
func nulls(leaves []*leaf, rep, def int) {
	for _, l := range leaves {
		l.null(rep, def)
	}
}

// reset forgets the rows taken in; statistics stay.
func (e *encoder) reset() {
	for _, l := range e.leaves {
		l.values = l.values[:0]
	}
	e.text.reset()
	e.rows = 0
}
