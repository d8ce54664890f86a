package notiontest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// listings are all listings of the workspace of every kind of object.
func allListings(m *Model) map[string]string {
	all := map[string]string{"GET /v1/users": "", "POST /v1/search": "", "POST /v1/search#": `,"filter":{"in_trash":true}`}
	for _, s := range m.Sources {
		if !m.Visible(s) {
			continue
		}
		query := "POST /v1/data_sources/" + s.ID + "/query"
		all[query] = ""
		all[query+"#sorted"] = byCreation
		all[query+"#archived"] = `,"is_archived":true`
		all["GET /v1/views?data_source_id="+s.ID] = ""
	}
	for id := range m.Children {
		if _, ok := m.child(id); ok {
			all["GET /v1/blocks/"+id+"/children"] = ""
		}
	}
	for id := range m.Comments {
		if _, ok := m.child(id); ok {
			all["GET /v1/comments?block_id="+id] = ""
		}
	}
	return all
}

// Every listing is complete and in the same order under any page size, short
// pages or not.
func TestListingLaw(t *testing.T) {
	w := Everything(3)
	whole := newClient(t, NewServer(w, Options{}))
	short := newClient(t, NewServer(w, Options{ShortPages: true, Seed: 5}))
	single := newClient(t, NewServer(w, Options{PageSize: 1}))
	for key, members := range allListings(w.Model()) {
		to := key
		if i := slices.Index([]byte(key), '#'); i >= 0 {
			to = key[:i]
		}
		want := idsOf(whole.all(to, members, 100, nil))
		if sizes := []int{1, 7}; len(want) > 1 {
			for _, size := range sizes {
				if got := idsOf(whole.all(to, members, size, nil)); !slices.Equal(got, want) {
					t.Errorf("%s%s by %d: %d results, want %d", to, members, size, len(got), len(want))
				}
			}
			pages := 0
			if got := idsOf(single.all(to, members, 100, func(object) { pages++ })); !slices.Equal(got, want) || pages != len(want) {
				t.Errorf("%s%s one by one: %d results in %d pages, want %d", to, members, len(got), pages, len(want))
			}
			got := idsOf(short.all(to, members, 10, nil))
			if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
				t.Errorf("%s%s in short pages: %d results, want %d", to, members, len(got), len(want))
			}
		}
		if seen := slices.Compact(slices.Sorted(slices.Values(want))); len(seen) != len(want) {
			t.Errorf("%s%s: %d results, %d different ones", to, members, len(want), len(seen))
		}
	}
}

func TestCap(t *testing.T) {
	p := newPlain(25)
	c := newClient(t, NewServer(p.Workspace, Options{Cap: 20}))
	pages := 0
	got := c.all(p.query(), byCreation, 7, func(o object) {
		pages++
		want := object{"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
		if diff := cmp.Diff(want, o.at("request_status")); diff != "" {
			t.Errorf("page %d: %s", pages, diff)
		}
	})
	if len(got) != 20 || pages != 3 || !slices.Equal(idsOf(got), p.rows[:20]) {
		t.Errorf("%d results on %d pages", len(got), pages)
	}
	for _, o := range []Options{{Cap: 25}, {}} {
		newClient(t, NewServer(p.Workspace, o)).all(p.query(), "", 10, func(o object) {
			if _, ok := o["request_status"]; ok {
				t.Errorf("a complete query has the request_status %v", o["request_status"])
			}
		})
	}
	// The window that the official client goes on with.
	last := got[19].str("created_time")
	rest := c.all(p.query(), byCreation+fmt.Sprintf(`,"filter":{"timestamp":"created_time","created_time":{"on_or_after":%q}}`, last), 100, nil)
	all := append(idsOf(got), idsOf(rest)...)
	slices.Sort(all)
	if all = slices.Compact(all); len(all) != 25 {
		t.Errorf("both windows hold %d rows, want 25", len(all))
	}
}

func TestCursors(t *testing.T) {
	p := newPlain(30)
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	o := Options{CursorTTL: time.Hour, Now: func() time.Time { return now }}
	c := newClient(t, NewServer(p.Workspace, o))
	first := c.get(p.query(), `{"page_size":10`+byCreation+`}`)
	cursor := first.str("next_cursor")
	ask := func(c client, to, members string) int {
		status, _ := c.ask(to, fmt.Sprintf(`{"start_cursor":%q%s}`, cursor, members))
		return status
	}
	o.Token = "ntn_other"
	other := newClient(t, NewServer(p.Workspace, o))
	stranger := request(p.query(), fmt.Sprintf(`{"start_cursor":%q%s}`, cursor, byCreation))
	stranger.Header.Set("Authorization", "Bearer ntn_other")
	if status, _, body := other.do(stranger); status != 400 {
		t.Errorf("cursor of another token: %d %s", status, body)
	}
	for name, tt := range map[string]struct {
		to, members string
		status      int
	}{
		"same":               {p.query(), byCreation, 200},
		"other size":         {p.query(), byCreation + `,"page_size":3`, 200},
		"no sort":            {p.query(), "", 400},
		"with a filter":      {p.query(), byCreation + `,"filter":{"property":"num","unique_id":{"less_than":5}}`, 400},
		"archived":           {p.query(), byCreation + `,"is_archived":true`, 400},
		"another endpoint":   {"POST /v1/search", "", 400},
		"other result types": {p.query(), byCreation + `,"result_type":"page"`, 400},
	} {
		if status := ask(c, tt.to, tt.members); status != tt.status {
			t.Errorf("%s: %d, want %d", name, status, tt.status)
		}
	}
	now = now.Add(time.Hour + time.Second)
	if status := ask(c, p.query(), byCreation); status != 400 {
		t.Errorf("cursor after its time: %d", status)
	}
}

// Positions shift when rows come, go or move between the pages.
func TestChangesBetweenPages(t *testing.T) {
	byEdit := `,"sorts":[{"timestamp":"last_edited_time","direction":"descending"}]`
	tests := []struct {
		name, members string
		change        func(p *plain)
		twice, lost   bool
	}{
		{"edited", byEdit, func(p *plain) { p.Update(func(t *Tx) { t.Tick(time.Hour); t.Set(p.rows[0], "title", Plain("new")) }) }, true, true},
		{"trashed", byCreation, func(p *plain) { p.Trash(p.rows[0]) }, false, true},
		{"added at the end", byCreation, func(p *plain) { p.AddRow(p.source, Page{}) }, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlain(20)
			calls := 0
			s := NewServer(p.Workspace, Options{BetweenPages: func(n int) {
				if calls++; n == 1 {
					tt.change(p)
				}
			}})
			got := idsOf(newClient(t, s).all(p.query(), tt.members, 5, nil))
			if int64(calls) != s.Stats().Pages || calls < 3 {
				t.Errorf("called %d times, %d later pages", calls, s.Stats().Pages)
			}
			seen := map[string]int{}
			for _, id := range got {
				seen[id]++
			}
			twice, lost := false, false
			for _, id := range p.rows {
				twice = twice || seen[id] > 1
				lost = lost || seen[id] == 0
			}
			if twice != tt.twice || lost != tt.lost {
				t.Errorf("a row twice: %v, want %v; a row lost: %v, want %v", twice, tt.twice, lost, tt.lost)
			}
		})
	}
}
