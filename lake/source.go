package lake

import (
	"context"
	"iter"
	"time"
)

// A Source is what a load reads.
type Source interface {
	// Tables yields the tables of this load. Tables are read several at a time;
	// one that is Last starts when all others have been read and staged.
	// An error ends the load.
	Tables(ctx context.Context, now View) iter.Seq2[Table, error]
}

// A Keeping is a Source that keeps what it reads some time after it has read it.
type Keeping interface {
	// KeepRest keeps the rest, for the run that continues a load that ends early. The
	// context may have ended.
	KeepRest(ctx context.Context)
}

// A Table is one table of a load.
type Table struct {
	Schema      Schema
	Disposition WriteDisposition
	// Last says that the rows depend on what became of the other tables.
	Last bool
	// Unread, where it is not "", says why the source does not read this table in
	// this load although it exists (no longer shared, in the trash). The table
	// keeps its last snapshot, gets the load's tag, and the report has the reason.
	// Only Schema.Key and Schema.Table are looked at then.
	Unread string
	// Name, where it is not nil, is the name that the table gets, which may be another
	// one than Schema.Table: it is asked when Tables has ended and all tables that are
	// not Last have been read.
	Name func() string
	// Prepare, where it is not nil, reads from the source what Rows will yield: it is
	// called before Rows, and before the locks that others may wait for. What makes
	// the table partial is said by Rows, and an error of Prepare ends the load.
	Prepare func(ctx context.Context) error
	// State, where it is not nil, is what the table is to remember with its first column.
	// It is asked just before Rows: of a part, when no other one publishes any more and
	// the load has its last ID.
	State func(ctx context.Context) (string, error)
	// Rows yields the rows, once. An error that is a *PartialError says that the
	// table could not be read whole while the rest of the source can.
	Rows func(ctx context.Context) iter.Seq2[Row, error]
	// Rest, where it is not nil, is asked when Rows has ended without an error: what
	// it returns yields further rows, which depend on the rows of other tables; nil:
	// there are none. They are read when the Rows of all tables that are not Last
	// have ended, so tables may depend on each other, and on themselves, in circles.
	Rest func() func(ctx context.Context) iter.Seq2[Row, error]
	// Lost, where it is not nil, is how many rows of the last load are not here
	// because a table that they belong to is Unread: that they are gone is known,
	// and no reason to hold the load. It is asked after Rows and Rest ended.
	Lost func(ctx context.Context) (int64, error)
	// Omitted says, after Rows and Rest ended, what was left out of the table's cells.
	Omitted func() []Omission
	// Gone says, after Rows ended, what became of the rows of the last load that are
	// not among them, as far as the source tells.
	Gone func() []Gone
}

// A Gone counts rows of the last load that a table does not have any more.
type Gone struct {
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// An Omission is something that the source has and the table has not.
type Omission struct {
	PropertyID string `json:"property_id,omitempty"`
	Column     string `json:"column,omitempty"`
	Reason     string `json:"reason"`
	Count      int64  `json:"count"`
}

// A PartialError says why a table was not read whole.
type PartialError struct {
	Table string
	Err   error
}

func (e *PartialError) Error() string {
	return "table " + e.Table + " was not read whole: " + e.Err.Error()
}
func (e *PartialError) Unwrap() error { return e.Err }

// A View is what a Source may know of the lake: the tables as they were before
// this load, and what this load staged so far.
type View interface {
	// Load is the load that runs.
	Load() Load
	// Tables returns the current schema of every table, by key.
	Tables(ctx context.Context) (map[string]Schema, error)
	// Rows yields the rows of a table as last published; none if there is no such table.
	// The values follow the current schema's columns.
	Rows(ctx context.Context, key string) iter.Seq2[Row, error]
	// Columns yields the rows of a table as last published with the columns of these
	// names only, in their order, those that the table lacks as nulls. Nothing else of
	// it is read.
	Columns(ctx context.Context, key string, names ...string) iter.Seq2[Row, error]
	// LoadOf is the load that a table as last published is of, "" where there is none.
	LoadOf(key string) LoadID
	// Keep keeps something that was read for the run that continues the load, should
	// this one end before it has published. It is for things that cost much to read;
	// where the load cannot be continued it does nothing.
	Keep(ctx context.Context, data []byte) error
	// Kept yields what the runs kept that this one continues, in no order.
	Kept(ctx context.Context) iter.Seq2[KeptPart, error]
	// Staged returns a table that this load has read and staged.
	Staged(key string) (TableResult, bool)
}

// A KeptPart is what View.Keep was given at a time.
type KeptPart struct {
	Name string // of the file that it lies in, for people
	Data []byte
}

// TableResult is what became of a table in this load.
type TableResult struct {
	Schema  Schema // with the types that were decided late
	Layout  Layout
	Rows    int64
	Partial error // not nil: the table was not read whole
}

// WriteDisposition says what a load does with the rows that are there.
type WriteDisposition uint8

const (
	Replace WriteDisposition = iota // the table holds exactly this load's rows
	Append                          // this load's rows come to those of earlier loads
)

// A Load is one run.
type Load struct {
	ID      LoadID
	Started time.Time
	Version string            // of the program
	Status  string            // complete or partial
	Summary map[string]string // further snapshot summary entries
	// RollbackTo is the load whose state this one makes current again, "" for none.
	RollbackTo LoadID
}

// LoadID names a load: its time in UTC as 20261121T030000Z. IDs sort by time as text.
type LoadID string

// Tag is the name of the load's tag on every table.
func (id LoadID) Tag() string { return "load_" + string(id) }

// HeldTag is the name of the load's tag on the tables while it is held.
func (id LoadID) HeldTag() string { return "held_" + string(id) }

// Valid reports whether it is a load ID.
func (id LoadID) Valid() bool {
	t, err := time.Parse(loadIDLayout, string(id))
	return err == nil && t.Format(loadIDLayout) == string(id)
}

// Time is the time that the ID says, zero where it is not Valid.
func (id LoadID) Time() time.Time {
	t, err := time.Parse(loadIDLayout, string(id))
	if err != nil {
		return time.Time{}
	}
	return t
}

// loadIDLayout is the time layout of a LoadID.
const loadIDLayout = "20060102T150405Z"

// NextLoadID is the ID of a load that starts at now after the load last ("" for
// none): the later of the start and one second after the last load's ID.
func NextLoadID(now time.Time, last LoadID) LoadID {
	now = now.UTC().Truncate(time.Second)
	if t, err := time.Parse(loadIDLayout, string(last)); err == nil && !now.After(t) {
		now = t.Add(time.Second)
	}
	return LoadID(now.Format(loadIDLayout))
}
