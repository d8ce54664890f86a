package notion

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

const sourceID = "248104cd-477e-80af-bc30-000bd28de8f9"

// at is a row by number, created and edited at minutes of an hour.
func at(n, created, edited int) string {
	return fmt.Sprintf(`{"object":"page","id":%q,"created_time":"2026-09-01T09:%02d:00.000Z","last_edited_time":"2026-09-01T10:%02d:00.000Z","properties":{"object":"x"}}`,
		nthID(n), created, edited)
}

const incomplete = `,"request_status":{"type":"incomplete","incomplete_reason":"query_result_limit_reached"}`

func rowsOf(more string, rows ...string) reply {
	return json200(`{"object":"list","results":[` + strings.Join(rows, ",") + `],` + more + `}`)
}

func TestQuery(t *testing.T) {
	window := func(minute string) string {
		return `{"created_time":{"on_or_after":"2026-09-01T09:` + minute + `:00.000Z"},"timestamp":"created_time"}`
	}
	before := func(minute string) string {
		return `{"created_time":{"before":"2026-09-01T09:` + minute + `:00.000Z"},"timestamp":"created_time"}`
	}
	// With three rows a page the windows go on by cursors.
	drain := Query{PageSize: 3}
	still := func(numbers ...int) reply {
		var all []string
		for _, n := range numbers {
			all = append(all, at(n, 0, 0))
		}
		return rowsOf(last, all...)
	}
	check := func(filter string) string { return "check " + filter }
	tests := []struct {
		name    string
		query   Query
		replies []reply
		want    string   // numbers, with ' where they supersede
		windows []string // filters of the requests
		is      error
		skipped int64
	}{
		{"empty", Query{}, []reply{rowsOf(last)}, "", []string{""}, nil, 0},
		{"one page", Query{}, []reply{rowsOf(last, at(1, 0, 0), at(2, 0, 0))}, "1 2", []string{""}, nil, 0},
		{
			"windows of a page",
			Query{},
			[]reply{rowsOf(toA, at(1, 0, 0), at(2, 1, 0)), rowsOf(toB, at(2, 1, 0), at(3, 2, 0)), rowsOf(last, at(3, 2, 0))},
			"1 2 3",
			[]string{"", window("01"), window("02")},
			nil, 0,
		},
		{
			"cursors", drain,
			[]reply{rowsOf(toA, at(1, 0, 0), at(2, 0, 0)), rowsOf(last, at(3, 1, 0)), still(1, 2, 3)},
			"1 2 3",
			[]string{"", "", check("")},
			nil, 0,
		},
		{
			"a row was removed, another skipped", drain,
			[]reply{
				rowsOf(toA, at(1, 0, 0), at(2, 0, 0)), rowsOf(last, at(4, 1, 0)), still(1, 3, 4),
				rowsOf(toA, at(1, 0, 0), at(3, 0, 0)), rowsOf(last, at(1, 0, 0), at(3, 0, 0), at(4, 1, 0)),
			},
			"1 2 4 3",
			[]string{"", "", check(""), "", window("00")},
			nil, 0,
		},
		{"a row twice", drain, []reply{rowsOf(toA, at(1, 0, 0)), rowsOf(last, at(1, 0, 0), at(2, 0, 0)), still(1, 2)}, "1 2", nil, nil, 0},
		{"a row edited meanwhile", drain, []reply{rowsOf(toA, at(1, 0, 0)), rowsOf(last, at(1, 0, 5), at(1, 0, 4)), still(1)}, "1 1'", nil, nil, 0},
		{
			"other objects and partial rows",
			Query{},
			[]reply{rowsOf(last, `{"object":"data_source","id":"`+otherID+`"}`, `{"object":"page","id":"`+nthID(1)+`"}`)},
			"1",
			[]string{""},
			nil, 1,
		},
		{"a row without id", Query{}, []reply{rowsOf(last, `{"object":"page"}`)}, "", []string{""}, errAny, 0},
		{
			"cut off", drain,
			[]reply{
				rowsOf(toA+incomplete, at(1, 0, 0), at(2, 1, 0)), rowsOf(last+incomplete, at(3, 2, 0)), still(1, 2),
				rowsOf(last, at(3, 2, 0), at(4, 2, 0)),
			},
			"1 2 3 4",
			[]string{"", "", check(before("02")), window("02")},
			nil, 0,
		},
		{
			"said on an earlier page only", drain,
			[]reply{
				rowsOf(toA+incomplete, at(1, 0, 0)), rowsOf(last, at(2, 1, 0)), still(1), rowsOf(last, at(2, 1, 0), at(3, 1, 0)),
			},
			"1 2 3",
			[]string{"", "", check(before("01")), window("01")},
			nil, 0,
		},
		{
			"the last row has no time",
			Query{},
			[]reply{
				rowsOf(last+incomplete, at(1, 7, 0), `{"object":"page","id":"`+nthID(2)+`"}`), rowsOf(last, at(1, 7, 0), at(3, 8, 0)),
			},
			"1 2 3",
			[]string{"", window("07")},
			nil, 0,
		},
		{
			"a page is out of order in itself",
			Query{},
			[]reply{rowsOf(last+incomplete, at(2, 7, 0), at(1, 6, 0)), rowsOf(last, at(3, 8, 0))},
			"2 1 3",
			[]string{"", window("07")},
			nil, 0,
		},
		{
			"not in order: by cursor",
			Query{},
			[]reply{
				rowsOf(toA, at(2, 7, 0), at(1, 6, 0)), rowsOf(toB, at(3, 8, 0)), rowsOf(last, at(4, 5, 0)), still(1, 2, 3, 4),
			},
			"2 1 3 4",
			[]string{"", "", "", check("")},
			nil, 0,
		},
		{
			"not in order and cut off",
			Query{},
			[]reply{
				rowsOf(toA+incomplete, at(1, 0, 0), at(2, 1, 0)), rowsOf(toB+incomplete, at(3, 7, 0), at(4, 6, 0)), rowsOf(last, at(5, 5, 0)),
			},
			"1 2 3 4 5",
			[]string{"", window("01"), window("01")},
			ErrIncomplete, 0,
		},
		{
			"the filter is ignored",
			Query{},
			[]reply{
				rowsOf(toA, at(1, 0, 0), at(2, 1, 0)), rowsOf(toA, at(1, 0, 0), at(3, 2, 0)), rowsOf(last, at(4, 3, 0)), still(1, 2, 3, 4),
			},
			"1 2 3 4",
			[]string{"", window("01"), window("01"), check(window("01"))},
			nil, 0,
		},
		{"cut off without a row", Query{}, []reply{rowsOf(last + incomplete)}, "", []string{""}, ErrIncomplete, 0},
		{
			"a refused cursor", drain,
			[]reply{rowsOf(toA, at(1, 0, 0), at(2, 3, 0)), badCursor, rowsOf(last, at(2, 3, 0), at(3, 3, 0))},
			"1 2 3",
			[]string{"", "", window("03")},
			nil, 0,
		},
		{
			"refused for ever", drain,
			[]reply{
				rowsOf(toA, at(1, 0, 0)), badCursor, rowsOf(toA, at(1, 0, 0)), badCursor, rowsOf(toA, at(1, 0, 0)), badCursor,
				rowsOf(toA, at(1, 0, 0)), badCursor,
			},
			"1",
			[]string{"", "", window("00"), window("00"), window("00"), window("00"), window("00"), window("00")},
			ErrCursor, 0,
		},
		{
			"refused often, with progress", drain,
			[]reply{
				rowsOf(toA, at(1, 0, 0), at(2, 1, 0)), badCursor, rowsOf(toA, at(2, 1, 0), at(3, 2, 0)), badCursor,
				rowsOf(toA, at(3, 2, 0), at(4, 3, 0)), badCursor, rowsOf(toA, at(4, 3, 0), at(5, 4, 0)), badCursor,
				rowsOf(toA, at(5, 4, 0), at(6, 5, 0)), badCursor, rowsOf(last, at(6, 5, 0)),
			},
			"1 2 3 4 5 6", nil, nil, 0,
		},
		{"loop", drain, []reply{rowsOf(toA, at(1, 0, 0)), rowsOf(toA, at(2, 0, 0))}, "1 2", []string{"", ""}, ErrLoop, 0},
		{"archived rows", Query{Archived: true, PageSize: 7}, []reply{rowsOf(last, at(1, 0, 0))}, "1", []string{""}, nil, 0},
		{"not allowed any more", drain, []reply{rowsOf(toA, at(1, 0, 0)), refusal(401, "unauthorized")}, "1", []string{"", ""}, ErrUnauthorized, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := answers(tt.replies...)
				c := newTestClient(t, f, unlimited)
				var got []string
				var failed error
				for r, err := range c.QueryDataSource(t.Context(), sourceID, tt.query) {
					if err != nil {
						failed = err
						continue
					}
					var n int
					_, _ = fmt.Sscanf(r.Object.Get("id").Text()[:8], "%x", &n)
					text := fmt.Sprint(n)
					if r.Supersedes {
						text += "'"
					}
					got = append(got, text)
				}
				if s := strings.Join(got, " "); s != tt.want {
					t.Errorf("rows %q, want %q", s, tt.want)
				}
				if !fits(failed, tt.is) {
					t.Errorf("error %v, want %v", failed, tt.is)
				}
				if failed != nil && !strings.HasPrefix(failed.Error(), "query data source "+sourceID+": ") {
					t.Errorf("error %q does not name the data source", failed)
				}
				if s := c.Stats().Skipped; s != tt.skipped {
					t.Errorf("%d skipped, want %d", s, tt.skipped)
				}
				var windows []string
				for _, a := range f.asked {
					if strings.HasSuffix(a.url, "?filter_properties%5B%5D=title") {
						windows = append(windows, check(checkQuery(t, Query{Archived: tt.query.Archived, PageSize: 97}, a.body)))
					} else {
						windows = append(windows, checkQuery(t, tt.query, a.body))
					}
				}
				if diff := cmp.Diff(tt.windows, windows); diff != "" && tt.windows != nil {
					t.Errorf("windows (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// checkQuery checks what every query asks for and returns its filter.
func checkQuery(t *testing.T, q Query, body string) string {
	t.Helper()
	j, err := Parse([]byte(body))
	if err != nil {
		t.Fatalf("body %s: %v", body, err)
	}
	size := "100"
	if q.PageSize != 0 {
		size = fmt.Sprint(q.PageSize)
	}
	if string(j.Get("sorts")) != `[{"direction":"ascending","timestamp":"created_time"}]` || j.Get("result_type").Text() != "page" ||
		string(j.Get("page_size")) != size || j.Get("is_archived").Bool() != q.Archived {
		t.Errorf("asked %s", body)
	}
	return string(j.Get("filter"))
}

func TestQueryRefusesNonsense(t *testing.T) {
	f := answers(rowsOf(last))
	c := newTestClient(t, f, unlimited)
	for name, seq := range map[string]func() error{
		"id":              func() error { return first(c, "../x", Query{}) },
		"page size 101":   func() error { return first(c, sourceID, Query{PageSize: 101}) },
		"page size below": func() error { return first(c, sourceID, Query{PageSize: -1}) },
	} {
		if err := seq(); err == nil || len(f.asked) > 0 {
			t.Errorf("%s: error %v after %d requests", name, err, len(f.asked))
		}
	}
}

func first(c *Client, id string, q Query) error {
	for _, err := range c.QueryDataSource(nil, id, q) { //nolint:staticcheck // it must not come to a request
		return err
	}
	return nil
}

func TestRowsStayValidUntilTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var replies []reply
		for i := range 50 {
			more := fmt.Sprintf(`"next_cursor":"c%d","has_more":true`, i)
			replies = append(replies, rowsOf(more, at(2*i, i, 0), at(2*i+1, i, 0)))
		}
		c := newTestClient(t, answers(append(replies, rowsOf(last))...), unlimited)
		n := 0
		for r, err := range c.QueryDataSource(t.Context(), sourceID, Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // the next page has been read
			if want := at(n, n/2, 0); string(r.Object) != want {
				t.Fatalf("row %d is %s, want %s", n, r.Object, want)
			}
			n++
		}
		if n != 100 {
			t.Errorf("%d rows", n)
		}
	})
}
