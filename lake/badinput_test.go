package lake_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
)

// TestBadInput has a subtest per row of the table of bad inputs that is this
// package's, by its number.
func TestBadInput(t *testing.T) {
	t.Run("27", func(t *testing.T) { badDisk(t, syscall.ENOSPC, "no space left on the disk") })
	t.Run("28", func(t *testing.T) {
		badDisk(t, syscall.EDQUOT, "the disk quota is used up")
		badDisk(t, syscall.EIO, "input/output error of the disk")
	})
	t.Run("50", func(t *testing.T) {
		keep(t, "lone \xed\xa0\x80, byte \xff", "lone \uFFFD, byte \uFFFD")
	})
	t.Run("51", func(t *testing.T) {
		for _, text := range []string{"\x00", "a\x00b", "\x00\x00end"} {
			keep(t, text, text)
		}
	})
	t.Run("52", func(t *testing.T) {
		for _, f := range []float64{1 << 53, math.MaxFloat64, -math.MaxFloat64, 12345678901234567890} {
			keepFloat(t, f)
		}
		if v := lake.FloatValue(math.NaN()); !v.IsNull() {
			t.Errorf("NaN is %v, want null", v)
		}
	})
	t.Run("53", func(t *testing.T) {
		for _, f := range []float64{math.Copysign(0, -1), 0, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, 2.2250738585072009e-308} {
			keepFloat(t, f)
		}
	})
	t.Run("56", badCellSize)
	t.Run("90", badPanic)
}

// badDisk lets the disk fail at each kind of effect of a load, once: the load
// says so, the one before it is intact, and no file of it is left.
func badDisk(t *testing.T, is error, says string) {
	t.Helper()
	for _, at := range []string{"create", "write", "write.torn", "close", "sync", "syncdir"} {
		armed := false
		w := newWorld(t, func(name, _ string) error {
			if armed && name == "storage."+at {
				armed = false
				return is
			}
			return nil
		})
		first := w.run(textTable("a", "1"), textTable("b", "1"))
		before := w.files()
		armed = true
		l := w.loader(textTable("a", "1", "2"), textTable("b", "1", "2"))
		l.Parallel = 1
		report, err := l.Run(t.Context())
		var storage *lake.StorageError
		switch {
		case armed:
			t.Errorf("invalid: a load has no %s", at)
		case !errors.Is(err, is) || !errors.As(err, &storage) || report.Status != lake.StatusFailed:
			t.Errorf("%s: status %s, error %v, want failed and a *StorageError", at, report.Status, err)
		case !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), w.storage.Root()[len("file://"):]):
			t.Errorf("%s: %q does not say %q and where", at, err, says)
		}
		if last, _ := w.catalog.LastLoad(t.Context()); last != first.LoadID || len(w.rows("a")) != 1 || len(w.rows("b")) != 1 {
			t.Errorf("%s: the last load is %s, want %s", at, last, first.LoadID)
		}
		if d := cmp.Diff(before, w.files()); d != "" {
			t.Errorf("%s: files: %s", at, d)
		}
	}
}

// keepValue writes a value into a file and fails if other readers than ours find
// another one than want there.
func keepValue(t *testing.T, kind lake.Kind, value, want lake.Value) {
	t.Helper()
	schema := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{required("_id"), {Key: "v", Name: "v", Type: lake.Type{Kind: kind}}}}
	s := tempStorage(t, nil)
	id := lake.TextValue("a")
	files := writeRows(t, s, schema, [][]lake.Value{{id, value}}, lake.WriterOptions{Name: "random"})
	rows := [][]lake.Value{{id, want}}
	if diff := rowsDiff(schema, rows, readRows(t, s, schema, layoutOf(schema), files)); diff != "" {
		t.Error(diff)
	}
	if diff := rowsDiff(schema, rows, arrowRows(t, s, schema, files)); diff != "" {
		t.Errorf("Arrow: %s", diff)
	}
	checkFiles(t, s, schema, rows, files)
}

func keep(t *testing.T, text, want string) {
	t.Helper()
	keepValue(t, lake.String, lake.TextValue(text), lake.TextValue(want))
}

func keepFloat(t *testing.T, f float64) {
	t.Helper()
	keepValue(t, lake.Float64, lake.FloatValue(f), lake.FloatValue(f))
}

// A cell of 10 MB, a list of 100,000 and many cells of 200 KB: row groups end by
// their bytes, and nothing is cut.
func badCellSize(t *testing.T) {
	schema := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{
		required("_id"),
		{Key: "text", Name: "text", Type: lake.Type{Kind: lake.String}, Long: true},
		{Key: "ids", Name: "ids", Type: lake.ListOf(lake.Type{Kind: lake.String})},
	}}
	rng := rand.New(rand.NewPCG(1, 2))
	text := func(n int) lake.Value {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('a' + rng.IntN(26))
		}
		return lake.TextValue(string(b))
	}
	large, small := 10_000_000, 200_000
	if raced {
		large, small = large/20, small/20
	}
	ids := make([]lake.Value, large/100)
	for i := range ids {
		ids[i] = lake.TextValue(fmt.Sprintf("%08x-0000-4000-8000-000000000000", i))
	}
	rows := [][]lake.Value{{lake.TextValue("0"), text(large), lake.ListValue(ids)}}
	for i := range 40 {
		rows = append(rows, []lake.Value{lake.TextValue(fmt.Sprint(i + 1)), text(small), lake.ListValue(nil)})
	}
	s := tempStorage(t, nil)
	files := writeRows(t, s, schema, rows, lake.WriterOptions{Name: "x", RowGroupBytes: int64(large / 5)})
	if len(files) != 1 || len(files[0].SplitOffsets) < 3 {
		t.Errorf("%d files, the first one with the row groups %v", len(files), files[0].SplitOffsets)
	}
	if diff := rowsDiff(schema, rows, readRows(t, s, schema, layoutOf(schema), files)); diff != "" {
		t.Error(diff[:min(len(diff), 200)])
	}
}

// A panic while rows are made is the end of the load and of nothing else.
func badPanic(t *testing.T) {
	w := newWorld(t, nil)
	first := w.run(textTable("a", "1"))
	before := w.files()
	broken := textTable("b")
	broken.Rows = func(context.Context) iter.Seq2[lake.Row, error] {
		return func(func(lake.Row, error) bool) { panic("a cell's content") }
	}
	report, err := w.loader(textTable("a", "1", "2"), broken).Run(t.Context())
	var panicked *lake.PanicError
	if !errors.As(err, &panicked) || report.Status != lake.StatusFailed {
		t.Fatalf("status %s, error %v, want failed and a *PanicError", report.Status, err)
	}
	if !strings.Contains(err.Error(), "table b") || strings.Contains(err.Error(), "content") || !strings.Contains(string(panicked.Stack), "badPanic") {
		t.Errorf("error %q, stack %s", err, panicked.Stack)
	}
	if last, _ := w.catalog.LastLoad(t.Context()); last != first.LoadID || !cmp.Equal(before, w.files()) {
		t.Errorf("the last load is %s, want %s; files %v", last, first.LoadID, w.files())
	}
}
