package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/notionlake/notionlake/lake"
)

// maxHeadRows keeps the rows of `head`, which are held in memory, few.
const maxHeadRows = 10_000

// headCellWidth lets some columns stand beside each other on a screen.
const headCellWidth = 36

func (p *program) headCommand() *cli.Command {
	return &cli.Command{
		Name:      "head",
		Usage:     "show the first rows of a table",
		ArgsUsage: "TABLE",
		Description: "Shows as many columns as fit on the screen, those that people read first: of Notion's properties, or titles, types\n" +
			"and texts of notionlake's own tables. --columns picks them; --json shows all, in the order of the table.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "n", Usage: "show the first `N` rows", Value: 10},
			&cli.StringSliceFlag{Name: "columns", Usage: "show the columns `NAMES` only, comma-separated or repeated"},
			atFlag(), jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "TABLE")
			if err != nil {
				return err
			}
			n := c.Int("n")
			if n < 1 || n > maxHeadRows {
				return usagef("-n %d: 1 to %d is allowed", n, maxHeadRows)
			}
			l, err := p.openExisting(c.Context, c)
			if err != nil {
				return err
			}
			defer l.close()
			var columns []string
			for _, list := range c.StringSlice("columns") {
				for _, name := range strings.Split(list, ",") {
					if name = strings.TrimSpace(name); name == "" {
						return usagef("--columns %q: names of columns are expected, comma-separated; without the flag those that fit are shown", list)
					}
					columns = append(columns, name)
				}
			}
			return p.head(c.Context, l, args[0], c.String("at"), n, columns, c.Bool("json"))
		},
	}
}

func (p *program) head(ctx context.Context, l *lakeAt, name, at string, n int, only []string, asJSON bool) error {
	state, _, err := l.table(ctx, name, at)
	if err != nil {
		return err
	}
	columns, err := l.pickColumns(ctx, state, only)
	if err != nil {
		return err
	}
	rows, err := l.firstRows(ctx, state, n)
	if err != nil {
		return err
	}
	if asJSON {
		return p.printHeadJSON(state, columns, rows)
	}
	if len(only) == 0 {
		columns = propertiesFirst(state.Schema)
	}
	g := headGrid(state.Schema, columns, rows)
	hiddenColumns := 0
	if len(only) == 0 {
		width := screenWidth(p.stdout)
		if hiddenColumns = g.narrow(width); hiddenColumns > 0 && strings.HasPrefix(state.Schema.Key, "_") {
			g = headGrid(state.Schema, emptyLast(readableFirst(state.Schema, columns), rows), rows)
			hiddenColumns = g.narrow(width)
		}
	}
	out := g.String()
	if hiddenColumns > 0 {
		out += fmt.Sprintf("… %s: --columns or --json shows them\n", plural(int64(hiddenColumns), "more column"))
	}
	if left := state.Snapshot.Rows - int64(len(rows)); left > 0 {
		out += fmt.Sprintf("… %s\n", plural(left, "more row"))
	}
	return p.printText(out)
}

// headGrid are rows with some of their columns.
func headGrid(s lake.Schema, columns []int, rows [][]lake.Value) *grid {
	g := &grid{maxWidth: headCellWidth}
	for _, i := range columns {
		c := s.Columns[i]
		if k := c.Type.Kind; k == lake.Int64 || k == lake.Float64 {
			g.numbers = append(g.numbers, len(g.header))
		}
		g.header = append(g.header, c.Name)
	}
	for _, row := range rows {
		var cells []string
		for _, i := range columns {
			cells = append(cells, cellText(row[i], s.Columns[i].Type))
		}
		g.add(cells...)
	}
	return g
}

// emptyLast puts the columns that have a value in none of the rows behind the others.
func emptyLast(columns []int, rows [][]lake.Value) []int {
	isEmpty := func(i int) bool {
		return !slices.ContainsFunc(rows, func(row []lake.Value) bool { return !row[i].IsNull() })
	}
	return append(slices.DeleteFunc(slices.Clone(columns), isEmpty), slices.DeleteFunc(slices.Clone(columns), func(i int) bool { return !isEmpty(i) })...)
}

// readColumns are the columns of own tables by which people know a row, in the
// order in which they look for them.
var readColumns = []string{"title", "name", "table_name", "kind", "type", "text", "plain_text", "message", "reason", "column_name"}

// readableFirst puts the columns that people read before the others, and ids last.
func readableFirst(s lake.Schema, columns []int) []int {
	rank := func(i int) int {
		name := s.Columns[i].Name
		switch at := slices.Index(readColumns, name); {
		case s.Key == lake.LedgerTable && name == "load_id":
			return -1 // by which people know it
		case at >= 0:
			return at
		case name == "id" || name == "path" && s.Columns[i].Type.Kind == lake.List || strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "_by"):
			return len(readColumns) + 1
		}
		return len(readColumns)
	}
	sorted := slices.Clone(columns)
	slices.SortStableFunc(sorted, func(a, b int) int { return cmp.Compare(rank(a), rank(b)) })
	return sorted
}

// firstRows reads the first n rows of a table.
func (l *lakeAt) firstRows(ctx context.Context, state lake.TableState, n int) (rows [][]lake.Value, err error) {
	files, err := state.Files(ctx)
	if err != nil {
		return nil, storageError(err)
	}
	for row, err := range lake.ReadFiles(ctx, l.storage, state.Schema, state.Layout, files) {
		if err != nil {
			return nil, storageError(err)
		}
		values := make([]lake.Value, len(row.Values))
		for i, v := range row.Values {
			values[i] = v.Clone()
		}
		if rows = append(rows, values); len(rows) == n {
			break
		}
	}
	return rows, nil
}

// pickColumns are the indexes of the named columns; of all where none is named.
func (l *lakeAt) pickColumns(ctx context.Context, t lake.TableState, only []string) (columns []int, err error) {
	s := t.Schema
	var names []string
	index := map[string]int{}
	for i, c := range s.Columns {
		names = append(names, c.Name)
		index[c.Name] = i
		if len(only) == 0 {
			columns = append(columns, i)
		}
	}
	for _, name := range only {
		i, ok := index[name]
		if !ok {
			hint := suggest(name, names, "")
			if is := l.otherName(ctx, t, name); is != "" {
				hint = ": it is named " + is + " there"
			}
			return nil, usagef("--columns %s: table %s has no such column%s", name, s.Table, hint)
		}
		columns = append(columns, i)
	}
	return columns, nil
}

// otherName is the name in t of the column that has, or had last, another one in the
// table's history; "" where there is none, or that is not known.
func (l *lakeAt) otherName(ctx context.Context, t lake.TableState, name string) string {
	versions, err := l.catalog.SchemaHistory(ctx, t.Schema.Key)
	if err != nil {
		return "" // what is wrong is the name
	}
	for _, v := range slices.Backward(versions) {
		id, ok := v.Layout.FieldIDs[name]
		if !ok {
			continue
		}
		for _, c := range t.Schema.Columns {
			if t.Layout.FieldIDs[c.Name] == id {
				return c.Name
			}
		}
	}
	return ""
}

// propertiesFirst are the columns in the order in which people look for them:
// those of the properties, the ID, the rest. _raw repeats them all and is left out.
func propertiesFirst(s lake.Schema) (columns []int) {
	var own []int
	for i, c := range s.Columns {
		switch {
		case c.Name == "_raw":
		case strings.HasPrefix(c.Name, "_"):
			own = append(own, i)
		default:
			columns = append(columns, i)
		}
	}
	return append(columns, own...)
}

// narrow leaves out the columns that do not fit and returns how many they were.
func (g *grid) narrow(width int) (left int) {
	const gap = 2
	total, fitting := 0, 0
	for i := range g.header {
		w := text.StringWidthWithoutEscSequences(g.header[i])
		for _, row := range g.rows {
			w = max(w, min(g.cellWidth(), text.StringWidthWithoutEscSequences(safeText(row[i]))))
		}
		if total += w + gap; total > width+gap && i > 0 {
			break
		}
		fitting++
	}
	left = len(g.header) - fitting
	g.header = g.header[:fitting]
	for i := range g.rows {
		g.rows[i] = g.rows[i][:fitting]
	}
	for len(g.numbers) > 0 && g.numbers[len(g.numbers)-1] >= fitting {
		g.numbers = g.numbers[:len(g.numbers)-1]
	}
	return left
}

// defaultWidth is the width of a screen that is none.
const defaultWidth = 120

func screenWidth(w any) int {
	if r, ok := w.(*redactingWriter); ok {
		w = r.w
	}
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return defaultWidth
}

func (p *program) printHeadJSON(state lake.TableState, columns []int, rows [][]lake.Value) error {
	infos := []columnInfo{}
	for _, i := range columns {
		infos = append(infos, columnInfoOf(state, state.Schema.Columns[i]))
	}
	objects := []json.RawMessage{}
	for _, row := range rows {
		b := []byte{'{'}
		for n, i := range columns {
			if n > 0 {
				b = append(b, ',')
			}
			b = appendJSONText(b, state.Schema.Columns[i].Name)
			b = append(b, ':')
			b = appendJSON(b, row[i], state.Schema.Columns[i].Type)
		}
		objects = append(objects, append(b, '}'))
	}
	return p.printJSON(struct {
		tableInfo
		Schema []columnInfo      `json:"schema"`
		Head   []json.RawMessage `json:"head"`
	}{tableInfoOf(state), infos, objects})
}

// appendJSON writes a value as JSON: a struct as an object, a timestamp as RFC
// 3339 in UTC, JSON text as a string.
func appendJSON(b []byte, v lake.Value, t lake.Type) []byte {
	switch v.Kind() {
	case lake.Bool:
		return strconv.AppendBool(b, v.Bool())
	case lake.Int64:
		return strconv.AppendInt(b, v.Int(), 10)
	case lake.Float64:
		number, err := json.Marshal(v.Float())
		if err != nil { // infinite
			return appendJSONText(b, v.String())
		}
		return append(b, number...)
	case lake.String, lake.JSON:
		return appendJSONText(b, v.Text())
	case lake.Timestamp:
		return appendJSONText(b, v.String())
	case lake.List:
		b = append(b, '[')
		for i, e := range v.Items() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, e, *t.Elem)
		}
		return append(b, ']')
	case lake.Struct:
		b = append(b, '{')
		for i, e := range v.Items() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSONText(b, t.Fields[i].Name)
			b = append(b, ':')
			b = appendJSON(b, e, t.Fields[i].Type)
		}
		return append(b, '}')
	case lake.Invalid:
	}
	return append(b, "null"...)
}

func appendJSONText(b []byte, s string) []byte {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...)
}
