package notion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func nthID(i int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", i, i) }

// list is an answer with objects of the given kind and numbers.
func list(kind, more string, numbers ...int) string {
	var b strings.Builder
	b.WriteString(`{"object":"list","results":[`)
	for i, n := range numbers {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"object":%q,"id":%q}`, kind, nthID(n))
	}
	return b.String() + `],` + more + `,"request_id":"req-2"}`
}

func users(more string, numbers ...int) reply { return json200(list("user", more, numbers...)) }

const (
	last = `"next_cursor":null,"has_more":false`
	toA  = `"next_cursor":"a","has_more":true`
	toB  = `"next_cursor":"b","has_more":true`
)

var (
	badCursor = status(400, `{"object":"error","status":400,"code":"validation_error","message":"The start_cursor provided is invalid: a"}`)
	tooMuch   = packed(make([]byte, 1<<20))
)

// numbers returns which objects came, in order.
func numbers(seq iter.Seq2[JSON, error]) (got []int, err error) {
	for j, err := range seq {
		if err != nil {
			return got, err
		}
		var n int
		_, _ = fmt.Sscanf(j.Get("id").Text()[:8], "%x", &n)
		got = append(got, n)
	}
	return got, nil
}

func TestListing(t *testing.T) {
	tests := []struct {
		name    string
		replies []reply
		want    []int
		is      error
		cursors string // sent, by request
	}{
		{"one page", []reply{users(last, 1, 2)}, []int{1, 2}, nil, "-"},
		{"empty", []reply{users(last)}, nil, nil, "-"},
		{"three pages, one empty", []reply{users(toA, 1), users(toB), users(last, 2)}, []int{1, 2}, nil, "- a b -"},
		{"cursor without more", []reply{users(`"next_cursor":"a","has_more":false`, 1)}, []int{1}, nil, "-"},
		{"one object twice", []reply{users(toA, 1, 2), users(last, 2, 3)}, []int{1, 2, 3}, nil, "- a -"},
		{"skipped", []reply{users(toA, 1), users(last, 3), users(toA, 2), users(last, 3), users(toA, 2), users(last, 3)}, []int{1, 3, 2}, nil, "- a - a - a"},
		{"repeated cursor", []reply{users(toA, 1), users(toA, 2)}, []int{1, 2}, ErrLoop, "- a"},
		{"circle", []reply{users(toA, 1), users(toB, 2), users(toA, 3)}, []int{1, 2, 3}, ErrLoop, "- a b"},
		{"more without cursor", []reply{users(`"next_cursor":null,"has_more":true`, 1)}, []int{1}, ErrLoop, "-"},
		{"more with an empty cursor", []reply{users(`"next_cursor":"","has_more":true`, 1)}, []int{1}, ErrLoop, "-"},
		{"refused cursor", []reply{users(toA, 1), badCursor, users(toA, 1), users(last, 2)}, []int{1, 2}, nil, "- a - a -"},
		{
			"refused three times",
			[]reply{users(toA, 1), badCursor, users(toA, 1), badCursor, users(toA, 1), badCursor, users(last, 1, 2)},
			[]int{1, 2},
			nil, "- a - a - a -",
		},
		{
			"refused four times",
			[]reply{users(toA, 1), badCursor, users(toA, 1), badCursor, users(toA, 1), badCursor, users(toA, 1), badCursor},
			[]int{1},
			ErrCursor, "- a - a - a - a",
		},
		{
			"refused more often, and further each time",
			[]reply{
				users(toA, 1), badCursor, users(toA, 1), badCursor, users(toA, 1), badCursor, users(toA, 1), users(toB, 2), badCursor,
				users(toA, 1), users(toB, 2), badCursor, users(toA, 1), users(toB, 2), users(last, 3), users(last, 1, 2, 3),
			},
			[]int{1, 2, 3},
			nil, "- a - a - a - a b - a b - a b -",
		},
		{"cut off", []reply{users(toA+`,"request_status":{"type":"incomplete","incomplete_reason":"query_result_limit_reached"}`, 1), users(last, 2)}, []int{1, 2}, ErrIncomplete, "- a"},
		{"complete", []reply{users(last+`,"request_status":{"type":"complete"}`, 1)}, []int{1}, nil, "-"},
		{"no list, then a list", []reply{json200(onePage), users(last, 1)}, []int{1}, nil, "- -"},
		{"no results, then some", []reply{json200(`{"object":"list",` + last + `}`), users(last, 1)}, []int{1}, nil, "- -"},
		{"no has_more, then one", []reply{json200(`{"object":"list","results":[]}`), users(last, 1)}, []int{1}, nil, "- -"},
		{"a number as cursor", []reply{users(`"next_cursor":7,"has_more":true`), users(last, 1)}, []int{1}, nil, "- -"},
		{"no id", []reply{json200(`{"object":"list","results":[{"object":"user"}],` + last + `}`)}, nil, errAny, "-"},
		{"not allowed", []reply{refusal(403, "restricted_resource")}, nil, ErrRestricted, "-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := answers(tt.replies...)
				got, err := numbers(newTestClient(t, f, unlimited).Users(t.Context()))
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("objects (-want +got):\n%s", diff)
				}
				switch {
				case !fits(err, tt.is):
					t.Errorf("error %v, want %v", err, tt.is)
				case err != nil && !strings.HasPrefix(err.Error(), "list users: "):
					t.Errorf("error %q does not say of what", err)
				}
				if got := cursors(t, f); got != tt.cursors {
					t.Errorf("cursors %q, want %q", got, tt.cursors)
				}
			})
		})
	}
}

// TestNeverTheSame lists users of whom others are there each time.
func TestNeverTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var replies []reply
		for i := range 40 {
			replies = append(replies, users(toA, 2*i), users(last, 2*i+1))
		}
		got, err := numbers(newTestClient(t, answers(replies...), unlimited).Users(t.Context()))
		if len(got) != 22 || !errors.Is(err, ErrIncomplete) {
			t.Errorf("%d users, %v", len(got), err)
		}
	})
}

func cursors(t *testing.T, f *fake) string {
	t.Helper()
	var all []string
	for _, a := range f.asked {
		_, cursor, _ := strings.Cut(a.url, "start_cursor=")
		if cursor == "" {
			cursor = "-"
		}
		if !strings.Contains(a.url, "page_size=100") || a.body != "" {
			t.Errorf("asked %s %s", a.url, a.body)
		}
		all = append(all, cursor)
	}
	return strings.Join(all, " ")
}

func TestEndlessEmptyPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		f := answers(func(r *http.Request) (*http.Response, error) {
			n++
			return users(fmt.Sprintf(`"next_cursor":"c%d","has_more":true`, n))(r)
		})
		if _, err := numbers(newTestClient(t, f, unlimited).Users(t.Context())); !errors.Is(err, ErrLoop) {
			t.Errorf("error %v", err)
		}
	})
}

// A consumer that stops early leaves no goroutine: the bubble would not end.
func TestStopEarly(t *testing.T) {
	for name, next := range map[string]reply{
		"next page there": users(toB, 3), "next page on its way": stall(""), "next page fails": refusal(500, "x"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newTestClient(t, answers(users(toA, 1, 2), next), unlimited)
				for range c.Users(t.Context()) {
					synctest.Wait()
					break
				}
			})
		})
	}
}

// The next page is asked for while this one is in use, and no further one.
func TestReadsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := answers(users(toA, 1, 2), users(toB, 3), users(`"next_cursor":"c","has_more":true`, 4), users(last))
		c := newTestClient(t, f, unlimited)
		var asked []int
		for _, err := range c.Users(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			asked = append(asked, len(f.asked))
		}
		if diff := cmp.Diff([]int{2, 2, 3, 4}, asked); diff != "" {
			t.Errorf("requests at each object (-want +got):\n%s", diff)
		}
	})
}

// A listing that is cancelled never ends as if it were whole, wherever it is.
func TestCancelledWhileListing(t *testing.T) {
	for name, next := range map[string]reply{"next page there": users(last, 2), "next page on its way": stall("")} {
		t.Run(name, func(t *testing.T) {
			for range 20 { // a select that has a choice
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					c := newTestClient(t, answers(users(toA, 1), next), unlimited)
					var err error
					n := 0
					for _, e := range c.Users(ctx) {
						synctest.Wait()
						cancel()
						err = e
						n++
					}
					if n < 2 || err != nil && !errors.Is(err, context.Canceled) {
						t.Errorf("ended after %d with %v", n, err)
					}
				})
			}
		})
	}
}

// A request that is on its way when the consumer stops is waited for.
func TestStopWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		c := newTestClient(t, answers(users(toA, 1), func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			time.Sleep(time.Second)
			ended = true
			return nil, r.Context().Err()
		}), unlimited)
		for range c.Users(t.Context()) {
			synctest.Wait()
			break
		}
		if !ended {
			t.Error("the request was left alone")
		}
	})
}

func TestPageSizeShrinks(t *testing.T) {
	slow := refusal(503, "service_unavailable")
	good := func(n int) reply { return users(fmt.Sprintf(`"next_cursor":"c%d","has_more":true`, n), n) }
	var recovers []reply
	recovers = append(recovers, slow, slow)
	for i := range 25 {
		recovers = append(recovers, good(i))
	}
	tests := []struct {
		name    string
		replies []reply
		sizes   string
		is      error
	}{
		{"503 twice", []reply{slow, slow, users(last)}, "100 100 50", nil},
		{"503 and 504", []reply{slow, refusal(504, "gateway_timeout"), users(last)}, "100 100 50", nil},
		{"not in a row", []reply{slow, refusal(500, "x"), slow, refusal(500, "x"), users(last)}, "100 100 100 100 100", nil},
		{"only once", []reply{slow, users(last)}, "100 100", nil},
		{"for ever", []reply{slow}, "100 100 50 50 25 25 10 10", errAny},
		{"too much for us", []reply{tooMuch, tooMuch, tooMuch, tooMuch, users(last)}, "100 100 50 50 25", nil},
		{"too much at any size", []reply{tooMuch}, "100 100 50 50 25 25 10 10", ErrTooLarge},
		{
			"grows again", append(recovers, users(last)),
			"100 100" + strings.Repeat(" 50", 10) + strings.Repeat(" 100", 17), nil, // the last one lists again
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := answers(tt.replies...)
				_, err := numbers(newTestClient(t, f, Options{Rate: Rate{Off: true}, MaxBodyBytes: 1 << 16}).Users(t.Context()))
				if !fits(err, tt.is) {
					t.Errorf("error %v, want %v", err, tt.is)
				}
				var sizes []string
				for _, a := range f.asked {
					_, size, _ := strings.Cut(a.url, "page_size=")
					size, _, _ = strings.Cut(size, "&")
					sizes = append(sizes, size)
				}
				if got := strings.Join(sizes, " "); got != tt.sizes {
					t.Errorf("page sizes %s, want %s", got, tt.sizes)
				}
			})
		})
	}
}

func TestSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := answers(json200(list("page", toA, 1)), json200(list("page", last, 2)))
		c := newTestClient(t, f, unlimited)
		got, err := numbers(c.Search(t.Context(), "page"))
		if err != nil || len(got) != 2 {
			t.Errorf("got %v, %v", got, err)
		}
		const want = `{"filter":{"property":"object","value":"page"},"sort":{"direction":"ascending","timestamp":"last_edited_time"},"start_cursor":"a","page_size":100}`
		if got := f.asked[1].body; got != want {
			t.Errorf("asked %s\nwant  %s", got, want)
		}
		if _, err := numbers(c.Search(t.Context(), "block")); err == nil {
			t.Error("a search for blocks is no error")
		}
		if len(f.asked) != 3 { // the last one lists again
			t.Errorf("%d requests", len(f.asked))
		}
	})
}

func TestObjects(t *testing.T) {
	object := func(kind string) reply { return json200(`{"object":"` + kind + `","id":"` + pageID + `"}`) }
	plain := strings.ToUpper(strings.ReplaceAll(pageID, "-", ""))
	tests := []struct {
		kind, path string
		get        func(*Client, context.Context, string) (JSON, error)
	}{
		{"page", "/v1/pages/", (*Client).Page},
		{"database", "/v1/databases/", (*Client).Database},
		{"data_source", "/v1/data_sources/", (*Client).DataSource},
		{"user", "/v1/users/", (*Client).User},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			f := answers(object(tt.kind))
			c := newTestClient(t, f, unlimited)
			got, err := tt.get(c, t.Context(), plain)
			if err != nil || got.Get("object").Text() != tt.kind {
				t.Errorf("got %s, %v", got, err)
			}
			if want := "https://api.notion.com" + tt.path + pageID; f.asked[0].url != want {
				t.Errorf("asked %s, want %s", f.asked[0].url, want)
			}
			for _, id := range []string{"", "123", "../users", pageID + "/x", strings.Replace(pageID, "5", "z", 1)} {
				if _, err := tt.get(c, t.Context(), id); err == nil || len(f.asked) != 1 {
					t.Errorf("id %q was sent, error %v", id, err)
				}
			}
		})
	}
	if me, err := newTestClient(t, answers(object("user")), unlimited).Me(t.Context()); err != nil || !json.Valid(me) {
		t.Errorf("me: %s, %v", me, err)
	}
}
