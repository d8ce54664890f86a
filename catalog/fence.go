package catalog

import (
	"context"
	"fmt"

	"github.com/notionlake/notionlake/lake"
)

// errNotAdmitted is the error of a run that may not publish.
var errNotAdmitted = fmt.Errorf("another run has taken this one for dead and deletes its files: %w", lake.ErrConflict)

// Admit lets a run publish.
func (c *Catalog) Admit(ctx context.Context, run lake.RunID) error {
	if err := c.point.Hit("catalog.admit", string(run)); err != nil {
		return err
	}
	if err := c.backend.admit(ctx, run); err != nil {
		return err
	}
	return c.point.Hit("catalog.admit.done", string(run))
}

// Fence ends the admission of runs: what they wrote can be deleted then.
func (c *Catalog) Fence(ctx context.Context, runs ...lake.RunID) error {
	for _, run := range runs {
		if err := c.point.Hit("catalog.fence", string(run)); err != nil {
			return err
		}
		if err := c.backend.fence(ctx, run); err != nil {
			return err
		}
		if err := c.point.Hit("catalog.fence.done", string(run)); err != nil {
			return err
		}
	}
	return nil
}
