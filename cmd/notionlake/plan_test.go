package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract"
	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// plan is the document that `plan --json` printed.
func (r result) plan(t *testing.T) planDocument {
	t.Helper()
	r.wants(t, exitDone)
	var doc planDocument
	d := json.NewDecoder(strings.NewReader(r.stdout))
	if err := d.Decode(&doc); err != nil || d.More() {
		t.Fatalf("stdout is not one JSON document (%v):\n%s", err, r.stdout)
	}
	return doc
}

func (d planDocument) table(name string) planTable {
	for _, t := range d.Tables {
		if t.Name == name {
			return t
		}
	}
	return planTable{}
}

// files are all files below the bench's folder: what is in them, and when they
// were written.
func (b *bench) files() map[string]string {
	b.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(b.dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			all[name] = "a folder"
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(name)
		all[name] = fmt.Sprintf("%x %s", sha256.Sum256(data), info.ModTime())
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// TestPlanWritesNothing compares all files before and after plans, byte for byte
// and by their times, and looks at every effect that a plan has.
func TestPlanWritesNothing(t *testing.T) {
	w, steps := notiontest.Demo(1)
	b := newBenchOf(t, w, notiontest.Options{})
	var mu sync.Mutex
	effects := map[string]bool{}
	point := func(name, _ string) error {
		mu.Lock()
		defer mu.Unlock()
		effects[strings.TrimSuffix(name, ".done")] = true
		return nil
	}
	plans := func(when string) {
		t.Helper()
		before := b.files()
		for _, args := range [][]string{{}, {"--json"}, {"--full"}, {"--only", b.database("Tasks")}, {"--shard", "1/2"}} {
			b.callAt(point, "plan", args...).wants(t, exitDone)
		}
		if d := cmp.Diff(before, b.files()); d != "" {
			t.Errorf("%s, plan changed files: %s", when, d)
		}
	}
	plans("before the first load")
	b.call("run").wants(t, exitDone)
	plans("after the first load")
	for _, s := range steps {
		s.Apply()
	}
	plans("after changes")
	for effect := range effects {
		if effect != "storage.open" && effect != "storage.list" {
			t.Errorf("a plan has the effect %s", effect)
		}
	}
	if n := b.server.Stats().Writes; n > 0 {
		t.Errorf("%d requests would have changed the workspace", n)
	}
	b.call("run").wants(t, exitDone)
	b.checkFiles()
}

// TestPlanIsRun plans and runs, night after night: the run does what was planned.
func TestPlanIsRun(t *testing.T) {
	w, steps := notiontest.Demo(1)
	b := newBenchOf(t, w, notiontest.Options{})
	content := "content: {sample: 0%}\n"
	b.configure(content)
	night := func(name string, args ...string) (planDocument, report) {
		t.Helper()
		plan := b.call("plan", append([]string{"--json"}, args...)...).plan(t)
		got := b.call("run", append([]string{"--json"}, args...)...).report(t)
		for _, r := range got.Tables {
			p := plan.table(r.Name)
			switch {
			case p.Name == "":
				t.Errorf("%s: table %s was not planned", name, r.Name)
				continue
			case p.Expected != nil && (r.Rows < p.Expected.AtLeast || p.Expected.AtMost != nil && r.Rows > *p.Expected.AtMost):
				t.Errorf("%s: table %s has %d rows, planned were %+v", name, r.Name, r.Rows, *p.Expected)
			}
			if d := cmp.Diff(r.SchemaChanges, p.Changes); d != "" {
				t.Errorf("%s: changes of %s (-run +plan): %s", name, r.Name, d)
			}
		}
		if total := plan.Total; got.Requests < total.AtLeast || float64(got.Requests) < 0.9*float64(total.Expected) || float64(got.Requests) > 1.1*float64(total.Expected) {
			t.Errorf("%s: %d requests, planned were %+v", name, got.Requests, total)
		}
		return plan, got
	}
	plan, _ := night("the first")
	if plan.LastLoad != nil || plan.table("tasks").Status != planNew || plan.table("tasks").Rows != nil {
		t.Errorf("the first: last load %v, tasks %+v", plan.LastLoad, plan.table("tasks"))
	}
	plan, got := night("nothing changed")
	if tasks := plan.table("tasks"); tasks.Status != planKept || tasks.Rows == nil || *tasks.Rows != 84 || len(tasks.Columns) != 26 {
		t.Errorf("nothing changed: tasks is %+v", tasks)
	}
	if plan.LastLoad == nil || plan.LastLoad.Requests == 0 || plan.LastLoad.LoadID >= got.LoadID {
		t.Errorf("nothing changed: the last load is %+v", plan.LastLoad)
	}
	for _, s := range steps {
		s.Apply()
	}
	plan, _ = night("after the demo's changes")
	if d := cmp.Diff([]lake.SchemaChange{{Kind: lake.RenameColumn, Column: "deadline", From: "due", To: "deadline"}}, plan.table("tasks").Changes); d != "" {
		t.Errorf("changes of tasks: %s", d)
	}
	night("a part", "--only", "clients")

	b.configure(content + "databases: [{id: " + b.database("Tasks") + ", name: todo}, {id: " + b.database("Clients") + "}]\n")
	plan, _ = night("another name")
	if todo := plan.table("todo"); todo.Status != planRenamed || todo.From != "tasks" {
		t.Errorf("another name: %+v", todo)
	}
	if left := plan.table("projects"); left.Status != planUnread || left.Rows == nil || *left.Rows != 12 {
		t.Errorf("left out: %+v", left)
	}
	b.configure(content)
	b.unshare("Projects")
	plan, _ = night("a database is gone")
	if gone := plan.table("projects"); gone.Status != planGone || gone.Reason == "" {
		t.Errorf("gone: %+v", gone)
	}
}

var requestID = regexp.MustCompile(`request id [0-9a-f-]+`)

// TestPlanFailsAsRun compares exit codes and messages.
func TestPlanFailsAsRun(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*bench)
		args []string
		code int
	}{
		"wrong token":     {set: func(b *bench) { b.env["NOTION_TOKEN"] = "ntn_other"; b.configure("content: {users: false}\n") }, code: exitRefused},
		"no token":        {set: func(b *bench) { b.env["NOTION_TOKEN"] = "" }, code: exitUsage},
		"no such key":     {set: func(b *bench) { b.configure("warehose: x\n") }, code: exitUsage},
		"nothing shared":  {set: func(b *bench) { b.restartEmpty() }, code: exitSource},
		"no such table":   {args: []string{"--only", "tusks"}, code: exitUsage},
		"no such shard":   {args: []string{"--shard", "5/4"}, code: exitUsage},
		"warehouse":       {set: func(b *bench) { b.write("file", "x", 0o600); b.configure("warehouse: ./file\n") }, code: exitStorage},
		"catalog":         {set: func(b *bench) { b.write("lake/catalog.db", "no database, but as long as the head of one", 0o600) }, code: exitStorage},
		"REST catalog":    {set: func(b *bench) { b.configure("catalog: {type: rest, uri: \"http://127.0.0.1:1\"}\n") }, code: exitStorage},
		"unknown catalog": {set: func(b *bench) { b.configure("catalog: {type: nessie}\n") }, code: exitUsage},
		"all is excluded": {set: func(b *bench) { b.unsharePages(); b.configure("exclude: ['*']\n") }, code: exitUsage},
		"lost catalog": {set: func(b *bench) {
			b.call("run").wants(b.t, exitDone)
			if err := os.Remove(filepath.Join(b.dir, "lake", "catalog.db")); err != nil {
				b.t.Fatal(err)
			}
		}, code: exitStorage},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, notiontest.Options{})
			if c.set != nil {
				c.set(b)
			}
			plan := b.call("plan", append([]string{"--log-level", "error"}, c.args...)...)
			run := b.call("run", append([]string{"--log-level", "error"}, c.args...)...)
			plan.wants(t, c.code)
			run.wants(t, c.code)
			same := func(s string) string {
				return requestID.ReplaceAllString(strings.ReplaceAll(s, "the tables stay at their last load; ", ""), "request id")
			}
			if d := cmp.Diff(same(run.stderr), same(plan.stderr)); d != "" {
				t.Errorf("run and plan say other things: %s", d)
			}
		})
	}
}

// restartEmpty puts a server before a workspace without anything.
func (b *bench) restartEmpty() {
	b.workspace = notiontest.NewWorkspace(1)
	b.restart(notiontest.Options{})
}

func TestPlanTime(t *testing.T) {
	thousand := extract.Figure{N: 1000, AtLeast: 60}
	slow := notion.Stats{Requests: 10, Busy: 2 * time.Second}
	for _, c := range []struct {
		rate    notion.Rate
		stats   notion.Stats
		chain   int64
		seconds float64
		least   float64
		by      string
	}{
		{notion.Rate{}, slow, 20, 970.0 / 3, 10, "rate"},
		{notion.Rate{}, notion.Stats{}, 20, 970.0 / 3, 10, "rate"},
		{notion.Rate{PerMinute: 600}, slow, 20, 90.2, 4, "rate"},
		{notion.Rate{Off: true}, slow, 20, 25, 4, "latency"},
		{notion.Rate{Off: true}, slow, 500, 100, 12, "latency"},
		{notion.Rate{Off: true}, notion.Stats{}, 20, 0, 0, "latency"},
	} {
		got := planTimeOf(thousand, c.chain, c.rate, c.stats)
		if round(got.Seconds) != round(c.seconds) || round(got.AtLeastSeconds) != round(c.least) || got.LimitedBy != c.by {
			t.Errorf("%s, %d in a chain: %+v, want %v, %v by %s", c.rate, c.chain, got, c.seconds, c.least, c.by)
		}
	}
}

func round(seconds float64) int64 { return int64(seconds*1000 + 0.5) }

// The time that a plan says to be the least is that of the requests that are certain.
func TestPlanTimeText(t *testing.T) {
	for _, c := range []struct {
		basis           extract.Basis
		expected, least float64
		want            string
	}{
		{extract.Exact, 300, 300, "This takes about 5 minutes at "},
		{extract.LastLoad, 300, 60, "This takes about 5 minutes at "},
		{extract.Unknown, 300, 60, "This takes at least 60 seconds, by what is known about 5 minutes, at "},
		{extract.LastLoad, 1.4, 1, "This takes about 1 second at "},
		{extract.Unknown, 1.6, 1.4, "This takes at least 1 second, by what is known about 2 seconds, at "},
		{extract.Unknown, 300, 299, "This takes at least 5 minutes at "},
	} {
		text := timeText(planDocument{Total: planFigure{Basis: c.basis}, Time: planTime{Seconds: c.expected, AtLeastSeconds: c.least, LimitedBy: "rate"}})
		if !strings.HasPrefix(text, c.want) {
			t.Errorf("%s, %v, %v: %s", c.basis, c.expected, c.least, text)
		}
	}
}

// TestPlanText keeps the plan for people on a screen or two whatever is in it.
func TestPlanText(t *testing.T) {
	doc := planDocument{Requests: []planRequests{}, Notes: slices.Repeat([]string{"a note"}, 100)}
	for i := range 500 {
		doc.Tables = append(doc.Tables, planTable{Name: fmt.Sprint("table ", i), Status: planNew, Columns: slices.Repeat([]planColumn{{Name: "column\x1b", Type: "string", PropertyID: "x", ByValues: true}}, 200)})
	}
	text := planText(doc)
	if n := strings.Count(text, "\n"); n > 80 {
		t.Errorf("%d lines", n)
	}
	if strings.Contains(text, "\x1b") {
		t.Error("it has a control character")
	}
}
