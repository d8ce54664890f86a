package notiontest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// linked is a workspace with one row that points to n tasks.
func linked(n int, functions ...string) (p *plain, page, source string) {
	source = NewID(plainSeed, "projects")
	var people People
	p = newPlain(n, func(t *Tx, p *plain) {
		for i := range n {
			id := NewID(plainSeed, fmt.Sprintf("person %d", i))
			t.AddUser(User{ID: id, Type: "person", Name: fmt.Sprintf("P%d", i)})
			people = append(people, id)
		}
		properties := []*Property{
			{ID: "title", Name: "Name", Type: "title"},
			{ID: ">|/", Name: "Tasks", Type: "relation", Relation: &Relation{Source: p.source}},
			{ID: "own", Name: "Owners", Type: "people"},
		}
		for _, f := range functions {
			properties = append(properties, &Property{ID: f, Name: f, Type: "rollup", Rollup: &Rollup{">|/", `f\:p`, f}})
		}
		t.AddSource(DataSource{ID: source, Database: p.database, Properties: properties})
		page = t.AddRow(source, Page{Values: map[string]Value{"title": Text{{Text: "a"}, {Text: "b", Bold: true}}, ">|/": Refs(p.rows), "own": people}})
	})
	return p, page, source
}

func TestLimit25(t *testing.T) {
	for _, n := range []int{0, 24, 25, 26, 230} {
		p, page, source := linked(n, "sum", "count", "show_original")
		c := newClient(t, NewServer(p.Workspace, Options{}))
		for _, o := range []object{c.get("GET /v1/pages/"+page, ""), c.get("POST /v1/data_sources/"+source+"/query", "{}").results()[0]} {
			values := o.at("properties")
			refs, people := values.at("Tasks")["relation"].([]any), values.at("Owners")["people"].([]any)
			if len(refs) != min(n, 25) || len(people) != min(n, 25) || values.at("Tasks")["has_more"] != (n > 25) {
				t.Errorf("%d: %d references, %d people, has_more %v", n, len(refs), len(people), values.at("Tasks")["has_more"])
			}
			if _, flagged := values.at("Owners")["has_more"]; flagged {
				t.Error("people say has_more")
			}
			if got := values.at("count", "rollup")["number"]; got != json.Number(fmt.Sprint(min(n, 25))) {
				t.Errorf("%d: count %v", n, got)
			}
		}
		items := c.all("GET /v1/pages/"+page+"/properties/%3E%7C%2F", "", 100, nil)
		var got []string
		for _, i := range items {
			got = append(got, i.at("relation").str("id"))
			if i.str("object") != "property_item" || i.str("id") != "%3E%7C%2F" {
				t.Fatalf("item %v", i)
			}
		}
		if !slices.Equal(got, p.rows) {
			t.Errorf("%d references in full: %d", n, len(got))
		}
		if got := c.all("GET /v1/pages/"+page+"/properties/own", "", 100, nil); len(got) != n {
			t.Errorf("%d people in full: %d", n, len(got))
		}
	}
}

func TestPropertyItems(t *testing.T) {
	p, page, _ := linked(60)
	c := newClient(t, NewServer(p.Workspace, Options{}))
	path := "GET /v1/pages/" + page + "/properties/"
	title := c.get(path+"title", "")
	var runs []string
	for _, r := range title.results() {
		runs = append(runs, r.at("title").str("plain_text"))
	}
	want := object{"id": "title", "next_url": nil, "type": "title", "title": map[string]any{}}
	if diff := cmp.Diff(want, title.at("property_item")); diff != "" || !slices.Equal(runs, []string{"a", "b"}) || title.str("type") != "property_item" {
		t.Errorf("title: %v %s", title, diff)
	}
	first := c.get(path+"%3E%7C%2F?page_size=7", "")
	next := fmt.Sprintf("https://api.notion.com/v1/pages/%s/properties/%%3E%%7C%%2F?start_cursor=%s&page_size=7", page, first.str("next_cursor"))
	if got := first.at("property_item").str("next_url"); got != next {
		t.Errorf("next_url %s, want %s", got, next)
	}
	number := c.get("GET /v1/pages/"+p.rows[3]+"/properties/f%5C%3Ap", "")
	delete(number, "request_id")
	if diff := cmp.Diff(object{"object": "property_item", "id": "f%5C%3Ap", "type": "number", "number": json.Number("3")}, number); diff != "" {
		t.Error(diff)
	}
	if empty := c.get("GET /v1/pages/"+p.rows[3]+"/properties/title", ""); empty["results"] == nil {
		t.Error("a title is no list")
	}
}

func TestRollupItems(t *testing.T) {
	p, page, _ := linked(60, "sum", "count", "show_original", "show_unique", "unique", "median", "count_per_group", "percent_per_group")
	c := newClient(t, NewServer(p.Workspace, Options{}))
	sum := 0
	for i := range 60 {
		sum += i % 7
	}
	tests := map[string]struct{ before, last, item string }{
		"sum":               {`{"type":"incomplete","incomplete":{},"function":"sum"}`, fmt.Sprintf(`{"type":"number","number":%d,"function":"sum"}`, sum), "relation"},
		"count":             {`{"type":"incomplete","incomplete":{},"function":"count"}`, `{"type":"number","number":60,"function":"count"}`, "relation"},
		"show_original":     {`{"type":"array","array":[],"function":"show_original"}`, `{"type":"array","array":[],"function":"show_original"}`, "number"},
		"show_unique":       {`{"type":"unsupported","unsupported":{},"function":"show_unique"}`, `{"type":"unsupported","unsupported":{},"function":"show_unique"}`, "number"},
		"median":            {`{"type":"unsupported","unsupported":{},"function":"median"}`, `{"type":"unsupported","unsupported":{},"function":"median"}`, "number"},
		"unique":            {`{"type":"unsupported","unsupported":{},"function":"unique"}`, `{"type":"unsupported","unsupported":{},"function":"unique"}`, "number"},
		"count_per_group":   {`{"type":"unsupported","unsupported":{},"function":"count_per_group"}`, `{"type":"unsupported","unsupported":{},"function":"count_per_group"}`, "number"},
		"percent_per_group": {`{"type":"unsupported","unsupported":{},"function":"percent_per_group"}`, `{"type":"unsupported","unsupported":{},"function":"percent_per_group"}`, "number"},
	}
	for function, tt := range tests {
		n := 0
		all := c.all("GET /v1/pages/"+page+"/properties/"+function, "", 25, func(o object) {
			n++
			want := parse(t, tt.before)
			if n == 3 {
				want = parse(t, tt.last)
			}
			if diff := cmp.Diff(want, o.at("property_item", "rollup")); diff != "" {
				t.Errorf("%s, page %d: %s", function, n, diff)
			}
		})
		if n != 3 || len(all) != 60 || all[59].str("type") != tt.item {
			t.Errorf("%s: %d items on %d pages, the last is %v", function, len(all), n, all[len(all)-1])
		}
	}
}

// Pages that are known as JSON only have a property endpoint too.
func TestRecordedItems(t *testing.T) {
	p := newPlain(1, func(t *Tx, p *plain) {
		t.AddProperty(p.source, Property{ID: "roll", Name: "Roll", Type: "rollup", Rollup: &Rollup{"none", "none", "show_original"}}, -1)
		page := t.Page(p.rows[0])
		page.Values = nil
		page.raw = `{"object":"page","id":"` + p.rows[0] + `","properties":{` +
			`"Name":{"id":"title","type":"title","title":[{"plain_text":"a"},{"plain_text":"b"}]},` +
			`"Estimate":{"id":"f%5C%3Ap","type":"number","number":1.50},` +
			`"Roll":{"id":"roll","type":"rollup","rollup":{"type":"array","array":[{"type":"title","title":[{"plain_text":"x"},{"plain_text":"y"}]},{"type":"title","title":[]}],"function":"show_original"}}}}`
	})
	c := newClient(t, NewServer(p.Workspace, Options{}))
	path := "GET /v1/pages/" + p.rows[0]
	if got := c.get(path+"/properties/title", "").results(); len(got) != 2 || got[1].at("title").str("plain_text") != "b" {
		t.Errorf("title %v", got)
	}
	if got := c.get(path+"/properties/f%5C%3Ap", ""); got["number"] != json.Number("1.50") {
		t.Errorf("number %v", got)
	}
	roll := c.get(path+"/properties/roll", "")
	if array, _ := roll.at("property_item", "rollup")["array"].([]any); len(roll.results()) != 2 || len(array) != 0 || array == nil {
		t.Errorf("rollup %v", roll)
	}
	if got := sorted(c.get(path+"?filter_properties=title", "").at("properties")); !slices.Equal(got, []string{"Name"}) {
		t.Errorf("properties %v", got)
	}
}
