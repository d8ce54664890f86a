package notiontest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// schema takes over the recorded properties that the group does not have yet.
func (g *recordedGroup) schema(r *recording, properties []jsonMember) error {
	for _, m := range properties {
		o := toMapOf(m.value)
		p := Property{
			ID: decodedID(textOf(o["id"])), Name: m.name, Type: textOf(o["type"]), Description: textOf(o["description"]),
		}
		if p.Type == "title" {
			p.ID = "title"
		}
		if g.property(p.ID) != nil {
			continue
		}
		p.Config = string(o[p.Type])
		switch p.Type {
		case "":
			return fmt.Errorf("property %q has no type", m.name)
		case "relation":
			p.Config = r.relationConfig(g, toMapOf(o["relation"]))
		case "rollup":
			c := toMapOf(o["rollup"])
			p.Rollup = &Rollup{textOf(c["relation_property_id"]), textOf(c["rollup_property_id"]), textOf(c["function"])}
		}
		g.add(p)
	}
	return nil
}

// relationConfig is the configuration of a relation; one to what was not
// recorded points to the data source itself, since Notion shows no others.
func (r *recording) relationConfig(g *recordedGroup, old map[string]json.RawMessage) string {
	source, database := recordedID(textOf(old["data_source_id"])), recordedID(textOf(old["database_id"]))
	if s := r.sourceOf[database]; old["data_source_id"] == nil && s != "" {
		source = s
	}
	if r.schemas[source] == nil {
		source, database = g.source, g.database
	}
	head := fmt.Sprintf(`{"database_id":"%s","data_source_id":"%s","type":`, database, source)
	if dual := old["dual_property"]; dual != nil {
		return head + `"dual_property","dual_property":` + string(dual) + `}`
	}
	return head + `"single_property","single_property":{}}`
}

// takes adds a page to the group, and the properties of it that are new; false
// if a property is of another type here.
func (g *recordedGroup) takes(page *recordedPage) bool {
	for _, v := range page.values {
		if p := g.property(v.id); p != nil && p.Type != v.kind {
			return false
		}
	}
	for _, v := range page.values {
		if g.property(v.id) != nil {
			continue
		}
		p := Property{ID: v.id, Name: v.name, Type: v.kind, Config: g.derived(v)}
		if v.kind == "rollup" {
			p.Rollup = &Rollup{Function: textOf(toMapOf(json.RawMessage(v.json))["function"])}
		}
		g.add(p)
	}
	g.pages = append(g.pages, page)
	return true
}

// derived is a configuration for a property that was recorded without.
func (g *recordedGroup) derived(v recordedValue) string {
	switch v.kind {
	case "number":
		return `{"format":"number"}`
	case "select", "multi_select":
		return `{"options":[]}`
	case "status":
		return `{"options":[],"groups":[]}`
	case "formula":
		return `{"expression":""}`
	case "unique_id":
		return `{"prefix":null}`
	case "relation":
		return fmt.Sprintf(`{"database_id":"%s","data_source_id":"%s","type":"single_property","single_property":{}}`, g.database, g.source)
	case "rollup":
		return `{"relation_property_name":"","rollup_property_name":"","relation_property_id":"","rollup_property_id":"","function":"` +
			textOf(toMapOf(json.RawMessage(v.json))["function"]) + `"}`
	}
	return "{}"
}

func (g *recordedGroup) property(id string) *Property {
	return (&DataSource{Properties: g.properties}).Property(id)
}

// add adds a property, renamed where the name is taken.
func (g *recordedGroup) add(p Property) {
	for (&DataSource{Properties: g.properties}).Named(p.Name) != nil {
		p.Name += " " + strings.ToUpper(p.ID)
	}
	g.properties = append(g.properties, &p)
}

// title makes sure that there is a title, which every data source has.
func (g *recordedGroup) title() {
	for _, p := range g.properties {
		if p.Type == "title" {
			return
		}
	}
	g.add(Property{ID: "title", Name: "Name", Type: "title"})
}
