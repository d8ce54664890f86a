package lake_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/notionlake/notionlake/lake"
	"github.com/notionlake/notionlake/lake/laketest"
)

// Whether a copy is intact takes one request, however large it is: nothing of it is
// held in memory or on the disk.
func TestIsIntactReadsOnce(t *testing.T) {
	f, s := newFakeS3(t)
	copies := lake.NewCopies(s, laketest.NewCatalog())
	data := bytes.Repeat([]byte("a copy "), 200<<10)
	copied, err := copies.Add(t.Context(), sha256.Sum256(data), ".txt", bytes.NewReader(data))
	must(t, err)
	for _, c := range []struct {
		change   func()
		intact   bool
		requests int
	}{
		{func() {}, true, 1},
		{func() { f.objects["lake/"+copied.Key] = data[1:] }, false, 1},
		{func() { delete(f.objects, "lake/"+copied.Key) }, false, 0},
	} {
		f.mu.Lock()
		c.change()
		f.gets = 0
		f.mu.Unlock()
		ok, err := copies.IsIntact(t.Context(), copied)
		must(t, err)
		f.mu.Lock()
		if ok != c.intact || f.gets != c.requests {
			t.Errorf("intact %v, want %v; %d requests, want %d", ok, c.intact, f.gets, c.requests)
		}
		f.mu.Unlock()
	}
}
