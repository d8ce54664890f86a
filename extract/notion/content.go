package notion

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
)

// ChildSources yields the data sources that stand among the rows of a wiki, each once.
func (c *Client) ChildSources(ctx context.Context, dataSource string) iter.Seq2[JSON, error] {
	op := "list the data sources in wiki " + dataSource
	if _, ok := ParseUUID([]byte(dataSource)); !ok {
		return failed[JSON](fmt.Errorf("%s: %w", op, errNotID))
	}
	return c.listed(ctx, listing{
		op: op, method: http.MethodPost, path: "/v1/data_sources/" + dashed(dataSource) + "/query",
		body: body{ResultType: "data_source"}, size: newPageSize(maxPageSize),
	})
}

// Block returns a block, which may stand for a page or a database.
func (c *Client) Block(ctx context.Context, id string) (JSON, error) {
	return c.byID(ctx, "block", "/v1/blocks/", "block", id)
}

// View returns a view of a data source.
func (c *Client) View(ctx context.Context, id string) (JSON, error) {
	return c.byID(ctx, "view", "/v1/views/", "view", id)
}

// Views yields references to the views of a data source, each once.
func (c *Client) Views(ctx context.Context, dataSource string) iter.Seq2[JSON, error] {
	return c.below(ctx, "list the views of data source", "/v1/views", "data_source_id", dataSource)
}

// Comments yields the open comments on a page or block itself, each once. Notion
// does not give resolved ones.
func (c *Client) Comments(ctx context.Context, id string) iter.Seq2[JSON, error] {
	return c.below(ctx, "list the comments on", commentsPath, "block_id", id)
}

// below yields what a list that is asked for by one ID holds.
func (c *Client) below(ctx context.Context, op, path, parameter, id string) iter.Seq2[JSON, error] {
	if _, ok := ParseUUID([]byte(id)); !ok {
		return failed[JSON](fmt.Errorf("%s %q: %w", op, id, errNotID))
	}
	return c.listed(ctx, listing{
		op: op + " " + dashed(id), method: http.MethodGet, path: path,
		query: url.Values{parameter: {dashed(id)}}, size: newPageSize(maxPageSize), last: path == commentsPath,
	})
}

const commentsPath = "/v1/comments"

// Children returns the blocks in a page or block, in their order. Where Notion
// gives them in several parts, they are read again until two readings agree: a
// block that leaves meanwhile can make a cursor skip another.
func (c *Client) Children(ctx context.Context, id string) ([]JSON, error) {
	op := "list the blocks in " + id
	if _, ok := ParseUUID([]byte(id)); !ok {
		return nil, fmt.Errorf("%s: %w", op, errNotID)
	}
	l := listing{op: op, method: http.MethodGet, path: "/v1/blocks/" + dashed(id) + "/children", size: newPageSize(maxPageSize), last: true}
	return alike(op, sameObject, func() ([]JSON, int, error) { return c.childrenPass(ctx, l) })
}

// childrenPass reads the blocks once, each block once.
func (c *Client) childrenPass(ctx context.Context, l listing) (blocks []JSON, pages int, err error) {
	incomplete := false
	var seen idSet
	for p, err := range c.pages(ctx, &l) {
		if err != nil {
			return nil, 0, err
		}
		pages++
		incomplete = incomplete || p.incomplete
		for block := range p.all() {
			id, ok := block.Get("id").uuid()
			if !ok {
				return nil, 0, &Error{Op: l.op, RequestID: p.RequestID, Err: errors.New("a block has no id")}
			}
			if again, _ := seen.add(id, 0); !again {
				blocks = append(blocks, bytes.Clone(block))
			}
		}
	}
	if incomplete {
		return nil, 0, &Error{Op: l.op, Err: ErrIncomplete}
	}
	return blocks, pages, nil
}

func sameObject(a, b JSON) bool { return bytes.Equal(a.Get("id"), b.Get("id")) }

// Markdown is a page or block as Notion writes it in Markdown.
type Markdown struct {
	Text      string
	Truncated bool     // something is missing in Text
	Unknown   []string // IDs of blocks that are
}

// Markdown returns a page, or a block that was missing in one, as Markdown.
func (c *Client) Markdown(ctx context.Context, id string) (Markdown, error) {
	if _, ok := ParseUUID([]byte(id)); !ok {
		return Markdown{}, fmt.Errorf("retrieve the Markdown of %q: %w", id, errNotID)
	}
	o, err := c.object(ctx, "retrieve the Markdown of "+id, "/v1/pages/"+dashed(id)+"/markdown", "page_markdown", func(a *answer) error {
		if a.member("markdown").Kind() != '"' {
			return errors.New("the answer holds no markdown")
		}
		return nil
	})
	if err != nil {
		return Markdown{}, err
	}
	m := Markdown{Text: o.Get("markdown").Text(), Truncated: o.Get("truncated").Bool()}
	for id := range o.Get("unknown_block_ids").Elems() {
		m.Unknown = append(m.Unknown, id.Text())
	}
	return m, nil
}
