package lake

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
)

// An entry carries the sum of its own bytes: one that another program changed, or a
// disk spoiled, may name another load or state, and would have files deleted that a
// load needs. The sum is over the bytes as they lie there, without itself, so that it
// does not depend on how they were made.

// sumPlace is what the sum stands behind. In a text within an entry its quotation marks
// are escaped; a field of that name further on is behind the entry's own.
const sumPlace = `"sum": "`

// seal puts the sum of an entry into its bytes, which have an empty one.
func seal(data []byte) []byte {
	before, after, _ := bytes.Cut(data, []byte(sumPlace))
	return slices.Concat(before, []byte(sumPlace+sumOf(before, after)), after)
}

// checkSum fails unless the bytes of an entry are those that were sealed.
func checkSum(data []byte) error {
	before, rest, _ := bytes.Cut(data, []byte(sumPlace))
	sum := rest[:min(len(rest), hex.EncodedLen(sha256.Size))]
	if string(sum) != sumOf(before, rest[len(sum):]) {
		return errors.New("its bytes are not those that were written")
	}
	return nil
}

// sumOf is the sum of what is before and after its place.
func sumOf(before, after []byte) string {
	h := sha256.New()
	for _, part := range [][]byte{before, []byte(sumPlace), after} {
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}
