package extract

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/notionlake/notionlake/extract/notion"
)

// maxMarkdownParts is how many blocks that Notion leaves out of a page's Markdown are
// asked for: an answer has some 20,000 blocks.
const maxMarkdownParts = 100

// listedUnknown is how many blocks that are left out an answer names at most.
const listedUnknown = 100

// readMarkdown asks Notion for a page as Markdown, and for the blocks that it leaves
// out since there are too many.
func (c *content) readMarkdown(ctx context.Context, e *pageEntry, t *pageText) error {
	m, err := c.client.Markdown(ctx, e.id.String())
	switch {
	case err != nil && (fatal(err) || ctx.Err() != nil):
		return err // it names the page
	case errors.Is(err, notion.ErrNotFound), errors.Is(err, notion.ErrRestricted):
		c.problem(e, problem{kind: KindBlocks, objectType: "page", objectID: e.id.String(), message: notion.Steady(err)})
		return nil
	case err != nil:
		c.doubt(e)
		c.fail(err, keyPages)
		return nil
	}
	text, missing, err := c.markdownParts(ctx, m)
	switch {
	case err != nil && (fatal(err) || ctx.Err() != nil):
		return fmt.Errorf("markdown of page %s: %w", e.id, err)
	case err != nil:
		c.doubt(e)
		c.fail(fmt.Errorf("markdown of page %s: %w", e.id, err), keyPages)
		return nil
	case missing > 0:
		c.problem(e, problem{
			kind: KindMarkdown, objectType: "page", objectID: e.id.String(), count: int64(missing),
			message: "Notion leaves blocks out of the page's Markdown; content.blocks: true reads them",
		})
	}
	t.markdown, t.hasText = text, true
	return nil
}

// markdownParts puts what an answer leaves out into its text. missing is how many
// blocks are left out all the same, as far as Notion names them.
func (c *content) markdownParts(ctx context.Context, m notion.Markdown) (text string, missing int, err error) {
	text = m.Text
	asked := map[string]bool{}
	open := []notion.Markdown{m}
	for len(open) > 0 {
		part := open[0]
		open = open[1:]
		if part.Truncated && (len(part.Unknown) == 0 || len(part.Unknown) >= listedUnknown) {
			missing++ // there are others, that it does not name
		}
		for _, id := range part.Unknown {
			if asked[id] {
				continue
			}
			if len(asked) >= maxMarkdownParts {
				missing++
				continue
			}
			asked[id] = true
			more, err := c.client.Markdown(ctx, id)
			switch {
			case err == nil:
				text = insertMarkdown(text, id, more.Text)
				open = append(open, more)
			case !fatal(err) && (errors.Is(err, notion.ErrNotFound) || errors.Is(err, notion.ErrRestricted) || refusedAs(err, refusedID)):
				missing++ // it is not shown to the connection
			default:
				return "", 0, err
			}
		}
	}
	return text, missing, nil
}

// insertMarkdown puts a block where a tag stands for it, as deep as that is; at the
// end where none does.
func insertMarkdown(text, id, block string) string {
	block = strings.TrimSuffix(block, "\n")
	plain := strings.ReplaceAll(id, "-", "")
	for at := 0; ; {
		i := strings.Index(text[at:], "<unknown ")
		if i < 0 {
			return strings.TrimSuffix(text, "\n") + "\n" + block + "\n"
		}
		i += at
		end := i + len(text[i:])
		if n := strings.IndexByte(text[i:], '\n'); n >= 0 {
			end = i + n
		}
		line := strings.LastIndexByte(text[:i], '\n') + 1
		if tag := text[i:end]; strings.Trim(text[line:i], "\t") == "" && (strings.Contains(tag, plain+`"`) || strings.Contains(tag, id+`"`)) {
			indent := text[line:i]
			return text[:line] + indent + strings.ReplaceAll(block, "\n", "\n"+indent) + text[end:]
		}
		at = end
	}
}
