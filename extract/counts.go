package extract

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/notionlake/notionlake/lake"
)

// A pageCount is how many pages a load knows of, and how many it has read.
type pageCount struct{ known, read atomic.Int64 }

// Pages are how many pages the load has read, or taken from the last load, and how
// many it knows of. It may be called while the load runs.
func (s *Source) Pages() (read, known int64) {
	read, known = s.counted.read.Load(), s.counted.known.Load()
	return min(read, known), known
}

// A problemCount is what the rows of _problems come to.
type problemCount struct {
	mu    sync.Mutex
	kinds map[string]int64
	lost  map[string][]string // tables, by what is not known of their last load
}

// set counts the problems of a load; those that it takes over from other parts of the
// workspace are theirs.
func (c *problemCount) set(all []problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds, c.lost = map[string]int64{}, map[string][]string{}
	for _, p := range all {
		c.kinds[string(p.kind)] += max(1, p.count)
		if p.lost {
			c.lost[p.message] = append(c.lost[p.message], p.table)
		}
	}
}

// Problems is how much of each kind the load could not read, as _problems has it. It is
// nil before that table has been read.
func (s *Source) Problems() map[string]int64 {
	s.problems.mu.Lock()
	defer s.problems.mu.Unlock()
	return maps.Clone(s.problems.kinds)
}

// Lost says what of the last load could not be read, in a sentence for each kind of it.
func (s *Source) Lost() (all []string) {
	s.problems.mu.Lock()
	defer s.problems.mu.Unlock()
	const most = 8
	for _, what := range sortedKeys(s.problems.lost) {
		tables, more := s.problems.lost[what], ""
		slices.Sort(tables)
		if n := len(tables) - most; n > 0 {
			tables, more = tables[:most], fmt.Sprintf(" and %d more", n)
		}
		all = append(all, strings.Join(tables, ", ")+more+": "+what)
	}
	return all
}

// isCounted reports whether a file is counted already that is referred to as a medium
// and otherwise, with the same outcome. c.mu is held.
func (c *copier) isCounted(key flightKey, f fileCopy) bool {
	key.medium = !key.medium
	other := c.flights[key]
	return other != nil && other.counted && other.copy.there == f.there
}

// count counts what became of a file. c.mu is held.
func (c *copier) count(f fileCopy) {
	switch {
	case f.fetched:
		c.counts.Copied++
		c.counts.Bytes += f.bytes
	case f.there:
		c.counts.CarriedOver++
	default:
		c.counts.Skipped++
		if c.counts.SkippedBy == nil {
			c.counts.SkippedBy = map[string]int64{}
		}
		c.counts.SkippedBy[string(f.reason)]++
	}
}

// Files is what became of the files that the load met so far, each counted once;
// nil: files are not copied. It is called by whoever reads the tables.
func (s *Source) Files() *lake.FilesReport {
	if s.files == nil {
		return nil
	}
	s.files.mu.Lock()
	defer s.files.mu.Unlock()
	counts := s.files.counts
	counts.SkippedBy = maps.Clone(counts.SkippedBy)
	return &counts
}
