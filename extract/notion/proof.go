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
	proved bool
	err    error
}

func beginProof(ctx context.Context, prove func(context.Context) (bool, error)) *proof {
	p := &proof{done: make(chan struct{})}
	ctx, p.cancel = context.WithCancel(ctx)
	go func() {
		defer close(p.done)
		p.proved, p.err = prove(ctx)
	}()
	return p
}

// wait waits for what came of it.
func (p *proof) wait() (bool, error) {
	<-p.done
	p.cancel()
	return p.proved, p.err
}

// end ends a proof that nobody wants any more.
func (p *proof) end() {
	p.cancel()
	<-p.done
}

// stillThere reports whether all of the rows that were created before a time
// (zero: all) can be found by filter. If none of them has been removed since they
// were read, no cursor has shifted, and nothing was skipped.
func (r *rows) stillThere(ctx context.Context, filter any, ids *idSet, before time.Time) (bool, error) {
	var found idSet
	l := r.listing(filter, byCreation(ascending))
	l.path += "?filter_properties%5B%5D=title" // only the ids matter
	l.size = newPageSize(maxPageSize)
	for restarts := 0; ; restarts++ {
		err := error(nil)
		for p, e := range r.c.pages(ctx, &l) {
			if e != nil {
				err = e
				break
			}
			for _, h := range p.heads {
				found.add(h.id, 0)
			}
		}
		if err != nil && (!errors.Is(err, ErrCursor) || restarts == maxRestarts) {
			return false, err
		}
		if err == nil {
			break
		}
	}
	end := uint32(noEnd)
	if !before.IsZero() {
		end = minuteOf(before)
	}
	return ids.within(&found, end), nil
}
