package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"

	"github.com/notionlake/notionlake/lake"
)

// lockPoll is how often a lock that another process holds is tried again.
const lockPoll = 100 * time.Millisecond

// A holder is who holds the lock, as the lock's file says: for messages only.
type holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

// lockPath is the file beside the catalog's that stands for its namespace. It
// stays when the lock is released: who deletes it while another process opens it
// would let two in.
func (d *sqliteFile) lockPath(c *sqlCatalog, part string) string {
	return d.path + "." + c.namespace + partSuffix(part) + ".lock"
}

// partSuffix tells the lock of a part of the namespace from the lock of the whole.
func partSuffix(part string) string {
	if part == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(part))
	return "-part-" + hex.EncodeToString(sum[:8])
}

// Lock takes the lock of the namespace, which ends with the process however that ends.
func (c *Catalog) Lock(ctx context.Context) (func() error, error) {
	return c.backend.lock(ctx, "", c.lockTimeout)
}

// LockPart takes the lock of a part of the namespace.
func (c *Catalog) LockPart(ctx context.Context, part string, wait time.Duration) (func() error, error) {
	if part == "" {
		return nil, errors.New("a part needs a name")
	}
	return c.backend.lock(ctx, part, wait)
}

func (c *sqlCatalog) lock(ctx context.Context, part string, wait time.Duration) (func() error, error) {
	return c.database.lock(ctx, c, part, wait)
}

// lock takes a lock of the operating system on a file.
func (d *sqliteFile) lock(ctx context.Context, c *sqlCatalog, part string, wait time.Duration) (func() error, error) {
	path := d.lockPath(c, part)
	fail := func(err error) (func() error, error) {
		return nil, fmt.Errorf("lock %s: %w", path, reason(err))
	}
	if err := c.point.Hit("catalog.lock", path); err != nil {
		return fail(err)
	}
	l := flock.New(path, flock.SetPermissions(0o644))
	waited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		ok, err := l.TryLock()
		if err != nil {
			return fail(err)
		}
		if ok {
			break
		}
		select {
		case <-waited.Done():
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("another load is running%s (lock %s): try again when it has ended: %w", whoHolds(path), path, lake.ErrLocked)
		case <-time.After(lockPoll):
		}
	}
	c.sign(path)
	if err := c.point.Hit("catalog.lock.done", path); err != nil {
		return nil, errors.Join(err, l.Unlock())
	}
	return func() error {
		if err := l.Unlock(); err != nil {
			return fmt.Errorf("unlock %s: %w", path, reason(err))
		}
		return nil
	}, nil
}

// sign writes who holds the lock into its file. The lock does not depend on it.
func (c *Catalog) sign(path string) {
	host, _ := os.Hostname()
	text, err := json.Marshal(holder{os.Getpid(), host, c.now().UTC().Truncate(time.Second)})
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o644)
	}
	if err != nil {
		c.logger.Debug("the lock's file cannot be written", "file", path, "error", err)
	}
}

// whoHolds says who holds a lock, as far as its file tells.
func whoHolds(path string) string {
	var h holder
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &h) != nil || h.PID == 0 {
		return ""
	}
	return h.String()
}

func (h holder) String() string {
	return fmt.Sprintf(" since %s, process %d on %s", h.Since.Format(time.RFC3339), h.PID, h.Host)
}

// Folder is the key prefix of all files of the namespace's tables.
func (c *Catalog) Folder() string { return c.folder + "/" }
