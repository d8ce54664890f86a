package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
)

// A server that changes one table at a time compares no more than refs and the
// current schema, and those can be again what they were. So each table has one tag
// more, its mark, whose name has never been used and never is again: each step
// requires the mark that the table had when it was planned, and puts another one in
// its place. What arrives late finds no mark that it expects.
const (
	markPrefix = "publication_"
	// backSuffix ends the mark of a table of which a step was taken back.
	backSuffix = "-back"
)

// marksOf are the marks of a table and the snapshots that they are on. It has one,
// unless another program has written to it.
func marksOf(meta table.Metadata) map[string]int64 {
	marks := map[string]int64{}
	for name, ref := range meta.Refs() {
		if strings.HasPrefix(name, markPrefix) {
			marks[name] = ref.SnapshotID
		}
	}
	return marks
}

// hasMarks reports whether a table has these marks.
func hasMarks(meta table.Metadata, marks map[string]int64) bool {
	now := marksOf(meta)
	for name, at := range marks {
		if id, ok := now[name]; !ok || id != at {
			return false
		}
	}
	return true
}

// expects requires that a table has marks.
func expects(marks map[string]int64) (requirements []table.Requirement) {
	for _, name := range slices.Sorted(maps.Keys(marks)) {
		at := marks[name]
		requirements = append(requirements, table.AssertRefSnapshotID(name, &at))
	}
	return requirements
}

// remark puts a mark on a snapshot in the place of others.
func remark(before map[string]int64, mark string, at int64) []table.Update {
	updates := []table.Update{table.NewSetSnapshotRefUpdate(mark, at, table.TagRef, 0, 0, 0)}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		updates = append(updates, table.NewRemoveSnapshotRefUpdate(name))
	}
	return updates
}

// ready drops the tables that dead runs have made and not published, and gives the
// others the marks that they lack. A mark is sent once: where the answer is lost, it
// may be there, and another one beside it.
func (c *restSteps) ready(ctx context.Context) error {
	l, err := c.listRecent(ctx)
	if err != nil {
		return err
	}
	for _, e := range l.entries {
		current := e.meta.CurrentSnapshot()
		switch {
		case e.isEmpty():
			err = c.discard(ctx, e)
		case current != nil && len(marksOf(e.meta)) == 0:
			mark := markPrefix + uuid.NewString()
			var now table.Metadata
			now, _, err = c.server.CommitTable(ctx, c.ident(e.name), holds(e.meta), remark(nil, mark, current.SnapshotID))
			if err != nil {
				err = c.answered(err)
			} else if now.SnapshotByName(mark) == nil {
				err = fmt.Errorf("the catalog %s has neither transactions of several tables nor tags, and a load needs one of them: use another server, or a catalog of type postgres", c.place())
			}
		default:
			continue
		}
		c.invalidate()
		if err != nil {
			return fmt.Errorf("table %s: %w", e.name, err)
		}
	}
	return nil
}

// A rawUpdate and a rawRequirement are as a plan has them.
type rawUpdate struct {
	table.Update
	raw json.RawMessage
}

type rawRequirement struct {
	table.Requirement
	raw json.RawMessage
}

func (u rawUpdate) MarshalJSON() ([]byte, error)      { return u.raw, nil }
func (r rawRequirement) MarshalJSON() ([]byte, error) { return r.raw, nil }

// rawOf is what a plan keeps of updates or requirements.
func rawOf[T any](list []T) ([]json.RawMessage, error) {
	raw := make([]json.RawMessage, len(list))
	for i, v := range list {
		var err error
		if raw[i], err = json.Marshal(v); err != nil {
			return nil, err
		}
	}
	return raw, nil
}

func rawUpdates(raw []json.RawMessage) (updates []table.Update) {
	for _, r := range raw {
		updates = append(updates, rawUpdate{raw: r})
	}
	return updates
}

func rawRequirements(raw []json.RawMessage) (requirements []table.Requirement) {
	for _, r := range raw {
		requirements = append(requirements, rawRequirement{raw: r})
	}
	return requirements
}
