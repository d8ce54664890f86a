package catalog

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/apache/iceberg-go/table"
)

// A metadataEdit is the part of a table's metadata that is edited as JSON: the
// builder would stamp such a change with the time of the machine, which may lie
// before what the table has seen.
type metadataEdit struct {
	refs      map[string]table.SnapshotRef
	snapshots []json.RawMessage
	schemas   []json.RawMessage
	current   int // schema
	// Not in every metadata:
	log        []table.SnapshotLogEntry
	statistics map[string][]json.RawMessage
}

// tagCurrent returns the metadata of a table with a tag on its current snapshot.
func tagCurrent(e *entry, tag string, at time.Time) ([]byte, error) {
	return editMetadata(e, at, func(doc *metadataEdit) {
		doc.refs[tag] = table.SnapshotRef{SnapshotID: e.meta.CurrentSnapshot().SnapshotID, SnapshotRefType: table.TagRef}
	})
}

// editMetadata returns the metadata that follows that of e.
func editMetadata(e *entry, at time.Time, edit func(*metadataEdit)) ([]byte, error) {
	data, err := json.Marshal(e.meta)
	if err != nil {
		return nil, err
	}
	if data, err = editJSON(data, edit); err != nil {
		return nil, err
	}
	log := []table.MetadataLogEntry{}
	for entry := range e.meta.PreviousFiles() {
		log = append(log, entry)
	}
	log = append(log, table.MetadataLogEntry{MetadataFile: e.location, TimestampMs: e.meta.LastUpdatedMillis()})
	keep := max(1, e.meta.Properties().GetInt(table.MetadataPreviousVersionsMaxKey, table.MetadataPreviousVersionsMaxDefault))
	return setJSON(data, map[string]any{"metadata-log": log[max(0, len(log)-keep):], "last-updated-ms": at.UnixMilli()})
}

// The lists of statistics files in a table's metadata, by snapshot.
var statisticsLists = []string{"statistics", "partition-statistics"}

// editJSON edits metadata in place.
func editJSON(data []byte, edit func(*metadataEdit)) ([]byte, error) {
	doc := metadataEdit{refs: map[string]table.SnapshotRef{}, statistics: map[string][]json.RawMessage{}}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	parts := map[string]any{
		"refs": &doc.refs, "snapshots": &doc.snapshots, "schemas": &doc.schemas,
		"current-schema-id": &doc.current, "snapshot-log": &doc.log,
	}
	for name, into := range parts {
		if part, ok := raw[name]; ok {
			if err := json.Unmarshal(part, into); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range statisticsLists {
		var list []json.RawMessage
		if part, ok := raw[name]; ok {
			if err := json.Unmarshal(part, &list); err != nil {
				return nil, err
			}
		}
		doc.statistics[name] = list
	}
	edit(&doc)
	values := map[string]any{"refs": doc.refs, "snapshots": doc.snapshots, "schemas": doc.schemas}
	if _, ok := raw["snapshot-log"]; ok {
		values["snapshot-log"] = append([]table.SnapshotLogEntry{}, doc.log...)
	}
	for _, name := range statisticsLists {
		if len(doc.statistics[name]) > 0 {
			values[name] = doc.statistics[name]
		} else if _, ok := raw[name]; ok {
			values[name] = []json.RawMessage{}
		}
	}
	return setJSON(data, values)
}

func setJSON(data []byte, values map[string]any) ([]byte, error) {
	var doc map[string]json.RawMessage
	err := json.Unmarshal(data, &doc)
	for name, value := range values {
		if err == nil {
			doc[name], err = json.Marshal(value)
		}
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(doc)
}

// drop takes out a tag, the snapshot that it alone holds, which is no part of
// the main branch's history, and what only this snapshot needed.
func (d *metadataEdit) drop(tag string) {
	ref, ok := d.refs[tag]
	if !ok {
		return
	}
	delete(d.refs, tag)
	for _, other := range d.refs {
		if other.SnapshotID == ref.SnapshotID {
			return
		}
	}
	d.forget(map[int64]bool{ref.SnapshotID: true})
}

// forget takes out snapshots, and of the schemas, the log and the statistics what
// only they needed.
func (d *metadataEdit) forget(snapshots map[int64]bool) {
	type snapshot struct {
		ID     int64 `json:"snapshot-id"`
		Schema *int  `json:"schema-id"`
	}
	needed := map[int]bool{d.current: true}
	gone := map[int]bool{}
	d.snapshots = slices.DeleteFunc(d.snapshots, func(raw json.RawMessage) bool {
		var s snapshot
		if json.Unmarshal(raw, &s) != nil {
			return false // not ours to judge: the reader of this metadata will
		}
		schemas := needed
		if snapshots[s.ID] {
			schemas = gone
		}
		if s.Schema != nil {
			schemas[*s.Schema] = true
		}
		return snapshots[s.ID]
	})
	d.schemas = slices.DeleteFunc(d.schemas, func(raw json.RawMessage) bool {
		var s struct {
			ID *int `json:"schema-id"`
		}
		return json.Unmarshal(raw, &s) == nil && s.ID != nil && gone[*s.ID] && !needed[*s.ID]
	})
	// As the format has it, nothing stays in the log that is before a gap: who asks
	// what was current at a time would get an answer that is not true.
	for i, entry := range slices.Backward(d.log) {
		if snapshots[entry.SnapshotID] {
			d.log = d.log[i+1:]
			break
		}
	}
	for name, list := range d.statistics {
		d.statistics[name] = slices.DeleteFunc(list, func(raw json.RawMessage) bool {
			var s snapshot
			return json.Unmarshal(raw, &s) == nil && snapshots[s.ID]
		})
	}
}
