package extract

import (
	"context"
	"fmt"

	"github.com/notionlake/notionlake/lake"
)

// propertiesTable is _properties: every property that a load ever found, with the
// first and the last load that did.
func (w *workspace) propertiesTable() lake.Table {
	schema := w.fixedSchema(keyProperties, false,
		required(fixedColumn("data_source_id", stringType, "")),
		fixedColumn("table_name", stringType, ""),
		required(fixedColumn("property_id", stringType, "percent-decoded")),
		fixedColumn("name", stringType, "name in Notion"),
		fixedColumn("type", stringType, "type in Notion"),
		fixedColumn("configuration", jsonType, "the type's configuration, as JSON"),
		fixedColumn("column_name", stringType, "null where it has no column"),
		fixedColumn("field_id", lake.Type{Kind: lake.Int64}, "of the column"),
		fixedColumn("first_load", stringType, "load that found it first"),
		fixedColumn("last_load", stringType, "load that found it last"),
	)
	schema.Columns[5].Long = true
	return w.fixed(schema, true, nil, func(ctx context.Context, push func(...lake.Value) bool) error {
		now := map[[2]string][]lake.Value{} // the properties of tables that were read whole
		var order [][2]string
		names := map[string]string{}
		load := text(string(w.view.Load().ID))
		for _, t := range w.made {
			names[t.source.id] = t.schema.Table
			result, ok := w.view.Staged(t.source.id)
			if !ok || result.Partial != nil {
				continue
			}
			for i, p := range t.source.properties {
				key := [2]string{t.source.id, p.id}
				row := []lake.Value{
					text(t.source.id), text(t.schema.Table), text(p.id), text(p.name), text(p.typ), lake.JSONValue(p.config),
					someText(t.names[i]), {}, load, load,
				}
				if id, ok := result.Layout.FieldIDs[t.names[i]]; ok && t.names[i] != "" {
					row[7] = lake.IntValue(int64(id))
				}
				now[key], order = row, append(order, key)
			}
		}
		all := func(lake.Row, cells) bool { return true }
		for row, err := range w.carried(ctx, schema, all) {
			if err != nil {
				return err
			}
			key := [2]string{string([]byte(row.Values[0].Text())), string([]byte(row.Values[2].Text()))}
			if live := now[key]; live != nil {
				live[8] = row.Values[8].Clone()
				continue
			}
			if name := names[key[0]]; name != "" {
				row.Values[1] = text(name)
			}
			if !push(row.Values...) {
				return nil
			}
		}
		for _, key := range order {
			if !push(now[key]...) {
				return nil
			}
		}
		return nil
	})
}

// A ProblemKind says what kind of thing could not be read. The kinds of what
// cells do not hold are the Reasons.
type ProblemKind string

const (
	// KindTable: a table that exists was not read (gone, in the trash).
	KindTable ProblemKind = "table_not_read"
	// KindPartial: a table could not be read whole and stays at its last load.
	KindPartial ProblemKind = "table_not_whole"
	// KindNotShared: something that is referred to is not shared, or not there.
	KindNotShared ProblemKind = "not_shared"
	// KindLinked: a configured database only shows another one's data source.
	KindLinked ProblemKind = "linked_database"
	// KindNoSources: a configured database shows no data source to the connection.
	KindNoSources ProblemKind = "database_without_data_sources"
	// KindSearch: Notion cut the search for data sources off.
	KindSearch ProblemKind = "search_cut_off"
	// KindUsers: the connection may not read users.
	KindUsers ProblemKind = "users_not_readable"
)

// A problem is a row of _problems.
type problem struct {
	kind                 ProblemKind
	objectType, objectID string
	table                string
	property, column     string
	message              string
	count                int64 // 0: one
}

// problemsTable is _problems: what could not be read in this load.
func (w *workspace) problemsTable() lake.Table {
	schema := w.fixedSchema(keyProblems, false,
		fixedColumn("load_id", stringType, ""),
		fixedColumn("kind", stringType, "one of a fixed list of words"),
		fixedColumn("object_type", stringType, "what the object is: data_source, database, user"),
		fixedColumn("object_id", stringType, ""),
		fixedColumn("table_name", stringType, ""),
		fixedColumn("property_id", stringType, "percent-decoded"),
		fixedColumn("column_name", stringType, ""),
		fixedColumn("message", stringType, ""),
		fixedColumn("count", lake.Type{Kind: lake.Int64}, "how many cells or objects"),
	)
	var carry func(lake.Row, cells) bool
	if len(w.source.options.Only) > 0 {
		carry = func(row lake.Row, old cells) bool {
			return old.text(row, "object_type") == "data_source" && w.carries(old.text(row, "object_id"))
		}
	}
	load := text(string(w.view.Load().ID))
	return w.fixed(schema, true, carry, func(_ context.Context, push func(...lake.Value) bool) error {
		for _, p := range w.allProblems() {
			if !push(load, text(string(p.kind)), someText(p.objectType), someText(p.objectID), someText(p.table),
				someText(p.property), someText(p.column), someText(p.message), lake.IntValue(max(1, p.count))) {
				return nil
			}
		}
		return nil
	})
}

// allProblems are the problems of the load, those of its tables included.
func (w *workspace) allProblems() []problem {
	all := append([]problem(nil), w.problems...)
	for _, id := range sortedKeys(w.gone) {
		all = append(all, problem{kind: KindTable, objectType: "data_source", objectID: id, table: w.before[id].Table, message: w.gone[id]})
	}
	for _, f := range w.found {
		if r, ok := w.view.Staged(f.id); ok && r.Partial != nil {
			all = append(all, problem{kind: KindPartial, objectType: "data_source", objectID: f.id, table: f.name, message: r.Partial.Error()})
		}
	}
	for _, t := range w.made {
		for _, o := range t.omitted() {
			all = append(all, problem{
				kind: ProblemKind(o.Reason), objectType: "data_source", objectID: t.source.id, table: t.schema.Table,
				property: o.PropertyID, column: o.Column, count: o.Count,
				message: fmt.Sprintf("%d values: %s", o.Count, Reason(o.Reason).explain()),
			})
		}
	}
	if w.source.users.isRefused() {
		all = append(all, problem{kind: KindUsers, objectType: "user", message: "the connection may not read users: only those met in the load are known"})
	}
	return all
}
