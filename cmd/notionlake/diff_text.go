package main

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/notionlake/notionlake/lake"
)

// Widths of the cells of `diff`: identifiers stand whole.
const (
	diffIDWidth    = 36
	diffLabelWidth = 24
	diffValueWidth = 30
)

// printDiff prints a screen or so: changed rows, then added and removed ones.
func (p *program) printDiff(ctx context.Context, s timeSpan, o diffOptions, t tableChange) error {
	d := t.diff
	out := s.title(t.name)
	switch words := schemaWords(d.Schema); {
	case t.state() != "":
		out += "the table " + t.state() + "\n"
	case words != "":
		out += "columns: " + safeText(words) + "\n"
	}
	if t.unread {
		out += "the load, which is held, did not read the table: when it is published the table stays as it was\n"
	}
	if d.Added+d.Removed+d.Changed == 0 {
		return p.printText(out + "no difference in rows\n")
	}
	out += fmt.Sprintf("%s changed, %s added, %s removed\n", plural(d.Changed, "row"), thousands(d.Added), thousands(d.Removed))
	grids := map[lake.RowKind]*grid{}
	shown := map[lake.RowKind]int64{}
	for c, err := range d.Rows(ctx, o.rows()) {
		if err != nil {
			return storageError(err)
		}
		g := grids[c.Kind]
		if g == nil {
			g = &grid{header: changeHeader(c), maxWidth: 2 * maxCellWidth}
			grids[c.Kind] = g
		}
		shown[c.Kind]++
		addChange(g, c)
	}
	for _, part := range []struct {
		kind lake.RowKind
		all  int64
	}{{lake.RowChanged, d.Changed}, {lake.RowAdded, d.Added}, {lake.RowRemoved, d.Removed}} {
		if part.all == 0 {
			continue
		}
		out += "\n" + part.kind.String() + "\n"
		if g := grids[part.kind]; g != nil {
			out += g.String()
		}
		if more := part.all - shown[part.kind]; more > 0 {
			out += fmt.Sprintf("… %s: --limit %d shows them, --csv and --json show all\n", plural(more, "more row"), part.all)
		}
	}
	return p.printText(out)
}

// changeHeader is the header of the rows of a kind.
func changeHeader(c lake.RowChange) (header []string) {
	if len(c.ID) == 0 {
		return []string{"row"}
	}
	var ids []string
	for _, id := range c.ID {
		ids = append(ids, id.Column.Name)
	}
	header = append(header, strings.Join(ids, "/"), labelName(c))
	if c.Kind == lake.RowChanged {
		header = append(header, "column", "before", "after")
	}
	return header
}

// addChange adds the lines of a row.
func addChange(g *grid, c lake.RowChange) {
	add := func(cells ...string) {
		for i, c := range cells {
			cells[i] = strings.Clone(c) // what the row holds is gone with the next one
		}
		g.add(cells...)
	}
	if len(c.ID) == 0 {
		add(rowText(c))
		return
	}
	lead := []string{fit(safeText(idText(c.ID)), diffIDWidth*len(c.ID)), fit(safeText(label(c)), diffLabelWidth)}
	if c.Kind != lake.RowChanged {
		add(lead...)
		return
	}
	for _, cell := range c.Cells {
		before, after := cellOf(cell.From), cellOf(cell.To)
		if before == after { // of people and files only the names are shown
			before, after = csvCell(cell.From), csvCell(cell.To)
		}
		skip := commonStart(before, after)
		add(lead[0], lead[1], fit(safeText(cell.Column().Name), diffLabelWidth), shortened(before, skip), shortened(after, skip))
		lead = []string{"", ""}
	}
}

func cellOf(c lake.Cell) string {
	if c.Column == nil {
		return ""
	}
	return cellText(c.Value, c.Column.Type)
}

// commonStart is how many bytes of two long texts may be left out, so that what
// differs is seen.
func commonStart(a, b string) int {
	const kept = 10 // bytes before the difference
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if n = n - kept; n < diffValueWidth/2 || max(len(a), len(b)) <= diffValueWidth {
		return 0
	}
	for n > 0 && !utf8.RuneStart(a[n]) {
		n--
	}
	return n
}

func shortened(s string, skip int) string {
	if skip > 0 {
		s = "…" + s[skip:]
	}
	return fit(safeText(s), diffValueWidth)
}

// labelColumn is the column by which people know a row: the title, else a name.
func labelColumn(c lake.RowChange) (lake.CellChange, bool) {
	for _, cell := range c.Row {
		column := cell.Column()
		if column.Property && (strings.HasSuffix(column.Doc, " (title)") || strings.Contains(column.Doc, " (title): ")) {
			return cell, true
		}
	}
	for _, cell := range c.Row {
		if column := cell.Column(); !column.Property && (column.Name == "title" || column.Name == "name") {
			return cell, true
		}
	}
	return lake.CellChange{}, false
}

func labelName(c lake.RowChange) string {
	cell, ok := labelColumn(c)
	if !ok {
		return ""
	}
	return cell.Column().Name
}

func label(c lake.RowChange) string {
	cell, _ := labelColumn(c)
	if cell.To.Column != nil {
		return cellOf(cell.To)
	}
	return cellOf(cell.From)
}

// rowText is a row without an identifier.
func rowText(c lake.RowChange) string {
	var parts []string
	for _, cell := range c.Row {
		of := cell.To
		if c.Kind == lake.RowRemoved {
			of = cell.From
		}
		if of.Column != nil && !of.Value.IsNull() {
			parts = append(parts, of.Column.Name+" "+cellOf(of))
		}
	}
	return strings.Join(parts, ", ")
}
