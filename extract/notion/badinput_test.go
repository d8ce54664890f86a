package notion_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
)

// A badServer is a data source of 250 rows that were created in one minute, where
// windows cannot do without cursors, and a client of it.
type badServer struct {
	*tasks
	server *notiontest.Server
	client *notion.Client
}

func newBadServer(t *testing.T, o notiontest.Options) *badServer {
	t.Helper()
	w := newTasks(titleOnly, titled, 250)
	s := notiontest.NewServer(w.Workspace, o)
	limits := unlimited
	limits.MaxBodyBytes = 1 << 20
	return &badServer{w, s, client(t, s, limits)}
}

// query reads all rows while a fault fires so many times.
func (b *badServer) query(fault string, times int) (got, error) {
	b.server.Inject(nil, fault, times)
	return read(b.client, b.source, notion.Query{})
}

// page reads one page while a fault fires so many times.
func (b *badServer) page(t *testing.T, fault string, times int) error {
	t.Helper()
	b.server.Inject(nil, fault, times)
	page, err := b.client.Page(t.Context(), b.rows[0])
	if err == nil && page.Get("id").Text() != b.rows[0] {
		t.Errorf("%s: the answer is %s", fault, page)
	}
	return err
}

// wantError checks what an error is and that it says all of the parts.
func wantError(t *testing.T, err, is error, parts ...string) {
	t.Helper()
	if !fits(err, is) {
		t.Fatalf("error %v, want %v", err, is)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// TestBadInput has a subtest per row of the table of bad inputs that is this
// package's, by its number.
func TestBadInput(t *testing.T) {
	// bubble runs a test in time that costs nothing, with a server for itself.
	bubble := func(o notiontest.Options, test func(*testing.T, *badServer)) func(*testing.T) {
		return func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, newBadServer(t, o)) })
		}
	}
	t.Run("57", badLongRelation)
	t.Run("59", badTrashedMeanwhile)
	t.Run("60", badDuplicateRow)
	t.Run("61", func(t *testing.T) {
		for _, fault := range []string{notiontest.FaultRepeated, notiontest.FaultNoCursor} {
			bubble(notiontest.Options{}, func(t *testing.T, b *badServer) {
				_, err := b.query(fault, 1000)
				wantError(t, err, notion.ErrLoop, "pagination loop detected", b.source)
				if n := b.client.Stats().Requests; n > 3 {
					t.Errorf("%s: %d requests", fault, n)
				}
			})(t)
		}
	})
	t.Run("62", func(t *testing.T) {
		bubble(notiontest.Options{}, func(t *testing.T, b *badServer) {
			g, err := b.query(notiontest.FaultExpired, 3)
			if err != nil {
				t.Fatal(err)
			}
			g.wantEachOnce(t, b.rows)
		})(t)
		bubble(notiontest.Options{}, func(t *testing.T, b *badServer) {
			_, err := b.query(notiontest.FaultExpired, 4)
			wantError(t, err, notion.ErrCursor, b.source, "start_cursor", "HTTP 400")
		})(t)
	})
	t.Run("63", badMinuteBeyondTheCap)
	t.Run("64", bubble(notiontest.Options{}, badRetryAfter))
	t.Run("65", func(t *testing.T) {
		t.Run("attempts", bubble(notiontest.Options{}, badGateways))
		t.Run("page size", bubble(notiontest.Options{}, badSlowQuery))
		t.Run("blocked", bubble(notiontest.Options{}, func(t *testing.T, b *badServer) {
			_, err := b.query(notiontest.FaultBlocked, 1000)
			wantError(t, err, notion.ErrBlocked, b.source, "request id")
			if n := b.client.Stats().Requests; n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		}))
	})
	t.Run("66", bubble(notiontest.Options{}, func(t *testing.T, b *badServer) {
		for _, fault := range []string{notiontest.FaultTruncated, notiontest.FaultGarbage, notiontest.FaultEmpty, notiontest.FaultErrorOK} {
			if err := b.page(t, fault, 7); err != nil {
				t.Errorf("%s seven times: %v", fault, err)
			}
			wantError(t, b.page(t, fault, 8), errAny, "retrieve page "+b.rows[0], "HTTP 200", "after 8 attempts", "request id")
		}
	}))
	t.Run("67", badSize)
	t.Run("68", func(t *testing.T) {
		for depth, ok := range map[int]bool{10_000: true, 10_001: false, 1_000_000: false} {
			if _, err := notion.Parse([]byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))); (err == nil) != ok {
				t.Errorf("JSON of depth %d: %v", depth, err)
			}
		}
	})
}

// A relation of which the page shows 25 comes whole from the property endpoint.
func badLongRelation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTasks(append([]*notiontest.Property{{ID: "re%f", Name: "Next", Type: "relation", Relation: &notiontest.Relation{}}}, titleOnly...), titled, 120)
		w.Update(func(tx *notiontest.Tx) {
			tx.Property(w.source, "re%f").Relation = &notiontest.Relation{Source: w.source}
			tx.Set(w.rows[0], "re%f", notiontest.Refs(w.rows))
		})
		c := client(t, notiontest.NewServer(w.Workspace, notiontest.Options{ShortPages: true}), unlimited)
		page, err := c.Page(t.Context(), w.rows[0])
		if err != nil {
			t.Fatal(err)
		}
		shown := page.Get("properties").Get("Next")
		if count(shown.Get("relation")) != 25 || !shown.Get("has_more").Bool() {
			t.Fatalf("invalid: the page shows %s", shown)
		}
		var all []string
		_, err = c.Property(t.Context(), w.rows[0], shown.Get("id").Text(), func(item notion.JSON) error {
			all = append(all, item.Get("relation").Get("id").Text())
			return nil
		})
		if err != nil || fmt.Sprint(all) != fmt.Sprint(w.rows) {
			t.Errorf("%d references of %d, %v", len(all), len(w.rows), err)
		}
	})
}

// Rows go to the trash between two pages: the others all come, and it is no error.
func badTrashedMeanwhile(t *testing.T) {
	w := newTasks(titleOnly, titled, 250)
	trash := w.rows[40:60:60]
	synctest.Test(t, func(t *testing.T) {
		s := notiontest.NewServer(w.Workspace, notiontest.Options{BetweenPages: func(n int) {
			if n == 1 {
				for _, id := range trash {
					w.Trash(id)
				}
			}
		}})
		g, err := read(client(t, s, unlimited), w.source, notion.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range append(w.rows[:40:40], w.rows[60:]...) {
			if g.rows[id] != 1 {
				t.Fatalf("row %s came %d times", id, g.rows[id])
			}
		}
		for _, id := range trash {
			if g.rows[id] > 1 {
				t.Errorf("row %s came %d times", id, g.rows[id])
			}
		}
	})
}

// The second page begins with the last row of the first, which was edited in
// between in one of the cases.
func badDuplicateRow(t *testing.T) {
	for _, edited := range []bool{false, true} {
		w := newTasks(titleOnly, titled, 250)
		last := w.rows[99]
		synctest.Test(t, func(t *testing.T) {
			s := notiontest.NewServer(w.Workspace, notiontest.Options{BetweenPages: func(n int) {
				if n == 1 && edited {
					w.Update(func(tx *notiontest.Tx) {
						tx.Tick(time.Minute)
						tx.Set(last, "title", notiontest.Plain("edited"))
					})
				}
			}})
			s.Inject(nil, notiontest.FaultDuplicate, 1)
			rows, title := map[string]int{}, ""
			for r, err := range client(t, s, unlimited).QueryDataSource(t.Context(), w.source, notion.Query{}) {
				if err != nil {
					t.Fatal(err)
				}
				id := r.Object.Get("id").Text()
				if !r.Supersedes {
					rows[id]++
				}
				if id == last {
					for run := range r.Object.Get("properties").Get("Name").Get("title").Elems() {
						title = run.Get("plain_text").Text()
					}
				}
			}
			if n := s.Stats().Fired(); n != 1 {
				t.Fatalf("invalid: %d faults fired", n)
			}
			if len(rows) != len(w.rows) || rows[last] != 1 {
				t.Errorf("%d rows, the one that came twice %d times", len(rows), rows[last])
			}
			if (title == "edited") != edited {
				t.Errorf("edited %v: its newest title is %q", edited, title)
			}
		})
	}
}

// More rows in one minute than a query gives: whole where they can be divided,
// else never as if they were.
func badMinuteBeyondTheCap(t *testing.T) {
	for name, c := range map[string]struct {
		row func(int) values
		is  error
	}{
		"numbered": {func(i int) values { return values{"n%m": notiontest.Unique(i)} }, nil},
		"equal":    {func(int) values { return nil }, notion.ErrIncomplete},
	} {
		w := newTasks(numbered, c.row, 5, 250, 5)
		synctest.Test(t, func(t *testing.T) {
			s := notiontest.NewServer(w.Workspace, notiontest.Options{Cap: 100})
			g, err := read(client(t, s, unlimited), w.source, notion.Query{})
			if !errors.Is(err, c.is) {
				t.Fatalf("%s: error %v, want %v", name, err, c.is)
			}
			if c.is == nil {
				g.wantEachOnce(t, w.rows)
				return
			}
			wantError(t, err, c.is, w.source, "2026-01-05T09:02Z")
			if len(g.rows) >= len(w.rows) || g.rows[w.rows[259]] != 1 {
				t.Errorf("%s: %d rows came, the last one %d times", name, len(g.rows), g.rows[w.rows[259]])
			}
		})
	}
}

// As long as is told, however long; where nothing that is a time is told, a
// short while. It is no attempt, and it can be seen.
func badRetryAfter(t *testing.T, b *badServer) {
	for after, bounds := range map[string][2]time.Duration{
		":61":   {61 * time.Second, 62 * time.Second},
		":7200": {2 * time.Hour, 2*time.Hour + time.Second},
		":date": {time.Second, 3 * time.Second},
		":0":    {1, time.Second + 1},
		":-1":   {1, time.Second + 1},
		":abc":  {1, time.Second + 1},
		"":      {1, time.Second + 1},
	} {
		for _, status := range []string{notiontest.FaultRateLimited, notiontest.FaultOverload} {
			start, limited := time.Now(), b.client.Stats().RateLimited
			if err := b.page(t, status+after, 1); err != nil {
				t.Errorf("%s%s: %v", status, after, err)
			}
			if d := time.Since(start); d < bounds[0] || d > bounds[1] {
				t.Errorf("%s%s: waited %v, want %v to %v", status, after, d, bounds[0], bounds[1])
			}
			if s := b.client.Stats(); s.RateLimited != limited+1 || s.PausedUntil.Before(start) {
				t.Errorf("%s%s: it does not show: %+v", status, after, s)
			}
		}
	}
	if err := b.page(t, notiontest.FaultRateLimited+":61", 50); err != nil {
		t.Errorf("fifty times: %v", err)
	}
}

// Eight attempts, and pauses that double up to a minute.
func badGateways(t *testing.T, b *badServer) {
	for fault, says := range map[string]string{
		notiontest.FaultInternal: "HTTP 500", notiontest.FaultGateway: "HTTP 502", notiontest.FaultUnavailable: "HTTP 503",
		notiontest.FaultTimeout: "HTTP 504", notiontest.FaultReset: "", notiontest.FaultCut: "", notiontest.FaultStall + ":90s": "nothing arrived for 1m0s",
	} {
		if err := b.page(t, fault, 7); err != nil {
			t.Errorf("%s seven times: %v", fault, err)
		}
		before, start := b.client.Stats().Requests, time.Now()
		err := b.page(t, fault, 8)
		wantError(t, err, errAny, "retrieve page "+b.rows[0], "after 8 attempts", says)
		if n := b.client.Stats().Requests - before; n != 8 {
			t.Errorf("%s: %d requests, want 8", fault, n)
		}
		const pauses = (1 + 2 + 4 + 8 + 16 + 32 + 60) * time.Second
		if d := time.Since(start); d > pauses+8*time.Minute+time.Second {
			t.Errorf("%s: given up after %v", fault, d)
		}
		id := strings.Contains(err.Error(), "request id")
		if own := strings.HasPrefix(says, "HTTP") && says != "HTTP 502"; own && !id { // the others are not Notion's
			t.Errorf("%s: %q has no request id", fault, err)
		}
	}
}

// sizes injects a fault that fires for ever and notes the page sizes of queries.
func (b *badServer) sizes(fault string) *[]int {
	sizes := &[]int{}
	b.server.Inject(func(r *http.Request) bool {
		var body struct {
			Size int `json:"page_size"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			return false
		}
		*sizes = append(*sizes, body.Size)
		return true
	}, fault, 1000)
	return sizes
}

func badSlowQuery(t *testing.T, b *badServer) {
	sizes := b.sizes(notiontest.FaultTimeout)
	_, err := read(b.client, b.source, notion.Query{})
	wantError(t, err, errAny, b.source, "HTTP 504", "after 8 attempts", "request id")
	if got := fmt.Sprint(*sizes); got != "[100 100 50 50 25 25 10 10]" {
		t.Errorf("page sizes %s", got)
	}
}

// Answers of 80 MiB and of 1 GiB, packed.
func badSize(t *testing.T) {
	for _, fault := range []string{notiontest.FaultOversized, notiontest.FaultBomb} {
		synctest.Test(t, func(t *testing.T) {
			b := newBadServer(t, notiontest.Options{})
			sizes := b.sizes(fault)
			_, err := read(b.client, b.source, notion.Query{})
			wantError(t, err, notion.ErrTooLarge, b.source, "over the size limit")
			if got := fmt.Sprint(*sizes); got != "[100 100 50 50 25 25 10 10]" {
				t.Errorf("%s: page sizes %s", fault, got)
			}
			wantError(t, b.page(t, fault, 8), notion.ErrTooLarge, b.rows[0])
		})
		synctest.Test(t, func(t *testing.T) {
			b := newBadServer(t, notiontest.Options{})
			g, err := b.query(fault, 3) // what is asked for once more in smaller parts
			if err != nil {
				t.Fatal(err)
			}
			g.wantEachOnce(t, b.rows)
		})
	}
	// The limit that holds where none is set.
	synctest.Test(t, func(t *testing.T) {
		b := newBadServer(t, notiontest.Options{})
		b.client = client(t, b.server, unlimited)
		wantError(t, b.page(t, notiontest.FaultOversized, 2), notion.ErrTooLarge, b.rows[0])
	})
}
