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
)

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

// watch shows how the load comes along until the returned function is called:
// as a bar on a terminal, else as a log line every few seconds. whole says that
// the load reads the whole workspace: of a part it is not known how much it is.
func (p *program) watch(ctx context.Context, progress *lake.Progress, stats func() notion.Stats, whole bool) (stop func()) {
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
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-ticks.C:
				now := progressAt(p.now(), began, progress, stats(), whole)
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
	requests               int64
	perSecond              float64       // rows
	left                   time.Duration // 0: not known
	paused                 time.Duration // how long Notion wants us to wait
}

func progressAt(now, began time.Time, progress *lake.Progress, stats notion.Stats, whole bool) progressState {
	s := progressState{
		rows:       progress.Rows.Load(),
		tablesDone: progress.TablesDone.Load(), tablesSeen: progress.TablesSeen.Load(),
		requests: stats.Requests,
	}
	if whole {
		s.expected = progress.Expected.Load()
	}
	elapsed := now.Sub(began)
	if elapsed > 0 {
		s.perSecond = float64(s.rows) / elapsed.Seconds()
	}
	if elapsed >= estimateAfter && s.rows > 0 && s.rows >= s.expected/estimatePart && s.expected > s.rows {
		s.left = time.Duration(float64(s.expected-s.rows) / s.perSecond * float64(time.Second))
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

func (s progressState) String() string {
	text := fmt.Sprintf("%d/%d tables  %s rows  %.0f/s  %s", s.tablesDone, s.tablesSeen, thousands(s.rows), s.perSecond, plural(s.requests, "request"))
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
		slog.Int64("requests", s.requests), slog.Int64("rows_per_second", int64(s.perSecond)),
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
	if s.expected > 0 {
		bar.ChangeMax64(max(s.expected, s.rows+1)) // never full before the end
	}
	_ = bar.Set64(s.rows)
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
