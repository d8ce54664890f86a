package extract

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/extract/notiontest/truth"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// copiesIn are copies in a folder of the test.
func copiesIn(t *testing.T) *lake.Copies {
	t.Helper()
	s, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: t.TempDir(), Sync: func(*os.File) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return lake.NewCopies(s, laketest.NewCatalog())
}

// fileOptions copies the files of a server.
func fileOptions(t *testing.T, server *notiontest.Server, copies *lake.Copies) Options {
	o := contentOptions(newClient(t, server))
	o.Files = Files{Copies: copies, Transport: server.FileTransport()}
	return o
}

var copyPath = regexp.MustCompile(`^file:///.*/_notionlake/tables/files/([0-9a-f]{2})/([0-9a-f]{62})(\.[a-z0-9]+)?$`)

// withoutFolders makes the paths of copies in all tables what the truth says of them.
func withoutFolders(tables map[string]*memoryTable) map[string]*memoryTable {
	short := map[string]*memoryTable{}
	for key, m := range tables {
		c := *m
		c.rows = nil
		for _, row := range m.rows {
			values := make([]lake.Value, len(row))
			for i, v := range row {
				values[i] = withoutFolder(v)
			}
			c.rows = append(c.rows, values)
		}
		short[key] = &c
	}
	return short
}

func withoutFolder(v lake.Value) lake.Value {
	switch v.Kind() {
	case lake.String:
		if m := copyPath.FindStringSubmatch(v.Text()); m != nil {
			return lake.TextValue(truth.PathOf(m[1] + m[2]))
		}
	case lake.List, lake.Struct:
		items := make([]lake.Value, len(v.Items()))
		for i, item := range v.Items() {
			items[i] = withoutFolder(item)
		}
		if v.Kind() == lake.List {
			return lake.ListValue(items)
		}
		return lake.StructValue(items...)
	case lake.Invalid, lake.Bool, lake.Int64, lake.Float64, lake.JSON, lake.Timestamp:
	}
	return v
}

// TestFilesTruth compares the tables of a workspace with everything in it, its
// files copied, with what the model says, while Notion and the servers of files fail.
func TestFilesTruth(t *testing.T) {
	seeds := uint64(2)
	if raced {
		seeds = 1 // and one load of it: a minute
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := notiontest.Everything(1)
				server := notiontest.NewServer(w, notiontest.Options{
					Shuffle: true, ShortPages: true, Seed: seed, FileFaults: 0.3, Faults: notiontest.Faults{Rate: 0.05, Seed: seed},
				})
				l, copies := newMemoryLake(), copiesIn(t)
				var state *truth.State
				for n, limit := range []int64{0, 0, 100_000} {
					o := fileOptions(t, server, copies)
					if o.Files.MaxBytes = limit; limit > 0 {
						o.Files.Types = []string{"image/*", "application/*"}
					}
					load := fmt.Sprintf("20260101T%06dZ", n)
					source := NewSource(o)
					got, err := l.run(t.Context(), load, source)
					if err != nil {
						t.Fatal(err)
					}
					if err := source.Close(); err != nil {
						t.Fatal(err)
					}
					state = compareTables(t, w, state, truth.Options{Load: load, Content: true, Files: &truth.Files{MaxBytes: limit, Types: o.Files.Types}}, withoutFolders(got))
					if t.Failed() || raced {
						return
					}
				}
				if stats := server.Stats(); stats.Faults["file_cut"]+stats.Faults["file_reset"]+stats.Faults["file_expired"] < 5 {
					t.Errorf("faults of files: %v", stats.Faults)
				}
			})
		})
	}
}

// problemWords are the kinds in _problems with how many rows they have.
func problemWords(tables map[string]*memoryTable, prefix string) map[string]int {
	counts := map[string]int{}
	for _, p := range problemsOf(tables) {
		if kind, _, _ := strings.Cut(p, " "); strings.HasPrefix(kind, prefix) {
			counts[kind]++
		}
	}
	return counts
}
