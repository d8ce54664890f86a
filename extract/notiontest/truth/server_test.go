package truth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// query returns all rows of a data source as the server shows them.
func query(t *testing.T, s *notiontest.Server, source string, archived bool) []json.RawMessage {
	t.Helper()
	var all []json.RawMessage
	body := map[string]any{"page_size": 100, "result_type": "page"}
	if archived {
		body["is_archived"] = true
	}
	for {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.notion.com/v1/data_sources/"+source+"/query", bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+notiontest.DefaultToken)
		r.Header.Set("Notion-Version", "2026-03-11")
		r.Header.Set("Content-Type", "application/json")
		resp, err := s.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("query %s: %d %v %s", source, resp.StatusCode, err, answer)
		}
		var list struct {
			Results    []json.RawMessage
			NextCursor *string `json:"next_cursor"`
		}
		if err := json.Unmarshal(answer, &list); err != nil {
			t.Fatal(err)
		}
		all = append(all, list.Results...)
		if list.NextCursor == nil {
			return all
		}
		body["start_cursor"] = *list.NextCursor
	}
}

// TestAgainstServer: the pages that the server shows, read as JSON, make the
// same cells as the model, but for values that pages do not show whole. After
// every generation the same.
func TestAgainstServer(t *testing.T) {
	w := notiontest.Everything(3)
	steps := append([]func(){func() {}}, notiontest.Generations(w)...)
	if raced {
		steps = steps[:2]
	}
	var state *State
	compared := 0
	for generation, step := range steps {
		step()
		m := w.Model()
		// Where pages show relations and people whole, all of both sides agree.
		o := Options{Load: fmt.Sprint(generation), Limit: 1000}
		s := notiontest.NewServer(w, notiontest.Options{Limit: 1000, NoGzip: true})
		tables, next, err := Tables(m, state, o)
		if err != nil {
			t.Fatal(err)
		}
		l := &load{m: m, o: o, state: state.next(), met: map[string]map[string]any{}}
		sources := l.sources()
		l.nameTables(sources)
		for i, source := range sources {
			var rows []row
			for _, archived := range []bool{false, true} {
				for _, page := range query(t, s, source.ID, archived) {
					r, err := l.parsed(source, page)
					if err != nil {
						t.Fatal(err)
					}
					rows = append(rows, r)
				}
			}
			got := l.tableOf(source, rows)
			if d := cmp.Diff(byID(tables[i]), byID(got)); d != "" {
				t.Errorf("generation %d, table %s (-model +server):\n%.3000s", generation, got.Name, d)
			}
			compared += len(got.Rows) * len(got.Columns)
		}
		state = next
	}
	t.Logf("compared %d cells", compared)
}

func byID(t Table) map[string]any {
	rows := map[string]any{"columns": t.Columns}
	for _, row := range t.Rows {
		rows[row["_id"].(string)] = row
	}
	return rows
}

func TestWrite(t *testing.T) {
	tables, _, err := Tables(notiontest.Everything(3).Model(), nil, Options{Load: "l"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := Write(dir, tables); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		data, err := os.ReadFile(filepath.Join(dir, table.Name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var read Table
		if err := json.Unmarshal(data, &read); err != nil {
			t.Fatal(err)
		}
		if read.Name != table.Name || len(read.Rows) != len(table.Rows) || !cmp.Equal(read.Columns, table.Columns) {
			t.Errorf("table %s: read back as %s with %d rows, want %d", table.Name, read.Name, len(read.Rows), len(table.Rows))
		}
	}
}

// TestGeneratedRows: rows that are made on the fly are read like any others.
func TestGeneratedRows(t *testing.T) {
	tables, _, err := Tables(notiontest.Big(50, 3).Model(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	big := tables[0]
	if big.Name != "big" || len(big.Rows) != 50 || len(big.Columns) != 13+34+1 {
		t.Errorf("table %s of %d rows and %d columns, want big, 50, 48", big.Name, len(big.Rows), len(big.Columns))
	}
	if id := big.Rows[7]["id"]; id != "BIG-7" {
		t.Errorf("id of row 7: %v, want BIG-7", id)
	}
}
