package notiontest

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A shape is the paths of a JSON text, each with the kinds of value found there.
type shape map[string]map[string]bool

func (s shape) add(path string, v any) {
	kind := "null"
	switch v := v.(type) {
	case string:
		kind = "string"
	case float64:
		kind = "number"
	case bool:
		kind = "boolean"
	case []any:
		kind = "array"
		for _, item := range v {
			s.add(path+"[]", item)
		}
	case map[string]any:
		kind = "object"
		if strings.HasSuffix(path, "rollup.array[]") {
			s.add(textIn(v, "type"), v[textIn(v, "type")]) // an element is a value without ID
			break
		}
		within := common(path, v)
		for name, member := range v {
			s.add(within+"."+name, member)
		}
	}
	if s[path] == nil {
		s[path] = map[string]bool{}
	}
	s[path][kind] = true
}

// common is the path of what looks the same wherever it stands.
func common(path string, o map[string]any) string {
	has := func(name string) bool { _, ok := o[name]; return ok }
	switch {
	case has("plain_text"):
		return "run"
	case textIn(o, "object") == "user" && len(o) > 2:
		return "user"
	case has("start") && has("end"):
		return "date"
	}
	return path
}

func (s shape) text(t *testing.T, path string, text []byte) {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v in %.200s", path, err, text)
	}
	s.add(path, v)
}

// lines are the shape as "path kind", without what excuse excuses.
func (s shape) lines(excuse ...string) []string {
	var list []string
	for path, kinds := range s {
		for kind := range kinds {
			line := path + " " + kind
			if !slices.ContainsFunc(excuse, func(e string) bool { return strings.HasPrefix(line, e) }) {
				list = append(list, line)
			}
		}
	}
	slices.Sort(list)
	return list
}

// documented is what the simulator shows and the recordings happen to lack:
// Notion's documentation has it, or it is there to be unknown.
func documented() []string {
	return []string{
		"date.time_zone string", "files[].file", "formula.boolean null", "formula.unsupported", "object bot.avatar_url", "object data_source.database_type",
		"object data_source.cover", "object database.cover", "object database.icon", "object person.name null", "people[].name", "place", "quantum_state", "rollup.date", "rollup.number null",
		"run.equation", "run.text.link", "status null", "user.bot.owner.user", "user.name null", "verification",
	}
}

// foreign is what was recorded and the simulator does not show: optional members.
func foreign() []string { return []string{"run object", "user object", "user.person.email_verified"} }

// TestShapes: members and kinds of every value and object that the simulator
// renders are those that were recorded.
func TestShapes(t *testing.T) {
	dir := responses(t)
	recorded, simulated := shape{}, shape{}
	_, expected, err := Recorded(dir)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, e := range expected {
		recorded.text(t, e.Type, []byte(e.JSON))
		known[e.Type] = true
	}
	objects := recordedObjects(t, dir, recorded)

	w := Everything(1)
	values := 0
	for _, step := range append([]func(){func() {}}, Generations(w)...) {
		step()
		m := w.Model()
		r := renderer{m: m, v: V20260311, limit: 25}
		for _, s := range m.Sources {
			for _, id := range s.Rows {
				for _, p := range m.Shown(s) {
					if _, raw := m.Pages[id].Values[p.ID].(Raw); raw || !known[p.Type] {
						continue
					}
					text, _ := r.value(nil, m.Pages[id], p)
					simulated.text(t, p.Type, lossless(text))
					values++
				}
			}
			simulated.object(t, r.source(nil, s))
			if len(s.Rows) > 0 {
				simulated.object(t, r.page(nil, m.Pages[s.Rows[0]]))
			}
		}
		for _, d := range m.Databases {
			simulated.object(t, r.database(nil, d))
		}
		for _, u := range m.Users {
			if u.Type != "group" {
				simulated.object(t, r.fullUser(nil, u))
			}
		}
	}
	missing, extra := difference(recorded, simulated, foreign()), difference(simulated, recorded, documented())
	for _, line := range missing {
		t.Errorf("recorded, but never rendered: %s", line)
	}
	for _, line := range extra {
		t.Errorf("rendered, but never recorded: %s", line)
	}
	t.Logf("compared %d recorded values of %d types and %d objects with %d rendered values", len(expected), len(known), objects, values)
}

// lossless makes JSON of texts that are meant to be none.
func lossless(text []byte) []byte { return []byte(strings.ReplaceAll(string(text), "1e400", "0")) }

func difference(a, b shape, excuse []string) []string {
	have := b.lines()
	return slices.DeleteFunc(a.lines(excuse...), func(line string) bool { return slices.Contains(have, line) })
}

// object adds the members of an object, not what is in them.
func (s shape) object(t *testing.T, text []byte) {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal(lossless(text), &o); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
	s.flat(o)
}

func (s shape) flat(o map[string]any) {
	kind, _ := o["object"].(string)
	if kind == "user" {
		kind, _ = o["type"].(string)
	}
	for name, v := range o {
		switch v.(type) {
		case map[string]any:
			v = map[string]any{}
		case []any:
			v = []any{}
		}
		s.add("object "+kind+"."+name, v)
	}
}

// recordedObjects adds the objects of recordings of versions that are served.
func recordedObjects(t *testing.T, dir string, s shape) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			if slices.Contains([]string{"page", "data_source", "database", "user"}, textIn(v, "object")) && len(v) > 2 {
				delete(v, "request_id")
				delete(v, "archived")
				s.flat(v)
				n++
			}
			if within := common("", v); within != "" {
				s.add(within, v)
			}
			for _, name := range slices.Sorted(maps.Keys(v)) {
				walk(v[name])
			}
		}
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Kind    string
			Request struct {
				Version string `json:"notion_version"`
			}
			Response struct{ Body any }
		}
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(file.Request.Version, "202") && file.Request.Version >= string(V20250903) && file.Kind == "recorded" {
			walk(file.Response.Body)
		}
	}
	return n
}

func textIn(o map[string]any, name string) string {
	s, _ := o[name].(string)
	return s
}
