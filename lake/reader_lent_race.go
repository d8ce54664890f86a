//go:build race

package lake

import "unsafe"

// lent is a copy of the row that a reader lends. It is spoiled when it is given
// back, as the reader's own is at some time or other: a text that was kept without
// Clone shows at once, in every test with the race detector.
func lent(values []Value) (row []Value, back func()) {
	row = StructValue(values...).Clone().items
	return row, func() { spoil(row) }
}

func spoil(values []Value) {
	for _, v := range values {
		for i := range unsafe.Slice(unsafe.StringData(v.text), len(v.text)) {
			unsafe.Slice(unsafe.StringData(v.text), len(v.text))[i] = '#'
		}
		spoil(v.items)
	}
	clear(values)
}
