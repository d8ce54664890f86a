package extract

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/extract/notiontest/truth"
	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// rollupFunctions are all functions of Notion's, and one that is not known.
var rollupFunctions = strings.Fields(`count count_values empty not_empty unique show_unique percent_empty percent_not_empty
	sum average median min max range earliest_date latest_date date_range checked unchecked percent_checked percent_unchecked
	count_per_group percent_per_group show_original weighted`)

// relatedProperties are one of every type, with values for every row; nil: none.
func relatedProperties() (properties []*notiontest.Property, values [][]notiontest.Value) {
	options := []notiontest.Option{{ID: "a", Name: "To do"}, {ID: "b", Name: "Doing", Group: 1}, {ID: "c", Name: "Done", Group: 2}}
	add := func(p notiontest.Property, of ...notiontest.Value) {
		if p.Name == "" {
			p.Name = p.ID
		}
		properties, values = append(properties, &p), append(values, of)
	}
	result := func(typ string, v notiontest.Value) notiontest.Value { return notiontest.Result{Type: typ, Value: v} }
	dates := []notiontest.Value{
		notiontest.Date{Start: "2026-03-01"},
		nil,
		notiontest.Date{Start: "2026-01-05T23:30:00.000-02:00", End: "2026-07-06T08:00:00.000-02:00"},
		notiontest.Date{Start: "2026-01-06T02:00:00.000+01:00"},
		notiontest.Date{Start: "2025-12-31", End: "2026-01-02"},
	}
	texts := []notiontest.Value{notiontest.Plain("one"), nil, notiontest.Plain("two"), notiontest.Text{{Text: "tw"}, {Text: "o", Bold: true}}}
	add(notiontest.Property{ID: "title", Name: "Name", Type: "title"}, texts...)
	add(notiontest.Property{ID: "rich_text", Type: "rich_text"}, texts...)
	add(notiontest.Property{ID: "num%b", Name: "number", Type: "number"}, notiontest.Number("8"), notiontest.Number("0.1"), nil, notiontest.Number("0.2"), notiontest.Number("-31.30"), notiontest.Number("100000"), notiontest.Number("0.1"))
	add(notiontest.Property{ID: "never", Type: "number"})
	add(notiontest.Property{ID: "select", Type: "select", Options: options}, notiontest.Choice("a"), nil, notiontest.Choice("b"))
	add(notiontest.Property{ID: "status", Type: "status", Options: options}, notiontest.Choice("c"), notiontest.Choice("a"), nil, notiontest.Choice("b"))
	add(notiontest.Property{ID: "multi_select", Type: "multi_select", Options: options}, notiontest.Choices{"a", "b"}, nil, notiontest.Choices{"b"})
	add(notiontest.Property{ID: "date", Type: "date"}, dates...)
	add(notiontest.Property{ID: "people", Type: "people"}, notiontest.People{id("ada"), id("guest")}, nil, notiontest.People{id("removed")})
	add(notiontest.Property{ID: "files", Type: "files"}, notiontest.Files{{Name: "a", URL: "https://example.com/a?b=c"}, {Name: "h", URL: "https://files.example.com/h", Hosted: true}}, nil)
	add(notiontest.Property{ID: "checkbox", Type: "checkbox"}, notiontest.Check(true), nil, notiontest.Check(false))
	add(notiontest.Property{ID: "url", Type: "url"}, notiontest.Str("https://example.com"), nil)
	add(notiontest.Property{ID: "email", Type: "email"}, nil, notiontest.Str("a@example.com"), notiontest.Str("b@example.com"))
	add(notiontest.Property{ID: "phone_number", Type: "phone_number"}, notiontest.Str("1"), nil)
	add(notiontest.Property{ID: "formula number", Type: "formula"}, result("number", notiontest.Number("2.50")), result("number", nil), result("number", notiontest.Number("1")))
	add(notiontest.Property{ID: "formula string", Type: "formula"}, result("string", notiontest.Str("x")), result("string", notiontest.Str("")), result("string", nil))
	add(notiontest.Property{ID: "formula boolean", Type: "formula"}, result("boolean", notiontest.Check(true)), result("boolean", notiontest.Check(false)))
	add(notiontest.Property{ID: "formula date", Type: "formula"}, result("date", dates[0]), result("date", nil), result("date", dates[2]))
	add(notiontest.Property{ID: "formula mixed", Type: "formula"}, result("number", notiontest.Number("1")), result("string", notiontest.Str("x")), result("date", dates[4]))
	add(notiontest.Property{ID: "formula unsupported", Type: "formula"}, result("number", notiontest.Number("1")), result("unsupported", nil))
	add(notiontest.Property{ID: "unique_id", Type: "unique_id", Prefix: "AB"}, notiontest.Unique(1), notiontest.Unique(2), notiontest.Unique(-1))
	for _, typ := range []string{"created_time", "last_edited_time", "created_by", "last_edited_by"} {
		add(notiontest.Property{ID: typ, Type: typ})
	}
	add(notiontest.Property{ID: "verification", Type: "verification"}, nil,
		notiontest.Verified{State: "verified", By: id("ada"), Date: &notiontest.Date{Start: "2026-09-01T09:00:00.000Z", End: "2026-10-01T09:00:00.000Z"}},
		notiontest.Verified{State: "expired", By: id("guest")})
	add(notiontest.Property{ID: "place", Type: "place"}, notiontest.Place{Lat: "1.5", Lon: "2"}, nil)
	add(notiontest.Property{ID: "quantum", Type: "quantum_state"}, notiontest.Raw(`{"up":1}`), nil)
	add(notiontest.Property{ID: "self", Type: "relation", Relation: &notiontest.Relation{Source: id("related")}})
	add(notiontest.Property{ID: "self sum", Type: "rollup", Rollup: &notiontest.Rollup{Relation: "self", Property: "num%b", Function: "sum"}})
	add(notiontest.Property{ID: "self dates", Type: "rollup", Rollup: &notiontest.Rollup{Relation: "self", Property: "date", Function: "latest_date"}})
	add(notiontest.Property{ID: "self names", Type: "rollup", Rollup: &notiontest.Rollup{Relation: "self", Property: "title", Function: "show_original"}})
	add(notiontest.Property{ID: "self median", Type: "rollup", Rollup: &notiontest.Rollup{Relation: "self", Property: "num%b", Function: "median"}})
	return properties, values
}

// relationSizes are how many references the rows of the data source of rollups have.
var relationSizes = []int{0, 1, 25, 26, 60, 101}

const relatedRows = 110

// newRollups makes a workspace with a data source whose rows others relate to, by
// relations of relationSizes, with rollups by every function over every property.
// One of the related rows is in the trash, one archived, one not shared. over are
// the properties that they run over; none: all.
func newRollups(t *testing.T, o notiontest.Options, over ...string) *world {
	t.Helper()
	w := notiontest.NewWorkspace(7)
	w.Update(func(tx *notiontest.Tx) {
		tx.AddUser(notiontest.User{ID: id("ada"), Name: "Ada", Type: "person", Partial: true})
		tx.AddUser(notiontest.User{ID: id("guest"), Name: "Guest", Type: "person", Guest: true})
		tx.AddUser(notiontest.User{ID: id("removed"), Type: "person", Removed: true})
		tx.AddDatabase(notiontest.Database{ID: id("db"), Title: notiontest.Plain("DB")})
		properties, values := relatedProperties()
		tx.AddSource(notiontest.DataSource{ID: id("related"), Database: id("db"), Title: notiontest.Plain("Related"), Properties: properties})
		var refs notiontest.Refs
		for i := range relatedRows {
			page := notiontest.Page{Values: map[string]notiontest.Value{}, CreatedBy: id([]string{"ada", "guest"}[i%2])}
			for n, p := range properties {
				if of := values[n]; len(of) > 0 {
					page.Values[p.ID] = of[i%len(of)]
				}
			}
			refs = append(refs, tx.AddRow(id("related"), page))
		}
		for i, row := range refs {
			tx.Set(row, "self", refs[i:min(len(refs), i+[]int{0, 1, 4, 25, 30}[i%5])])
		}
		tx.Trash(refs[3])
		tx.Archive(refs[30])
		tx.Page(refs[40]).Unshared = true
		rollups := []*notiontest.Property{
			{ID: "title", Name: "Name", Type: "title"},
			{ID: "re{l", Name: "Rel", Type: "relation", Relation: &notiontest.Relation{Source: id("related")}},
		}
		for _, p := range properties {
			if over != nil && !slices.Contains(over, p.ID) {
				continue
			}
			for _, f := range rollupFunctions {
				rollups = append(rollups, &notiontest.Property{
					ID: f + "/" + p.ID, Name: f + " of " + p.Name, Type: "rollup",
					Rollup: &notiontest.Rollup{Relation: "re{l", Property: p.ID, Function: f},
				})
			}
		}
		tx.AddSource(notiontest.DataSource{ID: id("rollups"), Database: id("db"), Title: notiontest.Plain("Rollups"), Properties: rollups})
		for _, n := range relationSizes {
			tx.AddRow(id("rollups"), notiontest.Page{ID: id(fmt.Sprint(n)), Values: map[string]notiontest.Value{"re{l": refs[:n]}})
		}
	})
	v := &world{t: t, w: w, server: notiontest.NewServer(w, o), lake: newMemoryLake()}
	v.options = allOptions(newClient(t, v.server))
	return v
}

// judge compares the tables of data sources with the truth, and returns how many
// cells it compared.
func (v *world) judge(tables map[string]*memoryTable, o truth.Options) (cells int) {
	v.t.Helper()
	want, _, err := truth.Tables(v.w.Model(), nil, o)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, table := range want {
		if !strings.HasPrefix(table.Key, "_") {
			cells += compareTable(v.t, "load", table, tables[table.Key])
		}
	}
	return cells
}

// Every function over every property type, over relations that pages show whole
// and others: as Notion gives it, and where Notion computes nothing.
func TestRollupsBeyondLimit(t *testing.T) {
	few := []string{"title", "num%b", "date", "people", "self sum", "self names"}
	for name, test := range map[string]struct {
		over    []string
		server  notiontest.Options
		content bool
		noOld   bool // no archived rows
		heavy   bool // Notion finds that there are too many pages, so all is computed here
	}{
		"rows":             {over: few},
		"pages":            {over: few, content: true},
		"no archived rows": {over: few, server: notiontest.Options{Shuffle: true, ShortPages: true, Seed: 3}, noOld: true},
		"computed here":    {heavy: true},
	} {
		if raced && !test.content {
			continue // what is computed is the same without the detector
		}
		t.Run(name, func(t *testing.T) {
			v := newRollups(t, test.server, test.over...)
			if test.content {
				v.options = contentOptions(newClient(t, v.server))
			}
			v.options.Archived = !test.noOld
			v.w.Update(func(tx *notiontest.Tx) {
				for _, n := range relationSizes {
					for _, p := range tx.Model().Source(id("rollups")).Properties {
						if p.Type == "rollup" && test.heavy {
							tx.Set(id(fmt.Sprint(n)), p.ID, notiontest.Result{Type: "unsupported"})
						}
					}
				}
			})
			tables := v.load()
			if cells := v.judge(tables, truth.Options{NoArchived: test.noOld}); cells < 3000 {
				t.Errorf("only %d cells", cells)
			}
			rollups := tables[id("rollups")]
			for column, want := range map[string]string{"count_of_name": "100", "count_per_group_of_number": "null", "weighted_of_number": "null"} {
				equal(t, rollups.cell(id("101"), column).String(), want)
			}
			for _, column := range []string{"sum_of_number", "show_original_of_number", "median_of_number", "date_range_of_date", "unique_of_name"} {
				if rollups.cell(id("101"), column).IsNull() {
					t.Errorf("%s is null", column)
				}
			}
			if test.heavy {
				equal(t, rollups.cell(id("101"), "unique_of_formula_unsupported").String(), "null")
				equal(t, rollups.cell(id("25"), "sum_of_number").String(), "null") // as Notion says
			}
		})
	}
}

// What cannot be computed is null and counted: never a value over a part.
func TestRollupsNotComputed(t *testing.T) {
	counted := []lake.Omission{{PropertyID: "all", Column: "all", Reason: string(ReasonLongRollup), Count: 1}}
	for name, change := range map[string]func(v *world){
		"excluded":         func(v *world) { v.options.Exclude = []string{id("east")} },
		"another part":     func(v *world) { v.options.Only = []string{id("tasks")} },
		"no such property": func(v *world) { v.w.Update(func(tx *notiontest.Tx) { tx.RemoveProperty(id("east"), "amount") }) },
		"not read whole":   func(v *world) { v.server.Inject(onPath(id("east")+"/query"), notiontest.FaultRestricted, 1000) },
		"which group": func(v *world) {
			v.w.Update(func(tx *notiontest.Tx) { tx.Property(id("tasks"), "all").Rollup.Function = "percent_per_group" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newWorld(t, notiontest.Options{})
			v.load()
			change(v)
			tasks := v.load()[id("tasks")]
			equal(t, tasks.cell(id("long"), "all").String(), "null")
			equal(t, tasks.omitted, counted)
			if name != "no such property" {
				equal(t, tasks.cell(id("long"), "total").String(), "120")
			}
		})
	}
}

// A formula that stands on a relation beyond the limit, by itself, through a rollup
// or another formula, is as Notion computed it, and counted.
func TestFormulasBeyondLimit(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	v.w.Update(func(tx *notiontest.Tx) {
		for formula, expression := range map[string]string{
			"itself":    `prop("Accounts").length()`,
			"rollup":    `{{notion:block_property:sum:` + id("tasks") + `:space}} + 1`,
			"formula":   `prop("rollup") * 2`,
			"circle":    `prop("circle") + prop("formula")`,
			"not":       `prop("Size") + length("Accounts") + prop("other")`,
			"other":     `1`,
			"not \"s\"": `prop("not")`,
		} {
			tx.AddProperty(id("tasks"), notiontest.Property{ID: formula, Name: formula, Type: "formula", Expression: expression}, -1)
			for _, row := range []string{"long", "short", "old"} {
				tx.Set(id(row), formula, notiontest.Result{Type: "number", Value: notiontest.Number("25")})
			}
		}
	})
	tasks := v.load()[id("tasks")]
	var want []lake.Omission
	for _, p := range v.w.Model().Source(id("tasks")).Properties {
		if slices.Contains([]string{"itself", "rollup", "formula", "circle"}, p.ID) {
			want = append(want, lake.Omission{PropertyID: p.ID, Column: p.ID, Reason: string(ReasonLongFormula), Count: 1})
			equal(t, tasks.cell(id("long"), p.ID).String(), "25")
		}
	}
	equal(t, tasks.omitted, want)
}

// A row that comes again while it waits, or waits when it comes again, is there
// once, as it was last.
func TestRollupsMeanwhile(t *testing.T) {
	for name, test := range map[string]struct {
		row  string
		refs int
	}{"long as before": {"long", 60}, "no longer long": {"long", 2}, "short, and long now": {"short", 60}} {
		for _, content := range []bool{false, true} {
			t.Run(fmt.Sprint(name, content), func(t *testing.T) {
				var v *world
				queries := 0
				v = newWorld(t, notiontest.Options{OnRequest: func(r *http.Request) {
					if !onPath(id("tasks") + "/query")(r) {
						return
					}
					if queries++; queries == 2 { // for archived rows
						v.w.Update(func(tx *notiontest.Tx) {
							rows := tx.Model().Source(id("east")).Rows
							tx.Archive(id(test.row))
							tx.Set(id(test.row), "ref", notiontest.Refs(rows[:test.refs]))
							tx.Set(id(test.row), "size", notiontest.Number("77"))
						})
					}
				}})
				if content {
					v.options = contentOptions(newClient(t, v.server))
				}
				tasks := v.load()[id("tasks")]
				equal(t, len(tasks.rows), 3)
				equal(t, tasks.cell(id(test.row), "_archived"), lake.BoolValue(true))
				equal(t, tasks.cell(id(test.row), "size").String(), "77")
				equal(t, len(tasks.cell(id(test.row), "all").Items()), test.refs)
				equal(t, tasks.omitted, []lake.Omission(nil))
			})
		}
	}
}

// A related row that comes twice counts as it was last, in the trash as Notion has
// it, and not at all once it is not there.
func TestRollupsOverRowsThatChange(t *testing.T) {
	for _, content := range []bool{false, true} {
		var v *world
		queries := 0
		var rows []string
		v = newWorld(t, notiontest.Options{OnRequest: func(r *http.Request) {
			if !onPath(id("east") + "/query")(r) {
				return
			}
			if queries++; queries == 2 {
				v.w.Update(func(tx *notiontest.Tx) {
					tx.Archive(rows[0])
					tx.Set(rows[0], "amount", notiontest.Number("5"))
				})
			}
		}})
		if content {
			v.options = contentOptions(newClient(t, v.server))
		}
		rows = v.w.Model().Source(id("east")).Rows
		v.w.Update(func(tx *notiontest.Tx) {
			tx.Trash(rows[1])
			tx.Set(rows[1], "amount", notiontest.Number("7"))
		})
		v.server.Inject(onPath("/v1/pages/"+rows[2]), notiontest.FaultNotFound, 1000)
		v.w.Update(func(tx *notiontest.Tx) { tx.Trash(rows[2]) })
		tasks := v.load()[id("tasks")]
		equal(t, len(tasks.cell(id("long"), "accounts").Items()), 60)
		equal(t, tasks.cell(id("long"), "all").String(), "[5, 7, "+strings.Repeat("2, ", 56)+"2]")
	}
}

// No row waits for ever for others: tables that relate to each other and to
// themselves are read one at a time.
func TestRollupsInCircles(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	v.w.Update(func(tx *notiontest.Tx) {
		rows := tx.Model().Source(id("east")).Rows
		for _, name := range []string{"back", "self"} {
			to := map[string]string{"back": "tasks", "self": "east"}[name]
			tx.AddProperty(id("east"), notiontest.Property{ID: name, Name: name, Type: "relation", Relation: &notiontest.Relation{Source: id(to)}}, -1)
		}
		roll := func(in, p, relation, property, function string) {
			tx.AddProperty(id(in), notiontest.Property{ID: p, Name: p, Type: "rollup", Rollup: &notiontest.Rollup{Relation: relation, Property: property, Function: function}}, -1)
		}
		roll("east", "tasks all", "back", "all", "show_original")
		roll("east", "self all", "self", "amount", "show_original")
		roll("east", "deep", "self", "deep", "show_original") // over itself
		roll("tasks", "of rollup", "ref", "self all", "count_values")
		tx.Set(rows[0], "self", notiontest.Refs(rows))
		var many notiontest.Refs
		for range 30 {
			many = append(many, tx.AddRow(id("tasks"), notiontest.Page{}))
		}
		tx.Set(rows[0], "back", append(many, id("long")))
	})
	storage, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	catalog := laketest.NewCatalog()
	loader := &lake.Loader{
		Source: NewSource(v.options), Storage: storage, Catalog: catalog, Parallel: 1,
		Logger: slog.New(slog.DiscardHandler), TempDir: t.TempDir(),
	}
	report, err := loader.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	table, _ := catalog.At(id("east"), report.LoadID)
	files, _ := table.Files(t.Context())
	first := v.w.Model().Source(id("east")).Rows[0]
	n := 0
	for row, err := range lake.ReadFiles(t.Context(), storage, table.Schema, table.Layout, files) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if row.Values[0].Text() != first {
			continue
		}
		for i, c := range table.Schema.Columns {
			switch c.Name {
			case "tasks_all":
				if items := row.Values[i].Items(); len(items) != 31 || strings.Count(items[30].Text(), `"number":2`) != 60 {
					t.Errorf("tasks_all: %s", row.Values[i])
				}
			case "self_all":
				equal(t, row.Values[i].String(), "["+strings.Repeat("2, ", 59)+"2]")
			case "deep":
				equal(t, row.Values[i].String(), "null")
			}
		}
	}
	equal(t, n, 60)
}

// What is held of related rows does not grow with what is in them: they lie on disk.
func TestRollupsInBoundedMemory(t *testing.T) {
	if raced {
		t.Skip("memory is another with the detector")
	}
	const rows, size = 3000, 10_000
	v := newWorld(t, notiontest.Options{})
	v.w.Update(func(tx *notiontest.Tx) {
		tx.AddProperty(id("east"), notiontest.Property{ID: "text", Name: "Text", Type: "rich_text"}, -1)
		tx.Property(id("tasks"), "all").Rollup = &notiontest.Rollup{Relation: "ref", Property: "text", Function: "show_original"}
		for i := range rows {
			var text strings.Builder
			for n := i; text.Len() < size; n = n*1103515245 + 12345 {
				fmt.Fprint(&text, n)
			}
			row := tx.AddRow(id("east"), notiontest.Page{Values: map[string]notiontest.Value{"text": notiontest.Plain(text.String())}})
			if i < 30 {
				tx.AddRow(id("tasks"), notiontest.Page{Values: map[string]notiontest.Value{"ref": append(slices.Clone(tx.Page(id("long")).Values["ref"].(notiontest.Refs)), row)}})
			}
		}
	})
	s := NewSource(v.options)
	defer s.Close()
	before := heap()
	var rest []func(context.Context) iter.Seq2[lake.Row, error]
	for table, err := range s.Tables(t.Context(), v.lake) {
		if err != nil {
			t.Fatal(err)
		}
		if table.Last {
			continue
		}
		for _, err := range table.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if table.Rest != nil {
			if r := table.Rest(); r != nil {
				rest = append(rest, r)
			}
		}
	}
	if held := heap() - before; held > rows*size/2 {
		t.Errorf("%d bytes are held of %d rows of %d bytes", held, rows, size)
	}
	// Of what no rollup runs over nothing is kept.
	equal(t, len(s.joins.rows), len(v.w.Model().Source(id("east")).Rows))
	n, most := 0, int64(0)
	for _, r := range rest {
		for row, err := range r(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			if got := len(row.Values[len(pageColumns)+5].Text()); row.Values[0].Text() != id("long") && got < size {
				t.Errorf("a rollup over the texts is %d bytes long", got)
			}
			if n%10 == 0 {
				most = max(most, heap()-before)
			}
		}
	}
	equal(t, n, 31)
	if most > rows*size/2 {
		t.Errorf("%d bytes are held while rollups are computed", most)
	}
	runtime.KeepAlive(v)
}

// heap is how many bytes are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what pools held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
