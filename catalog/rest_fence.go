package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

// A run of a REST catalog is fenced by a tag on the ledger: its transaction
// requires that there is none. A run that was taken for dead may wake up at any
// time, so the tag stays for long; since when it is there is in a property.
const (
	fencePrefix   = "fenced_"
	fenceProperty = "notionlake.fenced."
	// fenceTime is longer than any process is stopped and goes on.
	fenceTime = 90 * 24 * time.Hour
)

func fenceTag(run lake.RunID) string { return fencePrefix + string(run) }

// notFenced requires that a run may publish.
func notFenced(run lake.RunID) table.Requirement {
	return table.AssertRefSnapshotID(fenceTag(run), nil)
}

// fenceStatus is the status of a snapshot that is there for a fence only.
const fenceStatus = "fence"

// fenceTries is how often a fence is tried when others write to the ledger.
const fenceTries = 10

func (c *restCatalog) admit(_ context.Context, run lake.RunID) error {
	c.runs.admit(run)
	return nil
}

func (c *restCatalog) fence(ctx context.Context, run lake.RunID) (err error) {
	if c.runs.leave(run) {
		return nil
	}
	if err = c.fenceTransaction(ctx, run); err != nil {
		return err
	}
	c.runs.answeredTo(run)
	// A run that found the server without transactions writes its plan first, and looks
	// for the tag then.
	p, err := newRESTSteps(c).journal.readPlan(ctx, newRESTSteps(c).journal.planKey(run, 1))
	if err == nil && p != nil && p.Fenced == nil {
		err = c.errPlanned()
	}
	return err
}

// fenceTransaction puts the tag on the ledger.
func (c *restCatalog) fenceTransaction(ctx context.Context, run lake.RunID) (err error) {
	for range fenceTries {
		if err = c.tryFence(ctx, run); err == nil {
			return nil
		}
		if !errors.Is(err, lake.ErrConflict) {
			return err
		}
	}
	return err
}

func (c *restCatalog) tryFence(ctx context.Context, run lake.RunID) error {
	c.invalidate()
	l, err := c.list(ctx)
	if err != nil {
		return err
	}
	ledger := l.byKey(lake.LedgerTable)
	if ledger == nil {
		if ledger, err = c.makeLedger(ctx, l); err != nil {
			return err
		}
	}
	if ledger.meta.SnapshotByName(fenceTag(run)) != nil {
		return nil
	}
	var updates []table.Update
	at, key := ledger.meta.CurrentSnapshot(), ""
	if at == nil {
		if at, key, err = c.nothing(ctx, ledger, run); err != nil {
			return err
		}
		updates = append(updates, table.NewAddSnapshotUpdate(at))
	}
	updates = append(updates, table.NewSetSnapshotRefUpdate(fenceTag(run), at.SnapshotID, table.TagRef, 0, 0, 0),
		table.NewSetPropertiesUpdate(iceberg.Properties{fenceProperty + string(run): c.now().UTC().Format(time.RFC3339)}))
	now, _, err := c.server.CommitTable(ctx, c.ident(ledger.name), append(holds(ledger.meta), notFenced(run)), updates)
	if err != nil {
		if err = c.answered(err); key != "" && errors.Is(err, lake.ErrConflict) {
			err = errors.Join(err, c.store.Delete(ctx, key))
		}
		return err
	}
	c.invalidate()
	c.order.saw(ledger.name, now)
	if now.SnapshotByName(fenceTag(run)) == nil {
		return fmt.Errorf("the catalog %s keeps no tags: %w", c.place(), lake.ErrNotFenced)
	}
	return nil
}

// nothing is a snapshot without rows, for a tag to stand on. Its file carries the
// ID of the run that is fenced, and goes with what that run wrote.
func (c *restCatalog) nothing(ctx context.Context, e *entry, run lake.RunID) (*table.Snapshot, string, error) {
	folder, err := c.tableFolder(e)
	if err != nil {
		return nil, "", err
	}
	sequence := e.meta.LastSequenceNumber() + 1
	s := &table.Snapshot{
		SnapshotID: newSnapshotID(), SequenceNumber: sequence, TimestampMs: publicationTime(c.now(), []*entry{e}).UnixMilli(),
		SchemaID: &e.meta.CurrentSchema().ID,
		Summary:  &table.Summary{Operation: table.OpAppend, Properties: iceberg.Properties{statusEntry: fenceStatus}},
	}
	var list bytes.Buffer
	if err := iceberg.WriteManifestList(formatVersion, &list, s.SnapshotID, nil, &sequence, 0, nil); err != nil {
		return nil, "", fmt.Errorf("manifest list: %w", err)
	}
	key := fmt.Sprintf("%s/metadata/snap-%d-1-%s.avro", folder, s.SnapshotID, run)
	s.ManifestList = c.store.URI(key)
	return s, key, c.store.WriteAll(ctx, key, list.Bytes())
}

// unfence takes the fences that are old out of the metadata of the ledger that is
// to be published, and returns the files that only they needed.
func (a *attempt) unfence(data []byte, base *entry) ([]byte, []string, error) {
	if base == nil || !bytes.Contains(data, []byte(`"`+fencePrefix)) {
		return data, nil, nil
	}
	props := maps.Clone(base.meta.Properties())
	tags := map[string]bool{} // those that go
	for name, value := range props {
		run, ok := strings.CutPrefix(name, fenceProperty)
		since, err := time.Parse(time.RFC3339, value)
		if ok && (err != nil || a.at.Sub(since) > fenceTime) {
			tags[fenceTag(lake.RunID(run))] = true
		}
	}
	if len(tags) == 0 {
		return data, nil, nil
	}
	needed := map[int64]bool{}
	for name, ref := range base.meta.Refs() {
		needed[ref.SnapshotID] = needed[ref.SnapshotID] || !tags[name]
	}
	var keys []string
	gone := map[int64]bool{}
	for _, s := range base.meta.Snapshots() {
		if s.Summary == nil || s.Summary.Properties[statusEntry] != fenceStatus || needed[s.SnapshotID] {
			continue
		}
		gone[s.SnapshotID] = true
		if key, ok := a.store.Key(s.ManifestList); ok {
			keys = append(keys, key)
		}
	}
	data, err := editJSON(data, func(doc *metadataEdit) {
		maps.DeleteFunc(doc.refs, func(name string, _ table.SnapshotRef) bool { return tags[name] })
		if len(gone) > 0 {
			doc.forget(gone)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	var doc struct {
		Properties map[string]string `json:"properties"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, nil, err
	}
	maps.DeleteFunc(doc.Properties, func(name, _ string) bool {
		run, ok := strings.CutPrefix(name, fenceProperty)
		return ok && tags[fenceTag(lake.RunID(run))]
	})
	data, err = setJSON(data, map[string]any{"properties": doc.Properties})
	return data, keys, err
}
