package catalog

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/notionlake/notionlake/lake"
)

// formatVersion is the Iceberg format version of every table.
const formatVersion = 2

// newestFormat is the newest Iceberg format version that can be read.
const newestFormat = 3

// A formatError is a table of an Iceberg format version that is not known.
type formatError struct {
	version int
	ours    bool // another program turned a table of ours into it
}

func (e *formatError) Error() string {
	return fmt.Sprintf("it has Iceberg format version %d, which this program does not know", e.version)
}

// unknownFormat returns why metadata that could not be parsed is nevertheless
// not damaged, nil where it is.
func unknownFormat(data []byte) *formatError {
	var head struct {
		Version    int               `json:"format-version"`
		Properties map[string]string `json:"properties"`
	}
	if json.Unmarshal(data, &head) != nil || head.Version <= newestFormat {
		return nil
	}
	return &formatError{version: head.Version, ours: head.Properties[keyProperty] != ""}
}

// newBuilder begins the metadata of a table that is made or changed.
func newBuilder(st *staged, store store, hold bool) (*table.MetadataBuilder, error) {
	var b *table.MetadataBuilder
	var err error
	if st.base != nil {
		b, err = table.MetadataBuilderFromBase(st.base.meta, st.base.location)
		if err == nil && st.evolved.changed {
			err = st.setSchema(b)
		}
	} else {
		b, err = table.NewMetadataBuilder(formatVersion)
		if err == nil {
			err = create(b, st, store)
		}
	}
	if err != nil {
		return nil, err
	}
	if hold && st.base != nil {
		return b, nil // its properties stay
	}
	props, err := st.properties()
	if err != nil {
		return nil, err
	}
	return b, b.SetProperties(props)
}

// setSchema gives an existing table its new schema. One that is in the metadata
// already, of an earlier load or of one that was held, becomes current again.
func (s *staged) setSchema(b *table.MetadataBuilder) error {
	if s.restores != nil {
		return b.SetCurrentSchemaID(s.evolved.schema.ID)
	}
	return setSchema(b, s.evolved.schema)
}

// ownSchema copies a schema: the builder gives it its ID, and not to the one that
// is kept for another attempt.
func ownSchema(schema *iceberg.Schema) *iceberg.Schema {
	return iceberg.NewSchemaWithIdentifiers(schema.ID, schema.IdentifierFieldIDs, schema.Fields()...)
}

func setSchema(b *table.MetadataBuilder, schema *iceberg.Schema) error {
	if err := b.AddSchema(ownSchema(schema)); err != nil {
		return err
	}
	return b.SetCurrentSchemaID(-1)
}

// create fills in a new table. table.NewMetadata would number the fields anew
// and stamp the time itself.
func create(b *table.MetadataBuilder, st *staged, store store) error {
	order, spec := table.UnsortedSortOrder, *iceberg.UnpartitionedSpec
	for _, step := range []func() error{
		func() error { return b.SetUUID(uuid.New()) },
		func() error { return b.SetLoc(store.URI(st.location)) },
		func() error { return setSchema(b, st.evolved.schema) },
		func() error { return b.AddSortOrder(&order) },
		func() error { return b.SetDefaultSortOrderID(-1) },
		func() error { return b.AddPartitionSpec(&spec, true) },
		func() error { return b.SetDefaultSpecID(-1) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// addSnapshot gives the table the snapshot s with a tag, if there is one, and
// makes it current unless it is held.
func addSnapshot(b *table.MetadataBuilder, s *table.Snapshot, tag string, hold bool) (table.Metadata, error) {
	if err := b.AddSnapshot(s); err != nil {
		return nil, err
	}
	if !hold {
		if err := b.NewRetainingSnapshotRefUpdate(table.MainBranch, s.SnapshotID, table.BranchRef).Apply(b); err != nil {
			return nil, err
		}
	}
	if tag != "" {
		if err := b.SetSnapshotRef(tag, s.SnapshotID, table.TagRef); err != nil {
			return nil, err
		}
	}
	return b.Build()
}

// nextMetadataName is the name of the metadata file after the one at location:
// <number>-<run>.metadata.json, the number one higher whoever wrote that one.
func nextMetadataName(location string, run lake.RunID) string {
	return fmt.Sprintf("%05d-%s.metadata.json", metadataNumber(location)+1, run)
}

// newSnapshotID returns a random snapshot ID.
func newSnapshotID() int64 {
	id := uuid.New()
	return int64((binary.LittleEndian.Uint64(id[:8]) ^ binary.LittleEndian.Uint64(id[8:])) & math.MaxInt64)
}

// publicationTime is the time of all snapshots of a publication: later than
// anything that any table has seen, whatever the clock says.
func publicationTime(now time.Time, entries []*entry) time.Time {
	at := now.UnixMilli()
	for _, e := range entries {
		at = max(at, e.meta.LastUpdatedMillis()+1)
		for _, s := range e.meta.Snapshots() {
			at = max(at, s.TimestampMs+1)
		}
		for s := range e.meta.SnapshotLogs() {
			at = max(at, s.TimestampMs+1)
		}
	}
	return time.UnixMilli(at).UTC()
}

// dropped are the metadata files that leave a table's log with its new metadata
// and are to be deleted: none where someone set the table to keep them.
func dropped(e *entry, next table.Metadata) []string {
	if !next.Properties().GetBool(table.MetadataDeleteAfterCommitEnabledKey, table.MetadataDeleteAfterCommitEnabledDefault) {
		return nil
	}
	kept := map[string]bool{}
	for entry := range next.PreviousFiles() {
		kept[entry.MetadataFile] = true
	}
	var files []string
	for entry := range e.meta.PreviousFiles() {
		if !kept[entry.MetadataFile] {
			files = append(files, entry.MetadataFile)
		}
	}
	return files
}

// lakeSnapshot is the Snapshot of a table's snapshot.
func lakeSnapshot(name, key string, meta table.Metadata, s *table.Snapshot) lake.Snapshot {
	out := lake.Snapshot{
		Table: name, Key: key, ID: s.SnapshotID, Time: time.UnixMilli(s.TimestampMs).UTC(),
		Rows: summaryCount(s, "total-records"), Files: summaryCount(s, "total-data-files"), Bytes: summaryCount(s, "total-files-size"),
	}
	if meta != nil {
		out.Tags = tagsOf(meta, s.SnapshotID)
	}
	if s.ParentSnapshotID != nil {
		out.ParentID = *s.ParentSnapshotID
	}
	if s.Summary != nil {
		out.Summary = maps.Clone(map[string]string(s.Summary.Properties))
		if out.Summary == nil {
			out.Summary = map[string]string{}
		}
		out.Summary["operation"] = string(s.Summary.Operation)
		out.LoadID, out.Status = lake.LoadID(out.Summary[loadEntry]), out.Summary[statusEntry]
	}
	return out
}
