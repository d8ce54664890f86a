package extract

import (
	"bytes"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/notionlake/notionlake/lake"
)

// A decoder makes lake Values of a JSON text without an allocation for each: a
// Value refers to the text itself or to the decoder's arenas, and is valid until
// the next reset. It is not safe for concurrent use.
type decoder struct {
	b        []byte
	clean    int // b[clean:dirty] holds no backslash
	dirty    int
	repaired []int // where b had bytes that were not UTF-8

	values []lake.Value // arena of list elements and struct fields
	stack  []lake.Value // elements of the lists that are being read
	text   []byte       // arena of decoded and joined text
	joined []byte       // the text that is being joined

	zones map[string]*time.Location // nil: not known

	noted uint16 // what was noted since it was last cleared
	err   error  // the first value that could not be understood
	users userSink
	runs  int  // mentions in the last text that was read
	cut   bool // an element of the last rollup that was read may be a part of a list only
	// copies are those of the files of the page that is read, by cellKey.
	copies map[string]copiedCell
}

// A userSink is told of every user that is met. Complete returns what the
// directory has of a user of whom a page shows the ID only; false where the
// directory has not been asked yet.
type userSink interface {
	met(id, object []byte, whole bool)
	complete(id []byte) (*user, bool)
}

// A valueFunc reads the value that begins at d.b[i] and returns the index after it.
type valueFunc func(d *decoder, i int) (lake.Value, int)

// reset makes b the text that is read. Values of the text before end here.
func (d *decoder) reset(b []byte) {
	d.values, d.stack, d.text = d.values[:0], d.stack[:0], d.text[:0]
	d.noted, d.err = 0, nil
	d.use(b)
}

// use makes b the text that is read; Values made so far stay valid as long as
// their text does.
func (d *decoder) use(b []byte) {
	d.repaired = d.repaired[:0]
	if !utf8.Valid(b) {
		b = d.repair(b)
	}
	d.b, d.clean, d.dirty = b, 0, 0
}

// repair replaces every byte that is not UTF-8 by U+FFFD.
func (d *decoder) repair(b []byte) []byte {
	out := make([]byte, 0, len(b)+16)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			d.repaired = append(d.repaired, len(out))
		}
		out = utf8.AppendRune(out, r)
		b = b[n:]
	}
	return out
}

// note notes a reason (a bit of noted) for the cell that is being read.
func (d *decoder) note(bit uint16) { d.noted |= bit }

// fail notes that the value at i is not of the shape that its type has.
func (d *decoder) fail(i int, want string) (lake.Value, int) {
	if d.err == nil {
		d.err = fmt.Errorf("holds %s where %s was expected", kindName(d.b[i]), want)
	}
	return lake.Value{}, skip(d.b, i)
}

func kindName(c byte) string {
	switch c {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a text"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// nothing reads what is not of the shape want: null, or a failure.
func (d *decoder) nothing(i int, want string) (lake.Value, int) {
	if d.b[i] == 'n' {
		return lake.Value{}, i + len("null")
	}
	return d.fail(i, want)
}

// str reads the string at i.
func (d *decoder) str(i int) (s []byte, end int) {
	end = stringEnd(d.b, i)
	return d.unquote(i, end), end
}

// unquote is the text of the string d.b[i:end].
func (d *decoder) unquote(i, end int) []byte {
	if len(d.repaired) > 0 {
		d.noteRepaired(i, end)
	}
	if i >= d.clean && end <= d.dirty || !d.escaped(i, end) {
		return d.b[i+1 : end-1]
	}
	n := len(d.text)
	var err error
	if d.text, err = jsontext.AppendUnquote(d.text, d.b[i:end]); err != nil {
		d.note(notedText)
	}
	return d.text[n:len(d.text):len(d.text)]
}

// escaped reports whether d.b[i:end] holds a backslash. Strings are read in their
// order, mostly, so it looks for the next backslash and remembers where it is.
func (d *decoder) escaped(i, end int) bool {
	n := bytes.IndexByte(d.b[i:], '\\')
	if n < 0 {
		n = len(d.b) - i
	}
	d.clean, d.dirty = i, i+n
	return d.dirty < end
}

func (d *decoder) noteRepaired(i, end int) {
	for _, at := range d.repaired {
		if at >= i && at < end {
			d.note(notedText)
		}
	}
}

// group returns a struct of fields.
func (d *decoder) group(fields ...lake.Value) lake.Value {
	n := len(d.values)
	d.values = append(d.values, fields...)
	return lake.StructValue(d.values[n:len(d.values):len(d.values)]...)
}

// list returns a list of what was pushed on the stack since it had the length base.
func (d *decoder) list(base int) lake.Value {
	n := len(d.values)
	d.values = append(d.values, d.stack[base:]...)
	d.stack = d.stack[:base]
	return lake.ListValue(d.values[n:len(d.values):len(d.values)])
}

// each reads an array: its elements by read, which pushes them on the stack.
func (d *decoder) each(i int, read func(d *decoder, i int) int) (lake.Value, int) {
	if d.b[i] != '[' {
		return d.nothing(i, "a list")
	}
	base := len(d.stack)
	at, ok := element(d.b, i+1)
	for ok {
		at, ok = element(d.b, read(d, at))
	}
	return d.list(base), at
}
