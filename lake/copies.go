package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"
	"time"
)

// A Sum is the SHA-256 of what a file holds.
type Sum [sha256.Size]byte

func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// ParseSum reads the 64 hex digits of a Sum.
func ParseSum(text string) (s Sum, ok bool) {
	if len(text) != 2*len(s) {
		return s, false
	}
	_, err := hex.Decode(s[:], []byte(text))
	return s, err == nil
}

// Copies are copies of the source's files, beside the tables: once per content,
// named by it, so that a copy is never changed and may be written again at any
// time. A run that dies leaves copies that do no harm: the next one takes them
// over, or Maintain deletes them. It is safe for concurrent use.
type Copies struct {
	storage *Storage
	dir     string // key prefix, with a slash at its end
}

// NewCopies returns the copies that belong to a catalog's tables.
func NewCopies(s *Storage, c Catalog) *Copies {
	return &Copies{storage: s, dir: journalRoot + c.Folder() + "files/"}
}

// A Copy is a copy that is there.
type Copy struct {
	Sum   Sum
	Key   string
	Bytes int64
	// Changed is when it was written.
	Changed time.Time
}

// key is where the copy of a content lies. extension is for people and programs
// that look at the name; "" or one with its dot.
func (c *Copies) key(sum Sum, extension string) string {
	name := sum.String()
	return c.dir + name[:2] + "/" + name[2:] + extension
}

// parse is the Sum that a key names.
func (c *Copies) parse(key string) (Sum, bool) {
	rest, ok := strings.CutPrefix(key, c.dir)
	folder, name, found := strings.Cut(rest, "/")
	name, _, _ = strings.Cut(name, ".")
	if !ok || !found || strings.HasSuffix(key, halfSuffix) {
		return Sum{}, false
	}
	return ParseSum(folder + name)
}

// URI is the absolute URI of a copy.
func (c *Copies) URI(copied Copy) string { return c.storage.URI(copied.Key) }

// List yields the copies that are there.
func (c *Copies) List(ctx context.Context) iter.Seq2[Copy, error] {
	return func(yield func(Copy, error) bool) {
		for o, err := range c.storage.List(ctx, c.dir) {
			if err != nil {
				yield(Copy{}, fmt.Errorf("copies of files: %w", err))
				return
			}
			if sum, ok := c.parse(o.Key); ok && !yield(Copy{sum, o.Key, o.Bytes, o.ModTime}, nil) {
				return
			}
		}
	}
}

// Add writes the copy of what r holds, whose Sum the caller knows. One that is
// there already is written again.
func (c *Copies) Add(ctx context.Context, sum Sum, extension string, r io.Reader) (Copy, error) {
	copied := Copy{Sum: sum, Key: c.key(sum, extension)}
	o, err := c.storage.create(ctx, copied.Key, false)
	if err != nil {
		return Copy{}, err
	}
	if copied.Bytes, err = io.Copy(writeOnly{o}, r); err != nil {
		return Copy{}, errors.Join(err, o.Abort())
	}
	return copied, o.Close()
}

// IsIntact reads a copy and reports whether it holds what it was written with. One
// that is not there is not.
func (c *Copies) IsIntact(ctx context.Context, copied Copy) (ok bool, err error) {
	r, err := c.storage.openStream(ctx, copied.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	h := sha256.New()
	if _, err := io.Copy(h, stopped{ctx, r}); err != nil {
		return false, objectFault("read", c.storage.describe(copied.Key), err)
	}
	return Sum(h.Sum(nil)) == copied.Sum, nil
}

// stopped ends a reading with its context.
type stopped struct {
	ctx context.Context
	r   io.Reader
}

func (s stopped) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// writeOnly hides what else an Object can do from io.Copy.
type writeOnly struct{ io.Writer }

// isHalf reports whether a key below the copies' is of one that a killed process
// left half written.
func (c *Copies) isHalf(key string) bool {
	return strings.HasPrefix(key, c.dir) && strings.HasSuffix(path.Base(key), halfSuffix)
}
