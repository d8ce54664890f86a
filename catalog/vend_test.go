package catalog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// loader loads tables, of one row each, by a catalog.
func (w *warehouse) loader(c *catalog.Catalog, rows ...string) *lake.Loader {
	source := &laketest.Source{}
	for _, r := range rows {
		source.List = append(source.List, laketest.Table(onlyID(r[:1]), idRow(r)))
	}
	at := w.options.Now()
	return &lake.Loader{
		Source: source, Storage: w.storage, Catalog: c, Logger: w.options.Logger, Now: func() time.Time { return at },
		TempDir: w.dir, LockTimeout: 10 * time.Second,
	}
}

// leaks reports whether a text has something of what was handed out.
func leaks(text string) bool {
	return strings.Contains(text, "thesecret") || strings.Contains(text, "thesession")
}

// A warehouse that only its catalog lets into is loaded, changed and looked at, and
// nothing that is secret is written, logged or left unknown to who hides it.
func TestVended(t *testing.T) {
	t.Parallel()
	w, s := newVendWarehouse(t)
	var said bytes.Buffer
	var mu sync.Mutex
	hidden := map[string]bool{}
	w.options.Logger = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.options.REST.Hide = func(secret string) {
		mu.Lock()
		defer mu.Unlock()
		hidden[secret] = true
	}
	for n, rows := range [][]string{{"a1", "b1"}, {"a2", "b2", "c2"}, {"a3", "b3", "c3"}} {
		c := w.vended(nil)
		if _, err := w.loader(c, rows...).Run(t.Context()); err != nil {
			t.Fatalf("load %d: %v", n, err)
		}
		var want []string
		for _, r := range rows {
			want = append(want, r[:1]+r)
		}
		if got := w.readRows(w.vended(nil)); !slices.Equal(got, want) {
			t.Errorf("load %d: rows %v, want %v", n, got, want)
		}
		s.pass(time.Minute)
	}
	c := w.vended(nil)
	report, err := w.maintain(c, lake.Maintenance{Retention: lake.Retention{Last: 1}, Compact: true})
	if err != nil || len(report.Expired) != 2 {
		t.Fatalf("maintenance: %v, %v", report.Expired, err)
	}
	tables, err := c.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) != 4 {
		t.Errorf("%d tables are listed", len(tables))
	}
	state := s.tables["_notionlake\x00notion"]
	if state == nil || state.meta.Properties()["gc.enabled"] != "false" || state.meta.Location() != vendRoot+"/_notionlake/notion" {
		t.Errorf("the table of what lies beside the tables: %v", state)
	}
	for _, key := range s.s3.Keys() {
		data, _ := s.s3.Get(key)
		if leaks(key) || leaks(string(data)) {
			t.Errorf("a secret is in %s", key)
		}
	}
	if leaks(said.String()) {
		t.Errorf("a secret is logged:\n%s", said.String())
	}
	for access, g := range s.grants {
		if !hidden[g.token] || !hidden["thesecretkey-"+access] {
			t.Errorf("what was handed out as %s is not hidden", access)
		}
	}
	if len(s.grants) < 5 {
		t.Errorf("only %d credentials", len(s.grants))
	}
}

// So is one whose server changes one table at a time.
func TestVendedOneByOne(t *testing.T) {
	t.Parallel()
	w, s := newVendWarehouse(t)
	server := httptest.NewServer(alone(s))
	t.Cleanup(server.Close)
	w.options.URI = server.URL
	for n, rows := range [][]string{{"a1"}, {"a2", "b2"}} {
		c := w.vended(nil)
		if !c.OneByOne() {
			t.Fatal("it has transactions")
		}
		if _, err := w.loader(c, rows...).Run(t.Context()); err != nil {
			t.Fatalf("load %d: %v", n, err)
		}
		s.pass(time.Minute)
	}
	c := w.vended(nil)
	if got := w.readRows(c); !slices.Equal(got, []string{"aa2", "bb2"}) {
		t.Errorf("rows %v", got)
	}
	if report, err := w.maintain(c, lake.Maintenance{Retention: lake.Retention{Last: 1}}); err != nil || len(report.Expired) != 1 {
		t.Errorf("maintenance: %v, %v", report, err)
	}
}

// maintain looks what maintenance would find that nothing names, or deletes it.
func (w *warehouse) maintain(c *catalog.Catalog, m lake.Maintenance) (lake.MaintenanceReport, error) {
	l := w.loader(c)
	l.Now, m.Orphans = nil, time.Nanosecond // the bucket has a clock of its own
	return l.Maintain(w.t.Context(), m)
}

// Wherever a run dies, the next one works, and nothing of the dead one is left, also where
// the tables that it wrote never came to be.
func TestVendedDies(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{false, true} {
		var points atomic.Int32
		vendedDeath(t, before, func(string, string) error { points.Add(1); return nil })
		if points.Load() < 100 {
			t.Errorf("only %d points", points.Load())
		}
		const step = 23 // every one takes the time of a lease
		for k := int32(0); k < points.Load(); k += step {
			t.Run(fmt.Sprintf("%v/%d", before, k), func(t *testing.T) {
				t.Parallel()
				var n atomic.Int32
				vendedDeath(t, before, func(string, string) error {
					if n.Add(1) > k {
						return context.Canceled // nothing more happens
					}
					return nil
				})
			})
		}
	}
}

func vendedDeath(t *testing.T, before bool, point lake.Point) {
	w, s := newVendWarehouse(t)
	w.options.LeaseTime = 300 * time.Millisecond
	if before {
		if _, err := w.loader(w.vended(nil), "a0").Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.pass(time.Minute)
	}
	var died error
	c, err := w.tryVended(point)
	if err == nil {
		_, err = w.loader(c, "a1", "b1").Run(t.Context())
	}
	died = err
	s.pass(time.Minute)
	c = w.vended(nil)
	if _, err := w.loader(c, "a2", "b2").Run(t.Context()); err != nil {
		t.Fatalf("after %v: %v", died, err)
	}
	if got := w.readRows(c); !slices.Equal(got, []string{"aa2", "bb2"}) {
		t.Errorf("after %v: %v", died, got)
	}
	report, err := w.maintain(c, lake.Maintenance{DryRun: true})
	if err != nil || report.Orphans.Files > 0 || len(report.Orphans.Folders) > 0 {
		t.Errorf("after %v: %v, %v", died, report.Orphans, err)
	}
}

// Credentials are used as long as they last, and others are there before they end.
func TestVendedRenewal(t *testing.T) {
	t.Parallel()
	w, s := newVendWarehouse(t)
	c := w.vended(nil)
	location := vendRoot + "/_notionlake/notion"
	asked := s.countOf(location)
	use := func(want int) {
		t.Helper()
		if err := w.storage.Replace(t.Context(), c.StateFolder()+"x", []byte("x")); err != nil {
			t.Fatal(err)
		}
		if got := s.countOf(location) - asked; got != want {
			t.Errorf("asked %d times, want %d", got, want)
		}
	}
	for range 3 {
		use(0)
	}
	s.pass(54 * time.Minute)
	use(0)
	s.pass(2 * time.Minute) // four minutes before their end
	use(1)
	use(1)
	s.pass(56 * time.Minute)
	// The server hands out nothing for a while: what is left is used.
	s.answers = func(string, map[string]any) {}
	use(2)
	use(2)
	s.pass(11 * time.Second)
	use(3)
	s.pass(5 * time.Minute)
	var vendor *lake.VendorError
	if err := w.storage.Replace(t.Context(), c.StateFolder()+"x", nil); !errors.As(err, &vendor) || !strings.Contains(err.Error(), "hands out no credentials for table _notionlake.notion") {
		t.Errorf("after the end: %v", err)
	}
	s.answers = nil
	use(6) // twice it was asked in vain: before they were refused, and after it
}

// Whether credentials are over says the storage, where the server hands out no others:
// this machine's clock may be ahead, and what is over may be for elsewhere.
func TestVendedClockAhead(t *testing.T) {
	t.Parallel()
	w, s := newVendWarehouse(t)
	s.behind = 2 * time.Hour
	c := w.vended(nil)
	s.answers = func(string, map[string]any) {}
	s.pass(11 * time.Second)
	if err := w.storage.Replace(t.Context(), c.StateFolder()+"x", []byte("x")); err != nil {
		t.Error(err)
	}
}

// What is refused is asked for once more, by one for all; what is refused again is an error.
func TestVendedRefused(t *testing.T) {
	t.Parallel()
	w, s := newVendWarehouse(t)
	c := w.vended(nil)
	key, location := c.StateFolder()+"x", vendRoot+"/_notionlake/notion"
	if err := w.storage.WriteAll(t.Context(), key, []byte("x")); err != nil {
		t.Fatal(err)
	}
	s.revoke()
	asked := s.countOf(location)
	s.answers = func(location string, answer map[string]any) {
		time.Sleep(1500 * time.Millisecond) // until all of them wait for it
		s.grant(location, answer)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if data, err := w.storage.ReadAll(t.Context(), key); err != nil || string(data) != "x" {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := s.countOf(location) - asked; n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
	s.pass(time.Minute)
	s.answers = func(_ string, answer map[string]any) {
		answer["config"] = map[string]string{"s3.access-key-id": "AKnobody", "s3.secret-access-key": "thesecretkey", "s3.session-token": "thesessiontoken"}
	}
	s.revoke()
	asked, requests := s.countOf(location), s.s3.Requests()
	for range 5 {
		_, err := w.storage.ReadAll(t.Context(), key)
		if err == nil || !strings.Contains(err.Error(), "access key is not known") || leaks(err.Error()) {
			t.Errorf("what is refused again: %v", err)
		}
	}
	if n := s.countOf(location) - asked; n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
	if n := s.s3.Requests() - requests; n > 10 {
		t.Errorf("%d requests", n)
	}
}

// A server that hands out nothing of use is refused, and it is said for which table and
// what to do.
func TestVendedNothing(t *testing.T) {
	t.Parallel()
	keys := map[string]string{"s3.access-key-id": "AK", "s3.secret-access-key": "thesecretkey"}
	for want, answer := range map[string]map[string]any{
		"hands out no credentials for table _notionlake.notion": {},
		"remote signing":                  {"config": map[string]string{"s3.remote-signing-enabled": "true"}},
		"does not reach s3://bucket/lake": {"storage-credentials": []any{map[string]any{"prefix": "s3://bucket/other", "config": keys}}},
	} {
		w, s := newVendWarehouse(t)
		s.answers = func(_ string, said map[string]any) { maps.Copy(said, answer) }
		_, err := w.tryVended(nil)
		var vendor *lake.VendorError
		if !errors.As(err, &vendor) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "let the catalog hand out") || leaks(err.Error()) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	// For the tables that there are, but for none that is new.
	w, s := newVendWarehouse(t)
	c := w.vended(nil)
	s.answers = func(string, map[string]any) {}
	_, err := c.Stage(t.Context(), schema("tasks", "tasks"), lake.Replace)
	if err == nil || !strings.Contains(err.Error(), "hands out no credentials for table tasks") {
		t.Errorf("a new table: %v", err)
	}
	list := c.CheckVended(t.Context())
	if len(list) != 2 || list[0].Err != nil || list[0].Expires.IsZero() || list[1].Err == nil {
		t.Errorf("check: %v", list)
	}
	if _, err := w.storage.ReadAll(t.Context(), "somewhere/else"); err == nil || !strings.Contains(err.Error(), "no table of namespace notion lies there") {
		t.Errorf("where no table is: %v", err)
	}
}

// Of several that reach an object the one with the longest prefix is taken, and where none
// is for a prefix, those for the whole table.
func TestVendedPrefixes(t *testing.T) {
	t.Parallel()
	w, s := newVendWarehouse(t)
	part := func(prefix, access string) any {
		return map[string]any{"prefix": prefix, "config": map[string]string{"s3.access-key-id": access, "s3.secret-access-key": "secret"}}
	}
	s.answers = func(location string, answer map[string]any) {
		for _, access := range []string{"short", "long", "whole"} {
			s.grants[access] = vendGrant{"", "", w.options.Now().Add(time.Hour)}
		}
		answer["config"] = map[string]string{"s3.endpoint": s.s3.URL, "s3.access-key-id": "whole", "s3.secret-access-key": "secret"}
		answer["storage-credentials"] = []any{part("s3a://bucket/lake/_notionlake/notion/a/b", "long"), part("s3://bucket/lake/_notionlake/notion/a/", "short")}
	}
	c := w.vended(nil)
	used := map[string]string{}
	s.s3.Refuse = func(access, _, _, key string) string {
		used[strings.TrimPrefix(key, "lake/"+c.StateFolder())] = access
		return ""
	}
	for key, want := range map[string]string{"a/x": "short", "a/b/x": "long", "x": "whole"} {
		if err := w.storage.Replace(t.Context(), c.StateFolder()+key, nil); err != nil || used[key] != want {
			t.Errorf("%s: %s, %v, want %s", key, used[key], err, want)
		}
	}
}

// What lies in the folder of a table that has another name now, or is gone, can be reached;
// and a list of all folders has it.
func TestVendedMoved(t *testing.T) {
	t.Parallel()
	w, s := newVendWarehouse(t)
	c := w.vended(nil)
	if _, err := w.loader(c, "a1", "b1").Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.readRows(c)
	s.mu.Lock()
	s.tables["notion\x00other"] = s.tables["notion\x00a"]
	delete(s.tables, "notion\x00a")
	delete(s.tables, "notion\x00b")
	s.mu.Unlock()
	s.pass(2 * time.Hour) // all has ended
	want := []string{}
	for _, key := range s.s3.Keys() {
		if strings.HasPrefix(key, "lake/notion/") {
			want = append(want, strings.TrimPrefix(key, "lake/"))
		}
	}
	for n, from := range []*catalog.Catalog{c, w.vended(nil)} {
		var got []string
		for o, err := range w.storage.List(t.Context(), from.Folder()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.Key)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("list %d: %v, want %v", n, got, want)
		}
	}
	if !slices.Contains(s.staged, "b") {
		t.Errorf("staged: %v", s.staged)
	}
	for name := range s.tables {
		if name != "notion\x00other" && name != "notion\x00_loads" && name != "_notionlake\x00notion" {
			t.Errorf("a table %q was made", name)
		}
	}
}

// Who only looks makes nothing, where there is a lake and where there is none.
func TestVendedReadOnly(t *testing.T) {
	t.Parallel()
	w, s := newVendWarehouse(t)
	w.options.ReadOnly, w.options.Absent = true, true
	look := func() {
		t.Helper()
		c := w.vended(nil)
		if _, err := c.Tables(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := lake.WaitingLoads(t.Context(), w.storage, c); err != nil {
			t.Error(err)
		}
	}
	look()
	s.spaces["notion"] = true
	look()
	if len(s.s3.Keys())+len(s.tables) > 0 {
		t.Errorf("made: %v, %v", s.s3.Keys(), s.tables)
	}
	w.options.Absent = false
	if _, err := w.vended(nil).Tables(t.Context()); err != nil {
		t.Error(err)
	}
}

// Files that cannot be looked at are not taken for gone: their run's entry stays until
// they can.
func TestVendedLeft(t *testing.T) {
	t.Parallel()
	w, s := newVendWarehouse(t)
	if _, err := w.loader(w.vended(nil), "a0").Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.pass(time.Minute)
	var died atomic.Bool
	c := w.vended(func(name, key string) error {
		if name == "storage.close.done" && strings.Contains(key, "notion/b/data/") {
			died.Store(true)
		}
		if died.Load() {
			return fs.ErrClosed
		}
		return nil
	})
	_, _ = w.loader(c, "a1", "b1").Run(t.Context())
	left := func() (n int) {
		for _, key := range s.s3.Keys() {
			if strings.HasPrefix(key, "lake/notion/b/data/") {
				n++
			}
		}
		return n
	}
	if !died.Load() || left() != 1 {
		t.Fatalf("%d files left: %v", left(), s.s3.Keys())
	}
	s.answers = func(location string, answer map[string]any) {
		if strings.HasSuffix(location, "/b") {
			return
		}
		s.grant(location, answer)
	}
	for n := range 3 {
		s.pass(time.Minute)
		rows := []string{"a" + strconv.Itoa(n+2)}
		if n == 2 {
			s.answers = nil
		}
		if _, err := w.loader(w.vended(nil), rows...).Run(t.Context()); err != nil {
			t.Fatalf("run %d: %v", n, err)
		}
		if want := max(0, 1-n/2); left() != want {
			t.Errorf("run %d: %d files left, want %d", n, left(), want)
		}
	}
}
