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
