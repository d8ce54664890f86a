package main

import (
	"os"
	"path/filepath"
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
	b.call("tables").wants(t, exitUsage, "there is no catalog")
	b.call("run").wants(t, exitStorage, "the catalog knows no tables", "restore it from a backup", filepath.Join(b.dir, "lake", "notion"))
	for _, name := range []string{file, file + "-wal", file + "-shm"} {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	b.write(filepath.Join("lake", "catalog.db"), string(saved), 0o644)
	b.call("run").wants(t, exitDone)
	b.checkFiles()
}
