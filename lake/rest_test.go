package lake_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// restTable has n rows, and at the end the rows of rest.
func restTable(key string, n int, rest func(context.Context) iter.Seq2[lake.Row, error]) lake.Table {
	values := make([]string, n)
	for i := range values {
		values[i] = "1"
	}
	t := lateTable(values...)
	t.Schema.Table, t.Schema.Key = key, key
	t.Rest = func() func(context.Context) iter.Seq2[lake.Row, error] { return rest }
	return t
}

// Tables whose last rows depend on each other are read one at a time, in whatever
// order they come: none waits for another.
func TestRest(t *testing.T) {
	for _, n := range []int{0, 1, 5, 1200} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t, nil)
			var read atomic.Int32
			var tables []lake.Table
			for _, key := range []string{"t", "u", "v"} {
				table := restTable(key, n, func(context.Context) iter.Seq2[lake.Row, error] {
					return func(yield func(lake.Row, error) bool) {
						if read.Load() != 3 {
							t.Errorf("the rest of %s is read when %d of 3 tables have been", key, read.Load())
						}
						_ = yield(lake.Row{Values: []lake.Value{lake.TextValue("rest"), lake.JSONValue("text")}}, nil) &&
							(n == 0 || yield(lake.Row{Values: []lake.Value{lake.TextValue("00000"), lake.JSONValue("7")}, Supersedes: true}, nil))
					}
				})
				rows := table.Rows
				table.Rows = func(ctx context.Context) iter.Seq2[lake.Row, error] {
					return func(yield func(lake.Row, error) bool) {
						rows(ctx)(yield)
						read.Add(1)
					}
				}
				table.Omitted = func() []lake.Omission { return []lake.Omission{{Reason: key}} }
				table.Gone = func() []lake.Gone { return []lake.Gone{{Reason: key, Count: 1}} }
				tables = append(tables, table)
			}
			nothing := restTable("w", n, nil)
			last := textTable("x", "1")
			last.Last, last.Rest = true, func() func(context.Context) iter.Seq2[lake.Row, error] {
				return laketest.Rows([]lake.Value{lake.TextValue("2")})
			}
			l := w.loader(append(tables, nothing, last)...)
			l.Parallel = 1
			report, err := l.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"t", "u", "v"} {
				rows := w.rows(key)
				if len(rows) != n+1 || !slices.Contains(rows, "string rest|string text") || n > 0 && !slices.Contains(rows, "string 00000|string 7") {
					t.Errorf("%s has %d rows: %v", key, len(rows), rows[max(0, len(rows)-3):])
				}
			}
			if got := len(w.rows("w")); got != n {
				t.Errorf("a table without a rest has %d rows, want %d", got, n)
			}
			if got := w.rows("x"); len(got) != 2 {
				t.Errorf("the last table: %v", got)
			}
			for _, table := range report.Tables {
				if strings.Contains("tuv", table.Name) && (len(table.Omitted) != 1 || len(table.Gone) != 1 || table.Rows != int64(n+1)) {
					t.Errorf("reported: %+v", table)
				}
			}
			if got, want := w.files(), w.referenced(report.LoadID); !cmp.Equal(got, want) {
				t.Errorf("files: %s", cmp.Diff(want, got))
			}
		})
	}
}

// What fails while tables wait for their rest leaves nothing of them.
func TestRestFails(t *testing.T) {
	failed := errors.New("Notion is down")
	fine := laketest.Rows([]lake.Value{lake.TextValue("rest"), lake.JSONValue("1")})
	broken := textTable("b")
	broken.Rows = laketest.RowsThen(failed, []lake.Value{lake.TextValue("1")})
	partial := laketest.RowsThen(&lake.PartialError{Table: "t", Err: failed})
	for name, test := range map[string]struct {
		tables []lake.Table
		status string
	}{
		"another table":   {[]lake.Table{restTable("t", 5, fine), broken}, lake.StatusFailed},
		"a rest":          {[]lake.Table{restTable("t", 5, laketest.RowsThen(failed)), restTable("u", 5, fine)}, lake.StatusFailed},
		"a rest in part":  {[]lake.Table{restTable("t", 5, partial), restTable("u", 5, fine)}, lake.StatusPartial},
		"a rest's panics": {[]lake.Table{restTable("t", 5, func(context.Context) iter.Seq2[lake.Row, error] { panic("oh") })}, lake.StatusFailed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			l := w.loader(test.tables...)
			l.Parallel = 1
			report, err := l.Run(t.Context())
			if report.Status != test.status || (err == nil) != (test.status == lake.StatusPartial) {
				t.Errorf("status %s, error %v", report.Status, err)
			}
			if got, want := w.files(), w.referenced(report.LoadID); !cmp.Equal(got, want) {
				t.Errorf("files: %s", cmp.Diff(want, got))
			}
			if report.Status == lake.StatusPartial {
				if _, ok := w.catalog.At("t", "9"); ok {
					t.Error("a table that was read in part is there")
				}
			}
		})
	}
}
