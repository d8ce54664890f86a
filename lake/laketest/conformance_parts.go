package laketest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
)

// parts are the tests of loads of parts of a workspace, at the same time.
var parts = []struct {
	name string
	f    func(*testing.T, *bench)
}{
	{"parts are loaded at once", testParts},
	{"a part that another load has published is a conflict", testPartConflict},
	{"others publish while a part's fixed tables are read", testPartPrepares},
	{"a part that fails leaves nothing behind", testPartFails},
	{"what a part left that died goes with the next part", testPartDied},
}

// part is the loader of a part.
func (b *bench) part(name string, tables ...lake.Table) *lake.Loader {
	l := b.loader(tables...)
	l.Parts, l.LockTimeout = []string{name}, time.Millisecond
	return l
}

// during is a table of one row, which is read while something else is done.
func during(s lake.Schema, do func()) lake.Table {
	table := Table(s, oneRow[:len(s.Columns)])
	rows := table.Rows
	table.Rows = func(ctx context.Context) iter.Seq2[lake.Row, error] {
		do()
		return rows(ctx)
	}
	return table
}

// fixed is a table that is of no part alone.
func fixed() lake.Schema {
	s := schema("_fixed")
	s.Table = "_fixed"
	return s
}

func testParts(t *testing.T, b *bench) {
	first := b.load(Table(wide, oneRow), Table(schema("b")), Table(fixed()))
	var second lake.Report
	l := b.part("one", during(wide, func() {
		var err error
		if second, err = b.part("two", Table(schema("b"), []lake.Value{lake.TextValue("two")}), Table(fixed(), []lake.Value{lake.TextValue("two")})).Run(t.Context()); err != nil {
			t.Errorf("another part: %v", err)
		}
		if _, err := b.part("one", Table(wide)).Run(t.Context()); !errors.Is(err, lake.ErrLocked) {
			t.Errorf("the same part: %v, want ErrLocked", err)
		}
		if _, err := b.loader(Table(wide)).Run(t.Context()); !errors.Is(err, lake.ErrLocked) {
			t.Errorf("the whole: %v, want ErrLocked", err)
		}
	}), Table(fixed(), []lake.Value{lake.TextValue("one")}))
	// Both began in the same second.
	at := b.at.Add(-24 * time.Hour)
	b.at = at
	report, err := l.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if second.LoadID <= first.LoadID || report.LoadID <= second.LoadID || report.Tag != report.LoadID.Tag() {
		t.Errorf("loads %s, %s, %s (%s)", first.LoadID, second.LoadID, report.LoadID, report.Tag)
	}
	b.at = b.at.Add(7 * 24 * time.Hour)
	now := b.tables()
	for key, want := range map[string]lake.LoadID{"a": report.LoadID, "b": second.LoadID, "_fixed": report.LoadID} {
		if s := now[key].Snapshot; s.LoadID != want || !slices.Contains(s.Tags, report.Tag) {
			t.Errorf("table %s is at load %s with tags %v, want %s and the tag of %s", key, s.LoadID, s.Tags, want, report.LoadID)
		}
	}
	if got := b.rows(now["b"]); !cmp.Equal(got, []string{"_id=two "}) {
		t.Errorf("rows of b: %v", got)
	}
	if got := len(b.rows(now[lake.LedgerTable])); got != 3 {
		t.Errorf("%d rows in the ledger", got)
	}
	b.checkFiles()
	b.load(Table(wide, oneRow), Table(schema("b")), Table(fixed()))
	b.checkFiles()
}

// testPartPrepares publishes another part while what fixed tables hold is being read
// from the source.
func testPartPrepares(t *testing.T, b *bench) {
	b.load(Table(wide, oneRow), Table(schema("b")), Table(fixed()))
	prepared := 0
	table := Table(fixed(), []lake.Value{lake.TextValue("one")})
	table.Last = true
	rows := table.Rows
	table.Prepare = func(context.Context) error {
		prepared++
		_, err := b.part("two", Table(schema("b"), []lake.Value{lake.TextValue("two")})).Run(t.Context())
		return err
	}
	table.Rows = func(ctx context.Context) iter.Seq2[lake.Row, error] {
		if prepared != 1 {
			t.Errorf("prepared %d times", prepared)
		}
		return rows(ctx)
	}
	if _, err := b.part("one", Table(wide, oneRow), table).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	table.Prepare = func(context.Context) error {
		prepared++
		return nil
	}
	prepared = 0
	b.load(Table(wide, oneRow), table)
	b.checkFiles()
}

func testPartConflict(t *testing.T, b *bench) {
	b.load(Table(wide)) // without the row that the part has, whose file would be taken over
	before := ""
	_, err := b.part("one", during(wide, func() {
		report, err := b.part("also", Table(wide)).Run(t.Context())
		if err != nil {
			t.Errorf("another name for the same part: %v", err)
		}
		before = string(report.LoadID)
	})).Run(t.Context())
	if !errors.Is(err, lake.ErrConflict) {
		t.Errorf("a part that was published meanwhile: %v, want ErrConflict", err)
	}
	if got := b.tables()["a"].Snapshot.LoadID; string(got) != before {
		t.Errorf("the table is at load %s, want %s", got, before)
	}
	b.checkFiles()
}

// testPartFails lets a part fail. Other loads go on.
func testPartFails(t *testing.T, b *bench) {
	b.load(Table(wide, oneRow), Table(schema("b")))
	died := errors.New("died")
	l := b.part("one", Table(wide, oneRow))
	dead := &mortal{Catalog: b.catalog, err: died}
	dead.left.Store(2)
	l.Catalog, l.Source = dead, dying{l.Source, dead}
	if _, err := l.Run(t.Context()); !errors.Is(err, died) {
		t.Fatalf("it lives: %v", err)
	}
	if _, err := b.part("two", Table(schema("b"))).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.load(Table(wide, oneRow), Table(schema("b")))
	b.checkFiles()
	if tables := b.tables(); strings.Count(strings.Join(b.rows(tables[lake.LedgerTable]), ""), "load_id=") != 3 {
		t.Errorf("ledger: %v", b.rows(tables[lake.LedgerTable]))
	}
}

// testPartDied lets a run of a part end without knowing whether it has published. That is
// cleared up by the next run, though it is one of another part.
func testPartDied(t *testing.T, b *bench) {
	b.load(Table(wide, oneRow), Table(schema("b")))
	l := b.part("one", Table(wide, newRow[:2]))
	l.Catalog = unknowing{b.catalog}
	if _, err := l.Run(t.Context()); !errors.Is(err, lake.ErrUnknown) {
		t.Fatalf("it knows: %v", err)
	}
	if _, err := b.part("two", Table(schema("b"))).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.checkFiles()
}

// unknowing is a catalog that publishes nothing and does not know that.
type unknowing struct{ lake.Catalog }

func (unknowing) Publish(context.Context, lake.Publication) ([]lake.Snapshot, error) {
	return nil, lake.ErrUnknown
}
