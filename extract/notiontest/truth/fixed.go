package truth

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// databases is the table of the databases that hold the data sources.
func (l *load) databases(sources []*notiontest.DataSource) Table {
	t := l.fixed("_databases", text("id"), text("title"), text("description"), text("url"), text("public_url"),
		text("parent_type"), text("parent_id"), text("icon"), text("cover"),
		Column{Name: "created_time", Type: "timestamptz"}, Column{Name: "last_edited_time", Type: "timestamptz"},
		Column{Name: "inline", Type: "boolean"}, Column{Name: "locked", Type: "boolean"},
		Column{Name: "data_sources", Type: "list<string>"})
	seen := map[string]bool{}
	for _, s := range sources {
		d := l.m.Database(s.Database)
		if seen[d.ID] {
			continue
		}
		seen[d.ID] = true
		t.add(object{
			"id": d.ID, "title": valid(d.Title.String()), "description": valid(d.Description.String()), "url": databaseURL(d.ID),
			"parent_type": d.Parent.Type, "parent_id": nullable(d.Parent.ID), "icon": l.icon(d.Icon), "cover": l.icon(d.Cover),
			"created_time": stamp(d.Created.Truncate(time.Millisecond)), "last_edited_time": stamp(d.Edited.Truncate(time.Millisecond)),
			"inline": d.Inline, "locked": d.Locked,
			"data_sources": list(l.m.VisibleSources(d), func(s *notiontest.DataSource) any { return s.ID }),
		})
	}
	return t
}

func databaseURL(id string) string {
	return "https://app.notion.com/p/" + strings.ReplaceAll(id, "-", "")
}

// dataSources is the table of the data sources.
func (l *load) dataSources(sources []*notiontest.DataSource, rows map[string]int64) Table {
	t := l.fixed("_data_sources", text("id"), text("database_id"), text("title"), text("description"), text("table_name"),
		text("url"), text("public_url"), text("parent_type"), text("parent_id"),
		Column{Name: "created_time", Type: "timestamptz"}, Column{Name: "last_edited_time", Type: "timestamptz"},
		text("created_by"), text("last_edited_by"), text("icon"), text("cover"), text("database_type"),
		Column{Name: "inline", Type: "boolean"}, Column{Name: "discovered_by", Type: "string", Unchecked: true},
		Column{Name: "rows", Type: "long"})
	for _, s := range sources {
		parent := l.m.Database(s.Database).Parent
		t.add(object{
			"id": s.ID, "database_id": s.Database, "title": valid(s.Title.String()), "description": valid(s.Description.String()),
			"table_name": l.state.Tables[s.ID].Name, "url": databaseURL(s.Database),
			"parent_type": parent.Type, "parent_id": nullable(parent.ID),
			"created_time": minute(s.Created), "last_edited_time": minute(s.Edited), "created_by": s.CreatedBy, "last_edited_by": s.EditedBy,
			"icon": l.icon(s.Icon), "cover": l.icon(s.Cover), "database_type": nullable(s.Kind), "inline": s.Inline, "rows": rows[s.ID],
		})
	}
	return t
}

// properties are the tables of properties, with those that left, and of options.
func (l *load) properties(sources []*notiontest.DataSource) (properties, options Table, err error) {
	properties = l.fixed("_properties", text("data_source_id"), text("table_name"), text("property_id"), text("name"), text("type"),
		Column{Name: "configuration", Type: "string", JSON: true}, text("column_name"),
		Column{Name: "field_id", Type: "long", Unchecked: true}, text("first_load"), text("last_load"))
	options = l.fixed("_options", text("data_source_id"), text("table_name"), text("property_id"), text("property_name"), text("column_name"),
		text("option_id"), text("name"), text("color"), text("description"), text("group_name"), Column{Name: "position", Type: "long"})
	for _, s := range sources {
		ts := l.state.Tables[s.ID]
		for _, p := range l.m.Shown(s) {
			config, err := decode(l.m.Config(nil, s, p))
			if err != nil {
				return Table{}, Table{}, fmt.Errorf("data source %s, configuration of property %s: %w", s.ID, p.ID, err)
			}
			var column any
			for _, c := range ts.Columns {
				if c.Property == p.ID && !c.Gone {
					column = c.Name
				}
			}
			row := object{
				"data_source_id": s.ID, "table_name": ts.Name, "property_id": valid(p.ID), "name": valid(p.Name), "type": p.Type,
				"configuration": encode(config), "column_name": column,
			}
			l.state.know(s.ID, p.ID, l.o.Load, row)
			addOptions(&options, row, config)
		}
	}
	for _, known := range l.state.Properties {
		properties.add(known.Row)
	}
	return properties, options, nil
}

// know notes a property of this load.
func (s *State) know(source, id, load string, row object) {
	row["first_load"], row["last_load"] = load, load
	for i, p := range s.Properties {
		if p.Source == source && p.ID == id {
			row["first_load"] = p.First
			s.Properties[i] = PropertyState{source, id, p.First, load, row}
			return
		}
	}
	s.Properties = append(s.Properties, PropertyState{source, id, load, load, row})
}

func addOptions(t *Table, property object, config any) {
	all, _ := member(config, "options").([]any)
	for i, option := range all {
		id := member(option, "id")
		var group any
		groups, _ := member(config, "groups").([]any)
		for _, g := range groups {
			in, _ := member(g, "option_ids").([]any)
			for _, of := range in {
				if of == id {
					group = member(g, "name")
				}
			}
		}
		t.add(object{
			"data_source_id": property["data_source_id"], "table_name": property["table_name"], "property_id": property["property_id"],
			"property_name": property["name"], "column_name": property["column_name"], "option_id": id, "name": member(option, "name"),
			"color": member(option, "color"), "description": member(option, "description"), "group_name": group,
			"position": json.Number(encode(i)),
		})
	}
}
