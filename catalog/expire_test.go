package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"
)

// storied is the metadata of a table with a history: loads A, B and C, of which A
// had another schema; another program's rows after A, on a branch from B and on
// top of C, where main is; a compaction after B; and a load that is held.
func storied(t *testing.T) table.Metadata {
	t.Helper()
	snapshot := func(id, parent, schema int, operation, load string) map[string]any {
		s := map[string]any{
			"snapshot-id": id, "sequence-number": id, "timestamp-ms": 1000 * id, "schema-id": schema, "manifest-list": fmt.Sprintf("file:///t/%d.avro", id),
			"summary": map[string]string{"operation": operation},
		}
		if parent > 0 {
			s["parent-snapshot-id"] = parent
		}
		if load != "" {
			s["summary"].(map[string]string)[loadEntry] = load
		}
		return s
	}
	tag := func(id int) map[string]any { return map[string]any{"snapshot-id": id, "type": "tag"} }
	branch := func(id int) map[string]any { return map[string]any{"snapshot-id": id, "type": "branch"} }
	var log []map[string]any
	for _, id := range []int{1, 2, 3, 4, 5, 7} {
		log = append(log, map[string]any{"snapshot-id": id, "timestamp-ms": 1000 * id})
	}
	field := map[string]any{"id": 1, "name": "x", "type": "string", "required": false}
	data, err := json.Marshal(map[string]any{
		"format-version": 2, "table-uuid": "7c3ee2c5-0a05-4a5b-9f6d-3a7b6f0d3e11", "location": "file:///t",
		"last-sequence-number": 8, "last-updated-ms": 9000, "last-column-id": 1,
		"schemas": []any{
			map[string]any{"type": "struct", "schema-id": 0, "fields": []any{field}},
			map[string]any{"type": "struct", "schema-id": 1, "fields": []any{field}},
		},
		"current-schema-id": 1, "partition-specs": []any{map[string]any{"spec-id": 0, "fields": []any{}}}, "default-spec-id": 0,
		"last-partition-id": 999, "sort-orders": []any{map[string]any{"order-id": 0, "fields": []any{}}}, "default-sort-order-id": 0,
		"properties": map[string]string{}, "current-snapshot-id": 7, "snapshot-log": log, "metadata-log": []any{},
		"snapshots": []any{
			snapshot(1, 0, 0, "append", "20260101T000000Z"), snapshot(2, 1, 0, "append", ""),
			snapshot(3, 2, 1, "overwrite", "20260102T000000Z"), snapshot(4, 3, 1, "replace", "20260102T000000Z"),
			snapshot(5, 4, 1, "overwrite", "20260103T000000Z"), snapshot(6, 3, 1, "append", ""),
			snapshot(7, 5, 1, "append", ""), snapshot(8, 5, 1, "overwrite", "20260104T000000Z"),
		},
		"refs": map[string]any{
			"main": branch(7), "audit": branch(6), "held_20260104T000000Z": tag(8),
			"load_20260101T000000Z": tag(1), "load_20260102T000000Z": tag(3), "load_20260103T000000Z": tag(5),
		},
		"statistics": []any{
			map[string]any{"snapshot-id": 1, "statistics-path": "file:///t/1.puffin", "file-size-in-bytes": 1, "file-footer-size-in-bytes": 1, "blob-metadata": []any{}},
			map[string]any{"snapshot-id": 5, "statistics-path": "file:///t/5.puffin", "file-size-in-bytes": 1, "file-footer-size-in-bytes": 1, "blob-metadata": []any{}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	meta, err := table.ParseMetadataBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	return meta
}

// TestExpiring forgets loads of a table with a history.
func TestExpiring(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		tags []string
		gone []int64 // snapshots
		log  []int64
	}{
		{"nothing but what a compaction left", nil, []int64{4}, []int64{5, 7}},
		{"the first, with what was written on top of it", []string{"load_20260101T000000Z"}, []int64{1, 2, 4}, []int64{5, 7}},
		{"one in the middle", []string{"load_20260102T000000Z"}, []int64{3, 4}, []int64{5, 7}},
		{"all: what main has on top of the last stays", []string{"load_20260101T000000Z", "load_20260102T000000Z", "load_20260103T000000Z"}, []int64{1, 2, 3, 4, 5}, []int64{7}},
	} {
		t.Run(test.name, func(t *testing.T) {
			meta := storied(t)
			tags := map[string]bool{}
			for _, tag := range test.tags {
				tags[tag] = true
			}
			gone := expiring(meta, tags)
			if d := cmp.Diff(test.gone, slices.Sorted(maps.Keys(gone))); d != "" {
				t.Error(d)
			}
			e := &entry{meta: meta, location: "file:///t/metadata/00001-x.metadata.json"}
			data, err := editMetadata(e, publicationTime(time.Now(), []*entry{e}), func(doc *metadataEdit) {
				maps.DeleteFunc(doc.refs, func(name string, _ table.SnapshotRef) bool { return tags[name] })
				doc.forget(gone)
			})
			if err != nil {
				t.Fatal(err)
			}
			next, err := table.ParseMetadataBytes(data)
			if err != nil {
				t.Fatal(err)
			}
			var log []int64
			for entry := range next.SnapshotLogs() {
				log = append(log, entry.SnapshotID)
			}
			if d := cmp.Diff(test.log, log); d != "" {
				t.Errorf("log: %s", d)
			}
			if got, want := len(next.Schemas()), 2; (got == want) == gone[1] {
				t.Errorf("%d schemas", got)
			}
			for s := range next.Statistics() {
				if gone[s.SnapshotID] {
					t.Errorf("statistics of snapshot %d", s.SnapshotID)
				}
			}
			if next.CurrentSnapshot().SnapshotID != 7 || next.SnapshotByName("held_20260104T000000Z") == nil || next.SnapshotByName("audit") == nil {
				t.Error("a ref that stays is gone")
			}
		})
	}
}
