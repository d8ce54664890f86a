package extract

import (
	"strings"

	"github.com/notionlake/notionlake/extract/notion"
)

// relationsOf are the relations that a formula stands on, by itself or through
// rollups and other formulas. Where one has more references than Notion shows in a
// page, Notion computes the formula over the first ones, and does not say so.
func relationsOf(formula *property, properties []*property) []*property {
	var relations []*property
	seen := map[*property]bool{formula: true}
	todo := []*property{formula}
	for len(todo) > 0 {
		p := todo[0]
		todo = todo[1:]
		if p.typ == "relation" {
			relations = append(relations, p)
			continue
		}
		expression := ""
		if p.typ == "formula" {
			expression = notion.JSON(p.config).Get("expression").Text()
		}
		for _, q := range properties {
			if !seen[q] && (p.typ == "rollup" && q == find(properties, p.relation) || expression != "" && mentions(expression, q)) {
				seen[q] = true
				todo = append(todo, q)
			}
		}
	}
	return relations
}

// mentions reports whether a formula's expression names a property: as people write
// it, or in Notion's internal form.
func mentions(expression string, p *property) bool {
	return strings.Contains(expression, `prop("`+strings.ReplaceAll(p.name, `"`, `\"`)+`")`) ||
		strings.Contains(expression, "{{notion:block_property:"+p.id+":") ||
		strings.Contains(expression, "{{notion:block_property:"+p.wire+":")
}

// longFormulas counts formulas over a relation of which the page shows a part only.
func (m *mapper) longFormulas() {
	for _, c := range m.columns {
		for _, r := range c.standsOn {
			if m.long[r.number] && !m.row[c.index].IsNull() {
				m.bits[c.number] |= notedLongFormula
				m.touched = true
				break
			}
		}
	}
}
