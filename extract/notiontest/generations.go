package notiontest

import "time"

// evolving is the data source that Generations changes.
func (b *builder) evolving() {
	options := []Option{{ID: "opA", Name: "Alpha"}, {ID: "opB", Name: "Beta"}, {ID: "opC", Name: "Gamma"}}
	number := func(id, name string) column {
		return column{Property{ID: id, Name: name, Type: "number"}, []Value{Number("1"), Number("2.5"), nil, Number("-4")}}
	}
	text := func(id, name string) column {
		return column{Property{ID: id, Name: name, Type: "rich_text"}, []Value{Plain(name + " 1"), nil, Plain("33"), Plain("4.5")}}
	}
	sel := func(id, name, kind string) column {
		return column{Property{ID: id, Name: name, Type: kind, Options: options}, []Value{Choice("opA"), nil, Choice("opB")}}
	}
	formula := func(id, name string, values ...Value) column {
		return column{Property{ID: id, Name: name, Type: "formula", Expression: "v1"}, values}
	}
	columns := []column{
		{Property{ID: "title", Name: "Name", Type: "title"}, []Value{Plain("one"), Plain("two"), nil, Plain("four"), Plain("five")}},
		number("renm", "To rename"), text("swp1", "First"), number("swp2", "Second"),
		text("chn1", "a"), number("chn2", "b"), sel("chn3", "c", "select"),
		number("move", "To move"), number("n2tx", "Number to text"), sel("s2ms", "Select to multi", "select"), text("t2nu", "Text to number"),
		{Property{ID: "c2fo", Name: "Checkbox to formula", Type: "checkbox"}, []Value{Check(true), nil}},
		sel("s2st", "Select to status", "select"), text("t2ur", "Text to URL"),
		number("gone", "To remove"), text("agai", "To make again"), number("back", "To come back"), text("take", "To be taken"),
		sel("opts", "Options", "select"), number("cllA", "TAGS"), text("cllB", "Tags"),
		formula("fNum", "Formula to string", Result{"number", Number("1")}, Result{"number", Number("2")}),
		formula("fMix", "Formula to mixed", Result{"number", Number("1.50")}, Result{"number", nil}),
		formula("fNul", "Formula to null", Result{"boolean", Check(true)}, Result{"boolean", nil}),
		formula("fLat", "Formula from null", Result{"number", nil}),
		{Property{ID: "rel", Name: "Related", Type: "relation", Relation: &Relation{Source: SourceID(b.seed, "related")}}, []Value{b.rows("related", 3, 0), b.rows("related", 28, 4), nil}},
		{Property{ID: "rol", Name: "Rollup", Type: "rollup", Rollup: &Rollup{"rel", "numb", "show_original"}}, nil},
		{Property{ID: "fun", Name: "Rollup of any function", Type: "rollup", Rollup: &Rollup{"rel", "numb", "sum"}}, nil},
	}
	b.fill(b.single("evolve", Plain("Evolving"), properties(columns)...), columns, 20)
	plain := []column{columns[0], columns[1]}
	for _, key := range []string{"to empty", "to unshare", "to trash", "to rename", "to move from"} {
		b.fill(b.single(key, Plain("Data source "+key), properties(plain)...), plain, 6)
	}
}

// GenerationEmptied is the index, in Generations, of the change that empties a
// data source: a load that looks at how tables shrink holds itself there.
const GenerationEmptied = 5

// Generations are changes of an Everything workspace, in this order, each to be
// applied between two loads: 0 adds and renames; 1 swaps, chains and moves;
// 2 retypes and removes; 3 makes anew what was removed; 4 changes nothing;
// 5 empties a data source; 6 undoes much of it.
func Generations(w *Workspace) []func() {
	seed := w.Model().Seed
	var steps []func()
	for _, change := range []func(*evolution){
		(*evolution).adds, (*evolution).swaps, (*evolution).retypes, (*evolution).again, nil, (*evolution).empties, (*evolution).returns,
	} {
		steps = append(steps, func() {
			w.Update(func(t *Tx) {
				t.Tick(24 * time.Hour)
				if change != nil {
					change(&evolution{t, seed, SourceID(seed, "evolve")})
				}
			})
		})
	}
	return steps
}

type evolution struct {
	t    *Tx
	seed uint64
	id   string // of the evolving data source
}

func (e *evolution) source(key string) string { return SourceID(e.seed, key) }

// row is the ID of a row of the evolving data source.
func (e *evolution) row(i int) string { return e.t.Model().Source(e.id).Rows[i] }

// all sets a property in every row of the evolving data source.
func (e *evolution) all(property string, value func(i int) Value) {
	for i, id := range e.t.Model().Source(e.id).Rows {
		e.t.Set(id, property, value(i))
	}
}

func (e *evolution) adds() {
	t := e.t
	t.AddProperty(e.id, Property{ID: "new1", Name: "Added first", Type: "number"}, 0)
	t.AddProperty(e.id, Property{ID: "n%2w", Name: "Added in the middle", Type: "date"}, 7)
	t.AddProperty(e.id, Property{ID: "new3", Name: "tags", Type: "url"}, -1)
	t.RenameProperty(e.id, "renm", "Renamed")
	t.AddOption(e.id, "opts", Option{ID: "opD", Name: "Delta"})
	t.Set(e.row(0), "new1", Number("7"))
	t.Set(e.row(1), "n%2w", Date{Start: "2026-02-01"})
	t.Set(e.row(1), "opts", Choice("opD"))
	t.Set(e.row(2), "title", Plain("three"))
	t.Trash(e.row(3))
	t.AddRow(e.id, Page{Values: map[string]Value{"title": Plain("new row"), "new3": Str("https://example.com/new")}})
	e.all("fMix", func(i int) Value {
		if i%2 == 0 {
			return Result{"string", Str("text")}
		}
		return Result{"number", Number("1.50")}
	})
	e.all("fLat", func(i int) Value { return Result{"date", Date{Start: "2026-01-05"}} })

	db := Database{ID: NewID(e.seed, "database/born"), Title: Plain("Born later")}
	t.AddDatabase(db)
	born := e.source("born")
	t.AddSource(DataSource{ID: born, Database: db.ID, Title: Plain("Evolving"), Properties: []*Property{
		{ID: "title", Name: "Name", Type: "title"}, {ID: "numb", Name: "Number", Type: "number"},
	}})
	t.AddRow(born, Page{Values: map[string]Value{"title": Plain("first"), "numb": Number("1")}})
}

func (e *evolution) swaps() {
	t := e.t
	t.SwapNames(e.id, "swp1", "swp2")
	t.RenameProperty(e.id, "chn3", "d")
	t.RenameProperty(e.id, "chn2", "c")
	t.RenameProperty(e.id, "chn1", "b")
	t.MoveProperty(e.id, "move", 1)
	t.RenameSource(e.source("to rename"), Plain("Renamed data source"))
	t.Unshare(e.source("to unshare"))
	t.Restore(e.row(3))
	t.Archive(e.row(4))
	t.Trash(e.row(5))
	t.Move(t.Model().Source(e.source("to move from")).Rows[0], e.source("to rename"))
	e.all("fNum", func(i int) Value { return Result{"string", Str("now text")} })
	e.all("fMix", func(i int) Value { return Result{"number", Number("2")} })
	e.all("fNul", func(i int) Value { return Result{"string", nil} })
}
