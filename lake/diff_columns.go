package lake

import "slices"

// DiffSchemas are the differences between the columns of two states of a table:
// as a load reports them, with retire for a column that is no more there.
func DiffSchemas(from, to TableState) []SchemaChange {
	var changes []SchemaChange
	left := slices.Clone(from.Schema.Columns)
	for _, c := range to.Schema.Columns {
		i := slices.IndexFunc(left, c.same)
		if i < 0 {
			changes = append(changes, SchemaChange{Kind: AddColumn, Column: c.Name, To: c.Type.String()})
			continue
		}
		was := left[i]
		left = slices.Delete(left, i, i+1)
		if was.Name != c.Name {
			changes = append(changes, SchemaChange{Kind: RenameColumn, Column: c.Name, From: was.Name, To: c.Name})
		}
		if a, b := was.Type.String(), c.Type.String(); a != b {
			kind := RetypeColumn
			if from.Layout.FieldIDs[was.Name] == to.Layout.FieldIDs[c.Name] {
				kind = WidenColumn
			}
			changes = append(changes, SchemaChange{Kind: kind, Column: c.Name, From: a, To: b})
		}
	}
	for _, c := range left {
		changes = append(changes, SchemaChange{Kind: RetireColumn, Column: c.Name, From: c.Type.String()})
	}
	return changes
}

// same reports whether d is the same column, perhaps of another time.
func (c Column) same(d Column) bool { return c.Property == d.Property && c.Key == d.Key }

// A diffPair is a column of both sides; -1 is the place of a column that a side
// does not have.
type diffPair struct {
	from, to int // among the columns of the side
	// encodeFrom and encodeTo write equal values as the same bytes.
	encodeFrom, encodeTo valueEncoder
}

// A diffSide is what is read of one state.
type diffSide struct {
	schema Schema // the columns that are compared
	layout Layout
	files  []File
	// rows says of each row in files what became of it.
	rows []rowState
}

type rowState uint8

const (
	rowAlone   rowState = iota // the other side has no such row
	rowSame                    // the other side has it as it is
	rowDiffers                 // the other side has it otherwise
)

// match pairs the columns.
func (d *TableDiff) match(from, to TableState, skip func(Column) bool) {
	pick := func(t TableState) diffSide {
		side := diffSide{schema: t.Schema, layout: t.Layout}
		side.schema.Columns = nil
		for _, c := range t.Schema.Columns {
			if c.Required || skip == nil || !skip(c) {
				side.schema.Columns = append(side.schema.Columns, c)
			}
		}
		return side
	}
	d.from, d.to = pick(from), pick(to)
	unmatched := make([]bool, len(d.from.schema.Columns))
	for i := range unmatched {
		unmatched[i] = true
	}
	for t, c := range d.to.schema.Columns {
		f := slices.IndexFunc(d.from.schema.Columns, c.same)
		p := diffPair{from: f, to: t, encodeFrom: encodeNothing, encodeTo: appendValue}
		id := c.Required && from.Files == nil
		if f >= 0 {
			was := d.from.schema.Columns[f]
			unmatched[f] = false
			p.encodeFrom, p.encodeTo = encoders(was.Type, c.Type)
			id = c.Required && was.Required && was.Type.Equal(c.Type)
		}
		if id {
			d.ids = append(d.ids, len(d.pairs))
		}
		d.pairs = append(d.pairs, p)
	}
	for f, alone := range unmatched {
		if !alone {
			continue
		}
		if d.from.schema.Columns[f].Required && to.Files == nil {
			d.ids = append(d.ids, len(d.pairs))
		}
		d.pairs = append(d.pairs, diffPair{from: f, to: -1, encodeFrom: appendValue, encodeTo: encodeNothing})
	}
}
