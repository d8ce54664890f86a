package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// Where a storage and a catalog on servers are: lines of a configuration, with
// NAME for what differs from warehouse to warehouse.
const (
	serverVariable = "NOTIONLAKE_TEST_LAKE"
	// stepVariable says that the catalog changes one table at a time.
	stepVariable = "NOTIONLAKE_TEST_LAKE_STEPWISE"
)

// configureOnServers configures a warehouse and a catalog of their own.
func (b *bench) configureOnServers(name string) {
	b.t.Helper()
	if host := os.Getenv(emulatorVariable); host != "" {
		b.env[emulatorVariable] = host
	}
	b.configure(strings.ReplaceAll(os.Getenv(serverVariable), "NAME", name))
}

// TestKilledOnServers kills loads at points all over them, as TestKilled does, with
// warehouse and catalog on servers.
func TestKilledOnServers(t *testing.T) {
	if os.Getenv(serverVariable) == "" {
		t.Skip(serverVariable + " names no server")
	}
	program := linkProgram(t)
	n := 0
	kill := func(at int64) (left int64, changed, mixed bool) {
		n++
		w, steps := notiontest.Demo(1)
		b := newBenchOf(t, w, notiontest.Options{})
		b.configureOnServers(fmt.Sprintf("killed%dx%d", os.Getpid(), n))
		b.call("run").wants(t, exitDone)
		before := b.look()
		for _, s := range steps {
			s.Apply()
		}
		left = killedRun(t, b, program, []string{"run"}, at, at == never)
		now := b.look()
		changed, mixed = !slices.Equal(before, now), len(loadsOf(now)) != 1
		if mixed && os.Getenv(stepVariable) == "" {
			t.Errorf("tables of the loads %v: %v", loadsOf(now), now)
		}
		b.readAll()
		b.call("run").wants(t, exitDone)
		if loads := loadsOf(b.look()); len(loads) != 1 {
			t.Errorf("after the next load tables of the loads %v", loads)
		}
		b.readAll()
		b.checkFiles()
		b.checkOrphans()
		if t.Failed() {
			t.Fatalf("killed at point %d", at)
		}
		return left, changed, mixed
	}
	points, _, _ := kill(never)
	if points < 100 {
		t.Fatalf("%d points", points)
	}
	tried, landed, between := 0, 0, 0
	for at := int64(1); at <= points; at += max(points/int64(*kills), 1) {
		left, changed, mixed := kill(at)
		if left > 0 {
			break // it has fewer points this time
		}
		tried++
		if changed {
			landed++
		}
		if mixed {
			between++
		}
	}
	t.Logf("%d points, killed at %d of them; %d times tables had changed, %d times not all", points, tried, landed, between)
}

// never is a point that no command reaches.
const never = 1 << 40

func loadsOf(tables []seen) map[string]bool {
	loads := map[string]bool{}
	for _, table := range tables {
		loads[table.LoadID] = true
	}
	return loads
}

// checkOrphans fails where maintenance would find a file that nothing names.
func (b *bench) checkOrphans() {
	b.t.Helper()
	r := b.call("maintain", "--dry-run", "--orphan-age", "1ns", "--json")
	var doc struct {
		Orphans struct {
			Files   int
			Folders []string
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil || r.code != exitDone || doc.Orphans.Files+len(doc.Orphans.Folders) > 0 {
		b.t.Errorf("maintain: exit code %d, %v, %s\n%s", r.code, err, r.stdout, r.stderr)
	}
}
