package extract

import (
	"bytes"
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/extract/notion"
)

// An earlyDatabase is a database that is asked for before anything has led to it.
type earlyDatabase struct {
	done   chan struct{} // closed when what follows is set
	object notion.JSON
	err    error
}

// askDatabases asks for the databases that the data sources had at the last load, while
// those are looked at: they are most likely to have them still. Nothing but the answers
// is kept, for visitDatabase. What cannot be read of the last load is asked for later.
func (d *discovery) askDatabases(ctx context.Context) error {
	if _, ok := d.before[keyDataSources]; !ok {
		return nil
	}
	var ids []string
	for row, err := range d.view.Columns(ctx, keyDataSources, "id", "database_id") {
		if err != nil {
			break
		}
		if _, had := d.before[row.Values[0].Text()]; had {
			ids = append(ids, strings.Clone(row.Values[1].Text()))
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for _, id := range ids {
		e := &earlyDatabase{done: make(chan struct{})}
		d.mu.Lock()
		wanted := id != "" && !d.asked[id] && d.early[id] == nil && !d.pick.excludes(id)
		if wanted {
			d.early[id] = e
		}
		d.mu.Unlock()
		if wanted {
			g.Go(func() error {
				defer close(e.done)
				return safely(keyDatabases, func() error {
					object, err := d.source.client.Database(ctx, id)
					e.object, e.err = bytes.Clone(object), err
					return nil
				})
			})
		}
	}
	return g.Wait()
}

// database returns a database, which may have been asked for.
func (d *discovery) database(ctx context.Context, id string) (notion.JSON, error) {
	d.mu.Lock()
	e := d.early[id]
	delete(d.early, id)
	d.mu.Unlock()
	if e == nil {
		return d.source.client.Database(ctx, id)
	}
	select {
	case <-e.done:
		return e.object, e.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
