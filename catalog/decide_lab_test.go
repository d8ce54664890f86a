package catalog_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// A lab is a lake about which a decision is made again and again, each time as it
// was before.
type lab struct {
	*warehouse
	decision
	saved       string // a copy of it
	first, held lake.LoadID
	before      []lake.LoadID
	prepared    time.Time
	temp        string
	want        history  // what each load holds
	points      []string // of the decision

	// Of the attempt.
	s   *lake.Storage
	c   *catalog.Catalog
	hit lake.Point
	now time.Time
}

// A history is what the tables hold, by load and name.
type history map[lake.LoadID]map[string]contentsSeen

func newLab(t *testing.T, d decision) *lab {
	t.Helper()
	w := newWarehouse(t)
	w.written = true
	l := &lab{warehouse: w, decision: d, saved: t.TempDir(), temp: t.TempDir(), want: history{}}
	l.now = w.at
	l.open(nil)
	for range d.nights {
		l.load("")
	}
	l.first = l.load("")
	l.load("points")
	if d.hold {
		report, err := l.holder().Run(t.Context())
		if report.Status != lake.StatusHeld {
			t.Fatalf("not held: %v", err)
		}
		l.held = report.LoadID
	}
	l.want = l.history()
	l.before, l.prepared = slices.Sorted(maps.Keys(l.want)), l.now
	l.close()
	if err := os.CopyFS(l.saved, os.DirFS(l.dir)); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *lab) openLake(p lake.Point) (*lake.Storage, error) {
	return lake.OpenStorage(context.Background(), lake.StorageOptions{
		URL: filepath.Join(l.dir, "lake"), Point: p, Sync: func(*os.File) error { return nil },
	})
}

func (l *lab) open(p lake.Point) {
	l.t.Helper()
	var err error
	if l.s, err = l.openLake(p); err != nil {
		l.t.Fatal(err)
	}
	l.storage, l.hit = l.s, p
	l.options.Storage, l.options.Point, l.options.LockTimeout = l.s, p, shortly
	if l.c, err = catalog.Open(context.Background(), l.options); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) close() {
	l.t.Helper()
	if err := errors.Join(l.c.Close(), l.s.Close()); err != nil {
		l.t.Error(err)
	}
}

// restored is the lab as it was before, for one attempt.
func (l *lab) restored(t *testing.T) *lab {
	t.Helper()
	fresh, w := *l, *l.warehouse
	// What is read of one attempt alone is not kept.
	w.metadatas, w.lists, w.manifests, w.parquet = maps.Clone(w.metadatas), maps.Clone(w.lists), maps.Clone(w.manifests), maps.Clone(w.parquet)
	w.t, fresh.warehouse, fresh.now = t, &w, l.prepared
	entries, err := os.ReadDir(l.dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(l.dir, e.Name())))
	}
	if err = errors.Join(err, os.CopyFS(l.dir, os.DirFS(l.saved))); err != nil {
		t.Fatal(err)
	}
	return &fresh
}

// loader is that of what comes an hour later.
func (l *lab) loader(tables ...lake.Table) *lake.Loader {
	l.now = l.now.Add(time.Hour)
	at := l.now
	return &lake.Loader{
		Source: &laketest.Source{List: tables}, Storage: l.s, Catalog: l.c, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return at }, TempDir: l.temp, Parallel: 1, Point: l.hit,
	}
}

// tables are those of a load: three, of which one has a column of this name, or none.
func (l *lab) tables(column string, more ...lake.Table) []lake.Table {
	a := laketest.Table(onlyID("a"), idRow("1"))
	if column != "" {
		s := a.Schema
		s.Columns = append(slices.Clone(s.Columns), property("p", column, lake.Float64))
		a = laketest.Table(s, []lake.Value{lake.TextValue("1"), lake.FloatValue(1)}, []lake.Value{lake.TextValue("2"), {}})
	}
	return append([]lake.Table{a, laketest.Table(onlyID("b"), idRow("1"), idRow(column)), laketest.Table(onlyID("empty"))}, more...)
}

func other() lake.Table { return laketest.Table(onlyID("other"), idRow("x")) }

func (l *lab) load(column string, more ...lake.Table) lake.LoadID {
	l.t.Helper()
	report, err := l.loader(l.tables(column, more...)...).Run(context.Background())
	if err != nil {
		l.t.Fatal(err)
	}
	return report.LoadID
}

// holder is the loader of a load that is held.
func (l *lab) holder() *lake.Loader {
	h := l.loader(l.tables("", other())...)
	h.Audit.Freeze = true
	return h
}

// history reads every load that has a tag, by none of the code that wrote it. What
// the ledger says depends on what failed before: that it can be read is enough.
func (l *lab) history() history {
	l.t.Helper()
	h := history{}
	for name, meta := range l.metadata() {
		for ref, s := range meta.Refs() {
			id, ok := strings.CutPrefix(ref, "load_")
			if !ok {
				continue
			}
			contents, err := l.readSnapshot(meta, meta.SnapshotByID(s.SnapshotID), nil)
			if err != nil {
				l.t.Errorf("load %s, table %s: %v", id, name, err)
			}
			if name == lake.LedgerTable {
				contents.rows = nil
			}
			if h[lake.LoadID(id)] == nil {
				h[lake.LoadID(id)] = map[string]contentsSeen{}
			}
			h[lake.LoadID(id)][name] = contents
		}
	}
	return h
}

// current are the loads that the tables are of now: one.
func (l *lab) current() []string {
	l.t.Helper()
	loads := map[string]bool{}
	for _, meta := range l.metadata() {
		loads[meta.CurrentSnapshot().Summary.Properties["notionlake.load-id"]] = true
	}
	return slices.Sorted(maps.Keys(loads))
}

// attempt makes the decision, and something happens to it. The tables are of one
// load then, and of which is what the error says. After the next load, and once
// what is still held is discarded, no file is left that no table names, none is
// missing, and all loads read as they did.
func (l *lab) attempt(t *testing.T, m hurt, n int) *attempt {
	t.Helper()
	l = l.restored(t)
	a := &attempt{lab: l, hurt: m, n: n}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a.cancel = cancel
	faults := &trigger{}
	l.open(faults.hit)
	defer l.close()
	was := l.current()
	faults.set(a.happens)
	err := l.do(ctx, l, l.first, l.held)
	faults.set(nil)
	where := a.where
	if where == "" {
		where = l.name
	}
	if err != nil {
		where += " (" + err.Error() + ")"
		if a.where == "" || !errors.Is(err, m.means) {
			t.Errorf("%s: the error is not what happened", where)
		}
	}
	is := l.current()
	if len(is) != 1 {
		t.Errorf("%s: the tables are of the loads %v", where, is)
	}
	l.checkTold(where, err, slices.Equal(was, is))
	_, missing := l.strays()
	for _, key := range missing {
		if !strings.HasSuffix(key, "/version-hint.text") { // which may lag
			t.Errorf("%s: missing: %s", where, key)
		}
	}
	l.goOn(where)
	seen := l.history()
	if l.points == nil { // nothing happened
		for id, tables := range seen {
			l.want[id] = tables
		}
	}
	stay := l.before
	if l.keeps > 0 {
		stay = stay[len(stay)-l.keeps:]
	}
	for _, id := range stay {
		if seen[id] == nil {
			t.Errorf("%s: load %s is gone", where, id)
		}
	}
	for id, tables := range seen {
		if d := cmp.Diff(l.want[id], tables, cmp.AllowUnexported(contentsSeen{})); d != "" {
			t.Errorf("%s: load %s: %s", where, id, d)
		}
	}
	return a
}

// checkTold fails if the error says something else than what became of the decision.
func (l *lab) checkTold(where string, err error, same bool) {
	l.t.Helper()
	held, e := lake.HeldLoads(context.Background(), l.s, l.c)
	if e != nil {
		l.t.Errorf("%s: what is held: %v", where, e)
	}
	publishes := l.name == "load" || l.name == "publish" || l.name == "rollback"
	switch {
	case errors.Is(err, lake.ErrUnknown):
	case publishes && errors.Is(err, lake.ErrNotVerified) == same && err != nil, publishes && err == nil && same:
		l.t.Errorf("%s: but published: %v", where, !same)
	case !publishes && !same:
		l.t.Errorf("%s: another load is published", where)
	case err == nil && len(held) != map[string]int{"hold": 1, "expire": 1}[l.name]:
		l.t.Errorf("%s: but held: %v", where, held)
	}
}

// goOn makes the next load, and discards what is still held.
func (l *lab) goOn(where string) {
	l.t.Helper()
	if _, err := l.loader(l.tables("points", other())...).Run(context.Background()); err != nil {
		l.t.Errorf("%s: the next load: %v", where, err)
		return
	}
	left, err := lake.HeldLoads(context.Background(), l.s, l.c)
	if err != nil {
		l.t.Errorf("%s: what is held: %v", where, err)
	}
	for _, h := range left {
		if err := l.loader().Discard(context.Background(), h.Load.ID); err != nil {
			l.t.Errorf("%s: discard what is left: %v", where, err)
		}
	}
	if strays, missing := l.strays(); len(strays)+len(missing) > 0 {
		l.t.Errorf("%s: left over: %v; missing: %v", where, strays, missing)
	}
}
