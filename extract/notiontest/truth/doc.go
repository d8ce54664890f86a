// Package truth computes what the tables of a load must hold from a model of a
// workspace alone: names, column types, every cell. It knows nothing of the
// program that makes the tables, so it can judge it.
//
// Types are written as users of Iceberg do: string, double, boolean, long,
// timestamptz, list<string>, struct<start timestamptz, end timestamptz>. Cells
// are JSON:
//
//	double       the 16 hex digits of its bits, as a string: "3ff0000000000000"
//	timestamptz  "2026-01-05T09:00:00.000000Z"
//	string       text; with Column.JSON it is JSON, to be compared as JSON
//	long         number
//	boolean      true or false
//	list         array, where null and [] differ
//	struct       object with all its fields
//
// Where the contract leaves a choice, this is what is taken for right:
//
//   - a date whose start cannot be represented is null as a whole; one whose end
//     cannot has a null end; one without start has null for start, date_only and
//     time_zone
//   - a date and time without offset and zone is UTC, with a null time_zone
//   - an element of a rollup as JSON is the whole element, {"type","<type>"}; a
//     rollup that is a list here and a scalar there is what stands under its type
//   - a property of an unknown type is JSON of what stands under its type
//   - a rollup without any result is typed by its function: counts, sums and
//     such double, dates the date struct, and what shows values a list by the
//     related property's type (list<string> over formulas and rollups)
//   - a kept column that gives way leaves the schema
//   - groups are in _users, when people properties name them
//   - a property that left keeps the names of table and column that it had last
package truth
