package extract

import (
	"context"

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
			names[t.source.id] = t.found.name
			result, ok := w.view.Staged(t.source.id)
			if !ok || result.Partial != nil {
				continue
			}
			for i, p := range t.source.properties {
				key := [2]string{t.source.id, p.id}
				row := []lake.Value{
					text(t.source.id), text(t.found.name), text(p.id), text(p.name), text(p.typ), lake.JSONValue(p.config),
					someText(t.names[i]),
					{},
					load, load,
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
