package lake

import (
	"math"
	"strings"
	"unicode/utf8"
)

// boundChars is how many characters of a text are kept as a bound, as in
// Iceberg's default metrics mode, truncate(16).
const boundChars = 16

// columnBounds are the counts and bounds of one leaf column of a file while it
// is written.
type columnBounds struct {
	kind    Kind
	counted bool // has counts only
	values  int64
	nulls   int64

	some       bool // min and max are set
	minI, maxI int64
	minF, maxF float64
	minS, maxS string // at most boundChars characters
	cut        bool   // a value that begins with maxS is longer
}

func (b *columnBounds) int(i int64) {
	b.values++
	if b.counted {
		return
	}
	if !b.some {
		b.some, b.minI, b.maxI = true, i, i
		return
	}
	b.minI, b.maxI = min(b.minI, i), max(b.maxI, i)
}

func (b *columnBounds) bool(v bool) {
	if v {
		b.int(1)
	} else {
		b.int(0)
	}
}

func (b *columnBounds) float(f float64) {
	b.values++
	if b.counted {
		return
	}
	if !b.some {
		b.some, b.minF, b.maxF = true, f, f
		return
	}
	if f < b.minF {
		b.minF = f
	}
	if f > b.maxF {
		b.maxF = f
	}
}

func (b *columnBounds) text(s string) {
	b.values++
	if b.counted {
		return
	}
	if !b.some {
		b.some = true
		b.minS, _ = prefix(s)
		b.minS = strings.Clone(b.minS)
		b.maxS, b.cut = b.minS, len(s) > len(b.minS)
		return
	}
	if s < b.minS {
		p, _ := prefix(s)
		b.minS = strings.Clone(p)
	}
	if s > b.maxS && (!b.cut || !strings.HasPrefix(s, b.maxS)) {
		p, cut := prefix(s)
		if p != b.maxS {
			b.maxS = strings.Clone(p)
		}
		b.cut = cut
	}
}

// prefix cuts s to boundChars characters and reports whether it was longer.
func prefix(s string) (string, bool) {
	if len(s) <= boundChars {
		return s, false
	}
	n := 0
	for i := range s {
		if n == boundChars {
			return s[:i], true
		}
		n++
	}
	return s, false
}

// successor is the smallest text of at most as many characters as s that is
// greater than every text that begins with s; there is none if all characters
// of s are the last one of Unicode.
func successor(s string) (string, bool) {
	for len(s) > 0 {
		r, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
		switch r {
		case utf8.MaxRune:
			continue
		case 0xD7FF:
			r = 0xE000 // past the surrogates, which are no characters
		default:
			r++
		}
		return s + string(r), true
	}
	return "", false
}

// bounds are the least and the greatest value, or what bounds them; null where
// nothing does.
func (b *columnBounds) bounds() (lower, upper Value) {
	if !b.some {
		return Value{}, Value{}
	}
	switch b.kind {
	case Bool:
		return BoolValue(b.minI == 1), BoolValue(b.maxI == 1)
	case Int64:
		return IntValue(b.minI), IntValue(b.maxI)
	case Timestamp:
		return MicrosValue(b.minI), MicrosValue(b.maxI)
	case Float64:
		// Some engines order -0.0 before 0.0 and some find them equal: the bounds
		// hold for both.
		lo, hi := b.minF, b.maxF
		if lo == 0 {
			lo = math.Copysign(0, -1)
		}
		if hi == 0 {
			hi = 0
		}
		return FloatValue(lo), FloatValue(hi)
	case String:
		upper = TextValue(b.maxS)
		if b.cut {
			upper = Value{}
			if s, ok := successor(b.maxS); ok {
				upper = TextValue(s)
			}
		}
		return TextValue(b.minS), upper
	case Invalid, JSON, List, Struct:
	}
	return Value{}, Value{}
}

// reset begins another file.
func (b *columnBounds) reset() { *b = columnBounds{kind: b.kind, counted: b.counted} }
