package laketest

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/lake"
)

// A PastCatalog is a Catalog that also reads the past.
type PastCatalog interface {
	lake.Catalog
	// At returns the table with that key as a load left it; false if that cannot be read.
	At(key string, load lake.LoadID) (lake.TableState, bool)
}

// TestCatalog checks that a Catalog keeps the promises of lake.Catalog. open
// returns an empty catalog that keeps removed columns, and its storage.
func TestCatalog(t *testing.T, open func(t *testing.T) (PastCatalog, *lake.Storage)) {
	type named = struct {
		name string
		f    func(*testing.T, *bench)
	}
	tests := []named{
		{"empty", testEmpty},
		{"every load is one snapshot of every table", testSnapshots},
		{"columns are known by their keys", testEvolution},
		{"removed columns are kept and come back", testRemoved},
		{"append keeps what is there", testAppend},
		{"a stale base is a conflict", testConflict},
		{"a renamed table stays the same table", testRename},
		{"nested types keep their field IDs", testNested},
	}
	for _, test := range slices.Concat(tests, decisions, parts, upkeep, reuse) {
		t.Run(test.name, func(t *testing.T) {
			c, s := open(t)
			test.f(t, &bench{t: t, catalog: c, storage: s, at: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)})
		})
	}
}

// A bench runs loads, one a day.
type bench struct {
	t       *testing.T
	catalog PastCatalog
	storage *lake.Storage
	at      time.Time
}

func (b *bench) load(tables ...lake.Table) lake.Report {
	b.t.Helper()
	l := lake.Loader{
		Source: &Source{List: tables}, Storage: b.storage, Catalog: b.catalog,
		Logger: slog.New(slog.DiscardHandler), TempDir: b.t.TempDir(),
		Now: func() time.Time { return b.at },
	}
	b.at = b.at.Add(24 * time.Hour)
	report, err := l.Run(b.t.Context())
	if err != nil {
		b.t.Fatalf("load: %v", err)
	}
	return report
}

func (b *bench) tables() map[string]lake.TableState {
	b.t.Helper()
	list, err := b.catalog.Tables(b.t.Context())
	if err != nil {
		b.t.Fatalf("tables: %v", err)
	}
	m := map[string]lake.TableState{}
	for _, t := range list {
		m[t.Schema.Key] = t
	}
	return m
}

// rows are the rows of a table, as one text each.
func (b *bench) rows(t lake.TableState) []string {
	b.t.Helper()
	files, err := t.Files(b.t.Context())
	if err != nil {
		b.t.Fatalf("files: %v", err)
	}
	var rows []string
	for row, err := range lake.ReadFiles(b.t.Context(), b.storage, t.Schema, t.Layout, files) {
		if err != nil {
			b.t.Fatalf("rows: %v", err)
		}
		text := ""
		for i, v := range row.Values {
			text += fmt.Sprintf("%s=%s ", t.Schema.Columns[i].Name, v)
		}
		rows = append(rows, text)
	}
	slices.Sort(rows)
	return rows
}

// columns maps the column names of a table to their field IDs.
func columns(t lake.TableState) map[string]int {
	m := map[string]int{}
	for _, c := range t.Schema.Columns {
		m[c.Name] = t.Layout.FieldIDs[c.Name]
	}
	return m
}

func schema(key string, columns ...lake.Column) lake.Schema {
	id := lake.Field("_id", lake.String)
	id.Required = true
	return lake.Schema{Table: "t_" + key, Key: key, Columns: append([]lake.Column{id}, columns...)}
}

func property(key, name string, t lake.Type) lake.Column {
	return lake.Column{Key: key, Name: name, Type: t, Property: true, Doc: name + " of Notion"}
}

var text, number = lake.Type{Kind: lake.String}, lake.Type{Kind: lake.Float64}

func testEmpty(t *testing.T, b *bench) {
	last, err := b.catalog.LastLoad(t.Context())
	if err != nil || last != "" {
		t.Errorf("last load of an empty catalog: %q, %v", last, err)
	}
	if n := len(b.tables()); n != 0 {
		t.Errorf("an empty catalog has %d tables", n)
	}
}

func testSnapshots(t *testing.T, b *bench) {
	s := schema("a", property("x", "x", text))
	row := []lake.Value{lake.TextValue("1"), lake.TextValue("one")}
	var before map[string]lake.TableState
	for n, rows := range [][][]lake.Value{{row}, {row}, nil, nil, {row, {lake.TextValue("2"), {}}}} {
		r := b.load(Table(s, rows...), Table(schema("empty", property("x", "x", text))))
		now := b.tables()
		if len(now) != 3 {
			t.Fatalf("load %d: %d tables, want a, empty and the ledger", n, len(now))
		}
		for key, table := range now {
			if table.Snapshot.LoadID != r.LoadID || !slices.Contains(table.Snapshot.Tags, r.Tag) {
				t.Errorf("load %d: table %s stands at load %s with tags %v, want %s", n, key, table.Snapshot.LoadID, table.Snapshot.Tags, r.LoadID)
			}
			if was, ok := before[key]; ok && (table.Snapshot.ParentID != was.Snapshot.ID || !table.Snapshot.Time.After(was.Snapshot.Time)) {
				t.Errorf("load %d: table %s: snapshot %d of %s follows %d, want %d of %s", n, key,
					table.Snapshot.ID, table.Snapshot.Time, table.Snapshot.ParentID, was.Snapshot.ID, was.Snapshot.Time)
			}
			if table.Snapshot.Time != now["a"].Snapshot.Time {
				t.Errorf("load %d: tables of one load have different times", n)
			}
		}
		if got := len(b.rows(now["a"])); got != len(rows) || now["a"].Snapshot.Rows != int64(len(rows)) {
			t.Errorf("load %d: %d rows, %d in the snapshot, want %d", n, got, now["a"].Snapshot.Rows, len(rows))
		}
		if got := len(b.rows(now[lake.LedgerTable])); got != n+1 {
			t.Errorf("load %d: %d rows in the ledger", n, got)
		}
		if last, err := b.catalog.LastLoad(t.Context()); err != nil || last != r.LoadID {
			t.Errorf("load %d: the last load is %s, %v, want %s", n, last, err, r.LoadID)
		}
		before = now
	}
	// A table that is not read keeps its snapshot and gets the tag.
	r := b.load(Table(schema("empty", property("x", "x", text))))
	a := b.tables()["a"]
	if a.Snapshot.ID != before["a"].Snapshot.ID || !slices.Contains(a.Snapshot.Tags, r.Tag) {
		t.Errorf("a table that was not read: snapshot %d with tags %v, want %d with %s", a.Snapshot.ID, a.Snapshot.Tags, before["a"].Snapshot.ID, r.Tag)
	}
}

func testEvolution(t *testing.T, b *bench) {
	one := []lake.Value{lake.TextValue("1"), lake.TextValue("x"), lake.TextValue("y")}
	b.load(Table(schema("a", property("x", "x", text), property("y", "y", text)), one))
	first := columns(b.tables()["a"])

	// Names swapped: columns renamed crosswise.
	r := b.load(Table(schema("a", property("x", "y", text), property("y", "x", text)), one))
	swapped := columns(b.tables()["a"])
	if want := map[string]int{"_id": first["_id"], "y": first["x"], "x": first["y"]}; !cmp.Equal(swapped, want) {
		t.Errorf("after a swap of names: %v, want %v", swapped, want)
	}
	if changes := r.Tables[len(r.Tables)-1].SchemaChanges; len(changes) != 2 || changes[0].Kind != "rename" {
		t.Errorf("schema changes of a swap: %v", changes)
	}

	// A column with another type is a new column with the same name.
	b.load(Table(schema("a", property("x", "y", number), property("y", "x", text)),
		[]lake.Value{lake.TextValue("1"), lake.FloatValue(2), lake.TextValue("y")}))
	retyped := columns(b.tables()["a"])
	used := []int{first["_id"], first["x"], first["y"]}
	if slices.Contains(used, retyped["y"]) || retyped["x"] != swapped["x"] {
		t.Errorf("after a retype: %v, before: %v", retyped, swapped)
	}
	if got, want := b.rows(b.tables()["a"]), []string{"_id=1 y=2 x=y "}; !cmp.Equal(got, want) {
		t.Errorf("rows: %s", cmp.Diff(want, got))
	}

	// Back again: a third field ID, never one that was used.
	b.load(Table(schema("a", property("x", "y", text), property("y", "x", text)), one))
	back := columns(b.tables()["a"])
	if slices.Contains(append(used, retyped["y"]), back["y"]) {
		t.Errorf("a field ID was used again: %v", back)
	}
}

func testRemoved(t *testing.T, b *bench) {
	one := []lake.Value{lake.TextValue("1"), lake.TextValue("x"), lake.TextValue("y")}
	both := schema("a", property("x", "x", text), property("y", "y", text))
	b.load(Table(both, one))
	first := columns(b.tables()["a"])
	b.load(Table(schema("a", property("y", "y", text)), []lake.Value{one[0], one[2]}))
	if got := columns(b.tables()["a"]); !cmp.Equal(got, first) {
		t.Errorf("a removed column is kept: %s", cmp.Diff(first, got))
	}
	b.load(Table(both, one))
	if got := columns(b.tables()["a"]); !cmp.Equal(got, first) {
		t.Errorf("a property that comes back has its column: %s", cmp.Diff(first, got))
	}
	b.load(Table(schema("a", property("y", "y", text)), []lake.Value{one[0], one[2]}))
	// A live property takes the name of the kept one.
	b.load(Table(schema("a", property("y", "y", text), property("z", "x", text)), one))
	got := columns(b.tables()["a"])
	if len(got) != 3 || got["x"] == first["x"] || got["x"] == 0 {
		t.Errorf("a live property took a kept name: %v, before: %v", got, first)
	}
}

func testAppend(t *testing.T, b *bench) {
	s := schema("a")
	for n := range 3 {
		table := Table(s, []lake.Value{lake.TextValue(fmt.Sprint(n))})
		table.Disposition = lake.Append
		b.load(table)
	}
	if got, want := b.rows(b.tables()["a"]), []string{"_id=0 ", "_id=1 ", "_id=2 "}; !cmp.Equal(got, want) {
		t.Errorf("rows: %s", cmp.Diff(want, got))
	}
}

func testConflict(t *testing.T, b *bench) {
	ctx := t.Context()
	s := schema("a", property("x", "x", text))
	b.load(Table(s))
	stale, err := b.catalog.Stage(ctx, s, lake.Replace)
	if err != nil {
		t.Fatal(err)
	}
	other, err := b.catalog.Stage(ctx, schema("b"), lake.Replace)
	if err != nil {
		t.Fatal(err)
	}
	b.load(Table(s))
	before := b.tables()
	_, err = b.catalog.Publish(ctx, lake.Publication{
		Load:    lake.Load{ID: "20300101T000000Z", Started: b.at, Status: lake.StatusComplete},
		Changes: []lake.Change{{Staged: other}, {Staged: stale}},
	})
	if !errors.Is(err, lake.ErrConflict) {
		t.Errorf("publishing on a stale base: %v, want ErrConflict", err)
	}
	after := b.tables()
	if len(after) != len(before) {
		t.Errorf("a conflict left %d tables, want %d", len(after), len(before))
	}
	for key, table := range before {
		if after[key].Snapshot.ID != table.Snapshot.ID || !cmp.Equal(after[key].Snapshot.Tags, table.Snapshot.Tags) {
			t.Errorf("a conflict moved table %s", key)
		}
	}
}

func testRename(t *testing.T, b *bench) {
	s := schema("a", property("x", "x", text))
	b.load(Table(s))
	before := b.tables()["a"]
	s.Table = "other"
	b.load(Table(s))
	after := b.tables()["a"]
	if after.Schema.Table != "other" || after.Snapshot.ParentID != before.Snapshot.ID || !cmp.Equal(columns(after), columns(before)) {
		t.Errorf("a renamed table: %s, parent %d, want %d", after.Schema.Table, after.Snapshot.ParentID, before.Snapshot.ID)
	}
}

func testNested(t *testing.T, b *bench) {
	list := lake.ListOf(lake.StructOf(lake.Field("id", lake.String), lake.Field("at", lake.Timestamp)))
	s := schema("a", property("p", "people", list), property("x", "x", text))
	values := []lake.Value{
		lake.TextValue("1"),
		lake.ListValue([]lake.Value{{}, lake.StructValue(lake.TextValue("u"), lake.MicrosValue(1))}),
		lake.TextValue("x"),
	}
	b.load(Table(s, values))
	before := b.tables()["a"]
	s.Columns[1].Name = "owners"
	b.load(Table(s, values))
	after := b.tables()["a"]
	for was, is := range map[string]string{
		"people": "owners", "people.element": "owners.element",
		"people.element.id": "owners.element.id", "people.element.at": "owners.element.at",
	} {
		if id := before.Layout.FieldIDs[was]; id == 0 || id != after.Layout.FieldIDs[is] {
			t.Errorf("field %s had ID %d, %s has %d", was, id, is, after.Layout.FieldIDs[is])
		}
	}
	want := []string{`_id=1 owners=[null, {"u", 1970-01-01T00:00:00.000001Z}] x=x `}
	if got := b.rows(after); !cmp.Equal(got, want) {
		t.Errorf("rows: %s", cmp.Diff(want, got))
	}
}

var _ lake.Catalog = (*Catalog)(nil)
