package notion

import (
	"encoding/binary"
	"math/bits"
)

// The rows of a data source are alike: nearly all of their bytes are the names,
// IDs and types of the same properties in the same order. So the check keeps one
// row that it has seen, and where it is between two values of the next one, it
// compares bytes with the place in that row which seems to be the same. What the
// check does depends on its state and the bytes from there on only: where both
// are the same it will come to the same end, and goes there at once.
type familiar struct {
	row   []byte
	marks []mark // in their order

	next     int  // the first mark that the row being checked has not come to
	followed int  // bytes of it that were compared only
	learning bool // the row being checked is to be kept
	strange  int  // rows in a row that were not like the kept one
	patience int  // how many of them to bear
}

// A mark is a state of the check at a place in a row.
type mark struct {
	at      uint32 // in the row
	need    uint32 // where bytes must be equal up to: the end of a number is known by the byte after it
	depth   uint8
	value   bool   // before a member's value, not after a value
	objects uint64 // which of the containers around it are objects
}

const (
	markDepth        = 64 // of the deepest mark: what fits into objects
	familiarRowBytes = 64 << 10
	mostPatience     = 64
)

// begin is called where a row begins. It returns the mark to go to, nil for none.
func (f *familiar) begin(b []byte, i int) *mark {
	f.next, f.followed = 0, 0
	// One that is being learned still was in an answer with an error.
	if f.learning = f.learning || len(f.marks) == 0 || f.strange > f.patience; f.learning {
		f.marks = f.marks[:0]
		return nil
	}
	return f.follow(b, i, 0)
}

// note keeps a state of a row that is being learned; at is relative to the row.
func (f *familiar) note(at, depth int, value bool, objects uint64) {
	if depth > markDepth || at > familiarRowBytes {
		return
	}
	m := mark{at: uint32(at), need: uint32(at), depth: uint8(depth), value: value, objects: objects & inside(depth)}
	if !value {
		m.need++
	}
	f.marks = append(f.marks, m)
}

// inside are the bits of the containers around a place of so much depth.
func inside(depth int) uint64 { return 1<<depth - 1 }

// resume is called after a value. It returns the place in the kept row that
// seems to be the same, and the mark to go to; nil for none.
func (f *familiar) resume(b []byte, i, depth int, objects uint64) (from int, to *mark) {
	k := f.next
	for k < len(f.marks) && (f.marks[k].value || int(f.marks[k].depth) > depth) {
		k++
	}
	f.next = k
	if k == len(f.marks) || int(f.marks[k].depth) != depth || f.marks[k].objects != objects&inside(depth) {
		return 0, nil
	}
	from = int(f.marks[k].at)
	return from, f.follow(b, i, from)
}

// follow compares b from i on with the kept row. It returns the last mark up to
// which they are equal, nil if that is none.
func (f *familiar) follow(b []byte, i, from int) *mark {
	same := common(b[i:], f.row[from:])
	if same == 0 {
		return nil
	}
	k, end := f.next, uint32(from+same)
	for k < len(f.marks) && f.marks[k].need <= end {
		k++
	}
	last := k - 1
	if last < f.next || int(f.marks[last].at) == from {
		f.next = min(f.next+1, len(f.marks)) // they go on differently: it is no use to try again here
		return nil
	}
	f.next = k
	f.followed += int(f.marks[last].at) - from
	return &f.marks[last]
}

// end is called where a row ends.
func (f *familiar) end(row []byte) {
	switch {
	case f.learning && len(row) <= familiarRowBytes:
		f.row = append(f.row[:0], row...)
		f.strange = 0
	case f.learning:
		f.marks = f.marks[:0]
	case 2*f.followed >= len(row):
		f.strange, f.patience = 0, 0
		return
	default:
		f.strange++
		return
	}
	// Rows that are all different are not worth being learned one by one.
	f.patience = min(2*f.patience+1, mostPatience)
	f.learning = false
}

// common is how many bytes a and b begin with in common.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	a, b = a[:n], b[:n]
	i := 0
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
