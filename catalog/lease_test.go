package catalog

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// leaseBench is a lease over a warehouse in a folder, in fake time.
func leaseBench(t *testing.T) (lease, *Catalog) {
	t.Helper()
	storage, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	c := &Catalog{folder: "notion", namespace: "notion", store: storage, logger: slog.New(slog.DiscardHandler), now: time.Now, lockTimeout: 30 * time.Second, leaseTime: leaseTime}
	return newLease(c, ""), c
}

// slowed is c over storage that takes its time for what is done with the lock.
func slowed(t *testing.T, c *Catalog, takes func(name string) time.Duration) *Catalog {
	t.Helper()
	storage, err := lake.OpenStorage(t.Context(), lake.StorageOptions{URL: c.store.URI(""), Point: func(name, key string) error {
		if strings.HasSuffix(key, "lock.json") {
			time.Sleep(takes(name))
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return &Catalog{folder: c.folder, namespace: c.namespace, store: storage, logger: c.logger, now: c.now, leaseTime: c.leaseTime}
}

func TestLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := leaseBench(t)
		unlock, err := l.take(t.Context(), c.lockTimeout)
		if err != nil {
			t.Fatal(err)
		}
		// It is renewed for as long as it is held.
		start := time.Now()
		c.lockTimeout = 5 * time.Minute
		if _, err := l.take(t.Context(), c.lockTimeout); !errors.Is(err, lake.ErrLocked) {
			t.Errorf("taken twice: %v", err)
		}
		if waited := time.Since(start); waited < c.lockTimeout {
			t.Errorf("given up after %s", waited)
		}
		if err := unlock(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.store.ReadAll(t.Context(), l.key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after the release: %v", err)
		}
		if unlock, err = l.take(t.Context(), c.lockTimeout); err != nil {
			t.Fatal(err)
		}
		if err := unlock(); err != nil {
			t.Error(err)
		}
	})
}

// Who does not want to wait is told once the holder shows that it lives.
func TestLeaseAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, _ := leaseBench(t)
		unlock, err := l.take(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := l.take(t.Context(), 0); !errors.Is(err, lake.ErrLocked) {
			t.Errorf("taken twice: %v", err)
		}
		if waited := time.Since(start); waited > 2*leaseTime/leaseRenewals {
			t.Errorf("told after %s", waited)
		}
		if err := unlock(); err != nil {
			t.Error(err)
		}
	})
}

// What a process left that died is taken over once nobody has renewed it for long enough.
func TestLeaseOfTheDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := leaseBench(t)
		for _, text := range []string{`{"id": "x", "pid": 1, "host": "gone", "since": "2026-11-21T03:00:00Z"}`, "not JSON", ""} {
			if err := c.store.WriteAll(t.Context(), l.key, []byte(text)); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			unlock, err := l.take(t.Context(), c.lockTimeout)
			if err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(start); waited < leaseTime || waited > leaseTime+leaseTime/leaseRenewals+time.Second {
				t.Errorf("taken over after %s", waited)
			}
			if err := unlock(); err != nil {
				t.Error(err)
			}
		}
	})
}

// A holder that was stopped for too long finds out that it has lost the lock, and
// leaves it to whoever has it.
func TestLeaseTakenForAnothers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := leaseBench(t)
		unlock, err := l.take(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		// Who takes over the lock of a dead process deletes that of one that was faster.
		if err := c.store.Delete(t.Context(), l.key); err != nil {
			t.Fatal(err)
		}
		time.Sleep(leaseTime)
		if _, err := l.take(t.Context(), 0); !errors.Is(err, lake.ErrLocked) {
			t.Errorf("the lock is not held any more: %v", err)
		}
		if err := unlock(); err != nil {
			t.Error(err)
		}
		if _, there, err := l.read(t.Context()); there || err != nil {
			t.Errorf("released and there: %v, %v", there, err)
		}
	})
}

func TestLeaseLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := leaseBench(t)
		unlock, err := l.take(t.Context(), c.lockTimeout)
		if err != nil {
			t.Fatal(err)
		}
		other := []byte(`{"id": "other"}`)
		if err := c.store.Replace(t.Context(), l.key, other); err != nil {
			t.Fatal(err)
		}
		time.Sleep(leaseTime)
		if err := unlock(); err != nil {
			t.Error(err)
		}
		if text, err := c.store.ReadAll(t.Context(), l.key); err != nil || string(text) != string(other) {
			t.Errorf("the lock of the other: %q, %v", text, err)
		}
	})
}

// slowly is the catalog of a process whose first reading of the lock after wait is set takes
// so long, as when it is stopped meanwhile.
func slowly(t *testing.T, c *Catalog, wait *time.Duration, log io.Writer) *Catalog {
	t.Helper()
	c = slowed(t, c, func(name string) (takes time.Duration) {
		if name == "storage.open" {
			takes, *wait = *wait, 0
		}
		return takes
	})
	c.logger = slog.New(slog.NewTextHandler(log, nil))
	return c
}

// Who reads the lock slowly has not seen for longer that it stays the same.
func TestLeaseReadSlowly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := leaseBench(t)
		unlock, err := l.take(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		wait := leaseTime + time.Second
		release, err := newLease(slowly(t, c, &wait, io.Discard), "").take(t.Context(), 30*time.Second)
		if !errors.Is(err, lake.ErrLocked) || wait != 0 {
			t.Errorf("a lock that is renewed was taken over: %v", err)
		}
		if err == nil {
			_ = release() // it was wrong to have it
		}
		if err := unlock(); err != nil {
			t.Error(err)
		}
	})
}

// The lock of the dead is taken over however slow the storage is, by those too who are not to
// wait.
func TestLeaseOfTheDeadOnSlowStorage(t *testing.T) {
	t.Parallel()
	for read := 500 * time.Millisecond; read < 8*time.Second; read *= 2 {
		for create := time.Duration(0); create < 4*time.Second; create = 2*create + 300*time.Millisecond {
			synctest.Test(t, func(t *testing.T) {
				l, c := leaseBench(t)
				if err := c.store.WriteAll(t.Context(), l.key, []byte(`{"id": "dead", "renewed": 3}`)); err != nil {
					t.Fatal(err)
				}
				slow := slowed(t, c, func(name string) time.Duration {
					return map[string]time.Duration{"storage.open": read, "storage.create": create}[name]
				})
				release, err := newLease(slow, "").take(t.Context(), 0)
				if err != nil {
					t.Errorf("read %s, create %s: %v", read, create, err)
					return
				}
				if err := release(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A process that was stopped until another one took its lock over, and released it, leaves
// it to others.
func TestLeaseOfTheStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := leaseBench(t)
		var wait time.Duration
		var log strings.Builder
		release, err := newLease(slowly(t, c, &wait, &log), "").take(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		wait = time.Minute
		for range 2 {
			unlock, err := l.take(t.Context(), 30*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if err := unlock(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute) // the other one goes on
		}
		if !strings.Contains(log.String(), "another process may have taken it over") {
			t.Errorf("the log says: %s", log.String())
		}
		if err := release(); err != nil {
			t.Error(err)
		}
	})
}

// Of two that take over the lock of the same dead one at the same time one has it, even
// where the deletion of one arrives when the other has made its own.
func TestLeaseTakenOverByTwo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, c := leaseBench(t)
		if err := c.store.WriteAll(t.Context(), l.key, []byte(`{"id": "dead", "renewed": 3}`)); err != nil {
			t.Fatal(err)
		}
		var holders atomic.Int32
		var takers sync.WaitGroup
		for _, late := range []time.Duration{time.Second, 0} {
			deleted := false
			other := slowed(t, c, func(name string) time.Duration {
				if name != "storage.delete" || deleted {
					return 0
				}
				deleted = true
				return late
			})
			takers.Go(func() {
				unlock, err := newLease(other, "").take(t.Context(), time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				time.Sleep(10 * time.Second)
				holders.Add(-1)
				if err := unlock(); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(50 * time.Millisecond) // the second finds it dead when the first is deleting it
		}
		takers.Wait()
	})
}
