package lake

import (
	"errors"
	"io"

	"github.com/parquet-go/parquet-go"
)

// A cursor walks through the values of one Parquet column.
type cursor struct {
	index  int // of the column in the file
	path   []string
	pages  parquet.Pages
	page   parquet.Page
	reader parquet.ValueReader
	values []parquet.Value // read and not taken yet
	buffer []parquet.Value
	stale  []parquet.Page // used up, but values of the current row may lie in them
}

const cursorValues = 256

// begin goes to the column's chunk in another row group.
func (c *cursor) begin(pages parquet.Pages) {
	c.retire()
	if c.pages != nil {
		_ = c.pages.Close()
	}
	c.pages = pages
	if c.buffer == nil {
		c.buffer = make([]parquet.Value, cursorValues)
	}
}

// peek returns the next value, io.EOF after the last of the row group.
func (c *cursor) peek() (*parquet.Value, error) {
	for len(c.values) == 0 {
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
	return &c.values[0], nil
}

// take is peek, and goes on.
func (c *cursor) take() (*parquet.Value, error) {
	v, err := c.peek()
	if err == nil {
		c.values = c.values[1:]
	}
	return v, err
}

// pass takes one value, and those that are repeated deeper than rep after it.
func (c *cursor) pass(rep int) error {
	if _, err := c.take(); err != nil {
		return cutRow(err)
	}
	for {
		v, err := c.peek()
		if errors.Is(err, io.EOF) || err == nil && v.RepetitionLevel() <= rep {
			return nil
		}
		if err != nil {
			return err
		}
		_, _ = c.take()
	}
}

// fill reads on. It may end with no values and no error.
func (c *cursor) fill() error {
	if c.pages == nil {
		return io.EOF
	}
	if c.reader == nil {
		page, err := c.pages.ReadPage()
		if err != nil {
			return err
		}
		c.page, c.reader = page, page.Values()
	}
	n, err := c.reader.ReadValues(c.buffer)
	c.values = c.buffer[:n]
	if errors.Is(err, io.EOF) {
		c.retire()
		err = nil
	}
	return err
}

// retire puts the page away, whose values may still be in use.
func (c *cursor) retire() {
	if c.page != nil {
		c.stale = append(c.stale, c.page)
	}
	c.page, c.reader = nil, nil
}

// release gives back the pages whose values are all used up and done with.
func (c *cursor) release() {
	if len(c.stale) == 0 || len(c.values) > 0 {
		return
	}
	for i, p := range c.stale {
		parquet.Release(p)
		c.stale[i] = nil
	}
	c.stale = c.stale[:0]
}

func (c *cursor) end() {
	c.values = nil
	c.retire()
	c.release()
	if c.pages != nil {
		_ = c.pages.Close()
	}
}
