package extract

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// The functions of this file step through JSON whose syntax the client has
// checked, so they treat commas and colons as blanks and never look twice. They
// work on an index, not on parts: every byte of a page is looked at about once.

// stringEnd returns the index after the string that starts at b[i]. Most strings
// are short, so it looks at eight bytes at a time instead of calling a search.
func stringEnd(b []byte, i int) int {
	const (
		ones    = 0x0101010101010101
		quotes  = '"' * ones
		slashes = '\\' * ones
	)
	i++
	for i+8 <= len(b) {
		word := binary.LittleEndian.Uint64(b[i:])
		q, s := word^quotes, word^slashes
		// The lowest byte that is a quote or a backslash has its high bit set in hit.
		hit := ((q-ones)&^q | (s-ones)&^s) & (0x80 * ones)
		if hit == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(hit) / 8
		if b[i] == '"' {
			return i + 1
		}
		i += 2 // the backslash and what it escapes
	}
	for b[i] != '"' {
		if b[i] == '\\' {
			i++
		}
		i++
	}
	return i + 1
}

// has reports whether b[i:] begins with text. A constant is compared as numbers.
func has(b []byte, i int, text string) bool {
	return len(b)-i >= len(text) && string(b[i:i+len(text)]) == text
}

// skip returns the index after the value that starts at b[i].
func skip(b []byte, i int) int {
	switch b[i] {
	case '"':
		return stringEnd(b, i)
	case '{', '[':
		depth := 1
		for i++; ; {
			switch b[i] {
			case '"':
				i = stringEnd(b, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
	}
	for i < len(b) && b[i] > ' ' && b[i] != ',' && b[i] != '}' && b[i] != ']' {
		i++
	}
	return i
}

// member steps through an object. i is the index after its brace or after a
// member's value. It returns the key, as it is written, and the index of the
// value; at the object's end a nil key and the index after it.
func member(b []byte, i int) (key []byte, at int) {
	for b[i] <= ' ' || b[i] == ',' {
		i++
	}
	if b[i] == '}' {
		return nil, i + 1
	}
	at = stringEnd(b, i)
	key = b[i+1 : at-1]
	for b[at] <= ' ' || b[at] == ':' {
		at++
	}
	return key, at
}

// element steps through an array. i is the index after its bracket or after an
// element. It returns the index of the next one; at the array's end false and
// the index after it.
func element(b []byte, i int) (at int, ok bool) {
	for b[i] <= ' ' || b[i] == ',' {
		i++
	}
	if b[i] == ']' {
		return i + 1, false
	}
	return i, true
}

var typeStart = []byte(`{"type":"`)

// typed finds the value that the object at b[i] names by its type:
// {"type":"number","number":8}. at is the index of that value, -1 if there is none.
func typed(b []byte, i int) (typ []byte, at, end int) {
	at = -1
	if b[i] != '{' {
		return nil, at, skip(b, i)
	}
	start := i + 1
	if n := i + len(typeStart); bytes.HasPrefix(b[i:], typeStart) { // as Notion writes it
		at = stringEnd(b, n-1)
		typ = b[n : at-1]
		if rest := b[at:]; len(rest) > len(typ)+4 && rest[0] == ',' && rest[1] == '"' &&
			bytes.HasPrefix(rest[2:], typ) && rest[len(typ)+2] == '"' && rest[len(typ)+3] == ':' && rest[len(typ)+4] > ' ' {
			at += len(typ) + 4
			if end = skip(b, at); b[end] == '}' {
				return typ, at, end + 1
			}
			for key, v := member(b, end); ; key, v = member(b, skip(b, v)) {
				if key == nil {
					return typ, at, v
				}
			}
		}
		typ, at = nil, -1
	}
	for key, v := member(b, start); ; key, v = member(b, end) {
		if key == nil {
			end = v
			break
		}
		end = skip(b, v)
		switch {
		case string(key) == "type" && b[v] == '"':
			typ = b[v+1 : end-1]
		case typ != nil && at < 0 && bytes.Equal(key, typ):
			at = v
		}
	}
	if at >= 0 || typ == nil {
		return typ, at, end
	}
	for key, v := member(b, start); key != nil; key, v = member(b, skip(b, v)) {
		if bytes.Equal(key, typ) {
			return typ, v, end
		}
	}
	return typ, -1, end
}
