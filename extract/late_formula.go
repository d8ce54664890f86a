package extract

import (
	"bytes"
	"fmt"

	"github.com/notionlake/notionlake/lake"
)

// The types of a formula's results.
const (
	resultString = 1 << iota
	resultNumber
	resultBoolean
	resultDate
	resultOther // of a type that is not known: text that holds JSON
)

func resultKind(typ []byte) uint {
	switch string(typ) {
	case "string":
		return resultString
	case "number":
		return resultNumber
	case "boolean":
		return resultBoolean
	case "date":
		return resultDate
	}
	return resultOther
}

func resultType(kind uint) lake.Type {
	switch kind {
	case resultNumber:
		return doubleType
	case resultBoolean:
		return boolType
	case resultDate:
		return dateType
	}
	return stringType
}

// formulaResult keeps the result of a formula as JSON.
func formulaResult(d *decoder, i int) (lake.Value, int) { return lateResult(d, i, readResult) }

// readResult reads a result for what is to be counted.
func readResult(d *decoder, typ []byte, at int) {
	switch resultKind(typ) {
	case resultString:
		stringValue(d, at)
	case resultNumber:
		numberValue(d, at)
	case resultBoolean:
		boolValue(d, at)
	case resultDate:
		dateValue(d, at)
	default:
		unknownValue(d, at)
	}
}

// A formula decides the type of a formula's column: by its results that are not
// null; without any, the type it had; else the type that the nulls name, if they
// agree; else string.
type formula struct {
	memory
	d           decoder
	some, nulls uint // kinds of results that are not null, and of those that are
}

func newFormula(p *property, before *lake.Column, _ lake.Type) lake.Late {
	return &formula{memory: remember(p.config, before)}
}

func (f *formula) Add(v lake.Value) {
	if v.IsNull() {
		return
	}
	b := textBytes(v)
	typ, at, _ := typed(b, 0)
	if at < 0 {
		return
	}
	if b[at] == 'n' {
		f.nulls |= resultKind(typ)
	} else {
		f.some |= resultKind(typ)
	}
}

func (f *formula) Reset() { f.some, f.nulls = 0, 0 }

func (f *formula) Type() lake.Type {
	t, _ := f.decide()
	return t
}

func (f *formula) decide() (t lake.Type, mixed bool) {
	switch {
	case f.mixed || kinds(f.some) > 1:
		return stringType, true
	case kinds(f.some) == 1:
		return resultType(f.some), false
	case f.had.Kind != lake.Invalid && f.had.Kind != lake.List && f.had.Kind != lake.JSON:
		return f.had, false
	case kinds(f.nulls) == 1:
		return resultType(f.nulls), false
	}
	return stringType, false
}

func (f *formula) State() string { return f.state(f.decide()) }

func (f *formula) Value(v lake.Value, t lake.Type) (lake.Value, error) {
	if v.IsNull() {
		return lake.Value{}, nil
	}
	f.d.reset(textBytes(v))
	typ, at, _ := typed(f.d.b, 0)
	if at < 0 || f.d.b[at] == 'n' {
		return lake.Value{}, nil
	}
	kind := resultKind(typ)
	if t.Equal(stringType) {
		return f.d.resultText(kind, at), f.d.err
	}
	if !t.Equal(resultType(kind)) {
		return lake.Value{}, fmt.Errorf("a %s among results of type %s", typ, t)
	}
	value, _ := resultValue(kind)(&f.d, at)
	return value, f.d.err
}

func resultValue(kind uint) valueFunc {
	switch kind {
	case resultNumber:
		return numberValue
	case resultBoolean:
		return boolValue
	case resultDate:
		return dateValue
	}
	return stringValue
}

// resultText writes the result at i as text: strings as they are, numbers as in
// Notion's JSON, dates as start or start/end as written.
func (d *decoder) resultText(kind uint, i int) lake.Value {
	switch {
	case kind == resultString:
		v, _ := stringValue(d, i)
		return v
	case kind == resultDate && d.b[i] == '{':
		return d.dateText(i)
	}
	return lake.TextBytes(d.b[i:skip(d.b, i)])
}

// dateText writes the date at i as start or start/end, as they are written.
func (d *decoder) dateText(i int) lake.Value {
	p, _ := d.dateParts(i)
	if p.end == nil {
		return textOrNull(p.start)
	}
	return lake.TextBytes(bytes.Join([][]byte{p.start, p.end}, []byte{'/'}))
}
