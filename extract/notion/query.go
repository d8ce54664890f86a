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
}

// A Result is one row, as it was when Notion answered.
type Result struct {
	Object JSON // valid until the next result
	// Supersedes says that this row was yielded before and has been edited since.
	Supersedes bool
}

// QueryDataSource yields every row of a data source: each once, and again only
// if it was edited while the rows were being read. A row may be partial, that is,
// have an object and an id only. A query that Notion cut off and that could not
// be continued yields all the rows it got and then an error that is ErrIncomplete.
func (c *Client) QueryDataSource(ctx context.Context, id string, q Query) iter.Seq2[Result, error] {
	if _, ok := parseUUID([]byte(id)); !ok {
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
			yield:    yield,
		}
		if err := r.run(); err != nil && !errors.Is(err, errStopped) {
			yield(Result{}, err)
		}
	}
}

// rows is a query that runs.
type rows struct {
	c        *Client
	ctx      context.Context
	id, op   string
	archived bool
	size     *pageSize
	seen     idSet
	yield    func(Result, error) bool
}

// A part is what one query of a data source asks for.
type part struct {
	filter any
	sort   any
	// visit is called with every row, also those yielded before. It may be nil.
	visit func(rowHead, JSON)
	// whole says that a part that is cut off is of no use: it is left at once.
	whole bool
}

// A reading is what came of a part.
type reading struct {
	cutOff   bool
	last     time.Time // the latest created_time
	pages    int
	unsorted bool // a row was created before one of an earlier page
}

// run reads windows of created_time until one is not cut off.
func (r *rows) run() error {
	var (
		from     time.Time // where the window starts; zero: at the beginning
		restarts int       // since the window last moved
		cut      []string  // what could not be read whole
	)
	for {
		var minute idSet // the rows of the window's first minute
		p := part{sort: byCreation(ascending)}
		if !from.IsZero() {
			p.filter = created("on_or_after", from)
			p.visit = func(h rowHead, _ JSON) {
				if h.created.Equal(from) {
					minute.add(h.id, 0)
				}
			}
		}
		got, err := r.read(p)
		moved := got.last.After(from) && !got.unsorted
		switch {
		case errors.Is(err, ErrCursor):
			// What came before the refused cursor is a window of its own. One that
			// moved and got past a cursor has made progress.
			if restarts++; moved && got.pages > 1 {
				restarts = 0
			}
			if restarts > maxRestarts {
				return err
			}
			if moved {
				from = got.last
			}
			continue
		case err != nil:
			return err
		case !got.cutOff:
			return r.incomplete(cut)
		case got.unsorted:
			return r.incomplete(append(cut, "the rows did not come in the order of their creation"))
		case moved:
			from, restarts = got.last, 0
			continue
		case from.IsZero():
			return r.incomplete(append(cut, "the rows have no created_time"))
		}
		whole, err := r.readMinute(from, &minute)
		if err != nil {
			return err
		}
		if !whole { // the rows of other minutes can still be read
			cut = append(cut, "more rows than one query gives were created in the minute "+from.Format("2006-01-02T15:04Z")+
				", and not all of them could be told apart")
		}
		from, restarts = from.Add(time.Minute), 0
	}
}

// incomplete is the error for what could not be read, nil if that is nothing.
func (r *rows) incomplete(why []string) error {
	if len(why) == 0 {
		return nil
	}
	return &Error{Op: r.op, Err: fmt.Errorf("%w: %s", ErrIncomplete, strings.Join(why, "; "))}
}

// read reads a part and yields what is new in it.
func (r *rows) read(p part) (reading, error) {
	var got reading
	l := listing{
		op:     r.op,
		method: http.MethodPost,
		path:   "/v1/data_sources/" + r.id + "/query",
		body:   body{Filter: p.filter, Sorts: []any{p.sort}, ResultType: "page", IsArchived: r.archived},
		size:   r.size,
	}
	for page, err := range r.c.pages(r.ctx, l) {
		if err != nil {
			return got, err
		}
		got.pages++
		got.cutOff = got.cutOff || page.incomplete
		if got.cutOff && p.whole {
			return got, nil
		}
		before := got.last
		for row := range page.all() {
			h := headOf(row)
			if h.object != "page" {
				r.c.skipped.Add(1)
				r.c.log.Debug("skipped a result that is no page", "query", r.op, "object", h.object)
				continue
			}
			if !h.ok {
				return got, &Error{Op: r.op, RequestID: page.RequestID, Err: errors.New("a row has no id")}
			}
			if !h.created.IsZero() {
				got.unsorted = got.unsorted || h.created.Before(before)
				if h.created.After(got.last) {
					got.last = h.created
				}
			}
			if p.visit != nil {
				p.visit(h, row)
			}
			again, later := r.seen.add(h.id, h.edited)
			if (!again || later) && !r.yield(Result{Object: row, Supersedes: later}, nil) {
				return got, errStopped
			}
		}
	}
	return got, nil
}

// A rowHead is what reading needs to know of a row.
type rowHead struct {
	object  string
	id      UUID
	ok      bool // it has an id
	created time.Time
	edited  uint32 // minutes since 1970
}

func headOf(row JSON) (h rowHead) {
	missing := 4
	for key, value := range row.Fields() {
		switch string(key) {
		case "object":
			h.object = value.Text()
		case "id":
			h.id, h.ok = value.uuid()
		case "created_time":
			h.created = value.time()
		case "last_edited_time":
			h.edited = uint32(max(value.time().Unix()/60, 0))
		default:
			continue
		}
		if missing--; missing == 0 {
			break // the properties, which are most of a row, are not looked at
		}
	}
	return h
}

// time returns the time that a text is, zero if it is none.
func (j JSON) time() time.Time {
	if j.Kind() != '"' {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, string(j[1:len(j)-1]))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
