package catalog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/extract/notiontest/truth"
)

// Contents are what a table holds: the names of its columns, and a row per line,
// both sorted. They are read with iceberg-go and Arrow, by none of the code that
// wrote them.
type contentsSeen struct {
	columns string
	rows    []string
}

// wanted are the contents that the truth says; unchecked columns have no cells.
func wanted(t truth.Table) (contentsSeen, map[string]truth.Column, error) {
	columns := map[string]truth.Column{}
	var names []string
	for _, c := range t.Columns {
		columns[c.Name] = c
		names = append(names, c.Name)
	}
	slices.Sort(names)
	seen := contentsSeen{columns: strings.Join(names, ",")}
	for _, row := range t.Rows {
		cells := map[string]any{}
		for name, c := range columns {
			if !c.Unchecked {
				cells[name] = cellOf(c, row[name])
			}
		}
		line, err := json.Marshal(cells)
		if err != nil {
			return seen, nil, err
		}
		seen.rows = append(seen.rows, string(line))
	}
	slices.Sort(seen.rows)
	return seen, columns, nil
}

// cellOf is a cell in a form that only differs where the value does.
func cellOf(c truth.Column, v any) any {
	if !c.JSON {
		return v
	}
	switch v := v.(type) {
	case string:
		d := json.NewDecoder(strings.NewReader(v))
		d.UseNumber()
		var tree any
		if d.Decode(&tree) != nil {
			return "not JSON: " + v
		}
		return tree
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = cellOf(c, e)
		}
		return list
	default:
		return v
	}
}

// readSnapshot reads a snapshot of a table. Columns that are not known are read as they are.
func (w *warehouse) readSnapshot(meta table.Metadata, s *table.Snapshot, known map[string]truth.Column) (contentsSeen, error) {
	schema := meta.CurrentSchema()
	for _, other := range meta.Schemas() {
		if s.SchemaID != nil && other.ID == *s.SchemaID {
			schema = other
		}
	}
	names := map[string]string{} // by field ID
	var sorted []string
	for _, f := range schema.Fields() {
		names[strconv.Itoa(f.ID)] = f.Name
		sorted = append(sorted, f.Name)
	}
	slices.Sort(sorted)
	seen := contentsSeen{columns: strings.Join(sorted, ",")}
	way := fmt.Sprint(names, known)
	list, err := w.manifestList(s.ManifestList)
	if err != nil {
		return seen, err
	}
	for _, m := range list {
		files, err := w.dataFiles(m)
		if err != nil {
			return seen, err
		}
		for _, f := range files {
			data, err := readURI(f.FilePath())
			if err != nil {
				return seen, err
			}
			rows, err := w.parquet.of(data, way, func() ([]string, error) { return readParquet(data, names, known) })
			if err != nil {
				return seen, fmt.Errorf("%s: %w", f.FilePath(), err)
			}
			if int64(len(rows)) != f.Count() {
				return seen, fmt.Errorf("%s: %d rows, its manifest says %d", f.FilePath(), len(rows), f.Count())
			}
			seen.rows = append(seen.rows, rows...)
		}
	}
	slices.Sort(seen.rows)
	return seen, nil
}

func readURI(uri string) ([]byte, error) { return os.ReadFile(strings.TrimPrefix(uri, "file://")) }

// readParquet reads a file; its columns are known by their field IDs.
func readParquet(data []byte, names map[string]string, known map[string]truth.Column) ([]string, error) {
	p, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.Close() }() // it holds memory only
	r, err := pqarrow.NewFileReader(p, pqarrow.ArrowReadProperties{BatchSize: 1000}, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	t, err := r.ReadTable(contextForReading)
	if err != nil {
		return nil, err
	}
	defer t.Release()
	rows := make([]map[string]any, t.NumRows())
	for i := range rows {
		rows[i] = map[string]any{}
		for name, c := range known {
			if !c.Unchecked {
				rows[i][name] = nil
			}
		}
	}
	for i := range int(t.NumCols()) {
		field := t.Column(i).Field()
		id, _ := field.Metadata.GetValue("PARQUET:field_id")
		name, ok := names[id]
		c, checked := known[name]
		if !ok || known != nil && (!checked || c.Unchecked) {
			continue
		}
		at := 0
		for _, chunk := range t.Column(i).Data().Chunks() {
			for k := range chunk.Len() {
				rows[at][name] = cellOf(c, arrowCell(chunk, k))
				at++
			}
		}
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		line, err := json.Marshal(row)
		if err != nil {
			return nil, err
		}
		lines[i] = string(line)
	}
	return lines, nil
}

// arrowCell is a cell in the notation of the truth.
func arrowCell(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int64:
		return a.Value(i)
	case *array.Float64:
		return fmt.Sprintf("%016x", math.Float64bits(a.Value(i)))
	case *array.String:
		return a.Value(i)
	case *array.Timestamp:
		return time.UnixMicro(int64(a.Value(i))).UTC().Format("2006-01-02T15:04:05.000000Z")
	case *array.List:
		from, to := a.ValueOffsets(i)
		list := make([]any, 0, to-from)
		for k := from; k < to; k++ {
			list = append(list, arrowCell(a.ListValues(), int(k)))
		}
		return list
	case *array.Struct:
		fields := map[string]any{}
		for k := range a.NumField() {
			fields[a.DataType().(*arrow.StructType).Field(k).Name] = arrowCell(a.Field(k), i)
		}
		return fields
	default:
		return "type " + a.DataType().String()
	}
}
