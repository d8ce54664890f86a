package extract

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/notionlake/notionlake/extract/notion"
)

// An index finds what a map finds.
func TestPageIndex(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var index pageIndex
	want := map[notion.UUID]int32{}
	for range 20000 {
		var id notion.UUID
		binary.BigEndian.PutUint64(id[8:], r.Uint64N(3000))
		n, ok := index.number(id)
		if m, there := want[id]; ok != there || n != m {
			t.Fatalf("%s: %d, %t, and it is %d, %t", id, n, ok, m, there)
		}
		switch {
		case !ok:
			want[id] = int32(len(index.all))
			index.append(&pageEntry{id: id})
		case r.IntN(3) == 0:
			delete(want, id)
			index.forget(id)
		}
	}
	if len(index.slots) > 3*len(index.all) {
		t.Errorf("%d slots for %d pages", len(index.slots), len(index.all))
	}
}
