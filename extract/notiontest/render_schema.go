package notiontest

import "strings"

func (r *renderer) source(dst []byte, s *DataSource) []byte {
	dst = append(append(append(dst, `{"object":"data_source","id":"`...), s.ID...), `","cover":`...)
	dst = r.icon(dst, s.Cover)
	dst = append(dst, `,"icon":`...)
	dst = r.icon(dst, s.Icon)
	dst = append(dst, `,"created_time":`...)
	dst = appendMinute(dst, s.Created)
	dst = append(dst, `,"last_edited_time":`...)
	dst = appendMinute(dst, s.Edited)
	dst = r.authors(dst, s.CreatedBy, s.EditedBy)
	dst = append(dst, `,"title":`...)
	dst = r.text(dst, s.Title)
	dst = append(dst, `,"description":`...)
	dst = r.text(dst, s.Description)
	dst = append(dst, `,"is_inline":`...)
	dst = appendBool(dst, s.Inline)
	dst = append(dst, `,"properties":{`...)
	for i, p := range r.m.Shown(s) {
		if i > 0 {
			dst = append(dst, comma)
		}
		dst = appendName(dst, p)
		dst = append(dst, ':')
		dst = r.schema(dst, s, p)
	}
	dst = append(dst, `},"parent":`...)
	dst = r.parent(dst, Parent{"database_id", s.Database})
	dst = append(dst, `,"database_parent":`...)
	dst = r.parent(dst, r.m.databases[s.Database].Parent)
	if s.Kind != "" {
		dst = append(dst, `,"database_type":`...)
		dst = appendString(dst, s.Kind)
	}
	dst = append(append(append(dst, `,"url":"https://app.notion.com/p/`...), strings.ReplaceAll(s.Database, "-", "")...), `","public_url":null`...)
	dst = r.trashed(dst, r.m.sourceInTrash(s))
	return append(dst, '}')
}

func (r *renderer) schema(dst []byte, s *DataSource, p *Property) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendString(dst, EncodeID(p.ID))
	dst = append(dst, `,"name":`...)
	dst = appendName(dst, p)
	dst = append(dst, `,"description":`...)
	dst = appendNullable(dst, p.Description)
	dst = append(dst, `,"type":`...)
	dst = appendString(dst, p.Type)
	dst = append(dst, comma)
	dst = appendString(dst, p.Type)
	dst = append(dst, ':')
	return append(r.m.Config(dst, s, p), '}')
}

// Config appends the JSON of a property's configuration.
func (m *Model) Config(dst []byte, s *DataSource, p *Property) []byte {
	if p.Config != "" {
		return append(dst, p.Config...)
	}
	switch p.Type {
	case "number":
		dst = append(dst, `{"format":`...)
		format := p.Format
		setText(&format, "number")
		return append(appendString(dst, format), '}')
	case "select", "multi_select":
		dst = append(dst, `{"options":`...)
		return append(appendList(dst, p.Options, appendSchemaOption), '}')
	case "status":
		dst = append(dst, `{"options":`...)
		dst = appendList(dst, p.Options, appendSchemaOption)
		return append(m.groups(append(dst, `,"groups":`...), s, p), '}')
	case "formula":
		dst = append(dst, `{"expression":`...)
		return append(appendString(dst, p.Expression), '}')
	case "unique_id":
		dst = append(dst, `{"prefix":`...)
		return append(appendNullable(dst, p.Prefix), '}')
	case "relation":
		return m.relation(dst, p.Relation)
	case "rollup":
		return m.rollupConfig(dst, s, p.Rollup)
	}
	return append(dst, "{}"...)
}

func appendSchemaOption(dst []byte, o Option) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendString(dst, o.ID)
	dst = append(dst, `,"name":`...)
	dst = appendString(dst, o.Name)
	dst = append(append(append(dst, `,"color":"`...), color(o)...), `","description":`...)
	return append(appendNullable(dst, o.Description), '}')
}

func (m *Model) groups(dst []byte, s *DataSource, p *Property) []byte {
	colors := []string{"gray", "blue", "green"}
	return appendList(dst, []string{"To-do", "In progress", "Complete"}, func(dst []byte, name string) []byte {
		i := map[string]int{"To-do": 0, "In progress": 1, "Complete": 2}[name]
		dst = append(append(append(dst, `{"id":"`...), NewID(m.Seed, s.ID+"/"+p.ID+"/"+name)...), `","name":"`...)
		dst = append(append(append(dst, name...), `","color":"`...), colors[i]...)
		dst = append(dst, `","option_ids":`...)
		var ids []string
		for _, o := range p.Options {
			if o.Group == i {
				ids = append(ids, o.ID)
			}
		}
		return append(appendList(dst, ids, appendString), '}')
	})
}

func (m *Model) relation(dst []byte, r *Relation) []byte {
	target := m.sources[r.Source]
	dst = append(append(append(dst, `{"database_id":"`...), target.Database...), `","data_source_id":"`...)
	dst = append(append(dst, r.Source...), `","type":`...)
	if r.SyncedID == "" {
		return append(dst, `"single_property","single_property":{}}`...)
	}
	dst = append(dst, `"dual_property","dual_property":{"synced_property_name":`...)
	dst = appendString(dst, r.SyncedName)
	dst = append(dst, `,"synced_property_id":`...)
	return append(appendString(dst, EncodeID(r.SyncedID)), `}}`...)
}

// rollupConfig writes the property IDs as they are: here Notion does not encode them.
func (m *Model) rollupConfig(dst []byte, s *DataSource, u *Rollup) []byte {
	relation, target := m.rollupTarget(s, u)
	var relationName, targetName string
	if relation != nil {
		relationName = relation.Name
	}
	if target != nil {
		targetName = target.Name
	}
	dst = append(dst, `{"relation_property_name":`...)
	dst = appendString(dst, relationName)
	dst = append(dst, `,"rollup_property_name":`...)
	dst = appendString(dst, targetName)
	dst = append(dst, `,"relation_property_id":`...)
	dst = appendString(dst, u.Relation)
	dst = append(dst, `,"rollup_property_id":`...)
	dst = appendString(dst, u.Property)
	dst = append(dst, `,"function":`...)
	return append(appendString(dst, u.Function), '}')
}

// rollupTarget finds the relation of a rollup and the property it is computed
// over; nil where it is gone or not shared.
func (m *Model) rollupTarget(s *DataSource, u *Rollup) (relation, target *Property) {
	relation = s.Property(u.Relation)
	if relation == nil || relation.Relation == nil || !m.shown(relation) {
		return nil, nil
	}
	related := m.sources[relation.Relation.Source]
	return relation, related.Property(u.Property)
}

func (r *renderer) database(dst []byte, d *Database) []byte {
	dst = append(append(append(dst, `{"object":"database","id":"`...), d.ID...), `","title":`...)
	dst = r.text(dst, d.Title)
	dst = append(dst, `,"description":`...)
	dst = r.text(dst, d.Description)
	dst = append(dst, `,"parent":`...)
	dst = r.parent(dst, d.Parent)
	dst = append(dst, `,"is_inline":`...)
	dst = appendBool(dst, d.Inline)
	dst = append(dst, `,"in_trash":`...)
	dst = appendBool(dst, d.Trashed)
	dst = append(dst, `,"is_locked":`...)
	dst = appendBool(dst, d.Locked)
	const layout = "2006-01-02T15:04:05.000+00:00"
	dst = append(append(dst, `,"created_time":"`...), d.Created.UTC().Format(layout)...)
	dst = append(append(dst, `","last_edited_time":"`...), d.Edited.UTC().Format(layout)...)
	dst = append(dst, `","data_sources":`...)
	dst = appendList(dst, r.m.VisibleSources(d), func(dst []byte, s *DataSource) []byte {
		dst = append(append(append(dst, `{"id":"`...), s.ID...), `","name":`...)
		return append(appendString(dst, s.Title.String()), '}')
	})
	dst = append(dst, `,"icon":`...)
	dst = r.icon(dst, d.Icon)
	dst = append(dst, `,"cover":`...)
	dst = r.icon(dst, d.Cover)
	return append(append(append(dst, `,"url":"https://app.notion.com/p/`...), strings.ReplaceAll(d.ID, "-", "")...), `","public_url":null}`...)
}

// VisibleSources are the data sources of a database that the connection sees.
func (m *Model) VisibleSources(d *Database) []*DataSource {
	var visible []*DataSource
	for _, id := range d.Sources {
		if s := m.sources[id]; m.Visible(s) && !s.Trashed {
			visible = append(visible, s)
		}
	}
	return visible
}
