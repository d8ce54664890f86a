package notion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A listing is a request whose answer comes in pages.
type listing struct {
	op     string
	method string
	path   string
	query  url.Values // of a GET, beside cursor and size
	body   body       // of a POST, but for cursor and size
	size   *pageSize
	check  func(*answer) error // besides what every list must have; may be nil
	single bool                // the answer may be one object instead of a list
	rows   bool                // the results are rows: their heads are read
	last   bool                // others go first: see request
	// after looks at a page that has a next one and says how to go on. It may
	// change the body. Nil: by the cursor.
	after func(*page) step
}

// A step is how a listing goes on after a page.
type step uint8

const (
	byCursor step = iota
	anew          // from the beginning of what the body asks for now
	stop
)

// body is what a listing may ask for in the body of a POST.
type body struct {
	Filter      any    `json:"filter,omitempty"`
	Sort        any    `json:"sort,omitempty"`
	Sorts       []any  `json:"sorts,omitempty"`
	StartCursor string `json:"start_cursor,omitempty"`
	PageSize    int    `json:"page_size"`
	ResultType  string `json:"result_type,omitempty"`
	IsArchived  bool   `json:"is_archived,omitempty"`
}

// A page is one answer of a listing. It is valid until the next one.
type page struct {
	*answer
	next       string // cursor
	more       bool
	incomplete bool      // Notion cut the listing off
	from       time.Time // where the window of rows starts that the page belongs to
	first      bool      // the first page of that window
}

// all yields the elements of results.
func (p *page) all() iter.Seq[JSON] {
	return func(yield func(JSON) bool) {
		for _, s := range p.results {
			if !yield(p.b[s.start:s.end:s.end]) {
				return
			}
		}
	}
}

// maxRestarts is how often a listing whose cursor was refused begins again
// without having come further.
const maxRestarts = 3

// maxEmptyPages is how many pages in a row may hold nothing and have a next one.
const maxEmptyPages = 100

// pages yields the pages of one pass through a listing. The next one is asked
// for while this one is being used. A pass ends with an error or was whole.
func (c *Client) pages(ctx context.Context, l *listing) iter.Seq2[*page, error] {
	return func(yield func(*page, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pages := make(chan *page)
		var err error // set before pages is closed
		var panics caught
		var wg sync.WaitGroup
		wg.Go(func() {
			defer close(pages)
			defer panics.here(c.log)
			err = c.fetch(ctx, l, pages)
		})
		defer wg.Wait()
		defer cancel()
		for p := range pages {
			ok := yield(p, nil)
			c.release(p.buffer)
			if !ok {
				return
			}
		}
		panics.again()
		if err != nil {
			yield(nil, err)
		}
	}
}

// fetch sends the pages of one pass to pages.
func (c *Client) fetch(ctx context.Context, l *listing, pages chan<- *page) error {
	seen := map[string]bool{}
	empty := 0
	for cursor := ""; ; {
		p, err := c.page(ctx, l, cursor)
		if err != nil {
			return err
		}
		// What follows must be known before p is given away.
		next, id, more, how := p.next, p.RequestID, p.more, byCursor
		if empty++; len(p.results) > 0 {
			empty = 0
		}
		if l.after != nil {
			how = l.after(p)
		}
		select {
		case pages <- p:
		case <-ctx.Done():
			c.release(p.buffer)
			return fmt.Errorf("%s: %w", l.op, ctx.Err())
		}
		switch {
		case how == stop:
			return nil
		case how == anew:
			cursor = ""
			clear(seen)
			continue
		case !more:
			return nil
		case next == "":
			return &Error{Op: l.op, RequestID: id, Err: fmt.Errorf("%w: there is more, but no cursor", ErrLoop)}
		case seen[next]:
			return &Error{Op: l.op, RequestID: id, Err: fmt.Errorf("%w: a cursor came twice", ErrLoop)}
		case empty == maxEmptyPages:
			return &Error{Op: l.op, RequestID: id, Err: fmt.Errorf("%w: %d pages in a row without results", ErrLoop, empty)}
		}
		seen[next] = true
		cursor = next
	}
}

// page asks for one page.
func (c *Client) page(ctx context.Context, l *listing, cursor string) (*page, error) {
	p := new(page)
	a, err := c.do(ctx, request{
		op:     l.op,
		method: l.method,
		target: func() (string, []byte) { return l.target(cursor) },
		shrink: l.size.shrink,
		last:   l.last,
		check: func(a *answer) error {
			if object := a.member("object").Text(); object != "list" && (object == "" || !l.single) {
				return fmt.Errorf("the answer is %q, not a list", object)
			} else if object == "list" {
				if err := p.read(a); err != nil {
					return err
				}
			}
			if l.check != nil {
				return l.check(a)
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	p.answer = a
	p.heads = p.heads[:0]
	if l.rows {
		for row := range p.all() {
			p.heads = append(p.heads, headOf(row))
		}
	}
	l.size.answered()
	return p, nil
}

// read takes what every list has.
func (p *page) read(a *answer) error {
	if a.member("results").Kind() != '[' {
		return errors.New("the list has no results")
	}
	more, next, status := a.member("has_more"), a.member("next_cursor"), a.member("request_status")
	if k := more.Kind(); k != 't' && k != 'f' {
		return errors.New("the list does not say whether there is more")
	}
	if k := next.Kind(); k != '"' && !next.IsNull() {
		return errors.New("the list's cursor is no text")
	}
	p.more, p.next = more.Bool(), next.Text()
	p.incomplete = status.Get("type").Text() == "incomplete"
	return nil
}

// target returns what to send for the page at cursor.
func (l *listing) target(cursor string) (path string, sent []byte) {
	if l.method == http.MethodGet {
		q := url.Values{"page_size": {strconv.Itoa(l.size.now)}}
		maps.Copy(q, l.query)
		if cursor != "" {
			q.Set("start_cursor", cursor)
		}
		return l.path + "?" + q.Encode(), nil
	}
	b := l.body
	b.StartCursor, b.PageSize = cursor, l.size.now
	sent, err := json.Marshal(b)
	if err != nil {
		panic(err) // texts and numbers only
	}
	return l.path, sent
}

// A pageSize is how many results a listing asks for: fewer after answers that
// were too much for Notion or for us, and more again when all goes well.
type pageSize struct{ most, now, good int }

const (
	minPageSize = 10
	goodPages   = 10 // in a row, before asking for more again
)

func newPageSize(n int) *pageSize { return &pageSize{most: n, now: n} }

func (s *pageSize) shrink() bool {
	s.good = 0
	if s.now <= minPageSize {
		return false
	}
	s.now = max(s.now/2, minPageSize)
	if s.now < 25 {
		s.now = minPageSize // 100, 50, 25, 10
	}
	return true
}

func (s *pageSize) answered() {
	if s.good++; s.good >= goodPages && s.now < s.most {
		s.now, s.good = min(s.now*2, s.most), 0
	}
}

// listed yields the objects of a listing, each id once. It begins again when a
// cursor is refused, and ends with ErrIncomplete if Notion cut it off.
//
// A cursor is a position that shifts when an object before it leaves or moves to
// another place, and then an object is skipped. So a listing of several pages is
// read again until that finds nothing new.
func (c *Client) listed(ctx context.Context, l listing) iter.Seq2[JSON, error] {
	return func(yield func(JSON, error) bool) {
		var seen idSet
		furthest := 0 // page of this pass
		for restarts, passes := 0, 1; ; {
			p, err := c.listedOnce(ctx, l, &seen, yield)
			if p.found || p.pages > furthest {
				restarts, furthest = 0, max(furthest, p.pages)
			}
			switch {
			case errors.Is(err, errStopped):
				return
			case errors.Is(err, ErrCursor) && restarts < maxRestarts:
				restarts++
				continue
			case err != nil:
			case p.incomplete:
				err = &Error{Op: l.op, Err: ErrIncomplete}
			case p.pages > 1 && p.found && passes <= maxUnclean:
				passes++
				restarts, furthest = 0, 0
				continue
			case p.pages > 1 && p.found:
				err = &Error{Op: l.op, Err: fmt.Errorf("%w: each of %d readings found what the others had not", ErrIncomplete, passes)}
			}
			if err != nil {
				yield(nil, err)
			}
			return
		}
	}
}

// alike reads a listing until two readings of it agree, where it comes in several
// pages: when an element leaves meanwhile the cursor skips another. It begins again
// when a cursor is refused.
func alike(op string, same func(a, b JSON) bool, pass func() (items []JSON, pages int, err error)) ([]JSON, error) {
	var before []JSON
	for restarts, passes := 0, 1; ; {
		items, pages, err := pass()
		switch {
		case errors.Is(err, ErrCursor) && restarts < maxRestarts:
			restarts++
			continue
		case err != nil:
			return nil, err
		case pages > 1 && (passes == 1 || !slices.EqualFunc(items, before, same)):
			if passes > maxUnclean {
				return nil, &Error{Op: op, Err: fmt.Errorf("%w: it was another at each of %d readings", ErrIncomplete, passes)}
			}
			passes++
			restarts, before = 0, items
			continue
		}
		return items, nil
	}
}

// A pass is what one reading of a listing gave.
type pass struct {
	pages      int
	found      bool // something that was not known before
	incomplete bool
}

// errStopped says that the consumer of a sequence wants no more.
var errStopped = errors.New("stopped")

func (c *Client) listedOnce(ctx context.Context, l listing, seen *idSet, yield func(JSON, error) bool) (pass, error) {
	var now pass
	for p, err := range c.pages(ctx, &l) {
		if err != nil {
			return now, err
		}
		now.pages++
		now.incomplete = now.incomplete || p.incomplete
		for object := range p.all() {
			id, ok := object.Get("id").uuid()
			if !ok {
				return now, &Error{Op: l.op, RequestID: p.RequestID, Err: errors.New("a result has no id")}
			}
			if again, _ := seen.add(id, 0); again {
				continue
			}
			now.found = true
			if !yield(object, nil) {
				return now, errStopped
			}
		}
	}
	return now, nil
}
