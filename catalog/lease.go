package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/notionlake/notionlake/lake"
)

const (
	// leaseTime is how long a lock lasts that its holder does not renew.
	leaseTime = 15 * time.Second
	// leaseRenewals is how often it is renewed in that time.
	leaseRenewals = 5
)

// A lease is a lock in the warehouse, for catalogs whose server has none: an
// object that its holder makes and writes anew as long as it lives. Who finds one
// that stays the same for the whole time of the lease takes it over; nobody's
// clock is compared with another's. Safety does not rest on it: a run that was
// taken for dead is fenced.
type lease struct {
	catalog *Catalog
	key     string
	time    time.Duration
}

// A leaseHolder is what the object says.
type leaseHolder struct {
	ID      string `json:"id"`
	Renewed int    `json:"renewed"`
	holder
}

func newLease(c *Catalog, part string) lease {
	return lease{catalog: c, key: "_notionlake/" + c.folder + "/lock" + partSuffix(part) + ".json", time: c.leaseTime}
}

// take waits for the lock, for as long as it takes to find out whether its holder has
// died where that is longer: one that renews it lives.
func (l lease) take(ctx context.Context, wait time.Duration) (func() error, error) {
	c := l.catalog
	if err := c.point.Hit("catalog.lock", l.key); err != nil {
		return nil, fmt.Errorf("lock %s: %w", c.store.URI(l.key), err)
	}
	host, _ := os.Hostname()
	mine := leaseHolder{ID: uuid.NewString(), holder: holder{os.Getpid(), host, c.now().UTC().Truncate(time.Second)}}
	other := "?" // as it was seen first: no object says that
	var since time.Time
	asked := time.Now()
	deadline := asked.Add(max(wait, l.time+l.time/leaseRenewals))
	locked := func() error {
		return fmt.Errorf("another load is running%s (lock %s): try again when it has ended: %w", heldBy(other), c.store.URI(l.key), lake.ErrLocked)
	}
	for {
		began := time.Now()
		took, err := l.create(ctx, mine)
		// Where nobody had renewed it, it has not been released, but taken for that of a dead one.
		if took && other != "?" && time.Since(since) >= 2*l.time/leaseRenewals {
			took, err = l.settles(ctx, mine)
		}
		if err != nil { // it may be there, and nobody would renew it
			return nil, errors.Join(err, l.release(context.WithoutCancel(ctx), mine))
		}
		if took {
			break
		}
		now := time.Now() // before: what is read then may be older than it is afterwards
		text, there, err := l.read(ctx)
		if err != nil {
			return nil, err
		}
		switch {
		case !there: // it has just been released
		case text != other:
			renewed := holderOf(text) == holderOf(other) && holderOf(text) != ""
			other, since = text, time.Now() // it may have been written anew while it was read
			if renewed && now.Sub(asked) >= wait {
				return nil, locked()
			}
			// Whether that one has died shows after a while, and the storage takes its time too.
			if shows := since.Add(l.time + l.time/leaseRenewals + time.Since(began)); deadline.Before(shows) {
				deadline = shows
			}
		case now.Sub(since) >= l.time:
			c.logger.WarnContext(ctx, "a lock that nobody renews is taken over", "lock", c.store.URI(l.key), "holder", text)
			if err := c.store.Delete(ctx, l.key); err != nil {
				return nil, l.fault(err)
			}
			continue
		}
		if !time.Now().Before(deadline) {
			return nil, locked()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(min(lockPoll, l.time/leaseRenewals)):
		}
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		l.renew(renewing, mine)
	}()
	release := func() error {
		stop()
		<-stopped
		return l.release(context.WithoutCancel(ctx), mine)
	}
	if err := c.point.Hit("catalog.lock.done", l.key); err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}

// heldBy says who holds the lock, as far as its object tells.
func heldBy(text string) string {
	var h leaseHolder
	if json.Unmarshal([]byte(text), &h) != nil || h.PID == 0 {
		return ""
	}
	return h.String()
}

// holderOf is the ID of who holds the lock; "" where the object does not tell.
func holderOf(text string) string {
	var h leaseHolder
	if json.Unmarshal([]byte(text), &h) != nil {
		return ""
	}
	return h.ID
}

func (l lease) fault(err error) error {
	return fmt.Errorf("lock %s: %w", l.catalog.store.URI(l.key), err)
}

// create makes the object, and looks whether it is this one's: on a local disk
// two processes can make it at the same moment.
func (l lease) create(ctx context.Context, mine leaseHolder) (bool, error) {
	text, err := json.Marshal(mine)
	if err != nil {
		return false, err
	}
	switch err := l.catalog.store.WriteAll(ctx, l.key, text); {
	case errors.Is(err, lake.ErrExist):
		return false, nil
	case err != nil:
		return false, l.fault(err)
	}
	return l.isMine(ctx, mine)
}

// settles waits until others that take over the lock of the same dead holder have deleted
// what they take for its object, which may be this one's by now.
func (l lease) settles(ctx context.Context, mine leaseHolder) (bool, error) {
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-time.After(l.time / leaseRenewals):
	}
	return l.isMine(ctx, mine)
}

func (l lease) isMine(ctx context.Context, mine leaseHolder) (bool, error) {
	text, _, err := l.read(ctx)
	var holder leaseHolder
	if err != nil || json.Unmarshal([]byte(text), &holder) != nil {
		return false, err
	}
	return holder.ID == mine.ID, nil
}

// read returns what the object says, and whether there is one.
func (l lease) read(ctx context.Context) (string, bool, error) {
	text, err := l.catalog.store.ReadAll(ctx, l.key)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, l.fault(err)
	}
	return string(text), true, nil
}

// renew writes the object anew until it is to end, or another holds the lock.
func (l lease) renew(ctx context.Context, mine leaseHolder) {
	tick := time.NewTicker(l.time / leaseRenewals)
	defer tick.Stop()
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		text, there, err := l.read(ctx)
		if err == nil && there && holderOf(text) != mine.ID {
			l.catalog.logger.WarnContext(ctx, "another process has taken the lock over: this load will end with a conflict if that one is first", "lock", l.catalog.store.URI(l.key))
			return
		}
		if err == nil && !there && time.Since(renewed) >= l.time {
			l.catalog.logger.WarnContext(ctx, "the lock was not renewed for so long that another process may have taken it over: this load will end with a conflict then", "lock", l.catalog.store.URI(l.key))
			return
		}
		mine.Renewed++
		now := time.Now()
		if err == nil && !there { // somebody took it for another's, which had died
			_, err = l.create(ctx, mine)
		} else if err == nil {
			var data []byte
			if data, err = json.Marshal(mine); err == nil {
				err = l.catalog.store.Replace(ctx, l.key, data)
			}
		}
		if err != nil && ctx.Err() == nil {
			l.catalog.logger.WarnContext(ctx, "the lock could not be renewed", "lock", l.catalog.store.URI(l.key), "error", err)
		}
		if err == nil {
			renewed = now
		}
	}
}

// release deletes the object, if it is this one's.
func (l lease) release(ctx context.Context, mine leaseHolder) error {
	ctx, cancel := context.WithTimeout(ctx, cleanupTimeout)
	defer cancel()
	is, err := l.isMine(ctx, mine)
	if err != nil || !is {
		return err
	}
	if err := l.catalog.store.Delete(ctx, l.key); err != nil {
		return l.fault(err)
	}
	return nil
}
