package main

import (
	"strings"

	"github.com/notionlake/notionlake/lake"
)

// printSchemaDiff prints how the columns changed.
func (p *program) printSchemaDiff(s timeSpan, o diffOptions, changes []tableChange) error {
	if o.asJSON {
		if o.table == "" {
			return p.printTableDiffs(s, changes)
		}
		return p.printJSON(struct {
			From *momentInfo `json:"from"`
			To   *momentInfo `json:"to"`
			tableDiffInfo
		}{s.from.info(), s.to.info(), changes[0].info()})
	}
	if o.asCSV {
		w := newCSV(p, "table", "kind", "column", "from", "to")
		for _, t := range changes {
			for _, c := range t.schema() {
				w.line(t.name, c.Kind, c.Column, c.From, c.To)
			}
		}
		return w.flush()
	}
	g := &grid{header: []string{"table", "change"}, maxWidth: 2 * maxCellWidth}
	for _, t := range changes {
		if state := t.state(); state != "" {
			g.add(t.name, "the table "+state)
		}
		for _, c := range t.schema() {
			g.add(t.name, c.String())
		}
	}
	if len(g.rows) == 0 {
		return p.printText(s.title(o.table) + "no change of columns\n")
	}
	return p.printText(s.title(o.table) + g.String())
}

// schemaWords says in words how columns changed.
func schemaWords(changes []lake.SchemaChange) string {
	var words []string
	for _, c := range changes {
		words = append(words, c.String())
	}
	return strings.Join(words, "; ")
}
