package catalog

import (
	"context"
	"sync"
)

// A rowCache is the rows of a catalog as they were read last, where reading takes
// long.
type rowCache struct {
	mu    sync.Mutex
	known []row // nil: they are to be read
}

func (c *rowCache) keep(rows []row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = rows
}

// invalidate lets the rows be read anew.
func (c *rowCache) invalidate() { c.keep(nil) }

// or returns the rows, which are read where they are not known.
func (c *rowCache) or(ctx context.Context, read func(context.Context) ([]row, error)) ([]row, error) {
	c.mu.Lock()
	known := c.known
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	return read(ctx)
}
