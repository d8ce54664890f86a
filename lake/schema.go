package lake

import (
	"errors"
	"fmt"
)

// Kind is the kind of a column type. The Go methods of Value say what holds a
// value of each kind.
type Kind uint8

const (
	// Invalid is the kind of a null and of a type that is not known yet.
	Invalid   Kind = iota
	Bool           // true or false
	Int64          // 64-bit integer
	Float64        // double; never NaN
	String         // UTF-8 text
	JSON           // UTF-8 text that is JSON; stored as a string without bounds
	Timestamp      // instant with microsecond precision, UTC (timestamptz)
	List           // elements of one type
	Struct         // named fields
)

func (k Kind) String() string {
	switch k {
	case Invalid:
		return "null"
	case Bool:
		return "boolean"
	case Int64:
		return "long"
	case Float64:
		return "double"
	case String:
		return "string"
	case JSON:
		return "json"
	case Timestamp:
		return "timestamptz"
	case List:
		return "list"
	case Struct:
		return "struct"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// A Schema describes one table.
type Schema struct {
	Table   string // name in the namespace
	Key     string // never changes: the Notion data source ID, or the fixed table's name
	Columns []Column
}

// A Column has a Key that never changes and a Name that may.
type Column struct {
	Key  string // of a property column: the percent-decoded Notion property ID; of others: the name
	Name string
	Type Type
	// Required marks the identifier columns; all others take nulls.
	Required bool
	// Property is set for the column of a Notion property, as against the
	// columns that every table has.
	Property bool
	Doc      string
	// Long marks text without a length limit: it gets no bounds.
	Long bool
	// State is what the source wants to find again at the next load, with the
	// column (in Catalog.Current). Opaque to this package; "" is none.
	State string
	// Late is set where only the values tell the type; Type is then not looked at.
	Late Late
}

// Type is the type of a column, a list element or a struct field.
type Type struct {
	Kind   Kind
	Elem   *Type    // of a List
	Fields []Column // of a Struct: Name and Type
}

// ListOf returns the type of a list of elem.
func ListOf(elem Type) Type { return Type{Kind: List, Elem: &elem} }

// StructOf returns the type of a struct.
func StructOf(fields ...Column) Type { return Type{Kind: Struct, Fields: fields} }

// Field is a shorthand for a struct field: its name is its key.
func Field(name string, kind Kind) Column {
	return Column{Key: name, Name: name, Type: Type{Kind: kind}}
}

// Equal reports whether t and u are the same type. JSON and String are not the
// same here, though both are stored as strings.
func (t Type) Equal(u Type) bool {
	if t.Kind != u.Kind || len(t.Fields) != len(u.Fields) || (t.Elem == nil) != (u.Elem == nil) {
		return false
	}
	if t.Elem != nil && t.Elem != u.Elem && !t.Elem.Equal(*u.Elem) {
		return false
	}
	if len(t.Fields) == 0 || &t.Fields[0] == &u.Fields[0] { // types are mostly made once
		return true
	}
	for i, f := range t.Fields {
		if f.Name != u.Fields[i].Name || !f.Type.Equal(u.Fields[i].Type) {
			return false
		}
	}
	return true
}

// String writes the type as Iceberg and SQL users do: list<string>, struct<start timestamptz, ...>.
func (t Type) String() string {
	switch t.Kind {
	case JSON:
		return "string"
	case List:
		return "list<" + t.Elem.String() + ">"
	case Struct:
		s := "struct<"
		for i, f := range t.Fields {
			if i > 0 {
				s += ", "
			}
			s += f.Name + " " + f.Type.String()
		}
		return s + ">"
	default:
		return t.Kind.String()
	}
}

// Late decides the type of a column that only the values tell: a formula, a
// rollup. Until then its values travel as text of kind JSON, exactly as the
// source gave them. A Late belongs to one load of one column and is not safe for
// concurrent use.
type Late interface {
	// Add takes a value in; it is called once for every row, in the order of
	// the rows, nulls (Value{}) included. Where newer rows superseded earlier
	// ones, the values of the rows that stay are added again after Reset.
	Add(v Value)
	// Type is the column's type by all the values added so far. It may change
	// with every Add; what it is after the last one is the column's type.
	Type() Type
	// Value converts v, as it was given to Add, to the type t, which Type
	// returned at some time. It fails if v has no place in t.
	Value(v Value, t Type) (Value, error)
	// State is the column's State after the last Add.
	State() string
	// Reset forgets every value that was added, and nothing else.
	Reset()
}

// ValueError is a value that does not fit its column.
type ValueError struct {
	Table, Column string
	Want          Type
	Reason        string
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("table %s, column %s (%s): %s", e.Table, e.Column, e.Want, e.Reason)
}

var errNoColumns = errors.New("no columns")

// Check reports the first thing in the schema that no table can have: two
// columns of one name or key, a list without element type, a struct without
// fields. A property may have the key of a column that is none.
func (s Schema) Check() error {
	if len(s.Columns) == 0 {
		return fmt.Errorf("table %s: %w", s.Table, errNoColumns)
	}
	type key struct {
		property bool // a property ID may be what the name of another column is
		key      string
	}
	names, keys := map[string]bool{}, map[key]bool{}
	for _, c := range s.Columns {
		if c.Name == "" || names[c.Name] {
			return fmt.Errorf("table %s: column name %q is empty or used twice", s.Table, c.Name)
		}
		if keys[key{c.Property, c.Key}] {
			return fmt.Errorf("table %s: column key %q is used twice", s.Table, c.Key)
		}
		names[c.Name], keys[key{c.Property, c.Key}] = true, true
		if c.Late != nil {
			continue
		}
		if err := c.Type.check(); err != nil {
			return fmt.Errorf("table %s, column %s: %w", s.Table, c.Name, err)
		}
	}
	return nil
}

func (t Type) check() error {
	switch t.Kind {
	case Bool, Int64, Float64, String, JSON, Timestamp:
		return nil
	case List:
		if t.Elem == nil {
			return errors.New("list without element type")
		}
		return t.Elem.check()
	case Struct:
		if len(t.Fields) == 0 {
			return errors.New("struct without fields")
		}
		names := map[string]bool{}
		for _, f := range t.Fields {
			if names[f.Name] {
				return fmt.Errorf("struct field %q is used twice", f.Name)
			}
			names[f.Name] = true
			if err := f.Type.check(); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
		return nil
	default:
		return errors.New("no type")
	}
}
