package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// A manifest whose rows can be read, but whose header other engines refuse, is damaged: it
// is said, and the next load does without it.
func TestDamagedHeader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ what, is, becomes string }{
		{"no text", `"doc":"Location`, "\"doc\":\"\x8bocation"},
		{"no field ID", `"field-id":103,`, `"fielD-id":103,`},
	} {
		b := newBench(t, notiontest.Options{})
		b.call("run").wants(t, exitDone)
		first := b.ledgerOf()[0].LoadID
		folder := filepath.Dir(b.manifestList("tasks", first))
		manifests, err := filepath.Glob(filepath.Join(folder, "*-m0.avro"))
		if err != nil || len(manifests) != 1 {
			t.Fatal(manifests, err)
		}
		data, err := os.ReadFile(manifests[0])
		if err != nil || !bytes.Contains(data, []byte(c.is)) {
			t.Fatalf("%s: %v", manifests[0], err)
		}
		if err := os.WriteFile(manifests[0], bytes.Replace(data, []byte(c.is), []byte(c.becomes), 1), 0o644); err != nil {
			t.Fatal(err)
		}
		b.call("check").wants(t, exitStorage, "is damaged", "tasks")
		b.call("run").wants(t, exitDone)
		b.call("check").wants(t, exitDone)
		now, err := filepath.Glob(filepath.Join(folder, "*-m0.avro"))
		if err != nil || len(now) != 2 {
			t.Errorf("%s: manifests %v, %v", c.what, now, err)
		}
		b.call("rollback", "--to", string(first)).wants(t, exitStorage, "is damaged")
		if !slices.Contains(now, manifests[0]) {
			t.Errorf("%s: the manifest of a load that is kept is gone", c.what)
		}
	}
}
