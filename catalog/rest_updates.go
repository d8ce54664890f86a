package catalog

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// A difference is the way from one metadata of a table to another, as a REST
// catalog is told of it.
type difference struct {
	updates []table.Update
	// What there is of them, to find out later whether they were made.
	snapshots, gone []int64
	refs            map[string]int64
	goneRefs        []string
	// schema says that the table gets another schema, or one more.
	schema bool
}

// newTable are the updates that make a table without its snapshots.
func newTable(meta table.Metadata) []table.Update {
	spec, order := meta.PartitionSpec(), meta.SortOrder()
	return []table.Update{
		table.NewAssignUUIDUpdate(meta.TableUUID()),
		table.NewUpgradeFormatVersionUpdate(meta.Version()),
		newAddSchema(meta.CurrentSchema(), meta.LastColumnID()),
		table.NewSetCurrentSchemaUpdate(-1),
		table.NewAddPartitionSpecUpdate(&spec, true),
		table.NewSetDefaultSpecUpdate(-1),
		table.NewAddSortOrderUpdate(&order),
		table.NewSetDefaultSortOrderUpdate(-1),
		table.NewSetLocationUpdate(meta.Location()),
		table.NewSetPropertiesUpdate(meta.Properties()),
	}
}

// An addSchema says the highest field ID too, which the format's description has
// given up and servers still ask for.
type addSchema struct {
	table.Update
	schema *iceberg.Schema
	last   int
}

func newAddSchema(s *iceberg.Schema, last int) addSchema {
	return addSchema{table.NewAddSchemaUpdate(s), s, last}
}

func (u addSchema) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Action string          `json:"action"`
		Schema *iceberg.Schema `json:"schema"`
		Last   int             `json:"last-column-id"`
	}{u.Action(), u.schema, u.last})
}

// differ compares the metadata of a table with what it is to become. Schemas
// that no snapshot needs any more stay: not every server can remove one.
func differ(from, to table.Metadata) difference {
	d := difference{refs: map[string]int64{}}
	d.differSchemas(from, to)
	d.differProperties(from.Properties(), to.Properties())
	for _, s := range to.Snapshots() {
		if from.SnapshotByID(s.SnapshotID) == nil {
			d.snapshots = append(d.snapshots, s.SnapshotID)
			d.updates = append(d.updates, table.NewAddSnapshotUpdate(&s))
		}
	}
	d.differRefs(maps.Collect(from.Refs()), maps.Collect(to.Refs()))
	for _, s := range from.Snapshots() {
		if to.SnapshotByID(s.SnapshotID) == nil {
			d.gone = append(d.gone, s.SnapshotID)
		}
	}
	for _, id := range d.gone { // one by one: older servers take no lists
		d.updates = append(d.updates, table.NewRemoveSnapshotsUpdate([]int64{id}, false))
	}
	return d
}

func (d *difference) differSchemas(from, to table.Metadata) {
	had := map[int]bool{}
	for _, s := range from.Schemas() {
		had[s.ID] = true
	}
	added := -1
	for _, s := range to.Schemas() {
		if !had[s.ID] {
			d.schema, added = true, s.ID
			d.updates = append(d.updates, newAddSchema(s, to.LastColumnID()))
		}
	}
	if current := to.CurrentSchema().ID; current != from.CurrentSchema().ID {
		if current == added {
			current = -1 // the last one added
		}
		d.schema = true
		d.updates = append(d.updates, table.NewSetCurrentSchemaUpdate(current))
	}
}

func (d *difference) differProperties(from, to iceberg.Properties) {
	set := iceberg.Properties{}
	for name, value := range to {
		if had, ok := from[name]; !ok || had != value {
			set[name] = value
		}
	}
	if len(set) > 0 {
		d.updates = append(d.updates, table.NewSetPropertiesUpdate(set))
	}
	var gone []string
	for name := range from {
		if _, ok := to[name]; !ok {
			gone = append(gone, name)
		}
	}
	if len(gone) > 0 {
		slices.Sort(gone)
		d.updates = append(d.updates, table.NewRemovePropertiesUpdate(gone))
	}
}

func (d *difference) differRefs(from, to map[string]table.SnapshotRef) {
	for _, name := range slices.Sorted(maps.Keys(to)) {
		ref := to[name]
		if had, ok := from[name]; ok && had.SnapshotID == ref.SnapshotID {
			continue
		}
		d.refs[name] = ref.SnapshotID
		d.updates = append(d.updates, table.NewSetSnapshotRefUpdate(name, ref.SnapshotID, ref.SnapshotRefType,
			valueOf(ref.MaxRefAgeMs), valueOf(ref.MaxSnapshotAgeMs), valueOf(ref.MinSnapshotsToKeep)))
	}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if _, ok := to[name]; !ok {
			d.goneRefs = append(d.goneRefs, name)
			d.updates = append(d.updates, table.NewRemoveSnapshotRefUpdate(name))
		}
	}
}

func valueOf[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// traces tells how much of the difference is found in a table, whatever other
// programs have done to it since. tags: that it has no tag at all is a trace of
// nothing, and not of a server that keeps none.
func (d *difference) traces(meta table.Metadata, tags bool) trace {
	refs := maps.Collect(meta.Refs())
	kept := tags || slices.ContainsFunc(slices.Collect(maps.Values(refs)), func(r table.SnapshotRef) bool { return r.SnapshotRefType == table.TagRef })
	is, want := 0, 0
	count := func(ok bool) {
		want++
		if ok {
			is++
		}
	}
	for _, id := range d.snapshots {
		count(meta.SnapshotByID(id) != nil)
	}
	for name, id := range d.refs {
		if ref, ok := refs[name]; name != table.MainBranch && kept {
			count(ok && ref.SnapshotID == id)
		}
	}
	for _, name := range d.goneRefs {
		_, ok := refs[name]
		count(!ok)
	}
	for _, id := range d.gone {
		count(meta.SnapshotByID(id) == nil)
	}
	switch is {
	case want:
		return made
	case 0:
		return untouched
	default:
		return partly
	}
}

// holds are what must be true of a table for changes that were planned on its
// metadata.
func holds(meta table.Metadata) []table.Requirement {
	requirements := []table.Requirement{
		table.AssertTableUUID(meta.TableUUID()),
		table.AssertRefSnapshotID(table.MainBranch, currentID(meta)),
		table.AssertCurrentSchemaID(meta.CurrentSchema().ID),
		table.AssertLastAssignedFieldID(meta.LastColumnID()),
	}
	return requirements
}

// reliesOn are the refs that the change takes away, or whose snapshots it takes
// over: without them what they name may have been deleted.
func (t *target) reliesOn() (requirements []table.Requirement) {
	for name, ref := range t.base.meta.Refs() {
		takesOver := t.staged != nil && t.staged.restores != nil && t.staged.restores.snapshot != nil && t.staged.restores.snapshot.SnapshotID == ref.SnapshotID
		if name != table.MainBranch && (takesOver || slices.Contains(t.difference.goneRefs, name)) {
			requirements = append(requirements, table.AssertRefSnapshotID(name, &ref.SnapshotID))
		}
	}
	return requirements
}

// currentID is the ID of the current snapshot; nil: there is none.
func currentID(meta table.Metadata) *int64 {
	if s := meta.CurrentSnapshot(); s != nil {
		return &s.SnapshotID
	}
	return nil
}
