package extract

import (
	"context"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// A keptFile is a file of which a copy was made. Its URL is not in it, as that may
// be a secret.
type keptFile struct {
	Key         []byte `json:"key"` // a fileKey
	Sum         string `json:"sha256"`
	Bytes       int64  `json:"bytes"`
	ContentType string `json:"content_type,omitempty"`
	Etag        string `json:"etag,omitempty"`
	Modified    string `json:"last_modified,omitempty"`
}

// A resumedFile is a file as a run copied it that this one continues.
type resumedFile struct {
	fileCopy
	read  time.Time
	taken bool // by this run
}

// keep keeps what became of a file that was asked for.
func (c *copier) keep(ctx context.Context, ref fileRef, copied fileCopy) error {
	key := keyOfFile(ref.kind, ref.url)
	return c.keeper.add(ctx, keptLine{Read: c.keeper.now().UTC(), File: &keptFile{
		Key: key[:], Sum: copied.sum.String(), Bytes: copied.bytes,
		ContentType: copied.contentType, Etag: copied.etag, Modified: copied.modified,
	}})
}

// takeIn takes in a file that was kept, if its copy is there; of several the last
// counts.
func (c *copier) takeIn(line keptLine) {
	if c == nil || len(line.File.Key) != len(fileKey{}) {
		return
	}
	f, key := line.File, fileKey(line.File.Key)
	sum, ok := lake.ParseSum(f.Sum)
	c.mu.Lock()
	defer c.mu.Unlock()
	copied, there := c.have[sum]
	before := c.resumed[key]
	if !ok || !there || copied.Bytes != f.Bytes || before != nil && before.read.After(line.Read) {
		return
	}
	c.resumed[key] = &resumedFile{read: line.Read, fileCopy: fileCopy{
		there: true, sum: sum, bytes: f.Bytes, contentType: f.ContentType, etag: f.Etag, modified: f.Modified,
	}}
}

// resumable says that all that was kept has been taken in.
func (c *copier) resumable() {
	if c != nil {
		close(c.ready)
	}
}

// resume returns the copy that a run made of a file which this one continues.
func (c *copier) resume(ctx context.Context, key fileKey) (copied fileCopy, ok bool, err error) {
	select {
	case <-c.ready:
	case <-ctx.Done():
		return copied, false, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.resumed[key]
	if r == nil {
		return copied, false, nil
	}
	r.taken = true
	return r.fileCopy, true, nil
}

// kept is how many files have been taken in.
func (c *copier) kept() int {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.resumed)
}

// takenOver is how many of them this run has met.
func (c *copier) takenOver() (n int64) {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.resumed {
		if r.taken {
			n++
		}
	}
	return n
}
