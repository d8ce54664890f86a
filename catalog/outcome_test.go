package catalog

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/notionlake/notionlake/lake"
)

// What became of a commit is seen from what the tables hold.
func TestLanded(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	storage, err := lake.OpenStorage(ctx, lake.StorageOptions{URL: filepath.Join(dir, "lake")})
	if err != nil {
		t.Fatal(err)
	}
	defer storage.Close()
	c, err := Open(ctx, Options{URI: filepath.Join(dir, "catalog.db"), Storage: storage})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	schema := func(key string) lake.Schema {
		return lake.Schema{Table: key, Key: key, Columns: []lake.Column{lake.Field("x", lake.String)}}
	}
	publish := func(id lake.LoadID, keys ...string) {
		t.Helper()
		p := lake.Publication{Load: lake.Load{ID: id}}
		for _, key := range keys {
			st, err := c.Stage(ctx, schema(key), lake.Replace)
			if err != nil {
				t.Fatal(err)
			}
			p.Changes = append(p.Changes, lake.Change{Staged: st})
		}
		if _, err := c.Publish(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	const first, second, third = "20261121T030000Z", "20261121T030001Z", "20261121T030002Z"
	publish(first, "a", "b")
	publish(second, "a", "b")
	l, err := c.list(ctx)
	if err != nil {
		t.Fatal(err)
	}
	a, b := l.byKey("a").location, l.byKey("b").location
	for _, test := range []struct {
		name    string
		load    lake.LoadID
		a, b    string // the metadata files that the attempt wrote
		done    bool
		unknown bool
	}{
		{"landed", second, a, b, true, false},
		{"landed and overtaken", first, "file:///old-a", "file:///old-b", true, false},
		{"not landed", third, "file:///new-a", "file:///new-b", false, false},
		{"one table only", third, a, "file:///new-b", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			at := &attempt{Catalog: c, load: lake.Load{ID: test.load}}
			at.targets = []*target{{attempt: at, key: "a", name: "a", metadata: test.a}}
			at.tagged = []*target{{attempt: at, key: "b", name: "b", metadata: test.b}}
			canceled, cancel := context.WithCancel(ctx)
			cancel() // it looks all the same
			done, err := at.landed(canceled, nil)
			if done != test.done || (err != nil) != test.unknown {
				t.Errorf("landed: %v, %v", done, err)
			}
		})
	}
}
