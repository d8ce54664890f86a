package extract

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"

	"github.com/mozillazg/go-unidecode"
	"golang.org/x/text/unicode/norm"
)

// maxName is how long a name of a table or column may be, in bytes.
const maxName = 127

// snakeCase writes a name of Notion's as a name of a table or column: ASCII,
// lower case, words divided by one underscore, never one at either end; "" if
// nothing is left. digit is put before a leading digit.
func snakeCase(name, digit string) string {
	ascii := transliterate(name)
	var b strings.Builder
	gap := false
	for i := 0; i < len(ascii); i++ {
		c := ascii[i]
		if !isAlnum(c) {
			gap = true
			continue
		}
		if isUpper(c) && i > 0 {
			before := ascii[i-1]
			gap = gap || isLower(before) || isUpper(before) && i+1 < len(ascii) && isLower(ascii[i+1])
		}
		switch {
		case b.Len() == 0 && c-'0' <= 9:
			b.WriteString(digit)
		case b.Len() > 0 && gap:
			b.WriteByte('_')
		}
		gap = false
		if isUpper(c) {
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// transliterate writes s in ASCII: compatibility forms taken apart, marks
// dropped, the rest by the Unidecode tables.
func transliterate(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] < 0x80
	}
	if plain {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.M, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(s))
	return unidecode.Unidecode(s)
}

func isUpper(c byte) bool { return c-'A' < 26 }
func isLower(c byte) bool { return c-'a' < 26 }
func isAlnum(c byte) bool { return isUpper(c) || isLower(c) || c-'0' <= 9 }

// cutName cuts a name to at most n bytes, without an underscore at its end.
func cutName(name string, n int) string {
	if len(name) > n {
		name = name[:n]
	}
	return strings.TrimRight(name, "_")
}

// propertySuffix tells a property's column from others of its name.
func propertySuffix(id string) string {
	if len(id) > 16 {
		sum := sha256.Sum256([]byte(id))
		return "_" + hex.EncodeToString(sum[:8])
	}
	return "_" + hex.EncodeToString([]byte(id))
}

// sourceSuffix tells a data source's table from others of its name: the last 12
// digits, since the IDs of one workspace begin alike.
func sourceSuffix(id string) string {
	id = strings.ReplaceAll(id, "-", "")
	return "_" + id[max(0, len(id)-12):]
}

// A claim is what asks for a name.
type claim struct {
	base   string // the name it would have alone
	suffix string
	// always: the base names nothing, so the suffix belongs to it even where it is alone.
	always bool
	// before is the name it had, "" for none. It keeps it while it is one that
	// base can become; then no other claim can take it away.
	before string
	// keep: it keeps the name it had, whatever it is.
	keep bool
}

func (c claim) plain() string { return cutName(c.base, maxName) }

// suffixed is the base with the suffix n times.
func (c claim) suffixed(n int) string {
	suffix := strings.Repeat(c.suffix, n)
	return cutName(c.base, max(1, maxName-len(suffix))) + suffix
}

// maxSuffixes is how often a suffix is repeated at most: once, but where a name
// was made to look like another one's with its suffix.
const maxSuffixes = 3

// keeps reports whether the claim keeps the name it had.
func (c claim) keeps() bool {
	if c.before == "" {
		return false
	}
	if c.keep || c.before == c.plain() && !c.always {
		return true
	}
	for n := 1; n <= maxSuffixes; n++ {
		if c.before == c.suffixed(n) {
			return true
		}
	}
	return false
}

// assignNames gives every claim a name of its own, none of them in taken. Who has
// a name keeps it; of those who want the same new one, the first gets it as it
// is and the others with their suffix.
func assignNames(claims []claim, taken map[string]bool) []string {
	names := make([]string, len(claims))
	used := map[string]bool{}
	for name := range taken {
		used[name] = true
	}
	take := func(i int, name string) bool {
		if used[name] {
			return false
		}
		used[name], names[i] = true, name
		return true
	}
	for i, c := range claims {
		if c.keeps() {
			take(i, c.before)
		}
	}
	for i, c := range claims {
		if names[i] == "" && !c.always {
			take(i, c.plain())
		}
		for n := 1; names[i] == "" && n < maxName; n++ {
			take(i, c.suffixed(n))
		}
	}
	return names
}
