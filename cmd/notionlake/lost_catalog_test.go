package main

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A run without the catalog file of its warehouse says so, and what to do.
func TestLostCatalog(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	id := b.look()[0].LoadID
	file := filepath.Join(b.dir, "lake", "catalog.db")
	saved, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, file + "-wal", file + "-shm"} {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	for _, empty := range []bool{false, true} {
		if empty {
			b.write(filepath.Join("lake", "catalog.db"), "", 0o644)
		}
		for _, args := range [][]string{
			{"check"},
			{"run"},
			{"plan"},
			{"tables"},
			{"loads"},
			{"head", "tasks"},
			{"diff"},
			{"connect", "duckdb"},
			{"maintain"},
			{"maintain", "--dry-run"},
			{"expire", "--keep-last", "1"},
			{"rollback", "--to", id},
			{"publish", id},
			{"discard", id},
		} {
			r := b.call(args[0], args[1:]...)
			if said := "there is no catalog at " + file; !strings.Contains(r.stdout+r.stderr, said) {
				t.Errorf("%s does not say %q:\n%s", args[0], said, r.stderr)
			}
			r.wants(t, exitStorage, "the catalog knows no tables", "restore it from a backup", filepath.Join(b.dir, "lake", "notion"))
			if info, err := os.Stat(file); (err == nil) != empty || empty && info.Size() > 0 {
				t.Fatalf("%s has made a catalog", args[0])
			}
		}
	}
	for _, name := range []string{file, file + "-wal", file + "-shm"} {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	b.write(filepath.Join("lake", "catalog.db"), string(saved), 0o644)
	b.call("run").wants(t, exitDone)
	b.checkFiles()
}

// With a catalog from a backup that is older than the tables nothing is published
// or deleted until someone has decided that it may be.
func TestOldCatalog(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	first := b.look()[0].LoadID
	file := filepath.Join(b.dir, "lake", "catalog.db")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b.call("run").wants(t, exitDone)
	newer, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before := b.tableFiles()
	b.write(filepath.Join("lake", "catalog.db"), string(old), 0o644)
	for _, args := range [][]string{
		{"run"}, {"rollback", "--to", first}, {"maintain", "--orphan-age", "1h"}, {"maintain", "--dry-run"}, {"expire", "--keep-last", "1"},
	} {
		b.call(args[0], args[1:]...).wants(t, exitStorage, "the catalog is older than the tables", "was published as 00001-", "version-hint.text")
	}
	if after := b.tableFiles(); !slices.Equal(before, after) {
		t.Errorf("files %v, were %v", after, before)
	}
	for _, args := range [][]string{{"loads"}, {"tables"}, {"diff"}, {"connect", "duckdb"}} { // what it has can be read
		b.call(args[0], args[1:]...).wants(t, exitDone, "what is shown is not what was published last", "the catalog is older than the tables")
	}
	b.write(filepath.Join("lake", "catalog.db"), string(newer), 0o644)
	b.call("run").wants(t, exitDone)
	b.checkFiles()

	b.write(filepath.Join("lake", "catalog.db"), string(old), 0o644)
	for _, name := range b.tableFiles() {
		if filepath.Base(name) == "version-hint.text" {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.call("run").wants(t, exitDone)
}

// Of a load that is held nothing is deleted, nor of any table, by a command that has an
// empty catalog in place of the one that was lost, or another one by mistake.
func TestOtherCatalogDeletesNothing(t *testing.T) {
	b := newHeldBench(t)
	before := b.tableFiles()
	commands := [][]string{
		{"run"},
		{"run", "--full"},
		{"publish", "20260102T000000Z"},
		{"discard", "20260102T000000Z"},
		{"maintain", "--orphan-age", "1ns"},
		{"expire", "--keep-last", "1"},
		{"rollback", "--to", "20260101T000000Z"},
	}
	try := func(where string) {
		t.Helper()
		for _, args := range commands {
			if r := b.call(args[0], args[1:]...); r.code != exitStorage && r.code != exitUsage || !strings.Contains(r.stderr, "from a backup") {
				t.Errorf("%s: %v: exit code %d\n%s", where, args, r.code, r.stderr)
			}
			if after := b.tableFiles(); !slices.Equal(before, after) {
				t.Fatalf("%s: %v: %d files, were %d", where, args, len(after), len(before))
			}
		}
	}
	b.configure("catalog: {uri: ./other.db}\n")
	try("another catalog")
	b.configure("schema: {contract: freeze}\n")
	file := filepath.Join(b.dir, "lake", "catalog.db")
	saved, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b.write(filepath.Join("lake", "catalog.db"), "", 0o644)
	try("an empty file")
	b.write(filepath.Join("lake", "catalog.db"), string(saved), 0o644)
	b.call("publish", "20260102T000000Z").wants(t, exitDone)
	b.checkFiles()
}

// What a run with another catalog is about to publish, or may have published, nobody
// else takes for the remains of a dead run: of a first load no table tells.
func TestOtherCatalogLeavesFirstLoad(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	var dead atomic.Bool
	b.callAt(func(name, _ string) error {
		if dead.Load() || name == "catalog.commit.done" {
			dead.Store(true)
			return errors.New("dead")
		}
		return nil
	}, "run", "--as-load", "20260101T000000Z")
	entries, err := filepath.Glob(filepath.Join(b.dir, "lake", "_notionlake", "notion", "journal", "*.json"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("entries %v, %v", entries, err)
	}
	before := b.tableFiles()
	b.configure("catalog: {uri: ./other.db}\n")
	for _, args := range [][]string{{"run"}, {"plan"}, {"maintain", "--orphan-age", "1ns"}, {"discard", "20260101T000000Z"}} {
		b.call(args[0], args[1:]...).wants(t, exitStorage, "a run with another catalog", "20260101T000000Z", filepath.Base(entries[0]))
	}
	if after := b.tableFiles(); !slices.Equal(before, after) {
		t.Errorf("files %v, were %v", after, before)
	}
	b.configure("")
	b.call("run", "--as-load", "20260102T000000Z").wants(t, exitDone)
	b.checkFiles()
}

// Of a load that was begun with another catalog nothing promises that a run continues it,
// or deletes what it left: none does.
func TestUnfinishedOfAnotherCatalog(t *testing.T) {
	t.Parallel()
	b := newBench(t, notiontest.Options{})
	b.call("run", "--as-load", "20260101T000000Z").wants(t, exitDone)
	var dead atomic.Bool
	b.callAt(func(name, _ string) error {
		if dead.Load() || name == "catalog.commit" {
			dead.Store(true)
			return errors.New("dead")
		}
		return nil
	}, "run", "--as-load", "20260102T000000Z")
	if r := b.call("loads"); !strings.Contains(r.stdout, "load 20260102T000000Z, begun at ") || !strings.Contains(r.stdout, "`notionlake run` continues it") {
		t.Errorf("loads says %s", r.stdout)
	}
	db := b.catalogFile()
	if _, err := db.Exec(`UPDATE iceberg_namespace_properties SET property_value = 'another' WHERE property_key = 'notionlake.id'`); err != nil {
		t.Fatal(err)
	}
	if r := b.call("loads"); !strings.Contains(r.stdout, "load 20260102T000000Z, begun at ") || !strings.Contains(r.stdout, "it was begun with another catalog: with this one `notionlake run` does not continue it, leaves what it left as it is") || strings.Contains(r.stdout, "deletes what it left") {
		t.Errorf("loads says %s", r.stdout)
	}
	if r := b.call("plan"); r.code != exitDone || strings.Contains(r.stdout, "20260102T000000Z") || !strings.Contains(r.stderr, "a run with another catalog has not ended") {
		t.Errorf("plan says %s%s", r.stdout, r.stderr)
	}
	before := b.tableFiles()
	b.call("run", "--as-load", "20260103T000000Z").wants(t, exitDone, "a run with another catalog has not ended", "20260102T000000Z", "it wrote is left as it is", "cure")
	for _, name := range before {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
}

// A table that another program took out of the catalog while a load was held may come
// back: what was its newest metadata is not deleted with the load.
func TestDiscardWithDroppedTable(t *testing.T) {
	b := newHeldBench(t)
	db := b.catalogFile()
	var location string
	if err := db.QueryRow(`SELECT metadata_location FROM iceberg_tables WHERE table_name = 'projects'`).Scan(&location); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE iceberg_tables SET table_namespace = 'away' WHERE table_name = 'projects'`); err != nil {
		t.Fatal(err)
	}
	b.call("discard", "20260102T000000Z").wants(t, exitDone)
	if _, err := os.Stat(strings.TrimPrefix(location, "file://")); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE iceberg_tables SET table_namespace = 'notion' WHERE table_name = 'projects'`); err != nil {
		t.Fatal(err)
	}
	b.call("head", "projects").wants(t, exitDone)
	b.configure("")
	b.call("run").wants(t, exitDone)
	b.readAll()
}

// Where tables were purged, of which only version hints are left, a new history begins.
func TestPurgedCatalog(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	db := b.catalogFile()
	if _, err := db.Exec(`DELETE FROM iceberg_tables`); err != nil {
		t.Fatal(err)
	}
	for _, name := range b.tableFiles() {
		if filepath.Base(name) == "version-hint.text" {
			continue
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	b.call("run").wants(t, exitDone)
	b.checkFiles()
}

// catalogFile opens the file of the catalog.
func (b *bench) catalogFile() *sql.DB {
	b.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(b.dir, "lake", "catalog.db"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = db.Close() })
	return db
}

func (b *bench) tableFiles() (files []string) {
	b.t.Helper()
	err := filepath.WalkDir(filepath.Join(b.dir, "lake", "notion"), func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return files
}
