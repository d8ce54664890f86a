package lake

import (
	"context"
	"errors"
	"time"
)

// A Catalog makes data files readable.
type Catalog interface {
	// LastLoad returns the ID of the newest published load, "" for none.
	LastLoad(ctx context.Context) (LoadID, error)
	// Tables returns every table of the namespace that a Loader made, as it is now.
	Tables(ctx context.Context) ([]TableState, error)
	// Stage plans a change of one table: the schema it will have and where its
	// files go. Nothing staged is visible, a new table included. It may be called
	// again for the same table; only what is published counts.
	Stage(ctx context.Context, s Schema, d WriteDisposition) (Staged, error)
	// Publish makes every change visible at once, in one snapshot per table, all
	// with the load's tag; tables without a change get the tag only.
	// ErrConflict: another writer was first, and nothing changed. ErrUnknown: the
	// outcome could not be learnt, and nothing may be deleted.
	Publish(ctx context.Context, p Publication) ([]Snapshot, error)
}

// Errors that a Catalog's Publish wraps.
var (
	ErrConflict = errors.New("another load was first")
	ErrUnknown  = errors.New("the outcome of the commit is unknown")
)

// TableState is a table at one of its snapshots.
type TableState struct {
	Schema   Schema // column keys, names, types, docs and states
	Layout   Layout // field IDs of the schema
	Snapshot Snapshot
	Files    func(ctx context.Context) ([]File, error) // its live data files
}

// A Staged is a planned change of one table.
type Staged interface {
	// Layout is where the data files of this change go and the field IDs they carry.
	Layout() Layout
	// Changes are the differences between the current schema and the staged one.
	Changes() []SchemaChange
}

// A Layout tells a Writer where a table's files go and which field IDs they carry.
type Layout struct {
	// Prefix is the storage key prefix of data files, with a slash at its end.
	Prefix string
	// FieldIDs by column path in names: "due", "due.start", "tags.element",
	// "owner.element.name".
	FieldIDs map[string]int
}

// A SchemaChange is one difference between two schemas of a table.
type SchemaChange struct {
	Kind   string `json:"kind"` // add, rename, retype, widen, retire
	Column string `json:"column"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
}

// A Change is a staged change with the files it consists of.
type Change struct {
	Staged Staged
	Files  []File
}

// A Publication is what a load publishes.
type Publication struct {
	Load    Load
	Changes []Change
	// Ledger makes the change of the last table, the ledger, once the snapshots
	// of all other tables have their IDs and the load its publication time.
	Ledger func(ctx context.Context, at time.Time, snapshots []Snapshot) (Change, error)
}

// A Snapshot is the state of one table after a load.
type Snapshot struct {
	Table    string
	Key      string
	ID       int64
	ParentID int64 // 0: none
	Time     time.Time
	LoadID   LoadID
	Status   string
	Summary  map[string]string
	Tags     []string
	Rows     int64
	Files    int64
	Bytes    int64
}

// A File is one data file that a Writer made.
type File struct {
	Key     string // in the warehouse
	Rows    int64
	Bytes   int64
	Columns []ColumnStats // per leaf column
	// SplitOffsets are the byte offsets of the row groups.
	SplitOffsets []int64
}

// ColumnStats are the statistics of one leaf column of a file, by field ID.
type ColumnStats struct {
	FieldID int
	Bytes   int64 // compressed size in the file
	Values  int64 // values, nulls included
	Nulls   int64
	// Min and Max bound the values that are not null; both null: no bounds are
	// known. Text is cut to 16 characters: Min is a prefix, Max not less than any value.
	// Zeros are signed so that they bound both: Min -0.0, Max +0.0.
	Min, Max Value
	// Float marks a column of doubles (NaN count: always 0).
	Float bool
}
