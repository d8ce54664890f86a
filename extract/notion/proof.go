package notion

import (
	"context"
	"errors"
	"time"
)

// A proof is one that is being made while what it is about is used.
type proof struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when what follows is set
	there  *idSet
	err    error
	panics caught
}

// beginProof begins to ask which rows filter lets through.
func (r *rows) beginProof(filter any) *proof {
	p := &proof{done: make(chan struct{})}
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(r.ctx)
	go func() {
		defer close(p.done)
		defer p.panics.here(r.c.log)
		p.there, p.err = r.stillThere(ctx, filter)
	}()
	return p
}

// wait waits for what came of it.
func (p *proof) wait() (*idSet, error) {
	<-p.done
	p.cancel()
	p.panics.again()
	return p.there, p.err
}

// end ends a proof that nobody wants any more.
func (p *proof) end() {
	p.cancel()
	<-p.done
}

// ProofSize is how many rows a proof asks for at a time: fewer than a query does, so that
// its pages end elsewhere. When rows leave, a cursor skips those at the end of a page,
// and what the list has skipped the proof must not skip too.
const ProofSize = maxPageSize - 3

// stillThere asks which rows filter lets through, with the minute of their creation.
func (r *rows) stillThere(ctx context.Context, filter any) (*idSet, error) {
	var there idSet
	l := r.listing(filter, byCreation(ascending))
	l.path += "?filter_properties%5B%5D=title" // only the ids matter
	l.size = newPageSize(ProofSize)
	for restarts := 0; ; restarts++ {
		err := error(nil)
		for p, e := range r.c.pages(ctx, &l) {
			if e != nil {
				err = e
				break
			}
			for _, h := range p.heads {
				if h.isRow() {
					there.add(h.id, minuteOf(h.created))
				}
			}
		}
		if err == nil {
			return &there, nil
		}
		if !errors.Is(err, ErrCursor) || restarts == maxRestarts {
			return nil, err
		}
	}
}

// maxSkipped is how many rows are read one by one.
const maxSkipped = 100

// shorten is before which time a window is looked at whose proof there is: all of it
// (zero), but where more rows are missing than are read one by one. Others are being made
// at the moment, or some were removed for a moment and the list ended early: what was
// created after the minute of its last row is another window then.
func (r *rows) shorten(w *window, there *idSet) (before time.Time) {
	next := w.last.Truncate(time.Minute).Add(time.Minute)
	if w.last.IsZero() || !next.After(w.from) || len(r.unread(there, noEnd)) <= maxSkipped {
		return time.Time{}
	}
	return next
}

// nothingSkipped reports whether all rows that were read, ids, and were created before a
// time (zero: all) are still there. If none of them has been removed since they were
// read, no cursor has shifted, and nothing was skipped: but where one was removed and is
// back. So what is there and was not read is read now, unless that is too much.
func (r *rows) nothingSkipped(there, ids *idSet, before time.Time) (bool, error) {
	end := uint32(noEnd)
	if !before.IsZero() {
		end = minuteOf(before)
	}
	if !ids.within(there, end) {
		return false, nil
	}
	skipped := r.unread(there, end)
	if len(skipped) > maxSkipped {
		return false, nil
	}
	return r.readSkipped(skipped)
}

// unread are the rows, created in a minute before end, that have not been read.
func (r *rows) unread(there *idSet, end uint32) (ids []UUID) {
	for e := range there.all() {
		if e.minute < end && !r.seen.has(e.id) {
			ids = append(ids, e.id)
		}
	}
	return ids
}

// readSkipped yields rows by their IDs. What one page's refusal means is not known: the
// row may have gone, or be on the list nevertheless. So that is not whole.
func (r *rows) readSkipped(ids []UUID) (whole bool, err error) {
	own, _ := ParseUUID([]byte(r.id))
	for _, id := range ids {
		page, err := r.c.Page(r.ctx, id.String())
		switch {
		case isRefused(err):
			return false, nil
		case err != nil:
			return false, err
		}
		parent, _ := page.Get("parent").Get("data_source_id").uuid()
		if parent != own || page.Get("in_trash").Bool() {
			continue
		}
		if page.Get("is_archived").Bool() && !r.archived { // since the proof: it is among the others now
			r.tell(false)
			continue
		}
		r.seen.add(id, headOf(page).edited)
		if !r.yield(Result{Object: page}, nil) {
			return false, errStopped
		}
	}
	return true, nil
}

// isRefused reports whether an error is Notion's word that it does not show one object.
func isRefused(err error) bool {
	var refused *Error
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrRestricted) || errors.As(err, &refused) && refused.Code == "validation_error"
}
