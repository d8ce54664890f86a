// Package notion is a client of the Notion API, version 2026-03-11, for readers
// that must miss nothing. It knows HTTP and JSON, nothing of tables.
//
// Every answer is either understood whole or an error that names the object it
// is about. What can pass (a limit, an overload, a cut or empty answer, a reset
// connection, an answer about another object) is asked for again, at most eight
// times; limits are waited for as long as Notion says. The rows of a data source
// are read by windows of created_time, which also lead past the cap of a query's
// results; a window whose cursor is refused starts again, one that had to use
// cursors is checked for rows that a removal could have made it skip, and a minute
// that holds more rows than one query gives is split until every part is whole.
// What stays cut off ends with ErrIncomplete, never quietly.
//
// One limiter paces all requests of a Client. The token is sent to the host of
// the base URL and to no other, and no error, log line or printed value holds it.
package notion
