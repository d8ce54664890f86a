package lake

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"path"
	"strings"
	"sync/atomic"
)

// What a source has read can outlive the run that read it: a load that is
// continued need not read it again. It lies beside the journal, in a folder that
// the entries of the load's runs name, and goes with the last of them.

// keptDir is the folder of what runs have read, by the first run of the load.
func (j journal) keptDir(first RunID) string { return j.dir + "read/" + string(first) + "/" }

// reads reports whether what the entry's load has read may be wanted again.
func (e journalEntry) reads() bool {
	return e.Kept != "" && (e.State == stateRunning || e.State == stateInterrupted || e.State == statePublishing)
}

// keptBy names the folder of a load that can be continued.
func (e journalEntry) keptBy() RunID { return cmp.Or(e.Kept, e.Run) }

// forget deletes what a load has read.
func (j journal) forget(ctx context.Context, first RunID) error {
	if first == "" {
		return nil
	}
	return j.forgetAll(ctx, j.keptDir(first), nil)
}

// forgetOthers deletes what was read for loads of which no entry is left.
func (j journal) forgetOthers(ctx context.Context, entries []journalEntry) error {
	needed := map[string]bool{}
	for _, e := range entries {
		if e.reads() {
			needed[j.keptDir(e.Kept)] = true
		}
	}
	return j.forgetAll(ctx, j.dir+"read/", needed)
}

func (j journal) forgetAll(ctx context.Context, prefix string, needed map[string]bool) error {
	var keys []string
	for o, err := range j.storage.List(ctx, prefix) {
		if err != nil {
			return fmt.Errorf("list what was read: %w", err)
		}
		if !needed[path.Dir(o.Key)+"/"] {
			keys = append(keys, o.Key)
		}
	}
	return j.storage.Delete(ctx, keys...)
}

// A keeper keeps what the source of a run reads. The zero keeper keeps nothing.
type keeper struct {
	journal journal
	run     RunID
	first   RunID // of the load; "": it cannot be continued
	begins  bool  // no earlier run of the load can have kept anything
	looks   bool  // nothing is to be written
	count   atomic.Int64
}

func (k *keeper) keep(ctx context.Context, data []byte) error {
	if k == nil || k.first == "" || k.looks {
		return nil
	}
	key := fmt.Sprintf("%s%s-%06d", k.journal.keptDir(k.first), k.run, k.count.Add(1))
	if err := k.journal.storage.WriteAll(ctx, key, data); err != nil {
		return storageError(fmt.Errorf("keep what was read: %w", err))
	}
	return nil
}

func (k *keeper) kept(ctx context.Context) iter.Seq2[KeptPart, error] {
	return func(yield func(KeptPart, error) bool) {
		if k == nil || k.first == "" || k.begins {
			return
		}
		for o, err := range k.journal.storage.List(ctx, k.journal.keptDir(k.first)) {
			var data []byte
			switch {
			case err != nil:
			case strings.HasSuffix(o.Key, halfSuffix):
				continue
			default:
				data, err = k.journal.storage.ReadAll(ctx, o.Key)
			}
			if err != nil {
				yield(KeptPart{}, storageError(fmt.Errorf("what was read before: %w", err)))
				return
			}
			if !yield(KeptPart{k.journal.storage.describe(o.Key), data}, nil) {
				return
			}
		}
	}
}

// forget deletes what the load has read, once it is not needed any more.
func (k *keeper) forget(ctx context.Context) error {
	if k == nil || k.begins && k.count.Load() == 0 {
		return nil
	}
	return k.journal.forget(ctx, k.first)
}
