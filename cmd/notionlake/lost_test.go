package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A load that has lost a file is not made current again: the tables stay as they are.
func TestRollbackToWhatIsLost(t *testing.T) {
	t.Parallel()
	w, steps := notiontest.Demo(1)
	b := newBenchOf(t, w, notiontest.Options{})
	first := b.call("run", "--json").report(t)
	old, err := filepath.Glob(filepath.Join(b.dir, "lake", "notion", "fixed-pages", "data", "*.parquet"))
	if err != nil || len(old) != 1 {
		t.Fatalf("%v, %v", old, err)
	}
	for _, s := range steps {
		s.Apply()
	}
	second := b.call("run", "--json").report(t)
	if second.table("_pages").ReusedFiles != 0 {
		t.Fatal("nothing has changed")
	}
	if err := os.Remove(old[0]); err != nil {
		t.Fatal(err)
	}
	r := b.call("rollback", "--to", string(first.LoadID))
	r.wants(t, exitStorage)
	if !strings.Contains(r.stderr, filepath.Base(old[0])) || !strings.Contains(r.stderr, "as they were") {
		t.Errorf("it says %q", r.stderr)
	}
	b.call("head", "_pages").wants(t, exitDone)
	if r := b.call("loads"); strings.Contains(r.stdout, "rollback") {
		t.Errorf("there is a rollback:\n%s", r.stdout)
	}
}
