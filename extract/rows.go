package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"sync"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

const (
	// maxWaiting is how many pages wait at most for what they do not show
	// themselves, and how many bytes they may be.
	maxWaiting      = 256
	maxWaitingBytes = 8 << 20
)

// A rowReader reads the rows of one data source. A page that shows all of itself
// becomes a row at once. One that shows a part only waits, and those that come
// after it wait behind it, while what is missing is fetched, several at a time;
// rows come in the order of the pages.
type rowReader struct {
	t       *sourceTable
	yield   func(lake.Row, error) bool
	stopped bool // yield wants no more

	waiting []*waitingPage
	bytes   int
	slots   chan struct{}
	fetches sync.WaitGroup

	seed maphash.Seed
	seen map[uint64]struct{} // IDs of the rows that were listed, if the content does not say that
}

// A waitingPage is a page that cannot be a row yet.
type waitingPage struct {
	page       notion.JSON
	id         string
	supersedes bool
	parts      map[*column]notion.JSON
	files      []fileRef             // what it refers to
	copies     map[string]copiedCell // of its files
	done       chan struct{}         // closed when the fields below, parts and copies are set
	gone       bool                  // the page is not there any more
	err        error
}

func newRowReader(t *sourceTable, yield func(lake.Row, error) bool) *rowReader {
	return &rowReader{t: t, yield: yield, slots: make(chan struct{}, inFlight), seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}}
}

// run reads all rows: first those that are not archived, then the archived ones,
// so that one that is archived meanwhile is not missed; it then comes twice, and
// the second supersedes the first. What the last load had beside them is asked for.
func (r *rowReader) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer r.fetches.Wait()
	defer cancel()
	archived := &archivedRows{ctx: ctx, t: r.t}
	defer archived.end()
	rows := r.t.listing(ctx)
	defer rows.end()
	if err := r.pages(ctx, rows.all(archived.listed), false); err != nil || r.stopped {
		return err
	}
	if err := r.pages(ctx, archived.all(), true); err != nil || r.stopped {
		return err
	}
	if err := r.drain(ctx, 0); err != nil || r.stopped {
		return err
	}
	if err := r.vanished(ctx); err != nil || r.stopped {
		return err
	}
	return r.drain(ctx, 0)
}

// pages takes in the results of a query.
func (r *rowReader) pages(ctx context.Context, results iter.Seq2[notion.Result, error], archived bool) error {
	for result, err := range results {
		if err != nil {
			return err
		}
		if err := r.page(ctx, result, archived); err != nil || r.stopped {
			return err
		}
	}
	return nil
}

// page takes in one result of the query.
func (r *rowReader) page(ctx context.Context, result notion.Result, archived bool) error {
	m := r.t.mapper
	ok, err := r.read(ctx, result.Object, nil)
	if err != nil || !ok {
		return err
	}
	for _, id := range m.extra {
		if err := r.t.note(ctx, id); err != nil {
			return err
		}
	}
	supersedes := result.Supersedes || archived && r.listed(m.id)
	if r.t.content == nil {
		r.seen[maphash.String(r.seed, m.id)] = struct{}{}
	}
	files := r.t.files.of(result.Object, m.id)
	if m.whole(nil) && len(r.waiting) == 0 && len(files) == 0 {
		return r.row(supersedes, result.Object, nil, nil)
	}
	r.wait(ctx, bytes.Clone(result.Object), supersedes, files)
	return r.drain(ctx, maxWaiting)
}

// listed reports whether a row was listed.
func (r *rowReader) listed(id string) bool {
	if _, seen := r.seen[maphash.String(r.seed, id)]; seen || r.t.content == nil {
		return seen
	}
	return r.t.content.isRowOf(id, r.t.source.id) || slices.ContainsFunc(r.waiting, func(p *waitingPage) bool { return p.id == id })
}

// read makes the row of a page.
func (r *rowReader) read(ctx context.Context, page notion.JSON, parts map[*column]notion.JSON) (ok bool, err error) {
	ok, err = r.t.mapper.read(page, parts)
	var retyped *retypedError
	if errors.As(err, &retyped) {
		return false, r.t.explain(ctx, retyped)
	}
	return ok, err
}

// row yields the row that was just read from page and parts, or lets it wait for
// the other tables.
func (r *rowReader) row(supersedes bool, page notion.JSON, parts map[*column]notion.JSON, files []fileRef) error {
	if err := r.t.files.row(r.t.source.id, r.t.mapper.id, files); err != nil {
		return err
	}
	if r.t.content != nil {
		if err := r.t.content.row(r.t.source.id, page, parts); err != nil {
			return err
		}
		if !r.t.content.isRowOf(r.t.mapper.id, r.t.source.id) { // another data source had listed it before it moved
			r.seen[maphash.String(r.seed, r.t.mapper.id)] = struct{}{}
		}
	}
	later, supersedes, err := r.t.keep(page, parts, supersedes)
	if err != nil || later {
		return err
	}
	r.t.mapper.count()
	r.stopped = !r.yield(lake.Row{Values: r.t.mapper.row, Supersedes: supersedes}, nil)
	return nil
}

// wait lets the page that was just read wait for what it lacks.
func (r *rowReader) wait(ctx context.Context, page notion.JSON, supersedes bool, files []fileRef) {
	m := r.t.mapper
	p := &waitingPage{page: page, files: files, id: string([]byte(m.id)), supersedes: supersedes, done: make(chan struct{}), parts: map[*column]notion.JSON{}}
	r.waiting = append(r.waiting, p)
	r.bytes += len(page)
	if m.whole(nil) && len(files) == 0 {
		close(p.done)
		return
	}
	wants, users := slices.Clone(m.wants), slices.Clone(m.users.unasked)
	r.fetches.Go(func() {
		defer close(p.done)
		select {
		case r.slots <- struct{}{}:
			defer func() { <-r.slots }()
			p.err = safely(r.t.schema.Table, func() (err error) {
				if err = r.t.fetch(ctx, p, wants, users); err == nil && !p.gone && len(files) > 0 {
					p.copies, err = r.t.files.ofPage(ctx, p.page, files)
				}
				return err
			})
		case <-ctx.Done():
			p.err = ctx.Err()
		}
	})
}

// drain makes rows of the pages at the front that wait no more, and waits for
// them where more than limit wait.
func (r *rowReader) drain(ctx context.Context, limit int) error {
	for len(r.waiting) > 0 && !r.stopped {
		p := r.waiting[0]
		if len(r.waiting) <= limit && r.bytes <= maxWaitingBytes {
			select {
			case <-p.done:
			default:
				return nil
			}
		}
		<-p.done
		r.waiting[0] = nil
		r.waiting = r.waiting[1:]
		r.bytes -= len(p.page)
		if err := r.finish(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// finish makes the row of a page that waited.
func (r *rowReader) finish(ctx context.Context, p *waitingPage) error {
	if p.err != nil {
		return p.err
	}
	if p.gone {
		r.forget(p)
		return nil
	}
	m := r.t.mapper
	m.d.copies = p.copies
	defer func() { m.d.copies = nil }()
	// What was fetched may name users that were not met before: once more, then.
	for range 3 {
		ok, err := r.read(ctx, p.page, p.parts)
		if err != nil || !ok {
			return err
		}
		if m.whole(p.parts) {
			return r.row(p.supersedes, p.page, p.parts, p.files)
		}
		if err := r.t.fetch(ctx, p, m.missing(p.parts), slices.Clone(m.users.unasked)); err != nil {
			return err
		}
		if p.gone {
			r.forget(p)
			return nil
		}
	}
	return fmt.Errorf("page %s: Notion does not give all of its properties", p.id)
}

// forget takes a page out of what was listed: what became of it is still asked.
func (r *rowReader) forget(p *waitingPage) {
	delete(r.seen, maphash.String(r.seed, p.id))
}

// fetch fetches the whole of the columns and the users.
func (t *sourceTable) fetch(ctx context.Context, p *waitingPage, wants []*column, users []string) error {
	for _, c := range wants {
		part, err := t.whole(ctx, p.id, c)
		if errors.Is(err, notion.ErrNotFound) {
			p.gone, err = t.gone(ctx, p.id, err)
			if p.gone {
				return nil
			}
		}
		if err != nil {
			return fmt.Errorf("page %s: property %q: %w", p.id, c.name, err)
		}
		p.parts[c] = part
	}
	if len(users) == 0 {
		return nil
	}
	if err := t.users.list(ctx); err != nil {
		return err
	}
	for _, id := range users {
		if err := t.users.ask(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// gone reports whether a page is in the trash or not there any more; else it
// returns err.
func (t *sourceTable) gone(ctx context.Context, id string, err error) (bool, error) {
	page, pageErr := t.client.Page(ctx, id)
	switch {
	case errors.Is(pageErr, notion.ErrNotFound):
		return true, nil
	case pageErr != nil:
		return false, pageErr
	}
	if inTrash(page) {
		return true, nil
	}
	return false, err
}

// inTrash reports whether an object is in the trash.
func inTrash(object notion.JSON) bool {
	return object.Get("in_trash").Bool() || object.Get("archived").Bool()
}

// whole fetches a property's value in the form that pages have it in.
func (t *sourceTable) whole(ctx context.Context, page string, c *column) (notion.JSON, error) {
	return wholeValue(ctx, t.client, page, c.wire, c.typ)
}
