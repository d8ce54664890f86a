package lake_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
)

// TestReadWithAnotherSchema reads files with the schema that the table has
// later: columns are what their field IDs say, whatever their names and places.
func TestReadWithAnotherSchema(t *testing.T) {
	text, number := lake.Type{Kind: lake.String}, lake.Type{Kind: lake.Float64}
	column := func(name string, t lake.Type) lake.Column { return lake.Column{Key: name, Name: name, Type: t} }
	person := lake.StructOf(column("id", text), column("tags", lake.ListOf(text)))
	old := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{
		required("_id"), column("a", text), column("b", text), column("n", number), column("who", person), column("all", lake.ListOf(person)),
	}}
	layout := lake.Layout{Prefix: "t/", FieldIDs: map[string]int{
		"_id": 1, "a": 2, "b": 3, "n": 4, "who": 5, "who.id": 6, "who.tags": 7, "who.tags.element": 8,
		"all": 9, "all.element": 10, "all.element.id": 11, "all.element.tags": 12, "all.element.tags.element": 13,
	}}
	tx := lake.TextValue
	list := func(v ...lake.Value) lake.Value { return lake.ListValue(v) }
	null := lake.Value{}
	p1 := lake.StructValue(tx("p1"), list(tx("x"), tx("y")))
	p2 := lake.StructValue(null, list())
	p3 := lake.StructValue(tx("p3"), null)
	rows := [][]lake.Value{
		{tx("1"), tx("a1"), tx("b1"), lake.FloatValue(1), p1, list(p1, p2, null, p3)},
		{tx("2"), null, tx("b2"), null, null, null},
		{tx("3"), tx("a3"), null, lake.FloatValue(3), p2, list()},
		{tx("4"), tx("a4"), null, lake.FloatValue(4), p3, list(null, null)},
	}
	s := tempStorage(t, nil)
	w, err := lake.NewWriter(s, old, layout, lake.WriterOptions{Name: "x"})
	must(t, err)
	for _, row := range rows {
		must(t, w.Write(t.Context(), row))
	}
	files, err := w.Close(t.Context())
	must(t, err)

	empty := func(v lake.Value) lake.Value {
		if v.IsNull() {
			return null
		}
		return lake.StructValue(null)
	}
	for _, c := range []struct {
		name    string
		columns []lake.Column
		ids     map[string]int
		want    func(row []lake.Value) []lake.Value
	}{
		{
			"same", old.Columns, layout.FieldIDs,
			func(row []lake.Value) []lake.Value { return row },
		}, {
			"some",
			[]lake.Column{column("n", number)},
			map[string]int{"n": 4},
			func(row []lake.Value) []lake.Value { return row[3:4] },
		}, {
			"names swapped, one added, one of another type",
			[]lake.Column{column("b", text), column("a", text), column("new", text), column("n", text), required("_id")},
			map[string]int{"b": 2, "a": 3, "new": 20, "n": 21, "_id": 1},
			func(row []lake.Value) []lake.Value { return []lake.Value{row[1], row[2], null, null, row[0]} },
		}, {
			"child added, child gone",
			[]lake.Column{column("who", lake.StructOf(column("new", text), column("ID", text)))},
			map[string]int{"who": 5, "who.new": 20, "who.ID": 6},
			func(row []lake.Value) []lake.Value {
				if row[4].IsNull() {
					return row[4:5]
				}
				return []lake.Value{lake.StructValue(null, row[4].Items()[0])}
			},
		}, {
			"all children are new",
			[]lake.Column{column("who", lake.StructOf(column("new", text)))},
			map[string]int{"who": 5, "who.new": 20},
			func(row []lake.Value) []lake.Value { return []lake.Value{empty(row[4])} },
		}, {
			"all children of elements are new",
			[]lake.Column{column("all", lake.ListOf(lake.StructOf(column("new", text))))},
			map[string]int{"all": 9, "all.element": 10, "all.element.new": 20},
			func(row []lake.Value) []lake.Value {
				if row[5].IsNull() {
					return row[5:6]
				}
				var items []lake.Value
				for _, v := range row[5].Items() {
					items = append(items, empty(v))
				}
				return []lake.Value{list(items...)}
			},
		}, {
			"lists of elements",
			[]lake.Column{column("all", lake.ListOf(lake.StructOf(column("tags", lake.ListOf(text)))))},
			map[string]int{"all": 9, "all.element": 10, "all.element.tags": 12, "all.element.tags.element": 13},
			func(row []lake.Value) []lake.Value {
				if row[5].IsNull() {
					return row[5:6]
				}
				var items []lake.Value
				for _, v := range row[5].Items() {
					if !v.IsNull() {
						v = lake.StructValue(v.Items()[1])
					}
					items = append(items, v)
				}
				return []lake.Value{list(items...)}
			},
		}, {
			"list is new",
			[]lake.Column{column("more", lake.ListOf(person))},
			map[string]int{"more": 20, "more.element": 21, "more.element.id": 22, "more.element.tags": 23, "more.element.tags.element": 24},
			func([]lake.Value) []lake.Value { return []lake.Value{null} },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			schema := lake.Schema{Table: "t", Key: "t", Columns: c.columns}
			var want [][]lake.Value
			for _, row := range rows {
				want = append(want, c.want(row))
			}
			if diff := rowsDiff(schema, want, readRows(t, s, schema, lake.Layout{FieldIDs: c.ids}, files)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestReadFirstChildIsAListWithAnotherSchema has a list as the only child that
// tells which structs are null.
func TestReadFirstChildIsAListWithAnotherSchema(t *testing.T) {
	inner := lake.StructOf(lake.Column{Key: "l", Name: "l", Type: lake.ListOf(lake.Type{Kind: lake.Int64})})
	old := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{{Key: "c", Name: "c", Type: lake.ListOf(inner)}}}
	in := func(n ...int64) lake.Value {
		var items []lake.Value
		for _, i := range n {
			items = append(items, lake.IntValue(i))
		}
		return lake.StructValue(lake.ListValue(items))
	}
	rows := [][]lake.Value{
		{lake.ListValue([]lake.Value{in(1, 2, 3), in(), {}, in(4)})},
		{lake.ListValue(nil)},
		{{}},
		{lake.ListValue([]lake.Value{in(5, 6)})},
	}
	s := tempStorage(t, nil)
	files := writeRows(t, s, old, rows, lake.WriterOptions{Name: "x"})
	later := old
	later.Columns = []lake.Column{{Key: "c", Name: "c", Type: lake.ListOf(lake.StructOf(lake.Field("new", lake.Bool)))}}
	layout := layoutOf(old)
	layout.FieldIDs["c.element.new"] = 99
	null := lake.StructValue(lake.Value{})
	want := [][]lake.Value{
		{lake.ListValue([]lake.Value{null, null, {}, null})},
		{lake.ListValue(nil)},
		{{}},
		{lake.ListValue([]lake.Value{null})},
	}
	if diff := rowsDiff(later, want, readRows(t, s, later, layout, files)); diff != "" {
		t.Error(diff)
	}
}

func TestReadStopsEarly(t *testing.T) {
	schema := wideSchema(false)
	s := tempStorage(t, nil)
	files := writeRows(t, s, schema, wideRows(schema, 1000), lake.WriterOptions{Name: "x", FileBytes: 1})
	n := 0
	for _, err := range lake.ReadFiles(t.Context(), s, schema, layoutOf(schema), files) {
		must(t, err)
		if n++; n == 300 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n = 0
	for _, err := range lake.ReadFiles(ctx, s, schema, layoutOf(schema), files) {
		if n++; err == nil {
			t.Fatal("rows of a context that is done")
		}
	}
	if n != 1 {
		t.Errorf("%d yields", n)
	}
}

// TestDamagedFiles damages a file in every way of a kind: what is read is what
// was written, or an error that names the file.
func TestDamagedFiles(t *testing.T) {
	if raced {
		t.Skip("a file is read by one reader")
	}
	r := newRandom(7)
	schema := wideSchema(false)
	schema.Columns = schema.Columns[:20]
	rows := wideRows(schema, 300)
	s := tempStorage(t, nil)
	f := writeRows(t, s, schema, rows, lake.WriterOptions{Name: "x", RowGroupBytes: 1})[0]
	data, err := s.ReadAll(t.Context(), f.Key)
	must(t, err)
	// The damage is looked at where the pages and the footer are: page indexes
	// are for engines.
	try := func(t *testing.T, name string, damaged []byte) (detected bool) {
		must(t, s.Replace(t.Context(), f.Key, damaged))
		var got [][]lake.Value
		for row, err := range lake.ReadFiles(t.Context(), s, schema, layoutOf(schema), []lake.File{f}) {
			if err != nil {
				if !strings.Contains(err.Error(), f.Key) {
					t.Errorf("%s: %q names no file", name, err)
				}
				return true
			}
			values := make([]lake.Value, len(row.Values))
			for i, v := range row.Values {
				values[i] = v.Clone()
			}
			got = append(got, values)
		}
		if diff := rowsDiff(schema, rows, got); diff != "" {
			t.Errorf("%s is not seen: %s", name, diff)
		}
		return false
	}
	t.Run("cut", func(t *testing.T) {
		for i := 0; i < len(data); i += 1 + len(data)/200 {
			if !try(t, fmt.Sprint("cut at ", i), data[:i]) {
				t.Errorf("cut at %d of %d is not seen", i, len(data))
			}
		}
	})
	t.Run("flipped", func(t *testing.T) {
		detected := 0
		for range 400 {
			i, bit := r.IntN(len(data)), r.IntN(8)
			damaged := bytes.Clone(data)
			damaged[i] ^= 1 << bit
			if try(t, fmt.Sprintf("bit %d of byte %d of %d", bit, i, len(data)), damaged) {
				detected++
			}
		}
		if detected < 200 {
			t.Errorf("%d of 400 seen", detected)
		}
	})
	t.Run("zeros", func(t *testing.T) {
		for i := 0; i < len(data)-100; i += 1 + len(data)/100 {
			damaged := bytes.Clone(data)
			clear(damaged[i : i+100])
			try(t, fmt.Sprint("zeros at ", i), damaged)
		}
	})
	t.Run("not Parquet", func(t *testing.T) {
		for _, text := range []string{"", "PAR1", "PAR1PAR1", "PAR1\xff\xff\xff\x7fPAR1", strings.Repeat("x", 1000)} {
			if !try(t, fmt.Sprintf("%q", text), []byte(text)) {
				t.Errorf("%q is read", text)
			}
		}
	})
	t.Run("other rows", func(t *testing.T) {
		more := f
		more.Rows++
		must(t, s.Replace(t.Context(), f.Key, data))
		for _, err := range lake.ReadFiles(t.Context(), s, schema, layoutOf(schema), []lake.File{more}) {
			if err == nil || !strings.Contains(err.Error(), "300 rows and not 301") {
				t.Fatalf("error %v", err)
			}
		}
	})
	t.Run("other type", func(t *testing.T) {
		other := schema
		other.Columns = []lake.Column{{Key: "_id", Name: "_id", Type: lake.Type{Kind: lake.Int64}}}
		for _, err := range lake.ReadFiles(t.Context(), s, other, layoutOf(schema), []lake.File{f}) {
			if err == nil || !strings.Contains(err.Error(), "column _id is not stored as long") {
				t.Fatalf("error %v", err)
			}
		}
	})
	t.Run("missing", func(t *testing.T) {
		must(t, s.Delete(t.Context(), f.Key))
		for _, err := range lake.ReadFiles(t.Context(), s, schema, layoutOf(schema), []lake.File{f}) {
			if !os.IsNotExist(err) && (err == nil || !strings.Contains(err.Error(), f.Key+": it does not exist")) {
				t.Fatalf("error %v", err)
			}
		}
	})
}

// TestMemory holds the memory at 50,000 rows against that at 200,000, writing
// and reading.
func TestMemory(t *testing.T) {
	if raced {
		t.Skip("memory is another with the detector")
	}
	schema := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{
		required("_id"),
		{Key: "name", Name: "name", Type: lake.Type{Kind: lake.String}},
		{Key: "n", Name: "n", Type: lake.Type{Kind: lake.Float64}},
		{Key: "tags", Name: "tags", Type: lake.ListOf(lake.Type{Kind: lake.String})},
		{Key: "raw", Name: "raw", Type: lake.Type{Kind: lake.JSON}},
	}}
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	const early, late, tolerance = 50_000, 200_000, 4 << 20
	same := func(what string, start, a, b int64) {
		if b > a+tolerance || a > start+24<<20 {
			t.Errorf("%s: %d KB at %d rows, %d KB at %d rows", what, (a-start)>>10, early, (b-start)>>10, late)
		}
	}
	s := tempStorage(t, nil)
	r := newRandom(1)
	raw := wideRows(lake.Schema{Columns: []lake.Column{{Name: "raw", Type: lake.Type{Kind: lake.JSON}, Required: true}}}, 1)[0][0].Text()
	w, err := lake.NewWriter(s, schema, layoutOf(schema), lake.WriterOptions{Name: "x", RowGroupBytes: 2 << 20})
	must(t, err)
	start := heap()
	var at [2]int64
	var id [36]byte
	tags := make([]lake.Value, 2)
	for i := 1; i <= late; i++ {
		id = [36]byte(fmt.Appendf(id[:0], "%018x%018x", r.Uint64(), i))
		tags[0], tags[1] = lake.TextBytes(id[:8]), lake.TextBytes(id[8:20])
		row := []lake.Value{lake.TextBytes(id[:]), lake.TextBytes(id[:20]), lake.FloatValue(r.Float64()), lake.ListValue(tags), lake.JSONValue(raw[i%5000 : i%5000+300])}
		must(t, w.Write(t.Context(), row))
		switch i {
		case early:
			at[0] = heap()
		case late:
			at[1] = heap()
		}
	}
	same("writing", start, at[0], at[1])
	files, err := w.Close(t.Context())
	must(t, err)
	start = heap()
	i := 0
	for _, err := range lake.ReadFiles(t.Context(), s, schema, layoutOf(schema), files) {
		must(t, err)
		switch i++; i {
		case early:
			at[0] = heap()
		case late:
			at[1] = heap()
		}
	}
	same("reading", start, at[0], at[1])
	if diff := cmp.Diff(late, i); diff != "" {
		t.Error(diff)
	}
}
