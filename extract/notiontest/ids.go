package notiontest

import (
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"strings"
)

// newRand returns the generator of random numbers for one purpose of a seed.
func newRand(seed uint64, purpose string) *rand.Rand {
	return rand.New(rand.NewPCG(seed, hash(seed, purpose)))
}

// hash is FNV-1a with a final mix: stable for ever, since seeds are written down.
func hash(seed uint64, parts ...string) uint64 {
	h := uint64(14695981039346656037) ^ mix(seed)
	for _, p := range parts {
		for i := range len(p) {
			h = (h ^ uint64(p[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	return mix(h)
}

func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// idPrefix begins all IDs of one workspace, as it does in Notion.
const idPrefix = "38c9ce7b-60a4-8"

// NewID is the ID of the object that key names in the workspace of the seed.
func NewID(seed uint64, key string) string {
	a, b := hash(seed, key, "a"), hash(seed, key, "b")
	var raw [8]byte
	for i := range raw {
		raw[i] = byte(b >> (8 * i))
	}
	h := hex.EncodeToString(raw[:])
	mid := strconv.FormatUint(a>>52|1<<12, 16)[1:]
	return idPrefix + mid + "-" + string("89ab"[a&3]) + h[:3] + "-" + h[3:15]
}

// normalID writes an id with dashes in lower case; false if it is not a UUID.
func normalID(s string) (string, bool) {
	h := strings.ToLower(strings.ReplaceAll(s, "-", ""))
	if len(h) != 32 || (len(s) != 32 && len(s) != 36) {
		return "", false
	}
	for i := range len(h) {
		if c := h[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return "", false
		}
	}
	if len(s) == 36 && (s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-') {
		return "", false
	}
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], true
}

// EncodeID percent-encodes a property ID as Notion does in schemas and values.
func EncodeID(id string) string {
	const safe = "-_.!~*'()"
	var b strings.Builder
	for i := range len(id) {
		c := id[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(safe, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte("0123456789ABCDEF"[c>>4])
		b.WriteByte("0123456789ABCDEF"[c&15])
	}
	return b.String()
}

// PageURL is the page's address in Notion.
func PageURL(p *Page) string {
	title, _ := p.Values["title"].(Text)
	return "https://app.notion.com/p/" + slug(title.String()) + strings.ReplaceAll(p.ID, "-", "")
}

func slug(title string) string {
	var b strings.Builder
	for i := range len(title) {
		c := title[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			b.WriteByte(c)
		} else if n := b.Len(); n > 0 && b.String()[n-1] != '-' {
			b.WriteByte('-')
		}
		if b.Len() >= 60 {
			break
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return strings.TrimSuffix(b.String(), "-") + "-"
}
