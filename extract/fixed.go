package extract

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// The keys of the fixed tables are their names.
const (
	keyUsers       = "_users"
	keyDatabases   = "_databases"
	keyDataSources = "_data_sources"
	keyProperties  = "_properties"
	keyOptions     = "_options"
	keyProblems    = "_problems"
	keyPages       = "_pages"
	keyBlocks      = "_blocks"
	keyComments    = "_comments"
	keyLinks       = "_links"
	keyViews       = "_views"
)

// fixedColumn is a column of a fixed table.
func fixedColumn(name string, typ lake.Type, doc string) lake.Column {
	return lake.Column{Key: name, Name: name, Type: typ, Doc: doc}
}

// required makes c an identifier column.
func required(c lake.Column) lake.Column {
	c.Required = true
	return c
}

// fixedSchema is the schema of a fixed table, with _raw where it has one and raw
// is wanted.
func (w *workspace) fixedSchema(key string, raw bool, columns ...lake.Column) lake.Schema {
	if raw && w.source.options.Raw {
		columns = append(columns, rawColumn)
	}
	return lake.Schema{Table: key, Key: key, Columns: columns}
}

// A cells finds the cells of rows by the names of their columns.
type cells map[string]int

func newCells(s lake.Schema) cells {
	c := cells{}
	for i, column := range s.Columns {
		c[column.Name] = i
	}
	return c
}

// value is the cell of a column, null where there is no such column.
func (c cells) value(row lake.Row, name string) lake.Value {
	if i, ok := c[name]; ok && i < len(row.Values) {
		return row.Values[i]
	}
	return lake.Value{}
}

func (c cells) text(row lake.Row, name string) string {
	return string([]byte(c.value(row, name).Text()))
}

// carried yields the rows of a fixed table as last published that carry says to
// keep, in the columns of schema. Other parts of the workspace may have published
// it since this load began.
func (w *workspace) carried(ctx context.Context, schema lake.Schema, carry func(row lake.Row, old cells) bool) iter.Seq2[lake.Row, error] {
	return func(yield func(lake.Row, error) bool) {
		now, err := w.view.Tables(ctx)
		if err != nil {
			yield(lake.Row{}, fmt.Errorf("rows of %s at the last load: %w", schema.Table, err))
			return
		}
		before, ok := now[schema.Key]
		if !ok {
			return
		}
		old := newCells(before)
		values := make([]lake.Value, len(schema.Columns))
		for row, err := range w.view.Rows(ctx, schema.Key) {
			if err != nil {
				err = fmt.Errorf("rows of %s at the last load: %w", schema.Table, err)
				if err = w.without(ctx, err, problem{kind: KindRowsLost, table: schema.Table, message: lostRows}); err != nil {
					yield(lake.Row{}, err)
				}
				return
			}
			if !carry(row, old) {
				continue
			}
			for i, c := range schema.Columns {
				values[i] = old.value(row, c.Name)
				if c.Type.Kind == lake.JSON && !values[i].IsNull() {
					values[i] = lake.JSONValue(values[i].Text())
				}
			}
			if !yield(lake.Row{Values: values}, nil) {
				return
			}
		}
	}
}

const lostRows = "the rows of the last load cannot be read: what the table kept of objects that are gone from Notion, and since when it knew the others, is lost"

// without lets a full load do without what of the last load cannot be read, and notes
// the problem that this is; any other load ends with err.
func (w *workspace) without(ctx context.Context, err error, p problem) error {
	s := w.source
	switch {
	case ctx.Err() != nil || !lake.IsLost(err):
		return err
	case s.options.isPart():
		return fmt.Errorf("%w (`notionlake run --full`, without --only and --shard, reads everything anew and does without)", err)
	case !s.options.Full:
		return fmt.Errorf("%w (`notionlake run --full` reads everything anew and does without)", err)
	}
	s.log.WarnContext(ctx, "what the last load had cannot be read, and this one does without", "table", p.table, "lost", p.message, "error", err)
	p.lost = true
	w.problems = append(w.problems, p)
	return nil
}

// fixed is a fixed table: first the rows that are carried over, then those that
// rows pushes.
func (w *workspace) fixed(schema lake.Schema, last bool, carry func(lake.Row, cells) bool, rows func(ctx context.Context, push func(...lake.Value) bool) error) lake.Table {
	return lake.Table{Schema: schema, Last: last, Rows: func(ctx context.Context) iter.Seq2[lake.Row, error] {
		return func(yield func(lake.Row, error) bool) {
			if carry != nil {
				for row, err := range w.carried(ctx, schema, carry) {
					if !yield(row, err) || err != nil {
						return
					}
				}
			}
			stopped := false
			err := rows(ctx, func(values ...lake.Value) bool {
				stopped = stopped || !yield(lake.Row{Values: values[:len(schema.Columns)]}, nil)
				return !stopped
			})
			if err == nil || stopped {
				return
			}
			if !fatal(err) && ctx.Err() == nil {
				err = &lake.PartialError{Table: schema.Table, Err: err}
			}
			yield(lake.Row{}, err)
		}
	}}
}

// Values of an object's members.

func text(s string) lake.Value { return lake.TextValue(s) }

// someText is s, null where it is empty.
func someText(s string) lake.Value {
	if s == "" {
		return lake.Value{}
	}
	return lake.TextValue(s)
}

func richTextOf(j notion.JSON) lake.Value {
	if j.Kind() != '[' {
		return lake.Value{}
	}
	return lake.TextValue(plainText(j))
}

// membersOf are the members of an object that names names, in one pass over it.
func membersOf(j notion.JSON, names ...string) []notion.JSON {
	members, missing := make([]notion.JSON, len(names)), len(names)
	for key, value := range j.Fields() {
		for i, name := range names {
			if members[i] == nil && name == string(key) {
				members[i] = value
				missing--
				break
			}
		}
		if missing == 0 {
			break
		}
	}
	return members
}

func boolOf(j notion.JSON) lake.Value {
	if c := j.Kind(); c != 't' && c != 'f' {
		return lake.Value{}
	}
	return lake.BoolValue(j.Bool())
}

// valueOf reads a member as a property's value would be read.
func valueOf(j notion.JSON, read valueFunc) lake.Value {
	if j == nil {
		return lake.Value{}
	}
	var d decoder
	d.reset(j)
	v, _ := read(&d, 0)
	if d.err != nil {
		return lake.Value{}
	}
	return v.Clone()
}

func parentOf(j notion.JSON) (typ, id lake.Value) {
	if j == nil {
		return typ, id
	}
	var d decoder
	d.reset(j)
	typ, id, _ = parentValue(&d, 0)
	return typ.Clone(), id.Clone()
}

// rawOf is an object as JSON.
func rawOf(j notion.JSON) lake.Value {
	raw, _ := appendRaw(nil, j, true)
	return lake.JSONValue(string(raw))
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
