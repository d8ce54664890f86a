package catalog_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// A warehouse is a folder with tables and the catalog over it.
type warehouse struct {
	written bool // the data files that the tables name were written
	t       *testing.T
	dir     string
	storage *lake.Storage
	options catalog.Options
	at      time.Time // what the catalog takes for now

	// What was read before, for tests that look at everything again and again.
	metadatas memo[table.Metadata]
	lists     memo[[]iceberg.ManifestFile]
	manifests memo[[]iceberg.DataFile]
	parquet   memo[[]string]
}

// A memo holds what was read from a file by the file's bytes and the way it was
// read: a file that was changed is read again.
type memo[V any] map[[sha256.Size]byte]V

func (known memo[V]) of(data []byte, way string, read func() (V, error)) (V, error) {
	h := sha256.New()
	fmt.Fprintln(h, way)
	h.Write(data)
	sum := [sha256.Size]byte(h.Sum(nil))
	if v, ok := known[sum]; ok {
		return v, nil
	}
	v, err := read()
	if err == nil {
		known[sum] = v
	}
	return v, err
}

// manifestList returns the manifests of a snapshot.
func (w *warehouse) manifestList(uri string) ([]iceberg.ManifestFile, error) {
	data, err := readURI(uri)
	if err != nil {
		return nil, err
	}
	return w.lists.of(data, "", func() ([]iceberg.ManifestFile, error) { return iceberg.ReadManifestList(bytes.NewReader(data)) })
}

// dataFiles returns the live files of a manifest.
func (w *warehouse) dataFiles(m iceberg.ManifestFile) ([]iceberg.DataFile, error) {
	data, err := readURI(m.FilePath())
	if err != nil {
		return nil, err
	}
	return w.manifests.of(data, "", func() ([]iceberg.DataFile, error) {
		entries, err := iceberg.ReadManifest(m, bytes.NewReader(data), true)
		files := make([]iceberg.DataFile, len(entries))
		for i, e := range entries {
			files[i] = e.DataFile()
		}
		return files, err
	})
}

func newWarehouse(t *testing.T) *warehouse {
	t.Helper()
	w := &warehouse{
		t: t, dir: t.TempDir(), metadatas: memo[table.Metadata]{}, lists: memo[[]iceberg.ManifestFile]{}, manifests: memo[[]iceberg.DataFile]{}, parquet: memo[[]string]{},
		at: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC),
	}
	w.storage = w.openStorage(nil)
	w.options = catalog.Options{
		URI: filepath.Join(w.dir, "catalog.db"), Storage: w.storage, Version: "test",
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.at },
	}
	return w
}

func (w *warehouse) openStorage(point lake.Point) *lake.Storage {
	w.t.Helper()
	s, err := lake.OpenStorage(context.Background(), lake.StorageOptions{URL: filepath.Join(w.dir, "lake"), Point: point})
	if err != nil {
		w.t.Fatalf("open storage: %v", err)
	}
	w.t.Cleanup(func() { _ = s.Close() })
	return s
}

func (w *warehouse) open() *catalog.Catalog {
	w.t.Helper()
	c, err := catalog.Open(w.t.Context(), w.options)
	if err != nil {
		w.t.Fatalf("open catalog: %v", err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

// at is a point in time that the tests' loads are named after.
func loadID(n int) lake.LoadID {
	return lake.NextLoadID(time.Date(2026, 11, 21, 3, 0, n, 0, time.UTC), "")
}

// property is a column of a Notion property.
func property(key, name string, kind lake.Kind) lake.Column {
	return lake.Column{Key: key, Name: name, Type: lake.Type{Kind: kind}, Property: true, Doc: name + " (" + kind.String() + ")"}
}

func schema(name, key string, columns ...lake.Column) lake.Schema {
	id := lake.Field("_id", lake.String)
	id.Required = true
	return lake.Schema{Table: name, Key: key, Columns: append([]lake.Column{id}, columns...)}
}

// A change is a table of a load in these tests: so many rows in one file that
// does not exist, for what the catalog does is not to look into files.
type change struct {
	schema  lake.Schema
	rows    int64
	appends bool
}

func (w *warehouse) stage(c *catalog.Catalog, ch change) (lake.Change, error) {
	d := lake.Replace
	if ch.appends {
		d = lake.Append
	}
	st, err := c.Stage(context.Background(), ch.schema, d)
	if err != nil || ch.rows == 0 {
		return lake.Change{Staged: st}, err
	}
	return lake.Change{Staged: st, Files: []lake.File{fakeFile(st.Layout(), ch.rows)}}, nil
}

func fakeFile(l lake.Layout, rows int64) lake.File {
	return lake.File{
		Key: l.Prefix + uuid.NewString() + ".parquet", Rows: rows, Bytes: 100 * rows, SplitOffsets: []int64{4},
		Columns: []lake.ColumnStats{{FieldID: l.FieldIDs["_id"], Bytes: 50, Values: rows, Min: lake.TextValue("a"), Max: lake.TextValue("z")}},
	}
}

var ledger = change{schema: schema("_loads", "_loads"), rows: 1, appends: true}

// publish publishes a load of the given tables and the ledger.
func (w *warehouse) publish(c *catalog.Catalog, id lake.LoadID, changes ...change) ([]lake.Snapshot, error) {
	p := lake.Publication{
		Load: lake.Load{ID: id, Started: w.at, Status: "complete", Summary: map[string]string{"notionlake.requests": "7"}},
		Ledger: func(context.Context, time.Time, []lake.Snapshot) (lake.Change, error) {
			return w.stage(c, ledger)
		},
	}
	for _, ch := range changes {
		staged, err := w.stage(c, ch)
		if err != nil {
			return nil, err
		}
		p.Changes = append(p.Changes, staged)
	}
	return c.Publish(context.Background(), p)
}

func (w *warehouse) mustPublish(c *catalog.Catalog, id lake.LoadID, changes ...change) []lake.Snapshot {
	w.t.Helper()
	snapshots, err := w.publish(c, id, changes...)
	if err != nil {
		w.t.Fatalf("publish %s: %v", id, err)
	}
	return snapshots
}

// pointers are the rows of the catalog: table name to metadata file.
func (w *warehouse) pointers() map[string]string {
	w.t.Helper()
	db, err := sql.Open("sqlite", w.options.URI)
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT table_name, metadata_location FROM iceberg_tables WHERE catalog_name = 'notionlake' AND table_namespace = 'notion'`)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	m := map[string]string{}
	for rows.Next() {
		var name, location string
		if err := rows.Scan(&name, &location); err != nil {
			w.t.Fatal(err)
		}
		m[name] = location
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return m
}

// metadata reads the metadata file of every table with iceberg-go alone.
func (w *warehouse) metadata() map[string]table.Metadata {
	w.t.Helper()
	all := map[string]table.Metadata{}
	for name, location := range w.pointers() {
		data := w.file(location)
		meta, err := w.metadatas.of(data, "", func() (table.Metadata, error) { return table.ParseMetadataBytes(data) })
		if err != nil {
			w.t.Fatalf("table %s: %v", name, err)
		}
		all[name] = meta
	}
	return all
}

func (w *warehouse) file(uri string) []byte {
	w.t.Helper()
	data, err := os.ReadFile(strings.TrimPrefix(uri, "file://"))
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

// strays are the files that no table names, and missing are those that are named
// and not there.
func (w *warehouse) strays() (strays, missing []string) {
	w.t.Helper()
	named := map[string]bool{}
	pointers := w.pointers()
	for name, meta := range w.metadata() {
		named[pointers[name]] = true
		named[meta.Location()+"/metadata/version-hint.text"] = true
		for e := range meta.PreviousFiles() {
			named[e.MetadataFile] = true
		}
		for _, s := range meta.Snapshots() {
			named[s.ManifestList] = true
			list, err := w.manifestList(s.ManifestList)
			if err != nil {
				w.t.Fatalf("table %s: %v", name, err)
			}
			for _, m := range list {
				named[m.FilePath()] = true
				if !w.written {
					continue
				}
				files, err := w.dataFiles(m)
				if err != nil {
					w.t.Fatalf("table %s: %v", name, err)
				}
				for _, f := range files {
					named[f.FilePath()] = true
				}
			}
		}
	}
	for o, err := range w.storage.List(context.Background(), "") {
		if err != nil {
			w.t.Fatal(err)
		}
		if uri := w.storage.URI(o.Key); named[uri] {
			delete(named, uri)
		} else {
			strays = append(strays, o.Key)
		}
	}
	return strays, slices.Sorted(maps.Keys(named))
}

// checkFiles fails if a file is there that no table names, or the other way round.
func (w *warehouse) checkFiles() {
	w.t.Helper()
	if strays, missing := w.strays(); len(strays)+len(missing) > 0 {
		w.t.Errorf("files that no table names: %v; named and missing: %v", strays, missing)
	}
}

// loads are the loads whose tags the tables have; a mix of loads is an error.
func (w *warehouse) loads() []string {
	w.t.Helper()
	var all []string
	first := ""
	for name, meta := range w.metadata() {
		var tags []string
		for ref := range meta.Refs() {
			if ref != "main" {
				tags = append(tags, ref)
			}
		}
		slices.Sort(tags)
		if first == "" {
			first, all = name, tags
		}
		if d := cmp.Diff(all, tags); d != "" {
			w.t.Errorf("tables %s and %s are of different loads: %s", first, name, d)
		}
	}
	return all
}
