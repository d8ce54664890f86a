package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// A plan is what a run is about to do to the pointers, or that it must not plan
// any more: there is one object for both, and whoever makes it is first.
type plan struct {
	Run    lake.RunID  `json:"run"`
	Load   lake.LoadID `json:"load_id,omitempty"`
	Began  time.Time   `json:"began,omitzero"`
	Fenced *time.Time  `json:"fenced,omitempty"`
	Steps  []*step     `json:"steps,omitempty"`

	// Whose plan it is knows which steps it has tried. For everybody else any may be
	// under way.
	own bool
}

// A step is what is done to one table, which is known by its folder.
type step struct {
	Folder string `json:"folder"`
	Name   string `json:"name"` // after it
	From   string `json:"from,omitempty"`
	To     string `json:"to"` // metadata files; without From it is made

	tried bool
}

// plan lists what an attempt is about to do: tables in the order of their folders,
// new ones behind, so that of two that publish at once one is first at all of them,
// and the ledger at last.
func (c *stepCatalog) plan(a *attempt) *plan {
	p := &plan{Run: a.run, Load: a.load.ID, Began: c.now().UTC(), own: true}
	for _, t := range slices.Concat(a.targets, a.tagged) {
		if t.base == nil && a.hold {
			continue // what is held of new tables is in no catalog
		}
		s := &step{Folder: t.location, Name: t.name, To: t.metadata}
		if t.base != nil {
			s.From = t.base.location
			if a.hold {
				s.Name = t.base.name // held, it keeps its name too
			}
		}
		p.Steps = append(p.Steps, s)
	}
	last := a.folderOf(lake.LedgerTable)
	slices.SortFunc(p.Steps, func(x, y *step) int {
		return cmp.Or(compareBool(x.Folder == last, y.Folder == last), compareBool(x.From == "", y.From == ""), cmp.Compare(x.Folder, y.Folder))
	})
	return p
}

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

// folderOf is the folder of a target; "" where there is none.
func (a *attempt) folderOf(key string) string {
	for _, t := range slices.Concat(a.targets, a.tagged) {
		if t.key == key {
			return t.location
		}
	}
	return ""
}

// writePlan makes the object, which must not exist unless it is to be replaced.
func (c *stepCatalog) writePlan(ctx context.Context, p *plan, replace bool) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if key := c.planKey(p.Run); replace {
		err = c.store.Replace(ctx, key, data)
	} else {
		err = c.store.WriteAll(ctx, key, data)
	}
	if err != nil {
		return fmt.Errorf("plan of a publication: %w", err)
	}
	return nil
}

// readPlan returns nil where there is none.
func (c *stepCatalog) readPlan(ctx context.Context, key string) (*plan, error) {
	data, err := c.store.ReadAll(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	p := &plan{}
	if err == nil {
		err = json.Unmarshal(data, p)
	}
	if err != nil {
		return nil, fmt.Errorf("plan of a publication %s: %w", c.store.URI(key), err)
	}
	return p, nil
}

// pointerAt finds the table of a folder.
func (c *stepCatalog) pointerAt(list []pointer, folder string) *pointer {
	former := c.former(list)
	for i, p := range list {
		if key, ok := c.store.Key(p.location); ok && path.Dir(path.Dir(key)) == folder && !former[p.name] {
			return &list[i]
		}
	}
	return nil
}
