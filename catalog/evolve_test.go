package catalog

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/notionlake/notionlake/lake"
)

var update = flag.Bool("update", false, "rewrite the expected parts of testdata")

// Each file of testdata/evolve is the life of one table. "load N" lists the
// columns that the load wants, one a line: "name type", of a property
// "id:name type"; "!required" and "!state=x" may follow. "schema N" is what the
// table then has.
func TestEvolve(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/evolve/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			retire := strings.Contains(string(a.Comment), "removed: retire")
			var old *iceberg.Schema
			var cols columns
			last := 0
			got := &txtar.Archive{Comment: a.Comment}
			for _, f := range a.Files {
				n, ok := strings.CutPrefix(f.Name, "load ")
				if !ok {
					continue
				}
				e := evolve(old, reload(t, cols), last, parseWant(t, string(f.Data)), retire)
				got.Files = append(got.Files, f, txtar.File{Name: "schema " + n, Data: []byte(describe(e, old != nil))})
				old, cols, last = e.schema, e.columns, e.lastID
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(txtar.Format(a)), string(txtar.Format(got))); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// reload sends the columns through the table properties.
func reload(t *testing.T, c columns) columns {
	t.Helper()
	props, err := c.format()
	if err != nil {
		t.Fatal(err)
	}
	if c, err = parseColumns(props); err != nil {
		t.Fatal(err)
	}
	return c
}

func parseWant(t *testing.T, text string) lake.Schema {
	t.Helper()
	s := lake.Schema{Table: "t", Key: "k"}
	for line := range strings.Lines(text) {
		line, flags, _ := strings.Cut(strings.TrimSpace(line), " !")
		name, typ, ok := strings.Cut(line, " ")
		if !ok {
			t.Fatalf("line %q: no type", line)
		}
		c := lake.Column{Key: name, Name: name}
		if key, name, ok := strings.Cut(name, ":"); ok {
			c.Key, c.Name, c.Property = key, name, true
		}
		var rest string
		if c.Type, rest = parseType(t, typ); rest != "" {
			t.Fatalf("line %q: %q is left over", line, rest)
		}
		c.Required = flags == "required"
		c.State, _ = strings.CutPrefix(flags, "state=")
		if c.Required {
			c.State = ""
		}
		s.Columns = append(s.Columns, c)
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	return s
}

// parseType reads what Type.String writes, and json; it returns what follows.
func parseType(t *testing.T, s string) (lake.Type, string) {
	t.Helper()
	s = strings.TrimSpace(s)
	if rest, ok := strings.CutPrefix(s, "list<"); ok {
		elem, rest := parseType(t, rest)
		return lake.ListOf(elem), strings.TrimPrefix(rest, ">")
	}
	if rest, ok := strings.CutPrefix(s, "struct<"); ok {
		var fields []lake.Column
		for {
			name, after, _ := strings.Cut(strings.TrimSpace(rest), " ")
			typ, after := parseType(t, after)
			fields = append(fields, lake.Column{Key: name, Name: name, Type: typ})
			if rest, ok = strings.CutPrefix(after, ","); !ok {
				return lake.StructOf(fields...), strings.TrimPrefix(after, ">")
			}
		}
	}
	for k := lake.Bool; k <= lake.Timestamp; k++ {
		if rest, ok := strings.CutPrefix(s, k.String()); ok {
			return lake.Type{Kind: k}, rest
		}
	}
	t.Fatalf("no type: %q", s)
	return lake.Type{}, ""
}

func describe(e evolution, existed bool) string {
	var b strings.Builder
	byID := map[int]string{}
	for key, id := range e.columns.properties {
		byID[id] = key + ":"
	}
	for _, f := range e.schema.Fields() {
		fmt.Fprintf(&b, "%d %s%s %s", f.ID, byID[f.ID], f.Name, describeType(f.Type))
		if f.Required {
			b.WriteString(" !required")
		}
		if slices.Contains(e.schema.IdentifierFieldIDs, f.ID) {
			b.WriteString(" !identifier")
		}
		if e.columns.json[f.ID] {
			b.WriteString(" !json")
		}
		if e.columns.removed[f.ID] {
			b.WriteString(" !removed")
		}
		b.WriteString("\n")
	}
	for _, id := range slices.Sorted(maps.Keys(e.columns.former)) {
		fmt.Fprintf(&b, "former %d %s\n", id, e.columns.former[id])
	}
	for _, key := range slices.Sorted(maps.Keys(e.columns.state)) {
		fmt.Fprintf(&b, "state %s %s\n", key, e.columns.state[key])
	}
	for _, c := range e.changes {
		fmt.Fprintf(&b, "%s %s: %s -> %s\n", c.Kind, c.Column, c.From, c.To)
	}
	if existed && !e.changed {
		b.WriteString("same schema\n")
	}
	return b.String()
}

func describeType(t iceberg.Type) string {
	switch t := t.(type) {
	case *iceberg.ListType:
		return fmt.Sprintf("list<%d %s>", t.ElementID, describeType(t.Element))
	case *iceberg.StructType:
		parts := make([]string, len(t.FieldList))
		for i, f := range t.FieldList {
			parts[i] = fmt.Sprintf("%d %s %s", f.ID, f.Name, describeType(f.Type))
		}
		return "struct<" + strings.Join(parts, ", ") + ">"
	default:
		return t.String()
	}
}

// What other programs did to a table.
func TestEvolveForeignColumns(t *testing.T) {
	t.Parallel()
	old := iceberg.NewSchemaWithIdentifiers(3, []int{1},
		iceberg.NestedField{ID: 1, Name: "_id", Type: iceberg.PrimitiveTypes.String, Required: true},
		iceberg.NestedField{ID: 2, Name: "n", Type: iceberg.PrimitiveTypes.Int32},
		iceberg.NestedField{ID: 3, Name: "f", Type: iceberg.PrimitiveTypes.Float32},
		iceberg.NestedField{ID: 4, Name: "price", Type: iceberg.DecimalTypeOf(9, 2), Required: true},
		iceberg.NestedField{ID: 5, Name: "Status", Type: iceberg.PrimitiveTypes.Date},
	)
	e := evolve(old, columns{}, 9, parseWant(t, "_id string !required\nn long\nf double\nx:status string\n"), false)
	want := `1 _id string !required !identifier
2 n long
3 f double
4 price decimal(9, 2) !removed
10 x:status string
widen n: int -> long
widen f: float -> double
add status:  -> string
retire price: decimal(9, 2) -> 
retire Status: date -> 
`
	if d := cmp.Diff(want, describe(e, true)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if cols := lakeColumns(e.schema, e.columns); len(cols) != 4 || cols[3].Key != "x" {
		t.Errorf("a column without a type of ours must be left out: %v", cols)
	}
}

// TestEvolveRandomly edits a table at random: field IDs are never used again,
// columns that did not change keep theirs, names are unique, and the schema is
// what was wanted.
func TestEvolveRandomly(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		for _, retire := range []bool{false, true} {
			evolveRandomly(t, seed, retire)
		}
	}
}

func evolveRandomly(t *testing.T, seed uint64, retire bool) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	var old *iceberg.Schema
	var cols columns
	last := 0
	var before lake.Schema
	want := lake.Schema{Table: "t", Key: "k", Columns: []lake.Column{{Key: "_id", Name: "_id", Type: lake.Type{Kind: lake.String}, Required: true}}}
	for step := range 30 {
		want = edit(rng, want)
		e := evolve(old, reload(t, cols), last, want, retire)
		fail := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("seed %d, retire %v, step %d: %s\nwant %v\ngot %s", seed, retire, step, fmt.Sprintf(format, args...), want.Columns, e.schema)
		}
		was, is := map[int]bool{}, fieldIDs(e.schema)
		oldIDs := map[string]int{}
		if old != nil {
			oldIDs = fieldIDs(old)
		}
		for _, id := range oldIDs {
			was[id] = true
		}
		for path, id := range is {
			if !was[id] && id <= last {
				fail("field ID %d of %s was used before", id, path)
			}
			if id > e.lastID {
				fail("field ID %d of %s is above the last one, %d", id, path, e.lastID)
			}
		}
		names := map[string]bool{}
		for _, f := range e.schema.Fields() {
			if names[strings.ToLower(f.Name)] {
				fail("name %s is used twice", f.Name)
			}
			names[strings.ToLower(f.Name)] = true
		}
		byKey := map[string]lake.Column{}
		for _, c := range lakeColumns(e.schema, e.columns) {
			byKey[c.Key] = c
		}
		for _, c := range want.Columns {
			if got, ok := byKey[c.Key]; !ok || got.Name != c.Name || !sameFields(got.Type, c.Type) || got.Property != c.Property {
				fail("column %s (%s) is %v", c.Key, c.Name, got)
			}
			i := slices.IndexFunc(before.Columns, func(b lake.Column) bool { return b.Key == c.Key })
			if i < 0 {
				continue
			}
			b := before.Columns[i]
			if kept := oldIDs[b.Name] == is[c.Name]; kept != (b.Type.String() == c.Type.String() || wider(b.Type, c.Type)) {
				fail("column %s: field ID %d became %d for %s and %s", c.Key, oldIDs[b.Name], is[c.Name], b.Type, c.Type)
			}
		}
		// Once more without an edit: nothing changes.
		if again := evolve(e.schema, reload(t, e.columns), e.lastID, want, retire); again.changed || len(again.changes) > 0 || again.lastID != e.lastID {
			fail("the same columns once more: %v", again.changes)
		}
		old, cols, last, before = e.schema, e.columns, e.lastID, want
	}
}

// sameFields compares types; struct fields may stand in another order.
func sameFields(a, b lake.Type) bool {
	if a.Kind != b.Kind || len(a.Fields) != len(b.Fields) {
		return false
	}
	if a.Kind == lake.List {
		return sameFields(*a.Elem, *b.Elem)
	}
	for _, f := range a.Fields {
		i := fieldIndex(b, f.Name)
		if i < 0 || !sameFields(f.Type, b.Fields[i].Type) {
			return false
		}
	}
	return true
}

// wider tells the one widening that edit makes.
func wider(from, to lake.Type) bool {
	return from.Kind == lake.Struct && to.Kind == lake.Struct && len(to.Fields) > len(from.Fields)
}

var randomTypes = []lake.Type{
	{Kind: lake.String},
	{Kind: lake.Float64},
	lake.ListOf(lake.Type{Kind: lake.String}),
	lake.StructOf(lake.Field("a", lake.String), lake.Field("b", lake.Timestamp)),
	lake.StructOf(lake.Field("a", lake.String), lake.Field("b", lake.Timestamp), lake.Field("c", lake.Bool)),
	lake.ListOf(lake.StructOf(lake.Field("id", lake.String))),
}

// edit changes a few things of a schema.
func edit(rng *rand.Rand, s lake.Schema) lake.Schema {
	s.Columns = slices.Clone(s.Columns)
	used := map[string]bool{}
	for _, c := range s.Columns {
		used[c.Key], used[c.Name] = true, true
	}
	free := func(prefix string, n int) string {
		for {
			if name := fmt.Sprintf("%s%d", prefix, rng.IntN(n)); !used[name] {
				used[name] = true
				return name
			}
		}
	}
	for range 1 + rng.IntN(3) {
		i := 0
		if len(s.Columns) > 1 {
			i = 1 + rng.IntN(len(s.Columns)-1)
		}
		switch op := rng.IntN(6); {
		case op <= 1 && len(s.Columns) < 9:
			s.Columns = append(s.Columns, lake.Column{
				Key: free("k", 15), Name: free("n", 15), Type: randomTypes[rng.IntN(len(randomTypes))], Property: true,
			})
		case i == 0:
		case op == 2:
			s.Columns[i].Name = free("n", 30)
		case op == 3: // swap names
			j := 1 + rng.IntN(len(s.Columns)-1)
			s.Columns[i].Name, s.Columns[j].Name = s.Columns[j].Name, s.Columns[i].Name
		case op == 4:
			s.Columns[i].Type = randomTypes[rng.IntN(len(randomTypes))]
		case op == 5:
			s.Columns = slices.Delete(s.Columns, i, i+1)
		}
	}
	return s
}
