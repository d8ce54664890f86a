package catalog_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	damaged := filepath.Join(dir, "damaged.db")
	if err := os.WriteFile(damaged, damagedDatabase(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		options catalog.Options
		want    string
		is      error
	}{
		{"no metastore's URI", catalog.Options{Type: "hive", URI: "http://host"}, "a URI like thrift://host:9083", catalog.ErrOptions},
		{"no metastore", catalog.Options{Type: "hive", URI: "thrift://127.0.0.1:1"}, "catalog thrift://127.0.0.1:1: it cannot be reached", nil},
		{"no Glue", catalog.Options{Type: "glue", URI: "http://127.0.0.1:1", Glue: catalog.GlueOptions{Region: "eu-central-1", AccessKeyID: "a", SecretAccessKey: "hidden"}}, "catalog http://127.0.0.1:1: it cannot be reached", nil},
		{"no URL", catalog.Options{Type: "postgres", URI: "lake.db"}, "a URL like postgres://", catalog.ErrOptions},
		{"a bad URL", catalog.Options{Type: "postgres", URI: "postgres://me:hidden@h:port/x"}, "cannot be read", catalog.ErrOptions},
		{"a bad sslmode", catalog.Options{Type: "postgres", URI: "postgres://me:hidden@h/x?sslmode=maybe"}, "sslmode", catalog.ErrOptions},
		{"no server", catalog.Options{Type: "postgres", URI: "postgres://me:hidden@127.0.0.1:1/x"}, "catalog postgres://me@127.0.0.1:1/x: it cannot be reached", nil},
		{"unknown type", catalog.Options{Type: "sqlit"}, `"sqlit"`, catalog.ErrCatalogType},
		{"no path", catalog.Options{}, "path of the SQLite file is empty", nil},
		{"another scheme", catalog.Options{URI: "s3://bucket/catalog.db"}, "a file on a local disk", nil},
		{"a folder", catalog.Options{URI: dir}, "it is a folder", nil},
		{"below a file", catalog.Options{URI: filepath.Join(file("plain", "x"), "catalog.db")}, "not a directory", nil},
		{"not a database", catalog.Options{URI: file("text.db", strings.Repeat("not a database\n", 100))}, "not a SQLite database", nil},
		{"damaged", catalog.Options{URI: damaged}, "damaged", nil},
		{"nothing to read", catalog.Options{URI: filepath.Join(dir, "none.db"), ReadOnly: true}, "there is no catalog yet", catalog.ErrNoCatalog},
		{"nothing in it to read", catalog.Options{URI: file("zero.db", ""), ReadOnly: true}, "there is no catalog yet", catalog.ErrNoCatalog},
		{"namespace of two levels", catalog.Options{URI: filepath.Join(dir, "c.db"), Namespace: "a.b"}, `namespace "a.b"`, nil},
		{"what removed means", catalog.Options{URI: filepath.Join(dir, "c.db"), Removed: "drop"}, `"drop"`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := catalog.Open(t.Context(), test.options)
			if err == nil {
				_ = c.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("error %q, want %q", err, test.want)
			}
			if uri := test.options.URI; strings.HasPrefix(uri, dir) && !strings.Contains(err.Error(), uri) && test.options.Namespace+test.options.Removed == "" {
				t.Errorf("error %q does not name %s", err, uri)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "none.db")); err == nil {
		t.Error("reading made a file")
	}
}

// damagedDatabase is a SQLite file whose first page is fine and the rest is not.
func damagedDatabase(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		`CREATE TABLE iceberg_tables (catalog_name VARCHAR, table_namespace VARCHAR, table_name VARCHAR, iceberg_type VARCHAR,
			metadata_location VARCHAR, previous_metadata_location VARCHAR, PRIMARY KEY (catalog_name, table_namespace, table_name))`,
		`CREATE TABLE iceberg_namespace_properties (catalog_name VARCHAR, namespace VARCHAR, property_key VARCHAR, property_value VARCHAR,
			PRIMARY KEY (catalog_name, namespace, property_key))`,
		`INSERT INTO iceberg_namespace_properties VALUES ('notionlake', 'other', 'exists', 'true')`,
	} {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for i := page; i < len(data); i++ {
		data[i] = 0xff
	}
	return data
}

// Folders are made, odd names are no trouble, and what one catalog wrote is there
// for the next; another catalog name or namespace sees nothing of it.
func TestOpenAgain(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	w.options.URI = filepath.Join(w.dir, "Ünï ?#%20", "deeper", "cat alog.db")
	c := w.open()
	w.mustPublish(c, loadID(1), change{schema: tasks, rows: 1})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(w.options.URI); err != nil {
		t.Errorf("the file is elsewhere: %v", err)
	}
	for _, test := range []struct {
		edit   func(*catalog.Options)
		tables int
	}{
		{func(*catalog.Options) {}, 2},
		{func(o *catalog.Options) { o.URI = "file://" + o.URI }, 2},
		{func(o *catalog.Options) { o.ReadOnly = true }, 2},
		{func(o *catalog.Options) { o.Name = "other" }, 0},
		{func(o *catalog.Options) { o.Namespace = "other" }, 0},
	} {
		o := w.options
		test.edit(&o)
		c, err := catalog.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		list, err := c.Tables(t.Context())
		if err != nil || len(list) != test.tables {
			t.Errorf("%s %s %s: %d tables, %v, want %d", o.URI, o.Name, o.Namespace, len(list), err, test.tables)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Several programs make one catalog at the same time.
func TestOpenConcurrently(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			c, err := catalog.Open(context.Background(), w.options)
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			if err := c.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	wg.Wait()
	w.mustPublish(w.open(), loadID(1), change{schema: tasks, rows: 1})
}

// A catalog that another program holds locked.
func TestLocked(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	w.options.LockTimeout = 20 * time.Millisecond
	c := w.open()
	w.mustPublish(c, loadID(1), change{schema: tasks, rows: 1})
	unlock := w.lock()
	if _, err := w.publish(c, loadID(2), change{schema: tasks, rows: 1}); !errors.Is(err, lake.ErrLocked) || !strings.Contains(err.Error(), w.options.URI) {
		t.Errorf("publish: %v, want locked", err)
	}
	unlock()
	w.checkFiles()
	w.mustPublish(c, loadID(2), change{schema: tasks, rows: 1})
}

// lock takes the write lock of the catalog as another program would.
func (w *warehouse) lock() (unlock func()) {
	w.t.Helper()
	db, err := sql.Open("sqlite", w.options.URI)
	if err != nil {
		w.t.Fatal(err)
	}
	conn, err := db.Conn(context.Background())
	if err == nil {
		_, err = conn.ExecContext(context.Background(), "BEGIN IMMEDIATE")
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return func() {
		if _, err := conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
			w.t.Error(err)
		}
		if err := errors.Join(conn.Close(), db.Close()); err != nil {
			w.t.Error(err)
		}
	}
}

// Who waits for another program's lock can be interrupted, and gets the lock
// when that program has ended.
func TestWaitForLock(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		then func(unlock, cancel func()) // when the lock is waited for
		want error
	}{
		{"interrupted", func(_, cancel func()) { cancel() }, context.Canceled},
		{"released", func(unlock, _ func()) { unlock() }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWarehouse(t)
			w.options.LockTimeout = 30 * time.Second
			waits := make(chan bool, 10)
			w.options.Point = func(name, _ string) error {
				if name == "catalog.begin" {
					waits <- true
				}
				return nil
			}
			c := w.open()
			w.mustPublish(c, loadID(1), change{schema: tasks, rows: 1})
			<-waits
			before := w.pointers()
			ch, err := w.stage(c, change{schema: tasks, rows: 2})
			if err != nil {
				t.Fatal(err)
			}
			unlock := sync.OnceFunc(w.lock())
			defer unlock()
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-waits
				test.then(unlock, cancel)
			}()
			_, err = c.Publish(ctx, lake.Publication{Load: lake.Load{ID: loadID(2), Started: w.at, Status: "complete"}, Changes: []lake.Change{ch}})
			cancel()
			if !errors.Is(err, test.want) {
				t.Errorf("publish: %v, want %v", err, test.want)
			}
			if moved := !cmp.Equal(before, w.pointers()); moved != (test.want == nil) {
				t.Errorf("the catalog moved: %t", moved)
			}
			w.checkFiles()
			unlock()
			w.mustPublish(c, loadID(3), change{schema: tasks, rows: 1})
		})
	}
}

// A metadata file that the catalog points to is gone or garbage.
func TestDamagedMetadata(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(path string) error{
		"missing":   os.Remove,
		"truncated": func(path string) error { return os.Truncate(path, 100) },
		"garbage":   func(path string) error { return os.WriteFile(path, []byte(`{"format-version":2}`), 0o600) },
		"other":     func(path string) error { return os.WriteFile(path, []byte(`[]`), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWarehouse(t)
			c := w.open()
			w.mustPublish(c, loadID(1), change{schema: tasks, rows: 1})
			previous := w.pointers()["tasks"]
			w.mustPublish(c, loadID(2), change{schema: tasks, rows: 1})
			location := w.pointers()["tasks"]
			if err := damage(strings.TrimPrefix(location, "file://")); err != nil {
				t.Fatal(err)
			}
			_, err := w.open().Tables(t.Context())
			for _, want := range []string{"table tasks", location, previous} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v does not name %s", err, want)
				}
			}
		})
	}
}

// Metadata that another program compressed.
func TestCompressedMetadata(t *testing.T) {
	t.Parallel()
	w := newWarehouse(t)
	w.mustPublish(w.open(), loadID(1), change{schema: tasks, rows: 1})
	path := strings.TrimPrefix(w.pointers()["tasks"], "file://")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, zipped(t, data), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, err := w.open().Tables(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("%d tables, %v", len(list), err)
	}
}
