package notiontest

import "time"

// A Step is a change of the demo's workspace.
type Step struct {
	Title string // what a person would say they did
	Apply func()
}

// demoSteps are the changes of one day.
func demoSteps(w *Workspace) []Step {
	seed := w.Model().Seed
	projects, tasks, clients := SourceID(seed, "projects"), SourceID(seed, "tasks"), SourceID(seed, "clients")
	row := func(t *Tx, source string, i int) string { return t.Model().Source(source).Rows[i] }
	step := func(title string, change func(*Tx)) Step {
		return Step{title, func() {
			w.Update(func(t *Tx) {
				t.Tick(2 * time.Hour)
				change(t)
			})
		}}
	}
	return []Step{
		step("add the property Risk to Projects and fill it in", func(t *Tx) {
			high := Option{ID: NewID(seed, "option/risk/high"), Name: "high", Color: "red"}
			low := Option{ID: NewID(seed, "option/risk/low"), Name: "low", Color: "green"}
			t.AddProperty(projects, Property{ID: "risk", Name: "Risk", Type: "select", Options: []Option{low, high}}, 3)
			for i, id := range t.Model().Source(projects).Rows[:8] {
				t.Set(id, "risk", Choice([]Option{low, low, high}[i%3].ID))
			}
		}),
		step("rename Due to Deadline in Tasks", func(t *Tx) { t.RenameProperty(tasks, "due1", "Deadline") }),
		step("turn the number Budget of Projects into text", func(t *Tx) {
			t.Retype(projects, "budg", Property{Type: "rich_text"}, func(v Value) Value {
				n, ok := v.(Number)
				if !ok {
					return nil
				}
				return Plain(string(n) + " EUR")
			})
		}),
		step("edit: three tasks done, a client won, a deadline moved", func(t *Tx) {
			for _, i := range []int{1, 2, 4} {
				t.Set(row(t, tasks, i), "done", Check(true))
			}
			t.Set(row(t, tasks, 7), "due1", Date{Start: "2026-04-01"})
			t.Set(row(t, clients, 3), "stag", Choice(NewID(seed, "option/stage/Won")))
			t.Set(row(t, clients, 3), "deal", Number("18500"))
		}),
		step("delete two tasks and add one", func(t *Tx) {
			t.Trash(row(t, tasks, 10))
			t.Trash(row(t, tasks, 11))
			t.AddRow(tasks, Page{Values: map[string]Value{
				"title": Plain("Send the invoice"), "t%id": Unique(85), "hour": Number("0.5"), "cost": Result{"number", Number("47.5")},
			}})
		}),
	}
}
