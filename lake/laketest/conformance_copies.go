package laketest

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
)

// filesSchema is what the lake wants of the table of files.
var filesSchema = lake.Schema{Table: lake.CopiesTable, Key: lake.CopiesTable, Columns: []lake.Column{
	{Key: "name", Name: "name", Type: text}, {Key: "path", Name: "path", Type: text},
}}

// copyOf makes a copy of a content and returns its URI.
func (b *bench) copyOf(content string) string {
	b.t.Helper()
	copies := lake.NewCopies(b.storage, b.catalog)
	copied, err := copies.Add(b.t.Context(), sha256.Sum256([]byte(content)), ".txt", strings.NewReader(content))
	if err != nil {
		b.t.Fatal(err)
	}
	b.ageCopies(content, 48*time.Hour)
	return copies.URI(copied)
}

// ageCopies makes the copy of a content as old as that.
func (b *bench) ageCopies(content string, age time.Duration) {
	b.t.Helper()
	at := b.at.Add(-age)
	for copied, err := range lake.NewCopies(b.storage, b.catalog).List(b.t.Context()) {
		if err != nil {
			b.t.Fatal(err)
		}
		if copied.Sum != sha256.Sum256([]byte(content)) {
			continue
		}
		if err := os.Chtimes(filepath.Join(strings.TrimPrefix(b.storage.Root(), "file://"), copied.Key), at, at); err != nil {
			b.t.Fatal(err)
		}
	}
}

// filesTable names copies.
func filesTable(uris ...string) lake.Table {
	rows := [][]lake.Value{{lake.TextValue("a file without a copy"), {}}}
	for _, uri := range uris {
		rows = append(rows, []lake.Value{lake.TextValue("a file"), lake.TextValue(uri)})
	}
	return Table(filesSchema, rows...)
}

// hasCopies fails unless the copies that are there are of these contents.
func (b *bench) hasCopies(when string, contents ...string) {
	b.t.Helper()
	var want, got []string
	for _, content := range contents {
		want = append(want, lake.Sum(sha256.Sum256([]byte(content))).String())
	}
	for copied, err := range lake.NewCopies(b.storage, b.catalog).List(b.t.Context()) {
		if err != nil {
			b.t.Fatal(err)
		}
		got = append(got, copied.Sum.String())
	}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(want, got) {
		b.t.Errorf("copies %s: %s", when, cmp.Diff(want, got))
	}
}

// testCopies names copies in several loads.
func testCopies(t *testing.T, b *bench) {
	plan := lake.Maintenance{Orphans: 24 * time.Hour}
	left := b.copyOf("left by a run before there was a table")
	b.load(Table(wide, oneRow))
	if report := b.maintain(plan); report.Copies.Files > 0 {
		t.Errorf("without a table of files: %+v", report.Copies)
	}
	first, second, third := b.copyOf("first"), b.copyOf("second"), b.copyOf("third")
	b.load(Table(wide, oneRow), filesTable(first, second))
	b.load(Table(wide, oneRow), filesTable(second, third))
	b.load(Table(wide, oneRow)) // files are switched off: the table stays at its last load
	b.copyOf("young")
	b.ageCopies("young", -1000*time.Hour)
	if strings.HasPrefix(left, "file:") { // as a killed process leaves it
		key, _ := b.storage.Key(left)
		if err := b.storage.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if err := b.storage.WriteAll(t.Context(), key+".1234.tmp", []byte("half")); err != nil {
			t.Fatal(err)
		}
		at := b.at.Add(-48 * time.Hour)
		if err := os.Chtimes(filepath.Join(strings.TrimPrefix(b.storage.Root(), "file://"), key+".1234.tmp"), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if report := b.maintain(plan); report.Copies != (lake.FileCount{Files: 1, Bytes: 4}) {
		t.Errorf("report: %+v", report.Copies)
	}
	b.hasCopies("that some load names", "first", "second", "third", "young")
	plan.Retention = lake.Retention{Last: 2}
	if report := b.maintain(plan); report.Copies != (lake.FileCount{Files: 1, Bytes: int64(len("first"))}) {
		t.Errorf("report: %+v", report.Copies)
	}
	b.hasCopies("that a load names which is kept", "second", "third", "young")
	b.ageCopies("young", 48*time.Hour)
	if report := b.maintain(plan); report.Copies.Files != 1 {
		t.Errorf("report: %+v", report.Copies)
	}
	b.hasCopies("that a load names", "second", "third")
}

// testCopiesHeld holds a load that names a copy.
func testCopiesHeld(t *testing.T, b *bench) {
	plan := lake.Maintenance{Orphans: 24 * time.Hour}
	b.load(Table(wide, oneRow), filesTable())
	held := b.held(Table(wider, newRow), filesTable(b.copyOf("held")))
	b.copyOf("nobody's")
	b.maintain(plan)
	b.hasCopies("while a load is held", "held", "nobody's")
	if _, err := b.loader().PublishHeld(t.Context(), held.LoadID); err != nil {
		t.Fatal(err)
	}
	b.maintain(plan)
	b.hasCopies("once it is published", "held")
	held = b.held(Table(wide, oneRow), filesTable(b.copyOf("discarded")))
	if err := b.loader().Discard(t.Context(), held.LoadID); err != nil {
		t.Fatal(err)
	}
	b.maintain(plan)
	b.hasCopies("once it is discarded", "held")
}
