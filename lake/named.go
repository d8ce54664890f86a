package lake

import (
	"context"
	"errors"
	"fmt"
	"maps"
)

// nameAtLast gives tables the names that the source decides on when it has found all.
func (r *run) nameAtLast(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.tables {
		report := &r.tables[i]
		decided := r.names[report.Key]
		if decided == nil || decided() == report.Name {
			continue
		}
		report.Name = decided()
		result, _ := r.view.Staged(report.Key)
		result.Schema.Table = report.Name
		if partial := (*PartialError)(nil); errors.As(result.Partial, &partial) {
			partial.Table = report.Name
			report.Reason = partial.Error()
		}
		r.view.stage(report.Key, result)
		for n := range r.results {
			if r.results[n].Schema.Key != report.Key {
				continue
			}
			r.results[n].Schema.Table = report.Name
			if err := r.stageAgain(ctx, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// stageAgain plans a change once more. Its files have been written: they go where
// they were to go.
func (r *run) stageAgain(ctx context.Context, i int) error {
	c, schema := &r.changes[i], r.results[i].Schema
	staged, err := r.Catalog.Stage(ctx, schema, Replace)
	if err != nil {
		return storageError(fmt.Errorf("stage %s: %w", schema.Table, err))
	}
	was, is := c.Staged.Layout(), staged.Layout()
	if was.Prefix != is.Prefix || !maps.Equal(was.FieldIDs, is.FieldIDs) {
		return fmt.Errorf("table %s has been changed by another program since this load read it: %w", schema.Table, ErrConflict)
	}
	c.Staged = staged
	return nil
}
