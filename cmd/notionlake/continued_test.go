package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// A load that a SIGTERM ends is continued by the next run, under its own ID, with
// what it had read of pages. Nothing of it is left then.
func TestContinuedAfterSignal(t *testing.T) {
	var blocks atomic.Int64
	var signal sync.Once
	var program atomic.Pointer[runner]
	isBlocks := func(r *http.Request) bool {
		return strings.HasPrefix(r.URL.Path, "/v1/blocks/") && strings.HasSuffix(r.URL.Path, "/children")
	}
	b := newBench(t, notiontest.Options{OnRequest: func(r *http.Request) {
		if isBlocks(r) && blocks.Add(1) > 110 {
			if p := program.Load(); p != nil {
				signal.Do(func() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }) // a second one would end it at once
				<-r.Context().Done()
			}
		}
	}})
	first := b.start(linkProgram(t), "run")
	program.Store(first) // long before it has made so many requests
	if code := first.code(t); code != exitSignal+int(syscall.SIGTERM) {
		t.Fatalf("exit code %d\n%s", code, first.stderr.String())
	}
	program.Store(nil)
	kept, err := filepath.Glob(filepath.Join(b.dir, "lake", "_notionlake", "notion", "journal", "read", "*", "*"))
	if err != nil || len(kept) == 0 {
		t.Fatalf("nothing was kept: %v %s", err, first.stderr.String())
	}
	entries, err := filepath.Glob(filepath.Join(b.dir, "lake", "_notionlake", "notion", "journal", "*.json"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("journal entries %v: %v", entries, err)
	}
	id, _, _ := strings.Cut(filepath.Base(entries[0]), "_")
	b.checkUnfinished(id)
	b.checkAbandoned(id)
	plan := b.planContinued(id)
	blocks.Store(0)
	again := b.call("run", "--json")
	again.wants(t, exitDone)
	continued := blocks.Swap(0)
	var report lake.Report
	if err := json.Unmarshal([]byte(again.stdout), &report); err != nil {
		t.Fatal(err)
	}
	if c := report.Continues; c == nil || c.Pages != plan.Continues.Pages || !c.Began.Before(report.Started) {
		t.Errorf("the report says %+v, and that this run began at %s", c, report.Started)
	}
	if text := reportText(report); !strings.Contains(text, fmt.Sprintf("continues the load begun at %s: %d pages and 0 files were not read again", when(report.Continues.Began), report.Continues.Pages)) {
		t.Errorf("the report: %s", text)
	}
	if string(report.LoadID) != id {
		t.Errorf("load %s does not continue %s", report.LoadID, id)
	}
	if loads := b.call("loads", "--json"); loads.code != exitDone || strings.Contains(loads.stdout, statusUnfinished) {
		t.Errorf("loads says %s", loads.stdout)
	}
	if report.Requests < plan.Total.AtLeast {
		t.Errorf("%d requests where at least %d were planned", report.Requests, plan.Total.AtLeast)
	}
	b.checkFiles()
	b.call("run", "--full").wants(t, exitDone)
	if whole := blocks.Load(); continued > whole-50 {
		t.Errorf("%d requests for blocks where a load of everything makes %d, of which 110 had been made\n%s", continued, whole, again.stderr)
	}
}

// checkUnfinished fails unless loads shows a load that waits to be continued, with
// what to do, and why not where that cannot be.
func (b *bench) checkUnfinished(id string) {
	b.t.Helper()
	config := filepath.Join(b.dir, "notionlake.yaml")
	text, err := os.ReadFile(config)
	if err != nil {
		b.t.Fatal(err)
	}
	for with, want := range map[string]string{
		"":                             "`notionlake run` continues it until ",
		"resume: off\n":                "it cannot be continued: resume is off; the next `notionlake run` deletes",
		"content: {comments: false}\n": "it cannot be continued: the configuration is not the one",
	} {
		if err := os.WriteFile(config, []byte(string(text)+with), 0o600); err != nil {
			b.t.Fatal(err)
		}
		got := b.call("loads")
		if got.code != exitDone || !strings.Contains(got.stdout, "load "+id+", begun at ") || !strings.Contains(got.stdout, ", was interrupted; ") || !strings.Contains(got.stdout, "B of what it read are put aside") || !strings.Contains(got.stdout, want) {
			b.t.Errorf("loads with %q says %s%s", with, got.stdout, got.stderr)
		}
		var doc struct {
			Loads []struct {
				LoadID    lake.LoadID `json:"load_id"`
				Status    string      `json:"status"`
				Started   time.Time   `json:"started"`
				Until     time.Time   `json:"until"`
				KeptBytes int64       `json:"kept_bytes"`
				Reasons   []string    `json:"reasons"`
			} `json:"loads"`
		}
		if err := json.Unmarshal([]byte(b.call("loads", "--json").stdout), &doc); err != nil || len(doc.Loads) != 1 {
			b.t.Fatalf("loads with %q: %v: %+v", with, err, doc)
		}
		until, l := 12*time.Hour, doc.Loads[0]
		if with != "" {
			until = l.Until.Sub(l.Started)
		}
		if string(l.LoadID) != id || l.Status != statusUnfinished || l.KeptBytes == 0 || l.Until.Sub(l.Started) != until || len(l.Reasons) != min(len(with), 1) || l.Until.IsZero() != (with != "") {
			b.t.Errorf("loads with %q: %+v", with, l)
		}
	}
	if err := os.WriteFile(config, text, 0o600); err != nil {
		b.t.Fatal(err)
	}
	// What waits for a load that has ended says that this one has not.
	for _, args := range [][]string{
		{"discard", id}, {"publish", id}, {"expire", "--load", id}, {"rollback", "--to", id}, {"tables", "--at", id}, {"tables", "--at", "load_" + id},
	} {
		b.call(args[0], args[1:]...).wants(b.t, exitUsage, id+": it is unfinished: load "+id+", begun at ", "`notionlake run` continues it until ", "with --full it begins a new one")
	}
}

// checkAbandoned fails unless plan says, and a run, that a load is not continued by another
// configuration. The lake is as before then.
func (b *bench) checkAbandoned(id string) {
	b.t.Helper()
	config, lakeDir, aside := filepath.Join(b.dir, "notionlake.yaml"), filepath.Join(b.dir, "lake"), b.t.TempDir()
	text, err := os.ReadFile(config)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.CopyFS(aside, os.DirFS(lakeDir)); err != nil {
		b.t.Fatal(err)
	}
	b.write("notionlake.yaml", string(text)+"content: {comments: false}\n", 0o600)
	plan := b.call("plan")
	for _, want := range []string{"note: load " + id, "run does not continue it: the configuration is not the one", "which is put aside, is deleted"} {
		if plan.code != exitDone || !strings.Contains(plan.stdout, want) {
			b.t.Errorf("plan lacks %q: %s%s", want, plan.stdout, plan.stderr)
		}
	}
	b.call("run").wants(b.t, exitDone, "a load that was interrupted is not continued", id, "the configuration is not the one")
	b.write("notionlake.yaml", string(text), 0o600)
	if err := errors.Join(os.RemoveAll(lakeDir), os.CopyFS(lakeDir, os.DirFS(aside))); err != nil {
		b.t.Fatal(err)
	}
}

// planContinued is the plan of a run that would continue a load. It changes nothing.
func (b *bench) planContinued(id string) (doc planDocument) {
	b.t.Helper()
	kept := func() (all []string) {
		found, err := filepath.Glob(filepath.Join(b.dir, "lake", "_notionlake", "notion", "journal", "*", "*", "*"))
		if err != nil {
			b.t.Fatal(err)
		}
		for _, name := range found {
			info, err := os.Stat(name)
			if err != nil {
				b.t.Fatal(err)
			}
			all = append(all, fmt.Sprint(name, info.Size(), info.ModTime()))
		}
		return all
	}
	before := kept()
	if err := json.Unmarshal([]byte(b.call("plan", "--json").stdout), &doc); err != nil || doc.Continues == nil {
		b.t.Fatalf("plan: %v: %+v", err, doc)
	}
	c := doc.Continues
	if string(c.LoadID) != id || c.Pages == 0 || c.MayRun || c.Until.Sub(c.Began) != 12*time.Hour {
		b.t.Errorf("plan: %+v", c)
	}
	full := b.call("plan", "--full", "--json")
	var whole planDocument
	if err := json.Unmarshal([]byte(full.stdout), &whole); err != nil || whole.Continues != nil || whole.Total.Expected <= doc.Total.Expected+c.Pages || whole.Total.AtLeast != doc.Total.AtLeast+2*c.Pages {
		b.t.Errorf("%v: %d requests are planned, at least %d, and %d and %d for a load of everything; %d pages are put aside", err, doc.Total.Expected, doc.Total.AtLeast, whole.Total.Expected, whole.Total.AtLeast, c.Pages)
	}
	if text := b.call("plan").stdout; !strings.Contains(text, "note: load "+id+", begun at ") || !strings.Contains(text, fmt.Sprintf("does not read %d pages and 0 files again", c.Pages)) {
		b.t.Errorf("plan: %s", text)
	}
	if after := kept(); !slices.Equal(before, after) {
		b.t.Errorf("plan changed the journal: %v, %v", before, after)
	}
	return doc
}

// A load with --full that is killed is not continued either: the next one has its own ID,
// and nothing promises that it need not read what that one had read.
func TestFullIsNotContinued(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("run", "--as-load", "20260101T000000Z").wants(t, exitDone)
	var dead atomic.Bool
	b.callAt(func(name, _ string) error {
		if dead.Load() || name == "catalog.commit" {
			dead.Store(true)
			return errors.New("dead")
		}
		return nil
	}, "run", "--full", "--as-load", "20260102T000000Z")
	if r := b.call("loads"); strings.Contains(r.stdout, "20260102T000000Z") {
		t.Errorf("loads says %s", r.stdout)
	}
	if r := b.call("plan"); strings.Contains(r.stdout, "20260102T000000Z") {
		t.Errorf("plan says %s", r.stdout)
	}
	b.call("maintain").wants(t, exitDone) // which leaves to the next run what that can continue
	report := b.call("run", "--json").report(t)
	if report.LoadID == "20260102T000000Z" || report.Continues != nil {
		t.Errorf("load %s continues %+v", report.LoadID, report.Continues)
	}
	b.checkFiles()
}
