package notiontest

import (
	"fmt"
	"testing"
)

func TestRollupFunctions(t *testing.T) {
	w := NewWorkspace(1)
	db, tasks, projects := NewID(1, "db"), NewID(1, "tasks"), NewID(1, "projects")
	options := []Option{{ID: "a", Name: "To do"}, {ID: "b", Name: "Doing", Group: 1}, {ID: "c", Name: "Done", Group: 2}}
	values := []map[string]Value{
		{"title": Plain("one"), "n": Number("8"), "d": Date{Start: "2026-03-01"}, "c": Check(true), "s": Choice("c"), "m": Choices{"a", "b"}},
		{"title": Plain("one"), "n": Number("0.1"), "d": Date{Start: "2026-01-05T23:30:00.000-02:00", End: "2026-01-06T08:00:00.000-02:00"}, "m": Choices{"a"}},
		{"n": Number("0.2"), "d": Date{Start: "2026-01-06T02:00:00.000+01:00"}, "c": Check(true), "s": Choice("a")},
		{},
		{"title": Plain("two"), "n": Number("-3"), "d": Date{Start: "2025-12-31", End: "2026-01-02"}, "s": Choice("c")},
	}
	w.Update(func(t *Tx) {
		t.AddDatabase(Database{ID: db})
		t.AddSource(DataSource{ID: tasks, Database: db, Properties: []*Property{
			{ID: "title", Name: "Name", Type: "title"},
			{ID: "n", Name: "N", Type: "number"},
			{ID: "d", Name: "D", Type: "date"},
			{ID: "c", Name: "C", Type: "checkbox"},
			{ID: "s", Name: "S", Type: "status", Options: options},
			{ID: "m", Name: "M", Type: "multi_select", Options: options},
		}})
		t.AddSource(DataSource{ID: projects, Database: db, Properties: []*Property{
			{ID: "title", Name: "Name", Type: "title"}, {ID: "rel", Name: "Tasks", Type: "relation", Relation: &Relation{Source: tasks}},
		}})
		var refs Refs
		for _, v := range values {
			refs = append(refs, t.AddRow(tasks, Page{Values: v}))
		}
		t.AddRow(projects, Page{Values: map[string]Value{"rel": refs}})
		t.AddRow(projects, Page{Values: map[string]Value{"rel": Refs{}}})
	})
	m := w.Model()
	rows := m.Source(projects).Rows
	tests := []struct {
		function, property string
		want, empty        string
	}{
		{"count", "n", "5", "0"},
		{"count_values", "n", "4", "0"},
		{"count_values", "m", "3", "0"},
		{"unique", "title", "2", "0"},
		{"unique", "m", "2", "0"},
		{"empty", "n", "1", "0"},
		{"empty", "c", "0", "0"},
		{"not_empty", "title", "3", "0"},
		{"percent_empty", "n", "0.2", "null"},
		{"percent_not_empty", "n", "0.8", "null"},
		{"sum", "n", "5.299999999999999", "0"},
		{"average", "n", "1.3249999999999997", "null"},
		{"median", "n", "0.15000000000000002", "null"},
		{"min", "n", "-3", "null"},
		{"max", "n", "8", "null"},
		{"range", "n", "11", "null"},
		{"checked", "c", "2", "0"},
		{"unchecked", "c", "3", "0"},
		{"percent_checked", "c", "0.4", "null"},
		{"percent_unchecked", "c", "0.6", "null"},
		{"count_per_group", "s", "2", "0"},
		{"percent_per_group", "s", "0.4", "null"},
		{"earliest_date", "d", `{"start":"2025-12-31","end":"2026-01-02","time_zone":null}`, "null"},
		{"latest_date", "d", `{"start":"2026-03-01","end":null,"time_zone":null}`, "null"},
		{"date_range", "d", `{"start":"2025-12-31","end":"2026-03-01","time_zone":null}`, "null"},
		{"show_original", "n", `[{"type":"number","number":8},{"type":"number","number":0.1},{"type":"number","number":0.2},{"type":"number","number":null},{"type":"number","number":-3}]`, "[]"},
		{"show_unique", "c", `[{"type":"checkbox","checkbox":true},{"type":"checkbox","checkbox":false}]`, "[]"},
		{"weighted", "n", "{}", "{}"},
	}
	for _, tt := range tests {
		for i, want := range []string{tt.want, tt.empty} {
			p := &Property{ID: "roll", Type: "rollup", Rollup: &Rollup{Relation: "rel", Property: tt.property, Function: tt.function}}
			r := renderer{m: m, v: V20260311, limit: 25}
			v := m.Rollup(m.Pages[rows[i]], p, 25)
			got := string(r.rollupValue(nil, v))
			if full := fmt.Sprintf(`{"type":%q,%q:%s,"function":%q}`, v.Type, v.Type, want, tt.function); got != full {
				t.Errorf("%s of %s\n%s, want\n%s", tt.function, tt.property, got, full)
			}
		}
	}
	// The limit is on references, not on values.
	p := &Property{ID: "roll", Type: "rollup", Rollup: &Rollup{Relation: "rel", Property: "n", Function: "sum"}}
	if v := m.Rollup(m.Pages[rows[0]], p, 1); v.Number != "8" {
		t.Errorf("sum over the first: %s", v.Number)
	}
	for name, change := range map[string]func(*Tx){
		"relation gone":      func(t *Tx) { t.RemoveProperty(projects, "rel") },
		"source not shared":  func(t *Tx) { t.Unshare(tasks) },
		"property gone":      func(t *Tx) { t.RemoveProperty(tasks, "n") },
		"row is not shared":  func(t *Tx) { t.Page(m.Source(tasks).Rows[0]).Unshared = true },
		"row is in the bin":  func(t *Tx) { t.Trash(m.Source(tasks).Rows[0]) },
		"value is scripted":  func(t *Tx) { t.Set(rows[0], "roll", Raw(`{"type":"unsupported","unsupported":{}}`)) },
		"too heavy to count": func(t *Tx) { t.Set(rows[0], "roll", Result{Type: "unsupported"}) },
	} {
		want := map[string]Number{
			"relation gone": "0", "source not shared": "0", "property gone": "0", "row is not shared": "-2.7", "row is in the bin": "5.299999999999999",
		}[name]
		w := &Workspace{cur: m}
		w.Update(change)
		if v := w.Model().Rollup(w.Model().Pages[rows[0]], p, -1); v.Number != want {
			t.Errorf("%s: %v, want %s", name, v, want)
		}
	}
}

func TestDateRangeOfZones(t *testing.T) {
	tests := []struct {
		dates []Date
		want  Date
	}{
		{[]Date{{Start: "2026-01-02"}}, Date{Start: "2026-01-02", End: "2026-01-02"}},
		{
			[]Date{{Start: "2026-01-02T10:00:00.000", TimeZone: "Europe/Berlin"}, {Start: "2026-01-03T10:00:00.000", TimeZone: "Europe/Berlin"}},
			Date{Start: "2026-01-02T10:00:00.000", End: "2026-01-03T10:00:00.000", TimeZone: "Europe/Berlin"},
		},
		{
			[]Date{{Start: "2026-01-02T10:00:00.000", TimeZone: "Europe/Berlin"}, {Start: "2026-01-03"}},
			Date{Start: "2026-01-02T09:00:00.000+00:00", End: "2026-01-03T00:00:00.000+00:00"},
		},
	}
	for _, tt := range tests {
		var cells []cell
		for _, d := range tt.dates {
			cells = append(cells, cell{date: &d})
		}
		if got := dates("date_range", cells); got == nil || *got != tt.want {
			t.Errorf("%v: %v, want %v", tt.dates, got, tt.want)
		}
	}
}
