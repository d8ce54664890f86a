package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// The table properties that make a table notionlake's.
const (
	keyProperty        = "notionlake.key"        // lake.Schema.Key
	propertiesProperty = "notionlake.properties" // JSON object: property ID to field ID
	formerProperty     = "notionlake.former"     // JSON object: field ID of a column that left to its property ID
	removedProperty    = "notionlake.removed"    // JSON list: field IDs of columns that the source has no more, at the newest load
	jsonProperty       = "notionlake.json"       // JSON list: field IDs of strings that hold JSON
	stateProperty      = "notionlake.state"      // JSON object: column key to lake.Column.State
)

// The entries of a snapshot's summary.
const (
	loadEntry    = "notionlake.load-id"
	statusEntry  = "notionlake.status"
	versionEntry = "notionlake.version"
	removedEntry = "notionlake.removed" // JSON list: field IDs of columns that the source had no more; none: not there
)

// metadataVersions is how many earlier metadata files a table keeps: enough for
// readers that hold on to one for some loads.
const metadataVersions = "10"

// century is 100 years in milliseconds: longer than any table lives, and far
// from where sums of milliseconds overflow.
const century = "3155760000000"

// defaults are the properties that a table has unless someone set others.
// Without those of history.expire any engine's maintenance would by its own
// defaults (5 days, 1 snapshot) delete what makes time travel possible.
func defaults() iceberg.Properties {
	return iceberg.Properties{
		"history.expire.max-snapshot-age-ms":         century,
		"history.expire.max-ref-age-ms":              century,
		"history.expire.min-snapshots-to-keep":       "1000000",
		"write.metadata.delete-after-commit.enabled": "true",
		"write.metadata.previous-versions-max":       metadataVersions,
		"write.parquet.compression-codec":            "zstd",
	}
}

// columns is what is known of a table's columns beyond the schema: from the table's
// properties, and what was removed from the summary of its snapshot, since a load
// without a column may be taken back.
type columns struct {
	properties map[string]int // property ID to field ID, of columns in the schema
	former     map[int]string // field ID to property ID, of columns that left it
	removed    map[int]bool   // columns in the schema that the source has no more
	json       map[int]bool   // strings that hold JSON, also those that left
	state      map[string]string
}

func (c columns) clone() columns {
	d := columns{
		properties: maps.Clone(c.properties), former: maps.Clone(c.former),
		removed: maps.Clone(c.removed), json: maps.Clone(c.json), state: maps.Clone(c.state),
	}
	if d.properties == nil {
		d.properties = map[string]int{}
	}
	if d.former == nil {
		d.former = map[int]string{}
	}
	if d.removed == nil {
		d.removed = map[int]bool{}
	}
	if d.json == nil {
		d.json = map[int]bool{}
	}
	if d.state == nil {
		d.state = map[string]string{}
	}
	return d
}

// of are the columns of another snapshot of the same table, which has that schema:
// those of it that left since are columns again, and those that came since have left.
// What the source remembered of a column that is another one now is forgotten.
func (c columns) of(schema *iceberg.Schema, removed map[int]bool) columns {
	d := c.clone()
	d.removed = removed
	fields := map[int]bool{}
	for _, f := range schema.Fields() {
		fields[f.ID] = true
		if key, ok := d.former[f.ID]; ok {
			delete(d.former, f.ID)
			if id, taken := d.properties[key]; taken && id != f.ID {
				d.former[id] = key
				delete(d.state, key)
			}
			d.properties[key] = f.ID
		}
	}
	for key, id := range d.properties {
		if !fields[id] {
			delete(d.properties, key)
			d.former[id] = key
			delete(d.state, key)
		}
	}
	return d
}

// removedAt are the columns that the source had no more at a snapshot. One that
// another program made has those of the load that it was made from; where that has
// expired, newest are those of the newest load, which the table's properties tell.
func removedAt(meta table.Metadata, s *table.Snapshot, newest map[int]bool) (map[int]bool, error) {
	removed := map[int]bool{}
	seen := map[int64]bool{}
	for s != nil && !seen[s.SnapshotID] && (s.Summary == nil || s.Summary.Properties[loadEntry] == "") {
		if seen[s.SnapshotID] = true; s.ParentSnapshotID == nil || meta.SnapshotByID(*s.ParentSnapshotID) == nil {
			return maps.Clone(newest), nil
		}
		s = meta.SnapshotByID(*s.ParentSnapshotID)
	}
	if s == nil || s.Summary == nil || s.Summary.Properties[removedEntry] == "" {
		return removed, nil
	}
	var ids []int
	if err := json.Unmarshal([]byte(s.Summary.Properties[removedEntry]), &ids); err != nil {
		return nil, fmt.Errorf("snapshot %d: %s is damaged: %w", s.SnapshotID, removedEntry, err)
	}
	for _, id := range ids {
		removed[id] = true
	}
	return removed, nil
}

// parseColumns reads the columns back from a table's properties. What was removed is
// that of the newest load.
func parseColumns(props iceberg.Properties) (columns, error) {
	c := columns{}.clone()
	var removed, texts []int
	for _, p := range []struct {
		name string
		into any
	}{
		{propertiesProperty, &c.properties},
		{formerProperty, &c.former},
		{removedProperty, &removed},
		{jsonProperty, &texts},
		{stateProperty, &c.state},
	} {
		text, ok := props[p.name]
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte(text), p.into); err != nil {
			return columns{}, fmt.Errorf("property %s is damaged: %w", p.name, err)
		}
	}
	for _, id := range removed {
		c.removed[id] = true
	}
	for _, id := range texts {
		c.json[id] = true
	}
	return c.clone(), nil
}

// format writes the columns as table properties.
func (c columns) format() (iceberg.Properties, error) {
	props := iceberg.Properties{}
	for name, value := range map[string]any{
		propertiesProperty: c.properties,
		formerProperty:     c.former,
		removedProperty:    sortedKeys(c.removed),
		jsonProperty:       sortedKeys(c.json),
		stateProperty:      c.state,
	} {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("property %s: %w", name, err)
		}
		props[name] = string(text)
	}
	return props, nil
}

func sortedKeys(m map[int]bool) []int {
	keys := slices.AppendSeq([]int{}, maps.Keys(m))
	slices.Sort(keys)
	return keys
}

// secretName matches names of properties that hold a secret or that would send
// our credentials to another server.
var secretName = regexp.MustCompile(`(?i)^(s3|gcs|adls|client)\.|token|secret|credential|password|access-key`)

// unsafeProperty returns the name of a property that a table must not have.
func unsafeProperty(props iceberg.Properties) (string, bool) {
	for _, name := range slices.Sorted(maps.Keys(props)) {
		if !strings.HasPrefix(name, "notionlake.") && secretName.MatchString(name) {
			return name, true
		}
	}
	return "", false
}
