package catalog

import (
	"context"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// A trace is how much of a change is found in a table.
type trace int

const (
	untouched trace = iota
	partly
	made
)

// A backend is what differs between the kinds of catalogs.
type backend interface {
	// place is where the catalog is, for messages, without secrets.
	place() string
	close() error
	// id is what tells the catalog from every other one; "": nothing does.
	id(ctx context.Context) (string, error)
	// writesMetadata reports whether metadata files are written here, and not by a
	// server.
	writesMetadata() bool
	// rows are the tables and views of the namespace.
	rows(ctx context.Context) ([]row, error)
	// recent are the rows as they were read since the lock was taken, where reading
	// takes long. What is planned on them is compared with the tables when it is
	// published.
	recent(ctx context.Context) ([]row, error)
	// begin makes what a publication needs and has no time, and returns the tables
	// as they are then.
	begin(ctx context.Context, l listing, p lake.Publication) (listing, error)
	// commit makes what an attempt has prepared visible. An error that wraps
	// errCommit leaves open what became of it.
	commit(ctx context.Context, a *attempt) error
	// settled are the rows after such an error, at a time from which on the commit
	// cannot land any more.
	settled(ctx context.Context, a *attempt, answer error) ([]row, error)
	// finish does what follows the commit before anything else.
	finish(ctx context.Context, a *attempt) error
	// traces tells how much a table holds of what the attempt made of it.
	traces(t *target, e *entry) trace
	// lock takes the lock of the namespace, part "", or of a part of it. admit and
	// fence: see lake.Catalog.
	lock(ctx context.Context, part string, wait time.Duration) (func() error, error)
	admit(ctx context.Context, run lake.RunID) error
	fence(ctx context.Context, run lake.RunID) error
}
