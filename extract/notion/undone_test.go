package notion_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
)

// changing serves w, which change changes before each query is answered, n from 1 on.
func (w *tasks) changing(change func(tx *notiontest.Tx, n int)) *notiontest.Server {
	var queries atomic.Int64
	return notiontest.NewServer(w.Workspace, notiontest.Options{OnRequest: func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/query") {
			n := int(queries.Add(1))
			w.Update(func(tx *notiontest.Tx) { change(tx, n) })
		}
	}})
}

// inTurn lets requests that are made at once be seen one after the other.
func inTurn(see func(*http.Request)) func(*http.Request) {
	var mu sync.Mutex
	return func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		see(r)
	}
}

// wantAll wants each of the rows once, and no error.
func (g got) wantAll(t *testing.T, err error, rows []string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	missing := 0
	for i, id := range rows {
		if n := g.rows[id]; n > 1 {
			t.Errorf("row %d came %d times", i, n)
		} else if n == 0 {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d rows, which were there all the time or but for a moment, did not come", missing, len(rows))
	}
}

// A row is deleted while rows are listed, so that another is skipped, and that is undone
// before it is proved that none was.
func TestDeletedAndUndone(t *testing.T) {
	for name, remove := range map[string]func(*notiontest.Page, bool){
		"trash":   func(p *notiontest.Page, away bool) { p.Trashed = away },
		"archive": func(p *notiontest.Page, away bool) { p.Archived = away },
	} {
		t.Run(name, func(t *testing.T) {
			w := newTasks(titleOnly, titled, 150)
			synctest.Test(t, func(t *testing.T) {
				s := w.changing(func(tx *notiontest.Tx, n int) { remove(tx.Page(w.rows[0]), n == 2) })
				g, err := read(client(t, s, unlimited), w.source, notion.Query{})
				g.wantAll(t, err, w.rows)
			})
		})
	}
}

// Many rows are deleted before the last page is asked for, and that is undone at once:
// the list ends early, and what it leaves out is more than is read row by row.
func TestManyDeletedAndUndone(t *testing.T) {
	for name, test := range map[string]struct{ rows, from, to int }{
		"the first 200 of 400": {400, 0, 200},
		"the last 150 of 300":  {300, 150, 300},
		"the last 160 of 310":  {310, 150, 310},
		"the last 850 of 1000": {1000, 150, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTasks(titleOnly, titled, spread(test.rows, 50)...)
			synctest.Test(t, func(t *testing.T) {
				s := w.changing(func(tx *notiontest.Tx, n int) {
					for _, id := range w.rows[test.from:test.to] {
						tx.Page(id).Trashed = n == 3
					}
				})
				g, err := read(client(t, s, unlimited), w.source, notion.Query{})
				g.wantAll(t, err, w.rows)
			})
		})
	}
}

// Any rows that stand together are deleted before any query, and that is undone before
// one of the next.
func TestAnyDeletedAndUndone(t *testing.T) {
	for seed := range seeds(60) {
		random := rand.New(rand.NewPCG(seed, 7))
		all := 120 + random.IntN(700)
		minutes := []int{all}
		if random.IntN(2) == 0 {
			minutes = spread(all, 30+random.IntN(200))
		}
		w := newTasks(titleOnly, titled, minutes...)
		removed := 1 + random.IntN(min(all, 250))
		from := random.IntN(all - removed + 1)
		first := 1 + random.IntN(2*(all/100+2))
		end := first + 1 + random.IntN(3)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := w.changing(func(tx *notiontest.Tx, n int) {
					for _, id := range w.rows[from : from+removed] {
						tx.Page(id).Trashed = first <= n && n < end
					}
				})
				g, err := read(client(t, s, unlimited), w.source, notion.Query{})
				g.wantAll(t, err, append(w.rows[:from:from], w.rows[from+removed:]...))
			})
		})
	}
}

// Where a row is deleted for a moment while rows are listed, and again while it is proved
// that none was skipped, the proof skips another one than the list.
func TestSkippedTwice(t *testing.T) {
	for name, second := range map[string]int{"the same row": 0, "another row": 1} {
		t.Run(name, func(t *testing.T) {
			w := newTasks(titleOnly, titled, 150)
			synctest.Test(t, func(t *testing.T) {
				s := w.changing(func(tx *notiontest.Tx, n int) {
					tx.Page(w.rows[second]).Trashed = n == 4
					tx.Page(w.rows[0]).Trashed = n == 2 || n == 4 && second == 0
				})
				g, err := read(client(t, s, unlimited), w.source, notion.Query{})
				g.wantAll(t, err, w.rows)
			})
		})
	}
}

// Notion refuses to show a row that was skipped, and lists it all the same.
func TestSkippedRefused(t *testing.T) {
	for code, status := range map[string]int{"object_not_found": 404, "restricted_resource": 403, "validation_error": 400} {
		t.Run(code, func(t *testing.T) {
			w := newTasks(titleOnly, titled, 150)
			synctest.Test(t, func(t *testing.T) {
				s := w.changing(func(tx *notiontest.Tx, n int) { tx.Page(w.rows[0]).Trashed = n == 2 })
				c, err := notion.NewClient(notion.Options{Token: notiontest.DefaultToken, Rate: notion.Rate{Off: true}, Transport: noPages{s.Transport(), status, code}})
				if err != nil {
					t.Fatal(err)
				}
				g, err := read(c, w.source, notion.Query{})
				g.wantAll(t, err, w.rows)
			})
		})
	}
}

// noPages is a server that refuses every page that is asked for by its ID.
type noPages struct {
	http.RoundTripper
	status int
	code   string
}

func (n noPages) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, "/v1/pages/") {
		return n.RoundTripper.RoundTrip(r)
	}
	body := fmt.Sprintf(`{"object":"error","status":%d,"code":%q,"message":"No."}`, n.status, n.code)
	return &http.Response{
		StatusCode: n.status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

// An archived row that was skipped is not archived any more when it is read by itself:
// the list of the others, which has been read, did not have it.
func TestSkippedAndOpened(t *testing.T) {
	w := newTasks(titleOnly, titled, 150)
	w.Update(func(tx *notiontest.Tx) {
		for _, id := range w.rows {
			tx.Page(id).Archived = true
		}
	})
	synctest.Test(t, func(t *testing.T) {
		queries := 0
		s := notiontest.NewServer(w.Workspace, notiontest.Options{OnRequest: inTurn(func(r *http.Request) {
			id, opened := strings.CutPrefix(r.URL.Path, "/v1/pages/")
			if !opened {
				queries++
			}
			w.Update(func(tx *notiontest.Tx) {
				if tx.Page(w.rows[0]).Trashed = queries == 2; opened {
					tx.Page(id).Archived = false
				}
			})
		})})
		g, err := read(client(t, s, unlimited), w.source, notion.Query{Archived: true})
		g.wantAll(t, err, w.rows)
	})
}

// Rows of a part of a minute that is more than one query gives are deleted while that part
// is read, and that is undone: more were skipped than are read one by one.
func TestManySkippedInPartOfMinute(t *testing.T) {
	const first, last = 1000, 1900 // of the part: what lies before and behind has come from either end
	w := newTasks(titleOnly, func(i int) values {
		title := "1"
		if i < first {
			title = "2"
		} else if i >= last {
			title = "3"
		}
		return values{"title": notiontest.Plain(title)}
	}, 2900)
	for _, removed := range []int{90, 150} {
		t.Run(fmt.Sprint(removed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pages, fired := 0, false // of the part
				s := notiontest.NewServer(w.Workspace, notiontest.Options{Cap: 1000, OnRequest: inTurn(func(r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					if fired || !bytes.Contains(body, []byte(`"title":{"contains":"1"}`)) {
						return
					}
					away := r.URL.RawQuery == "" // until the proof
					if pages++; pages < 4 && away {
						return
					}
					fired = !away
					w.Update(func(tx *notiontest.Tx) {
						for _, id := range w.rows[first : first+removed] {
							tx.Page(id).Trashed = away
						}
					})
				})})
				g, err := read(client(t, s, unlimited), w.source, notion.Query{})
				g.wantAll(t, err, w.rows)
				if !fired {
					t.Error("invalid: no part was proved whole")
				}
			})
		})
	}
}

// Rows are made by the hundred while others are listed: they are no reason to read
// those again and again.
func TestMadeMeanwhile(t *testing.T) {
	w := newTasks(titleOnly, titled, 850)
	asked := 0
	synctest.Test(t, func(t *testing.T) {
		s := w.changing(func(tx *notiontest.Tx, n int) {
			if asked = n; n == 10 { // the proof's first
				tx.Tick(time.Minute)
				for range 250 {
					tx.AddRow(w.source, notiontest.Page{Values: values{"title": notiontest.Plain("new")}})
				}
			}
		})
		g, err := read(client(t, s, unlimited), w.source, notion.Query{})
		g.wantAll(t, err, w.rows)
		if asked > 9+12+3+3 { // the rows, the proof, which the new ones are part of, and both for those
			t.Errorf("%d requests for the rows", asked)
		}
	})
}

// A row gets another title while its minute is read in parts: it is in none of them, nor
// at one of the two ends.
func TestRetitledBetweenParts(t *testing.T) {
	w := newTasks(titleOnly, func(i int) values {
		return values{"title": notiontest.Plain(fmt.Sprint(1 + i%3))}
	}, 700)
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Bool
		s := notiontest.NewServer(w.Workspace, notiontest.Options{Cap: 300, OnRequest: func(r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			if !strings.Contains(string(body), `{"does_not_contain":"1"}`) || done.Swap(true) {
				return
			}
			w.Update(func(tx *notiontest.Tx) {
				tx.Tick(time.Minute)
				tx.Set(w.rows[349], "title", notiontest.Plain("1"))
			})
		}})
		g, err := read(client(t, s, unlimited), w.source, notion.Query{})
		g.wantAll(t, err, w.rows)
		if !done.Load() {
			t.Error("invalid: no row got another title")
		}
	})
}
