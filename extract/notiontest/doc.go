// Package notiontest is a Notion server for tests and for the demo: a model of
// a workspace, and an http.Handler that serves it as Notion does, versions
// 2025-09-03 and 2026-03-11.
//
// A Workspace holds a Model, which never changes: every change (Update and its
// shorthands) makes the next Model, so a request sees one state and changes may
// come between the requests of one pagination.
//
// A Server is strict: what Notion refuses (an unknown route, parameter or body
// member, a cursor of another listing, a page size beyond 100) it refuses with
// Notion's words. It limits, delays and fails as Options and Faults say, always
// the same way for the same seed. Transport serves requests without a socket
// and with timers only, so it works in the bubbles of testing/synctest.
//
// Everything of a workspace follows from its seed. The package imports nothing
// of the program it judges.
package notiontest
