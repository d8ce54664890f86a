// Package extract turns a Notion workspace into the tables of a lake.
//
// A data source is a table, its pages are the rows, its properties the columns;
// beside them stand the fixed tables about the workspace itself (_users,
// _databases, _data_sources, _properties, _options, _views), about pages and what
// is in and on them (_pages, _blocks, _comments, _links), about the files that they
// refer to and the copies of these (_files), and about what could not be read
// (_problems).
//
// A column is known by the ID of its property, which no rename changes. Its
// type follows from the property's type alone, never from a first value; only
// of formulas and rollups, whose results the schema does not tell, do the values
// of the whole load decide (lake.Late), with a memory: a column keeps the type
// it had while nothing in the load speaks against it.
//
// Notion shows the first 25 references of a relation in a page, and computes
// rollups over these without a word. The relation is read whole from the property
// endpoint, rollups too where it has them (rollupWays says of each function where it
// comes from). The others are computed here when all tables have been read
// (lake.Table.Rest): the rows that need it wait on disk, the related rows lie there
// too, and only an entry for each is in memory.
//
// Null and empty are kept apart as Notion does: null where Notion says null or
// the page lacks the property, an empty list or text where it says [].
//
// What a cell cannot hold is never dropped without a word: it is counted by
// column and reason (the constants of Reason) in the load's report and in
// _problems, whose kinds are these reasons and the constants of ProblemKind.
package extract
