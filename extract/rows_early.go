package extract

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
)

// A begunListing is a listing of rows of which the first has been asked for.
type begunListing struct {
	cancel context.CancelFunc
	listed func(all bool) // see notion.Query; nil: nobody wants to know
	next   func() (notion.Result, error, bool)
	stop   func()
	done   chan struct{} // closed when what follows is set, and next may be called
	first  notion.Result
	err    error
	ok     bool // there is a first
	began  time.Time
}

// beginListing asks for the first rows of a data source, the archived ones or the others.
func beginListing(ctx context.Context, client Client, source string, archived bool) *begunListing {
	b := &begunListing{done: make(chan struct{}), began: time.Now()}
	ctx, b.cancel = context.WithCancel(ctx)
	b.next, b.stop = iter.Pull2(client.QueryDataSource(ctx, source, notion.Query{Archived: archived, Listed: func(all bool) {
		if b.listed != nil {
			b.listed(all)
		}
	}}))
	go func() {
		defer close(b.done)
		if err := safely(source, func() error {
			b.first, b.err, b.ok = b.next()
			return nil
		}); err != nil {
			b.err, b.ok = err, true
		}
	}()
	return b
}

// all yields the rows, once.
func (b *begunListing) all(listed func(all bool)) iter.Seq2[notion.Result, error] {
	return func(yield func(notion.Result, error) bool) {
		<-b.done
		b.listed = listed
		for result, err, ok := b.first, b.err, b.ok; ok && yield(result, err); {
			result, err, ok = b.next()
		}
	}
}

// end ends the listing, and waits for that.
func (b *begunListing) end() {
	b.cancel()
	<-b.done
	b.stop()
}

// maxEarlyListings is how many data sources' rows are asked for before the data sources
// have been looked at: each holds a page of rows in memory until its table is read.
const maxEarlyListings = 4

// earlyFor is how long rows that were asked for early are good: a table may wait for others.
const earlyFor = time.Minute

// earlyListings are the listings of rows that were begun when the search, or the last
// load, showed a data source: it is most likely to be read. They go to its table when
// that is read, and are ended where it is not.
type earlyListings struct {
	mu    sync.Mutex
	ctx   context.Context // nil: none is begun any more
	begun map[string]*begunListing
}

// listEarly lets rows be asked for early, while ctx lasts: not where something is
// excluded, which is not known yet, nor where tables are not read soon.
func (d *discovery) listEarly(ctx context.Context) {
	if d.content == nil || !d.content.roams() || !d.pick.excludesNothing() {
		return
	}
	d.listings.mu.Lock()
	defer d.listings.mu.Unlock()
	d.listings.ctx, d.listings.begun = ctx, map[string]*begunListing{}
}

// beginRows asks for the first rows of a data source.
func (d *discovery) beginRows(id string) {
	l := &d.listings
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx != nil && l.begun[id] == nil && len(l.begun) < maxEarlyListings {
		l.begun[id] = beginListing(l.ctx, d.source.client, id, false)
	}
}

// listing lists the rows of the data source that are not archived.
func (t *sourceTable) listing(ctx context.Context) *begunListing {
	if t.content == nil {
		return beginListing(ctx, t.client, t.source.id, false)
	}
	return t.content.d.rowsOf(ctx, t.source.id)
}

// rowsOf are the rows of a data source; they may have been asked for.
func (d *discovery) rowsOf(ctx context.Context, id string) *begunListing {
	l := &d.listings
	l.mu.Lock()
	b := l.begun[id]
	delete(l.begun, id)
	l.mu.Unlock()
	if b != nil && time.Since(b.began) < earlyFor {
		if <-b.done; b.err == nil { // what was refused may be shared by now
			return b
		}
	}
	if b != nil {
		b.end()
	}
	return beginListing(ctx, d.source.client, id, false)
}

// endEarlyRows ends the listings that no table has taken; none is begun any more.
func (d *discovery) endEarlyRows() {
	l := &d.listings
	l.mu.Lock()
	begun := l.begun
	l.ctx, l.begun = nil, nil
	l.mu.Unlock()
	for _, b := range begun {
		b.end()
	}
}
