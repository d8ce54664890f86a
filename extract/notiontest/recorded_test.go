package notiontest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// responses is the folder of the recorded responses, which are not part of the
// project; without them the test is skipped.
func responses(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("NOTION_RESPONSES")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "notion-responses")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no recorded responses to compare with: %v; NOTION_RESPONSES names the folder", err)
	}
	return dir
}

// TestRecorded: every recorded value is served in a page of its data source, and
// the schema knows its property with that type.
func TestRecorded(t *testing.T) {
	w, expected, err := Recorded(responses(t))
	if err != nil {
		t.Fatal(err)
	}
	m := w.Model()
	served := map[[3]string]string{}
	for _, s := range m.Sources {
		r := renderer{m: m, v: V20260311, limit: 25}
		if text := r.source(nil, s); !json.Valid(text) {
			t.Errorf("data source %s is not JSON: %s", s.ID, text)
		}
		titles := 0
		for _, p := range s.Properties {
			if p.Type == "title" {
				titles++
			}
		}
		if titles != 1 {
			t.Errorf("data source %s has %d titles", s.ID, titles)
		}
		for _, id := range s.Rows {
			var page pageJSON
			text := r.page(nil, m.Pages[id])
			if err := json.Unmarshal(text, &page); err != nil {
				t.Fatalf("page %s: %v", id, err)
			}
			for name, raw := range page.Properties {
				v, err := recordedValueOf(jsonMember{name, raw})
				if err != nil {
					t.Errorf("page %s, property %s: %v", id, name, err)
					continue
				}
				p := s.Property(v.id)
				if p == nil || p.Type != v.kind {
					t.Errorf("page %s, property %q of type %s is not in the schema of %s", id, name, v.kind, s.ID)
				}
				served[[3]string{s.ID, id, v.id}] = v.json
			}
		}
	}
	types := map[string]int{}
	for _, e := range expected {
		types[e.Type]++
		if d := cmp.Diff(e.JSON, served[[3]string{e.Source, e.Page, e.Property}]); d != "" {
			t.Errorf("page %s, property %s (-recorded +served):\n%s", e.Page, e.Property, d)
		}
	}
	if len(expected) < 1000 || len(types) < 20 {
		t.Errorf("%d values of %d types, want at least 1,000 of 20", len(expected), len(types))
	}
	t.Logf("%d values of %d types in %d pages of %d data sources: %v", len(expected), len(types), len(m.Pages), len(m.Sources), types)
}
