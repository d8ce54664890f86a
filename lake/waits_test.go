package lake_test

import (
	"context"
	"iter"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
)

// What has come of a table is written while its source waits, and what comes then
// belongs to it all the same, also where it is of another type.
func TestSourceWaits(t *testing.T) {
	for _, test := range []struct {
		name, last string
		kind       lake.Kind
	}{
		{"nothing more", "", lake.Float64},
		{"more", "7", lake.Float64},
		{"another type", "text", lake.String},
	} {
		t.Run(test.name, func(t *testing.T) {
			began := false
			w := newWorld(t, func(name, key string) error {
				began = began || name == "storage.create" && strings.HasSuffix(key, ".parquet")
				return nil
			})
			values := make([]string, 100)
			for i := range values {
				values[i] = strconv.Itoa(i)
			}
			before, after := lateTable(values...), lateTable(test.last)
			table := before
			table.Rows = func(ctx context.Context) iter.Seq2[lake.Row, error] {
				return func(yield func(lake.Row, error) bool) {
					for row := range before.Rows(ctx) {
						if !yield(row, nil) {
							return
						}
					}
					if began {
						t.Error("so few rows wait until their types are known")
					}
					if !yield(lake.Row{}, nil) || !began {
						t.Errorf("nothing is written while the source waits")
					}
					for row := range after.Rows(ctx) {
						row.Values[0] = lake.TextValue("last")
						if !yield(row, nil) || !yield(lake.Row{}, nil) {
							return
						}
					}
				}
			}
			report := w.run(table)
			rows := w.rows("t")
			if len(rows) != 101 || report.Tables[0].Rows != 101 || !strings.HasPrefix(rows[100], "string last|") {
				t.Fatalf("%d rows, %d reported, the last %s", len(rows), report.Tables[0].Rows, rows[len(rows)-1])
			}
			state, _ := w.catalog.At("t", "9")
			if got := state.Schema.Columns[1].Type.Kind; got != test.kind {
				t.Errorf("the column is a %v, want %v", got, test.kind)
			}
			if got, want := w.files(), w.referenced(report.LoadID); !cmp.Equal(got, want) {
				t.Errorf("files: %s", cmp.Diff(want, got))
			}
		})
	}
}
