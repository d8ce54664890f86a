package catalog_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

func ref(t *testing.T, s string) catalog.Ref {
	t.Helper()
	r, err := catalog.ParseRef(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Every load reads back with the names, types and field IDs that it had.
func TestHistory(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	id := tasks.Columns[0]
	generations := [][]lake.Column{
		{property("t", "title", lake.String), property("p", "points", lake.Float64)},
		{property("t", "points", lake.String), property("p", "title", lake.Float64)}, // names swapped
		{property("t", "points", lake.JSON), property("p", "title", lake.Bool)},      // retyped
		{property("p", "title", lake.Bool)},                                          // removed
		{property("p", "title", lake.Bool), property("x", "points", lake.String)},    // its name taken
		{property("p", "title", lake.Bool), property("x", "points", lake.String), property("t", "back", lake.String)},
	}
	// What the loads show, by name: key, type, field ID.
	want := []string{
		"_id=_id:string:1 title=t:string:2 points=p:double:3",
		"_id=_id:string:1 points=t:string:2 title=p:double:3",
		"_id=_id:string:1 points=t:json:2 title=p:boolean:4",
		"_id=_id:string:1 points=t:json:2 title=p:boolean:4",
		"_id=_id:string:1 title=p:boolean:4 points=x:string:5",
		"_id=_id:string:1 title=p:boolean:4 points=x:string:5 back=t:string:6",
	}
	// A field ID that left and was JSON at the end is shown as JSON all along.
	want[0] = strings.Replace(want[0], "t:string:2", "t:json:2", 1)
	want[1] = strings.Replace(want[1], "t:string:2", "t:json:2", 1)
	var at []time.Time
	for n, columns := range generations {
		s := tasks
		s.Columns = append([]lake.Column{id}, columns...)
		w.mustPublish(c, loadID(n), change{schema: s, rows: int64(n + 1)}, change{schema: users, rows: 1})
		at = append(at, w.at)
		w.at = w.at.Add(24 * time.Hour)
	}
	snapshots, err := c.Snapshots(t.Context(), "tasks")
	if err != nil || len(snapshots) != len(generations) {
		t.Fatalf("%d snapshots, %v", len(snapshots), err)
	}
	for n := range generations {
		s := snapshots[n]
		if s.LoadID != loadID(n) || !cmp.Equal(s.Tags, []string{loadID(n).Tag()}) || !s.Time.Equal(at[n]) || s.Rows != int64(n+1) || s.Files != 1 {
			t.Errorf("snapshot %d: %+v", n, s)
		}
		for _, r := range []catalog.Ref{
			ref(t, string(loadID(n))), ref(t, loadID(n).Tag()),
			{SnapshotID: s.ID},
			ref(t, at[n].Format(time.RFC3339)),
			{Time: at[n].Add(23 * time.Hour)},
		} {
			state, err := c.TableAt(t.Context(), "tasks", r)
			if err != nil {
				t.Errorf("load %d at %s: %v", n, r, err)
				continue
			}
			if got := columnsOf(state); got != want[n] {
				t.Errorf("load %d at %s:\n got %s\nwant %s", n, r, got, want[n])
			}
			files, err := state.Files(t.Context())
			if err != nil || len(files) != 1 || files[0].Rows != int64(n+1) || state.Snapshot.ID != s.ID {
				t.Errorf("load %d at %s: files %v, %v", n, r, files, err)
			}
		}
	}
	if state, err := c.TableAt(t.Context(), tasks.Key, catalog.Ref{}); err != nil || columnsOf(state) != want[len(want)-1] {
		t.Errorf("current, by key: %s, %v", columnsOf(state), err)
	}
}

func columnsOf(s lake.TableState) string {
	var parts []string
	for _, c := range s.Schema.Columns {
		parts = append(parts, c.Name+"="+c.Key+":"+c.Type.Kind.String()+":"+string(rune('0'+s.Layout.FieldIDs[c.Name])))
	}
	return strings.Join(parts, " ")
}

// Removed columns leave at once where that is wanted.
func TestRetire(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	w.options.Removed = catalog.Retire
	c := w.open()
	w.mustPublish(c, loadID(1), change{schema: tasks, rows: 1})
	s := tasks
	s.Columns = s.Columns[:2]
	w.mustPublish(c, loadID(2), change{schema: s, rows: 1})
	for at, want := range map[string]string{
		string(loadID(1)): "_id=_id:string:1 title=t:string:2 points=p:double:3",
		string(loadID(2)): "_id=_id:string:1 title=t:string:2",
	} {
		state, err := c.TableAt(t.Context(), "tasks", ref(t, at))
		if got := columnsOf(state); err != nil || got != want {
			t.Errorf("at %s: %s, %v, want %s", at, got, err, want)
		}
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	w.mustPublish(c, loadID(10), change{schema: tasks, rows: 1})
	w.mustPublish(c, loadID(20), change{schema: tasks, rows: 1})
	for _, test := range []struct {
		table string
		at    catalog.Ref
		want  string
	}{
		{"task", catalog.Ref{}, "there are _loads, tasks"},
		{"tasks", catalog.Ref{Tag: loadID(15).Tag()}, "nearest loads are load_20261121T030010Z, load_20261121T030020Z"},
		{"tasks", catalog.Ref{SnapshotID: 7}, "snapshot 7"},
		{"tasks", catalog.Ref{Time: w.at.Add(-time.Hour)}, "nearest loads are load_20261121T030010Z"},
	} {
		_, err := c.TableAt(t.Context(), test.table, test.at)
		if !errors.Is(err, catalog.ErrNotFound) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s at %s: %v, want %q", test.table, test.at, err, test.want)
		}
	}
}

func TestParseRef(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"20261121T030000Z":          "load_20261121T030000Z",
		"load_20261121T030000Z":     "load_20261121T030000Z",
		"3051729675574597004":       "snapshot 3051729675574597004",
		"2026-11-21T03:00:00Z":      "2026-11-21T03:00:00Z",
		"2026-11-21T03:00:00+02:00": "2026-11-21T03:00:00+02:00",
		"2026-11-21":                "2026-11-21T23:59:59Z",
		"20261121":                  "2026-11-21T23:59:59Z",
		"20261332":                  "snapshot 20261332",
		"yesterday":                 "",
		"20261332T030000Z":          "",
		"-7":                        "",
		"":                          "",
	} {
		r, err := catalog.ParseRef(in)
		if want == "" {
			if err == nil {
				t.Errorf("%q is %s, want an error", in, r)
			}
			continue
		}
		if err != nil || r.String() != want {
			t.Errorf("%q is %s, %v, want %s", in, r, err, want)
		}
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	s := w.mustPublish(c, loadID(1), change{schema: users, rows: 1})
	info, err := c.Metadata(t.Context(), "_users")
	if err != nil {
		t.Fatal(err)
	}
	if info.Location != w.storage.Root()+"/notion/fixed-users" || info.MetadataLocation != w.pointers()["_users"] || info.SnapshotID != s[0].ID ||
		info.UUID != w.metadata()["_users"].TableUUID().String() || info.Key != "_users" || info.Properties["notionlake.key"] != "_users" {
		t.Errorf("%+v", info)
	}
}

// TestRefOfShownTime: times are shown to the second, so one without a fraction
// finds what was published within it.
func TestRefOfShownTime(t *testing.T) {
	t.Parallel()
	published := time.Date(2026, 11, 21, 3, 0, 0, 614e6, time.UTC)
	for in, found := range map[string]bool{"2026-11-21T03:00:00Z": true, "2026-11-21T03:00:00.613Z": false, "2026-11-21T02:59:59Z": false, "2026-11-21T03:00:00,613Z": false, "2026-11-21T03:00:00,614Z": true} {
		r, err := catalog.ParseRef(in)
		if err != nil || !published.After(r.Time) != found {
			t.Errorf("%s is %s, %v: finds what was published at %s: %v, want %v", in, r.Time, err, published, !published.After(r.Time), found)
		}
	}
}
