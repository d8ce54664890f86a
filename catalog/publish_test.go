package catalog_test

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
)

var (
	tasks = schema("tasks", "11111111-2222-3333-4444-555555555555", property("t", "title", lake.String), property("p", "points", lake.Float64))
	users = schema("_users", "_users")
	empty = schema("empty", "99999999-2222-3333-4444-555555555555")
)

// One publication is one snapshot of every table, all of one time and one tag.
func TestPublish(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	w.mustPublish(c, loadID(1), change{schema: tasks, rows: 3}, change{schema: users, rows: 2}, change{schema: empty})
	first := w.metadata()
	w.at = w.at.Add(24 * time.Hour)
	snapshots := w.mustPublish(c, loadID(2), change{schema: tasks, rows: 3}, change{schema: empty})
	second := w.metadata()

	var names []string
	for _, s := range snapshots {
		names = append(names, s.Table)
		if !s.Time.Equal(w.at) || s.LoadID != loadID(2) || s.Status != "complete" || !cmp.Equal(s.Tags, []string{loadID(2).Tag()}) {
			t.Errorf("snapshot %+v", s)
		}
	}
	if d := cmp.Diff([]string{"tasks", "empty", "_loads"}, names); d != "" {
		t.Errorf("snapshots: %s", d)
	}
	counts := map[string]int{"tasks": 2, "empty": 2, "_loads": 2, "_users": 1}
	for name, meta := range second {
		if got := len(meta.Snapshots()); got != counts[name] {
			t.Errorf("table %s has %d snapshots, want %d", name, got, counts[name])
		}
		if meta.TableUUID() != first[name].TableUUID() || meta.Location() != first[name].Location() || meta.Version() != 2 {
			t.Errorf("table %s is another one now", name)
		}
		if len(meta.Schemas()) != 1 {
			t.Errorf("table %s: %d schemas where nothing changed", name, len(meta.Schemas()))
		}
		for part := range strings.SplitSeq(strings.TrimPrefix(meta.Location(), w.storage.Root()), "/") {
			if strings.HasPrefix(part, "_") {
				t.Errorf("table %s lies in a hidden folder: %s", name, meta.Location())
			}
		}
		if got := meta.LastUpdatedMillis(); got != w.at.UnixMilli() {
			t.Errorf("table %s was last updated %d, want %d", name, got, w.at.UnixMilli())
		}
		hint := string(w.file(meta.Location() + "/metadata/version-hint.text"))
		if want := strings.TrimSuffix(path.Base(w.pointers()[name]), ".metadata.json"); hint != want || !strings.HasPrefix(hint, "00001-") {
			t.Errorf("table %s: version hint %q, want %q", name, hint, want)
		}
	}
	if d := cmp.Diff([]string{loadID(1).Tag(), loadID(2).Tag()}, w.loads()); d != "" {
		t.Errorf("tags: %s", d)
	}
	summary := second["tasks"].CurrentSnapshot().Summary
	delete(summary.Properties, "total-files-size")
	want := map[string]string{
		"added-data-files": "1", "added-records": "3", "added-files-size": "300",
		"deleted-data-files": "1", "deleted-records": "3", "removed-files-size": "300",
		"total-data-files": "1", "total-records": "3",
		"total-delete-files": "0", "total-position-deletes": "0", "total-equality-deletes": "0",
		"notionlake.load-id": string(loadID(2)), "notionlake.status": "complete", "notionlake.version": "test", "notionlake.requests": "7",
	}
	if d := cmp.Diff(want, map[string]string(summary.Properties)); d != "" || summary.Operation != "overwrite" {
		t.Errorf("summary (%s): %s", summary.Operation, d)
	}
	props := second["tasks"].Properties()
	for name, value := range map[string]string{
		"notionlake.key": tasks.Key, "notionlake.properties": `{"p":3,"t":2}`, "write.parquet.compression-codec": "zstd",
		"history.expire.min-snapshots-to-keep": "1000000",
	} {
		if props[name] != value {
			t.Errorf("property %s is %q, want %q", name, props[name], value)
		}
	}
	if _, ok := props["schema.name-mapping.default"]; ok {
		t.Error("a name mapping was set")
	}
	for _, f := range second["tasks"].CurrentSchema().Fields() {
		if want := map[string]string{"title": "title (string)", "points": "points (double)"}[f.Name]; f.Doc != want {
			t.Errorf("column %s has the doc %q, want %q", f.Name, f.Doc, want)
		}
	}
	w.checkFiles()
}

// A load that is published already is not published again.
func TestPublishTwice(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	staged, err := w.stage(c, change{schema: tasks, rows: 3})
	if err != nil {
		t.Fatal(err)
	}
	p := lake.Publication{Load: lake.Load{ID: loadID(1)}, Changes: []lake.Change{staged}}
	first, err := c.Publish(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	before := w.pointers()
	again, err := c.Publish(t.Context(), p)
	if d := cmp.Diff(first, again); d != "" || err != nil {
		t.Errorf("once more: %v, %s", err, d)
	}
	if d := cmp.Diff(before, w.pointers()); d != "" {
		t.Errorf("the catalog moved: %s", d)
	}
	w.checkFiles()
}

// The names of a load's tables can be anything, as long as they differ at the end.
func TestPublishRenames(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	w.mustPublish(c, loadID(1), change{schema: tasks}, change{schema: empty})
	before := w.metadata()
	renamed := func(s lake.Schema, name string) change { s.Table = name; return change{schema: s} }

	w.mustPublish(c, loadID(2), renamed(tasks, "empty"), renamed(empty, "tasks"))
	after := w.metadata()
	if after["empty"].TableUUID() != before["tasks"].TableUUID() || after["tasks"].TableUUID() != before["empty"].TableUUID() || len(after) != 3 {
		t.Errorf("tables after a swap of names: %v", w.pointers())
	}
	// One moves on, a new one takes its name.
	w.mustPublish(c, loadID(3), renamed(tasks, "other"), change{schema: schema("empty", "new")})
	after = w.metadata()
	if after["other"].TableUUID() != before["tasks"].TableUUID() || len(after) != 4 || len(after["empty"].Snapshots()) != 1 {
		t.Errorf("tables after a chain of names: %v", w.pointers())
	}
	// The name of a table that stays.
	now := w.pointers()
	if _, err := w.publish(c, loadID(4), renamed(tasks, "tasks")); err == nil || !strings.Contains(err.Error(), "would both be named tasks") {
		t.Errorf("a name that is taken: %v", err)
	}
	if d := cmp.Diff(now, w.pointers()); d != "" {
		t.Errorf("the catalog moved: %s", d)
	}
	w.checkFiles()
}

// The clock may do what it wants: times of snapshots only go forward, those of
// tables that only get a tag too.
func TestPublishTime(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	last := time.Time{}
	for n, hours := range []int{0, -2, -200_000, 24, 23, 23} {
		w.at = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC).Add(time.Duration(hours) * time.Hour)
		changes := []change{{schema: tasks, rows: 1}}
		if n%2 == 0 {
			changes = append(changes, change{schema: users, rows: 1})
		}
		for _, s := range w.mustPublish(c, loadID(n), changes...) {
			if s.Table == "tasks" {
				if !s.Time.After(last) {
					t.Errorf("load %d is of %s, the one before of %s", n, s.Time, last)
				}
				last = s.Time
			}
		}
		for name, meta := range w.metadata() {
			if got := meta.LastUpdatedMillis(); got != last.UnixMilli() {
				t.Errorf("load %d: table %s was last updated at %d, want %d", n, name, got, last.UnixMilli())
			}
		}
	}
	if !last.Equal(w.at.Add(time.Hour + 2*time.Millisecond)) {
		t.Errorf("the last load is of %s", last)
	}
}

// Old metadata files are deleted once they have left the table's log.
func TestPublishDropsOldMetadata(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	w.mustPublish(c, loadID(0), change{schema: users, rows: 1})
	for n := range 13 {
		w.mustPublish(c, loadID(n+1), change{schema: tasks, rows: 1})
	}
	for name, meta := range w.metadata() {
		if n := len(slices.Collect(meta.PreviousFiles())); n != 10 {
			t.Errorf("table %s has %d earlier metadata files, want 10", name, n)
		}
	}
	w.checkFiles()
}

// What is appended to grows by a manifest a load, until they are merged; the
// snapshots hold what they held.
func TestPublishAppend(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	const loads = 55
	for n := range loads {
		w.mustPublish(c, loadID(n))
	}
	meta := w.metadata()["_loads"]
	most := 0
	for i, s := range meta.Snapshots() {
		list, err := iceberg.ReadManifestList(bytes.NewReader(w.file(s.ManifestList)))
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, len(list))
		files := map[string]bool{}
		for _, m := range list {
			entries, err := iceberg.ReadManifest(m, bytes.NewReader(w.file(m.FilePath())), true)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				files[e.DataFile().FilePath()] = true
				if e.SequenceNum() > s.SequenceNumber || e.SequenceNum() < 1 {
					t.Errorf("load %d: file of sequence number %d", i, e.SequenceNum())
				}
			}
		}
		if got := s.Summary.Properties["total-records"]; len(files) != i+1 || got != fmt.Sprint(i+1) {
			t.Errorf("load %d: %d files, %s rows", i, len(files), got)
		}
	}
	if most != 50 {
		t.Errorf("up to %d manifests, want 50", most)
	}
	w.checkFiles()
}

// Files that a table has already stay what they are.
func TestPublishKeepsFiles(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	st, err := c.Stage(t.Context(), tasks, lake.Replace)
	if err != nil {
		t.Fatal(err)
	}
	files := []lake.File{fakeFile(st.Layout(), 1), fakeFile(st.Layout(), 2), fakeFile(st.Layout(), 3)}
	publish := func(n int, files ...lake.File) lake.Snapshot {
		t.Helper()
		st, err := c.Stage(t.Context(), tasks, lake.Replace)
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.Publish(t.Context(), lake.Publication{Load: lake.Load{ID: loadID(n)}, Changes: []lake.Change{{Staged: st, Files: files}}})
		if err != nil {
			t.Fatal(err)
		}
		return s[0]
	}
	publish(1, files...)
	same := publish(2, files...)
	if same.Rows != 6 || same.Summary["added-data-files"] != "" || same.Summary["deleted-data-files"] != "" || same.Summary["operation"] != "append" {
		t.Errorf("the same files once more: %v", same.Summary)
	}
	more := fakeFile(st.Layout(), 4)
	part := publish(3, files[1], more)
	if part.Rows != 6 || part.Files != 2 || part.Summary["added-data-files"] != "1" || part.Summary["deleted-data-files"] != "2" {
		t.Errorf("one file stays, one comes, two go: %v", part.Summary)
	}
	state, err := c.TableAt(t.Context(), "tasks", ref(t, string(loadID(3))))
	if err != nil {
		t.Fatal(err)
	}
	got, err := state.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b lake.File) int { return int(a.Rows - b.Rows) })
	if d := cmp.Diff([]lake.File{files[1], more}, got); d != "" {
		t.Errorf("files: %s", d)
	}
	w.checkFiles()
}

// What must not be published is refused, and nothing of it is left.
func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	w.mustPublish(c, loadID(1), change{schema: tasks, rows: 1})
	before := w.pointers()
	st, err := c.Stage(t.Context(), tasks, lake.Replace)
	if err != nil {
		t.Fatal(err)
	}
	other, err := w.open().Stage(t.Context(), users, lake.Replace)
	if err != nil {
		t.Fatal(err)
	}
	file, strange, hollow := fakeFile(st.Layout(), 1), fakeFile(st.Layout(), 1), fakeFile(st.Layout(), 1)
	strange.Columns[0].FieldID = 77
	hollow.Rows = 0
	for _, test := range []struct {
		name    string
		id      lake.LoadID
		changes []lake.Change
		want    string
	}{
		{"a load ID that is none", "tonight", nil, "tonight"},
		{"a table of another catalog", loadID(2), []lake.Change{{Staged: other}}, "another catalog"},
		{"a table twice", loadID(2), []lake.Change{{Staged: st}, {Staged: st}}, "twice"},
		{"a file twice", loadID(2), []lake.Change{{Staged: st, Files: []lake.File{file, file}}}, "twice"},
		{"a file of another schema", loadID(2), []lake.Change{{Staged: st, Files: []lake.File{file, strange}}}, "field ID 77"},
		{"a file without rows", loadID(2), []lake.Change{{Staged: st, Files: []lake.File{hollow}}}, "0 rows"},
	} {
		_, err := c.Publish(t.Context(), lake.Publication{Load: lake.Load{ID: test.id}, Changes: test.changes})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	if d := cmp.Diff(before, w.pointers()); d != "" {
		t.Errorf("the catalog moved: %s", d)
	}
	w.checkFiles()
}

func TestStageRefuses(t *testing.T) {
	t.Parallel()
	c := newWarehouse(t).open()
	for name, s := range map[string]lake.Schema{
		"no name":      {Key: "k", Columns: tasks.Columns},
		"no key":       {Table: "t", Columns: tasks.Columns},
		"no columns":   {Table: "t", Key: "k"},
		"no type":      schema("t", "k", lake.Column{Key: "x", Name: "x"}),
		"a name twice": schema("t", "k", property("a", "x", lake.String), property("b", "x", lake.String)),
	} {
		if _, err := c.Stage(t.Context(), s, lake.Replace); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
