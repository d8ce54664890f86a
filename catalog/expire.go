package catalog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

// Loads returns the loads whose tags some table has, the oldest first.
func (c *Catalog) Loads(ctx context.Context) ([]lake.LoadID, error) { return c.loadsOf(ctx, loadOfTag) }

// loadsOf are the loads that tags of any table stand for, the oldest first.
func (c *Catalog) loadsOf(ctx context.Context, load func(tag string) (lake.LoadID, bool)) ([]lake.LoadID, error) {
	l, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	loads := map[lake.LoadID]bool{}
	for _, e := range l.entries {
		for name := range e.meta.Refs() {
			if id, ok := load(name); ok {
				loads[id] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(loads)), nil
}

// Expire takes published loads out of the metadata of all tables, in one transaction.
func (c *Catalog) Expire(ctx context.Context, loads []lake.LoadID, run lake.RunID, before func(context.Context, lake.Prepared) error) error {
	l, err := c.list(ctx)
	if err != nil {
		return err
	}
	if last := l.lastLoad(); slices.Contains(loads, last) {
		return fmt.Errorf("load %s is the last one: it does not expire", last)
	}
	tags := map[string]bool{}
	for _, id := range loads {
		tags[id.Tag()] = true
	}
	a := &attempt{Catalog: c, run: run, needsAdmission: true, read: l, at: publicationTime(c.now(), l.entries)}
	next := map[string]table.Metadata{} // by table name
	var prepared lake.Prepared
	marked, err := c.needsMarks(ctx, l)
	if err != nil {
		return err
	}
	for _, e := range l.entries {
		for mark := range marksOf(e.meta) {
			tags[mark] = !marked // of a time when tables were published one by one
		}
		gone := expiring(e.meta, tags)
		if len(gone) == 0 && !hasAny(e.meta, tags) {
			continue
		}
		t, data, err := a.expire(e, tags, gone)
		if err != nil {
			return fmt.Errorf("table %s: %w", e.name, err)
		}
		t.edit = func() ([]byte, error) { return data, nil }
		a.tagged = append(a.tagged, t)
		next[e.name] = t.meta
		prepared.Snapshots += len(gone)
	}
	if len(a.tagged) == 0 {
		return nil
	}
	if prepared.Drops, err = c.superfluous(ctx, next); err != nil {
		return err
	}
	if err := before(ctx, prepared); err != nil {
		return err
	}
	return a.conclude(ctx, a.build(ctx, a.tagged))
}

// needsMarks reports whether the marks of tables are of use. A server that was opened
// to be read only has not been asked yet.
func (c *Catalog) needsMarks(ctx context.Context, l listing) (bool, error) {
	switch b := c.backend.(type) {
	case *restSteps:
		return true, nil
	case *restCatalog:
		if b.readOnly && slices.ContainsFunc(l.entries, func(e *entry) bool { return len(marksOf(e.meta)) > 0 }) {
			return b.isStepwise(ctx)
		}
	}
	return false, nil
}

// expire makes the metadata of a table without tags and snapshots.
func (a *attempt) expire(e *entry, tags map[string]bool, gone map[int64]bool) (*target, []byte, error) {
	t, err := a.tagTarget(e)
	if err != nil {
		return nil, nil, err
	}
	data, err := editMetadata(e, a.at, func(doc *metadataEdit) {
		maps.DeleteFunc(doc.refs, func(name string, _ table.SnapshotRef) bool { return tags[name] })
		doc.forget(gone)
	})
	if err != nil {
		return nil, nil, err
	}
	if t.meta, err = table.ParseMetadataBytes(data); err != nil {
		return nil, nil, fmt.Errorf("its new metadata is not valid: %w", err)
	}
	return t, data, nil
}

func hasAny(meta table.Metadata, tags map[string]bool) bool {
	for name := range meta.Refs() {
		if tags[name] {
			return true
		}
	}
	return false
}

// expiring are the snapshots that a table does not need any more once it has
// lost its tags. Those stay to which a ref points, those that only another branch
// has, and what another program wrote on top of a load that stays. A snapshot
// that only put rows into other files is needed while it is current.
func expiring(meta table.Metadata, tags map[string]bool) map[int64]bool {
	all := meta.Snapshots()
	slices.SortStableFunc(all, func(a, b table.Snapshot) int { return cmp.Compare(a.SequenceNumber, b.SequenceNumber) })
	keep := map[int64]bool{}
	var main map[int64]bool
	for name, ref := range meta.Refs() {
		if name == table.MainBranch {
			main = ancestors(meta, ref.SnapshotID)
		}
		if !tags[name] {
			keep[ref.SnapshotID] = true
		}
	}
	for name, ref := range meta.Refs() {
		if ref.SnapshotRefType != table.BranchRef || name == table.MainBranch {
			continue
		}
		for id := range ancestors(meta, ref.SnapshotID) {
			keep[id] = keep[id] || !main[id]
		}
	}
	gone := map[int64]bool{}
	stays := true // the load on which a snapshot builds
	for _, s := range all {
		switch {
		case ofLoad(&s):
			stays = keep[s.SnapshotID]
		case s.Summary != nil && s.Summary.Operation == table.OpReplace:
		default:
			keep[s.SnapshotID] = keep[s.SnapshotID] || stays
		}
		if !keep[s.SnapshotID] {
			gone[s.SnapshotID] = true
		}
	}
	return gone
}

// ofLoad reports whether a load made the snapshot.
func ofLoad(s *table.Snapshot) bool {
	return s.Summary != nil && s.Summary.Operation != table.OpReplace && s.Summary.Properties[loadEntry] != ""
}

// ancestors are a snapshot and those that it was made from.
func ancestors(meta table.Metadata, id int64) map[int64]bool {
	found := map[int64]bool{}
	for s := meta.SnapshotByID(id); s != nil && !found[s.SnapshotID]; {
		found[s.SnapshotID] = true
		if s.ParentSnapshotID == nil {
			break
		}
		s = meta.SnapshotByID(*s.ParentSnapshotID)
	}
	return found
}

// superfluous are the keys of the files that the namespace's tables name now,
// and not with the metadata next, by table name. What a snapshot names that goes and
// cannot be read stays, and is found with the files that nothing names.
func (c *Catalog) superfluous(ctx context.Context, next map[string]table.Metadata) ([]string, error) {
	then, err := c.references(ctx, next, nil)
	if err != nil {
		return nil, err
	}
	now, err := c.references(ctx, nil, next)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(now, func(key string, _ bool) bool {
		return then[key] || !c.backend.writesMetadata() && strings.HasSuffix(key, metadataSuffix)
	})
	return slices.Sorted(maps.Keys(now)), nil
}

// Folders are the folders of all tables and views of the namespace.
func (c *Catalog) Folders(ctx context.Context) ([]string, error) {
	rows, err := c.backend.rows(ctx)
	if err != nil {
		return nil, err
	}
	var folders []string
	for _, row := range rows {
		if key, ok := c.store.Key(row.location); ok {
			folders = append(folders, path.Dir(path.Dir(key)))
		}
	}
	return folders, nil
}

// StageCompaction plans that the rows of a table come to lie in other files.
func (c *Catalog) StageCompaction(ctx context.Context, key string, snapshot int64) (lake.Staged, error) {
	l, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	e := l.byKey(key)
	if e == nil {
		return nil, fmt.Errorf("table with the key %s: %w", key, ErrNotFound)
	}
	if now := e.meta.CurrentSnapshot(); now == nil || now.SnapshotID != snapshot {
		return nil, fmt.Errorf("table %s has been changed by another program meanwhile: %w", e.name, lake.ErrConflict)
	}
	schema := e.meta.CurrentSchema()
	if err := writable(e); err != nil {
		return nil, fmt.Errorf("%w: %w", err, lake.ErrAltered) // whatever it is, the table can stay as it is
	}
	for _, f := range schema.Fields() {
		if _, ok := lakeType(f.ID, f.Type, e.columns.json); !ok {
			return nil, fmt.Errorf("its column %s is %s: %w", f.Name, f.Type, lake.ErrAltered)
		}
	}
	st := &staged{catalog: c, name: e.name, key: e.key, base: e}
	st.evolved.schema, st.evolved.columns = schema, e.columns
	st.location, err = c.tableFolder(e)
	return st, err
}
