package truth

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

func TestSnake(t *testing.T) {
	for in, want := range map[string]string{
		"Due Date": "due_date", "due_date": "due_date", "Due-Date": "due_date", "dueDate": "due_date", "TAGS": "tags",
		"Größe": "grosse", "名前": "ming_qian", "Ünïcödé": "unicode", "e\u0301": "e", "🔥": "", "👩‍👩‍👧": "", "___": "", "": "", "%": "",
		"% done": "done", "50%": "c_50", "1st place": "c_1st_place", "HTTPServer": "http_server", "iPhone5S": "i_phone5s", "ABCdef": "ab_cdef",
		"_id": "id", "Score /5": "score_5", "a.b..c": "a_b_c", "C++": "c", " x ": "x", "../../etc": "etc", "ﬁne Ⅷ": "fine_viii",
	} {
		if got := Snake(in, "c_"); got != want {
			t.Errorf("Snake(%q) = %q, want %q", in, got, want)
		}
	}
	if got := cut(strings.Repeat("x", 200), "_ab"); got != strings.Repeat("x", 124)+"_ab" {
		t.Errorf("cut to %q", got)
	}
}

func named(id, name string) notiontest.Property {
	return notiontest.Property{ID: id, Name: name, Type: "number"}
}

// names are the columns of properties: "id name", with " gone" for kept ones.
func names(s *State, source string) []string {
	var list []string
	for _, c := range s.Tables[source].Columns {
		line := c.Property + " " + c.Name
		if c.Gone {
			line += " gone"
		}
		list = append(list, line)
	}
	return list
}

func TestColumnNames(t *testing.T) {
	b := newBench(named("a", "Due Date"), named("b", "due_date"), named("c", "name"), named("d", ""),
		named("eeeeeeeeeeeeeeeeeeeee", "Due-Date"), notiontest.Property{ID: "btn", Name: "Button", Type: "button"}, named("f", "x"), named("g", "y"))
	var state *State
	step := func(what string, change func(*notiontest.Tx), want ...string) {
		t.Helper()
		if change != nil {
			b.w.Update(change)
		}
		_, state = b.load(t, state)
		if d := cmp.Diff(want, names(state, b.source)); d != "" {
			t.Fatalf("%s (-want +got):\n%s", what, d)
		}
	}
	step("first", nil, "title name", "a due_date", "b due_date_62", "c name_63", "d property_64", "eeeeeeeeeeeeeeeeeeeee due_date_82d50862ce50dc1e", "f x", "g y")
	step("swap", func(t *notiontest.Tx) { t.SwapNames(b.source, "f", "g") },
		"title name", "a due_date", "b due_date_62", "c name_63", "d property_64", "eeeeeeeeeeeeeeeeeeeee due_date_82d50862ce50dc1e", "f y", "g x")
	step("the first leaves, the others keep their names", func(t *notiontest.Tx) {
		t.RenameProperty(b.source, "a", "Other")
		t.RemoveProperty(b.source, "eeeeeeeeeeeeeeeeeeeee")
		t.RemoveProperty(b.source, "g")
	}, "title name", "a other", "b due_date_62", "c name_63", "d property_64", "eeeeeeeeeeeeeeeeeeeee due_date_82d50862ce50dc1e gone", "f y", "g x gone")
	step("a kept column gives way; another comes back", func(t *notiontest.Tx) {
		t.AddProperty(b.source, named("h", "X"), 0)
		t.AddProperty(b.source, named("eeeeeeeeeeeeeeeeeeeee", "Due-Date"), 0)
	}, "title name", "a other", "b due_date_62", "c name_63", "d property_64", "eeeeeeeeeeeeeeeeeeeee due_date_82d50862ce50dc1e", "f y", "h x")
	step("the name is free again", func(t *notiontest.Tx) { t.RenameProperty(b.source, "h", "Due Date") },
		"title name", "a other", "b due_date_62", "c name_63", "d property_64", "eeeeeeeeeeeeeeeeeeeee due_date_82d50862ce50dc1e", "f y", "h due_date")
}

func TestTableNames(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	add := func(t *notiontest.Tx, id, title string) {
		t.AddDatabase(notiontest.Database{ID: "db " + id, Title: notiontest.Plain(title)})
		t.AddSource(notiontest.DataSource{ID: id, Database: "db " + id, Title: notiontest.Plain(title), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
	}
	const (
		low  = "00000000-0000-8000-8000-0000000000b1"
		mid  = "00000000-0000-8000-8000-0000000000c2"
		high = "00000000-0000-8000-8000-0000000000d3"
	)
	tables := func(prev *State, o Options) (map[string]string, *State) {
		_, state, err := Tables(w.Model(), prev, o)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for id, ts := range state.Tables {
			got[id[34:]] = ts.Name
		}
		return got, state
	}
	w.Update(func(t *notiontest.Tx) {
		add(t, high, "Tasks")
		add(t, mid, "tasks!")
	})
	got, state := tables(nil, Options{})
	if d := cmp.Diff(map[string]string{"c2": "tasks", "d3": "tasks_0000000000d3"}, got); d != "" {
		t.Errorf("first load:\n%s", d)
	}
	w.Update(func(t *notiontest.Tx) {
		add(t, low, "TASKS")
		t.RenameSource(mid, notiontest.Plain("Renamed"))
	})
	got, state = tables(state, Options{})
	if d := cmp.Diff(map[string]string{"b1": "tasks_0000000000b1", "c2": "tasks", "d3": "tasks_0000000000d3"}, got); d != "" {
		t.Errorf("second load:\n%s", d)
	}
	got, _ = tables(state, Options{Names: map[string]string{"db " + mid: "Work"}})
	if got["c2"] != "work" {
		t.Errorf("with a name in the configuration: %v", got)
	}
}
