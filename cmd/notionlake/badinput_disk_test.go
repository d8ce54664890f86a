package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/catalog/sqlitetest"
	"github.com/notionlake/notionlake/extract/notiontest"
)

// badDisk has no room on the disk any more: for a data file, for what the catalog is made
// of, and for the catalog's own file.
func badDisk(t *testing.T) {
	for name, part := range map[string]string{
		"data": ".parquet", "manifest": "-m0.avro", "manifest list": "/snap-", "metadata": ".metadata.json", "journal": "/journal/",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			badDiskAt(t, part)
		})
	}
	t.Run("version hint", badDiskAtHint)
	t.Run("catalog", badDiskOfCatalog)
	t.Run("new catalog", badDiskOfNewCatalog)
}

// writing are the points before something takes room on the disk.
var writing = []string{"storage.create", "storage.write", "storage.sync", "storage.close"}

// badDiskAt fills the disk as a file is written: nothing more can be, but files can go.
func badDiskAt(t *testing.T, part string) {
	b, saved := newSavedBench(t)
	before := b.look()
	for _, at := range []string{"storage.write", "storage.sync"} {
		b.restore(saved)
		var full atomic.Bool
		b.callAt(func(name, key string) error {
			if name == at && strings.Contains(key, part) {
				full.Store(true)
			}
			if full.Load() && slices.Contains(writing, name) {
				return syscall.ENOSPC
			}
			return nil
		}, "run").wants(t, exitStorage, "no space left on the disk", filepath.Join(b.dir, "lake"))
		if !full.Load() {
			t.Fatalf("invalid: no %s of a file %s", at, part)
		}
		b.unharmed(before)
	}
}

// badDiskAtHint has the disk full when all is published: what was read counts.
func badDiskAtHint(t *testing.T) {
	t.Parallel()
	b, _ := newSavedBench(t)
	before := b.look()
	var written, full atomic.Bool
	b.callAt(func(name, key string) error {
		switch {
		case name == "catalog.write-metadata.done":
			written.Store(true)
		case written.Load() && strings.HasSuffix(key, "/version-hint.text"):
			full.Store(true)
		}
		if full.Load() && slices.Contains(writing, name) {
			return syscall.ENOSPC
		}
		return nil
	}, "run").wants(t, exitDone)
	after := b.look()
	for n, table := range after {
		if table.LoadID != after[0].LoadID || table.LoadID == before[n].LoadID {
			t.Errorf("%s is of load %s, was of %s", table.Name, table.LoadID, before[n].LoadID)
		}
	}
	if !full.Load() {
		t.Error("invalid: no hint")
	}
	b.unharmed(after)
}

// badDiskOfCatalog gives the catalog's file a page more each time, until a load finds room.
func badDiskOfCatalog(t *testing.T) {
	t.Parallel()
	b, saved := newSavedBench(t)
	before := b.look()
	file := filepath.Join(b.dir, "lake", "catalog.db")
	failed := 0
	for more := 0; ; more++ {
		b.restore(saved)
		var r result
		sqlitetest.WithRoom(file, sqlitetest.Pages(t, file)+more, func() { r = b.call("run") })
		if r.code == exitDone {
			break
		}
		failed++
		r.wants(t, exitStorage, file, "no space left on the disk", "the tables stay at their last load")
		b.unharmed(before)
		if t.Failed() || more > 50 {
			t.Fatalf("%d pages more", more)
		}
	}
	if failed == 0 {
		t.Error("invalid: there was always room")
	}
	b.readAll()
	b.checkFiles()
}

// badDiskOfNewCatalog does so with the first load.
func badDiskOfNewCatalog(t *testing.T) {
	t.Parallel()
	b := newBench(t, notiontest.Options{})
	file := filepath.Join(b.dir, "lake", "catalog.db")
	failed := 0
	for pages := 1; ; pages++ {
		var r result
		sqlitetest.WithRoom(file, pages, func() { r = b.call("run") })
		if r.code == exitDone {
			break
		}
		failed++
		r.wants(t, exitStorage, file, "no space left on the disk")
		if t.Failed() || pages > 50 {
			t.Fatalf("%d pages", pages)
		}
	}
	if failed < 3 {
		t.Errorf("invalid: %d loads had no room", failed)
	}
	b.readAll()
	b.checkFiles()
}

// newSavedBench has had a load, a copy of its lake, and changes for another load.
func newSavedBench(t *testing.T) (b *bench, saved string) {
	t.Helper()
	w, steps := notiontest.Demo(1)
	b = newBenchOf(t, w, notiontest.Options{})
	b.call("run", "--as-load", "20260101T000000Z").wants(t, exitDone)
	saved = filepath.Join(b.dir, "saved")
	if err := os.CopyFS(saved, os.DirFS(filepath.Join(b.dir, "lake"))); err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		s.Apply()
	}
	return b, saved
}

// restore puts the saved lake in the place of what there is.
func (b *bench) restore(saved string) {
	b.t.Helper()
	dir := filepath.Join(b.dir, "lake")
	if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(saved))); err != nil {
		b.t.Fatal(err)
	}
}

// unharmed fails unless all is as it was after a load that failed, nothing of that is left,
// and the next one is done.
func (b *bench) unharmed(before []seen) {
	b.t.Helper()
	if d := cmp.Diff(before, b.look()); d != "" {
		b.t.Errorf("the tables are not what they were: %s", d)
	}
	b.readAll()
	b.checkFiles()
	b.call("run").wants(b.t, exitDone)
	b.checkFiles()
}
