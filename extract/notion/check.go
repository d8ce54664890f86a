package notion

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// maxDepth is how deep JSON may nest, as in encoding/json.
const maxDepth = 10_000

// Parse returns b as JSON, or an error if it is not exactly one JSON value.
// Text may hold invalid UTF-8 and lone surrogates: they are read as U+FFFD,
// see JSON.Damaged.
func Parse(b []byte) (JSON, error) { return new(outline).parse(b) }

// An outline says where the parts of a checked answer are, so that a list need
// not be searched for its end and its elements again.
type outline struct {
	members []member // of the outermost object
	results []span   // the elements of its member "results"

	familiar familiar // what rows look like
}

type member struct{ key, value span }

type span struct{ start, end int }

// parse does what Parse does and fills in the outline.
func (o *outline) parse(b []byte) (JSON, error) {
	o.members, o.results = o.members[:0], o.results[:0]
	start := space(b, 0)
	end, err := o.check(b, start)
	if err != nil {
		return nil, err
	}
	if rest := space(b, end); rest != len(b) {
		return nil, fmt.Errorf("invalid JSON: data after the value, at byte %d of %d", rest, len(b))
	}
	return b[start:end], nil
}

// check returns the index after the value that starts at i. It is a loop, not a
// recursion, so that nesting cannot exhaust the stack.
func (o *outline) check(b []byte, i int) (end int, err error) {
	var (
		objects [maxDepth/64 + 1]uint64 // bit set: the container at that depth is an object
		depth   int
		ok      bool
		object  bool   // the innermost container is one
		outer   span   // the last key of the outermost object
		starts  [3]int // where the last values at depths 0, 1 and 2 start
		results bool   // in the member "results" of the outermost object
		row     bool   // in an element of it
		from    int    // a place in the familiar row
		to      *mark  // where to go from there
		start   int
	)
value:
	if depth < len(starts) {
		starts[depth] = i
		if row = depth == 2 && results && objects[0]&inside(2) == 1; row {
			if from, to = 0, o.familiar.begin(b, i); to != nil {
				goto familiar
			}
		}
	}
	if i >= len(b) {
		return 0, syntax(b, i)
	}
	switch c := b[i]; c {
	case '"':
		if i, ok = checkString(b, i); !ok {
			return 0, syntax(b, i)
		}
	case '{', '[':
		if depth == maxDepth {
			return 0, fmt.Errorf("invalid JSON: nested more than %d deep", maxDepth)
		}
		i = space(b, i+1)
		if i < len(b) && b[i] == c+2 { // the closing bracket
			i++
			break
		}
		if c == '{' {
			objects[depth/64] |= 1 << (depth % 64)
			depth++
			goto key
		}
		objects[depth/64] &^= 1 << (depth % 64)
		depth++
		goto value
	case 't':
		if i, ok = checkLiteral(b, i, "true"); !ok {
			return 0, syntax(b, i)
		}
	case 'f':
		if i, ok = checkLiteral(b, i, "false"); !ok {
			return 0, syntax(b, i)
		}
	case 'n':
		if i, ok = checkLiteral(b, i, "null"); !ok {
			return 0, syntax(b, i)
		}
	default:
		if i, ok = checkNumber(b, i); !ok {
			return 0, syntax(b, i)
		}
	}

after: // a value ends here
	if depth == 0 {
		return i, nil
	}
	if depth > 2 && row {
		if o.familiar.learning {
			o.familiar.note(i-starts[2], depth, false, objects[0])
		} else if from, to = o.familiar.resume(b, i, depth, objects[0]); to != nil {
			goto familiar
		}
	}
step:
	object = objects[(depth-1)/64]&(1<<((depth-1)%64)) != 0
	if depth == 1 && object {
		o.members = append(o.members, member{outer, span{starts[1], i}})
	} else if depth == 2 && results && !object {
		o.results = append(o.results, span{starts[2], i})
		o.familiar.end(b[starts[2]:i])
	}
	if i = space(b, i); i >= len(b) {
		return 0, syntax(b, i)
	}
	switch c := b[i]; {
	case c == ',':
		i = space(b, i+1)
		if object {
			goto key
		}
		goto value
	case object && c == '}', !object && c == ']':
		depth--
		i++
		goto after
	default:
		return 0, syntax(b, i)
	}

key:
	if i >= len(b) || b[i] != '"' {
		return 0, syntax(b, i)
	}
	start = i
	if i, ok = checkString(b, i); !ok {
		return 0, syntax(b, i)
	}
	if depth == 1 {
		outer = span{start, i}
		if results = string(b[start:i]) == `"results"`; results {
			o.results = o.results[:0]
		}
	}
	if i = space(b, i); i >= len(b) || b[i] != ':' {
		return 0, syntax(b, i)
	}
	i++
	if depth > 2 && row && o.familiar.learning {
		o.familiar.note(i-starts[2], depth, true, objects[0])
	}
	i = space(b, i)
	goto value

familiar: // the bytes up to the mark are those of a row that was checked
	i += int(to.at) - from
	depth, objects[0] = int(to.depth), to.objects
	if !to.value {
		goto step
	}
	i = space(b, i)
	goto value
}

func syntax(b []byte, i int) error {
	if i >= len(b) {
		return fmt.Errorf("invalid JSON: cut off after %d bytes", len(b))
	}
	return fmt.Errorf("invalid JSON: unexpected %q at byte %d of %d", b[i], i, len(b))
}

// checkString returns the index after the string that starts at i, or, with
// false, the index of what is wrong.
func checkString(b []byte, i int) (int, bool) {
	i++
	for {
		i = plain(b, i)
		if i >= len(b) {
			return i, false
		}
		switch b[i] {
		case '"':
			return i + 1, true
		case '\\':
			if i++; i >= len(b) {
				return i, false
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i++
			case 'u':
				i++
				for range 4 {
					if i >= len(b) || !hexDigit(b[i]) {
						return i, false
					}
					i++
				}
			default:
				return i, false
			}
		default: // a control character
			return i, false
		}
	}
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns the index of the first quote, backslash or control character
// from i on, len(b) if there is none. It looks at eight bytes at a time; in the
// masks the lowest bit is exact, those above it need not be.
func plain(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote, slash := x^('"'*ones), x^('\\'*ones)
		m := ((quote-ones)&^quote | (slash-ones)&^slash | (x-' '*ones)&^x) & highs
		if m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < ' ' {
			break
		}
	}
	return i
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func checkLiteral(b []byte, i int, word string) (int, bool) {
	for k := range len(word) {
		if i >= len(b) || b[i] != word[k] {
			return i, false
		}
		i++
	}
	return i, true
}

func checkNumber(b []byte, i int) (int, bool) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else {
		start := i
		if i = digits(b, i); i == start {
			return i, false
		}
	}
	if i < len(b) && b[i] == '.' {
		start := i + 1
		if i = digits(b, start); i == start {
			return i, false
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start := i
		if i = digits(b, i); i == start {
			return i, false
		}
	}
	return i, true
}

func digits(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}
