package main

import (
	"context"
	"encoding/csv"
	"io"

	"github.com/notionlake/notionlake/lake"
)

// A csvWriter writes a result as CSV. The first error ends the writing.
type csvWriter struct {
	w   *csv.Writer
	err error
}

func newCSV(p *program, header ...string) *csvWriter {
	w := &csvWriter{w: csv.NewWriter(printed{p})}
	w.err = w.w.Write(header)
	return w
}

// printed is the program's output as a writer, for results that are written as they come.
type printed struct{ p *program }

var _ io.Writer = printed{}

func (w printed) Write(b []byte) (int, error) { return len(b), w.p.print(b) }

// line writes a line of cells that are harmless for a spreadsheet.
func (w *csvWriter) line(cells ...string) {
	if w.err != nil {
		return
	}
	for i, c := range cells {
		cells[i] = csvSafe(c)
	}
	w.err = w.w.Write(cells)
}

func (w *csvWriter) flush() error {
	if w.w.Flush(); w.err == nil {
		w.err = w.w.Error()
	}
	return w.err
}

// csvSafe keeps a spreadsheet from taking a text for a formula.
func csvSafe(s string) string {
	if s == "" {
		return s
	}
	switch s[0] {
	case '=', '+', '-', '@', '\t', '\r':
		return "'" + s
	}
	return s
}

// printDiffCSV prints a line per change, as the changes come: of a changed row
// one for each cell, of one that was added or removed one with the row as JSON.
func (p *program) printDiffCSV(ctx context.Context, o diffOptions, t tableChange) error {
	w := newCSV(p, "kind", "id", "column", "old", "new")
	for c, err := range t.diff.Rows(ctx, o.rows()) {
		if err != nil {
			return storageError(err)
		}
		id := idText(c.ID)
		switch c.Kind {
		case lake.RowChanged:
			for _, cell := range c.Cells {
				w.line(c.Kind.String(), id, cell.Column().Name, csvCell(cell.From), csvCell(cell.To))
			}
		case lake.RowAdded:
			w.line(c.Kind.String(), id, "", "", string(appendCells(nil, c)))
		case lake.RowRemoved:
			w.line(c.Kind.String(), id, "", string(appendCells(nil, c)), "")
		}
		if w.err != nil {
			return w.err
		}
	}
	return w.flush()
}

// csvCell is a cell without quotes where it is a text; null is empty, and the
// empty text "".
func csvCell(c lake.Cell) string {
	switch {
	case c.Column == nil || c.Value.IsNull():
		return ""
	case c.Value.Kind() == lake.String || c.Value.Kind() == lake.JSON:
		if c.Value.Text() == "" {
			return `""`
		}
		return c.Value.Text()
	case c.Value.Kind() == lake.Timestamp:
		return c.Value.String()
	default:
		return string(appendPlainJSON(nil, c))
	}
}
