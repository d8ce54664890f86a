package catalog_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// nights is 400 in `make chaos`.
var nights = flag.Int("nights", 40, "how many nightly loads with maintenance TestNights makes")

// A night is what a lake is after one.
type night struct {
	n         int
	load      time.Duration
	maintain  time.Duration
	metadata  int   // bytes of the current metadata files
	snapshots int   // of one table
	files     int   // in the warehouse
	bytes     int64 // of those that are metadata
	ledger    int64 // files of the ledger
}

// TestNights makes a load every night, with a column renamed every third, and
// maintenance after each: what a load costs and what lies around stays as small as
// the retention says, and the loads that are kept read as they were. The oldest
// load that is kept is there by half of the nights: from then on nothing grows.
func TestNights(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	w.written = true
	c := w.open()
	keep := lake.Retention{Daily: 30, Weekly: 12, Monthly: 6}
	if *nights < 400 {
		keep = lake.Retention{Daily: 5, Weekly: 2}
	}
	most := keep.Daily + keep.Weekly + keep.Monthly
	var seen []night
	rows := map[lake.LoadID]int64{} // of table a
	for n := 1; n <= *nights; n++ {
		w.at = w.at.Add(24 * time.Hour)
		loader := &lake.Loader{
			Source: &laketest.Source{List: w.tablesOf(n)}, Storage: w.storage, Catalog: c,
			Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.at }, TempDir: t.TempDir(),
		}
		start := time.Now()
		report, err := loader.Run(t.Context())
		if err != nil {
			t.Fatalf("night %d: %v", n, err)
		}
		loaded := time.Now()
		rows[report.LoadID] = int64(n%7 + 1)
		m, err := loader.Maintain(t.Context(), lake.Maintenance{Retention: keep, Compact: true, Orphans: 24 * time.Hour})
		if err != nil {
			t.Fatalf("night %d: %v", n, err)
		}
		took := night{n: n, load: loaded.Sub(start), maintain: time.Since(loaded)}
		for _, id := range m.Expired {
			delete(rows, id)
		}
		now := w.night(took)
		seen = append(seen, now)
		if n%10 != 0 && n != *nights {
			continue
		}
		if now.snapshots > most+2 || now.ledger > 10 {
			t.Errorf("night %d: %d snapshots of a table, %d files of the ledger", n, now.snapshots, now.ledger)
		}
		if len(m.Orphans.Keys)+len(m.Orphans.Folders) > 0 {
			t.Errorf("night %d: orphans: %v", n, m.Orphans)
		}
		w.checkFiles()
	}
	for id, want := range rows {
		state, err := c.TableAt(t.Context(), "a", catalog.Ref{Tag: id.Tag()})
		if err != nil {
			t.Fatal(err)
		}
		files, err := state.Files(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := int64(0)
		for _, err := range lake.ReadFiles(t.Context(), w.storage, state.Schema, state.Layout, files) {
			if err != nil {
				t.Fatal(err)
			}
			got++
		}
		if got != want {
			t.Errorf("load %s: %d rows, want %d", id, got, want)
		}
	}
	if len(rows) > most {
		t.Errorf("%d loads are kept of at most %d", len(rows), most)
	}
	ledger, err := c.TableAt(t.Context(), lake.LedgerTable, catalog.Ref{})
	if err != nil || ledger.Snapshot.Rows != int64(*nights) {
		t.Errorf("the ledger has %d rows: %v", ledger.Snapshot.Rows, err)
	}
	checkFlat(t, seen)
	t.Log("night     load  maintain  metadata/table  snapshots/table  files  ledger files")
	for _, s := range seen {
		if s.n%50 == 0 || s.n%10 == 0 && *nights < 400 {
			t.Logf("%5d  %4d ms  %5d ms  %11d kB  %15d  %5d  %12d", s.n, s.load.Milliseconds(), s.maintain.Milliseconds(), s.metadata/1000/4, s.snapshots, s.files, s.ledger)
		}
	}
}

// checkFlat fails if the last quarter of the nights is above the one before.
func checkFlat(t *testing.T, seen []night) {
	t.Helper()
	quarter, slack := len(seen)/4, int64(50)
	if *nights < 400 {
		slack = 12 // how weeks and renames fall makes more of a difference
	}
	for what, of := range map[string]func(night) int64{
		"bytes of the current metadata files": func(n night) int64 { return int64(n.metadata) },
		"bytes of all metadata":               func(n night) int64 { return n.bytes },
		"files":                               func(n night) int64 { return int64(n.files) },
		"snapshots of a table":                func(n night) int64 { return int64(n.snapshots) },
	} {
		var before, last int64
		for i, n := range seen[len(seen)-2*quarter:] {
			if i < quarter {
				before = max(before, of(n))
			} else {
				last = max(last, of(n))
			}
		}
		t.Logf("%s: at most %d in the third quarter of the nights, %d in the last", what, before, last)
		if last > before+before/slack {
			t.Errorf("%s: they grow: at most %d in the third quarter of the nights, %d in the last", what, before, last)
		}
	}
}

// tablesOf are the tables of a night: three, of which one changes its columns.
func (w *warehouse) tablesOf(n int) []lake.Table {
	a := onlyID("a")
	for i := range 20 {
		a.Columns = append(a.Columns, property(fmt.Sprintf("p%d", i), fmt.Sprintf("p%d", i), lake.String))
	}
	a.Columns[1].Name = fmt.Sprintf("renamed_%03d", n/3)
	var rows [][]lake.Value
	for i := range n%7 + 1 {
		row := []lake.Value{lake.TextValue(fmt.Sprint(i))}
		for range 20 {
			row = append(row, lake.TextValue(strings.Repeat("x", n%10)))
		}
		rows = append(rows, row)
	}
	return []lake.Table{laketest.Table(a, rows...), laketest.Table(onlyID("b"), idRow(fmt.Sprint(n))), laketest.Table(onlyID("empty"))}
}

// night looks at what lies around.
func (w *warehouse) night(now night) night {
	w.t.Helper()
	for name, location := range w.pointers() {
		data := w.file(location)
		now.metadata += len(data)
		var doc struct {
			Snapshots []json.RawMessage `json:"snapshots"`
		}
		if err := json.Unmarshal(data, &doc); err != nil {
			w.t.Fatal(err)
		}
		if name == "a" {
			now.snapshots = len(doc.Snapshots)
		}
		if name == lake.LedgerTable {
			meta := w.metadata()[name]
			files, err := strconv.ParseInt(meta.CurrentSnapshot().Summary.Properties["total-data-files"], 10, 64)
			if err != nil {
				w.t.Fatal(err)
			}
			now.ledger = files
		}
	}
	for o, err := range w.storage.List(w.t.Context(), "") {
		if err != nil {
			w.t.Fatal(err)
		}
		now.files++
		if strings.Contains(o.Key, "/metadata/") {
			now.bytes += o.Bytes
		}
	}
	return now
}
