package extract

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// TestPlanForetellsContinued plans loads that were interrupted early, late, and when
// everything had been read, and continues them.
func TestPlanForetellsContinued(t *testing.T) {
	if raced {
		t.Skip("a count of requests is the same without the race detector")
	}
	for name, options := range map[string]func(*Options){
		"everything":        func(*Options) {},
		"comments on pages": func(o *Options) { o.Content.BlockComments = false },
		"no comments":       func(o *Options) { o.Content.Comments, o.Content.BlockComments = false, false },
		"Markdown":          func(o *Options) { o.Content.Blocks = false },
	} {
		for _, share := range []float64{0.3, 0.7, 1} {
			t.Run(fmt.Sprintf("%s/%.1f", name, share), func(t *testing.T) {
				w, steps := notiontest.Demo(1)
				w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
				cut := interruption{}
				b := &planBench{t: t, w: w, lake: newMemoryLake(), options: options}
				b.server = notiontest.NewServer(w, notiontest.Options{OnRequest: func(r *http.Request) { cut.request(r) }})
				whole := func() int64 {
					before := b.server.Stats().Requests
					if _, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(b.make())); err != nil {
						t.Fatal(err)
					}
					return b.server.Stats().Requests - before
				}
				// half reads a part of the load, of which the plan then says that it is there.
				half := func(night int) {
					b.lake.interrupted = share == 1
					cut.run(t, int64(share*float64(whole())), func(ctx context.Context) error {
						_, err := b.lake.run(ctx, fmt.Sprintf("2026010%dT000000Z", night), NewSource(b.make()))
						if b.lake.interrupted {
							return nil
						}
						return err
					})
					b.lake.interrupted = false
					if len(b.lake.kept) == 0 {
						t.Logf("night %d: nothing was put aside", night)
					}
					w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
				}
				half(1)
				if share == 1 {
					for _, r := range b.plan().Requests {
						if slices.Contains([]RequestKind{RequestBlocks, RequestMarkdown, RequestComments}, r.Kind) && r.N > 0 {
							t.Errorf("%s: %d requests are planned though everything has been read", r.Kind, r.N)
						}
					}
				}
				b.compare(1, 0.5) // what is in the pages that are left is not known
				for _, s := range steps {
					s.Apply()
				}
				w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
				half(2)
				w.Update(func(tx *notiontest.Tx) { // pages are edited that have been put aside
					for _, id := range slices.Sorted(maps.Keys(tx.Model().Pages))[:60] {
						tx.Page(id)
					}
					tx.Tick(time.Hour)
				})
				b.compare(2, 0.1)
			})
		}
	}
}
