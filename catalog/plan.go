package catalog

import (
	"bytes"
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

	"github.com/notionlake/notionlake/lake"
)

// planFormat is the version of plans. Newer ones are not touched.
const planFormat = 1

// A plan is what a run is about to do to the pointers, or that it must not plan
// any more: there is one object for both, which is never changed, so whoever makes
// it is first.
type plan struct {
	Format int         `json:"format"`
	Run    lake.RunID  `json:"run"`
	Load   lake.LoadID `json:"load_id,omitempty"`
	Tag    string      `json:"tag,omitempty"` // that every table gets
	Began  time.Time   `json:"began,omitzero"`
	Fenced *time.Time  `json:"fenced,omitempty"`
	// Catalog is the ID of the one whose tables it changes.
	Catalog string  `json:"catalog,omitempty"`
	Steps   []*step `json:"steps,omitempty"`

	key string
}

// A step is what is done to one table.
type step struct {
	Folder     string `json:"folder"`
	Was        string `json:"was,omitempty"` // name before
	Name       string `json:"name"`          // and after it
	From       string `json:"from,omitempty"`
	To         string `json:"to,omitempty"`          // metadata files; without From it is made
	SnapshotID int64  `json:"snapshot_id,omitempty"` // that the tag is on; 0: any

	REST *restStep `json:"rest,omitempty"` // where a server writes the metadata
}

// An outcome is what became of a plan. It is decided once, by an object beside the
// plan: everybody who carries the plan out keeps to it.
type outcome string

const (
	outcomeDone  outcome = "done"
	outcomeBack  outcome = "taken back"
	outcomeNever outcome = "never begun" // its first step could not be taken: no other was
)

const (
	planSuffix    = ".json"
	outcomeSuffix = ".outcome"
	// doneTime is how long a plan stays at least that is carried out. Who was stopped
	// in the middle of it for longer does not find it, and asks the tables.
	doneTime = time.Hour
)

// plan lists what an attempt is about to do: tables in the order of their folders,
// new ones behind, so that of two that publish at once one is first at all of them,
// and the ledger at last.
func (c *stepCatalog) plan(a *attempt) *plan {
	p := &plan{Format: planFormat, Run: a.run, Load: a.load.ID, Tag: a.tag(), Began: c.now().UTC()}
	if a.load.ID == "" {
		p.Tag = ""
	}
	last := ""
	for _, t := range slices.Concat(a.targets, a.tagged) {
		if t.base == nil && a.hold {
			continue // what is held of new tables is in no catalog
		}
		s := &step{Folder: t.location, Name: t.name, To: t.metadata}
		if t.staged != nil {
			s.SnapshotID = t.snapshotID
		}
		if t.base != nil {
			s.From, s.Was = t.base.location, t.base.name
			if a.hold {
				s.Name = t.base.name // held, it keeps its name too
			}
		}
		if t.key == lake.LedgerTable {
			last = t.location
		}
		p.Steps = append(p.Steps, s)
	}
	p.order(last)
	return p
}

// order is the one of all plans: by folders, new tables behind, and the ledger, whose
// folder is given, at last.
func (p *plan) order(last string) {
	slices.SortFunc(p.Steps, func(x, y *step) int {
		return cmp.Or(compareBool(x.Folder == last, y.Folder == last), compareBool(x.isNew(), y.isNew()), cmp.Compare(x.Folder, y.Folder))
	})
}

// isNew reports whether the step's table has not been published before.
func (s *step) isNew() bool { return s.From == "" && (s.REST == nil || s.REST.New) }

func compareBool(x, y bool) int {
	switch {
	case x == y:
		return 0
	case y:
		return -1
	default:
		return 1
	}
}

// plans is where plans lie.
func (c *publications) plans() string { return "_notionlake/" + c.folder + "/publications/" }

// planKey is where the plan of the nth publication of a run lies.
func (c *publications) planKey(run lake.RunID, n int) string {
	return path.Join(c.plans(), fmt.Sprintf("%s-%d%s", run, n, planSuffix))
}

// writePlan makes the object. Where it is there already, it must say the same.
func (c *publications) writePlan(ctx context.Context, p *plan) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err = c.store.WriteAll(ctx, p.key, data); errors.Is(err, lake.ErrExist) {
		there, e := c.store.ReadAll(ctx, p.key)
		if e != nil && !errors.Is(e, fs.ErrNotExist) {
			return fmt.Errorf("plan of a publication: %w", e)
		}
		if bytes.Equal(there, data) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("plan of a publication: %w", err)
	}
	return nil
}

// readPlan returns nil where there is none.
func (c *publications) readPlan(ctx context.Context, key string) (*plan, error) {
	data, err := c.store.ReadAll(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	p := &plan{key: key}
	if err == nil {
		err = json.Unmarshal(data, p)
	}
	if err == nil && p.Format != planFormat {
		err = fmt.Errorf("it has format %d, which this version does not know: use the newer one", p.Format)
	}
	if err != nil {
		return nil, fmt.Errorf("plan of a publication %s: %w", c.store.URI(key), err)
	}
	return p, nil
}

func (p *plan) outcomeKey() string { return strings.TrimSuffix(p.key, planSuffix) + outcomeSuffix }

// outcome is what has been decided; "": nothing yet.
func (c *publications) outcome(ctx context.Context, p *plan) (outcome, error) {
	data, err := c.store.ReadAll(ctx, p.outcomeKey())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("outcome of a publication: %w", err)
	}
	return outcome(data), nil
}

// errPlanGone is a plan that has been carried out long ago.
var errPlanGone = errors.New("its plan is gone: another process has carried it out")

// checkPlan fails where a plan is not there any more.
func (c *publications) checkPlan(ctx context.Context, p *plan) error {
	there, err := c.readPlan(ctx, p.key)
	if err == nil && there == nil {
		err = errPlanGone
	}
	return err
}

// decide decides what becomes of a plan, if nobody has.
func (c *publications) decide(ctx context.Context, p *plan, want outcome) (outcome, error) {
	if err := c.checkPlan(ctx, p); err != nil {
		return "", err
	}
	if err := c.point.Hit("catalog.decide", string(want)); err != nil {
		return "", err
	}
	err := c.store.WriteAll(ctx, p.outcomeKey(), []byte(want))
	if err != nil && !errors.Is(err, lake.ErrExist) {
		return "", fmt.Errorf("outcome of a publication: %w", err)
	}
	if err := c.point.Hit("catalog.decide.done", string(want)); err != nil {
		return "", err
	}
	return c.outcome(ctx, p)
}

// pointerAt finds the table of a step.
func (c *stepCatalog) pointerAt(list []pointer, s *step) *pointer {
	var found *pointer
	for i, p := range list {
		if p.location == s.To || p.location == s.From && s.From != "" {
			return &list[i]
		}
		if c.folderOf(p) == s.Folder && p.other == "" {
			found = &list[i]
		}
	}
	return found
}

// folderOf is the folder of the table that a pointer is of; "": it is not in the warehouse.
func (c *stepCatalog) folderOf(p pointer) string {
	key, ok := c.store.Key(p.location)
	if !ok {
		return ""
	}
	return path.Dir(path.Dir(key))
}
