package laketest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
)

// upkeep are the tests of what is done to tables between loads.
var upkeep = []struct {
	name string
	f    func(*testing.T, *bench)
}{
	{"loads expire and the others stay as they were", testExpire},
	{"what the last loads need does not expire", testExpireUnread},
	{"a held load outlives the loads before it", testExpireHeld},
	{"small files are put together", testCompact},
	{"orphan files are deleted, and nothing else", testOrphans},
	{"a load that was interrupted can still be continued", testKeepsInterrupted},
	{"copies of files are deleted that no load names", testCopies},
	{"copies of files that a held load names stay", testCopiesHeld},
}

// maintain does it first as a dry run, which must change nothing and say the same.
func (b *bench) maintain(plan lake.Maintenance) lake.MaintenanceReport {
	b.t.Helper()
	before, files := b.dump(), b.files()
	plan.DryRun = true
	dry, err := b.loader().Maintain(b.t.Context(), plan)
	if err != nil {
		b.t.Fatalf("dry run: %v", err)
	}
	if d := cmp.Diff(before, b.dump()) + cmp.Diff(files, b.files()); d != "" {
		b.t.Errorf("a dry run changed something: %s", d)
	}
	plan.DryRun = false
	report, err := b.loader().Maintain(b.t.Context(), plan)
	if err != nil {
		b.t.Fatalf("maintain: %v", err)
	}
	dry.DryRun, dry.Did = false, report.Did
	if d := cmp.Diff(dry, report); d != "" {
		b.t.Errorf("the dry run said something else: %s", d)
	}
	after := b.dump()
	for _, m := range []map[string][]string{before, after} {
		for key := range m {
			slices.Sort(m[key])
		}
	}
	if d := cmp.Diff(before, after); d != "" {
		b.t.Errorf("maintenance changed rows: %s", d)
	}
	return report
}

// past are the rows of a table as a load left it; false where that cannot be read.
func (b *bench) past(key string, load lake.LoadID) ([]string, bool) {
	b.t.Helper()
	t, ok := b.catalog.At(key, load)
	if !ok {
		return nil, false
	}
	return b.rows(t), true
}

func textRow(id string) []lake.Value { return []lake.Value{lake.TextValue(id), lake.TextValue(id)} }

func testExpire(t *testing.T, b *bench) {
	var ids []lake.LoadID
	rows := map[lake.LoadID][]string{}
	for n := range 6 {
		s := schema("a", property("x", fmt.Sprintf("x%d", n), text)) // another schema each time
		ids = append(ids, b.load(Table(s, textRow(fmt.Sprint(n))), Table(schema("b"))).LoadID)
		rows[ids[n]], _ = b.past("a", ids[n])
	}
	report := b.maintain(lake.Maintenance{Retention: lake.Retention{Last: 2}})
	if !cmp.Equal(report.Expired, ids[:4]) || report.Snapshots < 8 || report.Files.Files < 4 || report.Files.Bytes == 0 {
		t.Errorf("report: %+v", report)
	}
	for i, id := range ids {
		got, ok := b.past("a", id)
		if kept := i >= 4; ok != kept || kept && !cmp.Equal(got, rows[id]) {
			t.Errorf("load %d: kept %v, rows %v", i, ok, got)
		}
	}
	if loads, err := b.catalog.Loads(t.Context()); err != nil || !cmp.Equal(loads, ids[4:]) {
		t.Errorf("loads: %v, %v", loads, err)
	}
	b.checkFiles()
	if got := len(b.rows(b.tables()[lake.LedgerTable])); got != 6 {
		t.Errorf("the ledger has %d rows, want 6", got)
	}
	again := b.maintain(lake.Maintenance{Retention: lake.Retention{Last: 2}})
	if len(again.Expired) > 0 || again.Snapshots > 0 || again.Files.Files > 0 {
		t.Errorf("done again: %+v", again)
	}
	if _, err := b.loader().Rollback(t.Context(), ids[0]); err == nil && b.tables()["a"].Snapshot.Rows > 0 {
		t.Error("rolled back to a load that has expired")
	}
	b.load(Table(schema("a", property("x", "x", text)), textRow("7")), Table(schema("b")))
	b.checkFiles()
}

// testExpireUnread lets loads expire that read a table which later ones did not.
func testExpireUnread(t *testing.T, b *bench) {
	b.load(Table(wide, oneRow), Table(schema("b"), []lake.Value{lake.TextValue("b")}))
	want := b.dump()["b"]
	for range 3 {
		b.load(Table(wide, oneRow))
	}
	if report := b.maintain(lake.Maintenance{Retention: lake.Retention{Last: 1}}); len(report.Expired) != 3 {
		t.Errorf("expired: %v", report.Expired)
	}
	if d := cmp.Diff(want, b.dump()["b"]); d != "" {
		t.Errorf("a table that no later load read: %s", d)
	}
	b.checkFiles()
}

func testExpireHeld(t *testing.T, b *bench) {
	b.load(Table(wide, oneRow), Table(schema("b")))
	b.load(Table(wide, oneRow), Table(schema("b")))
	held := b.held(Table(wider, newRow), Table(schema("b")), Table(schema("new"), []lake.Value{lake.TextValue("n")}))
	old := b.age(48 * time.Hour)
	report := b.maintain(lake.Maintenance{Retention: lake.Retention{Last: 1}, Orphans: 24 * time.Hour, Compact: true})
	if len(report.Expired) != 1 || len(report.Orphans.Keys)+len(report.Orphans.Folders) > 0 {
		t.Errorf("report: %+v of %d files", report, old)
	}
	if _, err := b.loader().PublishHeld(t.Context(), held.LoadID); err != nil {
		t.Fatal(err)
	}
	if got, want := b.rows(b.tables()["a"]), []string{"_id=2 renamed=two y=2 "}; !cmp.Equal(got, want) {
		t.Errorf("rows: %s", cmp.Diff(want, got))
	}
	b.checkFiles()
}

// age makes all files of the tables older than they are, and counts them.
func (b *bench) age(by time.Duration) int {
	b.t.Helper()
	keys := b.files()
	for _, key := range keys {
		file := filepath.Join(strings.TrimPrefix(b.storage.Root(), "file://"), key)
		at := b.at.Add(-by)
		if err := os.Chtimes(file, at, at); err != nil {
			b.t.Fatal(err)
		}
	}
	return len(keys)
}

func testCompact(t *testing.T, b *bench) {
	var ids []lake.LoadID
	for range 9 {
		ids = append(ids, b.load(Table(wide, oneRow)).LoadID)
	}
	then, _ := b.past(lake.LedgerTable, ids[7])
	report := b.maintain(lake.Maintenance{Compact: true})
	if len(report.Compacted) != 1 || report.Compacted[0] != (lake.Compacted{Table: lake.LedgerTable, Before: 9, After: 1, Rows: 9}) {
		t.Errorf("report: %+v", report)
	}
	if len(report.Kept)+len(report.Expired) > 0 {
		t.Errorf("without a retention: %+v", report)
	}
	now := b.tables()[lake.LedgerTable]
	if files, err := now.Files(t.Context()); err != nil || len(files) != 1 || now.Snapshot.LoadID != ids[8] {
		t.Errorf("files: %v, %v, of load %s", files, err, now.Snapshot.LoadID)
	}
	if got, ok := b.past(lake.LedgerTable, ids[7]); !ok || !cmp.Equal(got, then) {
		t.Errorf("an earlier load: %v, %s", ok, cmp.Diff(then, got))
	}
	if last, err := b.catalog.LastLoad(t.Context()); err != nil || last != ids[8] {
		t.Errorf("last load %s, %v", last, err)
	}
	b.checkFiles()
	b.load(Table(wide, oneRow))
	if got := len(b.rows(b.tables()[lake.LedgerTable])); got != 10 {
		t.Errorf("the ledger has %d rows, want 10", got)
	}
	b.maintain(lake.Maintenance{Retention: lake.Retention{Last: 1}, Compact: true})
	if now := b.tables()[lake.LedgerTable]; now.Snapshot.Files != 2 {
		t.Errorf("%d files in the ledger, want 2", now.Snapshot.Files)
	}
	b.checkFiles()
}

func testOrphans(t *testing.T, b *bench) {
	b.load(Table(wide, oneRow))
	folder := b.catalog.Folder()
	table := strings.TrimSuffix(b.tables()["a"].Layout.Prefix, "data/")
	old, older, unknown := table+"data/left.parquet", table+"metadata/00099-x.metadata.json", folder+"gone/data/x.parquet"
	for _, key := range []string{old, older, unknown} {
		if err := b.storage.WriteAll(t.Context(), key, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	b.age(48 * time.Hour)
	young := table + "data/young.parquet"
	if err := b.storage.WriteAll(t.Context(), young, []byte("x")); err != nil {
		t.Fatal(err)
	}
	future := b.at.Add(100 * time.Hour)
	if err := os.Chtimes(filepath.Join(strings.TrimPrefix(b.storage.Root(), "file://"), young), future, future); err != nil {
		t.Fatal(err)
	}
	refs, err := b.catalog.References(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report := b.maintain(lake.Maintenance{Orphans: 24 * time.Hour})
	want := lake.Orphans{
		FileCount: lake.FileCount{Files: 1, Bytes: 1}, Keys: []string{old},
		Folders: []string{strings.TrimSuffix(unknown, "/data/x.parquet")},
	}
	if !refs[older] { // metadata files may be a server's own
		want.Files, want.Bytes, want.Keys = 2, 2, append(want.Keys, older)
	}
	if d := cmp.Diff(want, report.Orphans); d != "" {
		t.Error(d)
	}
	files := b.files()
	if slices.Contains(files, old) || !slices.Contains(files, young) || !slices.Contains(files, unknown) {
		t.Errorf("files: %v", files)
	}
	for _, t := range b.tables() {
		b.rows(t)
	}
}

func testKeepsInterrupted(t *testing.T, b *bench) {
	const resume = 30 * 24 * time.Hour
	first := b.load(Table(wide, oneRow))
	ctx, cancel := context.WithCancel(t.Context())
	l := b.loader()
	l.Resume, l.Source = resume, stopping{cancel}
	interrupted, err := l.Run(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("not interrupted: %v", err)
	}
	b.maintain(lake.Maintenance{Retention: lake.Retention{Last: 1}, Orphans: time.Hour})
	l = b.loader(Table(wide, oneRow))
	l.Resume = resume
	report, err := l.Run(t.Context())
	if err != nil || report.LoadID != interrupted.LoadID || report.LoadID <= first.LoadID {
		t.Errorf("load %s after the interrupted %s: %v", report.LoadID, interrupted.LoadID, err)
	}
	b.checkFiles()
}

// A stopping source is interrupted before it has a table.
type stopping struct{ stop context.CancelFunc }

func (s stopping) Tables(ctx context.Context, _ lake.View) iter.Seq2[lake.Table, error] {
	return func(yield func(lake.Table, error) bool) {
		s.stop()
		yield(lake.Table{}, ctx.Err())
	}
}
