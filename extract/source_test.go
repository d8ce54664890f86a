package extract

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/extract/notiontest/truth"
	"github.com/notionlake/notionlake/lake"
)

// A world is a small workspace, its server and what was loaded of it: a database
// tasks with one data source, a database sales with two, people and a relation.
type world struct {
	t       *testing.T
	w       *notiontest.Workspace
	server  *notiontest.Server
	options Options
	lake    *memoryLake
	loads   int
}

func id(key string) string { return notiontest.NewID(7, key) }

func newWorld(t *testing.T, o notiontest.Options) *world {
	t.Helper()
	w := notiontest.NewWorkspace(7)
	w.Update(func(tx *notiontest.Tx) {
		tx.AddUser(notiontest.User{ID: id("ada"), Name: "Ada", Email: "ada@example.com", Type: "person", Partial: true})
		tx.AddUser(notiontest.User{ID: id("guest"), Name: "Guest", Email: "guest@example.com", Type: "person", Partial: true, Guest: true})
		tx.AddUser(notiontest.User{ID: id("removed"), Type: "person", Removed: true})
		tx.AddDatabase(notiontest.Database{ID: id("tasks db"), Title: notiontest.Plain("Tasks")})
		tx.AddSource(notiontest.DataSource{ID: id("tasks"), Database: id("tasks db"), Title: notiontest.Plain("Tasks"), Properties: []*notiontest.Property{
			{ID: "title", Name: "Name", Type: "title"},
			{ID: "size", Name: "Size", Type: "number"},
			{ID: "who", Name: "Who", Type: "people"},
			{ID: "ref", Name: "Accounts", Type: "relation", Relation: &notiontest.Relation{Source: id("east")}},
			{ID: "sum", Name: "Total", Type: "rollup", Rollup: &notiontest.Rollup{Relation: "ref", Property: "amount", Function: "sum"}},
			{ID: "all", Name: "All", Type: "rollup", Rollup: &notiontest.Rollup{Relation: "ref", Property: "amount", Function: "show_original"}},
		}})
		tx.AddDatabase(notiontest.Database{ID: id("sales db"), Title: notiontest.Plain("Sales")})
		for _, name := range []string{"east", "west"} {
			tx.AddSource(notiontest.DataSource{ID: id(name), Database: id("sales db"), Title: notiontest.Plain(name), Properties: []*notiontest.Property{
				{ID: "title", Name: "Name", Type: "title"},
				{ID: "amount", Name: "Amount", Type: "number"},
			}})
		}
		var refs notiontest.Refs
		for range 60 {
			refs = append(refs, tx.AddRow(id("east"), notiontest.Page{Values: map[string]notiontest.Value{"amount": notiontest.Number("2")}}))
		}
		tx.AddRow(id("west"), notiontest.Page{})
		tx.AddRow(id("tasks"), notiontest.Page{ID: id("long"), Values: map[string]notiontest.Value{
			"title": notiontest.Plain("long"), "size": notiontest.Number("1"), "ref": refs,
			"who": notiontest.People{id("ada"), id("guest"), id("removed")},
		}})
		tx.AddRow(id("tasks"), notiontest.Page{ID: id("short"), Values: map[string]notiontest.Value{"title": notiontest.Plain("short"), "ref": refs[:2]}})
		tx.AddRow(id("tasks"), notiontest.Page{ID: id("old"), Archived: true})
		tx.AddRow(id("tasks"), notiontest.Page{ID: id("trash"), Trashed: true})
	})
	v := &world{t: t, w: w, server: notiontest.NewServer(w, o), lake: newMemoryLake()}
	v.options = allOptions(newClient(t, v.server))
	return v
}

// tryLoad makes the next load.
func (v *world) tryLoad() (map[string]*memoryTable, error) {
	v.loads++
	return v.lake.run(v.t.Context(), "load"+string(rune('0'+v.loads)), NewSource(v.options))
}

func (v *world) load() map[string]*memoryTable {
	v.t.Helper()
	tables, err := v.tryLoad()
	if err != nil {
		v.t.Fatal(err)
	}
	return tables
}

// sources are the names of the tables of data sources, with why one was not read.
func sources(tables map[string]*memoryTable) []string {
	names := []string{}
	for key, t := range tables {
		switch {
		case strings.HasPrefix(key, "_"):
		case t.unread != "":
			names = append(names, t.schema.Table+" unread: "+t.unread)
		case t.partial != nil:
			names = append(names, t.schema.Table+" partial")
		default:
			names = append(names, t.schema.Table)
		}
	}
	slices.Sort(names)
	return names
}

// texts are the cells of a column as text, sorted.
func (m *memoryTable) texts(name string) []string {
	texts := []string{}
	for _, row := range m.rows {
		texts = append(texts, row[m.column(name)].String())
	}
	slices.Sort(texts)
	return texts
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func onPath(suffix string) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, suffix) }
}

func TestDiscovery(t *testing.T) {
	t.Run("what search does not find", func(t *testing.T) {
		v := newWorld(t, notiontest.Options{SearchGap: notiontest.SearchNoSources})
		if _, err := v.tryLoad(); !errors.Is(err, ErrNothingShared) {
			t.Fatalf("got %v, want ErrNothingShared", err)
		}
		v.options.AllowEmpty = true
		equal(t, sources(v.load()), []string{})
	})
	t.Run("siblings, relations, the last load", func(t *testing.T) {
		v := newWorld(t, notiontest.Options{SearchGap: notiontest.SearchShared})
		v.w.Update(func(tx *notiontest.Tx) {
			tx.Source(id("east")).Inherited = true
			tx.Source(id("west")).Inherited = true
		})
		tables := v.load()
		equal(t, sources(tables), []string{"east", "tasks", "west"})
		ds := tables["_data_sources"]
		for name, by := range map[string]string{"tasks": "search", "east": "relation", "west": "database"} {
			equal(t, ds.cell(id(name), "discovered_by").Text(), by)
		}
		v.w.Update(func(tx *notiontest.Tx) { tx.Source(id("tasks")).Inherited = true })
		tables = v.load()
		equal(t, sources(tables), []string{"east", "tasks", "west"})
		equal(t, tables["_data_sources"].cell(id("tasks"), "discovered_by").Text(), "last_load")
	})
	t.Run("another workspace, in shards", func(t *testing.T) {
		v := newWorld(t, notiontest.Options{})
		v.load()
		v.w.Update(func(tx *notiontest.Tx) {
			for _, name := range []string{"tasks", "east", "west"} {
				tx.Unshare(id(name))
			}
			tx.AddDatabase(notiontest.Database{ID: id("new db"), Title: notiontest.Plain("New")})
			tx.AddSource(notiontest.DataSource{
				ID: id("new"), Database: id("new db"), Title: notiontest.Plain("New"),
				Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}},
			})
		})
		for i := range 2 {
			v.options.Shard = Shard{i + 1, 2}
			if _, err := v.tryLoad(); !errors.Is(err, ErrOtherWorkspace) {
				t.Errorf("shard %d: %v, want ErrOtherWorkspace", i+1, err)
			}
		}
		// What was not asked for may be there.
		for name, only := range map[string]func(*Options){
			"configured": func(o *Options) { o.Databases = []Database{{ID: id("tasks db")}, {ID: id("new db")}} },
			"excluded":   func(o *Options) { o.Exclude = []string{id("west")} },
		} {
			was := v.options
			only(&v.options)
			v.w.Update(func(tx *notiontest.Tx) { tx.Share(id("west")) })
			for i := range 2 {
				v.options.Shard = Shard{i + 1, 2}
				if _, err := v.tryLoad(); errors.Is(err, ErrOtherWorkspace) {
					t.Errorf("%s: %v", name, err)
				}
			}
			v.w.Update(func(tx *notiontest.Tx) { tx.Unshare(id("west")) })
			v.options = was
		}
		v.w.Update(func(tx *notiontest.Tx) { tx.Share(id("west")) })
		for i := range 2 {
			v.options.Shard = Shard{i + 1, 2}
			v.load()
		}
	})
	t.Run("gone and back", func(t *testing.T) {
		v := newWorld(t, notiontest.Options{})
		v.load()
		v.w.Update(func(tx *notiontest.Tx) {
			tx.Unshare(id("west"))
			tx.TrashSource(id("tasks"))
		})
		tables := v.load()
		equal(t, sources(tables), []string{"east", "tasks unread: " + reasonTrash, "west unread: " + reasonUnshared})
		equal(t, tables["_problems"].texts("kind"), []string{"table_not_read", "table_not_read"})
		v.w.Update(func(tx *notiontest.Tx) { tx.Unshare(id("east")) })
		if _, err := v.tryLoad(); !errors.Is(err, ErrNothingShared) {
			t.Fatalf("all gone: %v, want ErrNothingShared", err)
		}
		v.w.Update(func(tx *notiontest.Tx) {
			tx.Share(id("east"))
			tx.Share(id("west"))
			tx.RestoreSource(id("tasks"))
		})
		equal(t, sources(v.load()), []string{"east", "tasks", "west"})
	})
	t.Run("what is known of those that are gone stays", func(t *testing.T) {
		v := newWorld(t, notiontest.Options{})
		v.options.Content.Views = true
		v.w.Update(func(tx *notiontest.Tx) {
			for _, name := range []string{"tasks", "east", "west"} {
				tx.AddProperty(id(name), notiontest.Property{ID: "state", Name: "State", Type: "select", Options: []notiontest.Option{{ID: "o", Name: "Open", Color: "red"}}}, 1)
				tx.AddView(id(name), notiontest.View{ID: id(name + " view"), Name: "All", Type: "table"})
			}
		})
		var state *truth.State
		for n, change := range []func(*notiontest.Tx){
			func(*notiontest.Tx) {},
			func(tx *notiontest.Tx) { tx.Unshare(id("west")) },
			func(tx *notiontest.Tx) {
				tx.TrashSource(id("tasks"))
				tx.RenameSource(id("east"), notiontest.Plain("East"))
			},
			func(tx *notiontest.Tx) { tx.Share(id("west")); tx.RestoreSource(id("tasks")) },
		} {
			v.w.Update(change)
			tables := v.load()
			want, next, err := truth.Tables(v.w.Model(), state, truth.Options{Content: true})
			if err != nil {
				t.Fatal(err)
			}
			state = next
			for _, table := range want {
				if strings.Contains(" _options _views _databases _data_sources ", " "+table.Name+" ") {
					compareTable(t, fmt.Sprint("load ", n), table, tables[table.Key])
					equal(t, len(table.Rows), map[string]int{"_options": 3, "_views": 3, "_databases": 2, "_data_sources": 3}[table.Name])
				}
			}
		}
		v.server.Inject(onPath("/v1/data_sources/"+id("tasks")), notiontest.FaultRestricted, 100)
		tables := v.load()
		for table, rows := range map[string]int{"_options": 3, "_views": 3, "_databases": 2, "_data_sources": 3} {
			equal(t, len(tables[table].rows), rows)
		}
	})
	t.Run("a database in the trash", func(t *testing.T) {
		v := newWorld(t, notiontest.Options{})
		v.load()
		v.w.Update(func(tx *notiontest.Tx) { tx.Database(id("sales db")).Trashed = true })
		tables := v.load()
		equal(t, sources(tables), []string{"east unread: " + reasonTrash, "tasks", "west unread: " + reasonTrash})
	})
	t.Run("excluded", func(t *testing.T) {
		for exclude, want := range map[string][]string{
			id("west"):                      {"east", "tasks"},
			strings.ToUpper(id("sales db")): {"tasks"},
			"https://www.notion.so/Tasks-" + strings.ReplaceAll(id("tasks db"), "-", "") + "?v=" + strings.Repeat("0", 32): {"east", "west"},
			"?A[ks]*": {"west"},
			"SALES":   {"tasks"},
		} {
			v := newWorld(t, notiontest.Options{})
			v.options.Exclude = []string{exclude}
			equal(t, sources(v.load()), want)
		}
	})
}

func TestConfigured(t *testing.T) {
	t.Run("databases and data sources", func(t *testing.T) {
		v := newWorld(t, notiontest.Options{})
		v.options.Databases = []Database{{ID: "https://www.notion.so/x/" + strings.ReplaceAll(id("sales db"), "-", ""), Name: "Sales 2026"}, {ID: id("tasks")}}
		tables := v.load()
		equal(t, sources(tables), []string{"sales_2026_east", "sales_2026_west", "tasks"})
		v.w.Update(func(tx *notiontest.Tx) {
			tx.Unshare(id("east"))
			tx.Unshare(id("west"))
			tx.Database(id("sales db")).Unshared = true
		})
		equal(t, sources(v.load()), []string{"sales_2026_east unread: " + reasonUnshared, "sales_2026_west unread: " + reasonUnshared, "tasks"})
	})
	for name, c := range map[string]struct {
		id   string
		want error
	}{
		"a page":         {id("long"), ErrNotDatabase},
		"nothing shared": {id("nowhere"), notion.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			v := newWorld(t, notiontest.Options{})
			v.options.Databases = []Database{{ID: c.id}}
			if _, err := v.tryLoad(); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.id) {
				t.Errorf("got %v, want %v naming %s", err, c.want, c.id)
			}
		})
	}
	t.Run("a linked database is a problem, no error", func(t *testing.T) {
		v := newWorld(t, notiontest.Options{})
		v.w.Update(func(tx *notiontest.Tx) { tx.AddDatabase(notiontest.Database{ID: id("linked"), Linked: true}) })
		v.options.Databases = []Database{{ID: id("linked")}, {ID: id("tasks db")}}
		tables := v.load()
		equal(t, sources(tables), []string{"tasks"})
		if kinds := tables["_problems"].texts("kind"); !slices.Contains(kinds, string(KindNoSources)) && !slices.Contains(kinds, string(KindLinked)) {
			t.Errorf("problems: %v", kinds)
		}
	})
}

func TestOnly(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	v.load()
	v.w.Update(func(tx *notiontest.Tx) {
		tx.RenameProperty(id("tasks"), "size", "Weight")
		tx.RenameProperty(id("east"), "amount", "Sum")
	})
	for _, only := range []string{"tasks", id("tasks"), id("tasks db")} {
		v.options.Only = []string{only}
		tables := v.load()
		equal(t, sources(tables), []string{"tasks"})
		equal(t, tables["_data_sources"].texts("table_name"), []string{"east", "tasks", "west"})
		equal(t, tables["_databases"].texts("title"), []string{"Sales", "Tasks"})
		if names := tables["_properties"].texts("name"); !slices.Contains(names, "Weight") || !slices.Contains(names, "Amount") || slices.Contains(names, "Sum") {
			t.Errorf("only %s: properties %v", only, names)
		}
		if n := len(tables["_users"].rows); n < 3 {
			t.Errorf("only %s: %d users", only, n)
		}
	}
	v.options.Only = []string{"nowhere"}
	if _, err := v.tryLoad(); !errors.Is(err, ErrNoMatch) {
		t.Errorf("got %v, want ErrNoMatch", err)
	}
}

// TestOnlyByTitle: a title names a data source where nothing else has it, that of a
// database all of its data sources. The name of a table goes before titles.
func TestOnlyByTitle(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	v.w.Update(func(tx *notiontest.Tx) {
		for _, name := range []string{"one", "two", "own"} {
			tx.AddDatabase(notiontest.Database{ID: id(name + " db"), Title: notiontest.Plain(map[string]string{"own": "Journal"}[name])})
			tx.AddSource(notiontest.DataSource{ID: id(name), Database: id(name + " db"), Title: notiontest.Plain(map[string]string{"one": "Day Notes", "two": "day notes", "own": "Tasks and More"}[name]), Properties: []*notiontest.Property{
				{ID: "title", Name: "Name", Type: "title"},
			}})
		}
	})
	for range 2 { // at the first load and later
		for _, test := range []struct {
			only string
			want []string // tables, or those of an error
		}{
			{"Tasks and More", []string{"tasks_and_more"}},
			{" tasks AND more", []string{"tasks_and_more"}},
			{"tasks", []string{"tasks"}},
			{"Tasks", []string{"tasks"}},
			{"Sales", []string{"east", "west"}},
			{"journal", []string{"tasks_and_more"}},
			{"Day Notes", []string{v.tableOf("one")}},
			{"DAY notes", nil},
			{"Day Note", nil},
		} {
			v.options.Only = []string{test.only}
			tables, err := v.tryLoad()
			if test.want != nil {
				if err != nil {
					t.Fatalf("only %q: %v", test.only, err)
				}
				equal(t, sources(tables), test.want)
				continue
			}
			var unmatched *NoMatchError
			if !errors.As(err, &unmatched) || !errors.Is(err, ErrNoMatch) {
				t.Fatalf("only %q: got %v", test.only, err)
			}
			if several := len(unmatched.Several) == 2; several != (test.only == "DAY notes") || several == slices.Contains(unmatched.Titles, "Day Notes") {
				t.Errorf("only %q: %+v", test.only, unmatched)
			}
		}
		v.options.Only = nil
		v.load()
	}
}

// tableOf is the name that the table of a data source of equal titles gets.
func (v *world) tableOf(name string) string {
	ids := sorted([]string{id("one"), id("two")})
	if ids[0] == id(name) {
		return "day_notes"
	}
	return "day_notes" + sourceSuffix(id(name))
}

// The shards of a workspace are all of it, each data source in one, under the name
// that it has in a load of everything.
func TestShards(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	const n = 3
	var all []string
	for i := range n {
		v.options.Shard, v.options.AllowEmpty = Shard{i + 1, n}, i > 0
		tables := v.load()
		all = append(all, sources(tables)...)
		if got := tables["_data_sources"].texts("table_name"); len(got) != len(all) {
			t.Errorf("after %d shards: data sources %v, tables %v", i+1, got, all)
		}
	}
	slices.Sort(all)
	equal(t, all, []string{"east", "tasks", "west"})
}

func TestRows(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	tasks := v.load()[id("tasks")]
	equal(t, tasks.texts("_id"), sorted([]string{id("long"), id("short"), id("old")}))
	equal(t, tasks.cell(id("old"), "_archived"), lake.BoolValue(true))
	equal(t, len(tasks.cell(id("long"), "accounts").Items()), 60)
	equal(t, tasks.cell(id("long"), "total").String(), "120")
	equal(t, tasks.cell(id("long"), "all").String(), "["+strings.Repeat("2, ", 59)+"2]")
	equal(t, tasks.cell(id("short"), "all").String(), "[2, 2]")
	equal(t, tasks.omitted, []lake.Omission(nil))
	equal(t, tasks.cell(id("long"), "who").String(), "[{"+strings.Join([]string{
		`"` + id("ada") + `", "Ada", "ada@example.com", "person"`, `"` + id("guest") + `", "Guest", "guest@example.com", "person"`, `"` + id("removed") + `", null, null, null`,
	}, "}, {")+"}]")
	v.options.Archived = false
	equal(t, v.load()[id("tasks")].texts("_id"), sorted([]string{id("long"), id("short")}))
}

// TestUsersRefused: a connection that may not read users.
func TestUsersRefused(t *testing.T) {
	v := newWorld(t, notiontest.Options{NoUsers: true})
	tables := v.load()
	equal(t, tables[id("tasks")].cell(id("long"), "who").Items()[0].String(), `{"`+id("ada")+`", null, null, null}`)
	if ids := tables["_users"].texts("id"); !slices.Contains(ids, id("removed")) {
		t.Errorf("users met: %v", ids)
	}
	if kinds := tables["_problems"].texts("kind"); !slices.Contains(kinds, string(KindUsers)) {
		t.Errorf("problems: %v", kinds)
	}
	if n := v.server.Stats().Statuses[http.StatusForbidden]; n > 2 {
		t.Errorf("%d requests were refused", n)
	}
}

func TestErrors(t *testing.T) {
	failing := func(t *testing.T, match func(*http.Request) bool, fault string) (map[string]*memoryTable, error) {
		t.Helper()
		var tables map[string]*memoryTable
		var err error
		synctest.Test(t, func(t *testing.T) {
			v := newWorld(t, notiontest.Options{})
			v.server.Inject(match, fault, 1000)
			tables, err = v.tryLoad()
		})
		return tables, err
	}
	t.Run("one query fails", func(t *testing.T) {
		tables, err := failing(t, onPath(id("tasks")+"/query"), notiontest.FaultInternal)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, sources(tables), []string{"east", "tasks partial", "west"})
		if kinds := tables["_problems"].texts("kind"); !slices.Contains(kinds, string(KindPartial)) {
			t.Errorf("problems: %v", kinds)
		}
		equal(t, tables["_data_sources"].cell(id("tasks"), "rows").String(), "null")
	})
	t.Run("one data source fails", func(t *testing.T) {
		tables, err := failing(t, onPath("/v1/data_sources/"+id("west")), notiontest.FaultInternal)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, sources(tables), []string{"data_source" + sourceSuffix(id("west")) + " partial", "east", "tasks"})
	})
	for name, match := range map[string]func(*http.Request) bool{
		"search": onPath("/v1/search"), "query": onPath("/query"), "property": func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/properties/") },
		"users": onPath("/v1/users"), "database": onPath(id("sales db")),
	} {
		t.Run("the token is refused: "+name, func(t *testing.T) {
			if _, err := failing(t, match, notiontest.FaultUnauthorized); !errors.Is(err, notion.ErrUnauthorized) {
				t.Errorf("got %v, want ErrUnauthorized", err)
			}
		})
	}
	t.Run("requests are blocked", func(t *testing.T) {
		if _, err := failing(t, onPath(id("tasks")+"/query"), notiontest.FaultBlocked); !errors.Is(err, notion.ErrBlocked) {
			t.Errorf("got %v, want ErrBlocked", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		v := newWorld(t, notiontest.Options{OnRequest: func(r *http.Request) {
			if onPath("/query")(r) {
				cancel()
			}
		}})
		if _, err := v.lake.run(ctx, "load", NewSource(v.options)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want Canceled", err)
		}
	})
}

// TestAllExcluded: a configuration that excludes everything is not blamed on sharing.
func TestAllExcluded(t *testing.T) {
	w, _ := notiontest.Demo(1)
	o := allOptions(newClient(t, notiontest.NewServer(w, notiontest.Options{})))
	o.Exclude = []string{"*"}
	_, err := newMemoryLake().run(t.Context(), "20260101T000000Z", NewSource(o))
	if !errors.Is(err, ErrAllExcluded) || errors.Is(err, ErrNothingShared) {
		t.Errorf("error %v, want ErrAllExcluded", err)
	}
}
