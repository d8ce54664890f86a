package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// newLoadsBench has so many loads of few tables, 20260101T000000Z and those of the days after
// it, and lets all but the last keep expire.
func newLoadsBench(t *testing.T, loads, keep int) *bench {
	t.Helper()
	b := newBench(t, notiontest.Options{})
	b.configure("content: {pages: false, blocks: false, comments: false, markdown: false, users: false, views: false}\n" +
		fmt.Sprintf("retention: {keep_last: %d, keep_daily: 0, keep_weekly: 0, keep_monthly: 0}\n", keep))
	for i := range loads {
		b.call("run", "--as-load", fmt.Sprintf("202601%02dT000000Z", i+1)).wants(t, exitDone)
	}
	return b
}

// failing fails at the points of that name whose key has a text in it.
func failing(at, text string) lake.Point {
	return func(name, key string) error {
		if name == at && strings.Contains(key, text) {
			return errors.New("injected")
		}
		return nil
	}
}

// maintenance is the report that `maintain --json` printed.
func (r result) maintenance(t *testing.T) (m lake.MaintenanceReport) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.stdout), &m); err != nil {
		t.Fatalf("%v:\n%s%s", err, r.stdout, r.stderr)
	}
	return m
}

// wantsText fails where what was printed has no such text, or has one of others.
func (r result) wantsText(t *testing.T, text string, others ...string) {
	t.Helper()
	if !strings.Contains(r.stdout, text) {
		t.Errorf("it does not say %q:\n%s", text, r.stdout)
	}
	for _, other := range others {
		if strings.Contains(r.stdout, other) {
			t.Errorf("it says %q:\n%s", other, r.stdout)
		}
	}
}

// A compaction that failed is not told as done, nor that there was nothing to do.
func TestMaintainCannotCompact(t *testing.T) {
	t.Parallel()
	for _, isJSON := range []bool{false, true} {
		b := newLoadsBench(t, 9, 8)
		args := []string{"maintain"}
		if isJSON {
			args = append(args, "--json")
		}
		r := b.callAt(failing("storage.create", "compacted"), args[0], args[1:]...)
		r.wants(t, exitStorage, "compact: ", "injected")
		if isJSON {
			if m := r.maintenance(t); len(m.Compacted) > 0 || len(m.Expired) != 1 {
				t.Errorf("%+v", m)
			}
		} else {
			r.wantsText(t, "1 load expired:", "compacted", "nothing to compact")
		}
		b.call("maintain").wantsText(t, "table _loads compacted: ")
		b.checkFiles()
	}
}

// What could not be deleted is not told as deleted: it is told who deletes it.
func TestMaintainCannotDelete(t *testing.T) {
	t.Parallel()
	b := newLoadsBench(t, 3, 3)
	orphan := func(name string) string {
		found, err := filepath.Glob(filepath.Join(b.dir, "lake", "notion", "*", "data"))
		if err != nil || len(found) == 0 {
			t.Fatalf("%v, %v", found, err)
		}
		file := filepath.Join(found[0], name)
		old := time.Now().Add(-48 * time.Hour)
		if err := errors.Join(os.WriteFile(file, []byte("12345678"), 0o600), os.Chtimes(file, old, old)); err != nil {
			t.Fatal(err)
		}
		return file
	}
	stays, goes := orphan("stays.parquet"), orphan("goes.parquet")
	r := b.callAt(failing("storage.delete", "stays"), "maintain")
	r.wants(t, exitStorage, "stays.parquet")
	r.wantsText(t, "1 file (8 B) that nothing names deleted:\n", "nothing to compact")
	r.wantsText(t, "1 file that nothing names could not be deleted: the next maintain tries it again:\n")
	if _, err := os.Stat(goes); !os.IsNotExist(err) {
		t.Error(err)
	}
	r = b.callAt(failing("storage.delete", "stays"), "maintain", "--json")
	r.wants(t, exitStorage)
	if m := r.maintenance(t); m.Orphans.Files != 0 || len(m.Orphans.Keys) > 0 || len(m.Orphans.Left) != 1 {
		t.Errorf("%+v", m.Orphans)
	}
	b.call("maintain").wantsText(t, "1 file (8 B) that nothing names deleted:\n", "could not be deleted")
	if _, err := os.Stat(stays); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// The files of loads that have expired and that could not be deleted are those of the next run.
func TestExpireCannotDelete(t *testing.T) {
	t.Parallel()
	var files []lake.FileCount
	for _, fails := range []string{"nothing", ".parquet", ".parquet json"} {
		b := newLoadsBench(t, 3, 3)
		args := []string{"expire", "--keep-last", "1"}
		if strings.HasSuffix(fails, "json") || fails == "nothing" {
			args = append(args, "--json")
		}
		text, _, _ := strings.Cut(fails, " ")
		r := b.callAt(failing("storage.delete", text), args[0], args[1:]...)
		switch fails {
		case "nothing":
			r.wants(t, exitDone)
			m := r.maintenance(t)
			files = append(files, m.Files)
			if m.FilesLeft.Files > 0 {
				t.Errorf("left %+v", m.FilesLeft)
			}
			continue
		case ".parquet":
			r.wants(t, exitStorage, "the loads have expired, but not all of their files could be deleted, which the next run does")
			r.wantsText(t, "that only those loads needed could not be deleted: the next run deletes them\n")
		default:
			r.wants(t, exitStorage)
			m := r.maintenance(t)
			if m.FilesLeft.Files == 0 || m.Files.Files == 0 || m.Files.Files+m.FilesLeft.Files != files[0].Files {
				t.Errorf("deleted %+v, left %+v, and in all there are %+v", m.Files, m.FilesLeft, files[0])
			}
		}
		left := slices.DeleteFunc(b.tableFiles(), func(name string) bool { return !strings.HasSuffix(name, ".parquet") })
		b.call("run").wants(t, exitDone)
		b.checkFiles()
		if len(left) == 0 {
			t.Error("no file was left")
		}
	}
}
