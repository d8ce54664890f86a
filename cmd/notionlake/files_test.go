package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// checkCopies fails for a copy that is not there, and adds those that are to named.
func (b *bench) checkCopies(l *lakeAt, named map[string]bool) {
	b.t.Helper()
	states, err := l.catalog.States(b.t.Context(), lake.CopiesTable)
	if err != nil {
		b.t.Fatal(err)
	}
	there := map[string]bool{}
	for copied, err := range lake.NewCopies(l.storage, l.catalog).List(b.t.Context()) {
		if err != nil {
			b.t.Fatal(err)
		}
		there[copied.Key] = true
	}
	for _, t := range states {
		files, err := t.Files(b.t.Context())
		if err != nil {
			b.t.Fatal(err)
		}
		column := slices.IndexFunc(t.Schema.Columns, func(c lake.Column) bool { return c.Name == "path" })
		for row, err := range lake.ReadFiles(b.t.Context(), l.storage, t.Schema, t.Layout, files) {
			if err != nil {
				b.t.Fatal(err)
			}
			if path := row.Values[column]; !path.IsNull() {
				key, _ := l.storage.Key(path.Text())
				if named[key] = true; !there[key] {
					b.t.Errorf("the copy %s is not there", path)
				}
			}
		}
	}
}

// copies are the files below the copies' folder.
func (b *bench) copies() []string {
	b.t.Helper()
	found, err := filepath.Glob(filepath.Join(b.dir, "lake", "_notionlake", "notion", "files", "*", "*"))
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

// A configuration with files copies those of a server on this machine, and maintain
// deletes what no load names any more.
func TestFiles(t *testing.T) {
	w, _ := notiontest.Filed(1)
	b := newBenchOf(t, w, notiontest.Options{})
	b.configure("content: {files: {max_size: 100KB, types: [image/*, pdf, text]}}\nretention: {keep_last: 1, keep_daily: 0, keep_weekly: 0, keep_monthly: 0}\n")
	plan := b.call("plan")
	plan.wants(t, exitDone)
	if !strings.Contains(plan.stdout, "_files") || !strings.Contains(plan.stdout, "files are fetched besides") {
		t.Errorf("the plan: %s", plan.stdout)
	}
	if n := len(b.copies()); n > 0 {
		t.Errorf("a plan copied %d files", n)
	}
	r := b.call("run", "--as-load", "20260101T000000Z")
	r.wants(t, exitDone, "files were not copied", "kind=file_not_copied places=", "a file is not fetched from where its URL leads")
	first := len(b.copies())
	if first < 20 {
		t.Fatalf("%d copies", first)
	}
	b.checkFiles()
	if !regexp.MustCompile(`(?m)^files: \d\d copied \(\d+ B\), 0 carried over, \d+ skipped \(\d+ blocked, \d+ not_found, .*\)$`).MatchString(r.stdout) {
		t.Errorf("the report says nothing of files:\n%s", r.stdout)
	}
	again := b.call("run", "--as-load", "20260102T000000Z", "--json")
	again.wants(t, exitDone)
	var report lake.Report
	if err := json.Unmarshal([]byte(again.stdout), &report); err != nil {
		t.Fatal(err)
	}
	if f := report.Files; f == nil || f.CarriedOver < 20 || f.Skipped == 0 || f.SkippedBy["blocked"] == 0 {
		t.Errorf("the second report counts %+v", f)
	}
	if n := len(b.copies()); n != first {
		t.Errorf("%d copies, then %d", first, n)
	}
	w.Update(func(tx *notiontest.Tx) {
		tx.AddFile("/public/logo.png", notiontest.Served{Type: "image/png", Data: []byte("another logo")})
	})
	b.call("run", "--as-load", "20260103T000000Z").wants(t, exitDone)
	if n := len(b.copies()); n != first+1 {
		t.Errorf("%d copies, want %d", n, first+1)
	}
	b.call("maintain").wants(t, exitDone)
	if n := len(b.copies()); n != first+1 {
		t.Errorf("young copies are deleted: %d, want %d", n, first+1)
	}
	for _, file := range b.copies() {
		old := time.Now().Add(-48 * time.Hour)
		if err := os.Chtimes(file, old, old); err != nil {
			t.Fatal(err)
		}
	}
	dry := b.call("maintain", "--dry-run")
	dry.wants(t, exitDone)
	if done := b.call("maintain"); !strings.Contains(done.stdout, "1 copy of files (") || !strings.Contains(dry.stdout, "would be deleted") {
		t.Errorf("maintain says %s, and the dry run %s", done.stdout, dry.stdout)
	}
	if n := len(b.copies()); n != first {
		t.Errorf("%d copies, want %d", n, first)
	}
	b.checkFiles()
}

// A warehouse that has no room for a copy ends the load, and the next one goes on.
func TestFilesDiskFull(t *testing.T) {
	w, _ := notiontest.Filed(1)
	b := newBenchOf(t, w, notiontest.Options{})
	b.configure("content: {files: true}\n")
	var copies atomic.Int64
	full := func(name, key string) error {
		if name == "storage.write" && strings.Contains(key, "_notionlake/notion/files/") && copies.Add(1) > 10 {
			return syscall.ENOSPC
		}
		return nil
	}
	b.callAt(full, "run", "--as-load", "20260101T000000Z").wants(t, exitStorage, "no space left on the disk")
	left := len(b.copies())
	if left == 0 {
		t.Error("no copy at all was written")
	}
	b.call("run", "--as-load", "20260102T000000Z").wants(t, exitDone)
	b.checkFiles()
	if n := len(b.copies()); n < left {
		t.Errorf("%d copies, %d before", n, left)
	}
}

func TestFilesConfiguration(t *testing.T) {
	for text, want := range map[string]string{
		"true": "", "false": "", "{}": "", "{max_size: 10MB}": "", "{max_size: 1.5GiB, types: [video, application/*+xml]}": "",
		"yes": "is expected", "{max_size: 10}": "a size like 100MB", "{max_size: -1MB}": "a size like 100MB", "{max_size: 0KB}": "a size like 100MB",
		"{types: []}": "a list of MIME types", "{types: image}": "a list of MIME types", "{types: [a/b/c]}": "a MIME type", "{size: 1MB}": "max_size",
	} {
		file := writeConfig(t, "content: {files: "+text+"}\n")
		_, err := newTestProgram(nil).readConfig(file)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("files: %s: %v", text, err)
		}
	}
	for address, want := range map[string]string{
		"https://api.notion.com": "[]", "http://127.0.0.1:80": "[127.0.0.1:80]", "http://localhost:9": "[127.0.0.1:9 [::1]:9]", "http://[::1]": "[[::1]:80]", "http://10.0.0.1:9": "[]",
	} {
		if got := strings.Trim(strings.ReplaceAll(jsonOf(t, loopbackOf(address)), `"`, ""), " "); strings.ReplaceAll(got, ",", " ") != want && !(want == "[]" && got == "null") {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
