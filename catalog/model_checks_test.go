package catalog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

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
