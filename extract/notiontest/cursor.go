package notiontest

import (
	"encoding/base64"
	"encoding/binary"
	"time"
)

// A cursor is a position in one listing of one token. Notion's are opaque, so
// it is sealed, and no two are equal.
type cursor struct {
	offset  int
	issued  time.Time
	request int64
}

const cursorBytes = 32

func (s *Server) seal(c cursor, listing string) string {
	var raw [cursorBytes]byte
	binary.BigEndian.PutUint64(raw[8:], uint64(c.offset))
	binary.BigEndian.PutUint64(raw[16:], uint64(c.issued.UnixMilli()))
	binary.BigEndian.PutUint64(raw[24:], uint64(c.request))
	binary.BigEndian.PutUint64(raw[:], s.mark(raw[8:], listing))
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// open reads a cursor; false if it belongs to another listing or token, or is too old.
func (s *Server) open(text, listing string, now time.Time) (cursor, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != cursorBytes || binary.BigEndian.Uint64(raw) != s.mark(raw[8:], listing) {
		return cursor{}, false
	}
	c := cursor{
		offset:  int(binary.BigEndian.Uint64(raw[8:])),
		issued:  time.UnixMilli(int64(binary.BigEndian.Uint64(raw[16:]))),
		request: int64(binary.BigEndian.Uint64(raw[24:])),
	}
	if ttl := s.o.CursorTTL; ttl > 0 && now.Sub(c.issued) > ttl {
		return cursor{}, false
	}
	return c, true
}

func (s *Server) mark(payload []byte, listing string) uint64 {
	return hash(s.o.Seed, "cursor", s.o.Token, listing, string(payload))
}
