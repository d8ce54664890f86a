package extract

import (
	"context"
	"iter"

	"github.com/notionlake/notionlake/extract/notion"
)

// archivedRows are the archived rows of a data source, which are asked for once all
// others have been, so that one that is archived meanwhile is not missed. The first of
// them are while it is being proved that none of the others was skipped; where those are
// asked for again, so are these.
type archivedRows struct {
	ctx   context.Context
	t     *sourceTable
	begun *begunListing // nil: nothing has been asked for
}

// A begunListing is a listing of rows of which the first has been asked for.
type begunListing struct {
	cancel context.CancelFunc
	next   func() (notion.Result, error, bool)
	end    func()
	done   chan struct{} // closed when what follows is set, and next may be called
	first  notion.Result
	err    error
	ok     bool // there is a first
}

// listed is for notion.Query.
func (a *archivedRows) listed(all bool) {
	a.end()
	if all && a.t.archive {
		a.begun = a.begin()
	}
}

func (a *archivedRows) begin() *begunListing {
	b := &begunListing{done: make(chan struct{})}
	var ctx context.Context
	ctx, b.cancel = context.WithCancel(a.ctx)
	b.next, b.end = iter.Pull2(a.t.client.QueryDataSource(ctx, a.t.source.id, notion.Query{Archived: true}))
	go func() {
		defer close(b.done)
		if err := safely(a.t.schema.Table, func() error {
			b.first, b.err, b.ok = b.next()
			return nil
		}); err != nil {
			b.err, b.ok = err, true
		}
	}()
	return b
}

// end ends a listing that was begun, and waits for that.
func (a *archivedRows) end() {
	if b := a.begun; b != nil {
		b.cancel()
		<-b.done
		b.end()
		a.begun = nil
	}
}

// all yields the rows.
func (a *archivedRows) all() iter.Seq2[notion.Result, error] {
	return func(yield func(notion.Result, error) bool) {
		if !a.t.archive {
			return
		}
		if a.begun == nil {
			a.begun = a.begin()
		}
		b := a.begun
		<-b.done
		for result, err, ok := b.first, b.err, b.ok; ok && yield(result, err); {
			result, err, ok = b.next()
		}
	}
}
