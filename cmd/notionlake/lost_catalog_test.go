package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A run without the catalog file of its warehouse says so, and what to do.
func TestLostCatalog(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("run").wants(t, exitDone)
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
	b.call("tables").wants(t, exitUsage, "there is no catalog", "restore the catalog from a backup")
	b.call("check").wants(t, exitStorage, "the catalog knows no tables", "restore it from a backup")
	b.call("run").wants(t, exitStorage, "the catalog knows no tables", "restore it from a backup", filepath.Join(b.dir, "lake", "notion"))
	for _, args := range [][]string{{"tables"}, {"loads"}, {"head", "tasks"}, {"maintain", "--dry-run"}, {"connect", "duckdb"}} { // the run has made an empty one
		b.call(args[0], args[1:]...).wants(t, exitStorage, "the catalog knows no tables", "restore it from a backup")
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
	b.call("loads").wants(t, exitDone) // what it has can be read
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
