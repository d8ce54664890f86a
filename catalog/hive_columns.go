package catalog

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/apache/iceberg-go"
)

// Limits of Glue and Hive for what they show of a column.
const (
	longestColumnName = 255
	longestComment    = 255
	// Hive keeps types in a column of its own database that is as long.
	longestColumnType = 4000
)

// A hiveColumn is a column as Glue and Hive show it. Engines read the columns
// from the table's metadata; it is there for people and for the rights that are
// given on columns.
type hiveColumn struct{ name, kind, comment string }

// hiveColumns are the columns of a schema but those that do not fit.
func hiveColumns(schema *iceberg.Schema) []hiveColumn {
	var list []hiveColumn
	for _, f := range schema.Fields() {
		c := hiveColumn{name: f.Name, kind: hiveType(f.Type), comment: strings.Map(oneLine, f.Doc)}
		if len(c.name) > longestColumnName || len(c.kind) > longestColumnType {
			continue
		}
		for len(c.comment) > longestComment {
			_, size := utf8.DecodeLastRuneInString(c.comment)
			c.comment = c.comment[:len(c.comment)-size]
		}
		list = append(list, c)
	}
	return list
}

// oneLine turns what is not printed into spaces: Glue takes no lines in comments.
func oneLine(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// hiveType is the name that Hive has for a type.
func hiveType(t iceberg.Type) string {
	switch t := t.(type) {
	case iceberg.BooleanType:
		return "boolean"
	case iceberg.Int32Type:
		return "int"
	case iceberg.Int64Type:
		return "bigint"
	case iceberg.Float32Type:
		return "float"
	case iceberg.Float64Type:
		return "double"
	case iceberg.DateType:
		return "date"
	case iceberg.TimestampType:
		return "timestamp"
	case iceberg.TimestampTzType:
		return "timestamp with local time zone"
	case iceberg.BinaryType, iceberg.FixedType:
		return "binary"
	case iceberg.DecimalType:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision(), t.Scale())
	case *iceberg.ListType:
		return "array<" + hiveType(t.Element) + ">"
	case *iceberg.MapType:
		return "map<" + hiveType(t.KeyType) + "," + hiveType(t.ValueType) + ">"
	case *iceberg.StructType:
		fields := make([]string, len(t.FieldList))
		for i, f := range t.FieldList {
			fields[i] = f.Name + ":" + hiveType(f.Type)
		}
		return "struct<" + strings.Join(fields, ",") + ">"
	default:
		return "string"
	}
}

// The parameters that make a table of Glue and Hive one of Iceberg.
const (
	tableTypeParameter = "table_type"
	icebergTableType   = "ICEBERG"
	locationParameter  = "metadata_location"
	previousParameter  = "previous_metadata_location"
	formerlyParameter  = "notionlake.formerly"
	externalTableType  = "EXTERNAL_TABLE"
)

// pointerOf reads the parameters of a table.
func pointerOf(name, kind string, parameters map[string]string, version any) pointer {
	p := pointer{name: name, location: parameters[locationParameter], previous: parameters[previousParameter], formerly: parameters[formerlyParameter], version: version}
	switch {
	case strings.EqualFold(kind, "VIRTUAL_VIEW"), strings.EqualFold(kind, "MATERIALIZED_VIEW"):
		p.location, p.other = "", "a view"
	case !strings.EqualFold(parameters[tableTypeParameter], icebergTableType) || p.location == "":
		p.location, p.other = "", "no Iceberg table"
	}
	return p
}
