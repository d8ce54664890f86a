package extract

import (
	"hash/maphash"
	"sync"

	"github.com/notionlake/notionlake/extract/notion"
)

// A twice finds IDs that come twice: a block moves from one page to another while
// both are read. There are millions of IDs and almost all come once, so they are
// met twice: when they are read a filter tells which may have come before, and of
// those few it is found out for sure when the table is written.
type twice struct {
	seed maphash.Seed

	mu      sync.Mutex
	filters []filter        // the newest last
	suspect map[uint64]bool // by hash; true: it has been written
}

func newTwice() *twice { return &twice{seed: maphash.MakeSeed(), suspect: map[uint64]bool{}} }

func (t *twice) hash(id string) uint64 {
	if uuid, ok := notion.ParseUUID([]byte(id)); ok {
		return maphash.Bytes(t.seed, uuid[:])
	}
	return maphash.String(t.seed, id)
}

// meet takes in an ID that is read.
func (t *twice) meet(id string) {
	h := t.hash(id)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.may(h) {
		t.suspect[h] = false
	}
	if n := len(t.filters); n == 0 || t.filters[n-1].full() {
		t.filters = append(t.filters, newFilter(filterIDs<<n))
	}
	t.filters[len(t.filters)-1].add(h)
}

// may reports whether something with the hash may have been met.
func (t *twice) may(h uint64) bool {
	for _, f := range t.filters {
		if f.has(h) {
			return true
		}
	}
	return false
}

// written notes that an ID is written, and reports whether it had been before.
func (t *twice) written(id string) (again bool) {
	h := t.hash(id)
	t.mu.Lock()
	defer t.mu.Unlock()
	again, suspect := t.suspect[h]
	if suspect {
		t.suspect[h] = true
	}
	return again
}

// kept is written for an ID of which the last load's row is kept.
func (t *twice) kept(id string) (again bool) {
	h := t.hash(id)
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, suspect := t.suspect[h]; !suspect && !t.may(h) {
		return false
	}
	again = t.suspect[h]
	t.suspect[h] = true
	return again
}

const (
	// filterIDs is how many IDs the first filter takes; each further one takes twice as many.
	filterIDs = 1 << 16
	// filterBits are the bits for each ID, of which filterSet are set: of 400 IDs that
	// were not met one is taken for one that was.
	filterBits, filterSet = 16, 4
)

// A filter is a Bloom filter.
type filter struct {
	bits []uint64
	left *int
}

func newFilter(ids int) filter {
	return filter{make([]uint64, ids*filterBits/64), &ids}
}

func (f filter) full() bool { return *f.left <= 0 }

func (f filter) add(h uint64) {
	*f.left--
	for i := range uint64(filterSet) {
		word, bit := f.at(h, i)
		f.bits[word] |= bit
	}
}

func (f filter) has(h uint64) bool {
	for i := range uint64(filterSet) {
		if word, bit := f.at(h, i); f.bits[word]&bit == 0 {
			return false
		}
	}
	return true
}

// at is the place of the i-th bit of a hash: its halves make as many numbers as are wanted.
func (f filter) at(h, i uint64) (word, bit uint64) {
	n := (h + i*(h>>32|1)) % uint64(len(f.bits)*64)
	return n / 64, 1 << (n % 64)
}
