package extract

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// A stuckTransport counts the requests for files. One of them gets no answer until
// its load ends.
type stuckTransport struct {
	http.RoundTripper
	stuck string // path; "": all are answered
	met   chan struct{}

	mu   sync.Mutex
	seen map[string]int // requests by path
}

func (s *stuckTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.seen[r.URL.Path]++
	s.mu.Unlock()
	if r.URL.Path == s.stuck {
		close(s.met)
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return s.RoundTripper.RoundTrip(r)
}

// A load with files that is interrupted while one is fetched and then continued
// fetches that one and no other, whatever the signatures are by then; nor is a page
// read again for its files. A copy that is not there any more, or not whole, is
// fetched again.
func TestContinuedFiles(t *testing.T) {
	row, block, logo := hostedFile("row").URL, hostedFile("block").URL, "/public/logo"
	for _, test := range []struct {
		name, stuck string
		lost        string // the file whose copy goes between the runs
		damaged     bool   // it is cut
		rows        bool   // no pages are read
		again       []string
	}{
		{name: "in a row", stuck: row, again: []string{row}},
		{name: "in a page", stuck: block, again: []string{block}},
		{name: "elsewhere", stuck: logo, again: []string{logo}},
		{name: "rows only", stuck: row, rows: true, again: []string{row}},
		{name: "a copy is deleted", stuck: row, lost: block, again: []string{row, block}},
		{name: "that of a file elsewhere is deleted", stuck: row, lost: logo, again: []string{row, logo}},
		{name: "a copy is cut", stuck: row, lost: logo, damaged: true, again: []string{row, logo}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFileWorld(t)
				transport := &stuckTransport{RoundTripper: f.server.FileTransport(), stuck: test.stuck, met: make(chan struct{})}
				load := func(ctx context.Context, l *memoryLake) (map[string]*memoryTable, *Source, error) {
					transport.seen = map[string]int{}
					o := fileOptions(t, f.server, f.copies)
					o.Files.Transport = transport
					o.Now = func() time.Time { return f.w.Model().Clock }
					if test.rows {
						o.Content = Content{}
					}
					s := NewSource(o)
					got, err := l.run(ctx, "20260101T000000Z", s)
					if e := s.Close(); e != nil {
						t.Error(e)
					}
					return got, s, err
				}
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					<-transport.met
					synctest.Wait() // all else has been fetched
					cancel()
				}()
				if _, _, err := load(ctx, f.lake); err == nil || ctx.Err() == nil {
					t.Fatalf("not interrupted: %v", err)
				}
				first := transport.seen
				transport.stuck = ""
				f.w.Update(func(tx *notiontest.Tx) { tx.Tick(3 * time.Hour) }) // all signatures have expired
				if test.lost != "" {
					f.lose(test.lost, test.damaged)
				}
				got, source, err := load(t.Context(), f.lake)
				if err != nil {
					t.Fatal(err)
				}
				var again []string
				for path, n := range transport.seen {
					if n != 1 {
						t.Errorf("%s was fetched %d times by one run", path, n)
					}
					if first[path] > 0 {
						again = append(again, path)
					}
				}
				slices.Sort(again)
				slices.Sort(test.again)
				if diff := cmp.Diff(test.again, again); diff != "" {
					t.Errorf("-want +fetched again\n%s", diff)
				}
				if over := source.Resumed().Files; over != int64(len(first)-len(again)) {
					t.Errorf("%d files were fetched, %d again, and %d are said to be taken over", len(first), len(again), over)
				}
				f.checkNamed()
				whole, _, err := load(t.Context(), newMemoryLake())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(fmt.Sprint(withoutFolders(whole)[lake.CopiesTable].rows), fmt.Sprint(withoutFolders(got)[lake.CopiesTable].rows)); diff != "" {
					t.Errorf("_files: -at once +in two runs\n%s", diff)
				}
			})
		})
	}
}

// lose deletes the copy of a file, or cuts it.
func (f *fileWorld) lose(path string, cut bool) {
	f.t.Helper()
	served := map[string]string{hostedFile("block").URL: "%PDF the block", hostedFile("row").URL: "%PDF the row", "/public/logo": "the logo"}[path]
	for copied, err := range f.copies.List(f.t.Context()) {
		if err != nil {
			f.t.Fatal(err)
		}
		data, err := f.storage.ReadAll(f.t.Context(), copied.Key)
		if err != nil {
			f.t.Fatal(err)
		}
		if string(data) != served {
			continue
		}
		if err = f.storage.Delete(f.t.Context(), copied.Key); err == nil && cut {
			err = f.storage.WriteAll(f.t.Context(), copied.Key, data[:3])
		}
		if err != nil {
			f.t.Fatal(err)
		}
		return
	}
	f.t.Fatalf("there is no copy of %s", path)
}

// A part of what was put aside that is damaged, or that another version wrote, is
// passed over, which is said without a word of what it holds.
func TestKeptPassedOver(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		page := tx.AddPage(notiontest.Page{ID: key("a"), Values: titled("a")})
		addBlock(tx, "text", "page_id", page, "divider", "{}")
		tx.Tick(time.Hour)
	})
	server := notiontest.NewServer(w, notiontest.Options{})
	for name, spoil := range map[string]func(part []byte) []byte{
		"damaged":       func(part []byte) []byte { return part[:len(part)/2] },
		"another thing": func([]byte) []byte { return []byte("a secret") },
		"of format 7, and this version of notionlake reads 2": func([]byte) []byte {
			return packed(t, `{"format":7}`+"\n"+`{"a secret":1}`+"\n")
		},
		"a line is none": func([]byte) []byte {
			return packed(t, `{"format":2}`+"\n"+`{"id":"a secret","edited":"a secret"}`+"\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newMemoryLake()
			var log strings.Builder
			load := func() error {
				o := contentOptions(newClient(t, server))
				o.Now = func() time.Time { return w.Model().Clock }
				o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
				s := NewSource(o)
				_, err := l.run(t.Context(), "20260101T000000Z", s)
				if n := s.Resumed(); n != (Resumed{}) {
					t.Errorf("taken over: %+v", n)
				}
				return err
			}
			l.interrupted = true
			if err := load(); err == nil || len(l.kept) != 1 || log.Len() > 0 {
				t.Fatalf("%v, %d parts, %s", err, len(l.kept), log.String())
			}
			l.interrupted, l.kept[0] = false, spoil(l.kept[0])
			if err := load(); err != nil {
				t.Fatal(err)
			}
			why := "it is damaged"
			if strings.HasPrefix(name, "of format") {
				why = "it is " + name
			}
			lines := strings.Split(strings.TrimSpace(log.String()), "\n")
			if len(lines) != 1 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], `part="part 0"`) || !strings.Contains(lines[0], why) || strings.Contains(lines[0], "secret") {
				t.Errorf("said: %s", log.String())
			}
		})
	}
}
