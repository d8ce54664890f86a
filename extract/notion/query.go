package notion

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"
)

// A Query says which rows of a data source to read.
type Query struct {
	Archived bool // the archived rows, and only these
	PageSize int  // rows a request asks for at first, 1 to 100; 100
	// Listed is called with true once all rows have been asked for, when what is left
	// is to prove that none was skipped; and with false where rows are asked for again
	// after that. May be nil.
	Listed func(all bool)
}

// A Result is one row, as it was when Notion answered.
type Result struct {
	Object JSON // valid until the next result
	// Supersedes says that this row was yielded before and has been edited since.
	Supersedes bool
}

// QueryDataSource yields every row of a data source that is there from the
// beginning to the end of the query: each once, and again only if it was edited
// while the rows were being read. A row may be partial, that is, have an object
// and an id only. A query that Notion cut off and that could not be continued
// yields all the rows it got and then an error that is ErrIncomplete.
func (c *Client) QueryDataSource(ctx context.Context, id string, q Query) iter.Seq2[Result, error] {
	if _, ok := ParseUUID([]byte(id)); !ok {
		return failed[Result](fmt.Errorf("query data source %q: %w", id, errNotID))
	}
	if q.PageSize < 0 || q.PageSize > maxPageSize {
		return failed[Result](fmt.Errorf("query data source %s: page size %d is not between 1 and %d", id, q.PageSize, maxPageSize))
	}
	if q.PageSize == 0 {
		q.PageSize = maxPageSize
	}
	return func(yield func(Result, error) bool) {
		r := &rows{
			c:        c,
			ctx:      ctx,
			id:       dashed(id),
			op:       "query data source " + dashed(id),
			archived: q.Archived,
			size:     newPageSize(q.PageSize),
			listed:   q.Listed,
			yield:    yield,
		}
		if err := r.run(); err != nil && !errors.Is(err, errStopped) {
			yield(Result{}, err)
		}
	}
}

// rows is a query that runs.
//
// The rows are read in windows: each asks for what was created at or after a
// time, in the order of creation. A cursor is a position that shifts when a row
// before it is removed, and then a row is skipped. So a window ends with its
// first page where it can, and the next one starts at the last row of that page.
// Where too many rows were created in the same minute for that, the window goes
// on by cursors, and when it ends it is proved that none of its rows has been
// removed meanwhile.
type rows struct {
	c        *Client
	ctx      context.Context
	id, op   string
	archived bool
	size     *pageSize
	seen     idSet
	listed   func(all bool) // may be nil
	told     bool           // what listed was called with last
	yield    func(Result, error) bool
}

// tell calls listed where it has another answer than the last time.
func (r *rows) tell(all bool) {
	if r.listed != nil && r.told != all {
		r.told = all
		r.listed(all)
	}
}

// maxUnclean is how often a window is read again because rows were removed.
const maxUnclean = 10

// run reads window after window until one is the last.
func (r *rows) run() error {
	var (
		from     time.Time // where the window starts; zero: at the beginning
		restarts int       // of this window after a refused cursor
		unclean  int       // of this window after rows were removed
		cut      []string  // what could not be read whole
	)
	for {
		r.tell(false)
		w, err := r.window(from, unclean > 0)
		refused := errors.Is(err, ErrCursor)
		if err != nil && !refused {
			return err
		}
		if w.from.After(from) {
			from, restarts, unclean = w.from, 0, 0
		}
		next := w.last.Truncate(time.Minute) // zero: this was the last window
		switch whole := w.ended && !w.cutOff && !refused; {
		case whole:
			next = time.Time{}
		case w.unsorted && w.cutOff:
			return r.incomplete(append(cut, "the rows did not come in the order of their creation"))
		case next.After(from) && !w.unsorted: // what came is a window of its own
		case refused:
			if restarts++; restarts > maxRestarts {
				return err
			}
			continue
		case from.IsZero():
			return r.incomplete(append(cut, "the rows have no created_time"))
		case w.ids.len() == 0: // and so for every minute to come
			return r.incomplete(append(cut, "an answer without rows was cut off"))
		default:
			whole, err := r.readMinute(from, &w.ids)
			if err != nil {
				return err
			}
			if !whole { // the rows of other minutes can still be read
				cut = append(cut, "more rows than one query gives were created in the minute "+from.Format("2006-01-02T15:04Z")+
					", and not all of them could be told apart")
			}
			from, restarts, unclean = from.Add(time.Minute), 0, 0
			continue
		}
		if w.pages > 1 {
			if w.proof == nil {
				r.prove(w, next)
			}
			there, err := w.proof.wait()
			if err != nil {
				return err
			}
			if next.IsZero() {
				next = r.shorten(w, there)
			}
			clean, err := r.nothingSkipped(there, &w.ids, next)
			if err != nil {
				return err
			}
			if !clean && unclean < maxUnclean {
				unclean++
				continue
			}
			if !clean {
				cut = append(cut, "rows were removed again and again while they were read")
			}
		}
		if next.IsZero() {
			return r.incomplete(cut)
		}
		from, restarts, unclean = next, 0, 0
		if refused {
			restarts = 1
		}
	}
}

// incomplete is the error for what could not be read, nil if that is nothing.
func (r *rows) incomplete(why []string) error {
	if len(why) == 0 {
		return nil
	}
	return &Error{Op: r.op, Err: fmt.Errorf("%w: %s", ErrIncomplete, strings.Join(why, "; "))}
}

// A window is what came of it.
type window struct {
	from     time.Time
	ids      idSet     // of its rows, with the minute of creation
	last     time.Time // the latest created_time
	pages    int
	ended    bool // there is nothing behind its last page
	cutOff   bool // but that is because Notion gives no more
	unsorted bool // a row was created before one of an earlier page
	proof    *proof
}

// prove begins to prove that none of the rows of a window, created before a time
// (zero: all), has been removed.
func (r *rows) prove(w *window, before time.Time) {
	r.tell(before.IsZero())
	w.proof = r.beginProof(during(w.from, before))
}

// window reads the window from the given time, and further ones as long as a
// page is a window. It returns the last one. A window ends with a page that has
// reached another minute, if only a quarter of its rows has to be read again then;
// with short, at the first such page in any case.
func (r *rows) window(from time.Time, short bool) (*window, error) {
	w := &window{from: from}
	l := r.listing(during(from, time.Time{}), byCreation(ascending))
	start, pages := from, 0
	var latest time.Time
	l.after = func(p *page) step {
		p.from, p.first = start, pages == 0
		if pages++; p.first {
			latest = start
		}
		ordered, last, again := p.order(latest)
		if latest = last; !ordered {
			latest = never
		}
		switch {
		case !p.more || !ordered || !last.After(start) || again > l.size.now/4 && !short:
			return byCursor
		case pages > 1:
			return stop
		}
		start, pages = last, 0
		l.body.Filter = during(start, time.Time{})
		return anew
	}
	err := r.read(&l, func(p *page) error {
		if p.first {
			w.ids.clear()
			*w = window{from: p.from, ids: w.ids}
		}
		w.pages++
		w.ended, w.cutOff = !p.more, w.cutOff || p.incomplete
		before := w.last
		for _, h := range p.heads {
			if h.isRow() {
				w.ids.add(h.id, minuteOf(h.created))
			}
			if h.created.IsZero() {
				continue
			}
			w.unsorted = w.unsorted || h.created.Before(before)
			if h.created.After(w.last) {
				w.last = h.created
			}
		}
		if w.ended && !w.cutOff && w.pages > 1 { // nothing more is read: it need not wait for what becomes of the rows
			r.prove(w, time.Time{})
		}
		return nil
	})
	if err != nil && w.proof != nil {
		w.proof.end()
	}
	return w, err
}

// never is after every created_time.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// order returns whether the rows of a page were created in this order, none of
// them before a time; the minute of the last one; and how many rows of the page
// were created in it.
func (p *page) order(after time.Time) (ordered bool, last time.Time, rows int) {
	last = after
	for _, h := range p.heads {
		switch m := h.created.Truncate(time.Minute); {
		case h.created.IsZero():
		case m.Before(last):
			return false, last, 0
		case m.After(last):
			last, rows = m, 1
		default:
			rows++
		}
	}
	return true, last, rows
}

// listing is a query for the rows that filter lets through.
func (r *rows) listing(filter, sort any) listing {
	return listing{
		op:     r.op,
		method: http.MethodPost,
		path:   "/v1/data_sources/" + r.id + "/query",
		body:   body{Filter: filter, Sorts: []any{sort}, ResultType: "page", IsArchived: r.archived},
		size:   r.size,
		rows:   true,
	}
}

// read yields the rows of a listing that are new. visit sees every page first.
func (r *rows) read(l *listing, visit func(*page) error) error {
	for p, err := range r.c.pages(r.ctx, l) {
		if err != nil {
			return err
		}
		for _, h := range p.heads {
			if h.isRow() && !h.ok {
				return &Error{Op: r.op, RequestID: p.RequestID, Err: errors.New("a row has no id")}
			}
		}
		if err := visit(p); err != nil {
			return err
		}
		i := 0
		for row := range p.all() {
			h := p.heads[i]
			i++
			if !h.isRow() {
				r.c.skipped.Add(1)
				continue
			}
			again, later := r.seen.add(h.id, h.edited)
			if (!again || later) && !r.yield(Result{Object: row, Supersedes: later}, nil) {
				return errStopped
			}
		}
	}
	return nil
}
