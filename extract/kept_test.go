package extract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
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

// A load that is interrupted when all pages have been read goes on from there.
func TestContinuedFromTheEnd(t *testing.T) {
	w := notiontest.Tree(1, 3)
	w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
	var requests atomic.Int64
	server := notiontest.NewServer(w, notiontest.Options{OnRequest: func(r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/blocks/") {
			requests.Add(1)
		}
	}})
	load := func(ctx context.Context, l *memoryLake) error {
		o := contentOptions(newClient(t, server))
		o.Now = func() time.Time { return w.Model().Clock }
		s := NewSource(o)
		defer s.Close()
		_, err := l.run(ctx, "20260101T000000Z", s)
		return err
	}
	l := newMemoryLake()
	l.interrupted = true
	if err := load(t.Context(), l); !errors.Is(err, context.Canceled) || requests.Swap(0) == 0 {
		t.Fatalf("no request, or %v", err)
	}
	l.interrupted = false
	w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
	if err := load(t.Context(), l); err != nil || requests.Load() > 0 {
		t.Errorf("%d requests for blocks are made again: %v", requests.Load(), err)
	}
}

// Whoever wrote a comment is in _users, also where an earlier run of the load read it.
func TestContinuedAuthors(t *testing.T) {
	key := func(k string) string { return notiontest.NewID(1, k) }
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		tx.AddUser(notiontest.User{ID: key("guest"), Type: "person", Name: "Guest", Guest: true})
		tx.AddPage(notiontest.Page{ID: key("a"), Values: map[string]notiontest.Value{"title": notiontest.Plain("a")}})
		tx.AddComment(notiontest.Comment{ID: key("c"), Discussion: key("d"), Parent: notiontest.Parent{Type: "page_id", ID: key("a")}, By: key("guest"), Text: notiontest.Plain("hello")})
		tx.Tick(time.Hour)
	})
	server := notiontest.NewServer(w, notiontest.Options{})
	load := func(l *memoryLake) (users []string) {
		o := contentOptions(newClient(t, server))
		o.Now = func() time.Time { return w.Model().Clock }
		got, err := l.run(t.Context(), "20260101T000000Z", NewSource(o))
		if err != nil && !(l.interrupted && errors.Is(err, context.Canceled)) {
			t.Fatal(err)
		}
		if got != nil {
			for _, row := range got[keyUsers].rows {
				users = append(users, row[0].Text()+" "+row[2].Text())
			}
		}
		return users
	}
	l := newMemoryLake()
	l.interrupted = true
	load(l)
	l.interrupted = false
	w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
	if diff := cmp.Diff(load(newMemoryLake()), load(l)); diff != "" {
		t.Errorf("-at once +in two runs\n%s", diff)
	}
}

// Of what was kept and is damaged nothing is used.
func TestKeptDamaged(t *testing.T) {
	var chunk []byte
	now := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	k := &keeper{now: func() time.Time { return now }, every: time.Minute, keep: func(_ context.Context, b []byte) error {
		chunk = bytes.Clone(b)
		return nil
	}}
	want := map[string]string{}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 400 {
		id := fmt.Sprintf("38c9ce7b-60a4-87a5-b82f-%012x", i)
		want[id] = fmt.Sprintf(`{"blocks":[{"p":-1,"b":{"object":"block","id":%q,"type":"divider","divider":{"n":%d}},"c":[]}],"comments":[]}`, id, random.Uint64())
		if err := k.add(t.Context(), keptLine{ID: id, Edited: 1, Title: 2, Read: now, Comments: true, Text: json.RawMessage(want[id])}); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.rest(t.Context()); err != nil {
		t.Fatal(err)
	}
	texts, err := newRecordFile("")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = texts.close() }()
	take := func(chunk []byte) int {
		c := &content{texts: texts, resumed: map[notion.UUID]resumedPage{}}
		var why error
		for line, err := range keptLines(chunk) {
			if why = err; err == nil {
				err = c.takeIn(line)
			}
			if err != nil && why == nil {
				t.Fatal(err)
			}
		}
		if (why == nil) != (len(c.resumed) == len(want)) {
			t.Errorf("%d pages, and %v is said", len(c.resumed), why)
		}
		for id, r := range c.resumed {
			if data, err := texts.get(r.text); err != nil || want[id.String()] != string(data) {
				t.Fatalf("page %s: %s, want %s (%v)", id, data, want[id.String()], err)
			}
		}
		return len(c.resumed)
	}
	if n := take(chunk); n != len(want) {
		t.Errorf("%d pages of %d", n, len(want))
	}
	for range 500 {
		bad := bytes.Clone(chunk)
		bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
		take(bad)
		take(bad[:random.IntN(len(bad))])
	}
}

// A load in which something panics while data sources, pages or views are looked for
// ends with that as its error.
func TestPanicsWhileLooking(t *testing.T) {
	for _, in := range []string{"search page", "search data_source", "views"} {
		t.Run(in, func(t *testing.T) {
			server := notiontest.NewServer(notiontest.Tree(1, 1), notiontest.Options{})
			_, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(contentOptions(panicking{newClient(t, server), in})))
			var panicked *lake.PanicError
			if !errors.As(err, &panicked) {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

// A panicking client panics in one of its methods.
type panicking struct {
	Client
	in string
}

func (p panicking) Search(ctx context.Context, what string) iter.Seq2[notion.JSON, error] {
	if p.in == "search "+what {
		panic(p.in)
	}
	return p.Client.Search(ctx, what)
}

func (p panicking) Views(ctx context.Context, id string) iter.Seq2[notion.JSON, error] {
	if p.in == "views" {
		panic(p.in)
	}
	return p.Client.Views(ctx, id)
}

// packed is text as it is kept.
func packed(t *testing.T, text string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll([]byte(text), nil)
}
