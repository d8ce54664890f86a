package catalog

import (
	"slices"

	"github.com/apache/iceberg-go"

	"github.com/notionlake/notionlake/lake"
)

// lakeType is the Type of an Iceberg type; false if there is none. json tells
// the strings that hold JSON by their field ID, of which id is t's own.
func lakeType(id int, t iceberg.Type, json map[int]bool) (lake.Type, bool) {
	switch t := t.(type) {
	case iceberg.BooleanType:
		return lake.Type{Kind: lake.Bool}, true
	case iceberg.Int64Type:
		return lake.Type{Kind: lake.Int64}, true
	case iceberg.Float64Type:
		return lake.Type{Kind: lake.Float64}, true
	case iceberg.StringType:
		if json[id] {
			return lake.Type{Kind: lake.JSON}, true
		}
		return lake.Type{Kind: lake.String}, true
	case iceberg.TimestampTzType:
		return lake.Type{Kind: lake.Timestamp}, true
	case *iceberg.ListType:
		elem, ok := lakeType(t.ElementID, t.Element, json)
		return lake.ListOf(elem), ok
	case *iceberg.StructType:
		s := lake.Type{Kind: lake.Struct}
		for _, f := range t.FieldList {
			ft, ok := lakeType(f.ID, f.Type, json)
			if !ok {
				return lake.Type{}, false
			}
			s.Fields = append(s.Fields, lake.Column{Key: f.Name, Name: f.Name, Type: ft, Doc: f.Doc})
		}
		return s, len(s.Fields) > 0
	default:
		return lake.Type{}, false
	}
}

// primitive is the Iceberg type of a kind that has no parts.
func primitive(k lake.Kind) iceberg.Type {
	switch k {
	case lake.Bool:
		return iceberg.PrimitiveTypes.Bool
	case lake.Int64:
		return iceberg.PrimitiveTypes.Int64
	case lake.Float64:
		return iceberg.PrimitiveTypes.Float64
	case lake.Timestamp:
		return iceberg.PrimitiveTypes.TimestampTz
	case lake.String, lake.JSON:
		return iceberg.PrimitiveTypes.String
	case lake.Invalid, lake.List, lake.Struct:
	}
	return nil
}

// lakeColumns are the columns of an Iceberg schema. A column whose type has no
// lake.Type, which only another program can have added, is left out.
func lakeColumns(s *iceberg.Schema, cols columns) []lake.Column {
	properties := map[int]string{}
	for key, id := range cols.properties {
		properties[id] = key
	}
	var list []lake.Column
	for _, f := range s.Fields() {
		t, ok := lakeType(f.ID, f.Type, cols.json)
		if !ok {
			continue
		}
		c := lake.Column{
			Key: f.Name, Name: f.Name, Type: t, Doc: f.Doc,
			Required: f.Required && slices.Contains(s.IdentifierFieldIDs, f.ID),
		}
		if key, ok := properties[f.ID]; ok {
			c.Key, c.Property = key, true
		} else if key, ok := cols.former[f.ID]; ok {
			c.Key, c.Property = key, true
		}
		c.State = cols.state[c.Key]
		list = append(list, c)
	}
	return list
}

// fieldIDs are the field IDs of a schema by column path.
func fieldIDs(s *iceberg.Schema) map[string]int {
	ids := map[string]int{}
	for _, f := range s.Fields() {
		addFieldIDs(ids, f.Name, f.ID, f.Type)
	}
	return ids
}

func addFieldIDs(ids map[string]int, path string, id int, t iceberg.Type) {
	ids[path] = id
	switch t := t.(type) {
	case *iceberg.ListType:
		addFieldIDs(ids, path+".element", t.ElementID, t.Element)
	case *iceberg.StructType:
		for _, f := range t.FieldList {
			addFieldIDs(ids, path+"."+f.Name, f.ID, f.Type)
		}
	}
}

// typeName writes an Iceberg type as lake.Type does.
func typeName(t iceberg.Type) string {
	if lt, ok := lakeType(0, t, nil); ok {
		return lt.String()
	}
	return t.String()
}
