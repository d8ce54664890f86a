package lake_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// stopping is a source that is interrupted before it has a table. It keeps what it
// has read.
type stopping struct {
	t    *testing.T
	stop context.CancelFunc
	keep string
	kept *[]string // of runs before
}

func (s stopping) Tables(ctx context.Context, v lake.View) iter.Seq2[lake.Table, error] {
	return func(yield func(lake.Table, error) bool) {
		keptIn(s.t, v, s.kept)
		if err := v.Keep(ctx, []byte(s.keep)); err != nil {
			s.t.Error(err)
		}
		s.stop()
		yield(lake.Table{}, ctx.Err())
	}
}

// keptIn appends what was kept.
func keptIn(t *testing.T, v lake.View, to *[]string) {
	for part, err := range v.Kept(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		*to = append(*to, string(part.Data))
	}
}

// looking is a source of tables that looks at what was kept.
type looking struct {
	t    *testing.T
	from lake.Source
	kept *[]string
}

func (s looking) Tables(ctx context.Context, v lake.View) iter.Seq2[lake.Table, error] {
	keptIn(s.t, v, s.kept)
	return s.from.Tables(ctx, v)
}

// What a load has read is there for the runs that continue it, and for no others.
// Nothing of it is left once the load is published or given up.
func TestKept(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(l *lake.Loader)
		want   []string
	}{
		{"continued", func(*lake.Loader) {}, []string{"first", "second"}},
		{"asked for anew", func(l *lake.Loader) { l.Resume = 0 }, nil},
		{"another configuration", func(l *lake.Loader) { l.Config = "other" }, nil},
		{"held", func(l *lake.Loader) { l.Audit.Freeze = true }, []string{"first", "second"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.run(textTable("a", "1"))
			resumable := func(tables ...lake.Table) *lake.Loader {
				l := w.loader(tables...)
				l.Config, l.Resume = "same", 12*time.Hour
				return l
			}
			var kept []string
			for _, keep := range []string{"first", "second"} {
				ctx, cancel := context.WithCancel(t.Context())
				l := resumable()
				l.Source = stopping{t, cancel, keep, &kept}
				if _, err := l.Run(ctx); err == nil {
					t.Fatal("not interrupted")
				}
			}
			if diff := cmp.Diff([]string{"first"}, kept); diff != "" {
				t.Errorf("-want +kept for the second run\n%s", diff)
			}
			kept = nil
			next := resumable(textTable("a", "1", "2"))
			test.change(next)
			if next.Audit.Freeze {
				more := lake.Column{Key: "more", Name: "more", Type: lake.Type{Kind: lake.String}}
				next = resumable(laketest.Table(lake.Schema{Table: "a", Key: "a", Columns: []lake.Column{idColumn(), more}}))
				test.change(next)
			}
			next.Source = looking{t, next.Source, &kept}
			_, err := next.Run(t.Context())
			var held *lake.HeldError
			if err != nil && !errors.As(err, &held) {
				t.Fatal(err)
			}
			slices.Sort(kept)
			if diff := cmp.Diff(test.want, kept); diff != "" {
				t.Errorf("-want +kept\n%s", diff)
			}
			for _, key := range w.files() {
				if strings.HasPrefix(key, "_notionlake/") && (held == nil || strings.Contains(key, "/read/")) {
					t.Errorf("left in the journal: %s", key)
				}
			}
		})
	}
}

// A load that was interrupted is continued under its own ID: by a load of the
// same configuration, soon enough, and if no other one was published since.
func TestResume(t *testing.T) {
	for _, test := range []struct {
		name      string
		change    func(w *world, l *lake.Loader)
		continued bool
	}{
		{"the next load", func(*world, *lake.Loader) {}, true},
		{"another configuration", func(_ *world, l *lake.Loader) { l.Config = "other" }, false},
		{"asked for anew", func(_ *world, l *lake.Loader) { l.Resume = 0 }, false},
		{"too late", func(_ *world, l *lake.Loader) { l.Resume = 30 * time.Minute }, false}, // it is an hour later
		{"another load meanwhile", func(w *world, l *lake.Loader) {
			other := w.loader(textTable("a", "1"))
			other.Config = "other"
			if _, err := other.Run(w.t.Context()); err != nil {
				w.t.Fatal(err)
			}
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.run(textTable("a", "1"))
			resumable := func(tables ...lake.Table) *lake.Loader {
				l := w.loader(tables...)
				l.Config, l.Resume = "same", 12*time.Hour
				return l
			}
			ctx, cancel := context.WithCancel(t.Context())
			l := resumable()
			l.Source = stopping{t, cancel, "read", new([]string)}
			broken, err := l.Run(ctx)
			if err == nil || broken.LoadID == "" {
				t.Fatalf("not interrupted: %+v", broken)
			}
			next := resumable(textTable("a", "1", "2"))
			test.change(w, next)
			files := w.files()
			now, err := next.Look(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := now.Continues == broken.LoadID; got != test.continued {
				t.Errorf("Look says that %q would be continued", now.Continues)
			}
			if d := cmp.Diff(files, w.files()); d != "" {
				t.Errorf("Look changed files: %s", d)
			}
			next.Stats = func() lake.SourceStats { return lake.SourceStats{Requests: 3, ResumedPages: 4, ResumedFiles: 5} }
			began := next.Now()
			report, err := next.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var continues *lake.Continuation
			if test.continued {
				continues = &lake.Continuation{Began: broken.Started, Pages: 4, Files: 5}
			}
			if diff := cmp.Diff(continues, report.Continues); diff != "" {
				t.Errorf("the report: -want +got\n%s", diff)
			}
			if report.Started.Before(began) || report.Requests != 3 {
				t.Errorf("the report has %s and %d requests, and this run began after %s", report.Started, report.Requests, began)
			}
			if got := report.LoadID == broken.LoadID; got != test.continued {
				t.Errorf("load %s after the interrupted %s: continued %v, want %v", report.LoadID, broken.LoadID, got, test.continued)
			}
			if got := len(w.rows("a")); got != 2 {
				t.Errorf("%d rows", got)
			}
			for _, key := range w.files() {
				if strings.HasPrefix(key, "_notionlake/") {
					t.Errorf("left in the journal: %s", key)
				}
			}
		})
	}
}

// A blindCatalog does not know which files are needed, while it is blind.
type blindCatalog struct {
	*laketest.Catalog
	blind bool
}

func (c *blindCatalog) References(ctx context.Context) (map[string]bool, error) {
	if c.blind {
		return nil, errors.New("cannot be read now")
	}
	return c.Catalog.References(ctx)
}

// A load that died while it published is not continued as long as its files cannot
// be told from those that are needed: they go once they can.
func TestNotContinuedBlind(t *testing.T) {
	for _, blind := range []bool{false, true} {
		dead := false
		w := newWorld(t, func(name, key string) error {
			if dead {
				return errors.New("dead")
			}
			return nil
		})
		c := &blindCatalog{Catalog: w.catalog}
		mk := func(tables ...lake.Table) *lake.Loader {
			l := w.loader(tables...)
			l.Catalog, l.Config, l.Resume = c, "same", 12*time.Hour
			return l
		}
		if _, err := mk(textTable("a", "1")).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		l := mk(textTable("a", "1", "2"))
		l.Point = func(name, key string) error {
			if name == "load.publish" {
				dead = true
				return errors.New("killed")
			}
			return nil
		}
		killed, err := l.Run(t.Context())
		if err == nil {
			t.Fatal("not killed")
		}
		dead = false
		c.blind = blind
		next, err := mk(textTable("a", "1", "2", "3")).Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if continued := next.LoadID == killed.LoadID; continued == blind {
			t.Errorf("blind: %t: continued: %t", blind, continued)
		}
		c.blind = false
		for range 2 {
			if _, err := mk(textTable("a", "1", "2", "3", "4")).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		refs, err := w.catalog.References(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range w.files() {
			if strings.HasSuffix(k, ".parquet") && !refs[k] {
				t.Errorf("blind: %t: left: %s", blind, k)
			}
			if strings.HasPrefix(k, "_notionlake") {
				t.Errorf("left in the journal: %s", k)
			}
		}
	}
}
