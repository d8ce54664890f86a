package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// badRetention asks for what would leave no history, which is refused, and for
// the least that can be asked for, which leaves the newest load.
func badRetention(t *testing.T) {
	b := newBench(t, notiontest.Options{})
	b.call("expire", "--keep-last", "1").wants(t, 2, "there is no catalog")
	for _, id := range []string{"20260101T000000Z", "20260102T000000Z"} {
		b.call("run", "--as-load", id, "--log-level", "error").wants(t, 0)
	}
	for _, flag := range []string{"--keep-last", "--keep-daily", "--keep-weekly", "--keep-monthly"} {
		for _, n := range []string{"0", "-1"} {
			b.call("expire", flag, n).wants(t, 2, flag+" "+n, "at least 1", "the newest load never expires")
		}
		b.call("expire", flag, "many").wants(t, 2, flag)
	}
	for _, age := range []string{"0", "-1h", "0d", "-3d", "99999999w", "soon", ""} {
		b.call("expire", "--older-than", age).wants(t, 2, "--older-than", "90d")
		b.call("maintain", "--orphan-age", age).wants(t, 2, "--orphan-age", "90d")
	}
	for text, want := range map[string]string{
		"{keep_daily: 0, keep_weekly: 0, keep_monthly: 0}": "nothing would be kept but the newest load",
		"{keep_last: -1}":  "retention.keep_last -1",
		"{keep_yearly: 1}": "keep_yearly",
	} {
		b.configure("retention: " + text + "\n")
		b.call("maintain").wants(t, 2, "notionlake.yaml:2", want)
	}
	b.configure("")
	if got := len(b.look()); got < 9 {
		t.Fatalf("%d tables", got)
	}
	b.call("tables", "--at", "20260101T000000Z").wants(t, 0)
	before := b.look()
	b.call("expire", "--older-than", "1h").wants(t, 0)
	b.call("tables", "--at", "20260101T000000Z").wants(t, 2, "load 20260101T000000Z has expired", "the nearest are 20260102T000000Z")
	if after := b.look(); len(after) != len(before) || after[0] != before[0] {
		t.Errorf("the newest load: %v, was %v", after, before)
	}
	b.checkFiles()
}

// What lies among the folders of the tables and is of none of them is told as what it is.
func TestMaintainUnknown(t *testing.T) {
	t.Parallel()
	b := newBench(t, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	old := time.Now().Add(-48 * time.Hour)
	for _, name := range []string{"strange.txt", "gone/data/x.parquet"} {
		file := b.write(filepath.Join("lake", "notion", name), "x", 0o644)
		if err := os.Chtimes(file, old, old); err != nil {
			t.Fatal(err)
		}
	}
	r := b.call("maintain")
	r.wants(t, exitDone)
	for _, want := range []string{
		"1 folder of no table of the catalog: look at them, and delete them by hand:\n  notion/gone\n",
		"1 file in no table's folder: look at them, and delete them by hand:\n  notion/strange.txt\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("maintain does not say %q:\n%s", want, r.stdout)
		}
	}
	for _, name := range []string{"strange.txt", "gone/data/x.parquet"} {
		if _, err := os.Stat(filepath.Join(b.dir, "lake", "notion", name)); err != nil {
			t.Error(err)
		}
	}
}
