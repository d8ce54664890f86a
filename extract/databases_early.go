package extract

import (
	"bytes"
	"context"
	"strings"
	"sync"

	"github.com/notionlake/notionlake/extract/notion"
)

// earlyDatabases are databases that are asked for before the data sources in them have
// been looked at, which lead to them: those that the search shows with a data source,
// and those of the last load. Nothing but the answers is kept, for visitDatabase. The
// discovery's mu guards answers.
type earlyDatabases struct {
	answers map[string]*earlyDatabase
	slots   chan struct{} // taken by those that are under way
	asking  sync.WaitGroup
	cancel  context.CancelFunc // of all
}

// An earlyDatabase is one that has been asked for.
type earlyDatabase struct {
	done   chan struct{} // closed when what follows is set
	object notion.JSON
	err    error
}

func newEarlyDatabases() earlyDatabases {
	return earlyDatabases{answers: map[string]*earlyDatabase{}, slots: make(chan struct{}, inFlight), cancel: func() {}}
}

// askLast asks for the databases that the data sources had at the last load. What cannot
// be read of that is asked for when a data source leads to it. early lasts as long as
// answers are wanted.
func (d *discovery) askLast(ctx, early context.Context) error {
	if _, ok := d.before[keyDataSources]; !ok {
		return nil
	}
	var ids []string
	for row, err := range d.view.Columns(ctx, keyDataSources, "id", "database_id") {
		if err != nil {
			break
		}
		source := row.Values[0].Text()
		read := d.view.LoadOf(source) == d.view.LoadOf(keyDataSources) // not one that is gone
		if _, had := d.before[source]; had && read && !d.pick.excludes(source) {
			ids = append(ids, strings.Clone(row.Values[1].Text()))
		}
	}
	for _, id := range ids {
		select {
		case d.early.slots <- struct{}{}:
			d.ask(early, id)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// askShown asks for the database of a data source that the search shows, if there are
// not many under way.
func (d *discovery) askShown(ctx context.Context, source notion.JSON) {
	p := parentRefOf(source)
	if p.typ != parentDatabase || d.pick.excludes(source.Get("id").Text()) {
		return
	}
	select {
	case d.early.slots <- struct{}{}:
		d.ask(ctx, p.id.String())
	default:
	}
}

// ask asks for a database, and gives the slot back that has been taken.
func (d *discovery) ask(ctx context.Context, id string) {
	free := func() { <-d.early.slots }
	e := &earlyDatabase{done: make(chan struct{})}
	d.mu.Lock()
	wanted := id != "" && !d.asked[id] && d.early.answers[id] == nil && !d.pick.excludes(id)
	if wanted {
		d.early.answers[id] = e
	}
	d.mu.Unlock()
	if !wanted {
		free()
		return
	}
	d.early.asking.Go(func() {
		defer free()
		defer close(e.done)
		if err := safely(keyDatabases, func() error {
			object, err := d.source.client.Database(ctx, id)
			e.object, e.err = bytes.Clone(object), err
			return nil
		}); err != nil {
			e.err = err
		}
	})
}

// endEarly ends what is still being asked for and forgets what nothing has led to: it
// would be old when something does.
func (d *discovery) endEarly() {
	d.early.cancel()
	d.early.asking.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.early.answers)
}

// database returns a database, which may have been asked for.
func (d *discovery) database(ctx context.Context, id string) (notion.JSON, error) {
	d.mu.Lock()
	e := d.early.answers[id]
	delete(d.early.answers, id)
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
