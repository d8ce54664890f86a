package catalog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

// A Ref names a state of a table; the zero Ref is the current one. One field is set.
type Ref struct {
	Tag        string
	SnapshotID int64
	Time       time.Time // the last load published at or before it
}

// loadOfTag is the load that a tag stands for.
func loadOfTag(tag string) (lake.LoadID, bool) {
	id, ok := strings.CutPrefix(tag, lake.LoadID("").Tag())
	return lake.LoadID(id), ok && lake.LoadID(id).Valid()
}

// ParseRef reads a load ID, a tag, a snapshot ID, a time as RFC 3339 has it, or a day,
// which stands for its end in UTC.
func ParseRef(s string) (Ref, error) {
	if lake.LoadID(s).Valid() {
		return Ref{Tag: lake.LoadID(s).Tag()}, nil
	}
	for _, form := range []string{time.DateOnly, "20060102"} {
		if day, err := time.Parse(form, s); err == nil {
			return Ref{Time: day.AddDate(0, 0, 1).Add(-time.Millisecond)}, nil
		}
	}
	if id, err := strconv.ParseInt(s, 10, 64); err == nil && id > 0 {
		return Ref{SnapshotID: id}, nil
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		if !strings.ContainsAny(s, ".,") {
			// The time of a publication is shown to the second: that second is meant whole.
			at = at.Add(time.Second - time.Millisecond)
		}
		return Ref{Time: at}, nil
	}
	if _, ok := loadOfTag(s); ok {
		return Ref{Tag: s}, nil
	}
	if _, ok := heldLoad(s); ok {
		return Ref{Tag: s}, nil
	}
	return Ref{}, fmt.Errorf("%q is neither a load ID (20261121T030000Z), a tag (load_20261121T030000Z), a snapshot ID nor a time (2026-11-21T03:00:00Z, or a day)", s)
}

func (r Ref) String() string {
	switch {
	case r.Tag != "":
		return r.Tag
	case r.SnapshotID != 0:
		return "snapshot " + strconv.FormatInt(r.SnapshotID, 10)
	case !r.Time.IsZero():
		return r.Time.Format(time.RFC3339)
	default:
		return "the current snapshot"
	}
}

// TableInfo is what the catalog knows of a table besides its rows.
type TableInfo struct {
	Name             string
	Key              string
	Location         string // URI of the table's folder
	MetadataLocation string // URI of the metadata file
	UUID             string
	SnapshotID       int64 // 0: none
	Properties       map[string]string
}

// Metadata returns where a table is. It is named by its name or its key.
func (c *Catalog) Metadata(ctx context.Context, name string) (TableInfo, error) {
	e, err := c.table(ctx, name)
	if err != nil {
		return TableInfo{}, err
	}
	info := TableInfo{
		Name: e.name, Key: e.key, Location: e.meta.Location(), MetadataLocation: e.location,
		UUID: e.meta.TableUUID().String(), Properties: maps.Clone(map[string]string(e.meta.Properties())),
	}
	if s := e.meta.CurrentSnapshot(); s != nil {
		info.SnapshotID = s.SnapshotID
	}
	return info, nil
}

// Snapshots returns all snapshots of a table, the oldest first.
func (c *Catalog) Snapshots(ctx context.Context, name string) ([]lake.Snapshot, error) {
	e, err := c.table(ctx, name)
	if err != nil {
		return nil, err
	}
	all := e.meta.Snapshots()
	slices.SortStableFunc(all, func(a, b table.Snapshot) int { return cmp.Compare(a.SequenceNumber, b.SequenceNumber) })
	list := make([]lake.Snapshot, len(all))
	for i := range all {
		list[i] = lakeSnapshot(e.name, e.key, e.meta, &all[i])
	}
	return list, nil
}

// States returns the table with this key at each of its snapshots.
func (c *Catalog) States(ctx context.Context, key string) ([]lake.TableState, error) {
	l, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	e := l.byKey(key)
	if e == nil {
		return nil, nil
	}
	var states []lake.TableState
	for _, s := range e.meta.Snapshots() {
		state, err := c.state(e, &s, schemaOf(e.meta, &s))
		if err != nil {
			return nil, err
		}
		states = append(states, state)
	}
	return states, nil
}

// TableAt returns a table as it was: with the columns, names and types of that
// time. The table's own name is the current one.
func (c *Catalog) TableAt(ctx context.Context, name string, at Ref) (lake.TableState, error) {
	e, err := c.table(ctx, name)
	if err != nil {
		return lake.TableState{}, err
	}
	if at == (Ref{}) {
		return c.state(e, e.meta.CurrentSnapshot(), e.meta.CurrentSchema())
	}
	s := find(e.meta, at)
	if s == nil {
		return lake.TableState{}, fmt.Errorf("table %s at %s: %w%s", e.name, at, ErrNotFound, nearest(e.meta, at))
	}
	return c.state(e, s, schemaOf(e.meta, s))
}

// find returns the snapshot that a Ref names; nil if there is none.
func find(meta table.Metadata, at Ref) *table.Snapshot {
	switch {
	case at.Tag != "":
		return meta.SnapshotByName(at.Tag)
	case at.SnapshotID != 0:
		return meta.SnapshotByID(at.SnapshotID)
	}
	var found *table.Snapshot
	for entry := range meta.SnapshotLogs() {
		if s := meta.SnapshotByID(entry.SnapshotID); s != nil && entry.TimestampMs <= at.Time.UnixMilli() {
			found = s
		}
	}
	if found == nil {
		found = foundBefore(meta, at.Time)
	}
	return found
}

// foundBefore is the snapshot that was current at a time from before a gap in the log:
// servers begin it anew where a publication is taken back. It is known as long as no
// snapshot is missing between that and now.
func foundBefore(meta table.Metadata, at time.Time) *table.Snapshot {
	seen := map[int64]bool{}
	for s := meta.CurrentSnapshot(); s != nil && !seen[s.SnapshotID]; {
		if s.TimestampMs <= at.UnixMilli() {
			return s
		}
		if seen[s.SnapshotID] = true; s.ParentSnapshotID == nil {
			return nil
		}
		s = meta.SnapshotByID(*s.ParentSnapshotID)
	}
	return nil
}

// nearest names the loads of a table that are nearest to one that it lacks.
func nearest(meta table.Metadata, at Ref) string {
	var loads []string
	for name := range meta.Refs() {
		if _, ok := loadOfTag(name); ok {
			loads = append(loads, name)
		}
	}
	if len(loads) == 0 {
		return ""
	}
	slices.Sort(loads)
	wanted := at.Tag
	if !at.Time.IsZero() {
		wanted = lake.NextLoadID(at.Time, "").Tag()
	}
	const shown = 2 // on each side
	i, _ := slices.BinarySearch(loads, wanted)
	if wanted == "" {
		i = len(loads)
	}
	return "; the nearest loads are " + strings.Join(loads[max(0, i-shown):min(len(loads), i+shown)], ", ")
}

// table finds a table by its name, or else by its key.
func (c *Catalog) table(ctx context.Context, name string) (*entry, error) {
	l, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range l.entries {
		if e.name == name && e.meta.CurrentSnapshot() != nil {
			return e, nil
		}
	}
	if e := l.byKey(name); e != nil && e.meta.CurrentSnapshot() != nil {
		return e, nil
	}
	names := "there are none"
	if len(l.tableNames()) > 0 {
		names = "there are " + strings.Join(l.tableNames(), ", ")
	}
	return nil, fmt.Errorf("table %s.%s: %w (%s)", c.namespace, name, ErrNotFound, names)
}

// state is a table at a snapshot; nil is a table that has none yet.
func (c *Catalog) state(e *entry, s *table.Snapshot, schema *iceberg.Schema) (lake.TableState, error) {
	folder, err := c.tableFolder(e)
	if err != nil {
		return lake.TableState{}, err
	}
	state := lake.TableState{
		Schema:   lake.Schema{Table: e.name, Key: e.key, Columns: lakeColumns(schema, e.columns)},
		Layout:   lake.Layout{Prefix: folder + "/data/", FieldIDs: fieldIDs(schema)},
		Snapshot: lake.Snapshot{Table: e.name, Key: e.key},
	}
	if s != nil {
		state.Snapshot = lakeSnapshot(e.name, e.key, e.meta, s)
	}
	state.Files = func(ctx context.Context) ([]lake.File, error) {
		files, err := c.filesOf(ctx, s, schema)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", e.name, err)
		}
		return files, nil
	}
	return state, nil
}

// tableFolder is the storage key of a table's folder.
func (c *Catalog) tableFolder(e *entry) (string, error) {
	key, ok := c.store.Key(strings.TrimSuffix(e.meta.Location(), "/"))
	if !ok {
		return "", fmt.Errorf("table %s lies at %s, which is not in the warehouse %s", e.name, e.meta.Location(), c.store.Root())
	}
	return key, nil
}

// tagsOf are the tags of a snapshot, sorted, but for a mark.
func tagsOf(meta table.Metadata, snapshot int64) []string {
	tags := []string{}
	for name, ref := range meta.Refs() {
		if ref.SnapshotRefType == table.TagRef && ref.SnapshotID == snapshot && !isMark(name) {
			tags = append(tags, name)
		}
	}
	slices.Sort(tags)
	return tags
}
