package extract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/notionlake/notionlake/lake"
)

// What is in and on pages costs most of a load's requests, and files most of its
// bytes. Both are kept while they are read, so that a run that continues the load
// goes on where this one ended.

const (
	// keptBytes is how much is kept at a time, before it is packed.
	keptBytes = 2 << 20
	// keptTimeout is how long a run that is being ended takes to keep the rest.
	keptTimeout = 10 * time.Second
	// keptFormat is the version of what is kept. Of others nothing is used.
	keptFormat = 2
)

// A keptHead is the first line of what is kept at a time.
type keptHead struct {
	Format int `json:"format"`
}

// A keptLine is a page or a file, one on a line. Members are not in the order of the
// text of a page, which is the last, as it is the long one.
type keptLine struct {
	Read     time.Time       `json:"read"`           // its reading began
	File     *keptFile       `json:"file,omitempty"` // nil: it is a page
	ID       string          `json:"id,omitempty"`
	Edited   int64           `json:"edited,omitempty"` // as a mark
	Title    uint64          `json:"title,omitempty"`
	Comments bool            `json:"comments,omitempty"`
	Carried  bool            `json:"carried,omitempty"` // Text has the comments: what is in the page is as the last load has it
	Text     json.RawMessage `json:"text,omitempty"`
}

// A keeper gives what is read to the lake, to be kept. It is safe for concurrent use.
type keeper struct {
	keep  func(context.Context, []byte) error
	now   func() time.Time
	every time.Duration // how long what was read waits

	mu      sync.Mutex
	pending []byte
	since   time.Time // the oldest of pending was read
}

// add keeps what was read of a page or a file, some time soon.
func (k *keeper) add(ctx context.Context, line keptLine) error {
	data, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("keep what was read: %w", err)
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
func (k *keeper) rest(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keptTimeout)
	defer cancel()
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.flush(ctx)
}

func (k *keeper) flush(ctx context.Context) error {
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

var errKeptDamaged = errors.New("it is damaged")

// keptLines yields the lines of what was kept at a time, up to an error that says
// what is wrong with it and holds nothing of it.
func keptLines(data []byte) iter.Seq2[keptLine, error] {
	return func(yield func(keptLine, error) bool) {
		r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			yield(keptLine{}, err)
			return
		}
		defer r.Close()
		whole, err := r.DecodeAll(data, nil) // its checksum is at its end: nothing is taken before that is known to be right
		if err != nil {
			yield(keptLine{}, errKeptDamaged)
			return
		}
		lines := json.NewDecoder(bytes.NewReader(whole))
		var head keptHead
		if lines.Decode(&head) != nil {
			yield(keptLine{}, errKeptDamaged)
			return
		}
		if head.Format != keptFormat {
			yield(keptLine{}, fmt.Errorf("it is of format %d, and this version of notionlake reads %d", head.Format, keptFormat))
			return
		}
		for lines.More() {
			var line keptLine
			if lines.Decode(&line) != nil {
				yield(keptLine{}, errKeptDamaged)
				return
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}

// eachKept visits what the runs kept that this one continues. What cannot be
// understood is passed over, which is said.
func eachKept(ctx context.Context, view lake.View, log *slog.Logger, visit func(keptLine) error) error {
	for part, err := range view.Kept(ctx) {
		if err != nil {
			return err
		}
		for line, err := range keptLines(part.Data) {
			if err != nil {
				log.WarnContext(ctx, "a part of what an interrupted run put aside is of no use: the pages and files in it are read again", "part", part.Name, "reason", err)
				break
			}
			if err := visit(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// Resumed counts what was taken over from the runs that this one continues.
type Resumed struct{ Pages, Files int64 }

// Resumed says what the load has taken over so far.
func (s *Source) Resumed() Resumed { return Resumed{s.content.takenOver(), s.files.takenOver()} }

// loadKept takes in what the runs read that this one continues.
func (s *Source) loadKept(ctx context.Context, view lake.View) error {
	defer s.files.resumable()
	err := eachKept(ctx, view, s.log, func(line keptLine) error {
		if line.File != nil {
			s.files.takeIn(line)
			return nil
		}
		return s.content.takeIn(line)
	})
	s.content.tookIn()
	if pages, files := s.content.kept(), s.files.kept(); err == nil && pages+files > 0 {
		s.log.InfoContext(ctx, "read before the load was interrupted", "pages", pages, "files", files)
	}
	return err
}
