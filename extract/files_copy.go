package extract

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

const (
	fileWorkers   = 16 // files that are fetched at a time
	fileAttempts  = 3  // of what may go well the next time
	fileRefreshes = 2  // of a URL that has expired
	fileBackoff   = time.Second
	maxFileWait   = time.Minute // however long the server says
	// maxSilent is how many files in a row a server elsewhere may owe: more are not
	// waited for, since each takes minutes.
	maxSilent = 5
)

// A copier copies the files that pages refer to. A file is fetched once in a load,
// from wherever it is referred to, and not at all where the copy of the last load
// is sure to be of the same content. It is safe for concurrent use.
type copier struct {
	client Client
	log    *slog.Logger
	copies *lake.Copies
	fetch  *fetcher
	types  []string
	slots  chan struct{}

	mu      sync.Mutex
	known   map[fileKey]fileCopy // of the last load
	flights map[flightKey]*flight
	have    map[lake.Sum]lake.Copy
	damaged map[lake.Sum]lake.Copy     // that do not hold what they were written with; until they are written again
	unread  map[lake.Sum]lake.Copy     // that could not be read, and may be whole
	doubts  bool                       // a copy is read before what is fetched is not written
	sure    map[lake.Sum]bool          // copies that need not be read for that
	busy    map[lake.Sum]chan struct{} // copies that are being written
	silent  map[string]*silence        // servers that gave no answer
	counts  lake.FilesReport
	objects fileObjects
	keeper  *keeper
	resumed map[fileKey]*resumedFile
	ready   chan struct{} // closed once resumed is complete
}

// A fileKey stands for kind and URL of a file.
type fileKey [16]byte

func keyOfFile(kind, url string) (k fileKey) {
	sum := sha256.Sum256([]byte(kind + " " + url))
	copy(k[:], sum[:])
	return k
}

// A flightKey is what is found out once in a load.
type flightKey struct {
	fileKey
	medium bool
}

// A flight is a file of this load.
type flight struct {
	done    chan struct{}
	copy    fileCopy // valid once done is closed
	err     error
	counted bool
}

// A fileCopy is what is known of a file.
type fileCopy struct {
	there                       bool // there is a copy
	fetched                     bool // in this load
	sum                         lake.Sum
	bytes                       int64
	contentType, etag, modified string
	reason                      fileReason // why there is none, or only that of an earlier load
	message                     string
}

// newCopier takes in what copies there are and what the last load knew of them.
func (s *Source) newCopier(ctx context.Context, d *discovery) (*copier, error) {
	f := s.options.Files
	c := &copier{
		client: s.client, log: s.log, copies: f.Copies, fetch: newFetcher(f, s.options.TempDir), types: f.Types, slots: make(chan struct{}, fileWorkers),
		keeper: s.keeper, resumed: map[fileKey]*resumedFile{}, ready: make(chan struct{}),
		known: map[fileKey]fileCopy{}, flights: map[flightKey]*flight{}, have: map[lake.Sum]lake.Copy{}, busy: map[lake.Sum]chan struct{}{}, silent: map[string]*silence{},
		damaged: map[lake.Sum]lake.Copy{}, unread: map[lake.Sum]lake.Copy{}, doubts: s.options.Full, sure: map[lake.Sum]bool{},
	}
	for copied, err := range f.Copies.List(ctx) {
		if err != nil {
			return nil, &lake.StorageError{Err: err}
		}
		c.have[copied.Sum] = copied
	}
	share := s.options.Sample
	if c.doubts { // of all that can be fetched
		share = 0
	}
	known, err := damagedBefore(ctx, d)
	if err != nil {
		return nil, err
	}
	if err := c.check(ctx, string(d.view.Load().ID), share, known); err != nil {
		return nil, err
	}
	if c.objects, err = newFileObjects(s.options.TempDir); err != nil {
		return nil, err
	}
	if !s.options.Full {
		err = c.readKnown(ctx, d)
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// readKnown takes in the copies that the last load had.
func (c *copier) readKnown(ctx context.Context, d *discovery) error {
	before, ok := d.before[lake.CopiesTable]
	if !ok {
		return nil
	}
	cells := newCells(before)
	for row, err := range d.view.Rows(ctx, lake.CopiesTable) {
		if err != nil {
			return d.without(ctx, fmt.Errorf("files of the last load: %w", err), problem{})
		}
		sum, ok := lake.ParseSum(cells.value(row, "sha256").Text())
		if copied, there := c.have[sum]; ok && there && copied.Bytes == cells.value(row, "size").Int() {
			c.known[keyOfFile(cells.value(row, "kind").Text(), cells.value(row, "url").Text())] = fileCopy{
				there: true, sum: sum, bytes: copied.Bytes, contentType: cells.text(row, "content_type"),
				etag: cells.text(row, "etag"), modified: cells.text(row, "last_modified"),
			}
		}
	}
	return nil
}

func (c *copier) close() error {
	if c == nil {
		return nil
	}
	c.fetch.close()
	return c.objects.close()
}

// copyAll copies the files of references. signed are their URLs as far as they are known.
func (c *copier) copyAll(ctx context.Context, refs []fileRef, signed *signatures) (map[string]copiedCell, error) {
	cells := map[string]copiedCell{}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for _, ref := range refs {
		g.Go(safe(lake.CopiesTable, func() error {
			copied, err := c.copy(ctx, ref, signed)
			if err != nil || !copied.there {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			cells[cellKey(ref.kind, ref.url)] = copiedCell{copied.sum.String(), c.uri(copied.sum)}
			return nil
		}))
	}
	return cells, g.Wait()
}

// copy copies the file of a reference, once in a load. What is wrong with one file
// is told by what it returns; an error ends the load.
func (c *copier) copy(ctx context.Context, ref fileRef, signed *signatures) (fileCopy, error) {
	key := flightKey{keyOfFile(ref.kind, ref.url), ref.medium}
	for {
		c.mu.Lock()
		f, flies := c.flights[key]
		if !flies {
			f = &flight{done: make(chan struct{})}
			c.flights[key] = f
		}
		c.mu.Unlock()
		if !flies {
			f.err = safely(lake.CopiesTable, func() (err error) { // others wait for it
				f.copy, err = c.find(ctx, ref, signed)
				return err
			})
			c.mu.Lock()
			if f.err != nil { // who waits for it tries by itself
				delete(c.flights, key)
			} else if f.counted = true; !c.isCounted(key, f.copy) {
				c.count(f.copy)
			}
			c.mu.Unlock()
			close(f.done)
			return f.copy, f.err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return fileCopy{}, ctx.Err()
		}
		if f.err == nil {
			return f.copy, nil
		}
	}
}

// find takes over the copy that an interrupted run of this load made, or that of
// the last load, or fetches the file.
func (c *copier) find(ctx context.Context, ref fileRef, signed *signatures) (fileCopy, error) {
	key := keyOfFile(ref.kind, ref.url)
	if copied, ok, err := c.resume(ctx, key); err != nil || ok {
		return c.judge(ref, copied), err
	}
	old := c.known[key]
	if old.there && ref.namesContent() {
		return c.judge(ref, old), nil
	}
	// Some at a time, until what was fetched is stored: it lies on disk until then.
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return fileCopy{}, ctx.Err()
	}
	d, err := c.download(ctx, ref, old, signed)
	var told *fetchError
	switch {
	case err == nil && d.unchanged:
		return c.judge(ref, old), c.keep(ctx, ref, old)
	case err == nil:
	case errors.As(err, &told):
		now := fileCopy{}
		if told.reason != fileBlocked && told.reason != fileTooLarge && told.reason != fileOtherType {
			now = c.judge(ref, old) // better than nothing
		}
		if now.reason == "" {
			now.reason, now.message = told.reason, told.Error()
		}
		if told.reason == fileBlocked {
			c.log.WarnContext(ctx, "a file is not fetched from where its URL leads", "page", ref.page, "block", ref.block, "error", told)
		}
		return now, nil
	default:
		return fileCopy{}, err
	}
	now := fileCopy{there: true, fetched: true, sum: d.sum, bytes: d.bytes, contentType: d.contentType, etag: d.etag, modified: d.modified}
	if err := errors.Join(c.store(ctx, ref, d), d.close()); err != nil {
		return now, err
	}
	return now, c.keep(ctx, ref, now)
}

// judge is an earlier copy as the configuration sees it now.
func (c *copier) judge(ref fileRef, old fileCopy) fileCopy {
	switch {
	case !old.there:
		return old
	case !c.wants(ref, old.contentType):
		return fileCopy{reason: fileOtherType, message: "it is " + old.contentType}
	case old.bytes > c.fetch.max:
		return fileCopy{reason: fileTooLarge, message: fmt.Sprintf("it has %d bytes", old.bytes)}
	}
	return old
}

func (c *copier) wants(ref fileRef, contentType string) bool {
	return wantsType(c.types, contentType) && !isPageAbout(ref.medium, contentType)
}

// download fetches a file, from a fresh URL where the one that is known has expired.
func (c *copier) download(ctx context.Context, ref fileRef, old fileCopy, signed *signatures) (*download, error) {
	w := wanted{url: signed.of(ref), hosted: ref.hosted(), types: func(t string) bool { return c.wants(ref, t) }}
	if old.there {
		w.etag, w.modified = old.etag, old.modified
	}
	attempts, refreshes := 0, 0
	for {
		if w.url == "" {
			var err error
			if w.url, err = c.refresh(ctx, ref); err != nil {
				return nil, err
			}
			refreshes++
		}
		host := hostOf(w)
		if err := c.silence(host); err != nil {
			return nil, &fetchError{reason: fileUnreachable, err: err}
		}
		d, err := c.fetch.get(ctx, w)
		var told *fetchError
		if err == nil || !errors.As(err, &told) {
			c.heard(host, err == nil, err)
			return d, err
		}
		switch {
		case ref.hosted() && told.status >= 400 && told.status < 500 && !told.again && refreshes < fileRefreshes:
			w.url = "" // it has expired
		case told.again && attempts < fileAttempts-1:
			attempts++
			wait := max(told.after, rand.N(fileBackoff<<attempts)+1)
			if err := sleep(ctx, min(wait, maxFileWait)); err != nil {
				return nil, err
			}
		default:
			c.heard(host, told.status != 0 || told.reason != fileUnreachable, told.err)
			return nil, err
		}
	}
}

// hostOf is the server that may be silent: not Notion's, whose files are all there.
func hostOf(w wanted) string {
	u, err := url.Parse(w.url)
	if err != nil || w.hosted {
		return ""
	}
	return u.Host
}

// A silence is that of a server that gave no answer for some files in a row.
type silence struct {
	files int
	err   error // of the first of them
}

// silence is not nil where a server is not asked any more in this load: what went wrong
// with it, in the same words as of the files for which it was asked, since which those are
// differs from load to load.
func (c *copier) silence(host string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.silent[host]; s != nil && s.files >= maxSilent {
		return s.err
	}
	return nil
}

// heard notes whether a server gave an answer, after all attempts, and if not, err.
func (c *copier) heard(host string, answered bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answered || host == "" {
		delete(c.silent, host)
		return
	}
	s := c.silent[host]
	if s == nil {
		s = &silence{err: err}
		c.silent[host] = s
	}
	if s.files++; s.files == maxSilent {
		c.log.Warn("a server gave no answer for some files in a row, and is not asked any more in this load", "server", host, "files", maxSilent, "error", err)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refresh asks Notion again for what refers to a file, and returns the URL that it has now.
func (c *copier) refresh(ctx context.Context, ref fileRef) (string, error) {
	var signed signatures
	var err error
	switch {
	case ref.comment != "":
		on := ref.page
		if ref.block != "" {
			on = ref.block
		}
		for comment, e := range c.client.Comments(ctx, on) {
			if err = e; err != nil {
				break
			}
			signed.collect(comment)
		}
	case ref.block != "":
		var object notion.JSON
		object, err = c.client.Block(ctx, ref.block)
		signed.collect(object)
	default:
		var object notion.JSON
		object, err = c.client.Page(ctx, ref.page)
		signed.collect(object)
	}
	url := signed.of(ref)
	switch {
	case err != nil && (fatal(err) || ctx.Err() != nil):
		return "", fmt.Errorf("URL of a file on page %s: %w", ref.page, err)
	case url != "":
		return url, nil
	case err == nil, errors.Is(err, notion.ErrNotFound), errors.Is(err, notion.ErrRestricted), refusedAs(err, refusedID):
		return "", &fetchError{reason: fileNotFound, err: errors.New("it is not there any more, as Notion says")}
	}
	return "", &fetchError{reason: fileUnreachable, err: err}
}

// A copiedCell is what a cell says of a copy.
type copiedCell struct{ sum, uri string }

func cellKey(kind, url string) string { return kind + " " + url }

// of yields what a row refers to; a nil copier takes nothing in.
func (c *copier) of(page notion.JSON, id string) []fileRef {
	if c == nil || !bytes.Contains(page, externalMark) && !bytes.Contains(page, hostedMark) {
		return nil
	}
	return slices.Collect(pageFiles(string([]byte(id)), page))
}

// hostedMark is in every page that refers to a file of Notion's, externalMark in
// every one that refers to a file elsewhere.
var (
	hostedMark   = []byte(`"file"`)
	externalMark = []byte(`"external"`)
)

// ofPage copies the files of a page object as Notion gave it.
func (c *copier) ofPage(ctx context.Context, page notion.JSON, refs []fileRef) (map[string]copiedCell, error) {
	var signed signatures
	signed.collect(page)
	return c.copyAll(ctx, refs, &signed)
}

// copied are the copies of the files of a page whose files have been copied.
func (c *copier) copied(ctx context.Context, page notion.JSON) (map[string]copiedCell, error) {
	refs := c.of(page, page.Get("id").Text())
	if len(refs) == 0 {
		return nil, nil
	}
	return c.copyAll(ctx, refs, nil)
}

// row notes what a row of a data source refers to.
func (c *copier) row(source, id string, refs []fileRef) error {
	if c == nil {
		return nil
	}
	page, _ := notion.ParseUUID([]byte(id))
	of, _ := notion.ParseUUID([]byte(source))
	return c.objects.set(page, of, refs)
}

// text copies the files of what is in and on a page.
func (c *copier) text(ctx context.Context, page notion.UUID, t *pageText) error {
	if c == nil {
		return nil
	}
	_, err := c.copyAll(ctx, slices.Collect(textFiles(page.String(), t)), t.signed)
	return err
}
