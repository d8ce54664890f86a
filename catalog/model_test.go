package catalog_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/extract"
	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/extract/notiontest/truth"
	"github.com/notionlake/notionlake/lake"
)

var (
	modelSeeds = flag.String("seeds", "1-2", "seeds `a-b` of TestModel")
	modelOps   = flag.Int("ops", 50, "operations per seed of TestModel")
)

var contextForReading = context.Background()

// keptSeeds names a file with seeds that once failed: they are tried every time.
const keptSeeds = "../testdata/seeds/model"

// TestModel does random things to a workspace and its lake, seed by seed: edits,
// loads, faults of the server and of the storage, kills, races, decisions about
// held loads, rollbacks, maintenance, jumps of the clock. After each the tables
// are compared with a model by a reader that shares no code with the writer.
func TestModel(t *testing.T) {
	from, to, ok := strings.Cut(*modelSeeds, "-")
	a, err := strconv.ParseUint(from, 10, 64)
	b, err2 := strconv.ParseUint(to, 10, 64)
	if !ok || err != nil || err2 != nil {
		t.Fatalf("-seeds %s: a-b is expected", *modelSeeds)
	}
	seeds := []uint64{}
	if text, err := os.ReadFile(keptSeeds); err == nil {
		for _, line := range strings.Fields(string(text)) {
			if n, err := strconv.ParseUint(line, 10, 64); err == nil {
				seeds = append(seeds, n)
			}
		}
	}
	for n := a; n <= b; n++ {
		if !slices.Contains(seeds, n) {
			seeds = append(seeds, n)
		}
	}
	did, fired := map[string]int{}, map[string]int{}
	quiet := 0 // seeds without a fault
	for _, seed := range seeds {
		ok := t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			m := newModel(t, seed)
			defer m.close()
			defer m.tell(seed)
			for n := range *modelOps {
				op := m.step()
				did[op]++
				m.note("%d %s", n, op)
				if t.Failed() {
					return
				}
			}
			m.checkAll()
			all := 0
			for op, n := range m.fired {
				fired[op] += n
				all += n
			}
			if all == 0 {
				quiet++
			}
		})
		if !ok {
			return
		}
	}
	var list []string
	for _, op := range slices.Sorted(maps.Keys(did)) {
		list = append(list, fmt.Sprint(op, " ", did[op]))
	}
	t.Logf("%d seeds of %d operations, faults that fired: %v: %s", len(seeds), *modelOps, fired, strings.Join(list, ", "))
	// Histories in which nothing fails prove little.
	if *modelOps >= 20 && quiet > len(seeds)/10 {
		t.Errorf("in %d of %d seeds no fault fired", quiet, len(seeds))
	}
	for _, op := range []string{faultyNotion, "fault", "kill"} {
		if did[op] >= 10 && fired[op] == 0 {
			t.Errorf("of %d times %q no fault fired", did[op], op)
		}
	}
}

// tell says how a history that went wrong is made again.
func (m *model) tell(seed uint64) {
	if !m.t.Failed() {
		return
	}
	commit := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = " of commit " + s.Value
			}
		}
	}
	m.t.Log(strings.Join(m.done, "\n"))
	m.t.Logf("seed %d%s, after the operations above: go test ./catalog -run '^TestModel$' -seeds %d-%d -ops %d; keep the seed in %s",
		seed, commit, seed, seed, *modelOps, keptSeeds)
}

// A publishedLoad is what the tables must hold as a load left them.
type publishedLoad struct {
	id     lake.LoadID
	after  lake.LoadID            // of one that is held: the newest load then
	tables map[string]truth.Table // by key
	state  *truth.State
}

// A model is what is known of the workspace and its lake.
type model struct {
	*warehouse
	*editor
	faults *trigger
	c      *catalog.Catalog
	s      *lake.Storage
	now    time.Time
	runs   int
	server *notiontest.Server // of the last run

	loads  []publishedLoad // that can be read, oldest first
	newest lake.LoadID
	held   map[lake.LoadID]publishedLoad
	fields map[string]map[int]string // by table key: what a field ID was used for
	fired  map[string]int            // faults, by the operation
	ledger int                       // rows
	done   []string                  // what happened, to be read when something is wrong
}

func (m *model) note(format string, args ...any) {
	m.done = append(m.done, fmt.Sprintf(format, args...))
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{
		warehouse: newWarehouse(t), faults: &trigger{}, held: map[lake.LoadID]publishedLoad{}, fields: map[string]map[int]string{}, fired: map[string]int{},
		editor: &editor{Rand: rand.New(rand.NewPCG(seed, 7)), w: notiontest.NewWorkspace(seed), seed: seed},
		now:    time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC),
	}
	m.written = true
	if seed%4 == 2 { // pages and blocks make a seed half as long again
		m.text = rand.New(rand.NewPCG(seed, 8))
	}
	m.begin()
	m.open()
	m.load("first", func(*lake.Loader) {}, notiontest.Faults{})
	return m
}

// open opens storage and catalog as a new process would.
func (m *model) open() {
	m.t.Helper()
	var err error
	if m.s, err = lake.OpenStorage(context.Background(), lake.StorageOptions{URL: filepath.Join(m.dir, "lake"), Point: m.faults.hit, Sync: func(*os.File) error { return nil }}); err != nil {
		m.t.Fatal(err)
	}
	m.storage = m.s
	o := m.options
	o.Storage, o.Point, o.Now = m.s, m.faults.hit, func() time.Time { return m.now }
	if m.c, err = catalog.Open(context.Background(), o); err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) close() {
	m.faults.set(nil)
	if err := errors.Join(m.c.Close(), m.s.Close()); err != nil {
		m.t.Error(err)
	}
}

// loader is that of one more load, some hours later.
func (m *model) loader(faults notiontest.Faults) *lake.Loader {
	m.now = m.now.Add(time.Duration(1+m.IntN(30)) * time.Hour)
	m.runs++
	now := m.now
	m.server = notiontest.NewServer(m.w, notiontest.Options{Faults: faults, Seed: m.seed + uint64(m.runs), Shuffle: true})
	client, err := notion.NewClient(notion.Options{
		Token: notiontest.DefaultToken, BaseURL: "https://api.notion.example", Transport: m.server.Transport(), Rate: notion.Rate{Off: true},
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return &lake.Loader{
		Source: extract.NewSource(extract.Options{
			Client: client, Archived: true, Users: true, Raw: true, Content: extract.Content{Pages: m.text != nil, Blocks: m.text != nil},
		}),
		Storage: m.s, Catalog: m.c, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, TempDir: m.dir,
		Parallel: 1 + m.IntN(4), Resume: []time.Duration{0, 12 * time.Hour}[m.IntN(2)], Version: "test",
	}
}

// faultyNotion is an operation: a load that gets over faults of Notion.
const faultyNotion = "load with faults of Notion"

// step does one thing and compares.
func (m *model) step() string {
	ops := []struct {
		name   string
		weight int
		do     func()
	}{
		{"edit", 60, func() { m.change() }},
		{"source", 2, func() {
			if len(m.editor.w.Model().Sources) < 4 {
				m.addSource()
			}
		}},
		{"load", 10, func() { m.load("load", func(*lake.Loader) {}, notiontest.Faults{}) }},
		{faultyNotion, 5, func() {
			// Those that are got over without a wait.
			m.load("load with faults", func(*lake.Loader) {}, notiontest.Faults{
				Rate: 0.2, Seed: m.Uint64(), Kinds: []string{"429:0", notiontest.FaultExpired, notiontest.FaultDuplicate},
			})
			m.fired[faultyNotion] += int(m.server.Stats().Fired())
		}},
		{"fault", 6, func() { m.hurt(false) }},
		{"kill", 8, func() { m.hurt(true) }},
		{"race", 3, m.race},
		{"rollback", 2, m.rollback},
		{"hold", 4, m.hold},
		{"decide", 3, m.decide},
		{"expire", 2, m.expire},
		{"compact", 1, func() { m.maintain(lake.Maintenance{Compact: true}) }},
		{"orphans", 2, m.orphans},
		{"clock", 2, func() { m.now = m.now.Add(time.Duration(m.IntN(96)-48) * time.Hour) }},
		{"restart", 2, func() { m.close(); m.open() }},
	}
	all := 0
	for _, op := range ops {
		all += op.weight
	}
	n := m.IntN(all)
	for _, op := range ops {
		if n -= op.weight; n < 0 {
			op.do()
			if op.name != "edit" && op.name != "source" && !m.t.Failed() {
				m.check()
			}
			return op.name
		}
	}
	return ""
}

// last is the last load by the tags of the ledger, which are read independently.
func (m *model) tagged() []lake.LoadID {
	m.t.Helper()
	var ids []lake.LoadID
	if meta := m.metadata()[lake.LedgerTable]; meta != nil {
		for name := range meta.Refs() {
			if id, ok := strings.CutPrefix(name, "load_"); ok {
				ids = append(ids, lake.LoadID(id))
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// load runs a load that must succeed.
func (m *model) load(what string, how func(*lake.Loader), faults notiontest.Faults) {
	m.t.Helper()
	l := m.loader(faults)
	how(l)
	report, err := l.Run(context.Background())
	if err != nil {
		m.t.Errorf("%s: %v", what, err)
		return
	}
	m.took(m.w.Model(), report.LoadID)
	m.tidy(true)
}

// took notes that the workspace, as it was, is published as a load.
func (m *model) took(ws *notiontest.Model, id lake.LoadID) {
	m.t.Helper()
	m.add(m.truthOf(ws, id))
}

func (m *model) add(p publishedLoad) {
	if p.id <= m.newest {
		m.t.Errorf("load %s after %s", p.id, m.newest)
	}
	m.loads, m.newest = append(m.loads, p), p.id
	m.note("  load %s is published", p.id)
	m.ledger++
}

// truthOf is what the tables must hold after a load of the workspace: those of
// data sources that are gone stay as they are.
func (m *model) truthOf(ws *notiontest.Model, id lake.LoadID) publishedLoad {
	m.t.Helper()
	var before publishedLoad
	if n := len(m.loads); n > 0 {
		before = m.loads[n-1]
	}
	tables, state, err := truth.Tables(ws, before.state, truth.Options{Load: string(id), Content: m.text != nil, NoComments: true})
	if err != nil {
		m.t.Fatal(err)
	}
	p := publishedLoad{id: id, state: state, tables: maps.Clone(before.tables)}
	if p.tables == nil {
		p.tables = map[string]truth.Table{}
	}
	for _, t := range tables {
		if t.Key != "_views" { // they are not read
			p.tables[t.Key] = t
		}
	}
	return p
}

// landed notes the loads that came although their runs failed.
func (m *model) landed(ws *notiontest.Model) int {
	m.t.Helper()
	n := 0
	for _, id := range m.tagged() {
		if id > m.newest {
			m.took(ws, id)
			n++
		}
	}
	return n
}
