package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// Processes load the parts of a workspace at the same time; some are killed. Those
// that live succeed, each with a load of its own, and the next load of everything
// finds nothing that is left over.
func TestShards(t *testing.T) {
	const shards = 3
	program := linkProgram(t)
	b := newBench(t, notiontest.Options{})
	random := rand.New(rand.NewPCG(1, uint64(*raceRounds)))
	for round := range *raceRounds {
		before := b.ledgerRows()
		var runners []*runner
		for i := range shards {
			runners = append(runners, b.start(program, "run", "--shard", fmt.Sprintf("%d/%d", i+1, shards), "--lock-timeout", "30s"))
		}
		killed := -1
		if round%2 == 1 {
			killed = random.IntN(shards)
			time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond) // at any moment; nothing waits for it
			_ = runners[killed].cmd.Process.Kill()                         // it may have ended
		}
		succeeded := 0
		for i, r := range runners {
			switch code := r.code(t); {
			case code == exitDone:
				succeeded++
			case i != killed:
				t.Errorf("round %d, shard %d: exit code %d\n%s", round, i+1, code, r.stderr.String())
			}
		}
		if got := b.ledgerRows() - before; got < succeeded || got > shards {
			t.Errorf("round %d: %d runs succeeded and there are %d loads more", round, succeeded, got)
		}
		tables := map[string]bool{}
		for _, table := range b.look() {
			tables[table.Name] = true
		}
		if killed < 0 && (!tables["tasks"] || !tables["clients"] || !tables["projects"]) {
			t.Errorf("round %d: tables %v", round, tables)
		}
		b.call("run").wants(t, exitDone)
		b.checkFiles()
		if t.Failed() {
			t.FailNow()
		}
	}
}

// Shards that load at the same time leave it known since when what the tables hold of pages
// was read: later loads rely on it.
func TestShardsAtOnceAreReliedOn(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	requests := func(r result) int64 {
		t.Helper()
		r.wants(t, exitDone)
		return r.report(t).Requests
	}
	all := requests(b.call("run", "--json"))
	few := requests(b.call("run", "--json"))
	var other sync.Once
	requests(b.callAt(func(name, key string) error {
		if name == "storage.create" && strings.HasSuffix(key, ".parquet") {
			other.Do(func() { requests(b.call("run", "--json", "--shard", "2/2")) })
		}
		return nil
	}, "run", "--json", "--shard", "1/2"))
	if n := requests(b.call("run", "--json")); n > (all+few)/2 {
		t.Errorf("%d requests after the shards, where all is read with %d, and nothing again with %d", n, all, few)
	}
}

// ledgerRows counts the loads in the ledger.
func (b *bench) ledgerRows() int {
	b.t.Helper()
	r := b.call("loads", "--json")
	var doc struct {
		Loads []json.RawMessage `json:"loads"`
	}
	if r.code == exitDone && json.Unmarshal([]byte(r.stdout), &doc) != nil {
		b.t.Fatalf("loads: %s", r.stdout)
	}
	return len(doc.Loads)
}
