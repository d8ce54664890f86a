package main

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// dataFiles are the data files of the warehouse by the table's folder.
func (b *bench) dataFiles() map[string]int {
	b.t.Helper()
	files := map[string]int{}
	root := filepath.Join(b.dir, "lake", "notion")
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") {
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			files[strings.Split(filepath.ToSlash(rel), "/")[0]]++
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return files
}

// Loads of a workspace in which nothing happens add no data file but to the
// tables that tell of the loads, and each of them reads as the one before.
func TestQuietNights(t *testing.T) {
	t.Parallel()
	w, steps := notiontest.Demo(1)
	b := newBenchOf(t, w, notiontest.Options{})
	load := func() report {
		r := b.call("run", "--json")
		r.wants(t, exitDone)
		return r.report(t)
	}
	rows := func(table, load string) string {
		r := b.call("head", table, "-n", "10000", "--json", "--at", load)
		r.wants(t, exitDone)
		_, rows, ok := strings.Cut(r.stdout, `"schema"`)
		if !ok {
			t.Fatalf("no rows:\n%s", r.stdout)
		}
		return rows
	}
	first := load()
	before := b.dataFiles()
	const quiet = 3
	var last report
	for range quiet {
		last = load()
	}
	want := map[string]int{}
	for folder, n := range before {
		want[folder] = n
		if folder == "fixed-loads" || folder == "fixed-properties" {
			want[folder] += quiet
		}
	}
	if d := cmp.Diff(want, b.dataFiles()); d != "" {
		t.Errorf("data files: %s", d)
	}
	for _, r := range last.Tables {
		if r.Name == "_properties" { // it tells of the load
			continue
		}
		if r.ReusedFiles != r.Files || r.ReusedBytes != r.Bytes || r.Files == 0 != (r.Rows == 0) {
			t.Errorf("table %s: %d of %d files reused, %d of %d bytes", r.Name, r.ReusedFiles, r.Files, r.ReusedBytes, r.Bytes)
		}
		if d := cmp.Diff(rows(r.Name, string(first.LoadID)), rows(r.Name, string(last.LoadID))); d != "" {
			t.Errorf("table %s: %s", r.Name, d)
		}
	}
	// What changes is written, and only that.
	for _, s := range steps {
		s.Apply()
	}
	changed := load()
	for name, reused := range map[string]bool{"tasks": false, "projects": false, "_pages": false, "_comments": true} {
		if r := changed.table(name); (r.ReusedFiles == r.Files) != reused {
			t.Errorf("table %s: %d of %d files reused", name, r.ReusedFiles, r.Files)
		}
	}
	if rows("tasks", string(last.LoadID)) == rows("tasks", string(changed.LoadID)) {
		t.Error("the changes are not seen")
	}
	b.call("rollback", "--to", string(first.LoadID)).wants(t, exitDone)
	b.call("expire", "--keep-last", "1").wants(t, exitDone)
	if d := cmp.Diff(before["fixed-pages"], b.dataFiles()["fixed-pages"]); d != "" {
		t.Errorf("data files once only the rollback is kept: %s", d)
	}
	b.call("check").wants(t, exitDone)
}
