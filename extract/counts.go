package extract

import (
	"maps"
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
