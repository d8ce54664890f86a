// Package notion is a client of the Notion API, version 2026-03-11, for readers
// that must miss nothing. It knows HTTP and JSON, nothing of tables.
//
// Every answer is either understood whole or an error that names the object it
// is about. What can pass (a limit, an overload, a cut or empty answer, a reset
// connection, an answer about another object) is asked for again, at most eight
// times; limits are waited for as long as Notion says. A listing whose cursor is
// refused starts its window again; a query that Notion cuts off at its result
// cap is continued by windows of created_time, and a minute that holds more rows
// than one query gives is split until every part is whole. What stays cut off
// ends with ErrIncomplete, never quietly.
//
// One limiter paces all requests of a Client. The token is sent to the host of
// the base URL and to no other, and no error, log line or printed value holds it.
package notion
