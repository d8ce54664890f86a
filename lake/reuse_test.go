package lake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// The same rows make the same files.
func TestSameRowsSameFile(t *testing.T) {
	for seed := range uint64(20) {
		r := newRandom(seed)
		schema := r.schema()
		rows := r.rows(schema, pick(r, 1, 257, 1500))
		o := lake.WriterOptions{FileBytes: pick[int64](r, 0, 20_000), RowGroupBytes: pick[int64](r, 0, 10_000)}
		s := tempStorage(t, nil)
		var contents [2][][]byte
		for i := range contents {
			o.Name = fmt.Sprintf("load-%d", i)
			for _, f := range writeRows(t, s, schema, rows, o) {
				data, err := s.ReadAll(t.Context(), f.Key)
				must(t, err)
				contents[i] = append(contents[i], data)
			}
		}
		if !slices.EqualFunc(contents[0], contents[1], bytes.Equal) {
			t.Errorf("seed %d: %d and %d files differ", seed, len(contents[0]), len(contents[1]))
		}
	}
}

// Also where it is a near thing whether a column has so few values that it gets a
// dictionary.
func TestSameRowsSameDictionary(t *testing.T) {
	schema := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{idColumn()}}
	for i := range 8 {
		schema.Columns = append(schema.Columns, lake.Field(fmt.Sprintf("c%d", i), lake.String))
	}
	var rows [][]lake.Value
	for i := range 256 {
		row := []lake.Value{lake.TextValue(strconv.Itoa(i))}
		for c := range 8 {
			row = append(row, lake.TextValue(fmt.Sprintf("value %d of %d", i%(230+c), c)))
		}
		rows = append(rows, row)
	}
	sums := map[string]bool{}
	for i := range 5 {
		s := tempStorage(t, nil)
		for _, f := range writeRows(t, s, schema, rows, lake.WriterOptions{Name: fmt.Sprint(i)}) {
			data, err := s.ReadAll(t.Context(), f.Key)
			must(t, err)
			sums[string(data)] = true
		}
	}
	if len(sums) != 1 {
		t.Errorf("%d different files of the same rows", len(sums))
	}
}

// noise is text that does not compress.
func noise(n int) string {
	r := newRandom(uint64(n))
	b := make([]byte, 600)
	for i := range b {
		b[i] = byte('!' + r.IntN(90))
	}
	return string(b)
}

// noisyTable has rows that fill several files of 64 kB.
func noisyTable(ids ...int) lake.Table {
	var rows [][]lake.Value
	for _, id := range ids {
		rows = append(rows, []lake.Value{lake.TextValue(fmt.Sprintf("%05d", id)), lake.TextValue(noise(id))})
	}
	return laketest.Table(lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{idColumn(), {Key: "x", Name: "x", Type: lake.Type{Kind: lake.String}, Property: true}}}, rows...)
}

func upTo(n int) []int {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = i
	}
	return ids
}

// Files are taken over one by one.
func TestReusedFiles(t *testing.T) {
	w := newWorld(t, nil)
	run := func(ids []int) lake.TableReport {
		t.Helper()
		l := w.loader(noisyTable(ids...))
		l.FileBytes = 64 << 10
		report, err := l.Run(t.Context())
		must(t, err)
		if n := len(w.rows("t")); n != len(ids) || report.Tables[0].Rows != int64(n) {
			t.Errorf("%d rows, %d reported, want %d", n, report.Tables[0].Rows, len(ids))
		}
		return report.Tables[0]
	}
	files := run(upTo(2000)).Files
	if files < 5 {
		t.Fatalf("only %d files", files)
	}
	for _, test := range []struct {
		name       string
		ids        []int
		atLeast    int
		exceptLast int // files that are new
	}{
		{"nothing changed", upTo(2000), files, 0},
		{"a row at the end", upTo(2001), files - 1, 1},
		{"the end is gone", upTo(2000)[:1999], files - 1, 1},
		{"the first row is gone", upTo(1999)[1:], 0, files},
		{"no rows", nil, 0, 0},
		{"all rows again", upTo(2000), 0, files},
	} {
		r := run(test.ids)
		if r.ReusedFiles < test.atLeast || r.Files-r.ReusedFiles > test.exceptLast || r.ReusedBytes > r.Bytes || (r.ReusedFiles == r.Files) != (r.ReusedBytes == r.Bytes) {
			t.Errorf("%s: %d of %d files reused (%d of %d bytes), want at least %d", test.name, r.ReusedFiles, r.Files, r.ReusedBytes, r.Bytes, test.atLeast)
		}
	}
}

// A diff reads the files that are not shared, and finds all that differs.
func TestDiffOfReusedFiles(t *testing.T) {
	var mu sync.Mutex
	opened := map[string]bool{}
	w := newWorld(t, func(name, key string) error {
		mu.Lock()
		defer mu.Unlock()
		if name == "storage.open" && strings.HasSuffix(key, ".parquet") {
			opened[key] = true
		}
		return nil
	})
	var states []lake.TableState
	for _, ids := range [][]int{upTo(2000), upTo(2000), upTo(2002), append(upTo(1999), 5000)} {
		l := w.loader(noisyTable(ids...))
		l.FileBytes = 64 << 10
		report, err := l.Run(t.Context())
		must(t, err)
		state, _ := w.catalog.At("t", report.LoadID)
		states = append(states, state)
	}
	for _, test := range []struct{ from, to, added, removed, files int }{
		{0, 1, 0, 0, 0}, {0, 2, 2, 0, 2}, {2, 1, 0, 2, 2}, {1, 3, 1, 1, 2}, {2, 3, 1, 3, 2},
	} {
		clear(opened)
		d, err := lake.DiffTables(t.Context(), w.storage, states[test.from], states[test.to], lake.DiffOptions{TempDir: t.TempDir()})
		must(t, err)
		if int(d.Added) != test.added || int(d.Removed) != test.removed || d.Changed != 0 || len(opened) > test.files {
			t.Errorf("load %d to %d: %d added, %d removed, %d changed, %d files read; want %d, %d, 0, at most %d", test.from, test.to, d.Added, d.Removed, d.Changed, len(opened), test.added, test.removed, test.files)
		}
	}
}

// Two files of one table that are the same stay two files.
func TestReusedTwins(t *testing.T) {
	w := newWorld(t, nil)
	table := noisyTable(slices.Repeat([]int{7}, 3000)...)
	for i := range 3 {
		l := w.loader(table)
		l.FileBytes = 4 << 10
		report, err := l.Run(t.Context())
		must(t, err)
		r := report.Tables[0]
		if r.Files < 3 || i > 0 && r.ReusedFiles != r.Files || len(w.rows("t")) != 3000 {
			t.Errorf("load %d: %d of %d files reused, %d rows", i, r.ReusedFiles, r.Files, len(w.rows("t")))
		}
	}
}

// What was written with a type that changed later, or with rows that others
// superseded, does not get in the way.
func TestReusedSegments(t *testing.T) {
	values := make([]string, 2500)
	for i := range values {
		values[i] = strconv.Itoa(i)
	}
	superseding := func() lake.Table {
		table := lateTable()
		table.Rows = func(context.Context) iter.Seq2[lake.Row, error] {
			return func(yield func(lake.Row, error) bool) {
				for i := range 2500 {
					row := lake.Row{Values: []lake.Value{lake.TextValue(strconv.Itoa(i % 2000)), lake.JSONValue(strconv.Itoa(i))}, Supersedes: i >= 2000}
					if !yield(row, nil) {
						return
					}
				}
			}
		}
		return table
	}
	for name, table := range map[string]func() lake.Table{
		"late types": func() lake.Table { return lateTable(append(slices.Clone(values), "text", "more")...) },
		"superseded": superseding,
	} {
		w := newWorld(t, nil)
		w.run(table())
		rows, files := w.rows("t"), w.files()
		for range 2 {
			r := w.run(table()).Tables[0]
			if r.ReusedFiles != r.Files || r.Files == 0 {
				t.Errorf("%s: %d of %d files reused", name, r.ReusedFiles, r.Files)
			}
		}
		if d := cmp.Diff(rows, w.rows("t")); d != "" {
			t.Errorf("%s: rows: %s", name, d)
		}
		if more := len(w.files()) - len(files); more != 2 { // the ledger's
			t.Errorf("%s: two loads left %d files, want the ledger's 2", name, more)
		}
	}
	// A reused file of which rows are superseded later stays with the loads that have it.
	w := newWorld(t, nil)
	first := w.run(lateTable(values...))
	again := lateTable()
	again.Rows = func(ctx context.Context) iter.Seq2[lake.Row, error] {
		return func(yield func(lake.Row, error) bool) {
			for row, err := range lateTable(values...).Rows(ctx) {
				if !yield(row, err) {
					return
				}
			}
			yield(lake.Row{Values: []lake.Value{lake.TextValue("00005"), lake.JSONValue("x")}, Supersedes: true}, nil)
		}
	}
	second := w.run(again)
	if n := second.Tables[0].ReusedFiles; n != 0 || len(w.rows("t")) != 2500 {
		t.Errorf("%d files reused, %d rows", n, len(w.rows("t")))
	}
	if got, want := w.files(), w.referenced(first.LoadID, second.LoadID); !cmp.Equal(got, want) {
		t.Errorf("files: %s", cmp.Diff(want, got))
	}
}

// altered is a catalog whose table has rows that are deleted by other files.
type altered struct{ *laketest.Catalog }

func (c altered) Tables(ctx context.Context) ([]lake.TableState, error) {
	tables, err := c.Catalog.Tables(ctx)
	for i := range tables {
		if tables[i].Snapshot.LoadID == "20261121T040000Z" {
			tables[i].Files = func(context.Context) ([]lake.File, error) { return nil, lake.ErrAltered }
		}
	}
	return tables, err
}

// What another program changed in the rows of a file is not known from the file.
func TestAlteredNotReused(t *testing.T) {
	w := newWorld(t, nil)
	w.run(textTable("a", "1"))
	l := w.loader(textTable("a", "1"))
	l.Catalog = altered{w.catalog}
	report, err := l.Run(t.Context())
	must(t, err)
	if r := report.Tables[0]; r.ReusedFiles != 0 || r.Files != 1 {
		t.Errorf("%d of %d files reused", r.ReusedFiles, r.Files)
	}
}

// A reused file is verified as one that was written.
func TestSpoiledReusedFile(t *testing.T) {
	w := newWorld(t, nil)
	w.run(textTable("a", "1"))
	l := w.loader(textTable("a", "1"))
	l.Catalog = spoiled{w.catalog, w}
	if _, err := l.Run(t.Context()); !errors.Is(err, lake.ErrNotVerified) || !strings.Contains(err.Error(), ".parquet") {
		t.Errorf("%v, want ErrNotVerified that names the file", err)
	}
}

// Whatever fails in a load, the files that it takes over stay, and what it
// tried out is gone.
func TestFaultReused(t *testing.T) {
	var counter laketest.Counter
	load := func(t *testing.T, p *lake.Point) (*world, lake.Report, lake.Report, error) {
		w := newWorld(t, func(name, key string) error { return (*p).Hit(name, key) })
		fault := *p
		*p = nil
		first := w.run(textTable("a", "1"), textTable("b", "1"))
		*p = fault
		l := w.loader(textTable("a", "1"), textTable("b", "1", "2"))
		l.Parallel = 1
		l.Point = func(name, key string) error { return (*p).Hit(name, key) }
		second, err := l.Run(t.Context())
		*p = nil
		return w, first, second, err
	}
	counting := counter.Point()
	if _, _, second, err := load(t, &counting); err != nil || second.Tables[0].ReusedFiles != 1 {
		t.Fatalf("%+v, %v", second.Tables, err)
	}
	if !slices.Contains(counter.Names, "storage.abort.done") {
		t.Fatalf("nothing was tried out: %v", counter.Names)
	}
	for n := 1; n <= len(counter.Names); n += fewer(1, 5) {
		for _, forever := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d %s forever=%v", n, counter.Names[n-1], forever), func(t *testing.T) {
				p := laketest.Fail(n, forever)
				w, first, second, err := load(t, &p)
				last, _ := w.catalog.LastLoad(t.Context())
				if err == nil && last != second.LoadID {
					t.Errorf("no error, but the last load is %s, want %s", last, second.LoadID)
				}
				if got := w.rows("a"); len(got) != 1 {
					t.Errorf("table a has the rows %v", got)
				}
				third := w.run(textTable("a", "1"), textTable("b"))
				if got, want := w.files(), w.referenced(first.LoadID, second.LoadID, third.LoadID); !cmp.Equal(got, want) {
					t.Errorf("files: %s", cmp.Diff(want, got))
				}
			})
		}
	}
}

// A file whose bytes are not what they were is written anew within a month, though its
// end and its size are the same.
func TestDamagedFileIsWrittenAnew(t *testing.T) {
	w := newWorld(t, nil)
	run := func(day int) lake.TableReport {
		t.Helper()
		l := w.loader(noisyTable(upTo(500)...))
		l.FileBytes = 64 << 10
		l.Now = func() time.Time { return time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC).AddDate(0, 0, day) }
		report, err := l.Run(t.Context())
		must(t, err)
		return report.Tables[0]
	}
	first := run(0)
	state, _ := w.catalog.At("t", "20260301T030000Z")
	files, err := state.Files(t.Context())
	must(t, err)
	data, err := w.storage.ReadAll(t.Context(), files[0].Key)
	must(t, err)
	data[100] ^= 0xff
	must(t, w.storage.Delete(t.Context(), files[0].Key))
	must(t, w.storage.WriteAll(t.Context(), files[0].Key, data))
	anew := 0
	for day := range 30 {
		anew += first.Files - run(day+1).ReusedFiles
	}
	if anew != 1 || len(w.rows("t")) != 500 {
		t.Errorf("%d files of %d were written anew, %d rows", anew, first.Files, len(w.rows("t")))
	}
}
