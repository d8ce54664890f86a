package lake_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

func TestMemoryCatalog(t *testing.T) {
	laketest.TestCatalog(t, func(t *testing.T) (laketest.PastCatalog, *lake.Storage) {
		return laketest.NewCatalog(), openStorage(t, nil)
	})
}

func openStorage(t *testing.T, p lake.Point) *lake.Storage {
	t.Helper()
	s, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: t.TempDir(), Point: p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// numberLate takes JSON numbers and texts: a double as long as all values are
// numbers, else a string.
type numberLate struct{ texts, numbers int }

func (l *numberLate) Add(v lake.Value) {
	if v.IsNull() {
		return
	}
	if _, err := strconv.ParseFloat(v.Text(), 64); err == nil {
		l.numbers++
	} else {
		l.texts++
	}
}

func (l *numberLate) Type() lake.Type {
	if l.texts > 0 || l.numbers == 0 {
		return lake.Type{Kind: lake.String}
	}
	return lake.Type{Kind: lake.Float64}
}

func (l *numberLate) Value(v lake.Value, t lake.Type) (lake.Value, error) {
	if v.IsNull() {
		return v, nil
	}
	if t.Kind == lake.String {
		return lake.TextValue(v.Text()), nil
	}
	f, err := strconv.ParseFloat(v.Text(), 64)
	return lake.FloatValue(f), err
}

func (l *numberLate) Reset() { *l = numberLate{} }

func (l *numberLate) State() string { return fmt.Sprint(l.texts > 0) }

type world struct {
	t       *testing.T
	catalog *laketest.Catalog
	storage *lake.Storage
	now     time.Time
}

func newWorld(t *testing.T, p lake.Point) *world {
	return &world{t: t, catalog: laketest.NewCatalog(), storage: openStorage(t, p), now: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)}
}

func (w *world) loader(tables ...lake.Table) *lake.Loader {
	w.now = w.now.Add(time.Hour)
	now := w.now
	return &lake.Loader{
		Source: &laketest.Source{List: tables}, Storage: w.storage, Catalog: w.catalog,
		Logger: slog.New(slog.DiscardHandler), TempDir: w.t.TempDir(), Now: func() time.Time { return now },
	}
}

func (w *world) run(tables ...lake.Table) lake.Report {
	w.t.Helper()
	report, err := w.loader(tables...).Run(w.t.Context())
	if err != nil {
		w.t.Fatalf("load: %v", err)
	}
	return report
}

// rows are the rows of a table in the order of its files.
func (w *world) rows(key string) []string {
	w.t.Helper()
	table, ok := w.catalog.At(key, "9")
	if !ok {
		w.t.Fatalf("no table %s", key)
	}
	files, _ := table.Files(w.t.Context())
	var rows []string
	for row, err := range lake.ReadFiles(w.t.Context(), w.storage, table.Schema, table.Layout, files) {
		if err != nil {
			w.t.Fatal(err)
		}
		var cells []string
		for _, v := range row.Values {
			cells = append(cells, v.Kind().String()+" "+v.String())
		}
		rows = append(rows, strings.Join(cells, "|"))
	}
	return rows
}

// files are the keys of everything in the storage.
func (w *world) files() []string {
	w.t.Helper()
	var keys []string
	for o, err := range w.storage.List(context.Background(), "") {
		if err != nil {
			w.t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	slices.Sort(keys)
	return keys
}

// referenced are the keys of the files of all tables, newest states only.
func (w *world) referenced(loads ...lake.LoadID) []string {
	w.t.Helper()
	set := map[string]bool{}
	tables, _ := w.catalog.Tables(w.t.Context())
	for _, table := range tables {
		for _, load := range loads {
			if at, ok := w.catalog.At(table.Schema.Key, load); ok {
				files, _ := at.Files(w.t.Context())
				for _, f := range files {
					set[f.Key] = true
				}
			}
		}
	}
	var keys []string
	for key := range set {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func idColumn() lake.Column {
	c := lake.Field("_id", lake.String)
	c.Required = true
	return c
}

func lateTable(values ...string) lake.Table {
	late := lake.Column{Key: "f", Name: "f", Property: true, Late: &numberLate{}}
	var rows [][]lake.Value
	for i, v := range values {
		value := lake.JSONValue(v)
		if v == "" {
			value = lake.Value{}
		}
		rows = append(rows, []lake.Value{lake.TextValue(fmt.Sprintf("%05d", i)), value})
	}
	return laketest.Table(lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{idColumn(), late}}, rows...)
}

func TestLateColumns(t *testing.T) {
	numbers := make([]string, 2500)
	for i := range numbers {
		numbers[i] = strconv.Itoa(i)
	}
	mixedLate := append(slices.Clone(numbers), "text")
	nullsFirst := append(make([]string, 1500), "7")
	for _, test := range []struct {
		name   string
		values []string
		kind   lake.Kind
		state  string
		check  map[int]string // row: its cell
	}{
		{"no rows", nil, lake.String, "false", nil},
		{"numbers", numbers, lake.Float64, "false", map[int]string{0: "double 0", 2499: "double 2499"}},
		{"a text in the first rows", []string{"1.50", "a", ""}, lake.String, "true", map[int]string{0: "string 1.50", 1: "string a", 2: "null null"}},
		{"a text after the file was begun", mixedLate, lake.String, "true", map[int]string{0: "string 0", 1999: "string 1999", 2500: "string text"}},
		{"the first value after the file was begun", nullsFirst, lake.Float64, "false", map[int]string{0: "null null", 1500: "double 7"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, nil)
			report := w.run(lateTable(test.values...))
			table, _ := w.catalog.At("t", "9")
			if got := table.Schema.Columns[1]; got.Type.Kind != test.kind || got.State != test.state {
				t.Errorf("column: %s, state %q, want %s, %q", got.Type, got.State, test.kind, test.state)
			}
			rows := w.rows("t")
			if len(rows) != len(test.values) {
				t.Fatalf("%d rows, want %d", len(rows), len(test.values))
			}
			for i, want := range test.check {
				if want = fmt.Sprintf("string %05d|%s", i, want); rows[i] != want {
					t.Errorf("row %d: %s, want %s", i, rows[i], want)
				}
			}
			if got, want := w.files(), w.referenced(report.LoadID); !cmp.Equal(got, want) {
				t.Errorf("files: %s", cmp.Diff(want, got))
			}
		})
	}
}

func TestSupersededRows(t *testing.T) {
	w := newWorld(t, nil)
	table := lateTable()
	table.Rows = func(context.Context) iter.Seq2[lake.Row, error] {
		return func(yield func(lake.Row, error) bool) {
			for i := range 3000 {
				row := lake.Row{Values: []lake.Value{lake.TextValue(strconv.Itoa(i)), lake.JSONValue("1")}}
				if i == 2000 || i == 2500 {
					row = lake.Row{Values: []lake.Value{lake.TextValue("5"), lake.JSONValue(strconv.Itoa(i))}, Supersedes: true}
				}
				if !yield(row, nil) {
					return
				}
			}
		}
	}
	report := w.run(table)
	rows := w.rows("t")
	if len(rows) != 2998 || report.Tables[0].Rows != 2998 {
		t.Errorf("%d rows, %d reported, want 2998", len(rows), report.Tables[0].Rows)
	}
	var fives []string
	for _, row := range rows {
		if strings.HasPrefix(row, "string 5|") {
			fives = append(fives, row)
		}
	}
	if want := []string{"string 5|double 2500"}; !cmp.Equal(fives, want) {
		t.Errorf("the row that was superseded twice: %v, want %v", fives, want)
	}
	if got, want := w.files(), w.referenced(report.LoadID); !cmp.Equal(got, want) {
		t.Errorf("files: %s", cmp.Diff(want, got))
	}
}

// An edit made while a load runs can leave a value in the listing that no row
// has in the end: it must not decide the type.
func TestSupersededRowsDecideNoType(t *testing.T) {
	for _, test := range []struct {
		name         string
		rows, before int // the text comes at row before
	}{
		{"in the first rows", 20, 5},
		{"after the file was begun", 2500, 1500},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, nil)
			table := lateTable()
			table.Rows = func(context.Context) iter.Seq2[lake.Row, error] {
				return func(yield func(lake.Row, error) bool) {
					for i := range test.rows {
						value := strconv.Itoa(i)
						if i == test.before {
							value = "text"
						}
						row := lake.Row{Values: []lake.Value{lake.TextValue(strconv.Itoa(i)), lake.JSONValue(value)}}
						if i == test.rows-1 {
							row.Values[0], row.Supersedes = lake.TextValue(strconv.Itoa(test.before)), true
						}
						if !yield(row, nil) {
							return
						}
					}
				}
			}
			report := w.run(table)
			got, _ := w.catalog.At("t", report.LoadID)
			if c := got.Schema.Columns[1]; c.Type.Kind != lake.Float64 || c.State != "false" {
				t.Errorf("column: %s, state %q, want double, \"false\"", c.Type, c.State)
			}
			rows := w.rows("t")
			want := fmt.Sprintf("string %d|double %d", test.before, test.rows-1)
			if len(rows) != test.rows-1 || !slices.Contains(rows, want) {
				t.Errorf("%d rows, want %d with %s", len(rows), test.rows-1, want)
			}
			if got, want := w.files(), w.referenced(report.LoadID); !cmp.Equal(got, want) {
				t.Errorf("files: %s", cmp.Diff(want, got))
			}
		})
	}
}

func textTable(key string, ids ...string) lake.Table {
	var rows [][]lake.Value
	for _, id := range ids {
		rows = append(rows, []lake.Value{lake.TextValue(id)})
	}
	return laketest.Table(lake.Schema{Table: key, Key: key, Columns: []lake.Column{idColumn()}}, rows...)
}

func TestFailedLoads(t *testing.T) {
	failed := errors.New("Notion is down")
	broken := func(err error) lake.Table {
		table := textTable("b")
		table.Rows = laketest.RowsThen(err, []lake.Value{lake.TextValue("1")})
		return table
	}
	panics := textTable("b")
	panics.Rows = func(context.Context) iter.Seq2[lake.Row, error] { panic("a cell's content") }
	misfit := textTable("b")
	misfit.Rows = laketest.Rows([]lake.Value{lake.IntValue(1)})
	partial := &lake.PartialError{Table: "b", Err: failed}
	var source *lake.SourceError
	var held *lake.HeldError
	var value *lake.ValueError
	var panicked *lake.PanicError
	for _, test := range []struct {
		name   string
		table  lake.Table
		hold   bool
		want   any // as errors.As takes it; nil: no error
		status string
	}{
		{"the source fails", broken(failed), true, &source, lake.StatusFailed},
		{"a table is read in part", broken(partial), true, &held, lake.StatusHeld},
		{"a table is read in part and may be", broken(partial), false, nil, lake.StatusPartial},
		{"a value of another type", misfit, true, &value, lake.StatusFailed},
		{"a panic", panics, true, &panicked, lake.StatusFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, nil)
			first := w.run(textTable("a", "1"), textTable("b", "1"))
			before := w.files()
			l := w.loader(textTable("a", "1", "2"), test.table)
			l.Audit.HoldPartial = test.hold
			report, err := l.Run(t.Context())
			if report.Status != test.status {
				t.Errorf("status %s, want %s", report.Status, test.status)
			}
			b, _ := w.catalog.At("b", "9")
			if b.Snapshot.LoadID != first.LoadID || len(w.rows("b")) != 1 {
				t.Errorf("table b stands at load %s, want the first", b.Snapshot.LoadID)
			}
			if test.want == nil {
				if err != nil {
					t.Errorf("error: %v", err)
				}
				if !slices.Contains(w.catalog.Tags("b")[b.Snapshot.ID], report.Tag) {
					t.Error("a table that keeps its last load has not the tag of this one")
				}
				return
			}
			if !errors.As(err, test.want) {
				t.Errorf("error: %v, want a %T", err, test.want)
			}
			if strings.Contains(err.Error(), "a cell's content") {
				t.Errorf("the error shows what was in a cell: %v", err)
			}
			if last, _ := w.catalog.LastLoad(t.Context()); last != first.LoadID {
				t.Errorf("the last load is %s, want %s", last, first.LoadID)
			}
			if test.status == lake.StatusHeld {
				held, err := lake.HeldLoads(t.Context(), l.Storage, w.catalog)
				if err != nil || len(held) != 1 || held[0].Load.ID != report.LoadID {
					t.Errorf("held loads: %v, %v", held, err)
				}
				if err := w.loader().Discard(t.Context(), report.LoadID); err != nil {
					t.Errorf("discard: %v", err)
				}
			}
			if got := w.files(); !cmp.Equal(got, before) {
				t.Errorf("files: %s", cmp.Diff(before, got))
			}
		})
	}
}

// A load of which no table was read whole is what all of its causes are.
func TestNothingReadWhole(t *testing.T) {
	refused, failed := errors.New("refused"), errors.New("503")
	for _, test := range []struct {
		causes  []error
		refused bool
	}{
		{[]error{failed}, false}, {[]error{refused}, true}, {[]error{refused, refused}, true}, {[]error{refused, failed}, false},
	} {
		w := newWorld(t, nil)
		tables := []lake.Table{textTable("_users", "u")}
		for i, err := range test.causes {
			name := fmt.Sprintf("t%d", i)
			table := textTable(name)
			table.Rows = laketest.RowsThen(&lake.PartialError{Table: name, Err: err})
			tables = append(tables, table)
		}
		report, err := w.loader(tables...).Run(t.Context())
		var source *lake.SourceError
		if !errors.As(err, &source) || report.Status != lake.StatusFailed || errors.Is(err, refused) != test.refused {
			t.Errorf("%v: status %s, error %v, want failed and a *SourceError", test.causes, report.Status, err)
		}
	}
}

func TestPublishErrors(t *testing.T) {
	for _, test := range []struct {
		err  error
		keep bool // what was written
	}{
		{lake.ErrConflict, false},
		{errors.New("disk full"), false},
		{lake.ErrUnknown, true},
	} {
		t.Run(test.err.Error(), func(t *testing.T) {
			w := newWorld(t, nil)
			w.run(textTable("a", "1"))
			before := w.files()
			w.catalog.Fail = test.err
			_, err := w.loader(textTable("a", "1", "2")).Run(t.Context())
			var storage *lake.StorageError
			if !errors.Is(err, test.err) || !errors.As(err, &storage) {
				t.Errorf("error: %v, want a *StorageError that is %v", err, test.err)
			}
			if got := !cmp.Equal(w.files(), before); got != test.keep {
				t.Errorf("files kept: %v, want %v", got, test.keep)
			}
		})
	}
}

// TestFaultEverywhere fails a load at each of its points, once and for ever: no
// reader sees a change unless the load was published, and the next load leaves
// exactly the files that its tables name.
func TestFaultEverywhere(t *testing.T) {
	var counter laketest.Counter
	load := func(t *testing.T, p *lake.Point) (*world, lake.Report, lake.Report, error) {
		w := newWorld(t, func(name, key string) error { return (*p).Hit(name, key) })
		fault := *p
		*p = nil
		first := w.run(textTable("a", "1"), textTable("b", "1"))
		*p = fault
		l := w.loader(textTable("a", "1", "2"), textTable("b", "1", "2"))
		l.Parallel = 1
		l.Point = func(name, key string) error { return (*p).Hit(name, key) }
		second, err := l.Run(t.Context())
		*p = nil
		return w, first, second, err
	}
	counting := counter.Point()
	if _, _, _, err := load(t, &counting); err != nil {
		t.Fatal(err)
	}
	if len(counter.Names) < 20 {
		t.Fatalf("only %d points: %v", len(counter.Names), counter.Names)
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
				want := 1
				if last == second.LoadID {
					want = 2
				}
				for _, key := range []string{"a", "b"} {
					if got := len(w.rows(key)); got != want {
						t.Errorf("table %s has %d rows while the last load is %s (first %s, second %s)", key, got, last, first.LoadID, second.LoadID)
					}
				}
				third := w.run(textTable("a", "1"), textTable("b"))
				if got, want := w.files(), w.referenced(first.LoadID, second.LoadID, third.LoadID); !cmp.Equal(got, want) {
					t.Errorf("files: %s", cmp.Diff(want, got))
				}
			})
		}
	}
}
