package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A table that another program dropped is told of before it begins anew.
func TestDropped(t *testing.T) {
	t.Parallel()
	b := newBench(t, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	if r := b.call("run"); r.code != exitDone || strings.Contains(r.stderr, "dropped") {
		t.Errorf("nothing was dropped: %d\n%s", r.code, r.stderr)
	}
	db, err := sql.Open("sqlite", filepath.Join(b.dir, "lake", "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`DELETE FROM iceberg_tables WHERE table_name = 'tasks'`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if r := b.call("check"); r.code != exitDone || !strings.Contains(r.stdout, "tasks of load") {
		t.Errorf("check: %d\n%s", r.code, r.stdout)
	}
	if r := b.call("run"); r.code != exitDone || !strings.Contains(r.stderr, "dropped or renamed") || !strings.Contains(r.stderr, "tasks") {
		t.Errorf("run: %d\n%s", r.code, r.stderr)
	}
	if r := b.call("run"); r.code != exitDone || strings.Contains(r.stderr, "dropped") {
		t.Errorf("run again: %d\n%s", r.code, r.stderr)
	}
}
