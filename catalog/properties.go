package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
)

// The table properties that make a table notionlake's.
const (
	keyProperty        = "notionlake.key"        // lake.Schema.Key
	propertiesProperty = "notionlake.properties" // JSON object: property ID to field ID
	formerProperty     = "notionlake.former"     // JSON object: field ID of a column that left to its property ID
	removedProperty    = "notionlake.removed"    // JSON list: field IDs of columns that the source has no more
	jsonProperty       = "notionlake.json"       // JSON list: field IDs of strings that hold JSON
	stateProperty      = "notionlake.state"      // JSON object: column key to lake.Column.State
)

// The entries of a snapshot's summary.
const (
	loadEntry    = "notionlake.load-id"
	statusEntry  = "notionlake.status"
	versionEntry = "notionlake.version"
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

// columns is what a table's properties say of its columns, beyond the schema.
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

// of are the columns of another schema of the same table: those of it that left
// since are columns again, and those that came since have left.
func (c columns) of(schema *iceberg.Schema) columns {
	d := c.clone()
	fields := map[int]bool{}
	for _, f := range schema.Fields() {
		fields[f.ID] = true
		if key, ok := d.former[f.ID]; ok {
			delete(d.former, f.ID)
			if id, taken := d.properties[key]; taken && id != f.ID {
				d.former[id] = key
			}
			d.properties[key] = f.ID
		}
	}
	for key, id := range d.properties {
		if !fields[id] {
			delete(d.properties, key)
			d.former[id] = key
		}
	}
	for id := range d.removed {
		if !fields[id] {
			delete(d.removed, id)
		}
	}
	return d
}

// parseColumns reads the columns back from a table's properties.
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
