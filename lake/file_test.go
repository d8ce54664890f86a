package lake_test

import (
	"context"
	"testing"

	"github.com/notionlake/notionlake/lake"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func tempStorage(t testing.TB, p lake.Point) *lake.Storage {
	t.Helper()
	s, err := lake.OpenStorage(context.Background(), lake.StorageOptions{URL: t.TempDir(), Point: p})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func required(name string) lake.Column {
	return lake.Column{Key: name, Name: name, Type: lake.Type{Kind: lake.String}, Required: true}
}

// layoutOf numbers the fields of a schema from 1, depth first.
func layoutOf(schema lake.Schema) lake.Layout {
	ids := map[string]int{}
	var number func(path string, t lake.Type)
	number = func(path string, t lake.Type) {
		ids[path] = len(ids) + 1
		if t.Kind == lake.List {
			number(path+".element", *t.Elem)
		}
		for _, f := range t.Fields {
			number(path+"."+f.Name, f.Type)
		}
	}
	for _, c := range schema.Columns {
		number(c.Name, c.Type)
	}
	return lake.Layout{Prefix: "tables/" + schema.Key + "/data/", FieldIDs: ids}
}

// writeRows writes rows to files.
func writeRows(t testing.TB, s *lake.Storage, schema lake.Schema, rows [][]lake.Value, o lake.WriterOptions) []lake.File {
	t.Helper()
	w, err := lake.NewWriter(s, schema, layoutOf(schema), o)
	must(t, err)
	for _, row := range rows {
		must(t, w.Write(context.Background(), row))
	}
	files, err := w.Close(context.Background())
	must(t, err)
	return files
}

// readRows reads all rows of files.
func readRows(t testing.TB, s *lake.Storage, schema lake.Schema, layout lake.Layout, files []lake.File) [][]lake.Value {
	t.Helper()
	var rows [][]lake.Value
	for row, err := range lake.ReadFiles(context.Background(), s, schema, layout, files) {
		must(t, err)
		values := make([]lake.Value, len(row.Values))
		for i, v := range row.Values {
			values[i] = v.Clone()
		}
		rows = append(rows, values)
	}
	return rows
}
