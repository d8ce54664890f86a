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

// listed is for notion.Query.
func (a *archivedRows) listed(all bool) {
	a.end()
	if all && a.t.archive {
		a.begin()
	}
}

func (a *archivedRows) begin() {
	a.begun = beginListing(a.ctx, a.t.client, a.t.source.id, true)
}

func (a *archivedRows) end() {
	if a.begun != nil {
		a.begun.end()
		a.begun = nil
	}
}

// all yields the rows.
func (a *archivedRows) all() iter.Seq2[notion.Result, error] {
	switch {
	case !a.t.archive:
		return func(func(notion.Result, error) bool) {}
	case a.begun == nil:
		a.begin()
	}
	return a.begun.all(nil)
}
