package notion

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"
)

// Me returns the user that the token belongs to.
func (c *Client) Me(ctx context.Context) (JSON, error) {
	return c.object(ctx, "retrieve the token's own user", "/v1/users/me", "user", nil)
}

// Database returns a database, which lists its data sources.
func (c *Client) Database(ctx context.Context, id string) (JSON, error) {
	return c.byID(ctx, "database", "/v1/databases/", "database", id)
}

// DataSource returns a data source, which holds its properties.
func (c *Client) DataSource(ctx context.Context, id string) (JSON, error) {
	return c.byID(ctx, "data source", "/v1/data_sources/", "data_source", id)
}

// Page returns a page with the properties that fit into one.
func (c *Client) Page(ctx context.Context, id string) (JSON, error) {
	return c.byID(ctx, "page", "/v1/pages/", "page", id)
}

// User returns a user: also guests, which Users leaves out.
func (c *Client) User(ctx context.Context, id string) (JSON, error) {
	return c.byID(ctx, "user", "/v1/users/", "user", id)
}

// Users yields the members and bots of the workspace, each once.
func (c *Client) Users(ctx context.Context) iter.Seq2[JSON, error] {
	return c.listed(ctx, listing{
		op:     "list users",
		method: http.MethodGet,
		path:   "/v1/users",
		size:   newPageSize(maxPageSize),
	})
}

// Search yields what is shared with the connection and of the given kind:
// "page", "data_source", or "" for both, each once. Notion does not promise that
// a search finds everything. One that it cut off yields all it gave and then an
// error that is ErrIncomplete.
func (c *Client) Search(ctx context.Context, object string) iter.Seq2[JSON, error] {
	l := listing{
		op:     "search",
		method: http.MethodPost,
		path:   "/v1/search",
		size:   newPageSize(maxPageSize),
		// What is edited meanwhile moves to the end and is seen twice rather than never.
		body: body{Sort: fields{"timestamp": "last_edited_time", "direction": ascending}},
	}
	switch object {
	case "page", "data_source":
		l.op = "search for " + strings.ReplaceAll(object, "_", " ") + "s"
		l.body.Filter = fields{"property": "object", "value": object}
	case "":
	default:
		return failed[JSON](fmt.Errorf("search: no object is a %q", object))
	}
	return c.listed(ctx, l)
}

// byID returns the object that id names, never another one.
func (c *Client) byID(ctx context.Context, name, path, object, id string) (JSON, error) {
	asked, ok := ParseUUID([]byte(id))
	if !ok {
		return nil, fmt.Errorf("retrieve %s %q: %w", name, id, errNotID)
	}
	id = dashed(id)
	return c.object(ctx, "retrieve "+name+" "+id, path+id, object, func(a *answer) error {
		if got := a.member("id"); !sameID(got, asked) {
			return fmt.Errorf("the answer is %s %s, asked for was %s", object, got.Text(), id)
		}
		return nil
	})
}

func sameID(j JSON, id UUID) bool {
	got, ok := j.uuid()
	return ok && got == id
}

// object returns one object.
func (c *Client) object(ctx context.Context, op, path, object string, check func(*answer) error) (JSON, error) {
	a, err := c.do(ctx, request{
		op:     op,
		method: http.MethodGet,
		target: func() (string, []byte) { return path, nil },
		check: func(a *answer) error {
			if got := a.member("object").Text(); got != object {
				return fmt.Errorf("the answer is a %q, not a %s", got, object)
			}
			if check != nil {
				return check(a)
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	defer c.release(a.buffer)
	return bytes.Clone(a.JSON), nil
}

// failed is a sequence that is an error.
func failed[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		yield(zero, err)
	}
}
