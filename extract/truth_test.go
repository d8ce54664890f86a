package extract

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/extract/notiontest/truth"
	"github.com/notionlake/notionlake/lake"
)

// TestTruth compares every cell of every table of a workspace with everything in
// it, over all its generations, with what the model says must be there: under
// faults, with properties and rows in shuffled orders and short pages.
func TestTruth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := notiontest.Everything(1)
		server := notiontest.NewServer(w, notiontest.Options{
			Shuffle: true, ShortPages: true, Seed: 1,
			Faults: notiontest.Faults{Rate: 0.15, Seed: 1},
		})
		l := newMemoryLake()
		var state *truth.State
		for n, change := range append([]func(){func() {}}, notiontest.Generations(w)...) {
			if raced && n == 2 {
				break
			}
			change()
			load := fmt.Sprintf("20260101T%06dZ", n)
			var want []truth.Table
			var err error
			if want, state, err = truth.Tables(w.Model(), state, truth.Options{Load: load, Content: true}); err != nil {
				t.Fatal(err)
			}
			got, err := l.run(t.Context(), load, NewSource(contentOptions(newClient(t, server))))
			if err != nil {
				t.Fatal(err)
			}
			cells := 0
			for _, table := range want {
				cells += compareTable(t, load, table, got[table.Key])
			}
			if t.Logf("load %d: %d tables, %d cells equal", n, len(want), cells); cells < 10_000 {
				t.Errorf("only %d cells", cells)
			}
			if t.Failed() {
				return
			}
		}
		if fired := server.Stats().Fired(); fired < 100 {
			t.Errorf("only %d faults fired", fired)
		}
	})
}

// compareTable compares a table with the truth and returns how many cells it compared.
func compareTable(t *testing.T, load string, want truth.Table, got *memoryTable) (cells int) {
	t.Helper()
	if got == nil || got.partial != nil || got.unread != "" {
		if got != nil {
			t.Errorf("%s: table %s was not read: %+v %+v", load, want.Name, got.unread, got.partial)
			return 0
		}
		t.Errorf("%s: table %s was not read", load, want.Name)
		return 0
	}
	if got.schema.Table != want.Name {
		t.Errorf("%s: table %s is called %s", load, want.Name, got.schema.Table)
	}
	var types, gotTypes []string
	for _, c := range want.Columns {
		types = append(types, c.Name+" "+c.Type)
	}
	raw := ""
	for _, c := range got.schema.Columns {
		if line := c.Name + " " + c.Type.String(); c.Name == "_raw" {
			raw = line // stands where it was at the table's creation
		} else {
			gotTypes = append(gotTypes, line)
		}
	}
	if raw != "" {
		gotTypes = append(gotTypes, raw)
	}
	if diff := cmp.Diff(sorted(types), sorted(gotTypes)); diff != "" {
		t.Errorf("%s: columns of %s: -want +got\n%s", load, want.Name, diff)
		return 0
	}
	index := map[string][]lake.Value{}
	for _, row := range got.rows {
		index[rowKey(want, func(name string) string {
			if v := row[got.column(name)]; v.Kind() == lake.Int64 {
				return fmt.Sprint(v.Int())
			}
			return row[got.column(name)].Text()
		})] = row
	}
	if len(index) != len(want.Rows) || len(got.rows) != len(want.Rows) {
		t.Errorf("%s: table %s has %d rows (%d different), want %d", load, want.Name, len(got.rows), len(index), len(want.Rows))
		return 0
	}
	gone := map[string]int64{}
	for _, why := range want.Gone {
		gone[why]++
	}
	for _, g := range got.gone {
		gone[g.Reason] -= g.Count
	}
	for why, n := range gone {
		if n != 0 {
			t.Errorf("%s: table %s: %d rows more are %s than are told: %v of %v", load, want.Name, n, why, got.gone, want.Gone)
		}
	}
	for _, row := range want.Rows {
		key := rowKey(want, func(name string) string {
			if n, ok := row[name].(json.Number); ok {
				return string(n)
			}
			s, _ := row[name].(string)
			return s
		})
		values, ok := index[key]
		if !ok {
			t.Errorf("%s: table %s lacks row %s", load, want.Name, key)
			continue
		}
		for _, c := range want.Columns {
			if c.Unchecked {
				continue
			}
			cells++
			wantCell := normal(t, row[c.Name], c.JSON)
			gotCell := normal(t, cellOf(values[got.column(c.Name)]), c.JSON)
			if reflect.DeepEqual(wantCell, gotCell) {
				continue
			}
			if diff := cmp.Diff(wantCell, gotCell); diff != "" {
				t.Errorf("%s: table %s, row %s, column %s: -want +got\n%s", load, want.Name, key, c.Name, diff)
			}
		}
	}
	return cells
}

func sorted(lines []string) []string {
	m := map[string]bool{}
	for _, l := range lines {
		m[l] = true
	}
	return sortedKeys(m)
}

// rowKey identifies a row of a table.
func rowKey(t truth.Table, cell func(string) string) string {
	switch t.Name {
	case "_properties":
		return cell("data_source_id") + " " + cell("property_id")
	case "_links":
		return strings.Join([]string{cell("page_id"), cell("block_id"), cell("property_id"), cell("comment_id"), cell("kind"), cell("target_id")}, " ")
	case "_files":
		return strings.Join([]string{cell("page_id"), cell("block_id"), cell("property_id"), cell("comment_id"), cell("source"), cell("position")}, " ")
	case "_options":
		return cell("data_source_id") + " " + cell("property_id") + " " + cell("option_id")
	}
	return cell(t.Columns[0].Name)
}

// cellOf writes a value as the truth does.
func cellOf(v lake.Value) any {
	switch v.Kind() {
	case lake.Bool:
		return v.Bool()
	case lake.Int64:
		return json.Number(fmt.Sprint(v.Int()))
	case lake.Float64:
		return fmt.Sprintf("%016x", math.Float64bits(v.Float()))
	case lake.String, lake.JSON:
		return v.Text()
	case lake.Timestamp:
		return v.Time().Format("2006-01-02T15:04:05.000000Z")
	case lake.List, lake.Struct:
		items := []any{}
		for _, item := range v.Items() {
			items = append(items, cellOf(item))
		}
		return items
	case lake.Invalid:
	}
	return nil
}

// structs are the fields of structs in the order of the columns' types.
var structs = [][]string{
	{"start", "end", "date_only", "time_zone"},
	{"id", "name", "email", "type"},
	{"name", "url", "kind", "sha256", "path"},
	{"state", "verified_by", "start", "end"},
	{"lat", "lon", "name", "address"},
}

// normal makes cells comparable: structs become the lists of their fields, text
// that holds JSON what it holds.
func normal(t *testing.T, cell any, isJSON bool) any {
	t.Helper()
	switch c := cell.(type) {
	case string:
		if !isJSON {
			return c
		}
		d := json.NewDecoder(strings.NewReader(c))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Errorf("not JSON: %q", c)
		}
		return essential(v)
	case int64:
		return json.Number(fmt.Sprint(c))
	case []any:
		items := []any{}
		for _, item := range c {
			items = append(items, normal(t, item, isJSON))
		}
		return items
	case map[string]any:
		for _, fields := range structs {
			if items, err := fieldsOf(c, fields); err == nil {
				return normal(t, items, false)
			}
		}
		t.Errorf("a struct of unknown fields: %v", c)
	}
	return cell
}

var errOtherFields = errors.New("other fields")

func fieldsOf(c map[string]any, fields []string) ([]any, error) {
	items := []any{}
	for _, f := range fields {
		v, ok := c[f]
		if !ok || len(c) != len(fields) {
			return nil, errOtherFields
		}
		items = append(items, v)
	}
	return items, nil
}

// essential leaves out of JSON what changes with every read.
func essential(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "expiry_time")
		for name, member := range v {
			v[name] = essential(member)
		}
	case []any:
		for i := range v {
			v[i] = essential(v[i])
		}
	}
	return v
}
