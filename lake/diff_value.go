package lake

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A valueEncoder appends a value as bytes that only equal values have.
type valueEncoder func(b []byte, v Value) []byte

// encodeNothing stands for a column that is not there: it is null.
func encodeNothing(b []byte, _ Value) []byte { return append(b, byte(Invalid)) }

// encoders are the encoders of a column's values before and after.
func encoders(from, to Type) (valueEncoder, valueEncoder) {
	switch {
	case from.Equal(to):
		return appendValue, appendValue
	case from.Kind == List && to.Kind == List:
		a, b := encoders(*from.Elem, *to.Elem)
		return listEncoder(a), listEncoder(b)
	case from.Kind == Struct && to.Kind == Struct:
		return structEncoders(from, to)
	default:
		return appendText, appendText
	}
}

func listEncoder(elem valueEncoder) valueEncoder {
	return func(b []byte, v Value) []byte {
		if v.kind != List {
			return appendValue(b, v)
		}
		b = binary.AppendUvarint(append(b, byte(List)), uint64(len(v.items)))
		for _, e := range v.items {
			b = elem(b, e)
		}
		return b
	}
}

// structEncoders write the fields of both types, by name, and null for one that
// a value has not.
func structEncoders(from, to Type) (valueEncoder, valueEncoder) {
	var names []string
	for _, f := range append(slices.Clone(from.Fields), to.Fields...) {
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	type field struct {
		at     int // in the value; -1: it has none
		encode valueEncoder
	}
	fields := make([][2]field, len(names))
	for i, name := range names {
		named := func(c Column) bool { return c.Name == name }
		f, t := slices.IndexFunc(from.Fields, named), slices.IndexFunc(to.Fields, named)
		fields[i] = [2]field{{f, appendValue}, {t, appendValue}}
		if f >= 0 && t >= 0 {
			fields[i][0].encode, fields[i][1].encode = encoders(from.Fields[f].Type, to.Fields[t].Type)
		}
	}
	of := func(side int) valueEncoder {
		return func(b []byte, v Value) []byte {
			if v.kind != Struct {
				return appendValue(b, v)
			}
			b = binary.AppendUvarint(append(b, byte(Struct)), uint64(len(fields)))
			for _, f := range fields {
				if at := f[side].at; at >= 0 {
					b = f[side].encode(b, v.items[at])
				} else {
					b = encodeNothing(b, Value{})
				}
			}
			return b
		}
	}
	return of(0), of(1)
}

// appendText writes a value by its text, so that values of different types can be equal.
func appendText(b []byte, v Value) []byte {
	switch v.kind {
	case Invalid:
		return appendValue(b, v)
	case Float64:
		return appendValue(b, TextValue(floatText(v.Float())))
	default:
		return appendValue(b, TextValue(v.String()))
	}
}

// floatText writes a number as JSON has it, which is how Notion shows it in a text.
func floatText(f float64) string {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strings.Replace(strconv.FormatFloat(f, format, -1, 64), "e-0", "e-", 1)
}

// appendValue writes a value so that readValue finds it again. JSON is written as
// the text that it is.
func appendValue(b []byte, v Value) []byte {
	switch v.kind {
	case Bool, Int64, Float64, Timestamp:
		return binary.LittleEndian.AppendUint64(append(b, byte(v.kind)), v.bits)
	case String, JSON:
		b = binary.AppendUvarint(append(b, byte(String)), uint64(len(v.text)))
		return append(b, v.text...)
	case List, Struct:
		b = binary.AppendUvarint(append(b, byte(v.kind)), uint64(len(v.items)))
		for _, e := range v.items {
			b = appendValue(b, e)
		}
		return b
	case Invalid:
	}
	return append(b, byte(Invalid))
}

var errCutValue = errors.New("a spooled value is cut off")

// readValue reads what appendValue wrote, and returns what comes after it. Texts
// lie in b.
func readValue(b []byte) (Value, []byte, error) {
	if len(b) == 0 {
		return Value{}, nil, errCutValue
	}
	kind, b := Kind(b[0]), b[1:]
	switch kind {
	case Bool, Int64, Float64, Timestamp:
		if len(b) < 8 {
			return Value{}, nil, errCutValue
		}
		return Value{kind: kind, bits: binary.LittleEndian.Uint64(b)}, b[8:], nil
	case String, JSON, List, Struct:
	case Invalid:
		return Value{}, b, nil
	}
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) { // every element takes a byte at least
		return Value{}, nil, errCutValue
	}
	b = b[size:]
	if kind == String {
		return TextBytes(b[:n]), b[n:], nil
	}
	items := make([]Value, n)
	for i := range items {
		var err error
		if items[i], b, err = readValue(b); err != nil {
			return Value{}, nil, err
		}
	}
	return Value{kind: kind, items: items}, b, nil
}
