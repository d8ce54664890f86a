package truth

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// lines are rows of a table as JSON arrays of some of their cells.
func lines(t *testing.T, tables []Table, name string, columns ...string) []string {
	t.Helper()
	for _, table := range tables {
		if table.Name != name {
			continue
		}
		var list []string
		for _, row := range table.Rows {
			var cells []any
			for _, c := range columns {
				cells = append(cells, row[c])
			}
			list = append(list, encode(cells))
		}
		return list
	}
	t.Fatalf("no table %s", name)
	return nil
}

func TestFixedTables(t *testing.T) {
	b := newBench(
		notiontest.Property{ID: "a%", Name: "Amount", Type: "number", Format: "euro"},
		notiontest.Property{ID: "st", Name: "State", Type: "status", Options: []notiontest.Option{{ID: "1", Name: "Open", Color: "red"}, {ID: "2", Name: "Shut", Group: 2, Description: "over"}}},
		notiontest.Property{ID: "bt", Name: "Push", Type: "button"},
		notiontest.Property{ID: "pe", Name: "People", Type: "people"},
	)
	b.row("pe", notiontest.People{"guest", "gone", "group", "nobody"})
	load := func(id string, prev *State) ([]Table, *State) {
		t.Helper()
		tables, state, err := Tables(b.w.Model(), prev, Options{Load: id})
		if err != nil {
			t.Fatal(err)
		}
		return tables, state
	}
	check := func(what string, tables []Table, name string, columns []string, want ...string) {
		t.Helper()
		if d := cmp.Diff(want, lines(t, tables, name, columns...)); d != "" {
			t.Errorf("%s, %s (-want +got):\n%s", what, name, d)
		}
	}
	properties := []string{"property_id", "name", "type", "configuration", "column_name", "first_load", "last_load"}
	status := lines(t, first(load("1", nil)), "_properties", "configuration")[2]
	tables, state := load("1", nil)
	check("first load", tables, "_properties", properties,
		`["title","Name","title","{}","name","1","1"]`, `["a%","Amount","number","{\"format\":\"euro\"}","amount","1","1"]`,
		`["st","State","status",`+status[1:len(status)-1]+`,"state","1","1"]`, `["bt","Push","button","{}",null,"1","1"]`, `["pe","People","people","{}","people","1","1"]`)
	check("first load", tables, "_options", []string{"table_name", "property_name", "column_name", "option_id", "name", "color", "description", "group_name", "position"},
		`["bench","State","state","1","Open","red",null,"To-do",0]`, `["bench","State","state","2","Shut","default","over","Complete",1]`)
	bot := notiontest.NewID(1, "bot")
	check("first load", tables, "_users", []string{"id", "type", "name", "email", "owner"},
		`["`+bot+`","bot","Lake exporter",null,"workspace"]`, `["ada","person","Ada","ada@example.com",null]`, `["bot","bot","Bot",null,null]`,
		`["gone",null,null,null,null]`, `["group","group","Team",null,null]`, `["guest","person","Guest",null,null]`, `["nobody",null,null,null,null]`,
		`["partial","person","Part","part@example.com",null]`)
	check("first load", tables, "_databases", []string{"id", "title", "description", "parent_type", "parent_id", "created_time", "inline", "data_sources"},
		`["db","Bench","","workspace",null,"2026-01-05T09:00:07.000000Z",false,["`+b.source+`"]]`)
	check("first load", tables, "_data_sources", []string{"id", "database_id", "table_name", "created_time", "database_type", "rows"},
		`["`+b.source+`","db","bench","2026-01-05T09:00:00.000000Z",null,1]`)

	b.w.Update(func(t *notiontest.Tx) {
		t.RemoveProperty(b.source, "a%")
		t.RenameProperty(b.source, "st", "Phase")
	})
	tables, state = load("2", state)
	check("second load", tables, "_properties", []string{"property_id", "column_name", "first_load", "last_load"},
		`["title","name","1","2"]`, `["a%","amount","1","1"]`, `["st","phase","1","2"]`, `["bt",null,"1","2"]`, `["pe","people","1","2"]`)
	kind, cells := column(t, tables[0], "amount")
	if kind != "double" || cells[0] != "null" {
		t.Errorf("kept column: %s %v, want double and null", kind, cells)
	}

	b.w.Update(func(t *notiontest.Tx) { t.Unshare(b.source) })
	tables, state = load("3", state)
	if tables[0].Name != "_users" || state.Tables[b.source].Name != "bench" {
		t.Errorf("a data source that is gone: first table %s, name kept as %s", tables[0].Name, state.Tables[b.source].Name)
	}
	check("third load", tables, "_properties", []string{"property_id", "last_load"}, `["title","2"]`, `["a%","1"]`, `["st","2"]`, `["bt","2"]`, `["pe","2"]`)
}

func first(tables []Table, _ *State) []Table { return tables }

// TestRetype: another type is another column of the same name; with retired
// columns what is removed is gone at once.
func TestRetype(t *testing.T) {
	b := newBench(notiontest.Property{ID: "p", Name: "P", Type: "number"}, notiontest.Property{ID: "q", Name: "Q", Type: "number"})
	b.row("p", number("1"))
	_, state := b.load(t, nil)
	b.w.Update(func(t *notiontest.Tx) {
		t.Retype(b.source, "p", notiontest.Property{Type: "rich_text"}, func(notiontest.Value) notiontest.Value { return notiontest.Plain("1") })
		t.RemoveProperty(b.source, "q")
	})
	table, _ := b.load(t, state)
	if kind, cells := column(t, table, "p"); kind != "string" || cells[0] != `"1"` {
		t.Errorf("after the change of type: %s %v", kind, cells)
	}
	_, retired, err := Tables(b.w.Model(), state, Options{Retire: true})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"title name", "p p"}, names(retired, b.source)); d != "" {
		t.Errorf("retired (-want +got):\n%s", d)
	}
}
