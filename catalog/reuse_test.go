package catalog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// reusing is a load of one table of which the files are named here: those that
// begin with "=" are the table's own.
func (w *warehouse) reusing(c *catalog.Catalog, load int, hold bool, files ...string) ([]lake.Snapshot, []json.RawMessage, error) {
	w.t.Helper()
	st, err := c.Stage(w.t.Context(), tasks, lake.Replace)
	if err != nil {
		w.t.Fatal(err)
	}
	ch := lake.Change{Staged: st}
	for _, name := range files {
		f := fakeFile(st.Layout(), 3)
		name, f.Reused = strings.CutPrefix(name, "=")
		f.Key = st.Layout().Prefix + name
		ch.Files = append(ch.Files, f)
	}
	var records []json.RawMessage
	snapshots, err := c.Publish(w.t.Context(), lake.Publication{
		Load: lake.Load{ID: loadID(load), Status: "complete"}, Changes: []lake.Change{ch}, Hold: hold,
		Before: func(_ context.Context, p lake.Prepared) error { records = p.Records; return nil },
	})
	return snapshots, records, err
}

// entries are those of the manifests of a snapshot of tasks, with the number of
// the snapshot that added or deleted them and their sequence number.
func (w *warehouse) entries(snapshot int64) (list []string) {
	w.t.Helper()
	meta := w.metadata()["tasks"]
	s := meta.SnapshotByID(snapshot)
	manifests, err := w.manifestList(s.ManifestList)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range manifests {
		entries, err := iceberg.ReadManifest(m, bytes.NewReader(w.file(m.FilePath())), false)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range entries {
			name := e.DataFile().FilePath()
			list = append(list, fmt.Sprintf("%s %s of %d seq %d", name[strings.LastIndexByte(name, '/')+1:],
				map[iceberg.ManifestEntryStatus]string{iceberg.EntryStatusADDED: "added", iceberg.EntryStatusEXISTING: "existing", iceberg.EntryStatusDELETED: "deleted"}[e.Status()],
				meta.SnapshotByID(e.SnapshotID()).SequenceNumber, e.SequenceNum()))
		}
	}
	slices.Sort(list)
	return list
}

// counted is the part of a snapshot's summary that counts data files.
func (w *warehouse) counted(snapshot int64) string {
	summary := w.metadata()["tasks"].SnapshotByID(snapshot).Summary
	text := string(summary.Operation)
	for _, name := range []string{"added", "deleted", "total"} {
		text += fmt.Sprintf(" %s %s/%s", name, orZero(summary.Properties[name+"-data-files"]), orZero(summary.Properties[name+"-records"]))
	}
	return text
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

// A file that stays is an existing one with the snapshot and the sequence number
// that it had, and the summary counts it as neither added nor deleted.
func TestReusedEntries(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	check := func(id int64, counts string, entries ...string) {
		t.Helper()
		if got := w.counted(id); got != counts {
			t.Errorf("summary: %s, want %s", got, counts)
		}
		if d := cmp.Diff(entries, w.entries(id)); d != "" {
			t.Errorf("entries: %s", d)
		}
	}
	must := func(s []lake.Snapshot, _ []json.RawMessage, err error) int64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s[0].ID
	}
	first := must(w.reusing(c, 1, false, "a", "b"))
	check(first, "append added 2/6 deleted 0/0 total 2/6", "a added of 1 seq 1", "b added of 1 seq 1")

	same := must(w.reusing(c, 2, false, "=a", "=b"))
	check(same, "append added 0/0 deleted 0/0 total 2/6", "a added of 1 seq 1", "b added of 1 seq 1")

	id := must(w.reusing(c, 3, false, "=a", "c"))
	check(id, "overwrite added 1/3 deleted 1/3 total 2/6", "a existing of 1 seq 1", "b deleted of 3 seq 1", "c added of 3 seq 3")

	// A held load names the table's files beside it, and is no load of them once it is published.
	_, records, err := w.reusing(c, 4, true, "=a", "d")
	if err != nil || len(records) != 1 {
		t.Fatal(len(records), err)
	}
	held := w.metadata()["tasks"].SnapshotByName(loadID(4).HeldTag()).SnapshotID
	check(held, "overwrite added 1/3 deleted 1/3 total 2/6", "a existing of 1 seq 1", "b deleted of 3 seq 1", "c deleted of 4 seq 3", "d added of 4 seq 4")
	staged, err := c.Restage(t.Context(), records[0])
	if err != nil {
		t.Fatal(err)
	}
	published, err := c.Publish(t.Context(), lake.Publication{Load: lake.Load{ID: loadID(4), Status: "complete"}, Changes: []lake.Change{{Staged: staged}}})
	if err != nil {
		t.Fatal(err)
	}
	check(published[0].ID, "overwrite added 1/3 deleted 1/3 total 2/6", "a existing of 1 seq 1", "d added of 5 seq 5")

	// A rollback takes manifests over as they are.
	staged, err = c.StageLoad(t.Context(), tasks.Key, loadID(2))
	if err != nil {
		t.Fatal(err)
	}
	back, err := c.Publish(t.Context(), lake.Publication{Load: lake.Load{ID: loadID(5), Status: "complete", RollbackTo: loadID(2)}, Changes: []lake.Change{{Staged: staged}}})
	if err != nil {
		t.Fatal(err)
	}
	check(back[0].ID, "overwrite added 1/3 deleted 1/3 total 2/6", "a added of 1 seq 1", "b added of 1 seq 1")
	for id, want := range map[int64]int64{first: 2, same: 2, published[0].ID: 2, back[0].ID: 2} {
		if s := w.metadata()["tasks"].SnapshotByID(id); lakeFiles(t, c, id) != want || s == nil {
			t.Errorf("snapshot %d has %d files, want %d", id, lakeFiles(t, c, id), want)
		}
	}
}

func lakeFiles(t *testing.T, c *catalog.Catalog, snapshot int64) int64 {
	t.Helper()
	state, err := c.TableAt(t.Context(), "tasks", catalog.Ref{SnapshotID: snapshot})
	if err != nil {
		t.Fatal(err)
	}
	files, err := state.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(files))
}

// A table whose files change one by one does not come to consist of many manifests.
func TestReusedManifests(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	var files []string
	most := 0
	for n := range 120 {
		files = append(files, fmt.Sprintf("f%d", n))
		if _, _, err := w.reusing(c, n+1, false, files...); err != nil {
			t.Fatal(err)
		}
		files[n] = "=" + files[n]
		list, err := w.manifestList(w.metadata()["tasks"].CurrentSnapshot().ManifestList)
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, len(list))
	}
	s := w.metadata()["tasks"].CurrentSnapshot()
	if n := lakeFiles(t, c, s.SnapshotID); n != 120 || most != 50 {
		t.Errorf("%d files, up to %d manifests, want 120 and 50", n, most)
	}
}

// Files are not taken over from what a table was before another program changed it.
func TestReusedFromAltered(t *testing.T) {
	t.Parallel()
	for _, dead := range []bool{false, true} {
		w := newWarehouse(t)
		if _, _, err := w.reusing(w.open(), 1, false, "a"); err != nil {
			t.Fatal(err)
		}
		w.deleteRows("tasks", dead)
		if _, _, err := w.reusing(w.open(), 2, false, "=a"); errors.Is(err, lake.ErrConflict) == dead || dead && err != nil {
			t.Errorf("where rows of it are deleted (dead %v): %v", dead, err)
		}
		if _, _, err := w.reusing(w.open(), 3, false, "=b"); !errors.Is(err, lake.ErrConflict) || !strings.Contains(err.Error(), "tasks") {
			t.Errorf("a file that the table has not: %v", err)
		}
	}
}
