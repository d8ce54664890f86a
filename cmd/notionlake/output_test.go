package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

func TestSafeText(t *testing.T) {
	for in, want := range map[string]string{
		"plain, Größe 名前 👩‍💻":    "plain, Größe 名前 👩‍💻",
		"a\x00b\x1b[31m\n\t\x7f": "a␀b␛[31m␊␉␡",
		"\u202eevil\u200b\u009b": `\u202eevil\u200b\u009b`,
		"no\u00a0break":          "no break",
		"\xff":                   "\ufffd",
	} {
		if got := safeText(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestCellText(t *testing.T) {
	text := lake.Type{Kind: lake.String}
	date := lake.StructOf(lake.Field("start", lake.Timestamp), lake.Field("end", lake.Timestamp), lake.Field("date_only", lake.Bool), lake.Field("time_zone", lake.String))
	person := lake.StructOf(lake.Field("id", lake.String), lake.Field("name", lake.String))
	day := lake.TimeValue(time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC))
	for _, c := range []struct {
		value lake.Value
		typ   lake.Type
		want  string
	}{
		{lake.Value{}, text, "null"},
		{lake.TextValue(""), text, `""`},
		{lake.FloatValue(1.5), lake.Type{Kind: lake.Float64}, "1.5"},
		{lake.ListValue(nil), lake.ListOf(text), "[]"},
		{lake.ListValue([]lake.Value{lake.TextValue("a"), {}}), lake.ListOf(text), "[a, null]"},
		{lake.StructValue(day, lake.Value{}, lake.BoolValue(true), lake.Value{}), date, "2026-02-03"},
		{lake.StructValue(day, day, lake.BoolValue(false), lake.Value{}), date, "2026-02-03T00:00:00Z/2026-02-03T00:00:00Z"},
		{lake.StructValue(lake.TextValue("1"), lake.TextValue("Ada")), person, "Ada"},
		{lake.StructValue(lake.TextValue("1"), lake.Value{}), person, "{id 1}"},
	} {
		if got := cellText(c.value, c.typ); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	if got := cellText(lake.TextValue(strings.Repeat("é", 1<<20)), text); len(got) > maxCellBytes+4 {
		t.Errorf("a long cell has %d bytes", len(got))
	}
}

func TestAppendJSON(t *testing.T) {
	typ := lake.StructOf(lake.Field("a", lake.Timestamp), lake.Field("b", lake.Float64), lake.Column{Name: "c", Type: lake.ListOf(lake.Type{Kind: lake.String})})
	v := lake.StructValue(lake.MicrosValue(-1), lake.FloatValue(0.1), lake.ListValue([]lake.Value{lake.TextValue("<\"\x00>"), {}}))
	want := `{"a":"1969-12-31T23:59:59.999999Z","b":0.1,"c":["<\"\u0000>",null]}`
	if got := string(appendJSON(nil, v, typ)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReportText(t *testing.T) {
	start := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	r := lake.Report{
		LoadID: "20261121T030000Z", Status: lake.StatusPartial, Reasons: []string{"table bugs was not read whole: x"},
		Started: start, Finished: start.Add(83 * time.Second), Requests: 1234, Retries: 3, RateLimited: 1, BytesRead: 5_600_000,
		Tables: []lake.TableReport{
			{
				Name: "tasks", Rows: 12345, Files: 1, Bytes: 1500, Complete: true,
				SchemaChanges: []lake.SchemaChange{{Kind: "add", Column: "a"}, {Kind: "rename", Column: "new", From: "old", To: "new"}, {Kind: "retype", Column: "n", From: "double", To: "string"}},
				Omitted:       []lake.Omission{{Column: "who", Reason: "unsupported", Count: 2}},
				Gone:          []lake.Gone{{Reason: "trashed", Count: 1234}, {Reason: "not_found", Count: 1}},
			},
			{Name: "bugs", Rows: 7, SnapshotID: 5, Complete: false, Reason: "no longer shared"},
			{Name: "new", Complete: false, Reason: "may not be read"},
		},
	}
	want := `table    rows  files    size  changes
─────────────────────────────────────────────────────────────────────
tasks  12,345      1  1.5 KB  old → new, n: double → string, +a
bugs        7      0     0 B  keeps its last load: no longer shared
new         0      0     0 B  not read: may not be read

gone: tasks: 1,235 rows: 1,234 trashed, 1 not found

left out: tasks.who: 2 values: unsupported

load 20261121T030000Z: partial: 1 table, 12,345 rows, 1,234 requests (3 tried again, 1 limited), 5.6 MB read, 1m23s
  not counted: 2 tables not read in this load
    as they were: bugs: no longer shared
  table bugs was not read whole: x
`
	if diff := cmp.Diff(want, reportText(r)); diff != "" {
		t.Error(diff)
	}
	r.Finished = start.Add(26 * time.Hour) // published the morning after
	last := "load 20261121T030000Z: partial: 1 table, 12,345 rows; read at 2026-11-21T03:00:00Z with 1,234 requests, published now\n"
	if text := decidedText(r); !strings.Contains(text, last) {
		t.Errorf("the report of publish lacks %q:\n%s", last, text)
	}
	for range 100 { // before those that were not read
		r.Tables = append([]lake.TableReport{{Name: "a", Complete: true}}, r.Tables...)
	}
	text := reportText(r)
	if lines := strings.Count(text, "\n"); lines > 45 {
		t.Errorf("the report of many tables has %d lines", lines)
	}
	for _, table := range []string{"bugs", "new", "tasks"} {
		if !strings.Contains(text, "\n"+table+" ") {
			t.Errorf("the report of many tables does not show %s:\n%s", table, text)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 KB", 999_949: "999.9 KB", 999_950: "1.0 MB", 999_999_999: "1.0 GB", 5e15: "5000.0 TB",
	} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestProgress(t *testing.T) {
	p := &lake.Progress{}
	stats := notion.Stats{Requests: 12}
	read, known := int64(0), int64(0)
	w := watched{p, func() notion.Stats { return stats }, func() (int64, int64) { return read, known }, true}
	p.Rows.Store(1000)
	p.Expected.Store(4000)
	p.TablesDone.Store(2)
	p.TablesSeen.Store(5)
	began := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	now := began.Add(10 * time.Second)
	if got, want := w.at(now, began, pace{at: began}).String(), "2/5 tables  1,000 rows  100/s  12 requests  72/min  about 30s left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// While pages are read it is they that count.
	read, known = 99, 1500
	if got, want := w.at(now, began, pace{at: began}).String(), "2/5 tables  1,000 rows  99/1,500 pages  9.9/s  12 requests  72/min"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	read = 500
	if got, want := w.at(now, began, pace{at: began}).String(), "2/5 tables  1,000 rows  500/1,500 pages  50.0/s  12 requests  72/min  about 20s left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if text := fmt.Sprint(w.at(now, began, pace{at: began}).attrs()); !strings.Contains(text, "pages=500 pages_known=1500") || !strings.Contains(text, "requests_per_minute=72") {
		t.Errorf("a log line lacks the pages: %s", text)
	}
	if got, want := w.at(now.Add(time.Minute), began, pace{now.Add(30 * time.Second), 2, 440}).String(), "2/5 tables  1,000 rows  500/1,500 pages  2.0/s  12 requests  20/min  about 8m20s left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	read = 1500
	stats.PausedUntil = now.Add(61 * time.Second)
	if got, want := w.at(now, began, pace{at: began}).String(), "2/5 tables  1,000 rows  100/s  1,500/1,500 pages  12 requests  72/min  Notion asks to wait 1m1s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// How much time is left is not told before it means something.
func TestTimeLeft(t *testing.T) {
	began := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		rows, expected int64
		after          time.Duration
		whole          bool
		want           string
	}{
		{1000, 4000, 9 * time.Second, true, ""}, // the first seconds tell nothing
		{1000, 4000, 10 * time.Second, true, "30s"},
		{1000, 4000, 10 * time.Second, false, ""}, // how much a part is, is not known
		{100, 4000, time.Minute, true, ""},        // too few rows
		{200, 4000, time.Minute, true, "19m0s"},
		{3999, 4000, time.Minute, true, "1s"},
		{4000, 4000, time.Minute, true, ""},
		{5000, 4000, time.Minute, true, ""},
		{0, 10, time.Minute, true, ""},
		{0, 0, time.Minute, true, ""}, // the first load
	} {
		p := &lake.Progress{}
		p.Rows.Store(test.rows)
		p.Expected.Store(test.expected)
		got := ""
		w := watched{p, func() notion.Stats { return notion.Stats{} }, func() (int64, int64) { return 0, 0 }, test.whole}
		for _, a := range w.at(began.Add(test.after), began, pace{at: began}).attrs() {
			if a.Key == "left" {
				got = a.Value.String()
			}
		}
		if got != test.want {
			t.Errorf("%+v: %q is left", test, got)
		}
	}
}

// The bar and the log share a terminal: a line that is logged stands alone.
func TestConsole(t *testing.T) {
	var out strings.Builder
	c := newConsole(&out, &redactor{})
	c.show(progressState{rows: 5, expected: 10, tablesSeen: 1})
	if !strings.Contains(out.String(), "0/1 tables") {
		t.Errorf("no bar: %q", out.String())
	}
	if _, err := c.Write([]byte("a line\n")); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(out.String(), "\ra line\n") {
		t.Errorf("the line does not begin at the left: %q", out.String())
	}
	c.endProgress()
	c.endProgress()
}

func TestEmptyLast(t *testing.T) {
	rows := [][]lake.Value{{lake.TextValue("a"), {}, {}, lake.TextValue("d")}, {{}, {}, {}, lake.TextValue("d")}}
	if got, want := emptyLast([]int{1, 0, 2, 3}, rows), []int{0, 3, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
