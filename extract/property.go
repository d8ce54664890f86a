package extract

import "github.com/notionlake/notionlake/lake"

// A propertyType says how one Notion property type becomes a column.
type propertyType struct {
	// column is the column's type; none where the values decide or there is no column.
	column lake.Type
	// value reads a value as it stands in a page. Of a late type it keeps the
	// result as JSON.
	value valueFunc
	// late makes what decides the column's type.
	late func(p *property, before *lake.Column, related lake.Type) lake.Late
	// long marks text without a length limit.
	long bool
	// none marks a type that has no values and so no column.
	none bool
}

var (
	stringType = lake.Type{Kind: lake.String}
	jsonType   = lake.Type{Kind: lake.JSON}
	doubleType = lake.Type{Kind: lake.Float64}
	boolType   = lake.Type{Kind: lake.Bool}
	timeType   = lake.Type{Kind: lake.Timestamp}
	dateType   = lake.StructOf(
		lake.Field("start", lake.Timestamp), lake.Field("end", lake.Timestamp),
		lake.Field("date_only", lake.Bool), lake.Field("time_zone", lake.String))
	userType = lake.StructOf(
		lake.Field("id", lake.String), lake.Field("name", lake.String),
		lake.Field("email", lake.String), lake.Field("type", lake.String))
	fileType = lake.StructOf(
		lake.Field("name", lake.String), lake.Field("url", lake.String), lake.Field("kind", lake.String),
		lake.Field("sha256", lake.String), lake.Field("path", lake.String))
	verificationType = lake.StructOf(
		lake.Field("state", lake.String), lake.Field("verified_by", lake.String),
		lake.Field("start", lake.Timestamp), lake.Field("end", lake.Timestamp))
	placeType = lake.StructOf(
		lake.Field("lat", lake.Float64), lake.Field("lon", lake.Float64),
		lake.Field("name", lake.String), lake.Field("address", lake.String))
)

// The types of a rollup's lists, made once: a rollup is asked for its type with
// every row.
var (
	stringList = lake.ListOf(stringType)
	jsonList   = lake.ListOf(jsonType)
	doubleList = lake.ListOf(doubleType)
	boolList   = lake.ListOf(boolType)
	timeList   = lake.ListOf(timeType)
	dateList   = lake.ListOf(dateType)
)

// listOf is the list of a type that elements of rollups have.
func listOf(elem lake.Type) lake.Type {
	switch elem.Kind {
	case lake.Float64:
		return doubleList
	case lake.Bool:
		return boolList
	case lake.Timestamp:
		return timeList
	case lake.Struct:
		return dateList
	case lake.JSON:
		return jsonList
	default:
		return stringList
	}
}

// propertyTypes are all property types of Notion's that have values of their own.
var propertyTypes = map[string]propertyType{
	"title":            {column: stringType, value: textValue, long: true},
	"rich_text":        {column: stringType, value: textValue, long: true},
	"number":           {column: doubleType, value: numberValue},
	"select":           {column: stringType, value: optionValue},
	"status":           {column: stringType, value: optionValue},
	"multi_select":     {column: stringList, value: optionsValue},
	"date":             {column: dateType, value: dateValue},
	"people":           {column: lake.ListOf(userType), value: peopleValue},
	"files":            {column: lake.ListOf(fileType), value: filesValue},
	"checkbox":         {column: boolType, value: boolValue},
	"url":              {column: stringType, value: stringValue},
	"email":            {column: stringType, value: stringValue},
	"phone_number":     {column: stringType, value: stringValue},
	"formula":          {value: formulaResult, late: newFormula, long: true},
	"relation":         {column: stringList, value: relationValue},
	"rollup":           {value: rollupResult, late: newRollup, long: true},
	"created_time":     {column: timeType, value: timeValue},
	"last_edited_time": {column: timeType, value: timeValue},
	"created_by":       {column: userType, value: userValue},
	"last_edited_by":   {column: userType, value: userValue},
	"unique_id":        {column: stringType, value: uniqueIDValue},
	"verification":     {column: verificationType, value: verificationValue},
	"place":            {column: placeType, value: placeValue},
	"button":           {none: true},
}

// propertyTypeOf is the entry of a property type; a type that is not known
// becomes text that holds JSON.
func propertyTypeOf(name string) propertyType {
	if t, ok := propertyTypes[name]; ok {
		return t
	}
	return propertyType{column: jsonType, value: unknownValue, long: true}
}

// An elementType says how an element of a rollup's array becomes an element of a list.
type elementType struct {
	elem  lake.Type
	value valueFunc
	// flat marks values that are lists themselves: their elements become the column's.
	flat bool
}

// elementTypes are the property types whose values have a type of their own in
// a rollup; all others are JSON. Those of formulas are in late_rollup.go.
var elementTypes = map[string]elementType{
	"title":            {elem: stringType, value: textValue},
	"rich_text":        {elem: stringType, value: textValue},
	"select":           {elem: stringType, value: optionValue},
	"status":           {elem: stringType, value: optionValue},
	"url":              {elem: stringType, value: stringValue},
	"email":            {elem: stringType, value: stringValue},
	"phone_number":     {elem: stringType, value: stringValue},
	"unique_id":        {elem: stringType, value: uniqueIDValue},
	"number":           {elem: doubleType, value: numberValue},
	"checkbox":         {elem: boolType, value: boolValue},
	"date":             {elem: dateType, value: dateValue},
	"created_time":     {elem: timeType, value: timeValue},
	"last_edited_time": {elem: timeType, value: timeValue},
	"created_by":       {elem: stringType, value: userIDValue},
	"last_edited_by":   {elem: stringType, value: userIDValue},
	"multi_select":     {elem: stringType, value: optionsValue, flat: true},
	"people":           {elem: stringType, value: userIDsValue, flat: true},
	"relation":         {elem: stringType, value: relationValue, flat: true},
	"files":            {elem: stringType, value: fileURLsValue, flat: true},
}
