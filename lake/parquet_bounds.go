package lake

import (
	"math"

	"github.com/parquet-go/parquet-go"
)

// A boundedType is a Parquet type whose pages have other bounds than their
// least and greatest value. The bounds go to the page index and the footer, by
// which engines skip pages and row groups.
//
// Text needs it because a long one would stand there in full, and because to
// skip the bounds of a column (parquet.SkipPageBounds) makes a page index that
// says that every page is empty text: engines that believe it lose rows.
// Doubles need it because zeros have two signs and one value.
type boundedType struct {
	parquet.Type
	bound func(lower, upper parquet.Value) (parquet.Value, parquet.Value)
}

// NewColumnBuffer is where the pages that are written come from.
func (t *boundedType) NewColumnBuffer(column, values int) parquet.ColumnBuffer {
	return &boundedBuffer{ColumnBuffer: t.Type.NewColumnBuffer(column, values), typ: t}
}

type boundedBuffer struct {
	parquet.ColumnBuffer
	typ *boundedType
}

func (b *boundedBuffer) Page() parquet.Page {
	return &boundedPage{Page: b.ColumnBuffer.Page(), typ: b.typ}
}

type boundedPage struct {
	parquet.Page
	typ *boundedType
}

func (p *boundedPage) Bounds() (lower, upper parquet.Value, ok bool) {
	if lower, upper, ok = p.Page.Bounds(); ok {
		lower, upper = p.typ.bound(lower, upper)
	}
	return lower, upper, ok
}

// boundText cuts bounds as columnBounds does. The last text of all, which has
// no successor, stays whole.
func boundText(lower, upper parquet.Value) (parquet.Value, parquet.Value) {
	if s, cut := prefix(string(lower.ByteArray())); cut {
		lower = parquet.ByteArrayValue([]byte(s))
	}
	if s, cut := prefix(string(upper.ByteArray())); cut {
		if s, ok := successor(s); ok {
			upper = parquet.ByteArrayValue([]byte(s))
		}
	}
	return lower, upper
}

// boundFloats makes zeros as bounds hold for both signs.
func boundFloats(lower, upper parquet.Value) (parquet.Value, parquet.Value) {
	if lower.Double() == 0 {
		lower = parquet.DoubleValue(math.Copysign(0, -1))
	}
	if upper.Double() == 0 {
		upper = parquet.DoubleValue(0)
	}
	return lower, upper
}
