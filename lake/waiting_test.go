package lake_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
)

// A load that was interrupted, or died, and has put something aside can be seen
// until another run continues or replaces it. Looking changes nothing.
func TestWaiting(t *testing.T) {
	for _, killed := range []bool{false, true} {
		dead := false
		w := newWorld(t, func(string, string) error {
			if dead {
				return errors.New("dead")
			}
			return nil
		})
		w.run(textTable("a", "1"))
		resumable := func(tables ...lake.Table) *lake.Loader {
			l := w.loader(tables...)
			l.Config, l.Resume, l.Parts = "same", 12*time.Hour, []string{"only a"}
			return l
		}
		waiting := func(when string, want int) lake.Waiting {
			t.Helper()
			files := w.files()
			list, err := lake.WaitingLoads(t.Context(), w.storage, w.catalog)
			if err != nil || len(list) != want {
				t.Fatalf("%s: %d loads wait: %v", when, len(list), err)
			}
			if diff := cmp.Diff(files, w.files()); diff != "" {
				t.Errorf("looking changed files: %s", diff)
			}
			if want == 0 {
				return lake.Waiting{}
			}
			return list[0]
		}
		waiting("before", 0)
		var broken lake.Report
		for _, keep := range []string{"first", "second"} {
			ctx, cancel := context.WithCancel(t.Context())
			l := resumable()
			l.Source = stopping{t, func() {
				dead = killed
				cancel()
			}, keep, new([]string)}
			report, err := l.Run(ctx)
			if err == nil {
				t.Fatal("not interrupted")
			}
			if dead = false; keep == "first" {
				broken = report
			}
		}
		got := waiting("interrupted", 1)
		if got.Load.ID != broken.LoadID || !got.Load.Started.Equal(broken.Started) || got.Bytes != int64(len("firstsecond")) || got.Runs != killed || len(got.Parts) != 1 {
			t.Errorf("killed %t: %+v", killed, got)
		}
		now := broken.Started.Add(2 * time.Hour)
		for why, refused := range map[string]string{
			"":                               got.Refused("same", 3*time.Hour, now),
			"resume is off":                  got.Refused("same", 0, now),
			"it is older than resume allows": got.Refused("same", time.Hour, now),
			"the configuration is not the one with which it was begun": got.Refused("other", 3*time.Hour, now),
			"the clock says that it has not begun yet":                 got.Refused("same", 3*time.Hour, broken.Started.Add(-time.Hour)),
		} {
			if refused != why {
				t.Errorf("refused since %q, want %q", refused, why)
			}
		}
		if report, err := resumable(textTable("a", "1", "2")).Run(t.Context()); err != nil || report.LoadID != broken.LoadID {
			t.Errorf("load %s: %v", report.LoadID, err)
		}
		waiting("continued", 0)
	}
}

// A load that was interrupted before one that is held was read is not continued, and
// that is what is said of it.
func TestWaitingBeforeHeld(t *testing.T) {
	w := newWorld(t, nil)
	w.run(textTable("a", "1"), textTable("b", "1"))
	part := func(name string, tables ...lake.Table) *lake.Loader {
		l := w.loader(tables...)
		l.Config, l.Resume, l.Parts = name, 12*time.Hour, []string{name}
		return l
	}
	ctx, cancel := context.WithCancel(t.Context())
	l := part("a")
	l.Source = stopping{t, cancel, "kept", new([]string)}
	broken, err := l.Run(ctx)
	if err == nil {
		t.Fatal("not interrupted")
	}
	l = part("b", textTable("b", "1", "2"), partialTable("c"))
	l.Audit.HoldPartial = true
	held, err := l.Run(t.Context())
	if held.Status != lake.StatusHeld {
		t.Fatalf("status %s: %v", held.Status, err)
	}
	list, err := lake.WaitingLoads(t.Context(), w.storage, w.catalog)
	if err != nil || len(list) != 1 || list[0].Load.ID != broken.LoadID {
		t.Fatalf("%v, %v", list, err)
	}
	if why := list[0].Refused("a", 12*time.Hour, w.now); why != "load "+string(held.LoadID)+", which is held, is later" {
		t.Errorf("refused since %q", why)
	}
	next := part("a", textTable("a", "2"))
	now, err := next.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report, err := next.Run(t.Context())
	if err != nil || report.LoadID == broken.LoadID || now.Continues != "" {
		t.Errorf("load %s after %s, and %q would have been continued: %v", report.LoadID, broken.LoadID, now.Continues, err)
	}
}
