package catalog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// A column that stays without values is removed in the loads that found it so, and
// there again after a rollback to one that had it. Each step is a load, but for
// "compact"; what it reports is what the history tells of it.
func TestRemovedAtLoads(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, policy string
		steps        []string
		want         []string // changes by step, as plan, report and history have them
	}{
		{
			"rollbacks", catalog.Keep,
			[]string{"with", "without", "back 0", "without", "with", "back 3", "unread", "back 2", "back 6", "with", "back 1", "without"},
			[]string{"", "retire points", "add points", "retire points", "add points", "retire points", "", "add points", "retire points", "add points", "retire points", ""},
		},
		{
			"held", catalog.Keep,
			[]string{"with", "held without", "back 0", "held without", "compact", "with", "back 3", "held with", "back 1"},
			[]string{"", "retire points", "add points", "retire points", "", "add points", "retire points", "add points", "retire points"},
		},
		{
			"another program", catalog.Keep,
			[]string{"with", "without", "foreign", "without", "unread", "with", "back 4", "with"},
			[]string{"", "retire points", "", "", "", "add points", "retire points", "add points"},
		},
		{
			"another program, of whose past nothing is left", catalog.Keep,
			[]string{"with", "without", "foreign", "expired", "unread", "without", "with"},
			[]string{"", "retire points", "", "", "", "", "add points"},
		},
		{
			"its name is needed", catalog.Keep,
			[]string{"with", "without", "renamed", "back 1", "with", "back 2", "without", "back 0", "renamed"},
			[]string{"", "retire points", "rename title points", "rename points title", "add points", "rename title points,retire points", "rename points title", "add points", "rename title points,retire points"},
		},
		{
			"retired", catalog.Retire,
			[]string{"with", "without", "back 0", "without", "with", "back 1"},
			[]string{"", "retire points", "add points", "retire points", "add points", "retire points"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWarehouse(t)
			w.options.Removed = test.policy
			var got, told []string
			for n, step := range test.steps {
				changes := w.removedStep(n, step)
				got = append(got, changes)
				if n > 0 && changes != "" {
					told = append(told, changes)
				}
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			versions, err := w.open().SchemaHistory(t.Context(), "tasks")
			if err != nil || len(versions) == 0 {
				t.Fatal(versions, err)
			}
			var history []string
			for _, v := range versions[1:] {
				history = append(history, changesOf(v.Changes))
			}
			if d := cmp.Diff(told, history); d != "" {
				t.Errorf("told by the loads -, and by the history +\n%s", d)
			}
		})
	}
}

func changesOf(changes []lake.SchemaChange) string {
	var words []string
	for _, c := range changes {
		if c.Kind == lake.RenameColumn {
			words = append(words, fmt.Sprint(c.Kind, " ", c.From, " ", c.To))
		} else {
			words = append(words, fmt.Sprint(c.Kind, " ", c.Column))
		}
	}
	return strings.Join(words, ",")
}

// removedStep is a step of TestRemovedAtLoads: the load n, and what it changes.
func (w *warehouse) removedStep(n int, step string) string {
	w.t.Helper()
	ctx, c := w.t.Context(), w.open()
	must := func(err error) {
		if err != nil {
			w.t.Fatalf("step %d, %s: %v", n, step, err)
		}
	}
	word, what, _ := strings.Cut(step, " ")
	s := tasks
	switch {
	case strings.HasSuffix(step, "without"):
		s.Columns = s.Columns[:2]
	case step == "renamed":
		s.Columns = []lake.Column{s.Columns[0], property("t", "points", lake.String)}
	}
	load := lake.Publication{Load: lake.Load{ID: loadID(n), Started: w.at, Status: lake.StatusComplete}}
	load.Ledger = func(context.Context, time.Time, []lake.Snapshot) (lake.Change, error) { return w.stage(c, ledger) }
	switch word {
	case "unread":
		_, err := c.Publish(ctx, load)
		must(err)
		return ""
	case "foreign":
		w.foreignSnapshot("tasks")
		return ""
	case "expired":
		w.editMetadata("tasks", func(m map[string]any) {
			only := func(list any) []any { return list.([]any)[len(list.([]any))-1:] }
			m["snapshots"], m["snapshot-log"] = only(m["snapshots"]), only(m["snapshot-log"])
			m["refs"] = map[string]any{"main": m["refs"].(map[string]any)["main"]}
		})
		return ""
	case "compact":
		last, err := c.LastLoad(ctx)
		must(err)
		state, err := c.TableAt(ctx, "tasks", catalog.Ref{})
		must(err)
		staged, err := c.StageCompaction(ctx, tasks.Key, state.Snapshot.ID)
		must(err)
		_, err = c.Publish(ctx, lake.Publication{Load: lake.Load{ID: last, Status: lake.StatusComplete}, Compaction: true, Changes: []lake.Change{{Staged: staged, Files: []lake.File{fakeFile(staged.Layout(), 1)}}}})
		must(err)
		return ""
	}
	var staged lake.Staged
	var files []lake.File
	if word == "back" {
		var to int
		_, err := fmt.Sscan(what, &to)
		must(err)
		staged, err = c.StageLoad(ctx, tasks.Key, loadID(to))
		must(err)
	} else {
		foreseen, err := c.Foresee(ctx, []lake.Schema{s})
		must(err)
		change, err := w.stage(c, change{schema: s, rows: 1})
		must(err)
		staged, files = change.Staged, change.Files
		if plan, report := changesOf(foreseen[0].Changes), changesOf(staged.Changes()); plan != report {
			w.t.Errorf("step %d: planned %s, and reported %s", n, plan, report)
		}
	}
	if word == "held" {
		var records []json.RawMessage
		hold := load
		hold.Ledger, hold.Hold, hold.Changes = nil, true, []lake.Change{{Staged: staged, Files: files}}
		hold.Before = func(_ context.Context, p lake.Prepared) error {
			records = p.Records
			return nil
		}
		_, err := c.Publish(ctx, hold)
		must(err)
		staged, err = c.Restage(ctx, records[0])
		must(err)
		files = nil
	}
	load.Changes = []lake.Change{{Staged: staged, Files: files}}
	_, err := c.Publish(ctx, load)
	must(err)
	return changesOf(staged.Changes())
}

// foreignSnapshot is what a program leaves that writes the rows of a table anew.
func (w *warehouse) foreignSnapshot(name string) {
	w.t.Helper()
	const id = 77
	now := w.metadata()[name]
	w.editMetadata(name, func(m map[string]any) {
		s := map[string]any{
			"snapshot-id": id, "parent-snapshot-id": now.CurrentSnapshot().SnapshotID, "sequence-number": now.LastSequenceNumber() + 1,
			"timestamp-ms": now.LastUpdatedMillis() + 1, "schema-id": now.CurrentSchema().ID, "manifest-list": now.CurrentSnapshot().ManifestList,
			"summary": map[string]string{"operation": "overwrite"},
		}
		m["snapshots"], m["snapshot-log"] = append(m["snapshots"].([]any), s), append(m["snapshot-log"].([]any), map[string]any{"snapshot-id": id, "timestamp-ms": s["timestamp-ms"]})
		m["current-snapshot-id"], m["last-sequence-number"], m["last-updated-ms"] = id, s["sequence-number"], s["timestamp-ms"]
		m["refs"].(map[string]any)["main"].(map[string]any)["snapshot-id"] = id
	})
}

// What the source remembered of a column is not what it is to find with another one,
// which was there before.
func TestStateAfterRollback(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	c := w.open()
	for n, kind := range []lake.Kind{lake.Float64, lake.String} {
		s := schema(tasks.Table, tasks.Key, property("t", "title", lake.String), property("p", "points", kind))
		s.Columns[1].State, s.Columns[2].State = fmt.Sprint("title ", n), fmt.Sprint("points ", n)
		if n == 1 {
			s.Columns = append(s.Columns, property("x", "extra", lake.String))
			s.Columns[3].State = "extra"
		}
		w.mustPublish(c, loadID(n), change{schema: s, rows: 1})
	}
	w.removedStep(2, "back 0")
	state, err := w.open().TableAt(t.Context(), "tasks", catalog.Ref{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range state.Schema.Columns {
		got[c.Name] = c.State
	}
	if d := cmp.Diff(map[string]string{"_id": "", "title": "title 1", "points": ""}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
