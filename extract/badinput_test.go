package extract

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
	"github.com/notionlake/notionlake/lake"
)

// TestBadInput has a subtest per row of the table of bad inputs that is this
// package's, by its number.
func TestBadInput(t *testing.T) {
	t.Run("38 39 40 equal and unusable titles", func(t *testing.T) {
		v := newWorld(t, notiontest.Options{})
		v.w.Update(func(tx *notiontest.Tx) {
			for i, title := range []string{"Tasks", "A-B", "A B", "", "🔥", "\u202e\u200b", strings.Repeat("x", 5000), "../../etc", "a/b", "a\x00b", "CON", "con. "} {
				key := fmt.Sprint("source ", i)
				tx.AddDatabase(notiontest.Database{ID: id(key + " db")})
				tx.AddSource(notiontest.DataSource{ID: id(key), Database: id(key + " db"), Title: notiontest.Plain(title), Properties: []*notiontest.Property{{ID: "title", Name: "Name", Type: "title"}}})
			}
		})
		first := sources(v.load())
		seen := map[string]bool{}
		for _, name := range first {
			if seen[name] || len(name) > maxName || !validName.MatchString(name) {
				t.Errorf("a table is called %q", name)
			}
			seen[name] = true
		}
		equal(t, sources(v.load()), first)
	})
	t.Run("43 44 45 property names", func(t *testing.T) {
		properties := []*property{}
		for i, name := range []string{"Status", "status", "", "id", "_load_id", "created_time", "_id", "select", "order", "a\x00b"} {
			properties = append(properties, &property{id: fmt.Sprint("p", i), name: name, typ: "number"})
		}
		equal(t, columnNames(properties, nil), []string{
			"status", "status_7031", "property_7032", "id", "load_id", "created_time", "id_7036", "select", "order", "a_b",
		})
	})
	t.Run("46 many properties and options", func(t *testing.T) {
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
	})
	t.Run("49 an unknown type", func(t *testing.T) {
		v := newWorld(t, notiontest.Options{})
		v.w.Update(func(tx *notiontest.Tx) {
			tx.AddProperty(id("west"), notiontest.Property{ID: "q", Name: "Quantum", Type: "quantum"}, 0)
			tx.Set(tx.Model().Source(id("west")).Rows[0], "q", notiontest.Raw(`{"spin":0.50}`))
		})
		west := v.load()[id("west")]
		equal(t, west.texts("quantum"), []string{`{"spin":0.50}`})
		equal(t, west.omitted, []lake.Omission{{PropertyID: "q", Column: "quantum", Reason: string(ReasonType), Count: 1}})
	})
	t.Run("56 57 long texts and relations", func(t *testing.T) {
		v := newWorld(t, notiontest.Options{})
		long := strings.Repeat("long \n", 2<<20/6)
		v.w.Update(func(tx *notiontest.Tx) {
			rows := tx.Model().Source(id("east")).Rows
			var refs notiontest.Refs
			for len(refs) < 3000 {
				refs = append(refs, rows...)
			}
			tx.Set(id("short"), "title", notiontest.Plain(long))
			tx.Set(id("short"), "ref", refs)
		})
		tasks := v.load()[id("tasks")]
		equal(t, len(tasks.cell(id("short"), "accounts").Items()), 3000)
		if tasks.cell(id("short"), "name").Text() != long {
			t.Error("the long text differs")
		}
	})
	t.Run("70 a wiki", func(t *testing.T) {
		v := newWorld(t, notiontest.Options{})
		v.w.Update(func(tx *notiontest.Tx) {
			s := tx.Source(id("tasks"))
			s.Kind, s.Children = "wiki", []string{id("east")}
		})
		tasks := v.load()[id("tasks")]
		if slices.Contains(tasks.texts("_id"), id("east")) || len(tasks.rows) != 3 {
			t.Errorf("rows %v", tasks.texts("_id"))
		}
	})
}
