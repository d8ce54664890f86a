package notion_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
)

// tasks is a workspace with one data source.
type tasks struct {
	*notiontest.Workspace
	source string
	rows   []string
}

type values = map[string]notiontest.Value

var (
	titleOnly = []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}
	numbered  = append([]*notiontest.Property{{ID: "n%m", Name: "No: 1", Type: "unique_id"}}, titleOnly...)
)

// newTasks makes so many rows in each of some minutes.
func newTasks(properties []*notiontest.Property, row func(i int) values, minutes ...int) *tasks {
	const seed = 11
	w := &tasks{Workspace: notiontest.NewWorkspace(seed), source: notiontest.NewID(seed, "source")}
	w.Update(func(t *notiontest.Tx) {
		database := notiontest.NewID(seed, "database")
		t.AddDatabase(notiontest.Database{ID: database, Title: notiontest.Plain("Tasks")})
		t.AddSource(notiontest.DataSource{ID: w.source, Database: database, Title: notiontest.Plain("Tasks"), Properties: properties})
		for _, n := range minutes {
			t.Tick(time.Minute)
			for range n {
				w.rows = append(w.rows, t.AddRow(w.source, notiontest.Page{Values: row(len(w.rows))}))
			}
		}
	})
	return w
}

func titled(i int) values { return values{"title": notiontest.Plain(fmt.Sprintf("Task %d", i))} }

// spread divides n rows into minutes of at most so many.
func spread(n, perMinute int) (minutes []int) {
	for ; n > 0; n -= perMinute {
		minutes = append(minutes, min(n, perMinute))
	}
	return minutes
}

func client(t *testing.T, s *notiontest.Server, o notion.Options) *notion.Client {
	t.Helper()
	o.Token, o.Transport = notiontest.DefaultToken, s.Transport()
	c, err := notion.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// seeds are so many, or a few of them with the race detector.
func seeds(n uint64) uint64 {
	if raced {
		return max(n/6, 1)
	}
	return n
}

var unlimited = notion.Options{Rate: notion.Rate{Off: true}}

// got counts how often rows came first, and again.
type got struct{ rows, again map[string]int }

func read(c *notion.Client, source string, q notion.Query) (got, error) {
	g := got{map[string]int{}, map[string]int{}}
	for r, err := range c.QueryDataSource(context.Background(), source, q) {
		if err != nil {
			return g, err
		}
		if id := r.Object.Get("id").Text(); r.Supersedes {
			g.again[id]++
		} else {
			g.rows[id]++
		}
	}
	return g, nil
}

func (g got) wantEachOnce(t *testing.T, rows []string) {
	t.Helper()
	for _, id := range rows {
		if n := g.rows[id]; n != 1 {
			t.Fatalf("row %s came %d times", id, n)
		}
	}
	if len(g.rows) != len(rows) || len(g.again) > 0 {
		t.Fatalf("%d rows came, %d of them again; want %d", len(g.rows), len(g.again), len(rows))
	}
}

func TestEveryRowOnceBehindTheCapUnderFaults(t *testing.T) {
	if raced {
		t.Skip("TestChangesWhileReading reads under faults with the detector")
	}
	w := newTasks(titleOnly, titled, spread(25_000, 700)...)
	synctest.Test(t, func(t *testing.T) {
		s := notiontest.NewServer(w.Workspace, notiontest.Options{Faults: notiontest.Faults{Rate: 0.15, Seed: 3}, Shuffle: true})
		g, err := read(client(t, s, notion.Options{}), w.source, notion.Query{})
		if err != nil {
			t.Fatal(err)
		}
		g.wantEachOnce(t, w.rows)
		if n := s.Stats().Fired(); n < 25 {
			t.Fatalf("invalid: only %d faults fired", n)
		}
	})
}

func TestSizesAroundTheCap(t *testing.T) {
	for _, n := range []int{0, 1, 99, 100, 101, 499, 500, 501, 999, 1000, 1001, 1250} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newTasks(titleOnly, titled, spread(n, 90)...)
			for _, o := range []notiontest.Options{
				{Cap: 500},
				{Cap: 500, ShortPages: true, Shuffle: true},
				{Cap: 500, CursorTTL: 4 * time.Second, Latency: time.Second},
			} {
				synctest.Test(t, func(t *testing.T) {
					s := notiontest.NewServer(w.Workspace, o)
					g, err := read(client(t, s, unlimited), w.source, notion.Query{})
					if err != nil {
						t.Fatal(err)
					}
					g.wantEachOnce(t, w.rows)
				})
			}
		})
	}
}

func TestMinuteBeyondTheCap(t *testing.T) {
	same := func(int) values { return values{"title": notiontest.Plain("same")} }
	tests := []struct {
		name       string
		properties []*notiontest.Property
		row        func(i int) values
		incomplete bool
	}{
		{"unique id", numbered, func(i int) values {
			return values{"title": notiontest.Plain("same"), "n%m": notiontest.Unique(1000 - i)}
		}, false},
		{"unique id, some without", numbered, func(i int) values {
			if i%50 == 0 {
				return titled(i)
			}
			return values{"title": notiontest.Plain(fmt.Sprint(i)), "n%m": notiontest.Unique(i)}
		}, false},
		{"title", titleOnly, titled, false},
		{"title, some empty", titleOnly, func(i int) values {
			if i%7 == 0 {
				return nil
			}
			return titled(i)
		}, false},
		{"nothing to divide by", titleOnly, same, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newTasks(tt.properties, tt.row, 10, 330, 10, 200, 10)
			synctest.Test(t, func(t *testing.T) {
				s := notiontest.NewServer(w.Workspace, notiontest.Options{Cap: 100, Shuffle: true})
				g, err := read(client(t, s, unlimited), w.source, notion.Query{PageSize: 30})
				if !tt.incomplete {
					if err != nil {
						t.Fatal(err)
					}
					g.wantEachOnce(t, w.rows)
					return
				}
				if !errors.Is(err, notion.ErrIncomplete) {
					t.Fatalf("error %v, want ErrIncomplete", err)
				}
				for _, part := range []string{w.source, "2026-01-05T09:02Z", "2026-01-05T09:04Z"} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("error %q does not name %s", err, part)
					}
				}
				for _, id := range append(w.rows[340:350:350], w.rows[550:]...) {
					if g.rows[id] != 1 {
						t.Errorf("row %s of a minute that is whole came %d times", id, g.rows[id])
					}
				}
			})
		})
	}
}

// Where the parts of a minute leave rows out, it is not whole.
func TestPartsThatLeaveRowsOut(t *testing.T) {
	w := newTasks(titleOnly, func(i int) values {
		if i%7 == 0 {
			return nil
		}
		return titled(i)
	}, 330)
	synctest.Test(t, func(t *testing.T) {
		s := notiontest.NewServer(w.Workspace, notiontest.Options{Cap: 100})
		c, err := notion.NewClient(notion.Options{Token: notiontest.DefaultToken, Rate: notion.Rate{Off: true}, Transport: noEmpty{s.Transport()}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := read(c, w.source, notion.Query{}); !errors.Is(err, notion.ErrIncomplete) {
			t.Errorf("error %v, want ErrIncomplete", err)
		}
	})
}

// Where every answer is said to be cut off, dividing comes to an end, and what came is
// yielded.
func TestCutOffForNoReason(t *testing.T) {
	w := newTasks(titleOnly, titled, 90)
	synctest.Test(t, func(t *testing.T) {
		s := notiontest.NewServer(w.Workspace, notiontest.Options{Faults: notiontest.Faults{Rate: 1, Kinds: []string{notiontest.FaultIncomplete}}})
		rows, err := read(client(t, s, unlimited), w.source, notion.Query{})
		if n := s.Stats().Requests; !errors.Is(err, notion.ErrIncomplete) || len(rows.rows) != 90 || n > 10_000 {
			t.Errorf("%d rows by %d requests, error %v", len(rows.rows), n, err)
		}
	})
}

// Rows that are removed while the parts of a minute are read shift what a cursor
// means. What was skipped so must be found, or the minute is not whole.
func TestRemovedFromMinuteBeyondTheCap(t *testing.T) {
	whole := 0
	for seed := range seeds(12) {
		random := rand.New(rand.NewPCG(seed, 2))
		w := newTasks(titleOnly, titled, 250)
		must := map[string]bool{}
		for _, id := range w.rows {
			must[id] = true
		}
		remove := func(n int) {
			// The first pages are those of the windows before the minute is divided.
			if n < 15 || n > 40 || n%4 != 0 {
				return
			}
			w.Update(func(t *notiontest.Tx) {
				id := w.rows[random.IntN(len(w.rows))]
				t.Page(id).Trashed = true
				delete(must, id)
			})
		}
		synctest.Test(t, func(t *testing.T) {
			s := notiontest.NewServer(w.Workspace, notiontest.Options{Cap: 100, BetweenPages: remove})
			g, err := read(client(t, s, unlimited), w.source, notion.Query{PageSize: 20})
			if errors.Is(err, notion.ErrIncomplete) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			whole++
			for id := range must {
				if g.rows[id] != 1 {
					t.Errorf("seed %d: row %s came %d times, and no error", seed, id, g.rows[id])
				}
			}
		})
	}
	t.Logf("%d of %d were read whole", whole, seeds(12))
}

// noEmpty is a server to which an empty title does not contain nothing.
type noEmpty struct{ http.RoundTripper }

func (n noEmpty) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte("does_not_contain")) {
			body = bytes.Replace(body, []byte(`"and":[`), []byte(`"and":[{"property":"Name","title":{"is_not_empty":true}},`), 1)
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return n.RoundTripper.RoundTrip(r)
}

// While rows are read, others are edited, added and thrown away. What was there
// all the time must come, what came must have been there at some time, and what
// was edited long before it could be read again must be so.
func TestChangesWhileReading(t *testing.T) {
	for seed := range seeds(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			w := newTasks(titleOnly, titled, spread(50+random.IntN(400), 70)...)
			may, must := map[string]bool{}, map[string]bool{}
			for _, id := range w.rows {
				may[id], must[id] = true, true
			}
			change := func(int) {
				w.Update(func(t *notiontest.Tx) {
					t.Tick(time.Minute)
					switch id := w.rows[random.IntN(len(w.rows))]; random.IntN(3) {
					case 0:
						t.Page(id).Values = titled(-1)
					case 1:
						t.Page(id).Trashed = true
						delete(must, id)
					case 2:
						may[t.AddRow(w.source, notiontest.Page{Values: titled(-2)})] = true
					}
				})
			}
			synctest.Test(t, func(t *testing.T) {
				o := notiontest.Options{Cap: 200, Faults: notiontest.Faults{Rate: 0.1, Seed: seed}}
				if seed%2 == 0 {
					o.BetweenPages = change
				} else {
					o.OnRequest = func(*http.Request) { change(0) }
				}
				s := notiontest.NewServer(w.Workspace, o)
				g, err := read(client(t, s, unlimited), w.source, notion.Query{PageSize: 20})
				if err != nil {
					t.Fatal(err)
				}
				for id := range must {
					if g.rows[id] != 1 {
						t.Errorf("row %s came %d times", id, g.rows[id])
					}
				}
				for id, n := range g.rows {
					if !may[id] || n != 1 {
						t.Errorf("row %s came %d times, was there %v", id, n, may[id])
					}
				}
			})
		})
	}
}

func TestFaultsThatDoNotPass(t *testing.T) {
	// In one minute, where windows cannot do without cursors.
	w := newTasks(titleOnly, titled, 250)
	tests := []struct {
		fault string
		times int
		want  error // nil: it passes
	}{
		{notiontest.FaultStall + ":90s", 3, nil},
		{notiontest.FaultNotUTF8, 1000, nil},
		{notiontest.FaultBomb, 2, nil},
		{notiontest.FaultOversized, 3, nil},
		{notiontest.FaultUnavailable, 7, nil},
		{notiontest.FaultUnavailable, 8, errAny},
		{notiontest.FaultOversized, 8, notion.ErrTooLarge},
		{notiontest.FaultRepeated, 1, notion.ErrLoop},
		{notiontest.FaultNoCursor, 1, notion.ErrLoop},
		{notiontest.FaultExpired, 3, nil},
		{notiontest.FaultExpired, 4, notion.ErrCursor},
		{notiontest.FaultUnauthorized, 1, notion.ErrUnauthorized},
		{notiontest.FaultRestricted, 1, notion.ErrRestricted},
		{notiontest.FaultNotFound, 1, notion.ErrNotFound},
		{notiontest.FaultBlocked, 1, notion.ErrBlocked},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.fault, " ", tt.times), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := notiontest.NewServer(w.Workspace, notiontest.Options{})
				s.Inject(nil, tt.fault, tt.times)
				o := unlimited
				o.MaxBodyBytes = 1 << 20
				g, err := read(client(t, s, o), w.source, notion.Query{})
				switch {
				case tt.want == nil && err != nil:
					t.Fatal(err)
				case tt.want == nil:
					g.wantEachOnce(t, w.rows)
				case !fits(err, tt.want):
					t.Fatalf("error %v, want %v", err, tt.want)
				case !strings.Contains(err.Error(), w.source):
					t.Errorf("error %q does not name the data source", err)
				}
			})
		})
	}
}

var errAny = errors.New("any")

func fits(err, want error) bool {
	return err != nil && (errors.Is(want, errAny) || errors.Is(err, want))
}

func TestArchivedRows(t *testing.T) {
	w := newTasks(titleOnly, titled, 30, 30)
	w.Update(func(t *notiontest.Tx) {
		for _, id := range w.rows[:7] {
			t.Page(id).Archived = true
		}
	})
	s := notiontest.NewServer(w.Workspace, notiontest.Options{})
	c := client(t, s, unlimited)
	for archived, want := range map[bool][]string{true: w.rows[:7], false: w.rows[7:]} {
		g, err := read(c, w.source, notion.Query{Archived: archived})
		if err != nil {
			t.Fatal(err)
		}
		g.wantEachOnce(t, want)
	}
}

// Every property of every data source can be asked for by the id that it has in
// a row, and what a row holds cut off comes whole.
func TestEveryProperty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := notiontest.NewServer(notiontest.Everything(5), notiontest.Options{Faults: notiontest.Faults{Rate: 0.15, Seed: 9}})
		c := client(t, s, notion.Options{})
		sources, properties, beyond := 0, 0, 0
		for source, err := range c.Search(t.Context(), "data_source") {
			if err != nil {
				t.Fatal(err)
			}
			sources++
			n := 0
			for row, err := range c.QueryDataSource(t.Context(), source.Get("id").Text(), notion.Query{}) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n > 2 {
					break
				}
				page := row.Object.Get("id").Text()
				for _, v := range row.Object.Get("properties").Fields() {
					id, kind := v.Get("id").Text(), v.Get("type").Text()
					items := 0
					last, err := c.Property(t.Context(), page, id, func(notion.JSON) error { items++; return nil })
					if err != nil {
						t.Fatal(err)
					}
					if properties++; last.Get("type").Text() != kind {
						t.Errorf("property %q is %s, want a %s", id, last, kind)
					}
					if v.Get("has_more").Bool() {
						beyond++
						if inline := count(v.Get(kind)); items <= inline {
							t.Errorf("%d items of property %q, the page has %d and more", items, id, inline)
						}
					}
				}
			}
		}
		if sources < 3 || properties < 50 || beyond == 0 {
			t.Errorf("invalid: %d data sources, %d properties, %d cut off", sources, properties, beyond)
		}
	})
}

func count(list notion.JSON) (n int) {
	for range list.Elems() {
		n++
	}
	return n
}

func TestUsersAndSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := notiontest.Big(230, 1)
		s := notiontest.NewServer(w, notiontest.Options{ShortPages: true, Faults: notiontest.Faults{Rate: 0.15, Seed: 2}})
		c := client(t, s, notion.Options{})
		if n, err := total(c.Users(t.Context())); err != nil || n != 51 {
			t.Errorf("%d users, %v", n, err)
		}
		if n, err := total(c.Search(t.Context(), "data_source")); err != nil || n != 1 {
			t.Errorf("%d data sources, %v", n, err)
		}
		if n, err := total(c.Search(t.Context(), "page")); err != nil || n != 230 {
			t.Errorf("%d pages, %v", n, err)
		}
		capped := client(t, notiontest.NewServer(w, notiontest.Options{Cap: 120}), unlimited)
		if n, err := total(capped.Search(t.Context(), "page")); n != 120 || !errors.Is(err, notion.ErrIncomplete) {
			t.Errorf("%d pages and %v of a search that was cut off", n, err)
		}
		if me, err := c.Me(t.Context()); err != nil || me.Get("type").Text() != "bot" {
			t.Errorf("me is %s, %v", me, err)
		}
	})
}

// While a search or a long relation is read, what comes before the cursor leaves or
// moves behind it, and what follows moves up. What stays must come all the same.
func TestListsThatMove(t *testing.T) {
	for seed := range seeds(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 3))
			w := newTasks(titleOnly, titled, spread(250+random.IntN(300), 70)...)
			must := map[string]bool{}
			refs := notiontest.Refs{}
			for _, id := range w.rows {
				must[id] = true
				refs = append(refs, id)
			}
			w.Update(func(t *notiontest.Tx) {
				t.AddProperty(w.source, notiontest.Property{ID: "rel", Name: "Related", Type: "relation", Relation: &notiontest.Relation{Source: w.source}}, -1)
				t.Set(w.rows[0], "rel", refs)
			})
			left := 5
			change := func(int) {
				if left--; left < 0 {
					return
				}
				w.Update(func(t *notiontest.Tx) {
					t.Tick(time.Minute)
					for _, id := range w.rows[1+random.IntN(20):][:3] {
						if random.IntN(2) == 0 {
							t.Page(id).Values = titled(-1)
						} else {
							t.Page(id).Trashed = true
							delete(must, id)
						}
					}
				})
			}
			synctest.Test(t, func(t *testing.T) {
				s := notiontest.NewServer(w.Workspace, notiontest.Options{BetweenPages: change})
				c := client(t, s, unlimited)
				for name, read := range map[string]func(got map[string]int) error{
					"search": func(got map[string]int) error {
						for object, err := range c.Search(t.Context(), "page") {
							if err != nil {
								return err
							}
							got[object.Get("id").Text()]++
						}
						return nil
					},
					"relation": func(got map[string]int) error {
						_, err := c.Property(t.Context(), w.rows[0], "rel", func(item notion.JSON) error {
							got[item.Get("relation").Get("id").Text()]++
							return nil
						})
						return err
					},
				} {
					left = 5
					got := map[string]int{}
					if err := read(got); err != nil {
						t.Fatal(err)
					}
					for id := range must {
						if got[id] != 1 {
							t.Errorf("%s: %s came %d times", name, id, got[id])
						}
					}
				}
			})
		})
	}
}

func total(seq func(func(notion.JSON, error) bool)) (n int, err error) {
	for _, err := range seq {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func TestWrongObject(t *testing.T) {
	w := newTasks(titleOnly, titled, 3)
	synctest.Test(t, func(t *testing.T) {
		s := notiontest.NewServer(w.Workspace, notiontest.Options{})
		c := client(t, s, unlimited)
		s.Inject(nil, notiontest.FaultWrongID, 1)
		if page, err := c.Page(t.Context(), w.rows[1]); err != nil || page.Get("id").Text() != w.rows[1] {
			t.Errorf("page %s, %v", page, err)
		}
		s.Inject(nil, notiontest.FaultWrongID, 8)
		if _, err := c.Page(t.Context(), w.rows[1]); err == nil || strings.Count(err.Error(), w.rows[1]) != 2 {
			t.Errorf("error %v", err)
		}
	})
}
