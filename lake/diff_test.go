package lake_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// changesOf are the rows that differ, a line each.
func changesOf(t *testing.T, d *lake.TableDiff, limit int64) []string {
	t.Helper()
	lines := []string{}
	text := func(c lake.Cell) string {
		switch {
		case c.Column == nil:
			return "none"
		case c.Value.Kind() == lake.Float64:
			return c.Value.String() // -0 shows
		default:
			return c.Value.Kind().String() + " " + c.Value.String()
		}
	}
	for c, err := range d.Rows(t.Context(), limit) {
		if err != nil {
			t.Fatal(err)
		}
		line := c.Kind.String()
		for _, id := range c.ID {
			line += " " + id.Value.String()
		}
		for _, cell := range c.Cells {
			switch c.Kind {
			case lake.RowChanged:
				line += fmt.Sprintf("; %s: %s -> %s", cell.Column().Name, text(cell.From), text(cell.To))
			case lake.RowAdded:
				line += "; " + text(cell.To)
			case lake.RowRemoved:
				line += "; " + text(cell.From)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func schemaOf(d *lake.TableDiff) []string {
	lines := []string{}
	for _, c := range d.Schema {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s: %s -> %s", c.Kind, c.Column, c.From, c.To)))
	}
	return lines
}

func diffTables(t testing.TB, s *lake.Storage, from, to lake.TableState, o lake.DiffOptions) *lake.TableDiff {
	t.Helper()
	d, err := lake.DiffTables(t.Context(), s, from, to, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDiff(t *testing.T) {
	text, number := lake.Type{Kind: lake.String}, lake.Type{Kind: lake.Float64}
	column := func(key, name string, t lake.Type) lake.Column {
		return lake.Column{Key: key, Name: name, Type: t, Property: key != name}
	}
	columns := func(c ...lake.Column) []lake.Column { return append([]lake.Column{idColumn()}, c...) }
	v := lake.TextValue
	n := lake.FloatValue
	list := func(items ...lake.Value) lake.Value { return lake.ListValue(items) }
	null := lake.Value{}
	type rows = [][]lake.Value
	date := func(fields ...string) lake.Type {
		var c []lake.Column
		for _, f := range fields {
			c = append(c, lake.Field(f, lake.Timestamp))
		}
		return lake.StructOf(c...)
	}
	one := columns(column("p", "a", text))
	two := columns(column("p", "a", text), column("q", "b", text))
	for _, c := range []struct {
		name            string
		before, after   []lake.Column
		old, now        rows
		schema, changes []string
	}{
		{
			name: "nothing", before: two, after: two,
			old: rows{{v("1"), v("x"), null}, {v("2"), v(""), v("y")}}, now: rows{{v("2"), v(""), v("y")}, {v("1"), v("x"), null}},
		},
		{
			name: "edited, added, removed", before: two, after: two,
			old:     rows{{v("1"), v("x"), v("y")}, {v("2"), v("x"), v("y")}, {v("3"), v("z"), null}},
			now:     rows{{v("4"), v("new"), null}, {v("2"), v("x"), v("Y")}, {v("1"), v("x"), v("y")}},
			changes: []string{"removed 3; string 3; string z; null null", "added 4; string 4; string new; null null", "changed 2; b: string y -> string Y"},
		},
		{
			name: "renamed", before: one, after: columns(column("p", "z", text)),
			old: rows{{v("1"), v("x")}}, now: rows{{v("1"), v("x")}},
			schema: []string{"rename z: a -> z"},
		},
		{
			name: "names swapped, one value edited", before: two, after: columns(column("p", "b", text), column("q", "a", text)),
			old: rows{{v("1"), v("x"), v("y")}, {v("2"), v("x"), v("y")}}, now: rows{{v("1"), v("x"), v("y")}, {v("2"), v("x2"), v("y")}},
			schema:  []string{"rename b: a -> b", "rename a: b -> a"},
			changes: []string{"changed 2; b: string x -> string x2"},
		},
		{
			name: "retyped: the same as text is the same", before: columns(column("p", "a", number)), after: one,
			old:     rows{{v("1"), n(5)}, {v("2"), n(1e6)}, {v("3"), n(0.25)}, {v("4"), null}, {v("5"), n(7)}, {v("6"), n(1e21)}, {v("7"), n(1)}},
			now:     rows{{v("1"), v("5")}, {v("2"), v("1000000")}, {v("3"), v("0.25")}, {v("4"), null}, {v("5"), v("seven")}, {v("6"), v("1e+21")}, {v("7"), null}},
			schema:  []string{"retype a: double -> string"},
			changes: []string{"changed 5; a: 7 -> string seven", "changed 7; a: 1 -> null null"},
		},
		{
			name: "retyped: list elements by their text", before: columns(column("p", "a", lake.ListOf(number))), after: columns(column("p", "a", lake.ListOf(text))),
			old:     rows{{v("1"), list(n(1), null)}, {v("2"), list(n(1))}, {v("3"), list()}},
			now:     rows{{v("1"), list(v("1"), null)}, {v("2"), list(v("one"))}, {v("3"), null}},
			schema:  []string{"retype a: list<double> -> list<string>"},
			changes: []string{`changed 2; a: list [1] -> list ["one"]`, "changed 3; a: list [] -> null null"},
		},
		{
			name: "a struct gets a field", before: columns(column("p", "a", date("start"))), after: columns(column("p", "a", date("end", "start"))),
			old:    rows{{v("1"), lake.StructValue(lake.MicrosValue(0))}, {v("2"), lake.StructValue(lake.MicrosValue(0))}, {v("3"), null}},
			now:    rows{{v("1"), lake.StructValue(null, lake.MicrosValue(0))}, {v("2"), lake.StructValue(lake.MicrosValue(5e6), lake.MicrosValue(0))}, {v("3"), lake.StructValue(null, null)}},
			schema: []string{"retype a: struct<start timestamptz> -> struct<end timestamptz, start timestamptz>"},
			changes: []string{
				"changed 2; a: struct {1970-01-01T00:00:00Z} -> struct {1970-01-01T00:00:05Z, 1970-01-01T00:00:00Z}",
				"changed 3; a: null null -> struct {null, null}",
			},
		},
		{
			name: "a column that only one side has: nulls are no change", before: one, after: columns(column("q", "b", text)),
			old:     rows{{v("1"), v("x")}, {v("2"), null}, {v("3"), null}},
			now:     rows{{v("1"), null}, {v("2"), v("")}, {v("3"), null}},
			schema:  []string{"add b:  -> string"}, // the old one stays, as nulls
			changes: []string{"changed 1; a: string x -> null null", "changed 2; b: none -> string "},
		},
		{
			name: "removed and made anew with the same name", before: one, after: columns(column("q", "a", text)),
			old: rows{{v("1"), v("x")}}, now: rows{{v("1"), v("x")}},
			schema:  []string{"add a:  -> string", "retire a: string ->"},
			changes: []string{"changed 1; a: none -> string x; a: string x -> none"},
		},
		{
			name: "NaN is null, zeros have signs, null is no empty list", before: columns(column("p", "n", number), column("q", "l", lake.ListOf(text))), after: columns(column("p", "n", number), column("q", "l", lake.ListOf(text))),
			old:     rows{{v("1"), n(math.NaN()), null}, {v("2"), n(0), list()}, {v("3"), n(math.Copysign(0, -1)), list(null)}},
			now:     rows{{v("1"), null, list()}, {v("2"), n(math.Copysign(0, -1)), list()}, {v("3"), n(math.Copysign(0, -1)), list()}},
			changes: []string{"changed 1; l: null null -> list []", "changed 2; n: 0 -> -0", "changed 3; l: list [null] -> list []"},
		},
		{
			name: "texts that run together", before: two, after: two,
			old: rows{{v("1"), v("ab"), v("c")}}, now: rows{{v("1"), v("a"), v("bc")}},
			changes: []string{"changed 1; a: string ab -> string a; b: string c -> string bc"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, nil)
			was := w.run(laketest.Table(lake.Schema{Table: "t", Key: "t", Columns: c.before}, c.old...))
			w.run(laketest.Table(lake.Schema{Table: "t", Key: "t", Columns: c.after}, c.now...))
			from, _ := w.catalog.At("t", was.LoadID)
			to, _ := w.catalog.At("t", "9")
			d := diffTables(t, w.storage, from, to, lake.DiffOptions{TempDir: t.TempDir()})
			if diff := cmp.Diff(append([]string{}, c.schema...), schemaOf(d)); diff != "" {
				t.Errorf("schema (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(append([]string{}, c.changes...), changesOf(t, d, 0)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			counts := map[string]int64{}
			for _, line := range c.changes {
				counts[line[:strings.IndexByte(line, ' ')]]++
			}
			if d.Changed != counts["changed"] || d.Added != counts["added"] || d.Removed != counts["removed"] {
				t.Errorf("%d changed, %d added, %d removed", d.Changed, d.Added, d.Removed)
			}
			if d.Same() != (len(c.changes)+len(c.schema) == 0) {
				t.Errorf("same: %v", d.Same())
			}
			// The other way round, added and removed change places.
			back := diffTables(t, w.storage, to, from, lake.DiffOptions{})
			if back.Changed != d.Changed || back.Added != d.Removed || back.Removed != d.Added {
				t.Errorf("backwards: %d changed, %d added, %d removed", back.Changed, back.Added, back.Removed)
			}
		})
	}
}

// A row that leaves and comes back is no change between the loads around it.
func TestDiffBackAgain(t *testing.T) {
	w := newWorld(t, nil)
	table := func(ids ...string) lake.Table {
		var rows [][]lake.Value
		for _, id := range ids {
			rows = append(rows, []lake.Value{lake.TextValue(id)})
		}
		return laketest.Table(lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{idColumn()}}, rows...)
	}
	loads := []lake.LoadID{w.run(table("1", "2")).LoadID, w.run(table("1")).LoadID, w.run(table("2", "1")).LoadID}
	var states []lake.TableState
	for _, load := range loads {
		s, _ := w.catalog.At("t", load)
		states = append(states, s)
	}
	for _, c := range []struct {
		from, to int
		want     []string
	}{
		{0, 1, []string{"removed 2; string 2"}},
		{1, 2, []string{"added 2; string 2"}},
		{0, 2, []string{}},
	} {
		d := diffTables(t, w.storage, states[c.from], states[c.to], lake.DiffOptions{})
		if diff := cmp.Diff(c.want, changesOf(t, d, 0)); diff != "" {
			t.Errorf("load %d to %d (-want +got):\n%s", c.from, c.to, diff)
		}
	}
	// From or to nothing: the table was not there.
	d := diffTables(t, w.storage, lake.TableState{}, states[1], lake.DiffOptions{})
	if diff := cmp.Diff([]string{"added 1; string 1"}, changesOf(t, d, 0)); diff != "" || len(d.Schema) > 0 {
		t.Errorf("from nothing: %v %s", d.Schema, diff)
	}
	d = diffTables(t, w.storage, states[1], lake.TableState{}, lake.DiffOptions{})
	if diff := cmp.Diff([]string{"removed 1; string 1"}, changesOf(t, d, 0)); diff != "" {
		t.Errorf("to nothing: %s", diff)
	}
}

// Rows without identifiers are counted, also where they stand more than once.
func TestDiffWithoutIdentifiers(t *testing.T) {
	w := newWorld(t, nil)
	table := func(values ...string) lake.Table {
		var rows [][]lake.Value
		for _, v := range values {
			rows = append(rows, []lake.Value{lake.TextValue(v)})
		}
		return laketest.Table(lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{lake.Field("kind", lake.String)}}, rows...)
	}
	was := w.run(table("a", "a", "b", "c", "c", "c"))
	w.run(table("c", "a", "a", "a", "d"))
	from, _ := w.catalog.At("t", was.LoadID)
	to, _ := w.catalog.At("t", "9")
	d := diffTables(t, w.storage, from, to, lake.DiffOptions{})
	got := strings.Join(changesOf(t, d, 0), "\n")
	if want := "removed; string b\nremoved; string c\nremoved; string c\nadded; string a\nadded; string d"; got != want || d.Identified() {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDiffOptions(t *testing.T) {
	raw := lake.Field("_raw", lake.JSON)
	schema := lake.Schema{Table: "t", Key: "t", Columns: []lake.Column{idColumn(), raw}}
	w := newWorld(t, nil)
	var old, now [][]lake.Value
	for i := range 100 {
		old = append(old, []lake.Value{lake.TextValue(fmt.Sprint(i)), lake.JSONValue("{}")})
		now = append(now, []lake.Value{lake.TextValue(fmt.Sprint(i + 10)), lake.JSONValue(fmt.Sprint(i))})
	}
	was := w.run(laketest.Table(schema, old...))
	w.run(laketest.Table(schema, now...))
	from, _ := w.catalog.At("t", was.LoadID)
	to, _ := w.catalog.At("t", "9")
	d := diffTables(t, w.storage, from, to, lake.DiffOptions{Skip: func(c lake.Column) bool { return c.Name == "_raw" || c.Required }})
	if d.Changed != 0 || d.Added != 10 || d.Removed != 10 {
		t.Errorf("without _raw: %d changed, %d added, %d removed", d.Changed, d.Added, d.Removed)
	}
	d = diffTables(t, w.storage, from, to, lake.DiffOptions{})
	if d.Changed != 90 {
		t.Errorf("with _raw: %d changed", d.Changed)
	}
	want := []string{"removed 0; string 0; json {}", "removed 1; string 1; json {}", `changed 10; _raw: string {} -> json 0`, `changed 11; _raw: string {} -> json 1`, "added 100; string 100; json 90", "added 101; string 101; json 91"}
	if diff := cmp.Diff(want, changesOf(t, d, 2)); diff != "" {
		t.Errorf("limit (-want +got):\n%s", diff)
	}
	n := 0
	for _, err := range d.Rows(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 15 {
			break
		}
	}
	if n != 15 || len(changesOf(t, d, 0)) != 110 {
		t.Errorf("the rows cannot be had twice, or in part")
	}
}

// A property may have the ID that is the name of another column.
func TestDiffSchemasOfOneKey(t *testing.T) {
	text := lake.Type{Kind: lake.String}
	state := func(own, property string) lake.TableState {
		return lake.TableState{Schema: lake.Schema{Table: "t", Columns: []lake.Column{
			{Key: "_id", Name: own, Type: text}, {Key: "_id", Name: property, Type: text, Property: true},
		}}}
	}
	want := []lake.SchemaChange{{Kind: "rename", Column: "b", From: "a", To: "b"}}
	if diff := cmp.Diff(want, lake.DiffSchemas(state("_id", "a"), state("_id", "b"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	long, double := state("_id", "a"), state("_id", "a")
	long.Schema.Columns[1].Type = lake.Type{Kind: lake.Int64}
	double.Schema.Columns[1].Type = lake.Type{Kind: lake.Float64}
	long.Layout.FieldIDs, double.Layout.FieldIDs = map[string]int{"a": 2}, map[string]int{"a": 3}
	want = []lake.SchemaChange{{Kind: "retype", Column: "a", From: "long", To: "double"}}
	if diff := cmp.Diff(want, lake.DiffSchemas(long, double)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
