package catalog

import (
	"context"
	"fmt"

	"github.com/notionlake/notionlake/lake"
)

// A Foreseen is what a load would make of a table.
type Foreseen struct {
	// Schema has all columns that the table would have, those included that stay
	// without values.
	Schema lake.Schema
	// Before is the table's name now, "" for a new table.
	Before string
	// Kept are the names of the columns that would stay without values.
	Kept    []string
	Changes []lake.SchemaChange
}

// Foresee says what Stage would plan for tables, on one state of the catalog, and
// fails as it would. It needs no lock, and nothing is made or kept of it: the
// difference of two schemas is computed, no more. The ledger is among the tables
// where it is given; nothing is said of tables that are not.
func (c *Catalog) Foresee(ctx context.Context, want []lake.Schema) ([]Foreseen, error) {
	l, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Foreseen, 0, len(want))
	for _, s := range want {
		if err := checkSchema(s); err != nil {
			return nil, err
		}
		if why, ok := l.foreign[s.Table]; ok {
			return nil, c.taken(s.Table, why)
		}
		e := l.byKey(s.Key)
		if e == nil {
			all = append(all, Foreseen{Schema: s})
			continue
		}
		if err := c.writable(ctx, e, s.Key == lake.LedgerTable); err != nil {
			return nil, err
		}
		next := evolve(e.meta.CurrentSchema(), e.columns, e.meta.LastColumnID(), s, c.retire)
		f := Foreseen{Schema: planned(s.Table, s.Key, next.schema, next.columns).Schema, Changes: next.changes}
		if e.meta.CurrentSnapshot() != nil {
			f.Before = e.name
		}
		for _, field := range next.schema.Fields() {
			if next.columns.removed[field.ID] {
				f.Kept = append(f.Kept, field.Name)
			}
		}
		all = append(all, f)
	}
	return all, nil
}

// taken is the error for a table's name that another program's table has.
func (c *Catalog) taken(name, why string) error {
	return fmt.Errorf("table %s.%s exists and is not notionlake's (%s): rename or drop it, or choose another name or namespace: %w", c.namespace, name, why, ErrForeign)
}

// A nowhere is the backend of a catalog that does not exist. Nothing but looking
// is done with it: Options.Absent goes with ReadOnly.
type nowhere struct {
	backend
	uri string
}

func (n nowhere) place() string                         { return n.uri }
func (n nowhere) close() error                          { return nil }
func (n nowhere) id(context.Context) (string, error)    { return "", nil }
func (n nowhere) writesMetadata() bool                  { return true }
func (n nowhere) rows(context.Context) ([]row, error)   { return nil, nil }
func (n nowhere) recent(context.Context) ([]row, error) { return nil, nil }
