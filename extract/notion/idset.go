package notion

import (
	"iter"
)

// An idSet remembers ids and when their objects were last edited, in about 26
// bytes each: 20 of an entry and one to two slots of an open-addressing table
// that holds numbers of entries. Entries do not move when the table grows.
type idSet struct {
	chunks [][]idEntry // all full but the last
	n      int
	slots  []uint32 // 1 + number of an entry; 0 is free
}

type idEntry struct {
	id     UUID
	minute uint32 // of the last edit, from 1970
}

const entriesPerChunk = 4096

func (s *idSet) len() int { return s.n }

// add adds id or finds it. again is whether it was there, later whether it was
// with an earlier edit than this one.
func (s *idSet) add(id UUID, minute uint32) (again, later bool) {
	if s.n >= len(s.slots)*3/4 {
		s.grow()
	}
	for i := s.slot(id); ; i = s.next(i) {
		k := s.slots[i]
		if k == 0 {
			s.slots[i] = s.append(idEntry{id, minute})
			return false, false
		}
		if e := s.entry(k); e.id == id {
			if later = minute > e.minute; later {
				e.minute = minute
			}
			return true, later
		}
	}
}

// has reports whether id was added.
func (s *idSet) has(id UUID) bool {
	if s.n == 0 {
		return false
	}
	for i := s.slot(id); ; i = s.next(i) {
		k := s.slots[i]
		if k == 0 {
			return false
		}
		if s.entry(k).id == id {
			return true
		}
	}
}

// noEnd is after every minute.
const noEnd = 1<<32 - 1

// within reports whether every id of s that was added with a minute before end is
// in other.
func (s *idSet) within(other *idSet, end uint32) bool {
	for e := range s.all() {
		if e.minute < end && !other.has(e.id) {
			return false
		}
	}
	return true
}

// union adds the ids of other.
func (s *idSet) union(other *idSet) {
	for e := range other.all() {
		s.add(e.id, e.minute)
	}
}

// addAll adds the rows of a page.
func (s *idSet) addAll(p *page) {
	for _, h := range p.heads {
		if h.isRow() {
			s.add(h.id, 0)
		}
	}
}

// clear empties the set and keeps the memory of a small one.
func (s *idSet) clear() {
	if s.n > 0 {
		s.chunks = append(s.chunks[:0], s.chunks[0][:0])
		clear(s.slots)
		s.n = 0
	}
}

func (s *idSet) all() iter.Seq[idEntry] {
	return func(yield func(idEntry) bool) {
		for _, chunk := range s.chunks {
			for _, e := range chunk {
				if !yield(e) {
					return
				}
			}
		}
	}
}

func (s *idSet) entry(k uint32) *idEntry {
	return &s.chunks[(k-1)/entriesPerChunk][(k-1)%entriesPerChunk]
}

func (s *idSet) append(e idEntry) (k uint32) {
	if s.n%entriesPerChunk == 0 && (s.n > 0 || len(s.chunks) == 0) {
		first := entriesPerChunk
		if s.n == 0 {
			first = 64 // most data sources are small
		}
		s.chunks = append(s.chunks, make([]idEntry, 0, first))
	}
	last := len(s.chunks) - 1
	s.chunks[last] = append(s.chunks[last], e)
	s.n++
	return uint32(s.n)
}

// slot is where the search for id begins.
func (s *idSet) slot(id UUID) int { return id.Slot(len(s.slots)) }

func (s *idSet) next(i int) int {
	if i++; i < len(s.slots) {
		return i
	}
	return 0
}

// grow makes room by half as much again, which keeps the table fuller than doubling.
func (s *idSet) grow() {
	s.slots = make([]uint32, max(len(s.slots)*3/2, 64))
	for k := range uint32(s.n) {
		i := s.slot(s.entry(k + 1).id)
		for s.slots[i] != 0 {
			i = s.next(i)
		}
		s.slots[i] = k + 1
	}
}
