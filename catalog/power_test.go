package catalog_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// In `make chaos` these are 1, 2 and 20.
var (
	powerStride  = flag.Int("power", 37, "lose power at every `n`-th point")
	afterStride  = flag.Int("after-power", 199, "and go on after a power loss at every `n`-th")
	powerSubsets = flag.Int("subsets", 4, "what is lost of what was not synced: so many possibilities")
)

// A powered is a warehouse of which it is known what a power loss would leave.
type powered struct {
	*warehouse
	power  *power
	faults *trigger
	c      *catalog.Catalog
	now    time.Time
}

func newPowered(t *testing.T) *powered {
	t.Helper()
	w := newWarehouse(t)
	w.written = true
	p := &powered{warehouse: w, faults: &trigger{}, now: w.at}
	keep := filepath.Join(w.dir, "keep")
	if err := os.Mkdir(keep, 0o755); err != nil {
		t.Fatal(err)
	}
	p.power = newPower(filepath.Join(w.dir, "lake"), keep)
	s, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: p.power.root, Point: p.faults.hit, Sync: p.power.Sync})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w.options.Storage, w.options.Point = s, p.faults.hit
	p.c = w.open()
	return p
}

func (p *powered) loader(tables ...lake.Table) *lake.Loader {
	p.now = p.now.Add(24 * time.Hour)
	now := p.now
	return &lake.Loader{
		Source: &laketest.Source{List: tables}, Storage: p.options.Storage, Catalog: p.c, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return now }, TempDir: p.t.TempDir(), Parallel: 1, Point: p.faults.hit,
	}
}

// powerTables are those of load n: three, of which one changes its columns, and
// from the second load on a new one.
func powerTables(n int) []lake.Table {
	a := onlyID("a")
	a.Columns = append(a.Columns, property("p", fmt.Sprintf("p%d", n), lake.Float64))
	tables := []lake.Table{
		laketest.Table(a, []lake.Value{lake.TextValue("1"), lake.FloatValue(float64(n))}),
		laketest.Table(onlyID("b"), idRow(fmt.Sprint(n))), laketest.Table(onlyID("empty")),
	}
	if n > 1 {
		tables = append(tables, laketest.Table(onlyID("new"), idRow("x")))
	}
	return tables
}

// A shaken is what is done while the power may go.
type shaken struct {
	name  string
	loads int // before it
	do    func(ctx context.Context, p *powered) error
}

var shakenOps = []shaken{
	{"load", 1, func(ctx context.Context, p *powered) error {
		_, err := p.loader(powerTables(2)...).Run(ctx)
		return err
	}},
	{"maintain", 8, func(ctx context.Context, p *powered) error {
		_, err := p.loader().Maintain(ctx, lake.Maintenance{Retention: lake.Retention{Last: 2}, Compact: true})
		return err
	}},
	{"rollback", 3, func(ctx context.Context, p *powered) error {
		loads, err := p.c.Loads(ctx)
		if err == nil {
			_, err = p.loader().Rollback(ctx, loads[0])
		}
		return err
	}},
}

func (op shaken) prepare(t *testing.T) *powered {
	t.Helper()
	p := newPowered(t)
	for n := range op.loads {
		if _, err := p.loader(powerTables(n + 1)...).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// TestPowerLoss takes the power away at points all over a load, a maintenance and
// a rollback, and of what was not synced anything: what the catalog says is
// published is there, whole.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	for _, op := range shakenOps {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			p := op.prepare(t)
			points, losses, open := 0, 0, 0
			look := func(where string) error {
				pointers, err := p.copyCatalog(filepath.Join(p.dir, "copy"))
				if err != nil {
					return err
				}
				for n := range *powerSubsets {
					o := newOutcome(n, uint64(points))
					to := filepath.Join(p.dir, "image")
					err := p.power.image(to, o)
					if err == nil {
						err = p.checkImage(to, pointers)
					}
					if err = errors.Join(err, os.RemoveAll(to)); err != nil {
						err = fmt.Errorf("%s at point %d, %s, outcome %d: %w", op.name, points, where, n, err)
						t.Error(err)
						return err
					}
					losses, open = losses+1, open+o.open
					if o.open == 0 {
						break // nothing can be lost
					}
				}
				return nil
			}
			var one sync.Mutex // points come from several goroutines
			p.faults.set(func(name, _ string) error {
				one.Lock()
				defer one.Unlock()
				if points++; points%*powerStride != 0 {
					return nil
				}
				return look(name)
			})
			if err := op.do(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			p.faults.set(nil)
			if err := look("its end"); err != nil {
				return
			}
			if points < 100 || open == 0 {
				t.Fatalf("%d points, %d things that could be lost", points, open)
			}
			t.Logf("%d points, %d losses of power, %d things not synced", points, losses, open)
		})
	}
}

// TestAfterPowerLoss goes on after a power loss: the next load succeeds, and of
// what was begun nothing is left.
func TestAfterPowerLoss(t *testing.T) {
	t.Parallel()
	const outcomes = 3
	for _, op := range shakenOps {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			points, tried := op.goOn(t, 1<<30, newOutcome(0, 0)), 1
			for n := 1; n <= points && !t.Failed(); n += *afterStride {
				op.goOn(t, n, newOutcome(tried%outcomes, uint64(n)))
				tried++
			}
			t.Logf("%d points, %d losses of power", points, tried)
		})
	}
}

// goOn loses power at the n-th point, loads again and returns how many points there are.
func (op shaken) goOn(t *testing.T, n int, o *outcome) int {
	t.Helper()
	p := op.prepare(t)
	image, points := filepath.Join(p.dir, "image"), 0
	lose := func() {
		if _, err := p.copyCatalog(filepath.Join(p.dir, "copy")); err != nil {
			t.Error(err)
		}
		if err := p.power.image(image, o); err != nil {
			t.Error(err)
		}
	}
	var one sync.Mutex
	p.faults.set(func(string, string) error {
		one.Lock()
		defer one.Unlock()
		if points++; points == n {
			lose()
		}
		if points >= n {
			return laketest.ErrInjected
		}
		return nil
	})
	where := fmt.Sprintf("%s after a power loss at point %d", op.name, n)
	// At its very end it may have succeeded, and only have warned.
	if err := op.do(t.Context(), p); err != nil && points < n {
		t.Fatalf("%s: %v", where, err)
	}
	p.faults.set(nil)
	if points < n {
		lose()
	}
	if err := errors.Join(p.c.Close(), p.options.Storage.Close(),
		os.RemoveAll(p.power.root), os.Rename(image, p.power.root),
		removeCatalog(p.options.URI), os.CopyFS(p.dir, os.DirFS(filepath.Join(p.dir, "copy")))); err != nil {
		t.Fatal(err)
	}
	p.options.Storage, p.options.Point = p.openStorage(nil), nil
	p.c = p.open()
	if _, err := p.loader(powerTables(9)...).Run(t.Context()); err != nil {
		t.Fatalf("%s: the next load: %v", where, err)
	}
	if strays, missing := p.strays(); len(strays)+len(missing) > 0 {
		t.Errorf("%s: left over: %v; missing: %v", where, strays, missing)
	}
	return points
}

func removeCatalog(file string) error {
	var errs []error
	for _, name := range []string{file, file + "-wal", file + "-shm"} {
		if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// copyCatalog copies the SQLite file as it is, which syncs itself, and returns
// what it points to.
func (p *powered) copyCatalog(to string) (map[string]string, error) {
	look := filepath.Join(to, "look")
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(look, 0o755)); err != nil {
		return nil, err
	}
	for _, name := range []string{"catalog.db", "catalog.db-wal"} {
		data, err := os.ReadFile(filepath.Join(p.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = errors.Join(os.WriteFile(filepath.Join(to, name), data, 0o644), os.WriteFile(filepath.Join(look, name), data, 0o644))
		}
		if err != nil {
			return nil, err
		}
	}
	pointers, err := readPointers(filepath.Join(look, "catalog.db"))
	return pointers, errors.Join(err, os.RemoveAll(look))
}

// readPointers are the rows of a catalog: table name to metadata file.
func readPointers(file string) (pointers map[string]string, err error) {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.Query(`SELECT table_name, metadata_location FROM iceberg_tables`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Err(), rows.Close()) }()
	pointers = map[string]string{}
	for rows.Next() {
		var name, location string
		if err := rows.Scan(&name, &location); err != nil {
			return nil, err
		}
		pointers[name] = location
	}
	return pointers, nil
}

// checkImage fails if anything that the tables name is not in the image, whole,
// or if the tables are of different loads.
func (p *powered) checkImage(image string, pointers map[string]string) error {
	file := func(uri string, size int64) ([]byte, error) {
		data, err := os.ReadFile(filepath.Join(image, strings.TrimPrefix(uri, "file://"+p.power.root)))
		if err == nil && size >= 0 && int64(len(data)) != size {
			err = fmt.Errorf("file %s: %d bytes of %d are left", uri, len(data), size)
		}
		return data, err
	}
	loads := map[string]bool{}
	for name, location := range pointers {
		data, err := file(location, -1)
		if err != nil {
			return err
		}
		meta, err := table.ParseMetadataBytes(data)
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		loads[meta.CurrentSnapshot().Summary.Properties["notionlake.load-id"]] = true
		for _, s := range meta.Snapshots() {
			if err := checkSnapshot(&s, file); err != nil {
				return fmt.Errorf("table %s: %w", name, err)
			}
		}
	}
	// A table that the last load did not read keeps its snapshot.
	if len(loads) > 2 || len(loads) == 2 && pointers["new"] == "" {
		return fmt.Errorf("tables of the loads %v", loads)
	}
	return nil
}

// checkSnapshot reads all files of a snapshot.
func checkSnapshot(s *table.Snapshot, file func(uri string, size int64) ([]byte, error)) error {
	data, err := file(s.ManifestList, -1)
	if err != nil {
		return err
	}
	list, err := iceberg.ReadManifestList(bytes.NewReader(data))
	if err != nil {
		return err
	}
	for _, m := range list {
		if data, err = file(m.FilePath(), m.Length()); err != nil {
			return err
		}
		entries, err := iceberg.ReadManifest(m, bytes.NewReader(data), true)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if _, err := file(e.DataFile().FilePath(), e.DataFile().FileSizeBytes()); err != nil {
				return err
			}
		}
	}
	return nil
}
