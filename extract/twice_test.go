package extract

import (
	"testing"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// What comes once is written once, whatever the filter takes it for, and so is what
// comes twice.
func TestTwice(t *testing.T) {
	const ids = 300_000
	w := newTwice()
	id := func(i int) string { return notiontest.NewID(uint64(i%7), string(rune('a'+i%26))) + string(rune(i)) }
	uuid := func(i int) string { return notiontest.NewID(uint64(i), "block") }
	for i := range ids {
		w.meet(uuid(i))
		if i%1000 == 0 {
			w.meet(uuid(i))
			w.meet(id(i)) // what is no UUID
		}
	}
	if n := len(w.suspect); n > ids/100 {
		t.Errorf("%d of %d IDs are suspects", n, ids)
	}
	if w.kept(uuid(0)) || !w.written(uuid(0)) {
		t.Error("what is kept and was read stands there twice")
	}
	if w.kept(uuid(ids+1)) || w.kept("kept") {
		t.Error("what is kept alone is lost")
	}
	for i := range ids {
		if i > 0 && w.written(uuid(i)) {
			t.Fatalf("ID %d is lost", i)
		}
		if i%1000 == 0 && (!w.written(uuid(i)) || w.written(id(i))) {
			t.Fatalf("ID %d, which comes twice, is there twice or lost", i)
		}
	}
}
