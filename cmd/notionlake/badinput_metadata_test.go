package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

func badMetadataMissing(t *testing.T) {
	badMetadata(t, "tasks", os.Remove)
	badMetadata(t, "_loads", os.Remove)
	badFirstMetadata(t, "tasks", os.Remove)
	badFirstMetadata(t, "_loads", os.Remove)
}

func badMetadataDamaged(t *testing.T) {
	badMetadata(t, "tasks", func(file string) error { return os.Truncate(file, 100) })
	badMetadata(t, "tasks", func(file string) error { return os.WriteFile(file, []byte("\x00\xff no JSON"), 0o600) })
	badMetadata(t, "tasks", func(file string) error { return os.WriteFile(file, []byte("{}"), 0o600) })
	badFirstMetadata(t, "tasks", func(file string) error { return os.Truncate(file, 0) })
}

// badMetadata damages the metadata file of a table, and does what is then said to cure it.
func badMetadata(t *testing.T, table string, damage func(file string) error) {
	t.Helper()
	w, steps := notiontest.Demo(1)
	b := newBenchOf(t, w, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	for _, s := range steps {
		s.Apply()
	}
	b.call("run").wants(t, exitDone)
	before := b.rowsOf(table)
	current, previous := b.metadataOf(table)
	if err := damage(current); err != nil {
		t.Fatal(err)
	}
	b.saysDamaged(table, current, "copy the one before it, file://"+previous+", to its place: the next `notionlake run` goes on from there")
	text, err := os.ReadFile(previous)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(current, text, 0o600); err != nil {
		t.Fatal(err)
	}
	b.call("run").wants(t, exitDone)
	if rows := b.rowsOf(table); rows != before { // _loads lost the row of a load, and got one
		t.Errorf("%s has %d rows, had %d", table, rows, before)
	}
	b.call("maintain", "--orphan-age", "1ns").wants(t, exitDone)
	b.checkFiles()
	b.readAll()
	b.call("check").wants(t, exitDone)
}

// badFirstMetadata does so where there is no metadata file before it.
func badFirstMetadata(t *testing.T, table string, damage func(file string) error) {
	t.Helper()
	b := newBench(t, notiontest.Options{})
	b.call("run").wants(t, exitDone)
	before := b.look()
	file, _ := b.metadataOf(table)
	if err := damage(file); err != nil {
		t.Fatal(err)
	}
	b.saysDamaged(table, file, "drop the table from the catalog: the next `notionlake run` begins it anew")
	if _, err := b.catalogFile().Exec(`DELETE FROM iceberg_tables WHERE table_name = ?`, table); err != nil {
		t.Fatal(err)
	}
	run := []string{"run"}
	if table == "_loads" {
		b.call("run").wants(t, exitStorage, "`notionlake run --full` makes the table anew")
		run = append(run, "--full")
	}
	b.call(run[0], run[1:]...).wants(t, exitDone)
	if after := b.look(); len(after) != len(before) {
		t.Errorf("the tables are\n%v\nwere\n%v", after, before)
	}
	b.readAll()
	b.call("run").wants(t, exitDone)
	b.call("check").wants(t, exitDone)
}

// saysDamaged fails unless every command tells of the metadata file of a table, with the
// cure and no other one.
func (b *bench) saysDamaged(table, file, cure string) {
	b.t.Helper()
	for _, args := range [][]string{{"head", table}, {"tables"}, {"loads"}, {"run"}, {"run", "--full"}, {"check"}, {"maintain"}} {
		r := b.call(args[0], args[1:]...)
		r.wants(b.t, exitStorage, "table "+table+": ", filepath.Base(file), "restore it from a backup, or "+cure)
		for _, other := range []string{"notionlake run --full", "notionlake expire"} {
			if strings.Contains(r.stdout+r.stderr, other) {
				b.t.Errorf("%v advises %s:\n%s%s", args, other, r.stdout, r.stderr)
			}
		}
		if line := r.stderr[strings.LastIndex(strings.TrimSpace(r.stderr), "\n")+1:]; strings.Count(line, "backup") != 1 {
			b.t.Errorf("%v says\n%s", args, line)
		}
	}
}

// metadataOf are the paths of the metadata file of a table and of the one before it, ""
// where there is none.
func (b *bench) metadataOf(table string) (current, previous string) {
	b.t.Helper()
	row := b.catalogFile().QueryRow(`SELECT metadata_location, COALESCE(previous_metadata_location, '') FROM iceberg_tables WHERE table_name = ?`, table)
	if err := row.Scan(&current, &previous); err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimPrefix(current, "file://"), strings.TrimPrefix(previous, "file://")
}

// rowsOf is how many rows a table has now.
func (b *bench) rowsOf(table string) int64 {
	b.t.Helper()
	for _, s := range b.look() {
		if s.Name == table {
			return s.Rows
		}
	}
	b.t.Fatalf("no table %s", table)
	return 0
}
