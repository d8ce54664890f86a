package extract

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

var _ PlanView = (*memoryLake)(nil)

func (l *memoryLake) Columns(ctx context.Context, key string, names ...string) iter.Seq2[lake.Row, error] {
	return func(yield func(lake.Row, error) bool) {
		t := l.before[key]
		if t == nil {
			return
		}
		if key == l.unreadable {
			yield(lake.Row{}, &lake.StorageError{Err: errors.New("it does not exist")})
			return
		}
		for row := range l.Rows(ctx, key) {
			values := make([]lake.Value, len(names))
			for i, name := range names {
				if at := t.column(name); at >= 0 {
					values[i] = row.Values[at]
				}
			}
			if !yield(lake.Row{Values: values}, nil) {
				return
			}
		}
	}
}

func (l *memoryLake) State(key string) (lake.TableState, bool) {
	t := l.before[key]
	if t == nil {
		return lake.TableState{}, false
	}
	return lake.TableState{Schema: t.schema, Snapshot: lake.Snapshot{Rows: int64(len(t.rows)), LoadID: t.load}}, true
}

// kindOf is the kind of the requests of a route.
func kindOf(route string) RequestKind {
	_, path, _ := strings.Cut(route, " /v1/")
	switch {
	case strings.HasSuffix(path, "/query"):
		return RequestQueries
	case strings.HasSuffix(path, "/markdown"):
		return RequestMarkdown
	case strings.Contains(path, "/properties/"):
		return RequestProperties
	}
	first, _, _ := strings.Cut(path, "/")
	return RequestKind(first)
}

// made counts the requests of a server by kind.
func made(s *notiontest.Server) map[RequestKind]int64 {
	n := map[RequestKind]int64{}
	for route, count := range s.Stats().Routes {
		n[kindOf(route)] += count
	}
	return n
}

func minus(a, b map[RequestKind]int64) map[RequestKind]int64 {
	d := maps.Clone(a)
	for k, n := range b {
		d[k] -= n
	}
	return d
}

// A planBench plans and loads a workspace, night after night.
type planBench struct {
	t       *testing.T
	w       *notiontest.Workspace
	server  *notiontest.Server
	lake    *memoryLake
	options func(*Options)
}

func (b *planBench) make() Options {
	o := contentOptions(newClient(b.t, b.server))
	o.Now = func() time.Time { return b.w.Model().Clock }
	if b.options != nil {
		b.options(&o)
	}
	return o
}

func (b *planBench) plan() *Plan {
	b.t.Helper()
	o := b.make()
	p, err := MakePlan(b.t.Context(), o, o.Client.(*notion.Client), b.lake)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// compare plans and loads, and holds what the load asked for against the plan.
// near is by how much, relatively, a guess may be off.
func (b *planBench) compare(night int, near float64) {
	b.t.Helper()
	before := made(b.server)
	plan := b.plan()
	planned := made(b.server)
	tables, err := b.lake.run(b.t.Context(), fmt.Sprintf("2026010%dT000000Z", night), NewSource(b.make()))
	if err != nil {
		b.t.Fatal(err)
	}
	got, spent := minus(made(b.server), planned), minus(planned, before)
	var sum, total int64
	for _, r := range plan.Requests {
		n := got[r.Kind]
		delete(got, r.Kind)
		most := "any"
		if r.AtMost != nil {
			most = fmt.Sprint(*r.AtMost)
		}
		b.t.Logf("night %d: %-12s planned %d (%d to %s, %s), made %d; the plan made %d", night, r.Kind, r.N, r.AtLeast, most, r.Basis, n, spent[r.Kind])
		if n < r.AtLeast || r.AtMost != nil && n > *r.AtMost || r.Basis == Exact && r.AtMost != nil && r.AtLeast == *r.AtMost && n != r.N {
			b.t.Errorf("night %d: %s: %d requests were planned (%d to %s, %s), and %d made", night, r.Kind, r.N, r.AtLeast, most, r.Basis, n)
		}
		sum, total = sum+r.N, total+n
	}
	for kind, n := range got {
		if n != 0 {
			b.t.Errorf("night %d: %d requests of the kind %s are in no plan", night, n, kind)
		}
	}
	if off := float64(sum-total) / float64(total); off > near || off < -near {
		b.t.Errorf("night %d: %d requests were planned, and %d made: %.0f%% off", night, sum, total, off*100)
	}
	for _, t := range plan.Tables {
		m := tables[t.Schema.Key]
		switch {
		case m == nil && t.Unread == "":
			b.t.Errorf("night %d: table %s is planned and not there", night, t.Schema.Table)
		case m == nil:
			continue
		case m.schema.Table != t.Schema.Table || m.unread != t.Unread:
			b.t.Errorf("night %d: table %s (%q) is planned as %s (%q)", night, m.schema.Table, m.unread, t.Schema.Table, t.Unread)
		case t.Rows != nil && (int64(len(m.rows)) < t.Rows.AtLeast || t.Rows.AtMost != nil && int64(len(m.rows)) > *t.Rows.AtMost):
			b.t.Errorf("night %d: table %s has %d rows, planned were %+v", night, t.Schema.Table, len(m.rows), *t.Rows)
		}
		delete(tables, t.Schema.Key)
	}
	for _, m := range tables {
		b.t.Logf("night %d: table %s is not planned", night, m.schema.Table)
	}
}

// TestPlanForetells plans loads of the simulator's workspaces and makes them.
func TestPlanForetells(t *testing.T) {
	for name, options := range map[string]func(*Options){
		"everything":         func(*Options) {},
		"comments on pages":  func(o *Options) { o.Content.BlockComments = false },
		"no comments":        func(o *Options) { o.Content.Comments, o.Content.BlockComments = false, false },
		"no blocks":          func(o *Options) { o.Content.Blocks = false },
		"data sources only":  func(o *Options) { o.Content = Content{} },
		"full":               func(o *Options) { o.Full = true },
		"a sample":           func(o *Options) { o.Sample = 0.1 },
		"nothing archived":   func(o *Options) { o.Archived = false },
		"one shard of three": func(o *Options) { o.Shard = Shard{2, 3} },
		"a database by name": func(o *Options) { o.Databases = []Database{{ID: notiontest.NewID(1, "database/tasks")}} },
	} {
		for _, workspace := range []string{"demo", "everything"} {
			if workspace == "everything" && !slices.Contains([]string{"everything", "no blocks", "data sources only"}, name) {
				continue // they take their time
			}
			if raced && (workspace != "demo" || name != "everything") {
				continue // the counts are the same without the race detector, and all of it takes minutes with it
			}
			t.Run(workspace+"/"+name, func(t *testing.T) {
				w, steps := notiontest.Demo(1)
				if workspace == "everything" {
					w, steps = notiontest.Everything(1), nil
				}
				w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
				b := &planBench{t: t, w: w, server: notiontest.NewServer(w, notiontest.Options{}), lake: newMemoryLake(), options: options}
				off := 0.1
				if workspace == "everything" {
					off = 0.15 // what rollups ask of related rows is not estimated
				}
				b.compare(1, 0.9)
				w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
				b.compare(2, off)
				for _, s := range steps {
					s.Apply()
				}
				w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
				b.compare(3, off)
			})
		}
	}
}

// TestPlanWithGaps plans where the search finds a part only: what is certain is made
// nevertheless.
func TestPlanWithGaps(t *testing.T) {
	for name, gap := range map[string]notiontest.SearchGap{"half": notiontest.SearchHalf, "inherited": notiontest.SearchShared, "no data sources": notiontest.SearchNoSources} {
		t.Run(name, func(t *testing.T) {
			w, steps := notiontest.Demo(1)
			w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
			b := &planBench{t: t, w: w, server: notiontest.NewServer(w, notiontest.Options{SearchGap: gap, Shuffle: true}), lake: newMemoryLake()}
			b.compare(1, 1)
			w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
			for _, s := range steps {
				s.Apply()
			}
			w.Update(func(tx *notiontest.Tx) { tx.Tick(time.Hour) })
			b.compare(2, 0.1)
		})
	}
}
