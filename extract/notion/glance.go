package notion

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"net/http"
	"time"
)

// A Glance says which rows of a data source to look at.
type Glance struct {
	Archived bool      // the archived rows, and only these
	Since    time.Time // only rows that were edited then or later; zero: all
}

// Glance asks once for rows of a data source and returns those that came, 100 at
// most, and whether there are more: what can be known of a data source by one
// request. Nothing is promised of rows that come or go meanwhile.
func (c *Client) Glance(ctx context.Context, id string, g Glance) (list []JSON, more bool, err error) {
	op := "look at data source " + id
	if _, ok := ParseUUID([]byte(id)); !ok {
		return nil, false, fmt.Errorf("%s: %w", op, errNotID)
	}
	r := &rows{id: dashed(id), op: op, archived: g.Archived, size: newPageSize(maxPageSize)}
	l := r.listing(editedSince(g.Since), byCreation(ascending))
	p, err := c.page(ctx, &l, "")
	if err != nil {
		return nil, false, err
	}
	defer c.release(p.buffer)
	i := 0
	for row := range p.all() {
		if p.heads[i].isRow() {
			list = append(list, bytes.Clone(row))
		}
		i++
	}
	return list, p.more || p.incomplete, nil
}

func editedSince(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return fields{"timestamp": "last_edited_time", "last_edited_time": fields{"on_or_after": t.UTC().Format("2006-01-02T15:04:05.000Z")}}
}

// Newest yields what is shared with the connection and of the given kind, "page"
// or "data_source", what was edited last first, by one pass of a search. That may
// miss something and yield something twice; Search does not. Where Notion cut it
// off, it ends with ErrIncomplete.
func (c *Client) Newest(ctx context.Context, object string) iter.Seq2[JSON, error] {
	l := listing{
		op:     "search for what was edited last",
		method: http.MethodPost,
		path:   "/v1/search",
		size:   newPageSize(maxPageSize),
		body: body{
			Filter: fields{"property": "object", "value": object},
			Sort:   fields{"timestamp": "last_edited_time", "direction": descending},
		},
	}
	return func(yield func(JSON, error) bool) {
		for cursor := ""; ; {
			p, err := c.page(ctx, &l, cursor)
			if err != nil {
				yield(nil, err)
				return
			}
			next, more, incomplete, ok := p.next, p.more, p.incomplete, true
			for object := range p.all() {
				if ok = yield(object, nil); !ok {
					break
				}
			}
			c.release(p.buffer)
			switch {
			case !ok:
				return
			case incomplete:
				yield(nil, &Error{Op: l.op, Err: ErrIncomplete})
				return
			case !more || next == "" || next == cursor:
				return
			}
			cursor = next
		}
	}
}
