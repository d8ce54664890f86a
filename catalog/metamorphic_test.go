package catalog_test

import (
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract"
	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// loadOf loads a workspace and returns what its tables hold, by name.
func loadOf(t *testing.T, w *warehouse, ws *notiontest.Workspace, o notiontest.Options, parallel int, load lake.LoadID, raw bool) map[string]contentsSeen {
	t.Helper()
	client, err := notion.NewClient(notion.Options{
		Token: notiontest.DefaultToken, BaseURL: "https://api.notion.example", Transport: notiontest.NewServer(ws, o).Transport(),
		Rate: notion.Rate{Off: true}, Parallel: parallel,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := w.open()
	_, err = (&lake.Loader{
		Source:  extract.NewSource(extract.Options{Client: client, Archived: true, Users: true, Raw: raw}),
		Storage: w.storage, Catalog: c, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.at }, TempDir: t.TempDir(),
		AsLoad: load, Parallel: parallel,
	}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]contentsSeen{}
	for name, meta := range w.metadata() {
		if name == lake.LedgerTable {
			continue // it says when, and how many requests there were
		}
		if seen[name], err = w.readSnapshot(meta, meta.CurrentSnapshot(), nil); err != nil {
			t.Fatal(err)
		}
	}
	return seen
}

// TestMetamorphic changes how a workspace is loaded, and what is loaded stays the
// same. That what a tag names is the same before and after anything that follows
// is TestModel's; that it is the same on a local disk, in S3 and in GCS needs
// servers: `make interop`.
func TestMetamorphic(t *testing.T) {
	t.Parallel()
	const load = "20261121T030000Z"
	workspace := func() *notiontest.Workspace { ws, _ := notiontest.Demo(1); return ws }
	want := loadOf(t, newWarehouse(t), workspace(), notiontest.Options{}, 4, load, true)
	withoutRaw := loadOf(t, newWarehouse(t), workspace(), notiontest.Options{}, 4, load, false)
	rows := 0
	for _, c := range want {
		rows += len(c.rows)
	}
	if len(want) < 9 || rows < 150 {
		t.Fatalf("%d tables, %d rows", len(want), rows)
	}
	for name, test := range map[string]struct {
		o        notiontest.Options
		parallel int
	}{
		"one row a page":      {notiontest.Options{PageSize: 1}, 4},
		"short pages":         {notiontest.Options{ShortPages: true, Seed: 3}, 4},
		"one at a time":       {notiontest.Options{}, 1},
		"eight at a time":     {notiontest.Options{}, 8},
		"in another order":    {notiontest.Options{Shuffle: true, Seed: 5}, 4},
		"a low cap":           {notiontest.Options{Cap: 20}, 4},
		"without compression": {notiontest.Options{NoGzip: true}, 4},
		"faults": {notiontest.Options{Faults: notiontest.Faults{
			Rate: 0.3, Seed: 7, Kinds: []string{"429:0", notiontest.FaultExpired, notiontest.FaultDuplicate},
		}}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			// The members of Notion's JSON come in another order then.
			raw, want := true, want
			if test.o.Shuffle {
				raw, want = false, withoutRaw
			}
			got := loadOf(t, newWarehouse(t), workspace(), test.o, test.parallel, load, raw)
			if d := cmp.Diff(want, got, cmp.AllowUnexported(contentsSeen{})); d != "" {
				t.Error(d)
			}
		})
	}
	t.Run("twice", func(t *testing.T) {
		w, ws := newWarehouse(t), workspace()
		first := loadOf(t, w, ws, notiontest.Options{}, 4, load, true)
		before := maps.Collect(maps.All(w.metadata()))
		w.at = w.at.Add(24 * time.Hour)
		again := loadOf(t, w, ws, notiontest.Options{}, 4, "20261122T030000Z", true)
		for name, c := range again { // _properties says which load saw a property last
			for i := range c.rows {
				again[name].rows[i] = strings.ReplaceAll(c.rows[i], `"last_load":"20261122T030000Z"`, `"last_load":"`+load+`"`)
			}
		}
		if d := cmp.Diff(first, again, cmp.AllowUnexported(contentsSeen{})); d != "" {
			t.Error(d)
		}
		for name, meta := range w.metadata() {
			if !meta.CurrentSchema().Equals(before[name].CurrentSchema()) {
				t.Errorf("table %s has another schema", name)
			}
		}
	})
}
