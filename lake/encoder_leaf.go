package lake

import (
	"hash/crc32"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
)

// A leaf is a Parquet column: the values of the rows that an encoder took in,
// and what is to be known of them.
type leaf struct {
	id         int
	path       []string // in the Parquet schema
	index      int      // among the Parquet columns
	def        int      // definition level of a value that is not null
	long       bool     // text without bounds
	bloom      bool     // gets a Bloom filter
	unique     bool     // values are mostly different by what they mean
	dictionary bool     // of this file, see chooseDictionary

	values []parquet.Value
	stats  columnBounds

	rows     int64 // written to the row group
	pageRows int   // written to the page
	pageText int   // bytes of text taken in for the page
}

func (l *leaf) put(v parquet.Value, rep, def int) {
	l.values = append(l.values, v.Level(rep, def, l.index))
}

func (l *leaf) null(rep, def int) {
	l.stats.values++
	l.stats.nulls++
	l.values = append(l.values, parquet.Value{}.Level(rep, def, l.index))
}

// pageBytes is how much text a page holds.
func (l *leaf) pageBytes() int {
	if l.long {
		return longPageBytes
	}
	return shortPageBytes
}

// chooseDictionary decides by the values at hand whether the column's text gets
// a dictionary: if one in ten is a repetition, there are not so many different
// ones. Else a dictionary would cost time and memory until it is given up.
//
// Long texts want none: bounds of a dictionary's pages are not cut.
// Identifiers never get one: when a dictionary is given up, the writer's Bloom
// filter knows the values in the dictionary only, and engines would not find
// the others.
func (l *leaf) chooseDictionary(kind Kind) {
	l.dictionary = false
	if (kind != String && kind != JSON) || l.long || l.unique {
		return
	}
	const sample, slots, dictionaryText = 1024, 8192, 256
	var seen [slots / 64]uint64
	// Not a hash by a random seed: the same rows are to make the same file.
	table := crc32.MakeTable(crc32.Castagnoli)
	n, different := 0, 0
	for _, v := range l.values {
		if v.IsNull() {
			continue
		}
		if len(v.ByteArray()) > dictionaryText {
			return
		}
		h := crc32.Checksum(v.ByteArray(), table) % slots
		if seen[h/64]&(1<<(h%64)) == 0 {
			seen[h/64] |= 1 << (h % 64)
			different++
		}
		if n++; n == sample {
			break
		}
	}
	l.dictionary = n > 0 && 10*different <= 9*n
}

// An arena keeps copies of texts until it is reset, without an allocation for each.
type arena struct {
	chunks [][]byte
	chunk  int // the one in use
	used   int // bytes used of it
	bytes  int // bytes kept in all
}

const arenaChunk = 256 << 10

func (a *arena) keep(s string) []byte {
	a.bytes += len(s)
	if len(s) > arenaChunk/4 {
		return []byte(s)
	}
	if len(a.chunks) == 0 || a.used+len(s) > arenaChunk {
		a.next()
	}
	b := a.chunks[a.chunk][a.used : a.used+len(s) : a.used+len(s)]
	a.used += copy(b, s)
	return b
}

func (a *arena) next() {
	if len(a.chunks) > 0 {
		a.chunk++
	}
	if a.chunk == len(a.chunks) {
		a.chunks = append(a.chunks, make([]byte, arenaChunk))
	}
	a.used = 0
}

func (a *arena) reset() { a.chunk, a.used, a.bytes = 0, 0, 0 }

// validText reports whether s is UTF-8. Sources see to that; this is the last
// place before the file, which readers would refuse as a whole.
func validText(s string) bool { return utf8.ValidString(s) }

// chooseDictionaries does so for all leaves of a column.
func (n *node) chooseDictionaries() {
	switch {
	case n.leaf != nil:
		n.leaf.chooseDictionary(n.kind)
	case n.elem != nil:
		n.elem.chooseDictionaries()
	}
	for _, f := range n.fields {
		f.chooseDictionaries()
	}
}
