package extract

import (
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// The pages that a load reads are counted while it runs, rows among them, and those
// that are taken from the last load too.
func TestPagesAreCounted(t *testing.T) {
	v := newWorld(t, notiontest.Options{})
	v.options = contentOptions(v.options.Client)
	for range 2 {
		s := NewSource(v.options)
		v.loads++
		tables, err := v.lake.run(t.Context(), "load"+string(rune('0'+v.loads)), s)
		if err != nil {
			t.Fatal(err)
		}
		if read, known := s.Pages(); read != known || read < int64(len(tables[keyPages].rows)) {
			t.Errorf("%d of %d pages are counted as read, there are %d", read, known, len(tables[keyPages].rows))
		}
		if s.Files() != nil {
			t.Error("files are counted, and none are copied")
		}
	}
}
