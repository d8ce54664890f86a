package extract

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// TestBadInput has a subtest per row of the table of bad inputs that is this
// package's, by its number.
func TestBadInput(t *testing.T) {
	t.Run("38", func(t *testing.T) {
		badTitles(t, []string{"Deals", "Deals", "Deals"}, func(_ string, n int, suffix string) string {
			return []string{"deals", "deals" + suffix, "deals" + suffix}[n]
		})
	})
	t.Run("39", func(t *testing.T) {
		badTitles(t, []string{"A-B", "A B", "a b"}, func(_ string, n int, suffix string) string {
			return []string{"a_b", "a_b" + suffix, "a_b" + suffix}[n]
		})
	})
	t.Run("40", func(t *testing.T) {
		badTitles(t, []string{"", "🔥", "\u202e\u200b", "   "}, func(_ string, _ int, suffix string) string { return "data_source" + suffix })
		badTitles(t, []string{strings.Repeat("x", 5000), strings.Repeat("x", 4000)}, func(_ string, n int, suffix string) string {
			return []string{strings.Repeat("x", maxName), strings.Repeat("x", maxName-len(suffix)) + suffix}[n]
		})
		badTitles(t, []string{"名前", "Größe"}, func(title string, _ int, _ string) string {
			return map[string]string{"名前": "ming_qian", "Größe": "grosse"}[title]
		})
	})
	t.Run("41", func(t *testing.T) {
		words := []string{"select", "order", "date", "table", "null"}
		badTitles(t, words, func(title string, _ int, _ string) string { return title })
		badColumns(t, words, words)
	})
	t.Run("42", func(t *testing.T) {
		badTitles(t, []string{"../../etc", "x/b", "y\x00b", "CON", "dot. "}, func(title string, _ int, _ string) string {
			return map[string]string{"../../etc": "etc", "x/b": "x_b", "y\x00b": "y_b", "CON": "con", "dot. ": "dot"}[title]
		})
		badTitles(t, []string{"CON", "con. "}, func(_ string, n int, suffix string) string { return []string{"con", "con" + suffix}[n] })
	})
	t.Run("43", func(t *testing.T) { badColumns(t, []string{"Status", "status"}, []string{"status", "status_7031"}) })
	t.Run("44", func(t *testing.T) { badColumns(t, []string{"", "🔥"}, []string{"property_7030", "property_7031"}) })
	t.Run("45", func(t *testing.T) {
		badColumns(t,
			[]string{"id", "_load_id", "created_time", "_id", "_raw", "load id"},
			[]string{"id", "load_id", "created_time", "id_7033", "raw", "load_id_7035"})
	})
	t.Run("46", badManyProperties)
	t.Run("47", badRenamedMeanwhile)
	t.Run("48", badRetypedMeanwhile)
	t.Run("49", badPropertyType)
	t.Run("50", badText)
	t.Run("51", func(t *testing.T) {
		v := newWorld(t, notiontest.Options{})
		v.w.Set(id("short"), "title", notiontest.Plain("a\x00b"))
		tasks := v.load()[id("tasks")]
		equal(t, tasks.cell(id("short"), "name").Text(), "a\x00b")
		equal(t, len(without(tasks.omitted, ReasonLongRollup)), 0)
	})
	t.Run("52", badNumbers)
	t.Run("53", func(t *testing.T) {
		v := newWorld(t, notiontest.Options{})
		for number, want := range map[string]float64{"-0.0": math.Copysign(0, -1), "-0": math.Copysign(0, -1), "5e-324": 5e-324, "-4.9e-320": -4.9e-320} {
			v.w.Set(id("short"), "size", notiontest.Number(number))
			tasks := v.load()[id("tasks")]
			if got := tasks.cell(id("short"), "size"); !got.Equal(lake.FloatValue(want)) {
				t.Errorf("%s became %s", number, got)
			}
			equal(t, len(without(tasks.omitted, ReasonLongRollup)), 0)
		}
	})
	t.Run("54", badDates)
	t.Run("55", func(t *testing.T) {
		badColumn(t, "date", `
{"start":"2026-09-15","end":null,"time_zone":null}
{"start":"2026-09-15T09:00:00.000+02:00","end":null,"time_zone":null}
{"start":"2026-07-01T12:00:00.000","end":null,"time_zone":"Europe/Berlin"}
{"start":"2019-10-17","end":"2019-10-05","time_zone":null}
{"start":null,"end":"2019-10-05","time_zone":null}`, `
{2026-09-15T00:00:00Z, null, true, null}
{2026-09-15T07:00:00Z, null, false, "+02:00"}
{2026-07-01T10:00:00Z, null, false, "Europe/Berlin"}
{2019-10-17T00:00:00Z, 2019-10-05T00:00:00Z, true, null}
{null, 2019-10-05T00:00:00Z, null, null}`)
	})
	t.Run("56", badLongValues)
	t.Run("57", badLongRelation)
	t.Run("58", badPeople)
	t.Run("59", badTrashedMeanwhile)
	t.Run("60", badDuplicateRow)
	t.Run("69", badCycles)
	t.Run("70", badWiki)
	t.Run("87", badUsersRefused)
	t.Run("81", badFileURLs)
}

// badTitles adds a data source per title, in the order of their IDs, and checks
// what their tables are called, the next night too.
func badTitles(t *testing.T, titles []string, want func(title string, n int, suffix string) string) {
	t.Helper()
	v := newWorld(t, notiontest.Options{})
	ids := make([]string, len(titles))
	for i := range ids {
		ids[i] = id(fmt.Sprint("source ", i))
	}
	slices.Sort(ids)
	v.w.Update(func(tx *notiontest.Tx) {
		for i, title := range titles {
			database := id(fmt.Sprint("database ", i))
			tx.AddDatabase(notiontest.Database{ID: database})
			tx.AddSource(notiontest.DataSource{ID: ids[i], Database: database, Title: notiontest.Plain(title), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
		}
	})
	for range 2 {
		tables := v.load()
		for i, title := range titles {
			got := tables[ids[i]].schema.Table
			if w := want(title, i, sourceSuffix(ids[i])); got != w || len(got) > maxName || !validName.MatchString(got) {
				t.Errorf("load %d, title %.20q: the table is called %q, want %q", v.loads, title, got, w)
			}
		}
	}
}

// badColumns checks what the columns of properties are called, whose IDs are p0,
// p1 and so on, the next night too.
func badColumns(t *testing.T, names, want []string) {
	t.Helper()
	var properties []*property
	for i, name := range names {
		properties = append(properties, &property{id: fmt.Sprint("p", i), name: name, typ: "number"})
	}
	equal(t, columnNames(properties, nil), want)
	before := map[string]*lake.Column{}
	for i, p := range properties {
		before[p.id] = &lake.Column{Key: p.id, Name: want[i], Property: true}
	}
	slices.Reverse(properties)
	got := columnNames(properties, before)
	slices.Reverse(got)
	equal(t, got, want)
}

// badColumn checks what values become: cells, and what is counted of them.
func badColumn(t *testing.T, typ, values, want string) {
	t.Helper()
	files := []txtar.File{
		{Name: "schema.json", Data: fmt.Appendf(nil, `{"id":"p","name":"P","type":%q,%q:{}}`, typ, typ)},
		{Name: "values.json", Data: []byte(strings.TrimSpace(values) + "\n")},
		{Name: "users.json", Data: []byte(`[{"object":"user","id":"ada","name":"Ada","type":"person","person":{"email":"ada@example.com"}},{"object":"user","id":"bot","name":null,"type":"bot","bot":{}}]`)},
	}
	_, got, _ := strings.Cut(propertyColumn(t, &txtar.Archive{Files: files}, map[string]bool{}), "\n")
	equal(t, strings.TrimSpace(got), strings.TrimSpace(want))
}

// without leaves out what newWorld's tables always count.
func without(all []lake.Omission, reason Reason) []lake.Omission {
	var rest []lake.Omission
	for _, o := range all {
		if o.Reason != string(reason) {
			rest = append(rest, o)
		}
	}
	return rest
}

func badManyProperties(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	v.w.Update(func(tx *notiontest.Tx) {
		options := make([]notiontest.Option, 5000)
		for i := range options {
			options[i] = notiontest.Option{ID: fmt.Sprint("o", i), Name: fmt.Sprint("Option ", i)}
		}
		tx.AddProperty(id("west"), notiontest.Property{ID: "opts", Name: "Options", Type: "select", Options: options}, 0)
		for i := range 500 {
			tx.AddProperty(id("west"), notiontest.Property{ID: fmt.Sprint("p", i), Name: fmt.Sprint("P ", i), Type: "number"}, 0)
		}
	})
	tables := v.load()
	equal(t, len(tables[id("west")].schema.Columns), len(pageColumns)+1+503)
	equal(t, len(tables["_options"].rows), 5000)
}

// changing loads the world while a change happens between the properties and the
// rows of the data source east.
func changing(t *testing.T, change func(tx *notiontest.Tx)) (*world, map[string]*memoryTable) {
	t.Helper()
	var v *world
	changed := false
	v = newWorld(t, notiontest.Options{OnRequest: func(r *http.Request) {
		if onPath(id("east")+"/query")(r) && !changed {
			changed = true
			v.w.Update(change)
		}
	}})
	tables := v.load()
	if !changed {
		t.Fatal("invalid: nothing was changed")
	}
	return v, tables
}

const sourceRoute = "GET /v1/data_sources/{data_source_id}"

// A property that is renamed while the load runs is known by its ID, and has its
// new name from the next load on. One that is added is counted until then.
func badRenamedMeanwhile(t *testing.T) {
	v, tables := changing(t, func(tx *notiontest.Tx) {
		tx.RenameProperty(id("east"), "amount", "Sum")
		tx.AddProperty(id("east"), notiontest.Property{ID: "new", Name: "Amount", Type: "checkbox"}, 0)
		tx.AddProperty(id("east"), notiontest.Property{ID: "newer", Name: "Done", Type: "checkbox"}, 0)
	})
	if n := v.server.Stats().Routes[sourceRoute]; n != 4 {
		t.Errorf("data sources were asked for %d times, want 3 and once more", n)
	}
	east := tables[id("east")]
	equal(t, slices.Compact(east.texts("amount")), []string{"2"})
	equal(t, east.omitted, []lake.Omission{{PropertyID: "new", Reason: string(ReasonAdded), Count: 60}, {PropertyID: "newer", Reason: string(ReasonAdded), Count: 60}})
	next := v.load()[id("east")]
	equal(t, slices.Compact(next.texts("sum")), []string{"2"})
	equal(t, slices.Compact(next.texts("amount")), []string{"false"})
	equal(t, len(next.omitted), 0)
}

// A property whose type changes while the load runs: the data source is looked
// at once more, its table is not whole, and the others are.
func badRetypedMeanwhile(t *testing.T) {
	v, tables := changing(t, func(tx *notiontest.Tx) {
		tx.Retype(id("east"), "amount", notiontest.Property{Type: "rich_text"}, func(notiontest.Value) notiontest.Value { return notiontest.Plain("two") })
	})
	equal(t, sources(tables), []string{"east partial", "tasks", "west"})
	for _, part := range []string{"east", "Amount", "became a rich_text while the load ran"} {
		if err := tables[id("east")].partial; !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	if kinds := tables["_problems"].texts("kind"); !slices.Contains(kinds, string(KindPartial)) {
		t.Errorf("problems: %v", kinds)
	}
	if n := v.server.Stats().Routes[sourceRoute]; n != 4 {
		t.Errorf("data sources were asked for %d times, want 3 and once more: %v", n, v.server.Stats().Routes)
	}
	equal(t, slices.Compact(v.load()[id("east")].texts("amount")), []string{"two"})
}

func badPropertyType(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	v.w.Update(func(tx *notiontest.Tx) {
		tx.AddProperty(id("west"), notiontest.Property{ID: "q", Name: "Quantum", Type: "quantum"}, 0)
		tx.Set(tx.Model().Source(id("west")).Rows[0], "q", notiontest.Raw(`{"spin":0.50}`))
	})
	west := v.load()[id("west")]
	equal(t, west.texts("quantum"), []string{`{"spin":0.50}`})
	equal(t, west.omitted, []lake.Omission{{PropertyID: "q", Column: "quantum", Reason: string(ReasonType), Count: 1}})
}

// What is not Unicode is U+FFFD, and counted.
func badText(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	v.w.Update(func(tx *notiontest.Tx) {
		tx.Set(id("short"), "title", notiontest.Text{{Text: "lone \ufffd", JSON: `"lone \ud800"`}})
		tx.Set(id("old"), "title", notiontest.Text{{Text: "bad \ufffd", JSON: "\"bad \xff\""}})
	})
	tasks := v.load()[id("tasks")]
	equal(t, tasks.texts("name"), []string{"bad \ufffd", "lone \ufffd", "long"})
	equal(t, without(tasks.omitted, ReasonLongRollup), []lake.Omission{{PropertyID: "title", Column: "name", Reason: string(ReasonText), Count: 2}})
}

func badNumbers(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	for number, want := range map[string]struct {
		value  lake.Value
		reason Reason
	}{
		"12345678901234567890": {lake.FloatValue(12345678901234567890), ReasonInexact},
		"9007199254740993":     {lake.FloatValue(9007199254740992), ReasonInexact},
		"1e400":                {lake.Value{}, ReasonNumberRange},
		"-1e400":               {lake.Value{}, ReasonNumberRange},
	} {
		v.w.Set(id("short"), "size", notiontest.Number(number))
		tasks := v.load()[id("tasks")]
		if got := tasks.cell(id("short"), "size"); !got.Equal(want.value) {
			t.Errorf("%s became %s", number, got)
		}
		if raw := tasks.cell(id("short"), "_raw").Text(); !strings.Contains(raw, ":"+number) {
			t.Errorf("%s is not in %s", number, raw)
		}
		equal(t, without(tasks.omitted, ReasonLongRollup), []lake.Omission{{PropertyID: "size", Column: "size", Reason: string(want.reason), Count: 1}})
	}
	for _, token := range []string{"NaN", "Infinity", "-Infinity"} { // not JSON
		synctest.Test(t, func(t *testing.T) {
			v := newWorld(t, notiontest.Options{})
			v.w.Set(id("short"), "size", notiontest.Number(token))
			tables := v.load()
			equal(t, sources(tables), []string{"east", "tasks partial", "west"})
			if err := tables[id("tasks")].partial; err == nil || !strings.Contains(err.Error(), id("tasks")) || !strings.Contains(err.Error(), "after 8 attempts") {
				t.Errorf("%s: error %v", token, err)
			}
		})
	}
}

// What is no date is null and counted, and _raw has it as it is.
func badDates(t *testing.T) {
	badColumn(t, "date", `
{"start":"0000-01-01","end":null,"time_zone":null}
{"start":"10000-01-01","end":null,"time_zone":null}
{"start":"-0001-01-01","end":null,"time_zone":null}
{"start":"2021-02-30","end":null,"time_zone":null}
{"start":"2021-01-01T23:59:60Z","end":null,"time_zone":null}
{"start":"0001-01-01","end":null,"time_zone":null}
{"start":"1677-01-01","end":"9999-12-31","time_zone":null}
{"start":"9999-12-31T23:59:59.999999Z","end":null,"time_zone":null}`, `
null
null
null
null
null
{0001-01-01T00:00:00Z, null, true, null}
{1677-01-01T00:00:00Z, 9999-12-31T00:00:00Z, true, null}
{9999-12-31T23:59:59.999999Z, null, false, "Z"}
counted: date_invalid 5`)
	v := newWorld(t, notiontest.Options{})
	v.w.Update(func(tx *notiontest.Tx) {
		tx.AddProperty(id("west"), notiontest.Property{ID: "d", Name: "Due", Type: "date"}, 0)
		tx.Set(tx.Model().Source(id("west")).Rows[0], "d", notiontest.Date{Start: "10000-01-01"})
	})
	west := v.load()[id("west")]
	equal(t, west.texts("due"), []string{"null"})
	equal(t, west.omitted, []lake.Omission{{PropertyID: "d", Column: "due", Reason: string(ReasonDate), Count: 1}})
	if raw := west.texts("_raw")[0]; !strings.Contains(raw, `"10000-01-01"`) {
		t.Errorf("the date is not in %s", raw)
	}
}

func badLongValues(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	size, references := 2<<20, 3000
	if raced {
		size, references = 100_000, 300
	}
	long := strings.Repeat("long \n", size/6)
	v.w.Update(func(tx *notiontest.Tx) {
		rows := tx.Model().Source(id("east")).Rows
		var refs notiontest.Refs
		for len(refs) < references {
			refs = append(refs, rows...)
		}
		tx.Set(id("short"), "title", notiontest.Plain(long))
		tx.Set(id("short"), "ref", refs)
	})
	tasks := v.load()[id("tasks")]
	equal(t, len(tasks.cell(id("short"), "accounts").Items()), references)
	if tasks.cell(id("short"), "name").Text() != long {
		t.Error("the long text differs")
	}
}

// A relation beyond 25 is whole, and so are rollups over it; where the related rows
// are not in the load, what Notion does not give whole is null and counted, never a part.
func badLongRelation(t *testing.T) {
	v := newWorld(t, notiontest.Options{ShortPages: true})
	tasks := v.load()[id("tasks")]
	var want []lake.Value
	for _, row := range v.w.Model().Source(id("east")).Rows {
		want = append(want, lake.TextValue(row))
	}
	if got := tasks.cell(id("long"), "accounts"); !got.Equal(lake.ListValue(want)) {
		t.Errorf("%d of %d references: %s", len(got.Items()), len(want), got)
	}
	equal(t, tasks.cell(id("long"), "total").String(), "120")
	equal(t, len(tasks.cell(id("long"), "all").Items()), 60)
	v.options.Exclude = []string{id("east")}
	tasks = v.load()[id("tasks")]
	equal(t, tasks.cell(id("long"), "total").String(), "120")
	equal(t, tasks.cell(id("long"), "all").String(), "null")
	equal(t, tasks.omitted, []lake.Omission{{PropertyID: "all", Column: "all", Reason: string(ReasonLongRollup), Count: 1}})
}

func badPeople(t *testing.T) {
	badColumn(t, "people", `
[{"object":"user","id":"ada"}]
[{"object":"user","id":"bot"}]
[{"object":"user","id":"gone"}]
[{"id":"gone"}]
[{"object":"user","id":"x","type":"person","person":null,"name":null}]
[]
null`, `
[{"ada", "Ada", "ada@example.com", "person"}]
[{"bot", null, null, "bot"}]
[{"gone", null, null, null}]
[{"gone", null, null, null}]
[{"x", null, null, "person"}]
[]
null`)
}

// Rows that go to the trash or the archive between two pages: no error, and the
// others are there once.
func badTrashedMeanwhile(t *testing.T) {
	var rows []string
	_, tables := changing(t, func(tx *notiontest.Tx) {
		rows = tx.Model().Source(id("east")).Rows
		tx.Trash(rows[0])
		tx.Archive(rows[1])
	})
	equal(t, sources(tables), []string{"east", "tasks", "west"})
	equal(t, tables[id("east")].texts("_id"), sorted(slices.Clone(rows[1:])))
	equal(t, tables[id("east")].cell(rows[1], "_archived"), lake.BoolValue(true))
}

// A row that comes on two pages is in the table once.
func badDuplicateRow(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	v.w.Update(func(tx *notiontest.Tx) {
		for range 250 {
			tx.AddRow(id("west"), notiontest.Page{})
		}
	})
	v.server.Inject(onPath(id("west")+"/query"), notiontest.FaultDuplicate, 1)
	west := v.load()[id("west")]
	if n := v.server.Stats().Fired(); n != 1 {
		t.Fatalf("invalid: %d faults fired", n)
	}
	equal(t, west.texts("_id"), sorted(slices.Clone(v.w.Model().Source(id("west")).Rows)))
}

func badWiki(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	v.w.Update(func(tx *notiontest.Tx) {
		s := tx.Source(id("tasks"))
		s.Kind, s.Children = "wiki", []string{id("east")}
	})
	tables := v.load()
	equal(t, tables[id("tasks")].texts("_id"), sorted([]string{id("long"), id("short"), id("old")}))
	equal(t, sources(tables), []string{"east", "tasks", "west"})

	// Where nothing else leads to it, its table is there too, and what is in its rows.
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		addSource(tx, "inner", notiontest.Parent{})
		tx.Source(key("inner")).Inherited = true
		tx.AddRow(key("inner"), notiontest.Page{ID: key("row"), Values: titled("row")})
		addSource(tx, "wiki", notiontest.Parent{})
		s := tx.Source(key("wiki"))
		s.Kind, s.Children = "wiki", []string{key("inner")}
	})
	tables, err := newMemoryLake().run(t.Context(), "20260101T000000Z",
		NewSource(contentOptions(newClient(t, notiontest.NewServer(w, notiontest.Options{SearchGap: notiontest.SearchShared})))))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, sources(tables), []string{"inner", "wiki"})
	equal(t, tables[keyPages].texts("id"), []string{key("row")})
	equal(t, tables[key("wiki")].texts("_id"), []string{})
}

// badCycles are blocks, synced blocks and pages that stand in themselves.
func badCycles(t *testing.T) {
	w := notiontest.NewWorkspace(1)
	w.Update(func(tx *notiontest.Tx) {
		for _, k := range []string{"a", "b"} {
			page := tx.AddPage(notiontest.Page{ID: key("page " + k), Values: titled(k)})
			addBlock(tx, "toggle "+k, "page_id", page, "toggle", `{"rich_text":[]}`)
			addBlock(tx, "synced "+k, "block_id", key("toggle "+k), "synced_block", `{"synced_from":null}`)
			tx.Loop(key("synced "+k), key("toggle "+k)) // in what it is in
			tx.Loop(key("toggle "+k), key("toggle "+k)) // in itself
		}
		// Copies of each other in each other, and a copy of itself.
		for _, c := range [][2]string{{"a", "b"}, {"b", "a"}} {
			addBlock(tx, "copy in "+c[0], "block_id", key("synced "+c[0]), "synced_block", `{"synced_from":{"type":"block_id","block_id":"`+key("synced "+c[1])+`"}}`)
		}
		addBlock(tx, "of itself", "page_id", key("page a"), "synced_block", `{"synced_from":{"type":"block_id","block_id":"`+key("of itself")+`"}}`)
	})
	l := newMemoryLake()
	for _, load := range []string{"20260101T000000Z", "20260102T000000Z"} {
		w.Update(func(tx *notiontest.Tx) { tx.Tick(24 * time.Hour) })
		o := contentOptions(newClient(t, notiontest.NewServer(w, notiontest.Options{})))
		o.Now = func() time.Time { return w.Model().Clock }
		tables, err := l.run(t.Context(), load, NewSource(o))
		if err != nil {
			t.Fatal(err)
		}
		blocks := tables[keyBlocks].texts("id")
		equal(t, sorted(blocks), blocks)
		equal(t, len(blocks), 7)
		for _, k := range []string{"a", "b"} {
			if text := tables[keyPages].cell(key("page "+k), "markdown").Text(); !strings.Contains(text, "<synced_block_reference") || len(text) > 10_000 {
				t.Errorf("markdown of %s: %d bytes", k, len(text))
			}
		}
	}
}

// A connection that may not read users: those that were met, by their IDs, and a
// row that says so.
func badUsersRefused(t *testing.T) {
	v := newWorld(t, notiontest.Options{NoUsers: true})
	tables := v.load()
	equal(t, sources(tables), []string{"east", "tasks", "west"})
	for _, key := range []string{"ada", "guest", "removed"} {
		equal(t, tables["_users"].cell(id(key), "id").Text(), id(key))
	}
	if kinds := tables["_problems"].texts("kind"); !slices.Contains(kinds, string(KindUsers)) {
		t.Errorf("problems: %v", kinds)
	}
}
