package extract

import (
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

func TestEverything(t *testing.T) {
	w := notiontest.Everything(1)
	server := notiontest.NewServer(w, notiontest.Options{Shuffle: true})
	l := newMemoryLake()
	tables, err := l.run(t.Context(), "20260101T000000Z", NewSource(allOptions(newClient(t, server))))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range sortedKeys(tables) {
		m := tables[key]
		t.Logf("%s %s: %d columns, %d rows, unread %q, partial %v", key, m.schema.Table, len(m.schema.Columns), len(m.rows), m.unread, m.partial)
		for _, o := range m.omitted {
			t.Logf("   %+v", o)
		}
		if m.schema.Table == "_problems" {
			for _, r := range m.rows {
				t.Log(r)
			}
		}
	}
}

func BenchmarkRead(b *testing.B) {
}
