package lake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/notionlake/notionlake/lake"
)

// fewer is the second with the race detector.
func fewer(all, few int) int {
	if raced {
		return few
	}
	return all
}

// TestRoundTrip writes rows of all kinds and reads them back, bit for bit, with
// the reader of this package and with Arrow's, which shares no code with it.
func TestRoundTrip(t *testing.T) {
	for seed := range uint64(fewer(60, 10)) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			r := newRandom(seed)
			schema := r.schema()
			rows := r.rows(schema, pick(r, 1, 2, 255, 256, 257, 1500))
			o := lake.WriterOptions{Name: "random", FileBytes: pick[int64](r, 0, 0, 20_000), RowGroupBytes: pick[int64](r, 0, 1, 10_000)}
			s := tempStorage(t, nil)
			files := writeRows(t, s, schema, rows, o)
			if diff := rowsDiff(schema, rows, readRows(t, s, schema, layoutOf(schema), files)); diff != "" {
				t.Errorf("ReadFiles: %s", diff)
			}
			if diff := rowsDiff(schema, rows, arrowRows(t, s, schema, files)); diff != "" {
				t.Errorf("Arrow: %s", diff)
			}
			checkFiles(t, s, schema, rows, files)
		})
	}
}

// rowsDiff is the first difference between two lists of rows, bit for bit.
func rowsDiff(schema lake.Schema, want, got [][]lake.Value) string {
	if len(want) != len(got) {
		return fmt.Sprintf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		for j, c := range schema.Columns {
			if !want[i][j].Equal(got[i][j]) {
				return fmt.Sprintf("row %d, column %s (%s): %q, want %q", i, c.Name, c.Type, got[i][j], want[i][j])
			}
		}
	}
	return ""
}

// arrowRows reads files with Arrow.
func arrowRows(t testing.TB, s *lake.Storage, schema lake.Schema, files []lake.File) [][]lake.Value {
	t.Helper()
	var rows [][]lake.Value
	for _, f := range files {
		data, err := s.ReadAll(context.Background(), f.Key)
		must(t, err)
		p, err := file.NewParquetReader(bytes.NewReader(data))
		must(t, err)
		a, err := pqarrow.NewFileReader(p, pqarrow.ArrowReadProperties{BatchSize: 1000}, memory.DefaultAllocator)
		must(t, err)
		table, err := a.ReadTable(context.Background())
		must(t, err)
		first := len(rows)
		for range table.NumRows() {
			rows = append(rows, make([]lake.Value, len(schema.Columns)))
		}
		for j, c := range schema.Columns {
			if name := table.Column(j).Name(); name != c.Name {
				t.Fatalf("column %d is %q, want %q", j, name, c.Name)
			}
			i := first
			for _, chunk := range table.Column(j).Data().Chunks() {
				for k := range chunk.Len() {
					rows[i][j] = arrowValue(chunk, k, c.Type)
					i++
				}
			}
		}
		table.Release()
	}
	return rows
}

func arrowValue(a arrow.Array, i int, t lake.Type) lake.Value {
	if a.IsNull(i) {
		return lake.Value{}
	}
	switch a := a.(type) {
	case *array.Boolean:
		return lake.BoolValue(a.Value(i))
	case *array.Int64:
		return lake.IntValue(a.Value(i))
	case *array.Float64:
		return lake.FloatValue(a.Value(i))
	case *array.Timestamp:
		if tz := a.DataType().(*arrow.TimestampType); tz.TimeZone != "UTC" || tz.Unit != arrow.Microsecond {
			panic(tz.String())
		}
		return lake.MicrosValue(int64(a.Value(i)))
	case *array.String:
		if t.Kind == lake.JSON {
			return lake.JSONValue(strings.Clone(a.Value(i)))
		}
		return lake.TextValue(strings.Clone(a.Value(i)))
	case *array.List:
		from, to := a.ValueOffsets(i)
		items := []lake.Value{}
		for k := from; k < to; k++ {
			items = append(items, arrowValue(a.ListValues(), int(k), *t.Elem))
		}
		return lake.ListValue(items)
	case *array.Struct:
		items := make([]lake.Value, a.NumField())
		for k := range items {
			items[k] = arrowValue(a.Field(k), i, t.Fields[k].Type)
		}
		return lake.StructValue(items...)
	}
	panic(fmt.Sprintf("%T", a))
}

func openParquet(t testing.TB, s *lake.Storage, f lake.File) *parquet.File {
	t.Helper()
	data, err := s.ReadAll(context.Background(), f.Key)
	must(t, err)
	if int64(len(data)) != f.Bytes {
		t.Errorf("%d bytes, and %d are said", len(data), f.Bytes)
	}
	p, err := parquet.OpenFile(bytes.NewReader(data), f.Bytes)
	must(t, err)
	return p
}

// checkFiles compares what the Writer says of its files with the files and the rows.
func checkFiles(t *testing.T, s *lake.Storage, schema lake.Schema, rows [][]lake.Value, files []lake.File) {
	t.Helper()
	layout := layoutOf(schema)
	for n, f := range files {
		if want := fmt.Sprintf("%srandom-%05d-", layout.Prefix, n); !strings.HasPrefix(f.Key, want) || !strings.HasSuffix(f.Key, ".parquet") {
			t.Errorf("key %q, want %q", f.Key, want)
		}
		p := openParquet(t, s, f)
		if !strings.HasPrefix(p.Metadata().CreatedBy, "notionlake version") {
			t.Errorf("created by %q", p.Metadata().CreatedBy)
		}
		footer := map[int]lake.ColumnStats{}
		var offsets []int64
		for _, g := range p.Metadata().RowGroups {
			offset := g.Columns[0].MetaData.DataPageOffset
			if d := g.Columns[0].MetaData.DictionaryPageOffset; d > 0 {
				offset = min(offset, d)
			}
			offsets = append(offsets, offset)
		}
		if !slices.Equal(offsets, f.SplitOffsets) {
			t.Errorf("split offsets %v, want %v", f.SplitOffsets, offsets)
		}
		var walk func(path string, c *parquet.Column)
		walk = func(path string, c *parquet.Column) {
			if c.ID() != layout.FieldIDs[path] {
				t.Errorf("%s has field ID %d, want %d", path, c.ID(), layout.FieldIDs[path])
			}
			switch {
			case c.Leaf():
				sum := lake.ColumnStats{FieldID: c.ID(), Float: c.Type().Kind() == parquet.Double}
				for _, g := range p.Metadata().RowGroups {
					m := g.Columns[c.Index()].MetaData
					sum.Bytes += m.TotalCompressedSize
					sum.Values += m.NumValues
					sum.Nulls += m.Statistics.NullCount
				}
				footer[c.ID()] = sum
			case c.Column("list") != nil && c.Column("list").Repeated():
				walk(path+".element", c.Column("list").Column("element"))
			default:
				for _, child := range c.Columns() {
					walk(path+"."+child.Name(), child)
				}
			}
		}
		for _, c := range p.Root().Columns() {
			walk(c.Name(), c)
		}
		if len(f.Columns) != len(footer) {
			t.Errorf("statistics of %d columns, want %d", len(f.Columns), len(footer))
		}
		for _, c := range f.Columns {
			counts := c
			counts.Min, counts.Max = lake.Value{}, lake.Value{}
			if diff := cmp.Diff(footer[c.FieldID], counts); diff != "" {
				t.Errorf("statistics of field %d: %s", c.FieldID, diff)
			}
		}
		for _, g := range p.RowGroups() {
			for _, chunk := range g.ColumnChunks() {
				checkPageBounds(t, chunk)
			}
		}
		part := rows[:f.Rows]
		rows = rows[f.Rows:]
		checkBounds(t, schema, layout, part, f.Columns)
	}
	if len(rows) > 0 {
		t.Errorf("%d rows are in no file", len(rows))
	}
}

func TestEmptyTable(t *testing.T) {
	schema := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{required("id")}}
	s := tempStorage(t, nil)
	if files := writeRows(t, s, schema, nil, lake.WriterOptions{Name: "x"}); len(files) > 0 {
		t.Errorf("files %v", files)
	}
	if got := keys(t, s, ""); len(got) > 0 {
		t.Errorf("keys %q", got)
	}
	if rows := readRows(t, s, schema, layoutOf(schema), nil); len(rows) > 0 {
		t.Errorf("rows %v", rows)
	}
}

func TestValuesThatDoNotFit(t *testing.T) {
	date := lake.StructOf(lake.Field("start", lake.Timestamp), lake.Field("day", lake.Bool))
	schema := lake.Schema{Table: "tasks", Key: "k", Columns: []lake.Column{
		required("_id"),
		{Key: "n", Name: "n", Type: lake.Type{Kind: lake.Float64}},
		{Key: "tags", Name: "tags", Type: lake.ListOf(lake.Type{Kind: lake.String})},
		{Key: "due", Name: "due", Type: date},
	}}
	id, null, secret := lake.TextValue("a"), lake.Value{}, lake.TextValue("secret")
	for _, c := range []struct {
		name string
		row  []lake.Value
		want string
	}{
		{"required", []lake.Value{null, null, null, null}, "table tasks, column _id (string): null in a required column"},
		{"text for number", []lake.Value{id, secret, null, null}, "table tasks, column n (double): holds a string"},
		{"integer for number", []lake.Value{id, lake.IntValue(1), null, null}, "table tasks, column n (double): holds a long"},
		{"JSON for text", []lake.Value{lake.JSONValue("{}"), null, null, null}, "table tasks, column _id (string): holds a json"},
		{"element", []lake.Value{id, null, lake.ListValue([]lake.Value{null, secret, lake.IntValue(7)}), null}, "table tasks, column tags (list<string>): element holds a long"},
		{"scalar for list", []lake.Value{id, null, secret, null}, "table tasks, column tags (list<string>): holds a string"},
		{"field", []lake.Value{id, null, null, lake.StructValue(null, secret)}, "table tasks, column due (struct<start timestamptz, day boolean>): field day holds a string"},
		{"fields", []lake.Value{id, null, null, lake.StructValue(null)}, "table tasks, column due (struct<start timestamptz, day boolean>): holds a struct of 1 fields"},
		{"short row", []lake.Value{id, null}, "table tasks: a row of 2 values for 4 columns"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := t.Context()
			s := tempStorage(t, nil)
			w, err := lake.NewWriter(s, schema, layoutOf(schema), lake.WriterOptions{Name: "x"})
			must(t, err)
			must(t, w.Write(ctx, []lake.Value{id, null, null, null}))
			err = w.Write(ctx, c.row)
			if err == nil || err.Error() != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
			var value *lake.ValueError
			if len(c.row) == len(schema.Columns) && !errors.As(err, &value) {
				t.Errorf("a %T", err)
			}
			// Half a row may be in the columns: nothing comes of this Writer.
			if files, again := w.Close(ctx); files != nil || !errors.Is(again, err) {
				t.Errorf("closed: %v, %v", files, again)
			}
			must(t, w.Abort(ctx))
			if got := keys(t, s, ""); len(got) > 0 {
				t.Errorf("keys %q", got)
			}
		})
	}
}

func TestNewWriterRefuses(t *testing.T) {
	text := lake.Type{Kind: lake.String}
	column := func(t lake.Type) lake.Schema {
		return lake.Schema{Table: "tasks", Key: "k", Columns: []lake.Column{{Key: "a", Name: "a", Type: t}}}
	}
	for want, c := range map[string]struct {
		schema lake.Schema
		ids    map[string]int
	}{
		"no columns":                               {lake.Schema{Table: "tasks"}, nil},
		"column a has no field ID":                 {column(text), nil},
		"column a.element has no field ID":         {column(lake.ListOf(text)), map[string]int{"a": 1}},
		"column a.element.name has no field ID":    {column(lake.ListOf(lake.StructOf(lake.Field("name", lake.String)))), map[string]int{"a": 1, "a.element": 2}},
		"table tasks, column a: no type":           {column(lake.Type{}), map[string]int{"a": 1}},
		"table tasks, column a: struct without fi": {column(lake.Type{Kind: lake.Struct}), map[string]int{"a": 1}},
	} {
		_, err := lake.NewWriter(tempStorage(t, nil), c.schema, lake.Layout{Prefix: "p/", FieldIDs: c.ids}, lake.WriterOptions{Name: "x"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestInvalidTextNeverReachesAFile(t *testing.T) {
	schema := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{
		required("_id"), {Key: "j", Name: "j", Type: lake.ListOf(lake.Type{Kind: lake.JSON})},
	}}
	s := tempStorage(t, nil)
	bad := "a\xffb\xed\xa0\x80c\xe2\x82"
	files := writeRows(t, s, schema, [][]lake.Value{{lake.TextValue(bad), lake.ListValue([]lake.Value{lake.JSONValue(bad)})}}, lake.WriterOptions{Name: "x"})
	good := "a\uFFFDb\uFFFDc\uFFFD"
	want := [][]lake.Value{{lake.TextValue(good), lake.ListValue([]lake.Value{lake.JSONValue(good)})}}
	if diff := rowsDiff(schema, want, readRows(t, s, schema, layoutOf(schema), files)); diff != "" {
		t.Error(diff)
	}
}

// TestBloomFilter makes sure that no identifier is missing from the filter: an
// engine would not find its row.
func TestBloomFilter(t *testing.T) {
	schema := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{required("_id"), {Key: "name", Name: "name", Type: lake.Type{Kind: lake.String}}}}
	r := newRandom(1)
	rows := make([][]lake.Value, 60_000)
	for i := range rows {
		rows[i] = []lake.Value{lake.TextValue(fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64())), lake.TextValue(fmt.Sprint("name ", i%7))}
	}
	s := tempStorage(t, nil)
	files := writeRows(t, s, schema, rows, lake.WriterOptions{Name: "x", RowGroupBytes: 600_000})
	p := openParquet(t, s, files[0])
	if len(p.RowGroups()) < 2 {
		t.Errorf("%d row groups", len(p.RowGroups()))
	}
	n, wrong := 0, 0
	for _, g := range p.RowGroups() {
		filter := g.ColumnChunks()[0].BloomFilter()
		if filter == nil {
			t.Fatal("no Bloom filter")
		}
		if g.ColumnChunks()[1].BloomFilter() != nil {
			t.Error("a Bloom filter where none is of use")
		}
		for range g.NumRows() {
			if ok, err := filter.Check(parquet.ValueOf(rows[n][0].Text())); err != nil || !ok {
				t.Fatalf("row %d is not in the Bloom filter (%v)", n, err)
			}
			if ok, _ := filter.Check(parquet.ValueOf(fmt.Sprint("absent ", n))); ok {
				wrong++
			}
			n++
		}
	}
	if n != len(rows) || wrong > n/20 {
		t.Errorf("%d rows, %d of %d absent values found", n, wrong, n)
	}
}

func TestFileRolling(t *testing.T) {
	schema := wideSchema(false)
	rows := wideRows(schema, 5000)
	s := tempStorage(t, nil)
	files := writeRows(t, s, schema, rows, lake.WriterOptions{Name: "x", FileBytes: 300_000, RowGroupBytes: 150_000})
	if len(files) < 3 {
		t.Errorf("%d files", len(files))
	}
	names := map[string]bool{}
	for _, f := range files {
		names[f.Key] = true
		if f.Bytes > 400_000 || len(f.SplitOffsets) < 1 {
			t.Errorf("%s has %d bytes in %d row groups", f.Key, f.Bytes, len(f.SplitOffsets))
		}
	}
	if len(names) != len(files) || len(keys(t, s, "")) != len(files) {
		t.Errorf("files %v, keys %q", names, keys(t, s, ""))
	}
	if diff := rowsDiff(schema, rows, readRows(t, s, schema, layoutOf(schema), files)); diff != "" {
		t.Error(diff)
	}
}

// TestWriterFaults fails every effect of writing three files, one after the other.
func TestWriterFaults(t *testing.T) {
	schema := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{required("_id")}}
	run := func(p *points) (s *lake.Storage, w *lake.Writer, files []lake.File, err error) {
		s = tempStorage(t, p.hit)
		w, err = lake.NewWriter(s, schema, layoutOf(schema), lake.WriterOptions{Name: "x", FileBytes: 1})
		must(t, err)
		for i := range 700 {
			if err := w.Write(t.Context(), []lake.Value{lake.TextValue(fmt.Sprint(i))}); err != nil {
				return s, w, nil, err
			}
		}
		files, err = w.Close(t.Context())
		return s, w, files, err
	}
	p := &points{}
	s, w, files, err := run(p)
	must(t, err)
	if len(files) != 3 {
		t.Fatalf("%d files", len(files))
	}
	hits := p.hits
	must(t, w.Abort(t.Context()))
	if got := keys(t, s, ""); len(got) > 0 {
		t.Errorf("after Abort: %q", got)
	}
	for i := range hits {
		p := &points{fail: i + 1, err: syscall.EIO}
		s, w, files, err := run(p)
		if !errors.Is(err, syscall.EIO) || files != nil {
			t.Errorf("%s: %v, %v", hits[i], files, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "input/output error") || !strings.Contains(err.Error(), ".parquet")) {
			t.Errorf("%s: %q says too little", hits[i], err)
		}
		must(t, w.Abort(t.Context()))
		if got := keys(t, s, ""); len(got) > 0 {
			t.Errorf("%s: left after Abort: %q", hits[i], got)
		}
	}
}

func TestWriterStopsWithItsContext(t *testing.T) {
	schema := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{required("_id")}}
	s := tempStorage(t, nil)
	w, err := lake.NewWriter(s, schema, layoutOf(schema), lake.WriterOptions{Name: "x"})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	for i := range 300 {
		must(t, w.Write(ctx, []lake.Value{lake.TextValue(fmt.Sprint(i))}))
	}
	cancel()
	if _, err := w.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("closed: %v", err)
	}
	must(t, w.Abort(ctx))
	if got := keys(t, s, ""); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
}
