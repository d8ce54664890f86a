package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

// heldPrefix begins the names of metadata files that only hold a load, where
// others are a server's.
const heldPrefix = "held-"

// A record is what is kept of one change of a held load. Its schema is in the
// metadata already, and its files are in the manifests of its snapshot.
type record struct {
	Key   string `json:"key"`
	Table string `json:"table"` // its name once the load is published
	// Snapshot is the held one.
	Snapshot int64 `json:"snapshot"`
	// Metadata is the URI of the metadata file of a table that does not exist yet.
	Metadata string `json:"metadata,omitempty"`
	// Columns are the table properties that say which column is which.
	Columns iceberg.Properties  `json:"columns"`
	Changes []lake.SchemaChange `json:"changes,omitempty"`
}

// record describes a target of a publication that holds.
func (t *target) record() (json.RawMessage, error) {
	props, err := t.staged.evolved.columns.format()
	if err != nil {
		return nil, err
	}
	r := record{Key: t.key, Table: t.name, Snapshot: t.snapshotID, Columns: props, Changes: t.staged.evolved.changes}
	if t.base == nil {
		r.Metadata = t.metadata
	}
	return json.Marshal(r)
}

// Holds returns the loads that have a tag of a held load on some table.
func (c *Catalog) Holds(ctx context.Context) ([]lake.LoadID, error) { return c.loadsOf(ctx, heldLoad) }

// heldLoad is the held load that a tag stands for.
func heldLoad(tag string) (lake.LoadID, bool) {
	id, ok := strings.CutPrefix(tag, lake.LoadID("").HeldTag())
	return lake.LoadID(id), ok && lake.LoadID(id).Valid()
}

// heldChange is the change that a record is of, on the tables as they are. What is
// only looked at may have been overtaken.
func (c *Catalog) heldChange(ctx context.Context, data json.RawMessage, looks bool) (*staged, error) {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("record of a held load: %w", err)
	}
	l, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	st := &staged{catalog: c, name: r.Table, key: r.Key, base: l.byKey(r.Key)}
	if why, ok := l.foreign[st.name]; ok && !looks {
		return nil, fmt.Errorf("table %s.%s exists and is not notionlake's (%s): %w", c.namespace, st.name, why, ErrForeign)
	}
	source := st.base
	if r.Metadata != "" {
		if st.base != nil && !st.base.isEmpty() && !looks {
			return nil, fmt.Errorf("table %s has been made since the load was held: %w", st.base.name, lake.ErrConflict)
		}
		st.base = nil
		meta, err := c.metadata(ctx, row{name: r.Table, location: r.Metadata})
		if err != nil {
			return nil, err
		}
		source = &entry{name: r.Table, key: r.Key, location: r.Metadata, meta: meta}
	}
	if source == nil {
		return nil, fmt.Errorf("table %s is not in the catalog any more: %w", r.Table, lake.ErrConflict)
	}
	if st.location, err = c.tableFolder(source); err != nil {
		return nil, err
	}
	snapshot := source.meta.SnapshotByID(r.Snapshot)
	if snapshot == nil {
		return nil, fmt.Errorf("table %s has no snapshot %d any more: another program removed what was held: %w", source.name, r.Snapshot, lake.ErrConflict)
	}
	st.restores = &restored{snapshot: snapshot, anew: true}
	st.evolved.schema, st.evolved.changes = schemaOf(source.meta, snapshot), r.Changes
	st.evolved.changed = st.base == nil || st.evolved.schema.ID != st.base.meta.CurrentSchema().ID
	if st.evolved.columns, err = parseColumns(r.Columns); err == nil {
		st.evolved.columns.removed, err = removedAt(source.meta, snapshot, st.evolved.columns.removed)
	}
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", r.Table, err)
	}
	return st, nil
}

// Restage plans the change of a held load again.
func (c *Catalog) Restage(ctx context.Context, data json.RawMessage) (lake.Staged, error) {
	st, err := c.heldChange(ctx, data, false)
	if err != nil {
		return nil, err
	}
	if st.base != nil {
		if err := writable(st.base); err != nil {
			return nil, err
		}
	}
	return st, nil
}

// Held returns a table as a held load has it, from the record of its change.
func (c *Catalog) Held(ctx context.Context, data json.RawMessage) (lake.TableState, error) {
	st, err := c.heldChange(ctx, data, true)
	if err != nil {
		return lake.TableState{}, err
	}
	snapshot, schema := st.restores.snapshot, st.evolved.schema
	state := lake.TableState{
		Schema:   lake.Schema{Table: st.name, Key: st.key, Columns: lakeColumns(schema, st.evolved.columns)},
		Layout:   st.Layout(),
		Snapshot: lakeSnapshot(st.name, st.key, nil, snapshot),
		Files: func(ctx context.Context) ([]lake.File, error) {
			files, err := c.filesOf(ctx, snapshot, schema)
			if err != nil {
				return nil, fmt.Errorf("table %s: %w", st.name, err)
			}
			return files, nil
		},
	}
	state.Snapshot.Tags = []string{state.Snapshot.LoadID.HeldTag()}
	return state, nil
}

// schemaOf is the schema that a snapshot was written with.
func schemaOf(meta table.Metadata, s *table.Snapshot) *iceberg.Schema {
	if s != nil && s.SchemaID != nil {
		for _, schema := range meta.Schemas() {
			if schema.ID == *s.SchemaID {
				return schema
			}
		}
	}
	return meta.CurrentSchema()
}

// Discard removes the snapshots and tags of a held load from all tables, in one
// transaction.
func (c *Catalog) Discard(ctx context.Context, load lake.LoadID, run lake.RunID, before func(context.Context, lake.Prepared) error) error {
	if !load.Valid() {
		return fmt.Errorf("load ID %q is not a time like 20261121T030000Z", load)
	}
	l, err := c.list(ctx)
	if err != nil {
		return err
	}
	a := &attempt{Catalog: c, load: lake.Load{ID: load}, run: run, needsAdmission: true, read: l, at: publicationTime(c.now(), l.entries)}
	next := map[string]table.Metadata{} // by table name
	for _, e := range l.entries {
		if e.meta.SnapshotByName(load.HeldTag()) == nil {
			continue
		}
		t, err := a.tagTarget(e)
		if err != nil {
			return err
		}
		data, err := withoutHeld(e, load.HeldTag(), a.at)
		if err == nil {
			next[e.name], err = table.ParseMetadataBytes(data)
		}
		if err != nil {
			return fmt.Errorf("table %s: %w", e.name, err)
		}
		t.edit = func() ([]byte, error) { return data, nil }
		a.tagged = append(a.tagged, t)
	}
	if len(a.tagged) == 0 {
		return nil
	}
	// The held load may be the last that names files of loads which have expired.
	drops, err := c.superfluous(ctx, next)
	if err != nil {
		return err
	}
	if err = a.build(ctx, a.tagged); err == nil {
		err = a.before(ctx, func(ctx context.Context, p lake.Prepared) error {
			p.Drops = append(p.Drops, drops...)
			return before(ctx, p)
		})
	}
	return a.conclude(ctx, err)
}

// withoutHeld returns the metadata of a table without a held load: its tag, its
// snapshot, and its schema if no other snapshot has it.
func withoutHeld(e *entry, tag string, at time.Time) ([]byte, error) {
	return editMetadata(e, at, func(doc *metadataEdit) { doc.drop(tag) })
}

// dropHeld takes the held load out of metadata that is being written.
func dropHeld(data []byte, tag string) ([]byte, error) {
	if !bytes.Contains(data, []byte(`"`+tag+`"`)) {
		return data, nil
	}
	return editJSON(data, func(doc *metadataEdit) { doc.drop(tag) })
}
