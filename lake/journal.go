package lake

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// A RunID is in the name of every file that one run of the program writes into
// the folder of the tables, so that the files of a run that died can be told
// from all others.
type RunID string

// NewRunID returns a random one.
func NewRunID() RunID { return RunID(uuid.NewString()) }

// journalRoot is where journals lie: nothing of a table is there.
const journalRoot = "_notionlake/"

// A journal says of every run that has not ended what it may have written. An
// entry is durable before the run writes its first file, and is deleted when
// nothing is left to be done for it.
type journal struct {
	storage *Storage
	catalog Catalog
	dir     string // key prefix, with a slash at its end
}

func newJournal(s *Storage, c Catalog) journal {
	return journal{s, c, journalRoot + c.Folder() + "journal/"}
}

// The states of a journal entry.
const (
	stateRunning     = "running"     // files are written, nothing is published
	stateInterrupted = "interrupted" // ended early, its files are deleted: the next run continues it
	statePublishing  = "publishing"  // published or not: the catalog knows
	stateFailed      = "failed"      // published nothing, and some of its files may be there or come late
	stateUnknown     = "unknown"     // as publishing; the run could not find out
	stateHolding     = "holding"     // held or not: the catalog knows
	stateHeld        = "held"        // waits for a decision
	stateDiscarding  = "discarding"
	stateMaintaining = "maintaining"
)

var states = []string{
	stateRunning, stateInterrupted, statePublishing, stateFailed, stateUnknown, stateHolding, stateHeld, stateDiscarding, stateMaintaining,
}

// journalFormat is the version of the entries. Newer ones are not touched.
const journalFormat = 1

// A journalEntry is what the journal says of one run.
type journalEntry struct {
	Format  int       `json:"format"`
	Sum     string    `json:"sum"` // of the entry's bytes without it
	State   string    `json:"state"`
	Run     RunID     `json:"run"`
	LoadID  LoadID    `json:"load_id,omitempty"`
	After   LoadID    `json:"after,omitempty"` // the last published load when the run began
	Started time.Time `json:"started"`
	Began   time.Time `json:"began,omitzero"` // the run, which may continue a load that had started before
	Version string    `json:"version"`
	// Catalog is the ID of the catalog with which it began.
	Catalog string `json:"catalog,omitempty"`
	// Parts are the locks of a run that loads a part of the workspace: it lives as
	// long as it holds them.
	Parts []string `json:"parts,omitempty"`
	// Config tells whether another run would load the same.
	Config string `json:"config,omitempty"`
	// Kept names the folder of what was read, of a load that can be continued.
	Kept RunID `json:"kept,omitempty"`
	// Drops are the keys of files that are superfluous once what the run
	// publishes is published.
	Drops []string `json:"drops,omitempty"`
	// Of a held load.
	Reasons []string          `json:"reasons,omitempty"`
	Tables  []TableReport     `json:"tables,omitempty"`
	Records []json.RawMessage `json:"records,omitempty"`
	Pinned  bool              `json:"pinned,omitempty"`
	Load    *Load             `json:"load,omitempty"`
	// Requests are those that it took.
	Requests int64 `json:"requests,omitempty"`
	// keep says that the load can be continued once the run's files are deleted.
	keep bool
	// own says that it is of this process, which goes on.
	own bool
}

// key is where an entry lies. Its name sorts by load.
func (j journal) key(e journalEntry) string {
	return j.dir + cmp.Or(string(e.LoadID), "maintenance") + "_" + string(e.Run) + ".json"
}

// damaged is where entries are put that cannot be understood.
func (j journal) damaged() string { return j.dir + "damaged/" }

// write makes the entry durable, in place of the one that the run had.
func (j journal) write(ctx context.Context, e journalEntry) error {
	e.Format, e.Sum = journalFormat, ""
	var data []byte
	var err error
	if e.Catalog == "" {
		e.Catalog, err = j.catalog.ID(ctx)
	}
	if err == nil {
		data, err = json.MarshalIndent(e, "", "  ")
	}
	if err == nil {
		err = j.storage.Replace(ctx, j.key(e), seal(append(data, '\n')))
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// enter makes the entry of a run that begins, and lets it publish. Where that
// fails it may be there all the same, and is removed; if it stays, the next run
// finds nothing of it.
func (j journal) enter(ctx context.Context, e journalEntry) error {
	err := j.write(ctx, e)
	if err == nil {
		err = j.catalog.Admit(ctx, e.Run)
	}
	if err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	return errors.Join(err, j.remove(ctx, e))
}

// remove deletes an entry: nothing is left to be done for it.
func (j journal) remove(ctx context.Context, e journalEntry) error {
	if err := j.catalog.Fence(ctx, e.Run); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := j.storage.Delete(ctx, j.key(e)); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// A damagedEntry is a file of the journal that is none. Its name is all that is
// known of it.
type damagedEntry struct {
	key string
	err error
}

// ErrNewerJournal is a journal that a newer version of the program wrote.
var ErrNewerJournal = errors.New("written by a newer version of notionlake")

// list reads all entries, the oldest load first. Files that a process left half
// written are among what is to be deleted.
func (j journal) list(ctx context.Context) (entries []journalEntry, damaged []damagedEntry, halves []string, err error) {
	for o, err := range j.storage.List(ctx, j.dir) {
		if err != nil {
			return nil, nil, nil, fmt.Errorf("journal: %w", err)
		}
		name := path.Base(o.Key)
		if path.Dir(o.Key)+"/" != j.dir {
			continue
		}
		if strings.HasSuffix(name, halfSuffix) {
			halves = append(halves, o.Key)
			continue
		}
		if !strings.HasSuffix(name, ".json") {
			continue
		}
		data, err := j.storage.ReadAll(ctx, o.Key)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a run that ends while others are read deletes its own
		}
		if err != nil {
			return nil, nil, nil, fmt.Errorf("journal: %w", err)
		}
		e, err := parseEntry(data)
		switch {
		case errors.Is(err, ErrNewerJournal):
			return nil, nil, nil, fmt.Errorf("journal entry %s: %w: use that version; if none was ever used here, the entry is damaged: move it into the folder %s, and `notionlake loads` names the load to discard, if there is one",
				j.storage.describe(o.Key), err, j.storage.describe(j.damaged()))
		case err == nil && j.key(e) != o.Key:
			err = errors.New("it is not named as what it holds")
			fallthrough
		case err != nil:
			damaged = append(damaged, damagedEntry{o.Key, err})
		default:
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b journalEntry) int {
		return cmp.Or(cmp.Compare(a.LoadID, b.LoadID), cmp.Compare(a.Run, b.Run))
	})
	return entries, damaged, halves, nil
}

// halfSuffix ends the keys of objects that a killed process left half written.
const halfSuffix = ".tmp"

// parseEntry reads an entry, and fails where anything in it may not be what was
// written: who takes a held load for another one deletes it.
func parseEntry(data []byte) (journalEntry, error) {
	var e journalEntry
	var format struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &format); err != nil {
		return e, fmt.Errorf("not JSON: %w", err)
	}
	if format.Format > journalFormat { // before the sum, which a newer version may make otherwise
		return e, ErrNewerJournal
	}
	if err := checkSum(data); err != nil {
		return e, err
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return e, err
	}
	_, err := uuid.Parse(string(e.Run))
	switch {
	case err != nil:
		return e, errors.New("it names no run")
	case e.Format < 1:
		return e, errors.New("it has no format")
	case !slices.Contains(states, e.State):
		return e, fmt.Errorf("there is no state %q", e.State)
	case (e.State == stateHeld || e.State == stateHolding) && (e.Load == nil || e.Load.ID != e.LoadID):
		return e, errors.New("it does not hold the load that it is of")
	}
	return e, nil
}
