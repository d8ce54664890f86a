package lake_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/notionlake/notionlake/lake"
)

// BenchmarkDiff compares 50,000 rows of 35 columns with those a day later: a
// hundredth is edited, or every row is. heap-B/row is what the heap grew by in
// the meantime, at most, for each row; it must not follow the size of the values.
func BenchmarkDiff(b *testing.B) {
	const n = 50_000
	for _, every := range []int{100, 1} {
		b.Run(fmt.Sprintf("every_%d", every), func(b *testing.B) {
			var peak, before uint64
			look := func() {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc-min(before, m.HeapAlloc))
			}
			watch := false
			s := tempStorage(b, func(name, _ string) error {
				if watch && name == "storage.open" { // of the second file, all rows of the first are known
					look()
				}
				return nil
			})
			schema := wideSchema(false)
			layout := layoutOf(schema)
			rows := wideRows(schema, n)
			write := func(id int64, edit bool) lake.TableState {
				w, err := lake.NewWriter(s, schema, layout, lake.WriterOptions{Name: fmt.Sprint("f", id)})
				must(b, err)
				for i, row := range rows {
					if row = append([]lake.Value{}, row...); edit && i%every == 0 {
						row[11] = lake.TextValue(fmt.Sprint("edited ", i))
					}
					must(b, w.Write(b.Context(), row))
				}
				files, err := w.Close(b.Context())
				must(b, err)
				return lake.TableState{Schema: schema, Layout: layout, Snapshot: lake.Snapshot{ID: id}, Files: func(context.Context) ([]lake.File, error) { return files, nil }}
			}
			from, to := write(1, false), write(2, true)
			rows = nil
			for b.Loop() {
				var m runtime.MemStats
				for range 3 { // pools give what they hold at the second
					runtime.GC()
				}
				runtime.ReadMemStats(&m)
				before, watch = m.HeapAlloc, true
				d := diffTables(b, s, from, to, lake.DiffOptions{TempDir: b.TempDir()})
				if d.Changed != n/int64(every) {
					b.Fatalf("%d changed", d.Changed)
				}
				count := 0
				for _, err := range d.Rows(b.Context(), 0) {
					if err != nil {
						b.Fatal(err)
					}
					if count++; count%10_000 == 1 {
						look()
					}
				}
				if count != int(d.Changed) {
					b.Fatalf("%d rows came", count)
				}
			}
			b.ReportMetric(float64(peak)/n, "heap-B/row")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/row")
		})
	}
}
