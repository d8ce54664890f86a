package extract

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
)

// A sneakedWorld has pages all of which have changed unseen since its first load.
type sneakedWorld struct {
	t      *testing.T
	w      *notiontest.Workspace
	server *notiontest.Server
	cut    interruption // at requests for blocks
	lake   *memoryLake
}

const (
	sneakedPages  = 20
	sneakedSample = 0.3
)

func newSneakedWorld(t *testing.T) *sneakedWorld {
	s := &sneakedWorld{t: t, w: notiontest.NewWorkspace(1), cut: interruption{seen: map[string]int{}, count: true}, lake: newMemoryLake()}
	in := func(i int) string { return key(fmt.Sprint("in page ", i)) }
	s.w.Update(func(tx *notiontest.Tx) {
		for i := range sneakedPages {
			page := tx.AddPage(notiontest.Page{ID: key(fmt.Sprint("page ", i)), Values: titled("page")})
			tx.AddBlock(notiontest.Block{ID: in(i), Parent: notiontest.Parent{Type: "page_id", ID: page}, Type: "equation", Payload: `{"expression":"1"}`})
		}
		tx.Tick(time.Hour)
	})
	s.server = notiontest.NewServer(s.w, notiontest.Options{OnRequest: func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/children") {
			s.cut.request(r)
		}
	}})
	if _, err := s.load(t.Context(), s.lake, "20260101T000000Z"); err != nil {
		t.Fatal(err)
	}
	s.w.Update(func(tx *notiontest.Tx) {
		tx.Tick(time.Hour)
		for i := range sneakedPages {
			tx.Sneak(in(i), `{"expression":"2"}`)
		}
		tx.Tick(time.Hour)
	})
	clear(s.cut.seen)
	return s
}

// load is one that reads some of the pages as a sample, one after the other.
func (s *sneakedWorld) load(ctx context.Context, l *memoryLake, id string) (map[string]*memoryTable, error) {
	client, err := notion.NewClient(notion.Options{Token: notiontest.DefaultToken, Transport: s.server.Transport(), Rate: notion.Rate{Off: true}, Parallel: 1})
	if err != nil {
		s.t.Fatal(err)
	}
	o := contentOptions(client)
	noComments(&o)
	o.Sample = sneakedSample
	o.Now = func() time.Time { return s.w.Model().Clock }
	return l.run(ctx, id, NewSource(o))
}

// part is a run of the second load that is interrupted after some requests, unless it ends before.
func (s *sneakedWorld) part(after int64) (ended bool) {
	s.t.Helper()
	s.cut.run(s.t, after, func(ctx context.Context) error {
		_, err := s.load(ctx, s.lake, "20260102T000000Z")
		ended = err == nil
		return err
	})
	return ended
}

// whole fails unless the second load, which is continued to its end, has what is in pages,
// and tells of pages that changed unseen. It returns how many it tells.
func (s *sneakedWorld) whole() (told int) {
	s.t.Helper()
	got, err := s.load(s.t.Context(), s.lake, "20260102T000000Z")
	if err != nil {
		s.t.Fatal(err)
	}
	if told = strings.Count(strings.Join(problemsOf(got), "\n"), string(KindUnseen)); told == 0 {
		s.t.Error("it is not told that pages have changed unseen")
	}
	want, err := s.load(s.t.Context(), newMemoryLake(), "20260102T000000Z")
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := cmp.Diff(contentOf(want), contentOf(got)); diff != "" {
		s.t.Errorf("-at once +in parts\n%.2000s", diff)
	}
	return told
}

// The sample shows that pages have changed unseen, and the load is interrupted while they
// are read for that: the run that continues it reads the others too, and those not again.
func TestContinuedSample(t *testing.T) {
	for name, after := range map[string]int64{"while the sample is read": 4, "while all are read": 12} {
		t.Run(name, func(t *testing.T) {
			s := newSneakedWorld(t)
			if s.part(after) {
				t.Fatal("invalid: it was not interrupted")
			}
			s.whole()
			again := 0
			for _, n := range s.cut.seen {
				again += n - 2 // whole reads all once more
			}
			if again > 2 { // what was under way: asked for, or answered and not put aside yet
				t.Errorf("%d pages were read again", again)
			}
		})
	}
}

// Each run of a load is shorter than reading its sample takes.
func TestContinuedInSmallParts(t *testing.T) {
	s := newSneakedWorld(t)
	for n := 1; !s.part(4); n++ {
		if n > sneakedPages {
			t.Fatal("it does not come to an end")
		}
	}
}

// The pages of the sample are edited before the load is continued: that others changed
// unseen is known by those that were read for that.
func TestContinuedSampleEdited(t *testing.T) {
	s := newSneakedWorld(t)
	if s.part(12) {
		t.Fatal("invalid: it was not interrupted")
	}
	s.w.Update(func(tx *notiontest.Tx) {
		tx.Tick(time.Hour)
		for i := range sneakedPages {
			page := key(fmt.Sprint("page ", i))
			if id, ok := notion.ParseUUID([]byte(page)); ok && inSample("20260102T000000Z", id, sneakedSample) {
				tx.Set(page, "title", notiontest.Plain("edited"))
			}
		}
		tx.Tick(time.Hour)
	})
	s.whole()
}
