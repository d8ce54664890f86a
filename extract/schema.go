package extract

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A property is a property of a data source.
type property struct {
	id          string // percent-decoded; never changes
	wire        string // as Notion writes it, which paths of requests need
	name        string
	typ         string
	description string
	config      string // JSON of the configuration
	options     []option

	relatedSource string // of a relation: the ID of the data source it points to
	// Of a rollup: the IDs, as the configuration has them, of the relation and
	// of the property of the related data source.
	relation, target string
	function         string
}

// An option is one of a select, multi_select or status property.
type option struct{ id, name, color, description, group string }

// A dataSource is a data source as Notion describes it.
type dataSource struct {
	id         string
	database   string // ID, "" where Notion does not say
	title      string
	properties []*property
	object     notion.JSON // the whole of it
}

// parseDataSource reads a data source object. The object is kept.
func parseDataSource(object notion.JSON) (*dataSource, error) {
	ds := &dataSource{id: object.Get("id").Text(), object: object}
	if object.Get("object").Text() != "data_source" || ds.id == "" {
		return nil, fmt.Errorf("an object of type %s where a data source was expected", strconv.Quote(object.Get("object").Text()))
	}
	properties := object.Get("properties")
	if properties.Kind() != '{' {
		return nil, fmt.Errorf("data source %s came without its properties", ds.id)
	}
	ds.title = plainText(object.Get("title"))
	ds.database = object.Get("parent").Get("database_id").Text()
	seen := map[string]bool{}
	for name, schema := range properties.Fields() {
		p := parseProperty(schema)
		if p.name == "" {
			p.name = string(name)
		}
		if p.id == "" || p.typ == "" {
			return nil, fmt.Errorf("data source %s: property %q has no id or no type", ds.id, p.name)
		}
		if seen[p.id] {
			return nil, fmt.Errorf("data source %s: two properties have the id %q", ds.id, p.id)
		}
		seen[p.id] = true
		ds.properties = append(ds.properties, p)
	}
	return ds, nil
}

func parseProperty(schema notion.JSON) *property {
	p := &property{
		wire: schema.Get("id").Text(), name: schema.Get("name").Text(), typ: schema.Get("type").Text(),
		description: schema.Get("description").Text(),
	}
	p.id = decodeID(p.wire)
	config := schema.Get(p.typ)
	p.config = "{}"
	if !config.IsNull() {
		raw, _ := appendClean(nil, config, 0, false)
		p.config = string(raw)
	}
	switch p.typ {
	case "select", "multi_select", "status":
		p.options = parseOptions(config)
	case "relation":
		p.relatedSource = config.Get("data_source_id").Text()
	case "rollup":
		p.relation = config.Get("relation_property_id").Text()
		p.target = config.Get("rollup_property_id").Text()
		p.function = config.Get("function").Text()
	}
	return p
}

func parseOptions(config notion.JSON) []option {
	groups := map[string]string{} // by option ID
	for g := range config.Get("groups").Elems() {
		for id := range g.Get("option_ids").Elems() {
			groups[id.Text()] = g.Get("name").Text()
		}
	}
	var options []option
	for o := range config.Get("options").Elems() {
		id := o.Get("id").Text()
		options = append(options, option{
			id: id, name: o.Get("name").Text(), color: o.Get("color").Text(),
			description: o.Get("description").Text(), group: groups[id],
		})
	}
	return options
}

// decodeID percent-decodes a property ID; one that cannot be decoded stays as it is.
func decodeID(wire string) string {
	if id, err := url.PathUnescape(wire); err == nil {
		return id
	}
	return wire
}

// find returns the property that a rollup's configuration names: there IDs are
// not percent-encoded, but may be in older objects.
func find(properties []*property, id string) *property {
	for _, p := range properties {
		if p.id == id {
			return p
		}
	}
	for _, p := range properties {
		if p.wire == id || p.id == decodeID(id) {
			return p
		}
	}
	return nil
}

// plainText joins the runs of a rich text.
func plainText(runs notion.JSON) string {
	var text []byte
	for run := range runs.Elems() {
		text, _ = run.Get("plain_text").AppendText(text)
	}
	return string(text)
}

// doc is the comment of a property's column.
func (p *property) doc() string {
	doc := p.name + " (" + p.typ + ")"
	if p.description != "" {
		doc += ": " + p.description
	}
	return doc
}

// relatedType is the type that an element of the rollup p has by the property
// that it shows, where the load reads that data source and the property's type
// says it; else the zero Type.
func relatedType(p *property, properties []*property, sources map[string]*dataSource) lake.Type {
	relation := find(properties, p.relation)
	if relation == nil {
		return lake.Type{}
	}
	related := sources[relation.relatedSource]
	if related == nil {
		return lake.Type{}
	}
	target := find(related.properties, p.target)
	if target == nil || target.typ == "formula" {
		return lake.Type{}
	}
	if e, ok := elementTypes[target.typ]; ok {
		return e.elem
	}
	return jsonType
}
