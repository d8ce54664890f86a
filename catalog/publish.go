package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/notionlake/notionlake/lake"
)

const (
	// parallelTables is how many tables' files are written at a time.
	parallelTables = 8
	// cleanupTimeout is how long it may take to clean up, or to find out what
	// became of a commit, after the publication itself has been cancelled.
	cleanupTimeout = 30 * time.Second
)

// Publish makes every change visible at once: one snapshot per change, all of
// one time and with the load's tag, which every other table of the namespace
// gets too. A load that is published already is not published again. After an
// error nothing that it wrote is left, but with lake.ErrUnknown everything is.
func (c *Catalog) Publish(ctx context.Context, p lake.Publication) ([]lake.Snapshot, error) {
	if !p.Load.ID.Valid() {
		return nil, fmt.Errorf("load ID %q is not a time like 20261121T030000Z", p.Load.ID)
	}
	l, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	a := &attempt{Catalog: c, load: p.Load, run: p.Run, hold: p.Hold, compact: p.Compaction, needsAdmission: p.Run != ""}
	if a.run == "" {
		a.run = lake.NewRunID()
	}
	if done, err := a.check(l, p); err != nil || done != nil {
		return done, err
	}
	if l, err = c.backend.begin(ctx, l, p); err != nil {
		return nil, err
	}
	a.read, a.at = l, publicationTime(c.now(), l.entries)
	err = a.prepare(ctx, l, p)
	if err == nil {
		err = a.before(ctx, p.Before)
	}
	if err := a.conclude(ctx, err); err != nil {
		return nil, err
	}
	if p.Hold || p.Compaction {
		return a.snapshots(), nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mine = p.Load.ID
	if c.seen != nil {
		c.seen = &p.Load.ID
	}
	return a.snapshots(), nil
}

// conclude commits what has been prepared, unless that failed with err. What was
// written and is not published is deleted, where that is sure.
func (a *attempt) conclude(ctx context.Context, err error) error {
	if err == nil {
		err = a.commit(ctx)
	}
	switch {
	case errors.Is(err, lake.ErrUnknown):
		return err
	case err != nil:
		return errors.Join(err, a.clean(ctx))
	}
	a.published(ctx)
	return nil
}

// An attempt is one try to publish a load.
type attempt struct {
	*Catalog
	load    lake.Load
	run     lake.RunID
	hold    bool
	compact bool
	// needsAdmission says that the run must not have been fenced.
	needsAdmission bool
	// accepted says that a server has answered that the commit is done: what is not
	// seen of it then may be seen later.
	accepted bool
	read     listing // the tables as it found them
	at       time.Time
	targets  []*target // in the order of the changes, the ledger last
	tagged   []*target // the tables without a change

	writing sync.Mutex
	written []string // storage keys
}

// A target is a table that the attempt moves to new metadata.
type target struct {
	*attempt
	staged   *staged // nil: its metadata is edited
	edit     func() ([]byte, error)
	base     *entry // nil: it is new
	name     string // after the publication
	key      string
	location string // storage key of the table's folder

	files      []lake.File
	schema     *iceberg.Schema // current after the publication
	spec       iceberg.PartitionSpec
	parent     *table.Snapshot
	snapshotID int64
	sequence   int64
	manifests  int // written so far

	metadata string // URI of the new metadata file
	meta     table.Metadata
	// difference is what a server is told of the new metadata.
	difference difference
	// superfluous are the keys of files that the change leaves without use, beside
	// metadata files.
	superfluous []string
}

// check finds out whether the load can be published, or has been.
func (a *attempt) check(l listing, p lake.Publication) ([]lake.Snapshot, error) {
	if p.Compaction {
		if last := l.lastLoad(); last != p.Load.ID {
			return nil, fmt.Errorf("load %s has been published meanwhile: %w", last, lake.ErrConflict)
		}
		return nil, nil
	}
	var done []lake.Snapshot
	for _, change := range p.Changes {
		st, err := a.own(change.Staged)
		if err != nil {
			return nil, err
		}
		if e := l.byKey(st.key); e != nil {
			if s := e.meta.SnapshotByName(p.Load.ID.Tag()); s != nil {
				done = append(done, lakeSnapshot(e.name, e.key, e.meta, s))
			}
		}
	}
	last := l.lastLoad()
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	// Another process may have published a load that began in the same second.
	case last == p.Load.ID && a.mine == last && len(done) == len(p.Changes) && len(done) > 0:
		return done, nil
	case last >= p.Load.ID:
		return nil, fmt.Errorf("load %s has been published meanwhile: %w", last, lake.ErrConflict)
	}
	if a.seen != nil && last > *a.seen {
		return nil, fmt.Errorf("load %s has been published since this one began: %w", last, lake.ErrConflict)
	}
	return nil, nil
}

// prepare writes everything but the pointers.
func (a *attempt) prepare(ctx context.Context, l listing, p lake.Publication) error {
	for _, change := range p.Changes {
		if err := a.add(l, change); err != nil {
			return err
		}
	}
	if err := a.build(ctx, a.targets); err != nil {
		return err
	}
	if p.Hold || p.Compaction {
		return a.checkNames(l)
	}
	if p.Ledger != nil {
		change, err := p.Ledger(ctx, a.at, a.snapshots())
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		if err := a.add(l, change); err != nil {
			return err
		}
		if err := a.build(ctx, a.targets[len(a.targets)-1:]); err != nil {
			return err
		}
	}
	for _, e := range l.entries {
		changed := slices.ContainsFunc(a.targets, func(t *target) bool { return t.key == e.key })
		// A table of another program's making may have no snapshot to tag.
		if changed || e.meta.CurrentSnapshot() == nil {
			continue
		}
		t, err := a.tagTarget(e)
		if err != nil {
			return err
		}
		t.edit = func() ([]byte, error) { return tagCurrent(e, a.load.ID.Tag(), a.at) }
		a.tagged = append(a.tagged, t)
	}
	if err := a.checkNames(l); err != nil {
		return err
	}
	return a.build(ctx, a.tagged)
}

// add takes in a change, if it was planned on the table as it is.
func (a *attempt) add(l listing, change lake.Change) error {
	st, err := a.own(change.Staged)
	if err != nil {
		return err
	}
	now := l.byKey(st.key)
	same := now == nil && st.base == nil || now != nil && st.base != nil && now.location == st.base.location && now.name == st.base.name
	if !same {
		return fmt.Errorf("table %s has been changed by another program since this load read it: %w", st.name, lake.ErrConflict)
	}
	if slices.ContainsFunc(a.targets, func(t *target) bool { return t.key == st.key }) {
		return fmt.Errorf("table %s is changed twice in one load", st.name)
	}
	a.targets = append(a.targets, &target{
		attempt: a, staged: st, base: now, name: st.name, key: st.key, location: st.location, files: change.Files,
	})
	return nil
}

func (a *attempt) tagTarget(e *entry) (*target, error) {
	t := &target{attempt: a, base: e, name: a.read.properName(e), key: e.key}
	var err error
	t.location, err = a.tableFolder(e)
	return t, err
}

// checkNames refuses two tables of one name.
func (a *attempt) checkNames(l listing) error {
	names := map[string]*target{}
	for _, t := range slices.Concat(a.targets, a.tagged) {
		if twin, ok := names[t.name]; ok {
			return fmt.Errorf("tables with the keys %s and %s would both be named %s", twin.key, t.key, t.name)
		}
		names[t.name] = t
		if why, ok := l.foreign[t.name]; ok {
			return fmt.Errorf("table %s.%s exists and is not notionlake's (%s): %w", a.namespace, t.name, why, ErrForeign)
		}
	}
	return nil
}

// build writes the files of the targets' new metadata.
func (a *attempt) build(ctx context.Context, targets []*target) error {
	g, ctx := lake.NewGroup(ctx)
	g.SetLimit(parallelTables)
	for _, t := range targets {
		g.Go(func() error {
			if err := t.build(ctx); err != nil {
				return fmt.Errorf("table %s: %w", t.name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

func (t *target) build(ctx context.Context) error {
	var data []byte
	var err error
	if t.staged == nil {
		data, err = t.edit()
	} else {
		data, err = t.change(ctx)
	}
	// What was held of this load is no longer: it is being published.
	if err == nil && !t.hold {
		data, err = dropHeld(data, t.load.ID.HeldTag())
	}
	if err == nil && t.key == lake.LedgerTable && t.staged != nil && !t.hold {
		data, t.superfluous, err = t.unfence(data, t.base)
	}
	if err != nil {
		return err
	}
	// What is written is read back as readers will.
	if t.meta, err = table.ParseMetadataBytes(data); err != nil {
		return fmt.Errorf("its new metadata is not valid: %w", err)
	}
	before := ""
	if t.base != nil {
		before = t.base.location
	}
	if !t.backend.writesMetadata() && (t.base != nil || !t.hold) {
		return nil
	}
	key := t.location + "/metadata/" + nextMetadataName(before, t.run)
	if !t.backend.writesMetadata() {
		key = t.location + "/metadata/" + heldPrefix + string(t.run) + metadataSuffix
	}
	t.metadata = t.store.URI(key)
	return t.write(ctx, key, data)
}

// change makes the metadata of a table with a new snapshot.
func (t *target) change(ctx context.Context) ([]byte, error) {
	b, err := newBuilder(t.staged, t.store, t.hold)
	if err != nil {
		return nil, err
	}
	spec, err := b.CurrentSpec()
	if err != nil {
		return nil, err
	}
	t.schema, t.spec, t.snapshotID, t.sequence = b.CurrentSchema(), *spec, newSnapshotID(), 1
	if t.hold && t.base != nil {
		// The snapshot has the new schema, the table keeps its own.
		if err := b.SetCurrentSchemaID(t.base.meta.CurrentSchema().ID); err != nil {
			return nil, err
		}
	}
	s := &table.Snapshot{SnapshotID: t.snapshotID, TimestampMs: t.at.UnixMilli(), SchemaID: &t.schema.ID}
	if t.base != nil {
		t.parent = t.base.meta.CurrentSnapshot()
		t.sequence = t.base.meta.LastSequenceNumber() + 1
	}
	if t.parent != nil {
		s.ParentSnapshotID = &t.parent.SnapshotID
	}
	s.SequenceNumber = t.sequence
	content, err := t.fill(ctx)
	if err != nil {
		return nil, err
	}
	if s.ManifestList, err = t.writeManifestList(ctx, content.manifests); err != nil {
		return nil, err
	}
	operation, counts := content.summary(t.parent)
	props := iceberg.Properties{}
	maps.Copy(props, t.load.Summary)
	maps.Copy(props, counts)
	props[loadEntry], props[statusEntry], props[versionEntry] = string(t.load.ID), t.load.Status, t.loadVersion()
	if len(t.staged.evolved.columns.removed) > 0 {
		ids, err := json.Marshal(sortedKeys(t.staged.evolved.columns.removed))
		if err != nil {
			return nil, err
		}
		props[removedEntry] = string(ids)
	}
	if t.compact {
		operation = table.OpReplace
		of := lakeSnapshot(t.name, t.key, nil, t.parent)
		props[loadEntry], props[statusEntry] = string(of.LoadID), of.Status
	}
	s.Summary = &table.Summary{Operation: operation, Properties: props}
	meta, err := addSnapshot(b, s, t.tag(), t.hold && t.base != nil)
	if err != nil {
		return nil, err
	}
	return json.Marshal(meta)
}

// tag is the load's, on what the attempt publishes or holds; a compaction has none.
func (a *attempt) tag() string {
	switch {
	case a.compact:
		return ""
	case a.hold:
		return a.load.ID.HeldTag()
	default:
		return a.load.ID.Tag()
	}
}

func (a *attempt) loadVersion() string {
	if a.load.Version != "" {
		return a.load.Version
	}
	return a.version
}

// write writes a file that is deleted if the publication fails.
func (a *attempt) write(ctx context.Context, key string, data []byte) error {
	a.writing.Lock()
	a.written = append(a.written, key)
	a.writing.Unlock()
	if err := a.point.Hit("catalog.write-metadata", key); err != nil {
		return err
	}
	if err := a.store.WriteAll(ctx, key, data); err != nil {
		return err
	}
	return a.point.Hit("catalog.write-metadata.done", key)
}

// clean deletes everything that was written.
func (a *attempt) clean(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := a.store.Delete(ctx, a.written...); err != nil {
		return fmt.Errorf("delete what the publication wrote: %w", err)
	}
	return nil
}

// before tells the caller what is about to be done.
func (a *attempt) before(ctx context.Context, tell func(context.Context, lake.Prepared) error) error {
	if tell == nil {
		return nil
	}
	var prepared lake.Prepared
	for _, t := range slices.Concat(a.targets, a.tagged) {
		if a.hold {
			r, err := t.record()
			if err != nil {
				return fmt.Errorf("table %s: %w", t.name, err)
			}
			prepared.Records = append(prepared.Records, r)
			prepared.Pinned = prepared.Pinned || t.base != nil
		}
		prepared.Drops = append(prepared.Drops, a.drops(t)...)
	}
	return tell(ctx, prepared)
}

// snapshots are the new snapshots.
func (a *attempt) snapshots() []lake.Snapshot {
	list := make([]lake.Snapshot, len(a.targets))
	for i, t := range a.targets {
		list[i] = lakeSnapshot(t.name, t.key, t.meta, t.meta.SnapshotByID(t.snapshotID))
	}
	return list
}
