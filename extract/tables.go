package extract

import (
	"context"
	"slices"

	"github.com/notionlake/notionlake/lake"
)

// databasesTable is _databases: the databases of the data sources that are read, or
// whose table stays at its last load.
func (w *workspace) databasesTable() lake.Table {
	schema := w.fixedSchema(keyDatabases, true,
		required(fixedColumn("id", stringType, "ID of the database")),
		fixedColumn("title", stringType, ""),
		fixedColumn("description", stringType, ""),
		fixedColumn("url", stringType, ""),
		fixedColumn("public_url", stringType, ""),
		fixedColumn("parent_type", stringType, "what the database stands in: page_id, block_id, database_id, workspace"),
		fixedColumn("parent_id", stringType, "ID of what the database stands in"),
		fixedColumn("icon", stringType, "emoji, name of a native icon, or URL"),
		fixedColumn("cover", stringType, "URL"),
		fixedColumn("created_time", timeType, ""),
		fixedColumn("last_edited_time", timeType, ""),
		fixedColumn("inline", boolType, ""),
		fixedColumn("locked", boolType, ""),
		fixedColumn("data_sources", lake.ListOf(stringType), "IDs of its data sources that the connection sees"),
	)
	read := map[string]bool{}
	for _, d := range w.databases {
		read[d.id] = d.err == nil
	}
	carry := func(row lake.Row, old cells) bool {
		id := old.text(row, "id")
		ok, known := read[id]
		if known || w.source.options.isPart() {
			return !ok
		}
		return slices.ContainsFunc(old.value(row, "data_sources").Items(), func(v lake.Value) bool { return w.carries(v.Text()) })
	}
	return w.fixed(schema, false, carry, func(_ context.Context, push func(...lake.Value) bool) error {
		var failure error
		for _, d := range w.databases {
			if d.err != nil {
				failure = d.err // it names the database
				continue
			}
			if !push(d.row()...) {
				return nil
			}
		}
		return failure
	})
}

func (d *database) row() []lake.Value {
	o := d.object
	parentType, parentID := parentOf(o.Get("parent"))
	sources := make([]lake.Value, len(d.sources))
	for i, id := range d.sources {
		sources[i] = text(id)
	}
	return []lake.Value{
		text(d.id), richTextOf(o.Get("title")), richTextOf(o.Get("description")), textOf(o.Get("url")), textOf(o.Get("public_url")),
		parentType, parentID, valueOf(o.Get("icon"), iconValue), valueOf(o.Get("cover"), iconValue),
		valueOf(o.Get("created_time"), timeValue), valueOf(o.Get("last_edited_time"), timeValue),
		boolOf(o.Get("is_inline")), boolOf(o.Get("is_locked")), lake.ListValue(sources), rawOf(o),
	}
}

// dataSourcesTable is _data_sources: the data sources that are read, or whose table
// stays at its last load.
func (w *workspace) dataSourcesTable() lake.Table {
	schema := w.fixedSchema(keyDataSources, true,
		required(fixedColumn("id", stringType, "ID of the data source")),
		fixedColumn("database_id", stringType, "ID of its database"),
		fixedColumn("title", stringType, ""),
		fixedColumn("description", stringType, ""),
		fixedColumn("table_name", stringType, "name of its table"),
		fixedColumn("url", stringType, ""),
		fixedColumn("public_url", stringType, ""),
		fixedColumn("parent_type", stringType, "what its database stands in: page_id, block_id, database_id, workspace"),
		fixedColumn("parent_id", stringType, "ID of what its database stands in"),
		fixedColumn("created_time", timeType, ""),
		fixedColumn("last_edited_time", timeType, ""),
		fixedColumn("created_by", stringType, "user ID"),
		fixedColumn("last_edited_by", stringType, "user ID"),
		fixedColumn("icon", stringType, "emoji, name of a native icon, or URL"),
		fixedColumn("cover", stringType, "URL"),
		fixedColumn("database_type", stringType, "tasks, wiki and others that Notion makes itself"),
		fixedColumn("inline", boolType, ""),
		fixedColumn("discovered_by", stringType, "how the load found it: configuration, search, database, relation, last_load"),
		fixedColumn("rows", lake.Type{Kind: lake.Int64}, "rows of its table in this load; null where it was not read whole"),
	)
	carry := func(row lake.Row, old cells) bool { return w.carries(old.text(row, "id")) }
	return w.fixed(schema, true, carry, func(_ context.Context, push func(...lake.Value) bool) error {
		for _, f := range w.found {
			if f.ds != nil && !push(w.dataSourceRow(f)...) {
				return nil
			}
		}
		return nil
	})
}

func (w *workspace) dataSourceRow(f *found) []lake.Value {
	o := f.ds.object
	parentType, parentID := parentOf(o.Get("database_parent"))
	var rows lake.Value
	if r, ok := w.view.Staged(f.id); ok && r.Partial == nil {
		rows = lake.IntValue(r.Rows)
	}
	return []lake.Value{
		text(f.id), someText(f.ds.database), richTextOf(o.Get("title")), richTextOf(o.Get("description")), text(f.name),
		textOf(o.Get("url")), textOf(o.Get("public_url")), parentType, parentID,
		valueOf(o.Get("created_time"), timeValue), valueOf(o.Get("last_edited_time"), timeValue),
		textOf(o.Get("created_by").Get("id")), textOf(o.Get("last_edited_by").Get("id")),
		valueOf(o.Get("icon"), iconValue), valueOf(o.Get("cover"), iconValue),
		textOf(o.Get("database_type")), boolOf(o.Get("is_inline")), text(f.by), rows, rawOf(o),
	}
}

// optionsTable is _options: the options of select, multi_select and status properties.
func (w *workspace) optionsTable() lake.Table {
	schema := w.fixedSchema(keyOptions, false,
		fixedColumn("data_source_id", stringType, ""),
		fixedColumn("table_name", stringType, ""),
		fixedColumn("property_id", stringType, "percent-decoded"),
		fixedColumn("property_name", stringType, ""),
		fixedColumn("column_name", stringType, ""),
		fixedColumn("option_id", stringType, ""),
		fixedColumn("name", stringType, ""),
		fixedColumn("color", stringType, ""),
		fixedColumn("description", stringType, ""),
		fixedColumn("group_name", stringType, "of a status: the group that the option is in"),
		fixedColumn("position", lake.Type{Kind: lake.Int64}, "from 0, in the property"),
	)
	carry := func(row lake.Row, old cells) bool { return w.carries(old.text(row, "data_source_id")) }
	return w.fixed(schema, false, carry, func(_ context.Context, push func(...lake.Value) bool) error {
		for _, t := range w.made {
			for i, p := range t.source.properties {
				for n, o := range p.options {
					if !push(text(t.source.id), text(t.found.name), text(p.id), text(p.name), text(t.names[i]),
						text(o.id), text(o.name), someText(o.color), someText(o.description), someText(o.group), lake.IntValue(int64(n))) {
						return nil
					}
				}
			}
		}
		return nil
	})
}

// usersTable is _users: the users that Notion lists and those met in the load.
// A load of a part of the workspace only adds to it.
func (w *workspace) usersTable() lake.Table {
	schema := w.fixedSchema(keyUsers, true,
		required(fixedColumn("id", stringType, "ID of the user")),
		fixedColumn("type", stringType, "person, bot or group"),
		fixedColumn("name", stringType, ""),
		fixedColumn("email", stringType, "where the connection may read it"),
		fixedColumn("avatar_url", stringType, ""),
		fixedColumn("owner", stringType, "of a bot: workspace or user"),
	)
	users := w.source.users
	w.meetAuthors()
	var carry func(lake.Row, cells) bool
	if w.source.options.isPart() {
		carry = func(row lake.Row, old cells) bool { return !users.knows(old.text(row, "id")) }
	}
	var failure error
	t := w.fixed(schema, true, carry, func(_ context.Context, push func(...lake.Value) bool) error {
		if failure != nil {
			return failure
		}
		for _, u := range users.merged() {
			if !push(text(u.id), u.typ, u.name, u.email, u.avatar, u.own, lake.JSONValue(u.raw)) {
				return nil
			}
		}
		return nil
	})
	t.Prepare = func(ctx context.Context) error {
		failure = users.complete(ctx)
		return ctx.Err()
	}
	return t
}

// meetAuthors meets the users who made the data sources.
func (w *workspace) meetAuthors() {
	for _, f := range w.found {
		if f.ds == nil {
			continue
		}
		for _, name := range []string{"created_by", "last_edited_by"} {
			if u := f.ds.object.Get(name); u.Get("id").Kind() == '"' {
				w.source.users.meet(u.Get("id").Text(), u, u.Get("type").Kind() == '"')
			}
		}
	}
}
