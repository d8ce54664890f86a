package notion

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

func TestPathSegment(t *testing.T) {
	for id, want := range map[string]string{
		"title":                                "title",
		"BJXS":                                 "BJXS",
		"f%5C%5C%3Ap":                          "f%5C%5C%3Ap",
		"%7BeR%5D":                             "%7BeR%5D",
		"'i6%2F":                               "'i6%2F",
		"Jz.%40":                               "Jz.%40",
		"~_'.`<|\\":                            "~_'.%60%3C%7C%5C",
		"a/b?c#d":                              "a%2Fb%3Fc%23d",
		"100%":                                 "100%25",
		"%zz":                                  "%25zz",
		"é \n":                                 "%C3%A9%20%0A",
		"notion%3A%2F%2Fx":                     "notion%3A%2F%2Fx",
		"c2f20311-9e54-4d11-8c79-7398424ae41e": "c2f20311-9e54-4d11-8c79-7398424ae41e",
	} {
		if got, err := pathSegment(id); err != nil || got != want {
			t.Errorf("pathSegment(%q) = %q, %v, want %q", id, got, err, want)
		}
	}
	if got, err := pathSegment(""); err == nil {
		t.Errorf("the empty id is %q", got)
	}
}

func related(more, propertyID string, numbers ...int) reply {
	var items []string
	for _, n := range numbers {
		items = append(items, fmt.Sprintf(`{"object":"property_item","id":"proj","type":"relation","relation":{"id":%q}}`, nthID(n)))
	}
	return json200(`{"object":"list","results":[` + strings.Join(items, ",") + `],` + more +
		`,"type":"property_item","property_item":{"id":"` + propertyID + `","type":"relation","relation":{}}}`)
}

func TestProperty(t *testing.T) {
	number := `{"object":"property_item","id":"n%3Am","type":"number","number":1.5}`
	sum := `{"object":"list","results":[],` + last + `,"type":"property_item","property_item":{"id":"n%3Am","type":"rollup","rollup":{"type":"number","number":13,"function":"sum"}}}`
	rolling := strings.Replace(strings.Replace(sum, last, toA, 1), `"number","number":13`, `"incomplete","incomplete":{}`, 1)
	tests := []struct {
		name, id string
		replies  []reply
		items    int
		last     string // within it
		is       error
		path     string
	}{
		{"no list", "n%3Am", []reply{json200(number)}, 0, `"number":1.5`, nil, "n%3Am"},
		{"list", "proj", []reply{related(toA, "proj", 1, 2), related(last, "proj", 3), related(toA, "proj", 1, 2), related(last, "proj", 3)}, 3, `"type":"relation"`, nil, "proj"},
		{"shorter meanwhile", "proj", []reply{related(toA, "proj", 1, 2), related(last, "proj", 3), related(last, "proj", 1)}, 1, `"type":"relation"`, nil, "proj"},
		{"skipped", "proj", []reply{
			related(toA, "proj", 1, 2), related(last, "proj", 4), related(toA, "proj", 2, 3), related(last, "proj", 4), related(toA, "proj", 2, 3), related(last, "proj", 4),
		}, 3, `"type":"relation"`, nil, "proj"},
		{"empty list", "proj", []reply{related(last, "proj")}, 0, `"type":"relation"`, nil, "proj"},
		{"rollup", "n%3Am", []reply{json200(rolling), json200(sum)}, 0, `"number":13`, nil, "n%3Am"},
		{"id not encoded", "n:m", []reply{json200(number)}, 0, `"number":1.5`, nil, "n:m"},
		{"refused cursor", "proj", []reply{related(toA, "proj", 1, 2), badCursor, related(toA, "proj", 1, 2), related(last, "proj", 3), related(toA, "proj", 1, 2), related(last, "proj", 3)}, 3, "", nil, "proj"},
		{"refused for ever", "proj", []reply{
			related(toA, "proj", 1), badCursor, related(toA, "proj", 1), badCursor, related(toA, "proj", 1), badCursor, related(toA, "proj", 1), badCursor,
		}, 0, "", ErrCursor, "proj"},
		{"another property, then this", "proj", []reply{related(last, "jorp", 1), related(last, "proj", 2)}, 1, "", nil, "proj"},
		{"a list of other things, then this", "proj", []reply{users(last, 1), related(last, "proj", 2)}, 1, "", nil, "proj"},
		{"a page, then this", "proj", []reply{json200(onePage), related(last, "proj", 2)}, 1, "", nil, "proj"},
		{"gone", "proj", []reply{refusal(404, "object_not_found")}, 0, "", ErrNotFound, "proj"},
		{"loop", "proj", []reply{related(toA, "proj", 1)}, 0, "", ErrLoop, "proj"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := answers(tt.replies...)
				items := 0
				got, err := newTestClient(t, f, unlimited).Property(t.Context(), pageID, tt.id, func(j JSON) error {
					items++
					if j.Get("relation").Get("id").Text() == "" {
						t.Errorf("item %s", j)
					}
					return nil
				})
				if !fits(err, tt.is) {
					t.Fatalf("error %v, want %v", err, tt.is)
				}
				if len(f.asked) < len(tt.replies) {
					t.Errorf("%d requests, want %d", len(f.asked), len(tt.replies))
				}
				if items != tt.items || !strings.Contains(string(got), tt.last) {
					t.Errorf("%d items and %s, want %d and %s", items, got, tt.items, tt.last)
				}
				want := "https://api.notion.com/v1/pages/" + pageID + "/properties/" + tt.path + "?page_size=100"
				if f.asked[0].url != want {
					t.Errorf("asked %s, want %s", f.asked[0].url, want)
				}
			})
		})
	}
}

func TestPropertyItemError(t *testing.T) {
	c := newTestClient(t, answers(related(last, "proj", 1, 2)), unlimited)
	n := 0
	_, err := c.Property(t.Context(), pageID, "proj", func(JSON) error { n++; return errAny })
	if !errors.Is(err, errAny) || n != 1 {
		t.Errorf("error %v after %d items", err, n)
	}
}
