package catalog_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/extract/notiontest/truth"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

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
		m.fired[map[bool]string{false: "fault", true: "kill"}[dead]]++
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
