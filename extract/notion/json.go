package notion

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math/bits"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// JSON is one JSON value whose syntax Parse has checked: the methods rely on that
// and do not look again. They walk forward and never build a tree, since a map
// for each row costs more than all the rest of reading it.
//
// Text that is damaged (invalid UTF-8, half of a surrogate pair) reads as U+FFFD
// where it is; see Damaged.
type JSON []byte

// Kind is the first byte of the value: one of { [ " t f n - 0..9, or 0 when there is none.
func (j JSON) Kind() byte {
	if len(j) == 0 {
		return 0
	}
	return j[0]
}

// IsNull reports whether the value is null or absent.
func (j JSON) IsNull() bool { return len(j) == 0 || j[0] == 'n' }

// Fields yields the members of an object, keys as text. It yields nothing for
// other values.
func (j JSON) Fields() iter.Seq2[[]byte, JSON] {
	return func(yield func([]byte, JSON) bool) {
		if j.Kind() != '{' {
			return
		}
		i := space(j, 1)
		for j[i] != '}' {
			end, escaped := stringEnd(j, i)
			key := j[i+1 : end-1]
			if escaped || !utf8.Valid(key) {
				key, _ = jsontext.AppendUnquote(nil, j[i:end]) // invalid UTF-8 becomes U+FFFD
			}
			i = space(j, space(j, end)+1) // after the colon
			end = skip(j, i)
			if !yield(key, j[i:end:end]) {
				return
			}
			if i = space(j, end); j[i] == ',' {
				i = space(j, i+1)
			}
		}
	}
}

// Elems yields the elements of an array; nothing for other values.
func (j JSON) Elems() iter.Seq[JSON] {
	return func(yield func(JSON) bool) {
		if j.Kind() != '[' {
			return
		}
		i := space(j, 1)
		for j[i] != ']' {
			end := skip(j, i)
			if !yield(j[i:end:end]) {
				return
			}
			if i = space(j, end); j[i] == ',' {
				i = space(j, i+1)
			}
		}
	}
}

// Get returns the member of an object, nil if there is none.
func (j JSON) Get(name string) JSON {
	for key, value := range j.Fields() {
		if string(key) == name {
			return value
		}
	}
	return nil
}

// Bool reports whether the value is true.
func (j JSON) Bool() bool { return j.Kind() == 't' }

// Text returns the text of a string, "" for other values.
func (j JSON) Text() string {
	b, _ := j.AppendText(nil)
	return string(b)
}

// Bytes returns the text of a string: a part of j where the string can be taken
// as it is, else appended to buf, which is returned too.
func (j JSON) Bytes(buf []byte) (text, newBuf []byte) {
	if j.Kind() != '"' {
		return nil, buf
	}
	if raw := j[1 : len(j)-1]; bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return raw, buf
	}
	n := len(buf)
	buf, _ = jsontext.AppendUnquote(buf, j)
	return buf[n:], buf
}

// AppendText appends the text of a string to dst; false for other values.
func (j JSON) AppendText(dst []byte) ([]byte, bool) {
	if j.Kind() != '"' {
		return dst, false
	}
	dst, _ = jsontext.AppendUnquote(dst, j) // its error speaks of U+FFFD only
	return dst, true
}

// Damaged reports whether the text of a string holds a U+FFFD that stands for
// something that is no text. For a text without U+FFFD it need not be asked.
func (j JSON) Damaged() bool {
	if j.Kind() != '"' {
		return false
	}
	_, err := jsontext.AppendUnquote(nil, j)
	return err != nil
}

// Float returns the number as a double; false for other values and for numbers
// beyond the doubles.
func (j JSON) Float() (float64, bool) {
	if c := j.Kind(); c != '-' && (c < '0' || c > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(j), 64)
	return f, err == nil
}

// space returns the index of the first byte from i on that is not white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// stringEnd returns the index after the string that starts at i.
func stringEnd(b []byte, i int) (end int, escaped bool) {
	for i++; ; {
		i = plain(b, i)
		if b[i] == '"' {
			return i + 1, escaped
		}
		escaped = true
		i += 2
	}
}

// skip returns the index after the value that starts at i.
func skip(b []byte, i int) int {
	switch b[i] {
	case '"':
		end, _ := stringEnd(b, i)
		return end
	case '{', '[':
		return skipContainer(b, i)
	default:
		for i < len(b) {
			switch b[i] {
			case ',', '}', ']', ' ', '\n', '\t', '\r':
				return i
			}
			i++
		}
		return i
	}
}

// skipContainer returns the index after the object or array that starts at i.
// It counts brackets outside of strings, eight bytes at a time and without a
// branch for each string: the bytes of a nested value are skipped once for every
// level above it, so that this loop is most of the cost of reading a row.
func skipContainer(b []byte, i int) int {
	depth := 0
	var in uint64 // all ones while in a string
	for len(b)-i >= 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		// For bytes below 0x80, 0x80-(byte^c) has the high bit exactly where byte is
		// c. Words with backslashes or what is not ASCII are left to skipBytes.
		if (highs-(x^'\\'*ones)|x)&highs != 0 {
			if in, depth, i = skipBytes(b, i, in, depth); depth == 0 {
				return i
			}
			continue
		}
		text := (highs - (x ^ '"'*ones)) & highs // from an opening quote to before the closing one:
		text ^= text << 8
		text ^= text << 16
		text ^= text << 32
		text ^= in
		in = uint64(int64(text) >> 63)
		x |= 0x20 * ones // [ becomes {, ] becomes }
		opening := (highs - (x ^ '{'*ones)) & highs &^ text
		closing := (highs - (x ^ '}'*ones)) & highs &^ text
		if opening|closing != 0 {
			n := int((opening>>7 | closing>>3) * ones >> 56) // the number of each in four bits
			if n>>4 >= depth {
				for m := opening | closing; m != 0; m &= m - 1 {
					if low := m & -m; low&opening != 0 {
						depth++
					} else if depth--; depth == 0 {
						return i + bits.TrailingZeros64(m)/8 + 1
					}
				}
			} else {
				depth += n&15 - n>>4
			}
		}
		i += 8
	}
	for {
		if in, depth, i = skipBytes(b, i, in, depth); depth == 0 {
			return i
		}
	}
}

// skipBytes does the same for the next eight bytes (one more where they end in
// a backslash), one at a time.
func skipBytes(b []byte, i int, in uint64, depth int) (nowIn uint64, nowDepth, next int) {
	for end := min(i+8, len(b)); i < end; i++ {
		switch c := b[i]; {
		case c == '"':
			in = ^in
		case c == '\\':
			i++
		case in != 0:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return 0, 0, i + 1
			}
		}
	}
	return in, depth, i
}
