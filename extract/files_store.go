package extract

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path"

	"github.com/notionlake/notionlake/lake"
)

// store writes the copy of a download, unless there is one of its content.
func (c *copier) store(ctx context.Context, ref fileRef, d *download) error {
	for {
		c.mu.Lock()
		old, is := c.have[d.sum]
		there := is && old.Bytes == d.bytes // another size: it is damaged, and is written again
		sure := !c.doubts || c.sure[d.sum]
		wait, writes := c.busy[d.sum]
		if !there && !writes {
			wait = make(chan struct{})
			c.busy[d.sum] = wait
		}
		c.mu.Unlock()
		if there && sure {
			return nil
		}
		if there {
			if err := c.look(ctx, old); ctx.Err() != nil {
				return ctx.Err()
			} else if err != nil { // whatever it holds: what it should hold is here
				c.mu.Lock()
				c.mistrust(old)
				c.mu.Unlock()
			}
			continue
		}
		if writes {
			select {
			case <-wait:
			case <-ctx.Done():
				return ctx.Err()
			}
			continue
		}
		var copied lake.Copy
		err := safely(lake.CopiesTable, func() (err error) { // others wait for it
			copied, err = c.write(ctx, ref, d)
			return err
		})
		c.mu.Lock()
		if delete(c.busy, d.sum); err == nil {
			c.have[d.sum], c.sure[d.sum] = copied, true
			delete(c.damaged, d.sum)
			delete(c.unread, d.sum)
		}
		c.mu.Unlock()
		close(wait)
		return err
	}
}

func (c *copier) write(ctx context.Context, ref fileRef, d *download) (lake.Copy, error) {
	if _, err := d.file.Seek(0, io.SeekStart); err != nil {
		return lake.Copy{}, &lake.StorageError{Err: fmt.Errorf("file for what is fetched: %w", err)}
	}
	extension := extensionOf(ref.name.Text(), urlPath(ref.url))
	c.mu.Lock()
	for _, old := range []map[lake.Sum]lake.Copy{c.have, c.damaged} { // earlier loads name it as it is called
		if copied, is := old[d.sum]; is {
			extension = path.Ext(copied.Key)
		}
	}
	c.mu.Unlock()
	copied, err := c.copies.Add(ctx, d.sum, extension, d.file)
	if err != nil && ctx.Err() == nil {
		err = &lake.StorageError{Err: err}
	}
	return copied, err
}

func urlPath(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Path
}

// uri is where the copy of a content lies.
func (c *copier) uri(sum lake.Sum) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.copies.URI(c.have[sum])
}
