package notiontest

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Big returns a workspace with one data source of so many rows: 35 properties
// of 24 types, about 6 KB of JSON a page, no two rows equal. The rows are made
// when they are asked for, so the workspace takes no memory.
func Big(rows int, seed uint64) *Workspace { return BigMany(seed, rows) }

// BigMany is like Big, with a data source for each number of rows.
func BigMany(seed uint64, rows ...int) *Workspace {
	w := NewWorkspace(seed)
	w.Update(func(t *Tx) {
		for i := range bigUsers {
			t.AddUser(bigUser(seed, i))
		}
		for i, n := range rows {
			title := "Big"
			if i > 0 {
				title = fmt.Sprintf("Big %d", i+1)
			}
			database := NewID(seed, fmt.Sprintf("database/big/%d", i))
			t.AddDatabase(Database{ID: database, Title: Plain(title)})
			g := newBig(t.m, fmt.Sprintf("big/%d", i), database, n)
			t.AddSource(DataSource{ID: g.source, Database: database, Title: Plain(title), Properties: bigProperties(seed, g.source), Gen: g})
		}
	})
	return w
}

// bigUsers is how many persons the rows of Big name.
const bigUsers = 50

func bigUser(seed uint64, i int) User {
	return User{
		ID: NewID(seed, fmt.Sprintf("user/%d", i)), Type: "person", Name: fmt.Sprintf("Person Number%d", i),
		Email: fmt.Sprintf("person.number%d@example.com", i), AvatarURL: fmt.Sprintf("https://avatars.example.com/person/%d.png", i),
	}
}

// big makes the rows of Big. Its JSON is laid out once: fixed pieces with
// variable fields between them.
type big struct {
	source string
	rows   int
	blocks int          // in every row
	night  atomic.Int64 // edits
	seed   uint64
	start  time.Time
	idHead string // of all page IDs, up to the last 12 digits
	parts  []part
	// titleParts are those of a page with its title only: the title comes first,
	// so its fields are what they are in the whole page.
	titleParts []part
	users      []string   // full user objects
	authors    []string   // user IDs
	options    [][]string // option objects, by property
	sentence   []string
	words      []string
}

// A part is a fixed piece of JSON and the field that follows it.
type part struct {
	text  string
	field bigField
}

// rowsPerBlock rows come in three minutes, of 500, 380 and 120 rows.
const rowsPerBlock = 1000

func (g *big) Len() int { return g.rows }

func (g *big) minute(i int) int {
	m := 3 * (i / rowsPerBlock)
	switch r := i % rowsPerBlock; {
	case r >= 880:
		return m + 2
	case r >= 500:
		return m + 1
	}
	return m
}

func (g *big) Minute(i int) time.Time {
	return g.start.Add(time.Duration(g.minute(i)) * time.Minute)
}

// The last 12 digits of a page ID are the index times an odd number, modulo
// 2^48, turned by a constant: another product brings the index back.
const (
	idTimes = 0x5851f42d4c95
	idMask  = 1<<48 - 1
)

// idInverse is the inverse of idTimes modulo 2^48, by Newton's method: every
// step doubles the digits that are right, of which an odd number has three.
func idInverse() uint64 {
	x := uint64(idTimes)
	for range 5 {
		x *= 2 - idTimes*x
	}
	return x & idMask
}

func (g *big) code(i int) uint64 { return (uint64(i)*idTimes ^ g.seed) & idMask }

func (g *big) appendID(dst []byte, i int) []byte {
	return appendHex(append(dst, g.idHead...), g.code(i), 12)
}

func (g *big) ID(i int) string { return string(g.appendID(make([]byte, 0, 36), i)) }

func (g *big) Index(id string) (int, bool) {
	if len(id) != 36 || id[:24] != g.idHead {
		return 0, false
	}
	var code uint64
	for _, c := range []byte(id[24:]) {
		switch {
		case c >= '0' && c <= '9':
			code = code<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			code = code<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	i := (code ^ g.seed&idMask) * idInverse() & idMask
	return int(i), i < uint64(g.rows)
}

func appendHex(dst []byte, x uint64, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[x>>shift&15])
	}
	return dst
}

func (g *big) AppendPage(dst []byte, v Version, i int) []byte { return g.append(dst, v, i, g.parts) }

func (g *big) AppendTitle(dst []byte, v Version, i int) []byte {
	return g.append(dst, v, i, g.titleParts)
}

func (g *big) append(dst []byte, v Version, i int, parts []part) []byte {
	h := mix(g.seed + uint64(i)*0x9e3779b97f4a7c15)
	r := bigRow{g: g, i: i, hash: h, version: v}
	for _, p := range parts {
		dst = append(dst, p.text...)
		if p.field != nil {
			dst = p.field(dst, &r)
		}
	}
	return dst
}
