package notion

import (
	"encoding/binary"
	"runtime"
	"testing"
)

func numbered(i int) (id UUID) {
	copy(id[:], "\x24\x81\x04\xcd\x47\x7e\x80") // as in Notion, where ids of a workspace begin alike
	binary.BigEndian.PutUint32(id[12:], uint32(i)*2654435761)
	return id
}

func TestIDSet(t *testing.T) {
	const n = 100_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := new(idSet)
	for i := range n {
		if again, later := s.add(numbered(i), 10); again || later {
			t.Fatalf("%d was there", i)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if b := float64(after.HeapAlloc-before.HeapAlloc) / n; b > 30 {
		t.Errorf("%.1f bytes an id", b)
	}
	for i := range n {
		for _, e := range []struct {
			minute uint32
			later  bool
		}{{10, false}, {11, true}, {11, false}, {9, false}} {
			if again, later := s.add(numbered(i), e.minute); !again || later != e.later {
				t.Fatalf("%d at %d: %v %v", i, e.minute, again, later)
			}
		}
		if !s.has(numbered(i)) || s.has(numbered(i+n)) {
			t.Fatalf("%d or %d", i, i+n)
		}
	}
	few := new(idSet)
	if !few.within(s, noEnd) || few.has(numbered(1)) {
		t.Error("the empty set")
	}
	few.add(numbered(5), 0)
	if !few.within(s, noEnd) || s.within(few, noEnd) {
		t.Error("subset")
	}
	few.add(numbered(n+5), 0)
	if few.within(s, noEnd) {
		t.Error("no subset")
	}
}
