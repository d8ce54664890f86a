package laketest

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
)

// reuse are the tests of data files that several snapshots name.
var reuse = []struct {
	name string
	f    func(*testing.T, *bench)
}{
	{"what nothing changed is not written again", testReuse},
	{"a file outlives the load that wrote it", testReuseExpire},
	{"a held load shares files with the tables", testReuseHeld},
	{"a load that fails leaves the files of the tables", testReuseFails},
	{"what has changed is not reused", testNotReused},
	{"a file that the table has no more is a conflict", testReuseStale},
}

// data are the keys of the data files of a table.
func (b *bench) data(key string) []string {
	b.t.Helper()
	files, err := b.tables()[key].Files(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	var keys []string
	for _, f := range files {
		keys = append(keys, f.Key)
	}
	slices.Sort(keys)
	return keys
}

// reused is what the report says of a table's files.
func reused(r lake.Report, key string) (files, of int) {
	for _, t := range r.Tables {
		if t.Key == key {
			return t.ReusedFiles, t.Files
		}
	}
	return -1, -1
}

// checkReused fails where a load did not take over that many of a table's files.
func (b *bench) checkReused(r lake.Report, key string, want, all int) {
	b.t.Helper()
	if n, of := reused(r, key); n != want || of != all {
		b.t.Errorf("table %s: the report tells of %d reused files of %d, want %d of %d", key, n, of, want, all)
	}
}

func testReuse(t *testing.T, b *bench) {
	b.checkReused(b.load(Table(wide, oneRow), Table(schema("b"), oneRow[:1])), "a", 0, 1)
	first, files := b.tables()["a"].Snapshot, b.data("a")
	r := b.load(Table(wide, oneRow), Table(schema("b")))
	b.checkReused(r, "a", 1, 1)
	b.checkReused(r, "b", 0, 0)
	now := b.tables()["a"].Snapshot
	if d := cmp.Diff(files, b.data("a")); d != "" || now.ID == first.ID || now.LoadID != r.LoadID {
		t.Errorf("snapshot %d of load %s after %d of %s: %s", now.ID, now.LoadID, first.ID, first.LoadID, d)
	}
	if now.Rows != 1 || now.Files != 1 || now.Bytes != first.Bytes {
		t.Errorf("the snapshot counts %d rows in %d files of %d bytes, want 1 in 1 of %d", now.Rows, now.Files, now.Bytes, first.Bytes)
	}
	if d := cmp.Diff([]string{"_id=1 x=one "}, b.rows(b.tables()["a"])); d != "" {
		t.Errorf("rows: %s", d)
	}
	// What a column is described by is not in the files.
	described := schema("a", property("x", "x", text))
	described.Columns[1].Doc = "something else"
	b.checkReused(b.load(Table(described, oneRow), Table(schema("b"))), "a", 1, 1)
	b.checkFiles()
}

func testReuseExpire(t *testing.T, b *bench) {
	twoRows := [][]lake.Value{oneRow, textRow("2")}
	first := b.load(Table(wide, oneRow))
	files := b.data("a")
	second := b.load(Table(wide, oneRow))
	b.load(Table(wide, twoRows...))
	rows, _ := b.past("a", second.LoadID)
	if report := b.maintain(lake.Maintenance{Retention: lake.Retention{Last: 2}}); !cmp.Equal(report.Expired, []lake.LoadID{first.LoadID}) {
		t.Errorf("expired: %v", report.Expired)
	}
	if got, ok := b.past("a", second.LoadID); !ok || !cmp.Equal(got, rows) {
		t.Errorf("the load after the one that wrote its file: %v, %s", ok, cmp.Diff(rows, got))
	}
	b.checkFiles()
	report, err := b.loader().Rollback(t.Context(), second.LoadID)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(files, b.data("a")); d != "" || report.LoadID == "" {
		t.Errorf("files after the rollback: %s", d)
	}
	b.checkReused(report, "a", 1, 1)
	b.checkReused(b.load(Table(wide, oneRow)), "a", 1, 1)
	b.maintain(lake.Maintenance{Retention: lake.Retention{Last: 1}})
	if d := cmp.Diff(files, b.data("a")) + cmp.Diff([]string{"_id=1 x=one "}, b.rows(b.tables()["a"])); d != "" {
		t.Errorf("after all other loads expired: %s", d)
	}
	b.checkFiles()
}

func testReuseHeld(t *testing.T, b *bench) {
	b.load(Table(wide, oneRow), Table(schema("b"), oneRow[:1]))
	files, before := b.data("a"), b.dump()
	other := Table(schema("b", property("y", "y", text)), oneRow)
	held := b.held(Table(wide, oneRow), other)
	b.checkReused(held, "a", 1, 1)
	if err := b.loader().Discard(t.Context(), held.LoadID); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, b.dump()) + cmp.Diff(files, b.data("a")); d != "" {
		t.Errorf("a load that was discarded changed: %s", d)
	}
	b.checkFiles()
	held = b.held(Table(wide, oneRow), other)
	if _, err := b.loader().PublishHeld(t.Context(), held.LoadID); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(files, b.data("a")) + cmp.Diff([]string{"_id=1 x=one "}, b.rows(b.tables()["a"])); d != "" {
		t.Errorf("once the held load is published: %s", d)
	}
	b.checkReused(b.load(Table(wide, oneRow), other), "b", 1, 1)
	b.maintain(lake.Maintenance{Retention: lake.Retention{Last: 1}})
	if d := cmp.Diff(files, b.data("a")); d != "" {
		t.Errorf("once it is the last load: %s", d)
	}
	b.checkFiles()
}

func testReuseFails(t *testing.T, b *bench) {
	b.load(Table(wide, oneRow), Table(schema("b"), oneRow[:1]))
	before := b.dump()
	failure := errors.New("the source broke")
	broken := lake.Table{Schema: schema("c"), Rows: RowsThen(failure)}
	if _, err := b.loader(Table(wide, oneRow), broken).Run(t.Context()); !errors.Is(err, failure) {
		t.Errorf("a load of a broken source: %v", err)
	}
	l := b.loader(Table(wide, oneRow), Table(schema("b"), oneRow[:1]))
	l.Point = func(op, _ string) error {
		if op == "load.publish" {
			return failure
		}
		return nil
	}
	if _, err := l.Run(t.Context()); !errors.Is(err, failure) {
		t.Errorf("a publication that failed: %v", err)
	}
	if d := cmp.Diff(before, b.dump()); d != "" {
		t.Errorf("loads that failed changed something: %s", d)
	}
	b.checkFiles()
}

func testNotReused(t *testing.T, b *bench) {
	b.load(Table(wide, oneRow))
	for _, test := range []struct {
		name   string
		schema lake.Schema
		row    []lake.Value
		want   string
	}{
		{"another value", wide, []lake.Value{oneRow[0], lake.TextValue("eno")}, "_id=1 x=eno "},
		{"another name", schema("a", property("x", "y", text)), []lake.Value{oneRow[0], lake.TextValue("eno")}, "_id=1 y=eno "},
		{"another property of that name", schema("a", property("z", "y", text)), []lake.Value{oneRow[0], lake.TextValue("eno")}, "_id=1 y=eno "},
		{"another type", schema("a", property("z", "y", lake.Type{Kind: lake.JSON})), []lake.Value{oneRow[0], lake.JSONValue(`"o"`)}, `_id=1 y="o" `},
		{"null", schema("a", property("z", "y", lake.Type{Kind: lake.JSON})), []lake.Value{oneRow[0], {}}, "_id=1 y=null "},
	} {
		b.checkReused(b.load(Table(test.schema, test.row)), "a", 0, 1)
		if d := cmp.Diff([]string{test.want}, b.rows(b.tables()["a"])); d != "" {
			t.Errorf("%s: %s", test.name, d)
		}
	}
	b.checkFiles()
	// A file that another program deleted or damaged is written again.
	again := Table(schema("a", property("z", "y", lake.Type{Kind: lake.JSON})), []lake.Value{oneRow[0], {}})
	b.checkReused(b.load(again), "a", 1, 1)
	if err := b.storage.Replace(t.Context(), b.data("a")[0], []byte("damaged")); err != nil {
		t.Fatal(err)
	}
	b.checkReused(b.load(again), "a", 0, 1)
	if err := b.storage.Delete(t.Context(), b.data("a")...); err != nil {
		t.Fatal(err)
	}
	b.checkReused(b.load(again), "a", 0, 1)
	if d := cmp.Diff([]string{"_id=1 y=null "}, b.rows(b.tables()["a"])); d != "" {
		t.Errorf("after files were damaged: %s", d)
	}
}

func testReuseStale(t *testing.T, b *bench) {
	b.load(Table(wide, oneRow))
	files, err := b.tables()["a"].Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.load(Table(wide, textRow("2")))
	before := b.dump()
	st, err := b.catalog.Stage(t.Context(), wide, lake.Replace)
	if err != nil {
		t.Fatal(err)
	}
	files[0].Reused = true
	_, err = b.catalog.Publish(t.Context(), lake.Publication{
		Load:    lake.Load{ID: "20300101T000000Z", Started: b.at, Status: lake.StatusComplete},
		Changes: []lake.Change{{Staged: st, Files: files}},
	})
	if !errors.Is(err, lake.ErrConflict) {
		t.Errorf("publishing a file that the table had: %v, want ErrConflict", err)
	}
	if d := cmp.Diff(before, b.dump()); d != "" {
		t.Errorf("a conflict changed something: %s", d)
	}
	b.checkFiles()
}
