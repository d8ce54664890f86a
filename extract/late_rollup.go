package extract

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/notionlake/notionlake/lake"
)

// textBytes is the text of v, which must not be written to.
func textBytes(v lake.Value) []byte {
	s := v.Text()
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// rollupResult keeps the result of a rollup as JSON.
func rollupResult(d *decoder, i int) (lake.Value, int) { return lateResult(d, i, readRollup) }

// readRollup reads a result for what is to be counted.
func readRollup(d *decoder, typ []byte, at int) {
	switch string(typ) {
	case "number":
		numberValue(d, at)
		return
	case "date":
		dateValue(d, at)
		return
	case "array":
	default:
		unknownValue(d, at)
		return
	}
	if d.b[at] != '[' {
		d.nothing(at, "a list")
		return
	}
	for i, ok := element(d.b, at+1); ok; {
		typ, at, end := typed(d.b, i)
		if at >= 0 {
			if e, known := elementTypes[string(typ)]; known {
				v, _ := e.value(d, at)
				switch string(typ) {
				case "people", "relation":
					d.cut = d.cut || len(v.Items()) >= pageLimit
				}
			} else if d.b[at] != 'n' && (string(typ) == "formula" || string(typ) == "rollup") {
				if t, at, _ := typed(d.b, at); at < 0 || string(t) == "unsupported" || string(t) == "incomplete" {
					d.note(notedUnsupported)
				} else if string(typ) == "formula" {
					readResult(d, t, at)
				}
			}
		}
		i, ok = element(d.b, end)
	}
}

// A rollup decides the type of a rollup's column. Results that are not null
// decide, elements too; without any, the type it had; else the type that its
// function gives: of one that shows values, a list of the type of the property
// that is shown, where it is known, else list<string>.
type rollup struct {
	memory
	d        decoder
	function string
	related  lake.Type // of an element, zero where it is not known
	rollupSeen
}

// rollupSeen is what the values that were added tell.
type rollupSeen struct {
	numbers, dates, others, lists bool // results that are not null
	nullNumbers, nullDates        bool
	elements                      string // type of the elements so far
	several                       bool   // elements of several types
	results, nullResults          uint   // kinds of the results of formulas among the elements
}

func newRollup(p *property, before *lake.Column, related lake.Type) lake.Late {
	return &rollup{memory: remember(p.relation+"\x00"+p.target+"\x00"+p.function, before), function: p.function, related: related}
}

func (r *rollup) Add(v lake.Value) {
	if v.IsNull() {
		return
	}
	b := textBytes(v)
	typ, at, _ := typed(b, 0)
	if at < 0 {
		return
	}
	null := b[at] == 'n'
	switch {
	case string(typ) == "array" && b[at] == '[':
		r.lists = true
		r.addElements(b, at)
	case string(typ) == "number" && null:
		r.nullNumbers = true
	case string(typ) == "number":
		r.numbers = true
	case string(typ) == "date" && null:
		r.nullDates = true
	case string(typ) == "date":
		r.dates = true
	case !null:
		r.others = true
	}
}

func (r *rollup) addElements(b []byte, at int) {
	for i, ok := element(b, at+1); ok; {
		typ, at, end := typed(b, i)
		if at >= 0 {
			switch {
			case r.elements == "":
				r.elements = string(typ)
			case r.elements != string(typ):
				r.several = true
			}
			if string(typ) == "formula" {
				if t, at, _ := typed(b, at); at >= 0 && string(t) != "unsupported" && string(t) != "incomplete" {
					if b[at] == 'n' {
						r.nullResults |= resultKind(t)
					} else {
						r.results |= resultKind(t)
					}
				}
			}
		}
		i, ok = element(b, end)
	}
}

func (r *rollup) Reset() { r.rollupSeen = rollupSeen{} }

func (r *rollup) Type() lake.Type {
	t, _ := r.decide()
	return t
}

func (r *rollup) decide() (t lake.Type, mixed bool) {
	list := r.lists || r.mixed && r.had.Kind == lake.List
	scalars := 0
	for _, some := range []bool{r.numbers, r.dates, r.others} {
		if some {
			scalars++
		}
	}
	switch {
	case r.mixed && r.had.Kind == lake.JSON, list && scalars > 0, scalars > 1:
		return jsonType, true
	case list:
		return r.listType()
	case r.numbers:
		return doubleType, false
	case r.dates:
		return dateType, false
	case r.others:
		return jsonType, false
	}
	// Nothing but nulls: their type counts where nothing better is known.
	named := r.nullNumbers != r.nullDates
	switch {
	case r.had.Kind != lake.Invalid && (r.same || !named):
		return r.had, false
	case named && r.nullNumbers:
		return doubleType, false
	case named:
		return dateType, false
	}
	switch {
	case strings.HasPrefix(r.function, "show_"):
		return r.unseen(), false
	case strings.HasSuffix(r.function, "_date"), r.function == "date_range":
		return dateType, false
	case r.function == "":
		return r.unseen(), false
	}
	return doubleType, false
}

// unseen is the type of a list of which no element was ever seen.
func (r *rollup) unseen() lake.Type {
	if r.related.Kind != lake.Invalid {
		return listOf(r.related)
	}
	return stringList
}

func (r *rollup) listType() (t lake.Type, mixed bool) {
	hadList := r.had.Kind == lake.List
	switch {
	case r.mixed && hadList:
		return r.had, true
	case r.several:
		return jsonList, true
	case kinds(r.results) > 1:
		return stringList, true
	case r.elements == "" && hadList:
		return r.had, false
	case r.elements == "":
		return r.unseen(), false
	case r.elements == "formula":
		return r.formulaType(), false
	}
	if e, ok := elementTypes[r.elements]; ok {
		return listOf(e.elem), false
	}
	return jsonList, false
}

func (r *rollup) formulaType() lake.Type {
	switch {
	case r.results == resultOther:
		return jsonList
	case r.results != 0:
		return listOf(resultType(r.results))
	case r.had.Kind == lake.List:
		return r.had
	case kinds(r.nullResults) == 1:
		return listOf(resultType(r.nullResults))
	}
	return stringList
}

func (r *rollup) State() string { return r.state(r.decide()) }

func (r *rollup) Value(v lake.Value, t lake.Type) (lake.Value, error) {
	if v.IsNull() {
		return lake.Value{}, nil
	}
	d := &r.d
	d.reset(textBytes(v))
	typ, at, _ := typed(d.b, 0)
	if at < 0 || d.b[at] == 'n' {
		return lake.Value{}, nil
	}
	if t.Kind == lake.JSON {
		value, _ := jsonValue(d, at)
		return value, nil
	}
	var value lake.Value
	switch {
	case string(typ) == "array" && t.Kind == lake.List && d.b[at] == '[':
		return r.list(*t.Elem, at)
	case string(typ) == "number" && t.Equal(doubleType):
		value, _ = numberValue(d, at)
	case string(typ) == "date" && t.Equal(dateType):
		value, _ = dateValue(d, at)
	default:
		return lake.Value{}, fmt.Errorf("a %s among results of type %s", typ, t)
	}
	return value, d.err
}

// list converts the elements of the array at b[at].
func (r *rollup) list(elem lake.Type, at int) (lake.Value, error) {
	d := &r.d
	base := len(d.stack)
	for i, ok := element(d.b, at+1); ok; {
		_, _, end := typed(d.b, i)
		if err := r.push(elem, i, end); err != nil {
			return lake.Value{}, err
		}
		i, ok = element(d.b, end)
	}
	return d.list(base), d.err
}

// push pushes what the element at b[i:end] becomes in a list of elem.
func (r *rollup) push(elem lake.Type, i, end int) error {
	d := &r.d
	typ, at, _ := typed(d.b, i)
	if at < 0 || d.b[at] == 'n' {
		d.stack = append(d.stack, lake.Value{})
		return nil
	}
	e, known := elementTypes[string(typ)]
	if string(typ) == "formula" {
		t, result, _ := typed(d.b, at)
		if result < 0 || d.b[result] == 'n' || string(t) == "unsupported" || string(t) == "incomplete" {
			d.stack = append(d.stack, lake.Value{})
			return nil
		}
		kind := resultKind(t)
		if elem.Equal(stringType) {
			d.stack = append(d.stack, d.resultText(kind, result))
			return nil
		}
		at, known, e = result, kind != resultOther, elementType{elem: resultType(kind), value: resultValue(kind)}
	}
	if elem.Kind == lake.JSON {
		d.stack = append(d.stack, d.json(i, end))
		return nil
	}
	if !known || !e.elem.Equal(elem) {
		return fmt.Errorf("an element of type %s in a list<%s>", typ, elem)
	}
	v, _ := e.value(d, at)
	if !e.flat {
		d.stack = append(d.stack, v)
		return nil
	}
	d.stack = append(d.stack, v.Items()...)
	return nil
}
