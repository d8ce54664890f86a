package lake

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// A Value is one cell, or a part of one. The zero Value is null. It is a small
// struct and not an interface, so that rows are built without an allocation for
// each cell.
type Value struct {
	kind  Kind
	bits  uint64
	text  string
	items []Value
}

// BoolValue returns a Value of kind Bool.
func BoolValue(b bool) Value {
	v := Value{kind: Bool}
	if b {
		v.bits = 1
	}
	return v
}

// IntValue returns a Value of kind Int64.
func IntValue(i int64) Value { return Value{kind: Int64, bits: uint64(i)} }

// FloatValue returns a Value of kind Float64; null for NaN, which no column may hold.
func FloatValue(f float64) Value {
	if math.IsNaN(f) {
		return Value{}
	}
	return Value{kind: Float64, bits: math.Float64bits(f)}
}

// TextValue returns a Value of kind String.
func TextValue(s string) Value { return Value{kind: String, text: s} }

// TextBytes is TextValue without a copy: b must not change while the Value is in use.
func TextBytes(b []byte) Value {
	return Value{kind: String, text: unsafe.String(unsafe.SliceData(b), len(b))}
}

// JSONValue returns a Value of kind JSON.
func JSONValue(s string) Value { return Value{kind: JSON, text: s} }

// JSONBytes is JSONValue without a copy: b must not change while the Value is in use.
func JSONBytes(b []byte) Value {
	return Value{kind: JSON, text: unsafe.String(unsafe.SliceData(b), len(b))}
}

// MicrosValue returns a Value of kind Timestamp, in microseconds since 1970 UTC.
func MicrosValue(us int64) Value { return Value{kind: Timestamp, bits: uint64(us)} }

// TimeValue returns a Value of kind Timestamp, cut to microseconds.
func TimeValue(t time.Time) Value { return MicrosValue(t.UnixMicro()) }

// ListValue returns a Value of kind List; the elements may be null, the list is not.
func ListValue(items []Value) Value { return Value{kind: List, items: items} }

// StructValue returns a Value of kind Struct, a value per field.
func StructValue(fields ...Value) Value { return Value{kind: Struct, items: fields} }

func (v Value) Kind() Kind      { return v.kind }
func (v Value) IsNull() bool    { return v.kind == Invalid }
func (v Value) Bool() bool      { return v.bits != 0 }
func (v Value) Int() int64      { return int64(v.bits) }
func (v Value) Float() float64  { return math.Float64frombits(v.bits) }
func (v Value) Micros() int64   { return int64(v.bits) }
func (v Value) Time() time.Time { return time.UnixMicro(int64(v.bits)).UTC() }

// Text is the text of a String or JSON value.
func (v Value) Text() string { return v.text }

// Items are the elements of a List or the fields of a Struct.
func (v Value) Items() []Value { return v.items }

// Clone returns a Value that shares no memory with v.
func (v Value) Clone() Value {
	v.text = strings.Clone(v.text)
	if v.items != nil {
		items := make([]Value, len(v.items))
		for i, e := range v.items {
			items[i] = e.Clone()
		}
		v.items = items
	}
	return v
}

// textSize is the number of bytes of text in v.
func (v Value) textSize() int {
	n := len(v.text)
	for _, e := range v.items {
		n += e.textSize()
	}
	return n
}

// Equal compares bit for bit: -0.0 is not 0.0.
func (v Value) Equal(w Value) bool {
	if v.kind != w.kind || v.bits != w.bits || v.text != w.text || len(v.items) != len(w.items) {
		return false
	}
	for i := range v.items {
		if !v.items[i].Equal(w.items[i]) {
			return false
		}
	}
	return true
}

// String is for people and test failures.
func (v Value) String() string {
	switch v.kind {
	case Bool:
		return strconv.FormatBool(v.Bool())
	case Int64:
		return strconv.FormatInt(v.Int(), 10)
	case Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case String:
		return v.text
	case JSON:
		return v.text
	case Timestamp:
		return v.Time().Format("2006-01-02T15:04:05.999999Z")
	case List, Struct:
		parts := make([]string, len(v.items))
		for i, e := range v.items {
			if parts[i] = e.String(); e.kind == String {
				parts[i] = strconv.Quote(e.text)
			}
		}
		if v.kind == List {
			return "[" + strings.Join(parts, ", ") + "]"
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case Invalid:
	}
	return "null"
}

// A Row is one value per column of its Schema. What a source yields is valid
// only until it yields the next row.
type Row struct {
	Values []Value
	// Supersedes says that a row with the same identifier was yielded before
	// and that this is a newer state of it: the table holds this one only.
	Supersedes bool
}

// Fits reports whether v may stand in a column of type t; null fits everywhere.
// Where it does not, the string says why, without the value.
func (t Type) Fits(v Value) (string, bool) {
	if v.kind == Invalid {
		return "", true
	}
	if v.kind != t.Kind {
		return "holds a " + v.kind.String(), false
	}
	switch t.Kind {
	case List:
		for _, e := range v.items {
			if why, ok := t.Elem.Fits(e); !ok {
				return "element " + why, false
			}
		}
	case Struct:
		if len(v.items) != len(t.Fields) {
			return "holds a struct of " + strconv.Itoa(len(v.items)) + " fields", false
		}
		for i, e := range v.items {
			if why, ok := t.Fields[i].Type.Fits(e); !ok {
				return "field " + t.Fields[i].Name + " " + why, false
			}
		}
	case Invalid, Bool, Int64, Float64, String, JSON, Timestamp:
	}
	return "", true
}
