package extract

import (
	"bytes"
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/extract/notion"
)

// commentsRefused says why there are none, and what to do.
const commentsRefused = "the connection may not read comments: give it the capability “Read comments”, or set content.comments: false"

// readComments reads the comments on a page and, where that is wanted, on each of
// its blocks.
func (c *content) readComments(ctx context.Context, e *pageEntry, t *pageText) error {
	if !c.options.Content.Comments {
		return nil
	}
	var err error
	if t.comments, err = c.commentsOn(ctx, e, e.id, t.signed); err != nil {
		return err
	}
	err = c.readBlockComments(ctx, e, t, t.blocks)
	c.mu.Lock()
	defer c.mu.Unlock()
	t.commented = c.refused == nil
	return err
}

// readBlockComments reads the comments on blocks, where that is wanted.
func (c *content) readBlockComments(ctx context.Context, e *pageEntry, t *pageText, blocks []*block) error {
	if !c.options.Content.Comments || !c.options.Content.BlockComments {
		return nil
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	each(blocks, func(b *block) bool {
		if typ := b.typ(); typ == "child_page" || typ == "child_database" {
			return true // what stands for it is asked for itself
		}
		g.Go(safe(keyComments, func() (err error) {
			b.comments, err = c.commentsOn(gctx, e, b.id, t.signed)
			return err
		}))
		return true
	})
	return g.Wait()
}

func (c *content) commentsOn(ctx context.Context, e *pageEntry, id notion.UUID, signed *signatures) (comments []notion.JSON, err error) {
	c.mu.Lock()
	refused := c.refused
	c.mu.Unlock()
	if refused != nil {
		return nil, nil
	}
	for comment, err := range c.client.Comments(ctx, id.String()) {
		switch {
		case err != nil && (fatal(err) || ctx.Err() != nil):
			return nil, err // it names the page or block
		case errors.Is(err, notion.ErrRestricted):
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.refused == nil {
				c.refused = err
				c.d.problem(problem{kind: KindComments, message: commentsRefused})
				c.log.WarnContext(ctx, commentsRefused)
			}
			return nil, nil
		case errors.Is(err, notion.ErrNotFound):
			return nil, nil // it is not there any more
		case err != nil:
			c.doubt(e)
			c.fail(err, keyComments)
			return nil, nil
		}
		if comment.Get("discussion_id") == nil {
			continue // deleted: an ID only
		}
		c.meet(comment)
		signed.collect(comment)
		clean, _ := appendRaw(nil, bytes.Clone(comment), true)
		comments = append(comments, clean)
	}
	return comments, nil
}

// meetAll meets the users whom texts mention; of those in texts of the last load
// only the IDs are taken.
func (c *content) meetAll(t *pageText, old bool) {
	each(t.blocks, func(b *block) bool {
		for run := range richTexts(b) {
			c.meetMention(run, old)
		}
		for _, comment := range b.comments {
			c.meetMentions(comment.Get("rich_text"))
		}
		return true
	})
	for _, comment := range t.comments {
		c.meetMentions(comment.Get("rich_text"))
	}
}

func (c *content) meetMentions(runs notion.JSON) {
	for run := range runs.Elems() {
		c.meetMention(run, false)
	}
}

func (c *content) meetMention(run notion.JSON, old bool) {
	if user := run.Get("mention").Get("user"); user.Get("id").Kind() == '"' {
		if id := user.Get("id").Text(); old {
			c.users.meet(id, []byte(`{"object":"user","id":`+string(user.Get("id"))+`}`), false)
		} else {
			c.users.meet(id, user, user.Get("type").Kind() == '"')
		}
	}
}
