package lake

import (
	"cmp"
	"context"
	"fmt"
	"iter"
)

// DiffOptions say how two states of a table are compared. The zero value compares everything.
type DiffOptions struct {
	// Skip says that a column is not compared: its values are not read.
	// Identifier columns are always compared.
	Skip func(Column) bool
	// TempDir is where the old values of changed rows are spooled. "": the
	// system's folder for such files.
	TempDir string
}

// A TableDiff is the difference between two states of one table.
//
// Columns are matched by what never changes, their keys, so that a rename is a
// change of the schema and not of the rows. Rows are matched by the identifier
// columns; of a table without any, rows are only added and removed, as often as
// they stand more often on one side.
//
// Values are compared bit for bit: -0.0 is not 0.0, null not an empty list, and
// lists that hold the same in another order differ. Where the types of a column
// differ, a struct is compared field by field and anything else by its text, so
// that the number 5 and the text "5" are the same. What only one side has, a
// column or a struct's field, differs where it is not null.
type TableDiff struct {
	// Schema has the differences of the columns; none where a side is missing.
	Schema []SchemaChange
	// Added, Removed and Changed count the rows.
	Added, Removed, Changed int64

	storage  *Storage
	tempDir  string
	from, to diffSide
	pairs    []diffPair
	ids      []int // of pairs
	// partner is the place among From's rows of each changed row, in To's order.
	partner []int64
}

// A RowKind says what became of a row.
type RowKind uint8

const (
	RowChanged RowKind = iota
	RowAdded
	RowRemoved
)

func (k RowKind) String() string {
	switch k {
	case RowChanged:
		return "changed"
	case RowAdded:
		return "added"
	case RowRemoved:
		return "removed"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// A RowChange is a row that differs. What it holds is valid until the next one.
type RowChange struct {
	Kind RowKind
	// ID are the values of the identifier columns; none where the table has none.
	ID []Cell
	// Cells are all cells of a row that was added or removed, and those of a
	// changed row that differ.
	Cells []CellChange
	// Row are all cells of the row.
	Row []CellChange
}

// A Cell is a value with its column.
type Cell struct {
	Column *Column
	Value  Value
}

// A CellChange is a cell before and after. A side has no column where the row or
// the column was not there.
type CellChange struct {
	From, To Cell
}

// Column is the column as it is now, or as it was where it is no more.
func (c CellChange) Column() *Column {
	if c.To.Column != nil {
		return c.To.Column
	}
	return c.From.Column
}

// DiffTables compares two states of one table. Either may be the zero
// TableState: the table was not there. Data files that both states have are not
// read, and of a row no more is kept than its place and a few hashes.
func DiffTables(ctx context.Context, s *Storage, from, to TableState, o DiffOptions) (*TableDiff, error) {
	d := &TableDiff{storage: s, tempDir: o.TempDir}
	if from.Files != nil && to.Files != nil {
		d.Schema = DiffSchemas(from, to)
	}
	d.match(from, to, o.Skip)
	if from.Snapshot.ID != 0 && from.Snapshot.ID == to.Snapshot.ID && len(d.Schema) == 0 {
		return d, nil
	}
	if err := d.files(ctx, from, to); err != nil {
		return nil, err
	}
	if err := d.compare(ctx); err != nil {
		return nil, fmt.Errorf("compare table %s: %w", cmp.Or(to.Schema.Table, from.Schema.Table), err)
	}
	return d, nil
}

// Same reports whether nothing differs.
func (d *TableDiff) Same() bool {
	return len(d.Schema) == 0 && d.Added == 0 && d.Removed == 0 && d.Changed == 0
}

// Identified reports whether the rows have identifiers.
func (d *TableDiff) Identified() bool { return len(d.ids) > 0 }

// Rows yields the rows that differ: first those that were removed, then those
// that were added or changed, as they stand in the table. With a limit above
// zero it yields at most so many of each kind.
func (d *TableDiff) Rows(ctx context.Context, limit int64) iter.Seq2[RowChange, error] {
	return func(yield func(RowChange, error) bool) {
		if limit <= 0 {
			limit = max(d.Added, d.Removed, d.Changed)
		}
		more, err := d.rows(ctx, limit, yield)
		if err != nil && more {
			yield(RowChange{}, err)
		}
	}
}
