package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/notionlake/notionlake/lake"
)

// printDiffJSON prints one document whose changes are written as they come.
func (p *program) printDiffJSON(ctx context.Context, s timeSpan, o diffOptions, t tableChange) error {
	head, err := diffHead(s, t)
	if err != nil {
		return err
	}
	if err := p.print(append(bytes.TrimSuffix(head, []byte("\n}\n")), ",\n  \"changes\": ["...)); err != nil {
		return err
	}
	separator := "\n    "
	var line []byte
	for c, err := range t.diff.Rows(ctx, o.rows()) {
		if err != nil {
			return storageError(err)
		}
		line = appendChange(append(line[:0], separator...), c)
		if err := p.print(line); err != nil {
			return err
		}
		separator = ",\n    "
	}
	if separator[0] == ',' {
		return p.printText("\n  ]\n}\n")
	}
	return p.printText("]\n}\n")
}

// diffHead is the document without the changes.
func diffHead(s timeSpan, t tableChange) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(struct {
		From *momentInfo `json:"from"`
		To   *momentInfo `json:"to"`
		tableDiffInfo
	}{s.from.info(), s.to.info(), t.info()})
	return b.Bytes(), err
}

// appendChange writes a change as one line of JSON.
func appendChange(b []byte, c lake.RowChange) []byte {
	b = appendJSONText(append(b, `{"kind":`...), c.Kind.String())
	switch len(c.ID) {
	case 0:
	case 1:
		b = appendPlainJSON(append(b, `,"id":`...), c.ID[0])
	default:
		b = append(b, `,"id":`...)
		for i, id := range c.ID {
			b = appendMember(b, i, id)
		}
		b = append(b, '}')
	}
	if c.Kind != lake.RowChanged {
		b = append(b, `,"row":`...)
		return append(appendCells(b, c), '}')
	}
	b = append(b, `,"cells":[`...)
	for i, cell := range c.Cells {
		if i > 0 {
			b = append(b, ',')
		}
		column := cell.Column()
		b = appendJSONText(append(b, `{"column":`...), column.Name)
		if column.Property {
			b = appendJSONText(append(b, `,"property_id":`...), column.Key)
		}
		b = appendPlainJSON(append(b, `,"old":`...), cell.From)
		b = appendPlainJSON(append(b, `,"new":`...), cell.To)
		b = append(b, '}')
	}
	return append(b, "]}"...)
}

// appendCells writes the cells of a row that are not null as an object.
func appendCells(b []byte, c lake.RowChange) []byte {
	n := 0
	for _, change := range c.Row {
		cell := change.To
		if c.Kind == lake.RowRemoved {
			cell = change.From
		}
		if cell.Column == nil || cell.Value.IsNull() {
			continue
		}
		b = appendMember(b, n, cell)
		n++
	}
	if n == 0 {
		b = append(b, '{')
	}
	return append(b, '}')
}

// appendMember writes a cell as a member of an object; n are before it.
func appendMember(b []byte, n int, cell lake.Cell) []byte {
	b = append(b, "{,"[min(n, 1)])
	b = append(appendJSONText(b, cell.Column.Name), ':')
	return appendPlainJSON(b, cell)
}

func appendPlainJSON(b []byte, c lake.Cell) []byte {
	if c.Column == nil {
		return append(b, "null"...)
	}
	return appendJSON(b, c.Value, c.Column.Type)
}

// idText is the identifier of a row for people.
func idText(id []lake.Cell) string {
	var parts []string
	for _, c := range id {
		parts = append(parts, c.Value.String())
	}
	return strings.Join(parts, "/")
}
