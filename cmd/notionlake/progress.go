package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

const (
	barInterval = 200 * time.Millisecond // between two pictures of the bar
	logInterval = 5 * time.Second        // between two log lines where there is no terminal

	// The time that is left is told when the pace means something: the first
	// seconds go to finding out what is there, and at Notion's burst rate.
	estimateAfter = 10 * time.Second
	estimatePart  = 20 // and one row in so many has been read
	// Many pages are read side by side: the first ones come late, then many at once.
	estimatePages = 100

	// How fast pages and requests come is told of this time: a load begins with a burst.
	paceWindow = 30 * time.Second
	paceAfter  = 3 * time.Second
)

// A pace is what had been done at a moment.
type pace struct {
	at              time.Time
	requests, pages int64
}

// A display is the progress bar at the foot of a terminal. The console that
// shows it guards it.
type display struct {
	bar *progressbar.ProgressBar
}

func newDisplay(w io.Writer) *display {
	return &display{progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetRenderBlankState(false),
		progressbar.OptionSetSpinnerChangeInterval(0), // else a goroutine of its own draws it
		progressbar.OptionFullWidth(),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerHead: "█", SaucerPadding: "░", BarStart: "", BarEnd: ""}),
	)}
}

func (d *display) clear() { _ = d.bar.Clear() }

// A watched is a load that runs.
type watched struct {
	progress *lake.Progress
	stats    func() notion.Stats
	pages    func() (read, known int64)
	// whole: the load reads the whole workspace. Of a part it is not known how much it is.
	whole bool
}

// watch shows how the load comes along until the returned function is called:
// as a bar on a terminal, else as a log line every few seconds.
func (p *program) watch(ctx context.Context, w watched) (stop func()) {
	onTerminal := p.format == formatText && isTerminal(p.console)
	interval := logInterval
	if onTerminal {
		interval = barInterval
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticks := time.NewTicker(interval)
		defer ticks.Stop()
		began := p.now()
		paces := []pace{{at: began}}
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-ticks.C:
				now := w.at(p.now(), began, paces[0])
				paces = append(paces, pace{p.now(), now.requests, now.pagesRead})
				for len(paces) > 1 && paces[len(paces)-1].at.Sub(paces[1].at) >= paceWindow {
					paces = paces[1:]
				}
				if onTerminal {
					p.console.show(now)
				} else {
					p.log.LogAttrs(ctx, slog.LevelInfo, "progress", now.attrs()...)
				}
			}
		}
	}()
	return func() {
		close(done)
		<-ended
		p.console.endProgress()
	}
}

// A progressState is the progress at one moment.
type progressState struct {
	rows, expected         int64
	tablesDone, tablesSeen int64
	pagesRead, pagesKnown  int64 // 0 known: none are read
	requests               int64
	perSecond              float64 // rows
	pagesPerSecond         float64
	perMinute              float64       // requests
	left                   time.Duration // 0: not known
	paused                 time.Duration // how long Notion wants us to wait
}

// at is the progress now, of a load that began then and was so far at since.
func (w watched) at(now, began time.Time, since pace) progressState {
	stats := w.stats()
	s := progressState{
		rows:       w.progress.Rows.Load(),
		tablesDone: w.progress.TablesDone.Load(), tablesSeen: w.progress.TablesSeen.Load(),
		requests: stats.Requests,
	}
	s.pagesRead, s.pagesKnown = w.pages()
	if w.whole {
		s.expected = w.progress.Expected.Load()
	}
	elapsed := now.Sub(began)
	if elapsed > 0 {
		s.perSecond = float64(s.rows) / elapsed.Seconds()
	}
	if of := now.Sub(since.at); of >= paceAfter {
		s.pagesPerSecond = max(0, float64(s.pagesRead-since.pages)) / of.Seconds() // some are read again
		s.perMinute = float64(s.requests-since.requests) / of.Minutes()
	}
	done, all, speed, least := s.rows, s.expected, s.perSecond, int64(1)
	if s.readsPages() { // which is what the load waits for: rows come of themselves then
		done, all, speed, least = s.pagesRead, s.pagesKnown, s.pagesPerSecond, estimatePages
	}
	if elapsed >= estimateAfter && speed > 0 && s.expected > 0 && done >= max(all/estimatePart, least) && all > done {
		s.left = time.Duration(float64(all-done) / speed * float64(time.Second))
		if s.left > 10*time.Minute {
			s.left = s.left.Round(time.Minute)
		} else {
			s.left = max(s.left.Round(time.Second), time.Second)
		}
	}
	if wait := stats.PausedUntil.Sub(now); wait > time.Second {
		s.paused = wait.Round(time.Second)
	}
	return s
}

// readsPages says that pages that are known are still to be read.
func (s progressState) readsPages() bool { return s.pagesKnown > s.pagesRead }

func (s progressState) String() string {
	text := fmt.Sprintf("%d/%d tables  %s rows", s.tablesDone, s.tablesSeen, thousands(s.rows))
	if !s.readsPages() {
		text += fmt.Sprintf("  %.0f/s", s.perSecond)
	}
	if s.pagesKnown > 0 {
		text += fmt.Sprintf("  %s/%s pages", thousands(s.pagesRead), thousands(s.pagesKnown))
	}
	if s.readsPages() && s.pagesPerSecond > 0 {
		text += fmt.Sprintf("  %.1f/s", s.pagesPerSecond)
	}
	text += "  " + plural(s.requests, "request")
	if s.perMinute > 0 {
		text += fmt.Sprintf("  %s/min", thousands(int64(s.perMinute)))
	}
	switch {
	case s.paused > 0:
		text += fmt.Sprintf("  Notion asks to wait %s", s.paused)
	case s.left > 0:
		text += fmt.Sprintf("  about %s left", s.left)
	}
	return text
}

func (s progressState) attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.Int64("rows", s.rows), slog.Int64("tables", s.tablesDone), slog.Int64("tables_seen", s.tablesSeen),
		slog.Int64("requests", s.requests), slog.Int64("requests_per_minute", int64(s.perMinute)), slog.Int64("rows_per_second", int64(s.perSecond)),
	}
	if s.pagesKnown > 0 {
		attrs = append(attrs, slog.Int64("pages", s.pagesRead), slog.Int64("pages_known", s.pagesKnown))
	}
	if s.left > 0 {
		attrs = append(attrs, slog.String("left", s.left.String()))
	}
	if s.paused > 0 {
		attrs = append(attrs, slog.String("paused", s.paused.String()))
	}
	return attrs
}

// show draws the bar.
func (c *console) show(s progressState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.progress == nil {
		c.progress = newDisplay(c.w)
	}
	bar := c.progress.bar
	bar.Describe(s.String())
	done := s.rows + s.pagesRead
	if s.expected > 0 {
		bar.ChangeMax64(max(s.expected+s.pagesKnown, done+1)) // never full before the end
	}
	_ = bar.Set64(done)
}

// isTerminal says whether what is written to c is shown to somebody.
func isTerminal(c *console) bool {
	w, ok := c.w.(*redactingWriter)
	if !ok {
		return false
	}
	f, ok := w.w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
