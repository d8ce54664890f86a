package lake_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// stopping is a source that is interrupted before it has a table.
type stopping struct{ stop context.CancelFunc }

func (s stopping) Tables(ctx context.Context, _ lake.View) iter.Seq2[lake.Table, error] {
	return func(yield func(lake.Table, error) bool) {
		s.stop()
		yield(lake.Table{}, ctx.Err())
	}
}

// A load that was interrupted is continued under its own ID: by a load of the
// same configuration, soon enough, and if no other one was published since.
func TestResume(t *testing.T) {
	for _, test := range []struct {
		name      string
		change    func(w *world, l *lake.Loader)
		continued bool
	}{
		{"the next load", func(*world, *lake.Loader) {}, true},
		{"another configuration", func(_ *world, l *lake.Loader) { l.Config = "other" }, false},
		{"asked for anew", func(_ *world, l *lake.Loader) { l.Resume = 0 }, false},
		{"too late", func(_ *world, l *lake.Loader) { l.Resume = 30 * time.Minute }, false}, // it is an hour later
		{"another load meanwhile", func(w *world, l *lake.Loader) {
			other := w.loader(textTable("a", "1"))
			other.Config = "other"
			if _, err := other.Run(w.t.Context()); err != nil {
				w.t.Fatal(err)
			}
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.run(textTable("a", "1"))
			resumable := func(tables ...lake.Table) *lake.Loader {
				l := w.loader(tables...)
				l.Config, l.Resume = "same", 12*time.Hour
				return l
			}
			ctx, cancel := context.WithCancel(t.Context())
			l := resumable()
			l.Source = stopping{cancel}
			broken, err := l.Run(ctx)
			if err == nil || broken.LoadID == "" {
				t.Fatalf("not interrupted: %+v", broken)
			}
			next := resumable(textTable("a", "1", "2"))
			test.change(w, next)
			report, err := next.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := report.LoadID == broken.LoadID; got != test.continued {
				t.Errorf("load %s after the interrupted %s: continued %v, want %v", report.LoadID, broken.LoadID, got, test.continued)
			}
			if got := len(w.rows("a")); got != 2 {
				t.Errorf("%d rows", got)
			}
			for _, key := range w.files() {
				if strings.HasPrefix(key, "_notionlake/") {
					t.Errorf("left in the journal: %s", key)
				}
			}
		})
	}
}
