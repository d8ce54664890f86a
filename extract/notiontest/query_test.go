package notiontest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFilters(t *testing.T) {
	// Rows 0 to 11 are created every ten seconds from 09:00:17 on: 0 to 4 at
	// 09:00, 5 to 10 at 09:01, 11 at 09:02.
	p := newPlain(12)
	created := func(cond string) string { return `{"timestamp":"created_time","created_time":` + cond + `}` }
	minute := func(m int) string { return fmt.Sprintf("2026-01-05T09:%02d:00.000Z", m) }
	tests := []struct {
		filter string
		want   []int
	}{
		{created(`{"on_or_after":"` + minute(1) + `"}`), span2(5, 12)},
		{created(`{"after":"` + minute(1) + `"}`), span2(11, 12)},
		{created(`{"before":"` + minute(1) + `"}`), span2(0, 5)},
		{created(`{"on_or_before":"` + minute(1) + `"}`), span2(0, 11)},
		{created(`{"equals":"` + minute(1) + `"}`), span2(5, 11)},
		{created(`{"on_or_after":"2026-01-05T10:01:00+01:00"}`), span2(5, 12)},
		{created(`{"on_or_after":"2026-01-05"}`), span2(0, 12)},
		{created(`{"after":"2026-01-05"}`), nil},
		{created(`{"equals":"2026-01-05"}`), span2(0, 12)},
		{created(`{"before":"2026-01-05"}`), nil},
		{`{"and":[` + created(`{"on_or_after":"`+minute(1)+`"}`) + `,` + created(`{"before":"`+minute(2)+`"}`) + `]}`, span2(5, 11)},
		{`{"or":[` + created(`{"after":"`+minute(1)+`"}`) + `,` + created(`{"before":"`+minute(1)+`"}`) + `]}`, []int{0, 1, 2, 3, 4, 11}},
		{`{"and":[` + created(`{"equals":"`+minute(1)+`"}`) + `,{"or":[{"property":"Nr","unique_id":{"less_than":6}},{"property":"num","unique_id":{"equals":8}}]}]}`, []int{5, 8}},
		{`{"property":"Nr","unique_id":{"greater_than_or_equal_to":9}}`, []int{9, 10, 11}},
		{`{"property":"Nr","unique_id":{"does_not_equal":3}}`, slices.Concat(span2(0, 3), span2(4, 12))},
		{`{"property":"title","title":{"starts_with":"task 1"}}`, []int{1, 10, 11}},
		{`{"property":"Name","title":{"ends_with":"1"}}`, []int{1, 11}},
		{`{"property":"Name","title":{"does_not_contain":"1"}}`, slices.Concat([]int{0}, span2(2, 10))},
		{`{"property":"Estimate","number":{"equals":0}}`, []int{0, 7}},
		{`{"property":"Estimate","number":{"is_empty":true}}`, nil},
		{`{"timestamp":"last_edited_time","last_edited_time":{"on_or_after":"` + minute(2) + `"}}`, []int{11}},
		{`{"timestamp":"created_time","created_time":{"is_not_empty":true}}`, span2(0, 12)},
	}
	c := newClient(t, NewServer(p.Workspace, Options{}))
	for _, tt := range tests {
		var got []int
		for _, id := range c.get(p.query(), `{"filter":`+tt.filter+byCreation+`}`).ids() {
			got = append(got, slices.Index(p.rows, id))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.filter, diff)
		}
	}
}

func span2(from, to int) []int {
	var all []int
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

func TestSorts(t *testing.T) {
	p := newPlain(20)
	c := newClient(t, NewServer(p.Workspace, Options{}))
	order := func(members string) []string { return idsOf(c.all(p.query(), members, 6, nil)) }
	if got := order(byCreation); !slices.Equal(got, p.rows) {
		t.Errorf("by created_time: %v", got)
	}
	down := order(`,"sorts":[{"property":"Nr","direction":"descending"}]`)
	slices.Reverse(down)
	if !slices.Equal(down, p.rows) {
		t.Errorf("by number, descending: %v", down)
	}
	free := order("")
	if slices.Equal(free, p.rows) {
		t.Error("without sorts the rows come in the order of their creation")
	}
	if !slices.Equal(free, order("")) {
		t.Error("the order without sorts changes")
	}
	shuffled := newClient(t, NewServer(p.Workspace, Options{Shuffle: true}))
	ties := idsOf(shuffled.all(p.query(), byCreation, 6, nil))
	if slices.Equal(ties, p.rows) || !slices.Equal(slices.Sorted(slices.Values(ties)), slices.Sorted(slices.Values(p.rows))) {
		t.Error("rows of one minute keep their order though shuffled, or some are lost")
	}
}

func TestRowsThatAreNotListed(t *testing.T) {
	p := newPlain(6)
	p.Update(func(t *Tx) {
		t.Trash(p.rows[0])
		t.Archive(p.rows[1])
		t.Trash(p.rows[2])
		t.Archive(p.rows[2])
		t.Page(p.rows[3]).Unshared = true
	})
	c := newClient(t, NewServer(p.Workspace, Options{}))
	if got := idsOf(c.all(p.query(), byCreation, 100, nil)); !slices.Equal(got, p.rows[4:]) {
		t.Errorf("rows %v", got)
	}
	if got := idsOf(c.all(p.query(), `,"is_archived":true`, 100, nil)); !slices.Equal(got, p.rows[1:2]) {
		t.Errorf("archived rows %v", got)
	}
	if o := c.get("GET /v1/pages/"+p.rows[0], ""); o["in_trash"] != true {
		t.Error("a trashed page says that it is not")
	}
	p.Update(func(t *Tx) { t.TrashSource(p.source) })
	if o := c.get("GET /v1/pages/"+p.rows[5], ""); o["in_trash"] != true {
		t.Error("a row of a trashed data source says that it is not in the trash")
	}
	if got := c.get(p.query(), `{}`).results(); len(got) != 0 {
		t.Errorf("a trashed data source lists %d rows", len(got))
	}
	p.Update(func(t *Tx) { t.RestoreSource(p.source); t.Unshare(p.source) })
	for _, to := range []string{p.query(), "GET /v1/data_sources/" + p.source, "GET /v1/pages/" + p.rows[5]} {
		if status, _ := c.ask(to, ""); status != 404 {
			t.Errorf("%s not shared: %d", to, status)
		}
	}
}

func TestWikiChildren(t *testing.T) {
	child := NewID(plainSeed, "child")
	p := newPlain(2, func(t *Tx, p *plain) {
		t.AddSource(DataSource{ID: child, Database: p.database, Title: Plain("Child")})
		s := t.Source(p.source)
		s.Kind, s.Children = "wiki", []string{child}
	})
	c := newClient(t, NewServer(p.Workspace, Options{}))
	kinds := func(members string) map[string]int {
		n := map[string]int{}
		for _, o := range c.all(p.query(), members, 1, nil) {
			n[o.str("object")]++
		}
		return n
	}
	for members, want := range map[string]map[string]int{
		"":                             {"page": 2, "data_source": 1},
		`,"result_type":"page"`:        {"page": 2},
		`,"result_type":"data_source"`: {"data_source": 1},
		`,"filter":{"timestamp":"created_time","created_time":{"after":"2026-01-05T09:00:00Z"}}`: {},
	} {
		if diff := cmp.Diff(want, kinds(members)); diff != "" {
			t.Errorf("%s: %s", members, diff)
		}
	}
}

func TestFilterProperties(t *testing.T) {
	p := newPlain(1)
	c := newClient(t, NewServer(p.Workspace, Options{}))
	for _, query := range []string{"?filter_properties=title&filter_properties=f%5C%3Ap", "?filter_properties[]=Name&filter_properties[]=Estimate"} {
		for _, o := range []object{c.get(p.query()+query, "{}").results()[0], c.get("GET /v1/pages/"+p.rows[0]+query, "")} {
			if got := sorted(o.at("properties")); !slices.Equal(got, []string{"Estimate", "Name"}) {
				t.Errorf("%s: %v", query, got)
			}
		}
	}
}

// A data source with a Generator answers as one with rows does.
func TestGenerated(t *testing.T) {
	w := Big(1500, 1)
	s := w.Model().Sources[0]
	to := "POST /v1/data_sources/" + s.ID + "/query"
	c := newClient(t, NewServer(w, Options{Cap: 1300}))
	want := make([]string, 1500)
	for i := range want {
		want[i] = s.Gen.ID(i)
	}
	rows := c.all(to, byCreation, 100, nil)
	if !slices.Equal(idsOf(rows), want[:1300]) {
		t.Fatalf("%d rows, not the first 1300", len(rows))
	}
	last := rows[1299].str("created_time")
	window := c.all(to, byCreation+fmt.Sprintf(`,"filter":{"timestamp":"created_time","created_time":{"on_or_after":%q}}`, last), 100, nil)
	at := slices.Index(want, window[0].str("id"))
	if at < 0 || at > 1299 || s.Gen.Minute(at-1).Format("2006-01-02T15:04:05.000Z") == last || !slices.Equal(idsOf(window), want[at:]) {
		t.Errorf("the window from %s on begins with row %d and has %d rows", last, at, len(window))
	}
	before := c.all(to, fmt.Sprintf(`,"filter":{"timestamp":"created_time","created_time":{"before":%q}}`, last), 100, nil)
	free := slices.Sorted(slices.Values(idsOf(before)))
	if !slices.Equal(free, slices.Sorted(slices.Values(want[:at]))) {
		t.Errorf("%d rows before %s, want %d", len(before), last, at)
	}
	page := c.get("GET /v1/pages/"+want[7]+"?filter_properties=title", "")
	if page.str("id") != want[7] || len(page.at("properties")) != 1 {
		t.Errorf("page %v", page)
	}
	for _, p := range s.Properties {
		item := c.get("GET /v1/pages/"+want[7]+"/properties/"+EncodeID(p.ID), "")
		kind := item.str("type")
		if item.str("object") == "list" {
			kind = item.at("property_item").str("type")
		}
		if kind != p.Type {
			t.Errorf("property item of %s %s: %v", p.Type, p.ID, item)
		}
	}
}

func TestSearch(t *testing.T) {
	inherited := NewID(plainSeed, "inherited")
	p := newPlain(4, func(t *Tx, p *plain) {
		t.AddSource(DataSource{ID: inherited, Database: p.database, Title: Plain("Inherited"), Inherited: true})
		t.AddPage(Page{Values: map[string]Value{"title": Plain("A page about TASKS")}})
		t.AddPage(Page{Unshared: true})
		t.Tick(time.Hour)
		t.Trash(p.rows[3])
		t.Archive(p.rows[2])
		t.Set(p.rows[1], "title", Plain("edited last"))
	})
	tests := []struct {
		body string
		o    Options
		want int
	}{
		{`{}`, Options{}, 5},
		{`{"query":"task"}`, Options{}, 3},
		{`{"filter":{"property":"object","value":"data_source"}}`, Options{}, 2},
		{`{"filter":{"property":"object","value":"page"}}`, Options{}, 3},
		{`{"filter":{"in_trash":true}}`, Options{}, 1},
		{`{"filter":{"property":"object","value":"page","in_trash":true}}`, Options{}, 1},
		{`{"sort":{"property":"relevance"}}`, Options{}, 5},
		{`{"filter":{"property":"object","value":"data_source"}}`, Options{SearchGap: SearchShared}, 1},
		{`{"filter":{"property":"object","value":"data_source"}}`, Options{SearchGap: SearchNoSources}, 0},
		{`{}`, Options{Cap: 2}, 2},
	}
	for _, tt := range tests {
		got := newClient(t, NewServer(p.Workspace, tt.o)).get("POST /v1/search", tt.body)
		if len(got.results()) != tt.want || (tt.o.Cap > 0) != (got.at("request_status").str("type") == "incomplete") {
			t.Errorf("%s %v: %v", tt.body, tt.o.SearchGap, got.ids())
		}
	}
	c := newClient(t, NewServer(p.Workspace, Options{}))
	up := c.get("POST /v1/search", `{"sort":{"timestamp":"last_edited_time","direction":"ascending"}}`).ids()
	if up[len(up)-1] != p.rows[1] {
		t.Errorf("the page edited last is not last: %v", up)
	}
	w := Everything(1)
	full := len(newClient(t, NewServer(w, Options{})).all("POST /v1/search", "", 100, nil))
	half := len(newClient(t, NewServer(w, Options{SearchGap: SearchHalf})).all("POST /v1/search", "", 100, nil))
	if half < full/4 || half > full*3/4 {
		t.Errorf("half of %d is %d", full, half)
	}
}
