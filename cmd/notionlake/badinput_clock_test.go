package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// callAtTime is call on a machine whose clock stands still.
func (b *bench) callAtTime(clock time.Time, command string, args ...string) result {
	b.t.Helper()
	return b.callIn(outside{now: func() time.Time { return clock }}, command, args...)
}

func badClock(t *testing.T) {
	t.Run("anywhere", badClockAnywhere)
	t.Run("summer", badClockSummer)
	t.Run("zone", badClockZone)
}

// A clock that is off is said; it does not stop a load. Loads stay in their order,
// whatever the clock said, and a time finds the one that was published by then.
func badClockAnywhere(t *testing.T) {
	t.Parallel()
	w, steps := notiontest.Demo(1)
	b := newBenchOf(t, w, notiontest.Options{})
	right := time.Now().UTC()
	var ids []lake.LoadID
	var requests []int64
	for n, c := range []struct {
		clock time.Time
		id    lake.LoadID // "": that of the load before and a second
	}{
		{time.Unix(0, 0), "19700101T000000Z"},
		{time.Unix(0, 0), ""},
		{right, lake.NextLoadID(right, "")},
		{right.Add(-2 * time.Hour), ""},
		{time.Unix(100, 0), ""},
		{right.Add(2 * time.Hour), lake.NextLoadID(right.Add(2*time.Hour), "")},
		{right, ""},
	} {
		if n > 0 && n <= len(steps) {
			steps[n-1].Apply()
		}
		r := b.callAtTime(c.clock, "run", "--json")
		r.wants(t, exitDone)
		if off := strings.Contains(r.stderr, "the clock of this machine differs from Notion's"); off == c.clock.Equal(right) {
			t.Errorf("at %s it says %v that the clock is wrong:\n%s", c.clock, off, r.stderr)
		}
		report := r.report(t)
		if c.id == "" {
			c.id = lake.NextLoadID(ids[n-1].Time(), ids[n-1])
		}
		if report.LoadID != c.id {
			t.Errorf("at %s the load is %s, want %s", c.clock, report.LoadID, c.id)
		}
		ids, requests = append(ids, report.LoadID), append(requests, report.Requests)
		if n > 0 && requests[n] >= requests[0] { // it is judged by Notion's clock what has not changed
			t.Errorf("load %d sent %d requests, the first one %d", n, requests[n], requests[0])
		}
	}
	b.inOrder(ids)

	// What is younger than the clock is not let go: its day says nothing.
	b.callAtTime(time.Unix(50, 0), "maintain").wants(t, exitDone)
	b.callAtTime(time.Unix(3650, 0), "expire", "--older-than", "1h").wants(t, exitDone)
	b.call("tables", "--at", string(ids[0])).wants(t, exitUsage, "has expired")
	for _, id := range ids[2:] {
		b.isAt(string(id), id)
	}
	b.readAll()
	b.checkFiles()
}

// A local time that comes twice, as summer ends, is two times.
func badClockSummer(t *testing.T) {
	t.Parallel()
	b := newBench(t, notiontest.Options{})
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	first := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	times := []time.Time{first.In(zone), first.Add(20 * time.Minute).In(zone), first.Add(time.Hour).In(zone)}
	if times[0].Format(time.TimeOnly) != times[2].Format(time.TimeOnly) {
		t.Fatalf("invalid: %s", times)
	}
	ids := []lake.LoadID{"20261025T003000Z", "20261025T005000Z", "20261025T013000Z"}
	for n, at := range times {
		r := b.callAtTime(at, "run", "--json")
		r.wants(t, exitDone)
		if report := r.report(t); report.LoadID != ids[n] || !report.Started.Equal(report.Started.UTC()) || report.Started.Sub(at).Abs() > time.Minute {
			t.Errorf("at %s the load is %s of %s, want %s", at, report.LoadID, report.Started, ids[n])
		}
	}
	b.inOrder(ids)
	for n, at := range times { // as somebody who reads a clock there says it
		b.isAt(at.Add(time.Minute).Format(time.RFC3339), ids[n])
	}
}

// The zone of the machine is in no ID and in no time.
func badClockZone(t *testing.T) {
	t.Parallel()
	b := newBench(t, notiontest.Options{})
	program := linkProgram(t)
	var ids []lake.LoadID
	for _, zone := range []string{"Pacific/Kiritimati", "America/New_York", ":nowhere"} {
		b.env["TZ"] = zone
		before := time.Now().Truncate(time.Second)
		if code := b.start(program, "run").code(t); code != exitDone {
			t.Fatalf("%s: exit code %d", zone, code)
		}
		loads := b.ledgerOf()
		last := loads[len(loads)-1]
		if at := last.LoadID.Time(); at.Before(before) || at.After(time.Now().Add(5*time.Second)) || last.Finished.Before(before) || last.Finished.After(time.Now().Add(time.Second)) {
			t.Errorf("%s: load %s, published at %s", zone, last.LoadID, last.Finished)
		}
		ids = append(ids, last.LoadID)
	}
	b.inOrder(ids)
}

// inOrder fails unless the loads are those of the ledger, and of every table, in this
// order, each published after the one before, and unless a time finds them.
func (b *bench) inOrder(ids []lake.LoadID) {
	b.t.Helper()
	loads := b.ledgerOf()
	if len(loads) != len(ids) {
		b.t.Fatalf("the ledger has %d loads, want %d", len(loads), len(ids))
	}
	for n, load := range loads {
		if load.LoadID != ids[n] || n > 0 && !load.Finished.After(loads[n-1].Finished) {
			b.t.Errorf("load %d is %s of %s, want %s", n, load.LoadID, load.Finished, ids[n])
		}
		b.isAt(load.Finished.Format(time.RFC3339Nano), ids[n])
		if n > 0 {
			b.isAt(load.Finished.Add(-time.Microsecond).Format(time.RFC3339Nano), ids[n-1])
		}
	}
	for _, table := range []string{"tasks", "_pages", "_loads"} {
		var doc struct {
			Snapshots []struct {
				Time   time.Time   `json:"time"`
				LoadID lake.LoadID `json:"load_id"`
			} `json:"snapshots"`
		}
		r := b.call("snapshots", "--json", table)
		if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil || len(doc.Snapshots) != len(ids) {
			b.t.Fatalf("snapshots of %s: %v\n%s%s", table, err, r.stdout, r.stderr)
		}
		for n, s := range doc.Snapshots {
			if s.LoadID != ids[n] || !s.Time.Equal(loads[n].Finished) {
				b.t.Errorf("%s: snapshot %d is of %s, %s, want %s, %s", table, n, s.LoadID, s.Time, ids[n], loads[n].Finished)
			}
		}
	}
}

// isAt fails unless --at finds the load.
func (b *bench) isAt(at string, id lake.LoadID) {
	b.t.Helper()
	r := b.call("tables", "--json", "--at", at)
	var doc struct {
		Tables []seen `json:"tables"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil || len(doc.Tables) == 0 {
		b.t.Fatalf("--at %s: exit code %d, %v\n%s%s", at, r.code, err, r.stdout, r.stderr)
	}
	for _, table := range doc.Tables {
		if table.LoadID != string(id) {
			b.t.Errorf("--at %s: %s is of %s, want %s", at, table.Name, table.LoadID, id)
		}
	}
}

// How far the clock is off is said by check too.
func badSkew(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.restart(notiontest.Options{Now: func() time.Time { return time.Now().Add(-2 * time.Hour) }})
	b.call("run").wants(t, 0, "clock of this machine differs")
	r := b.call("check")
	r.wants(t, 0)
	if !strings.Contains(r.stdout, "warn  clock") {
		t.Errorf("check says\n%s", r.stdout)
	}
}
