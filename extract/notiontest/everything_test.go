package notiontest

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"
)

// rendered is every object of a workspace, one a line.
func rendered(w *Workspace) []byte {
	m := w.Model()
	r := renderer{m: m, v: V20260311, limit: 25}
	var all []byte
	for _, d := range m.Databases {
		all = append(r.database(all, d), '\n')
	}
	for _, s := range m.Sources {
		all = append(r.source(all, s), '\n')
		for _, id := range s.Rows {
			all = append(r.page(all, m.Pages[id]), '\n')
		}
	}
	for _, id := range m.TopPages {
		all = append(r.page(all, m.Pages[id]), '\n')
	}
	for _, u := range m.Users {
		all = append(r.fullUser(all, u), '\n')
	}
	return all
}

// TestDeterminism: a seed gives the same workspace and the same changes, another
// seed another workspace.
func TestDeterminism(t *testing.T) {
	if raced {
		t.Skip("nothing of it happens at the same time as something else")
	}
	for name, states := range map[string]func(seed uint64) [][]byte{
		"Everything": func(seed uint64) [][]byte {
			w := Everything(seed)
			states := [][]byte{rendered(w)}
			for _, step := range Generations(w) {
				step()
				states = append(states, rendered(w))
			}
			return states
		},
		"Demo": func(seed uint64) [][]byte {
			w, steps := Demo(seed)
			states := [][]byte{rendered(w)}
			for _, step := range steps {
				step.Apply()
				states = append(states, rendered(w))
			}
			return states
		},
	} {
		t.Run(name, func(t *testing.T) {
			first, again, other := states(1), states(1), states(2)
			for i := range first {
				if !bytes.Equal(first[i], again[i]) {
					t.Errorf("state %d differs from run to run", i)
				}
				if bytes.Equal(first[i], other[i]) {
					t.Errorf("state %d is the same for another seed", i)
				}
			}
		})
	}
}

// TestEverythingRenders: in every generation all objects are JSON; what is not
// UTF-8 is where a run says so; IDs and names of properties are unique.
func TestEverythingRenders(t *testing.T) {
	if raced {
		t.Skip("nothing of it happens at the same time as something else")
	}
	w := Everything(1)
	for i, step := range append([]func(){func() {}}, Generations(w)...) {
		step()
		broken := 0
		for _, line := range bytes.Split(bytes.TrimSpace(rendered(w)), []byte{'\n'}) {
			if !json.Valid(line) {
				t.Errorf("generation %d: no JSON: %.300s", i, line)
			}
			if !utf8.Valid(line) {
				broken++
			}
		}
		if broken == 0 || broken > 10 {
			t.Errorf("generation %d: %d objects with bytes that are not UTF-8, want some", i, broken)
		}
		m := w.Model()
		for _, s := range m.Sources {
			ids, names := map[string]bool{}, map[string]bool{}
			for _, p := range s.Properties {
				if ids[p.ID] || names[p.Name] {
					t.Errorf("generation %d, data source %q: property %q, %q is there twice", i, s.Title.String(), p.ID, p.Name)
				}
				ids[p.ID], names[p.Name] = true, true
				if p.Rollup != nil && s.Property(p.Rollup.Relation) == nil {
					t.Errorf("generation %d, data source %q: rollup %q over no relation", i, s.Title.String(), p.Name)
				}
			}
			if s.Property("title") == nil {
				t.Errorf("generation %d, data source %q has no title", i, s.Title.String())
			}
		}
	}
}

// TestEverythingHasAll: what the workspace is there for is in it.
func TestEverythingHasAll(t *testing.T) {
	m := Everything(1).Model()
	types := map[string]bool{}
	rowsOf := func(key string) int { return len(m.Source(SourceID(1, key)).Rows) }
	longRefs, longPeople, longTexts := 0, 0, 0
	for _, s := range m.Sources {
		for _, p := range s.Properties {
			types[p.Type] = true
			for _, id := range s.Rows {
				switch v := m.Pages[id].Values[p.ID].(type) {
				case Refs:
					longRefs = max(longRefs, len(v))
				case People:
					longPeople = max(longPeople, len(v))
				case Text:
					longTexts = max(longTexts, len(v.String()))
				}
			}
		}
	}
	for _, kind := range []string{
		"title", "rich_text", "number", "select", "multi_select", "status", "date", "people", "files", "checkbox", "url", "email", "phone_number",
		"formula", "relation", "rollup", "created_time", "last_edited_time", "created_by", "last_edited_by", "unique_id", "verification", "place",
		"button", "location", "last_visited_time", "quantum_state",
	} {
		if !types[kind] {
			t.Errorf("no property of type %s", kind)
		}
	}
	if longRefs < 201 || longPeople < 101 || longTexts < 200_000 {
		t.Errorf("at most %d references, %d people, %d bytes of text", longRefs, longPeople, longTexts)
	}
	for key, want := range map[string]int{"size/0": 0, "size/1": 1, "size/99": 99, "size/100": 100, "size/101": 101, "empty": 0, "minute": 230} {
		if got := rowsOf(key); got != want {
			t.Errorf("%s has %d rows, want %d", key, got, want)
		}
	}
	var archived, trashed, locked, hidden, linked, several, wiki bool
	for _, p := range m.Pages {
		archived, trashed, locked, hidden = archived || p.Archived, trashed || p.Trashed, locked || p.Locked, hidden || p.Unshared
	}
	for _, d := range m.Databases {
		linked, several = linked || d.Linked, several || len(d.Sources) > 1
	}
	for _, s := range m.Sources {
		wiki = wiki || len(s.Children) > 0
	}
	if !archived || !trashed || !locked || !hidden || !linked || !several || !wiki {
		t.Errorf("archived %v, trashed %v, locked %v, not shared %v, linked %v, several %v, wiki %v", archived, trashed, locked, hidden, linked, several, wiki)
	}
}

// TestGenerations: every generation changes something, but for the one that is
// there to change nothing; the one that empties a data source does.
func TestGenerations(t *testing.T) {
	w := Everything(1)
	seen := rendered(w)
	for i, step := range Generations(w) {
		step()
		now := rendered(w)
		if changed := !bytes.Equal(seen, now); changed != (i != 4) {
			t.Errorf("generation %d: changed is %v", i, changed)
		}
		seen = now
		live := slices.ContainsFunc(w.Model().Source(SourceID(1, "to empty")).Rows, func(id string) bool { return !w.Model().Pages[id].Trashed })
		if live != (i != GenerationEmptied) {
			t.Errorf("generation %d: the data source to empty has rows: %v", i, live)
		}
	}
}

func TestDemo(t *testing.T) {
	w, steps := Demo(1)
	rows := 0
	for _, s := range w.Model().Sources {
		rows += len(s.Rows)
	}
	if rows < 100 || rows > 140 || len(w.Model().Sources) != 3 {
		t.Errorf("%d rows in %d data sources, want about 120 in 3", rows, len(w.Model().Sources))
	}
	for _, step := range steps {
		before := rendered(w)
		step.Apply()
		if bytes.Equal(before, rendered(w)) {
			t.Errorf("step %q changes nothing", step.Title)
		}
	}
	for _, line := range bytes.Split(bytes.TrimSpace(rendered(w)), []byte{'\n'}) {
		if !json.Valid(line) {
			t.Errorf("no JSON: %s", line)
		}
	}
}
