package extract

import "github.com/notionlake/notionlake/extract/notion"

// A pageIndex is the pages of a load, by number and by ID. A map of IDs takes several
// times the memory, and there are hundreds of thousands of pages.
type pageIndex struct {
	all   []*pageEntry
	slots []int32 // 1 + number of an entry; 0 is free, forgotten is none any more
	used  int     // of the slots
}

// forgotten is in a slot whose page is not to be found any more.
const forgotten = -1

// number is the number of the page with an ID.
func (s *pageIndex) number(id notion.UUID) (n int32, ok bool) {
	if len(s.slots) == 0 {
		return 0, false
	}
	for i := id.Slot(len(s.slots)); s.slots[i] != 0; i = (i + 1) % len(s.slots) {
		if k := s.slots[i]; k != forgotten && s.all[k-1].id == id {
			return k - 1, true
		}
	}
	return 0, false
}

// append adds a page whose ID is not to be found.
func (s *pageIndex) append(e *pageEntry) {
	if s.used >= len(s.slots)*3/4 {
		s.grow()
	}
	s.all = append(s.all, e)
	s.put(e.id, int32(len(s.all)))
}

// forget lets the ID of a page be found no more. The page stays in all.
func (s *pageIndex) forget(id notion.UUID) {
	if len(s.slots) == 0 {
		return
	}
	for i := id.Slot(len(s.slots)); s.slots[i] != 0; i = (i + 1) % len(s.slots) {
		if k := s.slots[i]; k != forgotten && s.all[k-1].id == id {
			s.slots[i] = forgotten
			return
		}
	}
}

func (s *pageIndex) put(id notion.UUID, k int32) {
	i := id.Slot(len(s.slots))
	for s.slots[i] != 0 {
		i = (i + 1) % len(s.slots)
	}
	s.slots[i] = k
	s.used++
}

// grow makes room by half as much again, which keeps the table fuller than doubling.
func (s *pageIndex) grow() {
	before := s.slots
	s.slots, s.used = make([]int32, max(len(before)*3/2, 64)), 0
	for _, k := range before {
		if k > 0 {
			s.put(s.all[k-1].id, k)
		}
	}
}
