package notiontest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

func bigSource(w *Workspace) *DataSource { return w.Model().Sources[0] }

func TestBigPages(t *testing.T) {
	if raced {
		t.Skip("nothing of it happens at the same time as something else")
	}
	s := bigSource(Big(3000, 7))
	types := map[string]bool{}
	for _, p := range s.Properties {
		types[p.Type] = true
	}
	if len(s.Properties) != 35 || len(types) != 24 {
		t.Errorf("%d properties of %d types, want 35 of 24", len(s.Properties), len(types))
	}
	total, seen := 0, map[string]bool{}
	for i := range s.Gen.Len() {
		page := s.Gen.AppendPage(nil, V20260311, i)
		total += len(page)
		var object struct {
			ID          string
			CreatedTime time.Time `json:"created_time"`
			Properties  map[string]map[string]json.RawMessage
		}
		if err := json.Unmarshal(page, &object); err != nil {
			t.Fatalf("row %d: %v in %s", i, err, page)
		}
		if object.ID != s.Gen.ID(i) || !object.CreatedTime.Equal(s.Gen.Minute(i)) {
			t.Fatalf("row %d: id %s, created %s, want %s, %s", i, object.ID, object.CreatedTime, s.Gen.ID(i), s.Gen.Minute(i))
		}
		values := ""
		for _, p := range s.Properties {
			v := object.Properties[p.Name]
			if string(v["id"]) != string(appendString(nil, EncodeID(p.ID))) || string(v["type"]) != `"`+p.Type+`"` || v[p.Type] == nil {
				t.Fatalf("row %d, %s: %s", i, p.Name, v)
			}
			if p.Type != "unique_id" {
				values += string(v[p.Type])
			}
		}
		if seen[values] {
			t.Fatalf("row %d equals an earlier one", i)
		}
		seen[values] = true
		if again := s.Gen.AppendPage(nil, V20260311, i); !bytes.Equal(page, again) {
			t.Fatalf("row %d differs when made again", i)
		}
	}
	if mean := total / s.Gen.Len(); mean < 5500 || mean > 6600 {
		t.Errorf("a page has %d bytes, want about 6 KB", mean)
	}
}

// TestBigLaws: every ID is found again and no other is; minutes never go back
// and hold at most 500 rows.
func TestBigLaws(t *testing.T) {
	s := bigSource(Big(20_000, 7))
	minutes, last := map[time.Time]int{}, time.Time{}
	for i := range s.Gen.Len() {
		if j, ok := s.Gen.Index(s.Gen.ID(i)); j != i || !ok {
			t.Fatalf("row %d has ID %s, which is row %d, %v", i, s.Gen.ID(i), j, ok)
		}
		m := s.Gen.Minute(i)
		if m.Before(last) || m.Truncate(time.Minute) != m {
			t.Fatalf("row %d of %s comes after %s", i, m, last)
		}
		last = m
		minutes[m]++
	}
	for m, n := range minutes {
		if n > 500 {
			t.Errorf("%d rows in minute %s", n, m)
		}
	}
	g := s.Gen.(*big)
	for _, id := range []string{"", "x", g.ID(g.rows), g.ID(-1), g.ID(0)[:35], g.ID(0)[:35] + "G", NewID(7, "other"), g.source} {
		if i, ok := g.Index(id); ok {
			t.Errorf("ID %q is row %d", id, i)
		}
	}
}

func TestBigMany(t *testing.T) {
	w := BigMany(7, 10, 20)
	a, b := w.Model().Sources[0], w.Model().Sources[1]
	if a.Gen.Len() != 10 || b.Gen.Len() != 20 || a.Gen.ID(0) == b.Gen.ID(0) {
		t.Errorf("data sources of %d and %d rows; first rows %s and %s", a.Gen.Len(), b.Gen.Len(), a.Gen.ID(0), b.Gen.ID(0))
	}
}

func BenchmarkBigPage(b *testing.B) {
	g := bigSource(Big(1_000_000, 7)).Gen
	var dst []byte
	for i := 0; b.Loop(); i++ {
		dst = g.AppendPage(dst[:0], V20260311, i%g.Len())
	}
	b.SetBytes(int64(len(dst)))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// TestBigTitle: a page with its title only shows what the whole page shows.
func TestBigTitle(t *testing.T) {
	g, _ := Big(10, 3).Model().Sources[0].Gen.(*big)
	for i := range g.Len() {
		whole := g.AppendPage(nil, V20260311, i)
		known := bigProperties(3, g.source)
		want := onlyWanted(whole, known, func(p *Property) bool { return p.ID == "title" })
		var a, b any
		if err := json.Unmarshal(want, &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(g.AppendTitle(nil, V20260311, i), &b); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("row %d: %v, want %v", i, b, a)
		}
	}
}
