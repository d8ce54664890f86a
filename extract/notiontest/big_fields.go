package notiontest

import (
	"strconv"
	"time"
)

// A bigField appends what differs from row to row.
type bigField func(dst []byte, r *bigRow) []byte

// A bigRow is the row being made.
type bigRow struct {
	g       *big
	i       int
	hash    uint64 // of the row
	n       uint64 // counts the draws
	last    string // the last word or sentence
	version Version
}

// draw is the next random number of the row.
func (r *bigRow) draw() uint64 {
	r.n++
	return mix(r.hash + r.n*0x9e3779b97f4a7c15)
}

func fieldID(dst []byte, r *bigRow) []byte { return r.g.appendID(dst, r.i) }

// fieldPlainID is the page's ID without dashes, as in its URL.
func fieldPlainID(dst []byte, r *bigRow) []byte {
	h := r.g.idHead
	dst = append(append(append(append(dst, h[:8]...), h[9:13]...), h[14:18]...), h[19:23]...)
	return appendHex(dst, r.g.code(r.i), 12)
}

func fieldIndex(dst []byte, r *bigRow) []byte { return strconv.AppendInt(dst, int64(r.i), 10) }

func fieldCreated(dst []byte, r *bigRow) []byte { return appendTime(dst, r.g.Minute(r.i)) }

func fieldEdited(dst []byte, r *bigRow) []byte {
	return appendTime(dst, r.g.edited(r.i, r.hash))
}

func appendTime(dst []byte, t time.Time) []byte {
	y, mo, d := t.Date()
	h, mi, _ := t.Clock()
	dst = append(strconv.AppendInt(dst, int64(y), 10), '-')
	dst = append(appendTwo(dst, int(mo)), '-')
	dst = append(appendTwo(dst, d), 'T')
	dst = append(appendTwo(dst, h), ':')
	return append(appendTwo(dst, mi), ":00.000Z"...)
}

func appendTwo(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

func fieldAuthor(dst []byte, r *bigRow) []byte {
	return append(dst, r.g.authors[r.hash>>8%uint64(len(r.g.authors))]...)
}

func fieldEditor(dst []byte, r *bigRow) []byte {
	return append(dst, r.g.authors[r.hash>>16%uint64(len(r.g.authors))]...)
}

func fieldAuthorObject(dst []byte, r *bigRow) []byte {
	return append(dst, r.g.users[r.hash>>8%uint64(len(r.g.users))]...)
}

func fieldEditorObject(dst []byte, r *bigRow) []byte {
	return append(dst, r.g.users[r.hash>>16%uint64(len(r.g.users))]...)
}

func fieldUser(dst []byte, r *bigRow) []byte {
	return append(dst, r.g.users[r.draw()%uint64(len(r.g.users))]...)
}

func fieldVersion(dst []byte, r *bigRow) []byte {
	if r.version == V20250903 {
		return append(dst, `,"archived":false`...)
	}
	return dst
}

// fieldRandom is a number of eleven hex digits.
func fieldRandom(dst []byte, r *bigRow) []byte { return appendHex(dst, r.draw(), 11) }

func fieldInt(dst []byte, r *bigRow) []byte {
	return strconv.AppendInt(dst, int64(r.draw()%1_000_000)-100_000, 10)
}

// fieldDecimal is a number with five decimals.
func fieldDecimal(dst []byte, r *bigRow) []byte {
	dst = strconv.AppendUint(dst, r.draw()%100_000, 10)
	return append(fieldDigits(append(dst, '.'), r), '1')
}

// fieldDigits is four digits.
func fieldDigits(dst []byte, r *bigRow) []byte {
	n := int(r.draw() % 10_000)
	return appendTwo(appendTwo(dst, n/100), n%100)
}

func fieldBool(dst []byte, r *bigRow) []byte { return appendBool(dst, r.draw()&1 == 0) }

// fieldDay is a day of one of four years.
func fieldDay(dst []byte, r *bigRow) []byte {
	n := r.draw()
	dst = append(dst, "202"...)
	dst = append(dst, byte('3'+n%4), '-')
	dst = append(appendTwo(dst, 1+int(n>>8%12)), '-')
	return appendTwo(dst, 1+int(n>>16%28))
}

func fieldClock(dst []byte, r *bigRow) []byte {
	n := r.draw()
	dst = append(appendTwo(dst, int(n%24)), ':')
	return append(appendTwo(dst, int(n>>8%60)), ":00.000"...)
}

func fieldOffset(dst []byte, r *bigRow) []byte {
	return append(dst, [...]string{"+00:00", "+02:00", "-07:00", "+05:30"}[r.draw()&3]...)
}

func fieldWord(dst []byte, r *bigRow) []byte {
	r.last = r.g.words[r.draw()%uint64(len(r.g.words))]
	return append(dst, r.last...)
}

func fieldSentence(dst []byte, r *bigRow) []byte {
	r.last = r.g.sentence[r.draw()%uint64(len(r.g.sentence))]
	return append(dst, r.last...)
}

func fieldLast(dst []byte, r *bigRow) []byte { return append(dst, r.last...) }

// fieldOption is an option object of the property at so many columns with options.
func fieldOption(column int) bigField {
	return func(dst []byte, r *bigRow) []byte {
		options := r.g.options[column]
		return append(dst, options[r.draw()%uint64(len(options))]...)
	}
}

// fieldOptions is one to three different option objects.
func fieldOptions(column int) bigField {
	return func(dst []byte, r *bigRow) []byte {
		options := r.g.options[column]
		n := r.draw()
		for k := range 1 + n%3 {
			if k > 0 {
				dst = append(dst, comma)
			}
			dst = append(dst, options[(n>>8+k)%uint64(len(options))]...)
		}
		return dst
	}
}

// fieldRefs is one to four references to rows of the same data source.
func fieldRefs(dst []byte, r *bigRow) []byte {
	n := r.draw()
	for k := range 1 + n%4 {
		if k > 0 {
			dst = append(dst, comma)
		}
		dst = append(dst, `{"id":"`...)
		dst = r.g.appendID(dst, int((n>>8+k*7919)%uint64(r.g.rows)))
		dst = append(dst, `"}`...)
	}
	return dst
}
