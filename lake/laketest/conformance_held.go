package laketest

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
)

// decisions are the tests of what is decided about loads that were read before.
var decisions = []struct {
	name string
	f    func(*testing.T, *bench)
}{
	{"a held load is invisible until it is published", testPublishHeld},
	{"a discarded load leaves nothing", testDiscard},
	{"a held load that was overtaken is not published", testOvertaken},
	{"the first load may be held", testFirstHeld},
	{"what is held stays until it is decided", testUndecided},
	{"a rollback is a load", testRollback},
	{"a run that died leaves nothing behind", testDead},
	{"only a run that is admitted publishes", testAdmission},
}

// loader is that of one more load, a day after the one before.
func (b *bench) loader(tables ...lake.Table) *lake.Loader {
	at := b.at
	b.at = b.at.Add(24 * time.Hour)
	return &lake.Loader{
		Source: &Source{List: tables}, Storage: b.storage, Catalog: b.catalog,
		Logger: slog.New(slog.DiscardHandler), TempDir: b.t.TempDir(), Now: func() time.Time { return at },
	}
}

// held runs a load that loses a table's rows, and is held for it.
func (b *bench) held(tables ...lake.Table) lake.Report {
	b.t.Helper()
	l := b.loader(tables...)
	l.Audit = lake.Audit{Shrink: &lake.Shrink{Max: 0.5}, Freeze: true}
	report, err := l.Run(b.t.Context())
	var held *lake.HeldError
	if !errors.As(err, &held) || report.Status != lake.StatusHeld {
		b.t.Fatalf("status %s, error %v, want held", report.Status, err)
	}
	return report
}

// dump is all that a reader of the current tables sees.
func (b *bench) dump() map[string][]string {
	b.t.Helper()
	m := map[string][]string{}
	for key, t := range b.tables() {
		m[key] = append([]string{t.Schema.Table, string(t.Snapshot.LoadID)}, b.rows(t)...)
	}
	return m
}

// files are all files below the catalog's folder.
func (b *bench) files() []string {
	b.t.Helper()
	var keys []string
	for o, err := range b.storage.List(b.t.Context(), b.catalog.Folder()) {
		if err != nil {
			b.t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	slices.Sort(keys)
	return keys
}

// checkFiles fails for files that nothing refers to, and for entries of the journal.
func (b *bench) checkFiles() {
	b.t.Helper()
	refs, err := b.catalog.References(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	have := map[string]bool{}
	for _, key := range b.files() {
		have[key] = true
		if !refs[key] {
			b.t.Errorf("no table names the file %s", key)
		}
	}
	for key := range refs {
		if !have[key] && !strings.HasSuffix(key, "/version-hint.text") {
			b.t.Errorf("a table names the file %s, which is not there", key)
		}
	}
	if holds, err := b.catalog.Holds(b.t.Context()); err != nil || len(holds) > 0 {
		b.t.Errorf("loads that are held on tables: %v, %v", holds, err)
	}
	for o, err := range b.storage.List(b.t.Context(), "_notionlake/") {
		if err != nil {
			b.t.Fatal(err)
		}
		// What became of publications may be kept for some days.
		if !strings.Contains(o.Key, "/publications/") {
			b.t.Errorf("left in the journal: %s", o.Key)
		}
	}
}

var (
	wide   = schema("a", property("x", "x", text))
	wider  = schema("a", property("x", "renamed", text), property("y", "y", number))
	oneRow = []lake.Value{lake.TextValue("1"), lake.TextValue("one")}
	newRow = []lake.Value{lake.TextValue("2"), lake.TextValue("two"), lake.FloatValue(2)}
)

func testPublishHeld(t *testing.T, b *bench) {
	b.load(Table(wide, oneRow), Table(schema("b")))
	before, beforeTables := b.dump(), b.tables()
	held := b.held(Table(wider, newRow), Table(schema("b")), Table(schema("new"), []lake.Value{lake.TextValue("n")}))
	if d := cmp.Diff(before, b.dump()); d != "" {
		t.Errorf("a held load is seen: %s", d)
	}
	if d := cmp.Diff(columns(beforeTables["a"]), columns(b.tables()["a"])); d != "" {
		t.Errorf("a held load changed the columns: %s", d)
	}
	list, err := lake.HeldLoads(t.Context(), b.storage, b.catalog)
	if err != nil || len(list) != 1 || list[0].Load.ID != held.LoadID || len(list[0].Reasons) == 0 || len(list[0].Records) != 3 {
		t.Fatalf("held loads: %+v, %v", list, err)
	}
	report, err := b.loader().PublishHeld(t.Context(), held.LoadID)
	if err != nil || report.LoadID != held.LoadID || report.Status != lake.StatusComplete {
		t.Fatalf("publish: %+v, %v", report, err)
	}
	now := b.tables()
	if len(now) != 4 || now["a"].Snapshot.LoadID != held.LoadID || now["new"].Snapshot.Rows != 1 {
		t.Errorf("after publication: %v", b.dump())
	}
	if got, want := b.rows(now["a"]), []string{"_id=2 renamed=two y=2 "}; !cmp.Equal(got, want) {
		t.Errorf("rows: %s", cmp.Diff(want, got))
	}
	if columns(now["a"])["renamed"] != columns(beforeTables["a"])["x"] {
		t.Errorf("a renamed column has another field ID: %v", columns(now["a"]))
	}
	if slices.Contains(now["a"].Snapshot.Tags, held.LoadID.HeldTag()) || !slices.Contains(now["b"].Snapshot.Tags, held.LoadID.Tag()) {
		t.Errorf("tags: %v, %v", now["a"].Snapshot.Tags, now["b"].Snapshot.Tags)
	}
	if got := len(b.rows(now[lake.LedgerTable])); got != 2 {
		t.Errorf("%d rows in the ledger, want 2", got)
	}
	b.checkFiles()
	// The next load goes on as if nothing had been special.
	b.load(Table(wider, newRow), Table(schema("b")), Table(schema("new")))
	b.checkFiles()
}

func testDiscard(t *testing.T, b *bench) {
	b.load(Table(wide, oneRow))
	before := b.dump()
	held := b.held(Table(wider), Table(schema("new"), []lake.Value{lake.TextValue("n")}))
	if err := b.loader().Discard(t.Context(), held.LoadID); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, b.dump()); d != "" {
		t.Errorf("a discarded load is seen: %s", d)
	}
	b.checkFiles()
	if err := b.loader().Discard(t.Context(), held.LoadID); !errors.Is(err, lake.ErrNotHeld) {
		t.Errorf("discard again: %v, want ErrNotHeld", err)
	}
	if r := b.load(Table(wide, oneRow)); r.LoadID <= held.LoadID {
		t.Errorf("load %s follows the held %s", r.LoadID, held.LoadID)
	}
}

func testOvertaken(t *testing.T, b *bench) {
	b.load(Table(wide, oneRow))
	held := b.held(Table(wider, newRow))
	b.load(Table(wide, oneRow))
	before := b.dump()
	_, err := b.loader().PublishHeld(t.Context(), held.LoadID)
	if !errors.Is(err, lake.ErrConflict) || !strings.Contains(err.Error(), "can only be discarded") {
		t.Errorf("publish: %v, want ErrConflict and what can be done", err)
	}
	if d := cmp.Diff(before, b.dump()); d != "" {
		t.Errorf("the tables moved: %s", d)
	}
	if err := b.loader().Discard(t.Context(), held.LoadID); err != nil {
		t.Fatal(err)
	}
	b.checkFiles()
}

func testFirstHeld(t *testing.T, b *bench) {
	l := b.loader(Table(wide, oneRow), partial("b"))
	l.Audit.HoldPartial = true
	held, err := l.Run(t.Context())
	if held.Status != lake.StatusHeld || len(b.tables()) != 0 {
		t.Fatalf("status %s, %v, tables %v", held.Status, err, b.dump())
	}
	if _, err := b.loader().PublishHeld(t.Context(), held.LoadID); err != nil {
		t.Fatal(err)
	}
	if got := b.rows(b.tables()["a"]); len(got) != 1 {
		t.Errorf("rows: %v", got)
	}
	b.checkFiles()
}

// testUndecided holds a first load, of which no table knows, and goes on.
func testUndecided(t *testing.T, b *bench) {
	l := b.loader(Table(wide, oneRow), partial("b"))
	l.Audit.HoldPartial = true
	held, _ := l.Run(t.Context())
	b.load(Table(wide, oneRow), Table(schema("b")))
	b.load(Table(wide, oneRow), Table(schema("b")))
	list, err := lake.HeldLoads(t.Context(), b.storage, b.catalog)
	if err != nil || len(list) != 1 || list[0].Load.ID != held.LoadID {
		t.Fatalf("held loads: %+v, %v", list, err)
	}
	if _, err := b.loader().PublishHeld(t.Context(), held.LoadID); !errors.Is(err, lake.ErrConflict) {
		t.Errorf("publish: %v, want ErrConflict", err)
	}
	if err := b.loader().Discard(t.Context(), held.LoadID); err != nil {
		t.Fatal(err)
	}
	b.checkFiles()
}

// partial is a table that cannot be read whole.
func partial(key string) lake.Table {
	table := Table(schema(key))
	table.Rows = RowsThen(&lake.PartialError{Table: table.Schema.Table, Err: errors.New("503")})
	return table
}

func testRollback(t *testing.T, b *bench) {
	retyped := property("r", "r", text)
	then := schema("a", property("x", "x", text), retyped)
	first := b.load(Table(then, []lake.Value{lake.TextValue("1"), lake.TextValue("one"), lake.TextValue("r")}))
	rows, ids := b.rows(b.tables()["a"]), columns(b.tables()["a"])
	retyped.Type = number
	b.load(Table(schema("a", property("x", "renamed", text), property("y", "y", number), retyped),
		[]lake.Value{lake.TextValue("2"), lake.TextValue("two"), lake.FloatValue(2), lake.FloatValue(3)}),
		Table(schema("young"), []lake.Value{lake.TextValue("n")}))
	used := columns(b.tables()["a"])
	report, err := b.loader().Rollback(t.Context(), first.LoadID)
	if err != nil || report.Status != lake.StatusComplete {
		t.Fatalf("rollback: %+v, %v", report, err)
	}
	now := b.tables()
	if d := cmp.Diff(rows, b.rows(now["a"])); d != "" || !cmp.Equal(columns(now["a"]), ids) {
		t.Errorf("after a rollback: %s, columns %v, want %v", d, columns(now["a"]), ids)
	}
	if now["young"].Snapshot.Rows != 0 || now["a"].Snapshot.LoadID != report.LoadID {
		t.Errorf("after a rollback: %v", b.dump())
	}
	ledger := b.rows(now[lake.LedgerTable])
	if len(ledger) != 3 || !strings.Contains(ledger[2], "rollback_to="+string(first.LoadID)) {
		t.Errorf("ledger: %v", ledger)
	}
	b.checkFiles()
	// What comes after it knows the columns again that are current again, and uses
	// no field ID a second time for another column.
	then.Columns = append(slices.Clone(then.Columns), property("z", "z", number))
	b.load(Table(then, []lake.Value{lake.TextValue("1"), lake.TextValue("one"), lake.TextValue("r"), lake.FloatValue(1)}))
	got := columns(b.tables()["a"])
	for _, name := range []string{"x", "r"} {
		if got[name] != ids[name] {
			t.Errorf("column %s has the field ID %d after a rollback and a load, before it had %d", name, got[name], ids[name])
		}
	}
	for name, id := range used {
		if got["z"] == id {
			t.Errorf("the new column z has the field ID of %s", name)
		}
	}
	b.checkFiles()
}

// testAdmission publishes as runs that may and that may not.
func testAdmission(t *testing.T, b *bench) {
	publish := func(id lake.LoadID, run lake.RunID) error {
		staged, err := b.catalog.Stage(t.Context(), wide, lake.Replace)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.catalog.Publish(t.Context(), lake.Publication{
			Load: lake.Load{ID: id, Status: lake.StatusComplete}, Run: run, Changes: []lake.Change{{Staged: staged}},
		})
		return err
	}
	admitted, fenced := lake.NewRunID(), lake.NewRunID()
	for _, run := range []lake.RunID{admitted, fenced} {
		if err := b.catalog.Admit(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.catalog.Fence(t.Context(), fenced, lake.NewRunID()); err != nil {
		t.Fatal(err)
	}
	if err := publish("20300101T000000Z", fenced); !errors.Is(err, lake.ErrConflict) {
		t.Errorf("a run that was fenced: %v, want ErrConflict", err)
	}
	if err := publish("20300101T000000Z", admitted); err != nil {
		t.Errorf("a run that was admitted: %v", err)
	}
	if err := publish("20300102T000000Z", admitted); !errors.Is(err, lake.ErrConflict) {
		t.Errorf("a run that has published: %v, want ErrConflict", err)
	}
	if got := b.tables()["a"].Snapshot.LoadID; got != "20300101T000000Z" {
		t.Errorf("the last load is %s", got)
	}
}

// testDead ends runs without letting them clean up: the next load does.
func testDead(t *testing.T, b *bench) {
	b.load(Table(wide, oneRow))
	before := b.dump()
	died := errors.New("died")
	for n := 1; ; n++ {
		l := b.loader(Table(wider, newRow), Table(schema("new"), []lake.Value{lake.TextValue("n")}))
		l.Parallel = 1
		dead := &mortal{Catalog: b.catalog, err: died}
		dead.left.Store(int64(n))
		l.Catalog = dead
		ctx, cancel := context.WithCancel(t.Context())
		l.Source = dying{l.Source, dead}
		_, err := l.Run(ctx)
		cancel()
		if err == nil {
			break
		}
		if d := cmp.Diff(before, b.dump()); d != "" {
			t.Fatalf("call %d: a failed run is seen: %s", n, d)
		}
		if n > 100 {
			t.Fatal("no run ends")
		}
	}
	b.load(Table(wide, oneRow))
	b.checkFiles()
}

// A mortal is a catalog of which only so many calls are answered.
type mortal struct {
	lake.Catalog
	left atomic.Int64
	err  error
}

func (m *mortal) count() error {
	if m.left.Add(-1) < 0 {
		return m.err
	}
	return nil
}

func (m *mortal) Stage(ctx context.Context, s lake.Schema, d lake.WriteDisposition) (lake.Staged, error) {
	if err := m.count(); err != nil {
		return nil, err
	}
	return m.Catalog.Stage(ctx, s, d)
}

func (m *mortal) Publish(ctx context.Context, p lake.Publication) ([]lake.Snapshot, error) {
	if err := m.count(); err != nil {
		return nil, err
	}
	return m.Catalog.Publish(ctx, p)
}

// dying is a source that ends with its catalog.
type dying struct {
	lake.Source
	m *mortal
}

func (d dying) Tables(ctx context.Context, v lake.View) iter.Seq2[lake.Table, error] {
	return func(yield func(lake.Table, error) bool) {
		for t, err := range d.Source.Tables(ctx, v) {
			if e := d.m.count(); e != nil {
				err = e
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}
