package notion

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/bits"
	"net/url"
	"regexp"
	"strings"
)

var (
	errNotID   = errors.New("not a Notion id or URL: give the 32 hex digits, the dashed form, or the link from “Copy link”")
	uuidForm   = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	plainForm  = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)
	pathIDForm = regexp.MustCompile(`(?:^|[-/])([0-9a-fA-F]{32}|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$`)
)

// ParseID returns the id, dashed and in lower case, that s names: an id with or
// without dashes, or a Notion URL. Of a URL it takes the page or database of
// the path, or of ?p= (a page opened over another); never the view (v), the
// discussion (d) or the block (#).
func ParseID(s string) (string, error) {
	s = strings.TrimSpace(s)
	if uuidForm.MatchString(s) || plainForm.MatchString(s) {
		return dashed(s), nil
	}
	if rest, ok := strings.CutPrefix(s, "collection://"); ok && uuidForm.MatchString(rest) {
		return dashed(rest), nil
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "notion") || u.Host == "" {
		return "", errNotID
	}
	if strings.Contains(u.Path, "..") {
		return "", errNotID
	}
	q := u.Query()
	for _, name := range []string{"p", "page_id", "database_id"} {
		if id := q.Get(name); uuidForm.MatchString(id) || plainForm.MatchString(id) {
			return dashed(id), nil
		}
	}
	if m := pathIDForm.FindStringSubmatch(strings.TrimRight(u.Path, "/")); m != nil {
		return dashed(m[1]), nil
	}
	return "", errNotID
}

// dashed writes an id as Notion does: lower case, with dashes.
func dashed(id string) string {
	s := strings.ToLower(strings.ReplaceAll(id, "-", ""))
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// UUID is the 16 bytes of an id.
type UUID [16]byte

// String writes an id as Notion does.
func (u UUID) String() string {
	b := make([]byte, 0, 36)
	for i, part := range [][]byte{u[:4], u[4:6], u[6:8], u[8:10], u[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return string(b)
}

// Slot is where a hash table of n slots has the id first. n need be no power of two,
// so the hash is scaled, not masked.
func (u UUID) Slot(n int) int {
	const mix = 0x9e3779b97f4a7c15 // 2^64 by the golden ratio
	h := binary.LittleEndian.Uint64(u[:8])*mix ^ binary.LittleEndian.Uint64(u[8:])
	h = (h ^ h>>32) * mix
	high, _ := bits.Mul64(h, uint64(n))
	return int(high)
}

// ParseUUID reads a dashed or plain id without allocating.
func ParseUUID(id []byte) (u UUID, ok bool) {
	var digits [32]byte
	n := 0
	for _, c := range id {
		if c == '-' {
			continue
		}
		if n == len(digits) {
			return u, false
		}
		digits[n] = c
		n++
	}
	if n != len(digits) {
		return u, false
	}
	_, err := hex.Decode(u[:], digits[:])
	return u, err == nil
}

// uuid returns the id that a text is.
func (j JSON) uuid() (UUID, bool) {
	if j.Kind() != '"' {
		return UUID{}, false
	}
	return ParseUUID(j[1 : len(j)-1])
}
