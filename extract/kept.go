package extract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/notionlake/notionlake/extract/notion"
)

// What is in and on pages costs most of a load's requests. It is kept while it is
// read, so that a run that continues the load goes on where this one ended.

const (
	// keptBytes is how much is kept at a time, before it is packed.
	keptBytes = 2 << 20
	// keptTimeout is how long a run that is being ended takes to keep the rest.
	keptTimeout = 10 * time.Second
	// keptFormat is the version of what is kept. Of others nothing is used.
	keptFormat = 1
)

// A keptHead is the first line of what is kept at a time.
type keptHead struct {
	Format int `json:"format"`
}

// A keptLine is a page, one on a line. Members are not in the order of the text,
// which is the last, as it is the long one.
type keptLine struct {
	ID       string          `json:"id"`
	Edited   int64           `json:"edited"` // as a mark
	Title    uint64          `json:"title"`
	Read     time.Time       `json:"read"` // its reading began
	Comments bool            `json:"comments"`
	Text     json.RawMessage `json:"text"`
}

// A keptPages gives what is read of pages to the lake, to be kept.
type keptPages struct {
	keep  func(context.Context, []byte) error
	now   func() time.Time
	every time.Duration

	mu      sync.Mutex
	pending []byte
	since   time.Time // the oldest of pending was read
}

// add keeps what was read of a page, some time soon.
func (k *keptPages) add(ctx context.Context, line keptLine) error {
	data, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("page %s: %w", line.ID, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.pending) == 0 {
		k.since = k.now()
	}
	k.pending = append(append(k.pending, data...), '\n')
	if len(k.pending) < keptBytes && k.now().Sub(k.since) < k.every {
		return nil
	}
	return k.flush(ctx)
}

// rest keeps what has not been kept yet, also where the context has ended.
func (k *keptPages) rest(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keptTimeout)
	defer cancel()
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.flush(ctx)
}

func (k *keptPages) flush(ctx context.Context) error {
	if len(k.pending) == 0 {
		return nil
	}
	var packed bytes.Buffer
	w, err := zstd.NewWriter(&packed, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err == nil {
		err = json.NewEncoder(w).Encode(keptHead{keptFormat})
	}
	if err == nil {
		_, err = w.Write(k.pending)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = k.keep(ctx, packed.Bytes())
	}
	if err != nil {
		return err
	}
	k.pending = k.pending[:0]
	return nil
}

// A resumedPage is a page as a run read it that this one continues.
type resumedPage struct {
	mark
	read     time.Time
	comments bool
	text     place
}

// loadKept takes in what the runs read that this one continues. What cannot be
// understood is read again.
func (c *content) loadKept(ctx context.Context) error {
	c.resumed = map[notion.UUID]resumedPage{}
	for data, err := range c.d.view.Kept(ctx) {
		if err != nil {
			return err
		}
		if err := c.loadKeptPart(data); err != nil {
			return err
		}
	}
	if n := len(c.resumed); n > 0 {
		c.log.InfoContext(ctx, "pages that were read before the load was interrupted", "pages", n)
	}
	return nil
}

func (c *content) loadKeptPart(data []byte) error {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return fmt.Errorf("what was read before: %w", err)
	}
	defer r.Close()
	whole, err := r.DecodeAll(data, nil) // its checksum is at its end: nothing is taken before that is known to be right
	if err != nil {
		return nil
	}
	lines := json.NewDecoder(bytes.NewReader(whole))
	var head keptHead
	if err := lines.Decode(&head); err != nil || head.Format != keptFormat {
		return nil // of another version, or damaged
	}
	for lines.More() {
		var line keptLine
		if lines.Decode(&line) != nil {
			return nil
		}
		id, ok := notion.ParseUUID([]byte(line.ID))
		if before, known := c.resumed[id]; !ok || known && before.read.After(line.Read) {
			continue
		}
		at, err := c.texts.add(line.Text)
		if err != nil {
			return err
		}
		c.resumed[id] = resumedPage{mark{line.Edited, line.Title}, line.Read, line.Comments, at}
		if c.resumedFrom.IsZero() || line.Read.Before(c.resumedFrom) {
			c.resumedFrom = line.Read // what this load has was read then or later
		}
	}
	return nil
}

// resume returns what an earlier run of this load read in a page that has not been
// edited since; nil: it is to be read.
func (c *content) resume(e *pageEntry) (*pageText, error) {
	c.mu.Lock()
	r, ok := c.resumed[e.id]
	now, again := e.mark, e.reread
	c.mu.Unlock()
	if !ok || again || r.mark != now || !isBefore(now.edited, r.read) {
		return nil, nil
	}
	record, err := c.texts.get(r.text)
	if err != nil {
		return nil, err
	}
	t := parsePageText(record)
	t.commented = r.comments
	comments := func(list []notion.JSON) {
		for _, j := range list {
			c.meet(j)
		}
	}
	comments(t.comments)
	each(t.blocks, func(b *block) bool {
		c.block(e, b)
		comments(b.comments)
		return true
	})
	of := carriedOf(t)
	of.read = r.read
	c.mu.Lock()
	e.carried = of
	c.mu.Unlock()
	return t, nil
}

// keep keeps what was read of a page, if that is all of it.
func (c *content) keep(ctx context.Context, e *pageEntry, t *pageText, record []byte, began time.Time) error {
	c.mu.Lock()
	unsure, mark := e.unsure, e.mark
	c.mu.Unlock()
	if unsure {
		return nil
	}
	return c.kept.add(ctx, keptLine{e.id.String(), mark.edited, mark.title, began, t.commented, record})
}
