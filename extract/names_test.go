package extract

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/notionlake/notionlake/lake"
)

// TestNames reads testdata/names. snake.txtar holds a name a line and what it
// becomes. Of the others, each section is a night with the properties (columns_*)
// or data sources (tables_*) that there are, one a line in JSON, and what their
// columns or tables are called from then on.
func TestNames(t *testing.T) {
	files, err := filepath.Glob("../testdata/names/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			ar := readArchive(t, file)
			var got strings.Builder
			nights := nightsOfTables()
			if strings.HasPrefix(name, "columns_") {
				nights = nightsOfColumns()
			}
			for _, f := range ar.Files {
				if f.Name == "want" {
					continue
				}
				lines := strings.Split(strings.TrimSpace(string(f.Data)), "\n")
				if name == "snake" {
					writeSnake(t, &got, lines)
					continue
				}
				fmt.Fprintf(&got, "%s\n", f.Name)
				nights(t, &got, lines)
			}
			compareArchive(t, file, ar, got.String())
		})
	}
}

func writeSnake(t *testing.T, out *strings.Builder, lines []string) {
	for _, line := range lines {
		var name string
		if err := json.Unmarshal([]byte(line), &name); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		fmt.Fprintf(out, "%s\n", snakeCase(name, "c_"))
	}
}

type night func(t *testing.T, out *strings.Builder, lines []string)

// nightsOfColumns keeps the columns of properties that left, until another one
// needs the name.
func nightsOfColumns() night {
	before := map[string]*lake.Column{}
	return func(t *testing.T, out *strings.Builder, lines []string) {
		var properties []*property
		for _, line := range lines {
			var p struct{ ID, Name, Type string }
			if err := json.Unmarshal([]byte(line), &p); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			if p.Type == "" {
				p.Type = "number"
			}
			properties = append(properties, &property{id: p.ID, name: p.Name, typ: p.Type})
		}
		live := map[string]bool{}
		for i, name := range columnNames(properties, before) {
			fmt.Fprintf(out, "  %s: %s\n", properties[i].id, name)
			if name != "" {
				before[properties[i].id] = &lake.Column{Key: properties[i].id, Name: name, Property: true}
				live[name] = true
			}
		}
		current := map[string]bool{}
		for _, p := range properties {
			current[p.id] = true
		}
		for id, c := range before {
			if !current[id] && live[c.Name] {
				delete(before, id)
			}
		}
	}
}

func nightsOfTables() night {
	before := map[string]lake.Schema{}
	return func(t *testing.T, out *strings.Builder, lines []string) {
		w := &workspace{before: before}
		for _, line := range lines {
			var s struct {
				ID, Title, Name string
				Several         bool
			}
			if err := json.Unmarshal([]byte(line), &s); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			w.found = append(w.found, &found{id: s.ID, ds: &dataSource{id: s.ID, title: s.Title}, configured: s.Name, several: s.Several})
		}
		w.nameTables(w.found, nil)
		for _, f := range w.found {
			fmt.Fprintf(out, "  %s: %s\n", f.id, f.name)
			before[f.id] = lake.Schema{Table: f.name, Key: f.id, Columns: []lake.Column{{State: tableState{Configured: f.configured}.String()}}}
		}
	}
}

var validName = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

func FuzzSnakeCase(f *testing.F) {
	for _, s := range []string{"", "Due Date", "HTTPServer", "名前", "Größe", "2024", "__x__", "../../etc", "a\x00b", "\xff", "ﷺ", "1️⃣", "İ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := snakeCase(s, "c_")
		if name == "" {
			return
		}
		if !validName.MatchString(name) {
			t.Errorf("%q becomes %q", s, name)
		}
		if again := snakeCase(name, "c_"); again != name {
			t.Errorf("%q becomes %q, and that %q", s, name, again)
		}
	})
}

// FuzzColumnNames gives properties names over two nights: all names are valid,
// bounded and different, and who has a name of the same base keeps it.
func FuzzColumnNames(f *testing.F) {
	f.Add("Due Date\ndue_date\nTAGS\nTags", "Due Date\nTags\nTAGS\n")
	f.Add("a\na\na_6964\nA", "a_6964\na\n\n")
	f.Add(strings.Repeat("x", 200)+"\n"+strings.Repeat("X", 200), "")
	f.Fuzz(func(t *testing.T, first, second string) {
		before := map[string]*lake.Column{}
		bases := map[string]string{}
		for _, night := range []string{first, second} {
			var properties []*property
			for i, name := range strings.Split(night, "\n") {
				properties = append(properties, &property{id: fmt.Sprintf("id%d", i), name: name, typ: "number"})
			}
			used := map[string]bool{}
			for i, name := range columnNames(properties, before) {
				p := properties[i]
				if len(name) > maxName || used[name] || !validName.MatchString(name) {
					t.Errorf("property %q is called %q", p.name, name)
				}
				used[name] = true
				base := snakeCase(p.name, "c_")
				if old := before[p.id]; old != nil && bases[p.id] == base && old.Name != name {
					t.Errorf("property %q was called %q and is called %q", p.name, old.Name, name)
				}
				bases[p.id] = base
				before[p.id] = &lake.Column{Key: p.id, Name: name}
			}
		}
	})
}
