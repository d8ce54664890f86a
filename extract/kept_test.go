package extract

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// An interruption cancels a load at one of its requests.
type interruption struct {
	mu    sync.Mutex
	left  int64
	stop  context.CancelFunc // nil: none is wanted
	seen  map[string]int     // requests by path
	count bool
}

func (i *interruption) request(r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.count {
		i.seen[r.URL.String()]++
	}
	if i.left--; i.left < 0 && i.stop != nil {
		i.stop()
	}
}

// run runs a load that is cancelled after some requests.
func (i *interruption) run(t *testing.T, after int64, load func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	i.mu.Lock()
	i.left, i.stop = after, stop
	i.mu.Unlock()
	if err := load(ctx); err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	i.stop = nil
	i.mu.Unlock()
}

// A load that was interrupted goes on where it was: what was in and on pages is not
// read again, but where that may have changed.
func TestContinued(t *testing.T) {
	w := notiontest.Tree(1, 5)
	w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
	cut := interruption{seen: map[string]int{}, count: true}
	server := notiontest.NewServer(w, notiontest.Options{OnRequest: cut.request})
	source := func() *Source {
		o := contentOptions(newClient(t, server))
		o.Now = func() time.Time { return w.Model().Clock }
		return NewSource(o)
	}
	whole, err := newMemoryLake().run(t.Context(), "20260101T000000Z", source())
	if err != nil {
		t.Fatal(err)
	}
	all := len(cut.seen)
	clear(cut.seen)
	l := newMemoryLake()
	cut.run(t, int64(all*2/3), func(ctx context.Context) error {
		_, err := l.run(ctx, "20260101T000000Z", source())
		return err
	})
	if len(l.kept) == 0 {
		t.Fatal("nothing was kept")
	}
	w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
	before := map[string]bool{}
	for path := range cut.seen {
		before[path] = strings.HasPrefix(path, "/v1/blocks/") || strings.HasPrefix(path, "/v1/comments")
	}
	clear(cut.seen)
	got, err := l.run(t.Context(), "20260101T000000Z", source())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(contentOf(whole), contentOf(got)); diff != "" {
		t.Errorf("-at once +in two runs\n%s", diff)
	}
	read, again := 0, 0
	for path, is := range before {
		if is {
			read++
			if cut.seen[path] > 0 {
				again++
			}
		}
	}
	t.Logf("%d requests for blocks and comments, then %d of them again", read, again)
	if again > read/4 {
		t.Errorf("%d of %d requests for blocks and comments were made again", again, read)
	}
}
