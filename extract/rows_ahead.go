package extract

import (
	"context"
	"iter"
	"strings"

	"github.com/notionlake/notionlake/extract/notion"
)

// A begunListing is a listing of rows of which the first has been asked for.
type begunListing struct {
	cancel context.CancelFunc
	listed func()        // nil: nobody wants to know
	done   chan struct{} // closed when what follows is set, and next may be called
	next   func() (notion.Result, error, bool)
	end    func()
	result notion.Result
	err    error
	ok     bool
}

func beginListing(ctx context.Context, client Client, id string, q notion.Query) *begunListing {
	ctx, cancel := context.WithCancel(ctx)
	b := &begunListing{cancel: cancel, done: make(chan struct{})}
	q.Listed = func() {
		if b.listed != nil {
			b.listed()
		}
	}
	b.next, b.end = iter.Pull2(client.QueryDataSource(ctx, id, q))
	go func() {
		defer close(b.done)
		err := safely(id, func() error {
			b.result, b.err, b.ok = b.next()
			return nil
		})
		if err != nil {
			b.err, b.ok = err, true
		}
	}()
	return b
}

// all yields what the listing yields, once. For listed, which may be nil, see notion.Query.
func (b *begunListing) all(listed func()) iter.Seq2[notion.Result, error] {
	return func(yield func(notion.Result, error) bool) {
		<-b.done
		b.listed = listed
		for b.ok && yield(b.result, b.err) {
			b.result, b.err, b.ok = b.next()
		}
	}
}

// stop ends the listing and waits for that.
func (b *begunListing) stop() {
	b.cancel()
	<-b.done
	b.end()
}

// archivedRows are the archived rows of a data source. They are asked for once all
// others have been listed, while it is being proved that none of those was skipped.
// Where that fails, the others are listed again, and so are these, since one may
// have been archived meanwhile.
type archivedRows struct {
	ctx   context.Context
	t     *sourceTable
	begun *begunListing // nil: nothing has been asked for
}

// begin asks for the first rows, anew if that has been done.
func (a *archivedRows) begin() {
	a.stop()
	a.begun = beginListing(a.ctx, a.t.client, a.t.source.id, notion.Query{Archived: true})
}

func (a *archivedRows) stop() {
	if a.begun != nil {
		a.begun.stop()
		a.begun = nil
	}
}

// all yields the archived rows.
func (a *archivedRows) all() iter.Seq2[notion.Result, error] {
	if a.begun == nil {
		a.begin()
	}
	return a.begun.all(nil)
}

// fewTables is how many data sources are listed before all of them have been looked
// at: each keeps two pages of rows in memory until its table is read.
const fewTables = 4

// rowsAhead are the listings that were begun when a data source was found that the
// last load had, by its ID. The discovery's mu guards it.
type rowsAhead struct {
	ctx   context.Context // nil: none is begun
	begun map[string]*begunListing
}

// listAhead lets rows be listed while databases are looked at, where tables are few
// and are read whatever those say.
func (d *discovery) listAhead(ctx context.Context) {
	tables := 0
	for key := range d.before {
		if !strings.HasPrefix(key, "_") {
			tables++
		}
	}
	if d.content != nil && d.content.roams() && d.pick.excludesNothing() && tables <= fewTables {
		d.ahead = rowsAhead{ctx, map[string]*begunListing{}}
	}
}

// begin begins to list the rows of a data source.
func (d *discovery) begin(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, had := d.before[id]; had && d.ahead.ctx != nil && d.ahead.begun[id] == nil {
		d.ahead.begun[id] = beginListing(d.ahead.ctx, d.source.client, id, notion.Query{})
	}
}

// listing lists the rows, or goes on with a listing that was begun.
func (t *sourceTable) listing(ctx context.Context) *begunListing {
	if t.content != nil {
		d, id := t.content.d, t.source.id
		d.mu.Lock()
		defer d.mu.Unlock()
		if b := d.ahead.begun[id]; b != nil {
			delete(d.ahead.begun, id)
			return b
		}
	}
	return beginListing(ctx, t.client, t.source.id, notion.Query{})
}

// stopAhead ends what was begun and is not wanted.
func (d *discovery) stopAhead() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ahead.ctx = nil
	for _, b := range d.ahead.begun {
		b.stop()
	}
}
