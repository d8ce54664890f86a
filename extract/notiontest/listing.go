package notiontest

import (
	"strconv"
	"sync"
	"time"
)

// A row is what stands in the results of a query or a search: a page, a page
// that a Generator makes, or a data source.
type row struct {
	page   *Page
	source *DataSource
	gen    *DataSource
	index  int
}

func (r row) id() string {
	switch {
	case r.page != nil:
		return r.page.ID
	case r.source != nil:
		return r.source.ID
	}
	return r.gen.Gen.ID(r.index)
}

// created and edited are cut to the minute, as Notion compares them.
func (r row) created() time.Time {
	switch {
	case r.page != nil:
		return r.page.Created.Truncate(time.Minute)
	case r.source != nil:
		return r.source.Created.Truncate(time.Minute)
	}
	return r.gen.Gen.Minute(r.index)
}

func (r row) edited() time.Time {
	switch {
	case r.page != nil:
		return r.page.Edited.Truncate(time.Minute)
	case r.source != nil:
		return r.source.Edited.Truncate(time.Minute)
	}
	return r.gen.Gen.Minute(r.index)
}

// A titleGenerator makes pages that show their title only, faster than the
// other properties could be taken out.
type titleGenerator interface {
	AppendTitle(dst []byte, v Version, i int) []byte
}

func (r *renderer) wantsTitleOnly(s *DataSource) bool {
	if r.want == nil {
		return false
	}
	for _, p := range s.Properties {
		if r.want(p) != (p.ID == titleProperty.ID) {
			return false
		}
	}
	return true
}

func (x *exchange) row(dst []byte, r row) []byte {
	start := len(dst)
	switch {
	case r.source != nil:
		return x.r.source(dst, r.source)
	case r.gen != nil:
		if g, ok := r.gen.Gen.(titleGenerator); ok && x.r.wantsTitleOnly(r.gen) {
			return g.AppendTitle(dst, x.r.v, r.index)
		}
		dst = r.gen.Gen.AppendPage(dst, x.r.v, r.index)
	default:
		dst = x.r.page(dst, r.page)
	}
	if x.r.want == nil || r.page != nil && r.page.raw == "" {
		return dst
	}
	known := []*Property{&titleProperty}
	if s := x.sourceOf(r); s != nil {
		known = s.Properties
	}
	return append(dst[:start], onlyWanted(dst[start:], known, x.r.want)...)
}

// rows are results in their order; at is called for the page that is asked for only.
type rows struct {
	n  int
	at func(i int) row
}

func rowsOf(all []row) rows { return rows{len(all), func(i int) row { return all[i] }} }

func (a rows) then(b rows) rows {
	return rows{a.n + b.n, func(i int) row {
		if i < a.n {
			return a.at(i)
		}
		return b.at(i - a.n)
	}}
}

// listings keeps the last sorted results, since the pages of a listing come one
// after the other and mostly from the same state.
type listings struct {
	mu   sync.Mutex
	kept []kept
}

type kept struct {
	m   *Model
	key string
	all []row
}

const listingsKept = 8

// get returns the rows of a listing in a state, made by make the first time.
func (l *listings) get(m *Model, key string, make func() []row) []row {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.kept {
		if k.m == m && k.key == key {
			return k.all
		}
	}
	all := make()
	if len(l.kept) >= listingsKept {
		l.kept = append(l.kept[:0], l.kept[1:]...)
	}
	l.kept = append(l.kept, kept{m, key, all})
	return all
}

// A list is a listing to answer one page of.
type list struct {
	kind    string // "type" of the list
	binding string // what a cursor is good for
	n       int
	each    func(dst []byte, i int) []byte
	capped  bool // the result cap holds
	uuid    bool // cursors are refused as Notion does where they were UUIDs
	// object is the member that kind names; nil is {}.
	object func(dst []byte, more bool, next string) []byte
}

// list answers a page of a listing: from a position on, in the present state.
func (x *exchange) list(a pageArgs, l list) error {
	offset := 0
	if a.hasCursor {
		c, ok := x.s.open(a.cursor, l.binding, x.now)
		switch {
		case ok && x.fault.name != FaultExpired:
			offset = c.offset
		case l.uuid:
			return should("query", "start_cursor", "a valid uuid or `undefined`", jsonString(a.cursor))
		default:
			return invalid("The start_cursor provided is invalid: %s", a.cursor)
		}
	}
	if x.fault.name == FaultDuplicate && offset > 0 {
		offset--
	}
	total := l.n
	incomplete := l.capped && l.n > x.s.o.Cap
	if incomplete {
		total = x.s.o.Cap
	}
	offset = min(offset, total)
	end := min(total, offset+x.shorten(a.size))
	more, next := end < total, ""
	if more {
		next = x.s.seal(cursor{end, x.now, x.number}, l.binding)
	}
	switch x.fault.name {
	case FaultRepeated:
		more, next = true, a.cursor
	case FaultNoCursor:
		more, next = true, ""
	case FaultIncomplete:
		incomplete = true
	}
	dst := append(x.out, `{"object":"list","results":[`...)
	for i := offset; i < end; i++ {
		if i > offset {
			dst = append(dst, comma)
		}
		dst = l.each(dst, i)
	}
	dst = append(dst, `],"next_cursor":`...)
	dst = appendNullable(dst, next)
	dst = append(dst, `,"has_more":`...)
	dst = appendBool(dst, more)
	dst = append(append(append(dst, `,"type":"`...), l.kind...), `","`...)
	dst = append(append(dst, l.kind...), `":`...)
	if l.object == nil {
		dst = append(dst, "{}"...)
	} else {
		dst = l.object(dst, more, next)
	}
	if incomplete {
		dst = append(dst, `,"request_status":{"type":"incomplete","incomplete_reason":"query_result_limit_reached"}`...)
	}
	x.out = append(dst, '}')
	return nil
}

// shorten makes pages of at most PageSize, and short ones, one in eight of them empty.
func (x *exchange) shorten(size int) int {
	if most := x.s.o.PageSize; most > 0 {
		size = min(size, most)
	}
	if !x.s.o.ShortPages {
		return size
	}
	h := hash(x.s.o.Seed, "short", strconv.FormatInt(x.number, 10))
	if h%8 == 0 {
		return 0
	}
	return 1 + int(h>>3%uint64(size))
}
