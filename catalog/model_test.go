package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/extract"
	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/extract/notiontest/truth"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
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
	did := map[string]int{}
	fired := 0
	for _, seed := range seeds {
		ok := t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			m := newModel(t, seed)
			defer m.close()
			for n := range *modelOps {
				op := m.step()
				did[op]++
				m.note("%d %s", n, op)
				if t.Failed() {
					t.Log(strings.Join(m.done, "\n"))
					t.Fatalf("seed %d, operation %d (%s): go test ./catalog -run 'TestModel' -seeds %d-%d; keep the seed in %s", seed, n, op, seed, seed, keptSeeds)
				}
			}
			m.checkAll()
			fired += m.fired
		})
		if !ok {
			return
		}
	}
	if fired < len(seeds)/5 {
		t.Errorf("only %d faults fired in %d seeds", fired, len(seeds))
	}
	var list []string
	for _, op := range slices.Sorted(maps.Keys(did)) {
		list = append(list, fmt.Sprint(op, " ", did[op]))
	}
	t.Logf("%d seeds of %d operations, %d faults and kills: %s", len(seeds), *modelOps, fired, strings.Join(list, ", "))
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

	loads  []publishedLoad // that can be read, oldest first
	newest lake.LoadID
	held   map[lake.LoadID]publishedLoad
	fields map[string]map[int]string // by table key: what a field ID was used for
	fired  int
	ledger int      // rows
	done   []string // what happened, to be read when something is wrong
}

func (m *model) note(format string, args ...any) {
	m.done = append(m.done, fmt.Sprintf(format, args...))
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{
		warehouse: newWarehouse(t), faults: &trigger{}, held: map[lake.LoadID]publishedLoad{}, fields: map[string]map[int]string{},
		editor: &editor{Rand: rand.New(rand.NewPCG(seed, 7)), w: notiontest.NewWorkspace(seed), seed: seed},
		now:    time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC),
	}
	m.written = true
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
	server := notiontest.NewServer(m.w, notiontest.Options{Faults: faults, Seed: m.seed + uint64(m.runs), Shuffle: true})
	client, err := notion.NewClient(notion.Options{
		Token: notiontest.DefaultToken, BaseURL: "https://api.notion.example", Transport: server.Transport(), Rate: notion.Rate{Off: true},
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return &lake.Loader{
		Source:  extract.NewSource(extract.Options{Client: client, Archived: true, Users: true, Raw: true}),
		Storage: m.s, Catalog: m.c, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, TempDir: m.dir,
		Parallel: 1 + m.IntN(4), Resume: []time.Duration{0, 12 * time.Hour}[m.IntN(2)], Version: "test",
	}
}

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
		{"load with faults of Notion", 5, func() {
			m.fired++
			// Those that are got over without a wait.
			m.load("load with faults", func(*lake.Loader) {}, notiontest.Faults{
				Rate: 0.2, Seed: m.Uint64(), Kinds: []string{"429:0", notiontest.FaultExpired, notiontest.FaultDuplicate},
			})
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
	tables, state, err := truth.Tables(ws, before.state, truth.Options{Load: string(id)})
	if err != nil {
		m.t.Fatal(err)
	}
	p := publishedLoad{id: id, state: state, tables: maps.Clone(before.tables)}
	if p.tables == nil {
		p.tables = map[string]truth.Table{}
	}
	for _, t := range tables {
		p.tables[t.Key] = t
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

// hurt runs a load of which something fails at a random point: once, or from
// there on everything, as if the process had died.
func (m *model) hurt(dead bool) {
	l := m.loader(notiontest.Faults{})
	at := 1 + m.IntN(700)
	hit := false
	fail := laketest.Fail(at, dead)
	m.faults.set(func(name, key string) error {
		err := fail(name, key)
		hit = hit || err != nil
		return err
	})
	ws := m.w.Model()
	_, err := l.Run(context.Background())
	m.faults.set(nil)
	if hit {
		m.fired++
	}
	n := m.landed(ws)
	if err == nil && n != 1 {
		m.t.Errorf("a load that succeeded is not there, or twice: %d", n)
	}
	if dead {
		m.close()
		m.open()
	}
}

// race runs two loads at once, as two processes do.
func (m *model) race() {
	first := m.loader(notiontest.Faults{})
	second := m.loader(notiontest.Faults{})
	o := m.options
	o.Storage, o.Now, o.LockTimeout = m.s, func() time.Time { return m.now }, []time.Duration{time.Millisecond, time.Minute}[m.IntN(2)]
	c, err := catalog.Open(context.Background(), o)
	if err != nil {
		m.t.Fatal(err)
	}
	second.Catalog = c
	var both sync.WaitGroup
	errs := make([]error, 2)
	for i, l := range []*lake.Loader{first, second} {
		both.Go(func() { _, errs[i] = l.Run(context.Background()) })
	}
	both.Wait()
	succeeded := 0
	for _, err := range errs {
		switch {
		case err == nil:
			succeeded++
		case !errors.Is(err, lake.ErrLocked) && !errors.Is(err, lake.ErrConflict):
			m.t.Errorf("race: %v", err)
		}
	}
	if n := m.landed(m.w.Model()); n != succeeded || n == 0 {
		m.t.Errorf("race: %d runs succeeded, %d loads", succeeded, n)
	}
	if err := c.Close(); err != nil {
		m.t.Error(err)
	}
	m.c.Close()
	m.s.Close()
	m.open()
	m.tidy(true)
}

func (m *model) rollback() {
	to := m.loads[m.IntN(len(m.loads))]
	now := m.loads[len(m.loads)-1]
	report, err := m.loader(notiontest.Faults{}).Rollback(context.Background(), to.id)
	if err != nil {
		m.t.Errorf("rollback: %v", err)
		return
	}
	p := publishedLoad{id: report.LoadID, tables: map[string]truth.Table{}, state: &truth.State{Tables: map[string]*truth.TableState{}, Properties: to.state.Properties, Fixed: to.state.Fixed}}
	for key, t := range now.tables {
		if was, ok := to.tables[key]; ok {
			was.Name = t.Name
			t = was
		} else {
			t.Rows = nil // it is younger
		}
		p.tables[key] = t
	}
	maps.Copy(p.state.Tables, now.state.Tables)
	maps.Copy(p.state.Tables, to.state.Tables)
	m.add(p)
	m.tidy(false)
}

// hold runs a load that is held if a column changed.
func (m *model) hold() {
	l := m.loader(notiontest.Faults{})
	l.Audit.Freeze = true
	ws := m.w.Model()
	report, err := l.Run(context.Background())
	var held *lake.HeldError
	switch {
	case errors.As(err, &held):
		p := m.truthOf(ws, report.LoadID)
		p.after = m.newest
		m.held[report.LoadID] = p
	case err != nil:
		m.t.Errorf("hold: %v", err)
	default:
		m.took(ws, report.LoadID)
	}
}

// decide publishes or discards what is held.
func (m *model) decide() {
	if len(m.held) == 0 {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(m.held)) {
		p := m.held[id]
		if m.IntN(2) == 0 {
			_, err := m.loader(notiontest.Faults{}).PublishHeld(context.Background(), id)
			switch overtaken := m.newest != p.after; {
			case err == nil && !overtaken:
				m.add(p)
				delete(m.held, id)
				continue
			case err == nil || !overtaken || !errors.Is(err, lake.ErrConflict):
				m.t.Errorf("publish %s after %s: %v", id, m.newest, err)
				return
			}
		}
		if err := m.loader(notiontest.Faults{}).Discard(context.Background(), id); err != nil {
			m.t.Errorf("discard: %v", err)
		}
		delete(m.held, id)
	}
	m.tidy(false)
}

func (m *model) expire() {
	n := 1 + m.IntN(6)
	report := m.maintain(lake.Maintenance{Retention: lake.Retention{Last: n}})
	m.note("  of %d loads the last %d stay: %+v", len(m.loads), n, report)
	if len(m.loads) > n {
		m.loads = slices.Clone(m.loads[len(m.loads)-n:])
	}
	m.tidy(false)
}

func (m *model) maintain(plan lake.Maintenance) lake.MaintenanceReport {
	report, err := m.loader(notiontest.Faults{}).Maintain(context.Background(), plan)
	if err != nil {
		m.t.Errorf("maintain: %v", err)
	}
	return report
}

// orphans leaves files of another program, an old and a young one.
func (m *model) orphans() {
	folder := ""
	for _, meta := range m.metadata() {
		folder = strings.TrimPrefix(meta.Location(), "file://")
	}
	old, young := filepath.Join(folder, "data", "old.parquet"), filepath.Join(folder, "data", "young.parquet")
	for file, age := range map[string]time.Duration{old: 50 * time.Hour, young: 0} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("x"), 0o644)); err != nil {
			m.t.Fatal(err)
		}
		at := m.now.Add(31*time.Hour - age) // the maintenance is up to 30 hours later
		if err := os.Chtimes(file, at, at); err != nil {
			m.t.Fatal(err)
		}
	}
	report := m.maintain(lake.Maintenance{Orphans: 18 * time.Hour})
	if len(report.Orphans.Keys) != 1 || !strings.HasSuffix(report.Orphans.Keys[0], "/old.parquet") || len(report.Orphans.Folders) > 0 {
		m.t.Errorf("orphans: %+v", report.Orphans)
	}
	if err := os.Remove(young); err != nil {
		m.t.Errorf("a young file: %v", err)
	}
}

// tidy checks that no file lies around that nothing names, and none is missing.
// After what was no load the journal may name a load that can be continued.
func (m *model) tidy(loaded bool) {
	m.t.Helper()
	if len(m.held) > 0 || m.t.Failed() {
		return // what is held may be of new tables
	}
	strays, missing := m.strays()
	if !loaded {
		strays = slices.DeleteFunc(strays, func(key string) bool { return strings.HasPrefix(key, "_notionlake/") })
	}
	if len(strays)+len(missing) > 0 {
		m.t.Errorf("left over: %v; missing: %v", strays, missing)
	}
}

// check compares the newest load, and one more, with the model.
func (m *model) check() {
	m.t.Helper()
	metadata := m.metadata()
	m.checkRefs(metadata)
	if n := len(m.loads); n > 0 && !m.t.Failed() {
		m.checkLoad(metadata, m.loads[n-1])
		m.checkLoad(metadata, m.loads[m.IntN(n)])
	}
}

// checkAll compares everything once more, after a last load, which cleans up.
func (m *model) checkAll() {
	m.t.Helper()
	for id := range m.held {
		if err := m.loader(notiontest.Faults{}).Discard(context.Background(), id); err != nil {
			m.t.Errorf("discard: %v", err)
		}
	}
	clear(m.held)
	m.load("the last load", func(*lake.Loader) {}, notiontest.Faults{})
	metadata := m.metadata()
	for _, p := range m.loads {
		m.checkLoad(metadata, p)
	}
}

// checkRefs compares tags, snapshots and field IDs.
func (m *model) checkRefs(metadata map[string]table.Metadata) {
	m.t.Helper()
	for name, meta := range metadata {
		key := meta.Properties()["notionlake.key"]
		var want, got []string
		for _, p := range m.loads {
			if _, ok := p.tables[key]; ok || strings.HasPrefix(key, "_") {
				want = append(want, p.id.Tag())
			}
		}
		for ref := range meta.Refs() {
			if strings.HasPrefix(ref, "load_") {
				got = append(got, ref)
			}
		}
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			m.t.Errorf("table %s: tags: %s", name, d)
		}
		seen := map[string]int{}
		for _, s := range meta.Snapshots() {
			if s.Summary.Operation != table.OpReplace {
				seen[s.Summary.Properties["notionlake.load-id"]]++
			}
		}
		for id, n := range seen {
			if n != 1 {
				m.t.Errorf("table %s: %d snapshots of load %s", name, n, id)
			}
		}
		var properties map[string]int
		if err := json.Unmarshal([]byte(meta.Properties()["notionlake.properties"]), &properties); err != nil {
			m.t.Errorf("table %s: notionlake.properties: %v", name, err)
		}
		if m.fields[key] == nil {
			m.fields[key] = map[int]string{}
		}
		for property, id := range properties {
			if was, ok := m.fields[key][id]; ok && was != property {
				m.t.Errorf("table %s: field ID %d of property %s was that of %s", name, id, property, was)
			}
			m.fields[key][id] = property
		}
	}
}

// checkLoad compares every table as a load left it.
func (m *model) checkLoad(metadata map[string]table.Metadata, p publishedLoad) {
	m.t.Helper()
	byKey := map[string]table.Metadata{}
	names := map[string]string{}
	for name, meta := range metadata {
		key := meta.Properties()["notionlake.key"]
		byKey[key], names[key] = meta, name
	}
	newest := p.id == m.newest
	for key, want := range p.tables {
		where := fmt.Sprintf("load %s, table %s", p.id, want.Name)
		meta := byKey[key]
		if meta == nil {
			m.t.Errorf("%s: it is not there", where)
			continue
		}
		if newest && names[key] != want.Name {
			m.t.Errorf("%s: its name is %s", where, names[key])
		}
		contents, known, err := wanted(want)
		if err != nil {
			m.t.Fatal(err)
		}
		snapshots := []*table.Snapshot{meta.SnapshotByName(p.id.Tag())}
		if newest {
			snapshots = append(snapshots, meta.CurrentSnapshot())
		}
		for _, s := range snapshots {
			if s == nil {
				m.t.Errorf("%s: it lacks the tag", where)
				continue
			}
			got, err := m.readSnapshot(meta, s, known)
			if err != nil {
				m.t.Errorf("%s: %v", where, err)
				continue
			}
			if d := cmp.Diff(contents, got, cmp.AllowUnexported(contentsSeen{})); d != "" {
				m.t.Errorf("%s: %s", where, d)
			}
		}
	}
	meta := byKey[lake.LedgerTable]
	if meta == nil || !newest {
		return
	}
	ledger, err := m.readSnapshot(meta, meta.CurrentSnapshot(), nil)
	if err != nil || len(ledger.rows) != m.ledger {
		m.t.Errorf("load %s: the ledger has %d rows, want %d: %v", p.id, len(ledger.rows), m.ledger, err)
	}
}
