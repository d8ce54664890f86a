package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Catalog makes data files readable. Its methods may be called by several
// goroutines at once.
type Catalog interface {
	// Lock makes this process the only one that changes the tables of the
	// namespace until unlock is called. It waits for another one as long as the
	// catalog was told to, and then returns an error that wraps ErrLocked.
	// Safety does not rest on it: Publish finds out by itself what has moved.
	Lock(ctx context.Context) (unlock func() error, err error)
	// LockPart is Lock for a part of the namespace, by its name. wait is how long
	// another process is waited for; it may take longer to find out that one has died.
	LockPart(ctx context.Context, part string, wait time.Duration) (unlock func() error, err error)
	// CheckNewest fails with ErrCatalogOld where the tables' files tell of
	// publications that the catalog does not have.
	CheckNewest(ctx context.Context) error
	// Admit lets a run publish, until Fence or until it has published. Safety rests
	// on it where a lock does not hold: what a run wrote is deleted only once it has
	// been fenced, and the publication of a run that was not admitted, or has been
	// fenced, ends with ErrConflict. ErrNotFenced: nothing may be deleted.
	Admit(ctx context.Context, run RunID) error
	Fence(ctx context.Context, runs ...RunID) error
	// ID is what tells the catalog from every other one; "": nothing does.
	ID(ctx context.Context) (string, error)
	// Folder is the storage key prefix, with a slash at its end, below which the
	// files of all tables lie, and of no other namespace's or catalog's.
	Folder() string
	// LastLoad returns the ID of the newest published load, "" for none.
	LastLoad(ctx context.Context) (LoadID, error)
	// Loads returns the published loads that can be read, by their tags, the oldest first.
	Loads(ctx context.Context) ([]LoadID, error)
	// Holds returns the loads that are held on some table.
	Holds(ctx context.Context) ([]LoadID, error)
	// Tables returns every table of the namespace that a Loader made, as it is now.
	Tables(ctx context.Context) ([]TableState, error)
	// States returns the table with this key at each of its snapshots, those of held
	// loads included; none if there is no such table.
	States(ctx context.Context, key string) ([]TableState, error)
	// Stage plans a change of one table: the schema it will have and where its
	// files go. Nothing staged is visible, a new table included. It may be called
	// again for the same table; only what is published counts.
	Stage(ctx context.Context, s Schema, d WriteDisposition) (Staged, error)
	// StageLoad plans that the table with this key becomes what it was after a
	// load, schema and files; a table that is younger loses its rows. The change
	// takes no further files.
	StageLoad(ctx context.Context, key string, load LoadID) (Staged, error)
	// Restage plans the change of a held load again, from its record. The change
	// takes no further files.
	Restage(ctx context.Context, record json.RawMessage) (Staged, error)
	// Folders are the folders of all tables and views that the namespace has, those
	// of other programs included, as far as they are in the warehouse.
	Folders(ctx context.Context) ([]string, error)
	// StageCompaction plans that the rows of a table, which is at a snapshot, come
	// to lie in other files, those of the Change, and nothing else. ErrAltered: that
	// would lose something. ErrConflict: the table has another snapshot.
	StageCompaction(ctx context.Context, key string, snapshot int64) (Staged, error)
	// Publish makes every change visible at once, in one snapshot per table, all
	// with the load's tag; tables without a change get the tag only.
	// ErrConflict: another writer was first, and nothing changed. ErrUnknown: the
	// outcome could not be learnt, and nothing may be deleted.
	Publish(ctx context.Context, p Publication) ([]Snapshot, error)
	// MendHints does what follows a publication for a run that died just after it:
	// the files by which readers without the catalog find the tables name what is current.
	MendHints(ctx context.Context) error
	// Discard removes what a held load left in the tables' metadata. That there is
	// nothing of it is no error. run and before are as in a Publication.
	Discard(ctx context.Context, load LoadID, run RunID, before func(context.Context, Prepared) error) error
	// Expire takes published loads out of the tables' metadata, of all tables at
	// once: their tags, the snapshots that neither another tag nor a branch needs,
	// and what only those needed. The current snapshots stay. run is as in a
	// Publication. before is called with what becomes superfluous, before anything
	// is written, and not at all where there is nothing to be done.
	Expire(ctx context.Context, loads []LoadID, run RunID, before func(context.Context, Prepared) error) error
	// References returns the storage keys of all files that the metadata of the
	// namespace's tables names, of every snapshot. An error means that nothing is
	// known: then nothing may be deleted.
	References(ctx context.Context) (map[string]bool, error)
}

// Errors that a Catalog wraps.
var (
	ErrConflict = errors.New("another load was first")
	ErrUnknown  = errors.New("the outcome of the commit is unknown")
	// ErrHeldLate is a held load that cannot be published any more.
	ErrHeldLate = fmt.Errorf("it can only be discarded: %w", ErrConflict)
	// ErrNotFenced is a catalog that cannot keep a run from publishing.
	ErrNotFenced = errors.New("a run cannot be kept from publishing")
	// ErrAltered is a table of ours that another program gave what is not written
	// here, and that can be turned back: partitions, a sort order, row-level
	// deletes, columns of other types.
	ErrAltered = errors.New("altered by another program")
	// ErrLocked is a catalog that another program has locked for too long.
	ErrLocked = errors.New("the catalog is locked")
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
	// Restored are the data files that the table has and that the change, of StageLoad
	// or Restage, makes current; none of others.
	Restored(ctx context.Context) ([]File, error)
}

// A Layout tells a Writer where a table's files go and which field IDs they carry.
type Layout struct {
	// Prefix is the storage key prefix of data files, with a slash at its end.
	Prefix string
	// FieldIDs by column path in names: "due", "due.start", "tags.element",
	// "owner.element.name".
	FieldIDs map[string]int
}

// The kinds of a SchemaChange.
const (
	AddColumn    = "add"
	RenameColumn = "rename"
	RetypeColumn = "retype"
	WidenColumn  = "widen"
	RetireColumn = "retire" // the source has it no more: it stays as nulls, or leaves
)

// A SchemaChange is one difference between two schemas of a table.
type SchemaChange struct {
	Kind   string `json:"kind"`
	Column string `json:"column"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
}

// String says the change in words.
func (c SchemaChange) String() string {
	switch c.Kind {
	case AddColumn:
		return c.Column + " added (" + c.To + ")"
	case RenameColumn:
		return c.From + " renamed to " + c.To
	case RetypeColumn:
		return c.Column + " is " + c.To + ", was " + c.From
	case WidenColumn:
		return c.Column + " widened to " + c.To
	case RetireColumn:
		return c.Column + " removed"
	default:
		return c.Kind + " " + c.Column
	}
}

// A Change is a staged change with the files it consists of.
type Change struct {
	Staged Staged
	Files  []File
}

// A Publication is what a load publishes.
type Publication struct {
	Load Load
	// Run is in the name of every file that the publication writes. It has been
	// admitted. "": a run of its own.
	Run     RunID
	Changes []Change
	// Hold publishes nothing: every table that exists gets the load's snapshot
	// beside its current one, with the tag Load.ID.HeldTag, and nothing else of it
	// changes. No other table is made or tagged, and there is no ledger's row.
	Hold bool
	// Compaction publishes no load: the changes hold the rows that their tables
	// have. Load.ID is the last load; there is no tag and no ledger's row.
	Compaction bool
	// Before, where it is not nil, is called when everything is written, just
	// before it becomes visible. An error ends the publication.
	Before func(ctx context.Context, p Prepared) error
	// Ledger makes the change of the last table, the ledger, once the snapshots
	// of all other tables have their IDs and the load its publication time.
	Ledger func(ctx context.Context, at time.Time, snapshots []Snapshot) (Change, error)
}

// Prepared is what a publication is about to do, for the journal.
type Prepared struct {
	// Drops are the keys of files that the publication makes superfluous. They are
	// deleted after it.
	Drops []string
	// Snapshots is how many snapshots leave the tables.
	Snapshots int
	// Records are what Restage needs, one per change of a publication with Hold.
	Records []json.RawMessage
	// Pinned says that there are tables that get the tag of the held load.
	Pinned bool
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

// A File is one data file that a Writer made, or would have made.
type File struct {
	Key     string // in the warehouse
	Rows    int64
	Bytes   int64
	Columns []ColumnStats // per leaf column
	// Reused says that the file is of the snapshot on which a change builds, and not
	// the load's own. A publication fails with ErrConflict where the table has it no
	// more, or deletes rows of it.
	Reused bool
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
