package extract

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

var update = flag.Bool("update", false, "write the expected output into testdata")

// TestProperty reads testdata/property: for every property type a schema, values
// as Notion writes them, and the column's type and values that they become. A
// value is a line: what stands under the type, or with "= " before it the whole
// property of the page, or "-" where the page lacks the property. Lines with #
// are comments. A line "load" begins another load of the same column; there the
// line after it may be a new schema.
func TestProperty(t *testing.T) {
	files, err := filepath.Glob("../testdata/property/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	tested := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar := readArchive(t, file)
			got := propertyColumn(t, ar, tested)
			compareArchive(t, file, ar, got)
		})
	}
	for typ := range propertyTypes {
		if !tested[typ] {
			t.Errorf("property type %s has no test data", typ)
		}
	}
}

func readArchive(t *testing.T, file string) *txtar.Archive {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return txtar.Parse(data)
}

func section(ar *txtar.Archive, name string) []byte {
	for _, f := range ar.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

// compareArchive compares got with the section want of the file, or writes it there.
func compareArchive(t *testing.T, file string, ar *txtar.Archive, got string) {
	t.Helper()
	if *update {
		for i, f := range ar.Files {
			if f.Name == "want" {
				ar.Files = append(ar.Files[:i], ar.Files[i+1:]...)
				break
			}
		}
		ar.Files = append(ar.Files, txtar.File{Name: "want", Data: []byte(got)})
		if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(section(ar, "want")), got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// A testUsers is a directory of users for decoders.
type testUsers map[string]*user

func (testUsers) met([]byte, []byte, bool) {}

func (u testUsers) complete(id []byte) (*user, bool) { return u[string(id)], true }

// propertyColumn makes a column of the values and writes it down.
func propertyColumn(t *testing.T, ar *txtar.Archive, tested map[string]bool) string {
	t.Helper()
	users := testUsers{}
	for u := range notion.JSON(bytes.TrimSpace(section(ar, "users.json"))).Elems() {
		parsed := parseUser(u)
		users[parsed.id] = parsed
	}
	var related lake.Type
	if name := strings.TrimSpace(string(section(ar, "related"))); name != "" {
		related = typeNamed(name)
	}
	var out strings.Builder
	var before *lake.Column
	schema := notion.JSON(bytes.TrimSpace(section(ar, "schema.json")))
	lines := strings.Split(strings.TrimSuffix(string(section(ar, "values.json")), "\n"), "\n")
	for n := 0; n < len(lines) || n == 0; {
		p := parseProperty(schema)
		tested[p.typ] = true
		m := newMapper([]*property{p}, false, nil)
		m.d.users = users
		column := lake.Column{Key: p.id, Name: "c", Type: m.columns[0].column}
		if m.columns[0].late != nil {
			column.Late = m.columns[0].late(p, before, related)
			for _, v := range []string{`{"type":"string","string":"a"}`, `{"type":"number","number":1}`, `{"type":"array","array":[{"type":"checkbox","checkbox":true}]}`} {
				column.Late.Add(lake.JSONValue(v)) // of a row that goes
			}
			column.Late.Reset()
		}
		var rows []lake.Value
		for ; n < len(lines) && lines[n] != "load"; n++ {
			if strings.HasPrefix(lines[n], "#") || lines[n] == "" {
				continue
			}
			rows = append(rows, propertyCell(t, m, p, lines[n]))
			if column.Late != nil {
				column.Late.Add(rows[len(rows)-1])
			}
		}
		writeColumn(t, &out, m, &column, rows)
		before = &column
		if n++; n >= len(lines) {
			break
		}
		out.WriteString("load\n")
		if strings.HasPrefix(lines[n], `{"id"`) {
			schema = notion.JSON(lines[n])
			n++
		}
	}
	return out.String()
}

func propertyCell(t *testing.T, m *mapper, p *property, line string) lake.Value {
	t.Helper()
	value, whole := strings.CutPrefix(line, "= ")
	switch {
	case line == "-":
		value = `{}`
	case whole:
		value = `{"P":` + value + `}`
	default:
		value = fmt.Sprintf(`{"P":{"id":%q,"type":%q,%q:%s}}`, p.wire, p.typ, p.typ, line)
	}
	page := `{"object":"page","id":"p","properties":` + value + `}`
	if strings.Contains(page, `\xff`) {
		page = strings.ReplaceAll(page, `\xff`, "\xff") // bytes that no text file can hold
	} else if !json.Valid([]byte(page)) {
		t.Fatalf("not JSON: %s", line)
	}
	if ok, err := m.read(notion.JSON(page), nil); err != nil || !ok {
		t.Fatalf("%s: %v", line, err)
	}
	m.count()
	if m.columns[0].index < 0 {
		return lake.Value{}
	}
	return m.row[m.columns[0].index].Clone()
}

func writeColumn(t *testing.T, out *strings.Builder, m *mapper, column *lake.Column, rows []lake.Value) {
	t.Helper()
	if m.columns[0].none {
		out.WriteString("no column\n")
		return
	}
	if column.Late != nil {
		column.Type, column.State = column.Late.Type(), column.Late.State()
	}
	fmt.Fprintf(out, "%s\n", describe(column.Type))
	for _, v := range rows {
		if column.Late != nil {
			var err error
			if v, err = column.Late.Value(v, column.Type); err != nil {
				t.Fatal(err)
			}
		}
		if why, ok := column.Type.Fits(v); !ok {
			t.Fatalf("%s in a column of type %s: %s", write(v), column.Type, why)
		}
		out.WriteString(write(v) + "\n")
	}
	for n, count := range m.columns[0].counts {
		if count > 0 {
			fmt.Fprintf(out, "counted: %s %d\n", reasons[n], count)
		}
	}
}

// describe writes a type, telling JSON from other text.
func describe(t lake.Type) string {
	switch {
	case t.Kind == lake.JSON:
		return "string (JSON)"
	case t.Kind == lake.List && t.Elem.Kind == lake.JSON:
		return "list<string> (JSON)"
	}
	return t.String()
}

// write writes a value so that nothing is lost.
func write(v lake.Value) string {
	switch v.Kind() {
	case lake.String:
		return strconv.Quote(v.Text())
	case lake.JSON:
		return v.Text()
	case lake.List, lake.Struct:
		parts := make([]string, len(v.Items()))
		for i, item := range v.Items() {
			parts[i] = write(item)
		}
		if v.Kind() == lake.List {
			return "[" + strings.Join(parts, ", ") + "]"
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return v.String()
	}
}
