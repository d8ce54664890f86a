package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/notionlake/notionlake/catalog"
	"github.com/notionlake/notionlake/lake"
)

// stateAt is a table at an end of a comparison; a state without Files where it
// was not there. What a load that is held did not read is as in the load that it followed.
func (l *lakeAt) stateAt(ctx context.Context, key string, e end) (lake.TableState, error) {
	if e.nothing {
		return lake.TableState{}, nil
	}
	ref := e.ref
	if e.held != nil {
		for _, state := range e.read {
			if state.Schema.Key == key {
				return state, nil
			}
		}
		ref = e.base
	}
	state, err := l.catalog.TableAt(ctx, key, ref)
	if errors.Is(err, catalog.ErrNotFound) {
		return lake.TableState{}, nil
	}
	return state, storageError(err)
}

// keyOf is the key of the table that has the name now, or that a held load gives it;
// the name where there is none.
func (l *lakeAt) keyOf(ctx context.Context, name string, s timeSpan) (string, error) {
	now, err := l.catalog.TableAt(ctx, name, catalog.Ref{})
	if err == nil {
		return now.Schema.Key, nil
	}
	if !errors.Is(err, catalog.ErrNotFound) {
		return "", storageError(err)
	}
	for _, state := range slices.Concat(s.from.read, s.to.read) {
		if state.Schema.Table == name {
			return state.Schema.Key, nil
		}
	}
	return name, nil
}

// leaves reports whether the load is held and did not read the table.
func (e end) leaves(t lake.TableState) bool {
	return e.held != nil && t.Files != nil && !slices.ContainsFunc(e.read, func(r lake.TableState) bool { return r.Schema.Key == t.Schema.Key })
}

// statesOf are a table before and after.
func (l *lakeAt) statesOf(ctx context.Context, name string, s timeSpan) (from, to lake.TableState, err error) {
	key, err := l.keyOf(ctx, name, s)
	if err != nil {
		return from, to, err
	}
	if from, err = l.stateAt(ctx, key, s.from); err != nil {
		return from, to, err
	}
	if to, err = l.stateAt(ctx, key, s.to); err != nil || from.Files != nil || to.Files != nil {
		return from, to, err
	}
	_, err = l.catalog.TableAt(ctx, name, s.to.ref) // says what is wrong with the name
	return from, to, l.tableError(ctx, name, err)
}

// diffAll compares all tables.
func (p *program) diffAll(ctx context.Context, l *lakeAt, s timeSpan, o diffOptions) error {
	tables, err := l.catalog.Tables(ctx)
	if err != nil {
		return storageError(err)
	}
	for _, e := range []end{s.from, s.to} { // with those that a load that is held would make
		for _, state := range e.read {
			if !slices.ContainsFunc(tables, func(t lake.TableState) bool { return t.Schema.Key == state.Schema.Key }) {
				tables = append(tables, state)
			}
		}
	}
	slices.SortFunc(tables, func(a, b lake.TableState) int { return strings.Compare(a.Schema.Table, b.Schema.Table) })
	var changes []tableChange
	for _, t := range tables {
		change := tableChange{name: t.Schema.Table}
		if change.name == lake.LedgerTable && !o.raw {
			continue // it has a row more after every load
		}
		if change.from, err = l.stateAt(ctx, t.Schema.Key, s.from); err != nil {
			return err
		}
		if change.to, err = l.stateAt(ctx, t.Schema.Key, s.to); err != nil {
			return err
		}
		if change.appeared() && change.left() {
			continue
		}
		change.unread = s.to.leaves(change.to)
		if !o.schemaOnly {
			if change.diff, err = lake.DiffTables(ctx, l.storage, change.from, change.to, o.comparison()); err != nil {
				return storageError(err)
			}
		}
		changes = append(changes, change)
	}
	if o.schemaOnly {
		return p.printSchemaDiff(s, o, changes)
	}
	return p.printDiffAll(s, o, changes)
}

// A tableDiffInfo is a table in the document of `diff --json`.
type tableDiffInfo struct {
	Name          string              `json:"name"`
	Key           string              `json:"key"`
	Appeared      bool                `json:"appeared,omitempty"`
	Left          bool                `json:"left,omitempty"`
	Unread        bool                `json:"unread,omitempty"` // by a held load
	SchemaChanges []lake.SchemaChange `json:"schema_changes"`
	Added         *int64              `json:"added,omitempty"` // none with --schema
	Removed       *int64              `json:"removed,omitempty"`
	Changed       *int64              `json:"changed,omitempty"`
}

func (t tableChange) info() tableDiffInfo {
	i := tableDiffInfo{
		Name: t.name, Key: t.key(), Appeared: t.appeared(), Left: t.left(), Unread: t.unread,
		SchemaChanges: append([]lake.SchemaChange{}, t.schema()...),
	}
	if t.diff != nil {
		i.Added, i.Removed, i.Changed = &t.diff.Added, &t.diff.Removed, &t.diff.Changed
	}
	return i
}

func (p *program) printTableDiffs(s timeSpan, changes []tableChange) error {
	infos := []tableDiffInfo{}
	for _, t := range changes {
		infos = append(infos, t.info())
	}
	return p.printJSON(struct {
		From   *momentInfo     `json:"from"`
		To     *momentInfo     `json:"to"`
		Tables []tableDiffInfo `json:"tables"`
	}{s.from.info(), s.to.info(), infos})
}

// printDiffAll prints how much changed in each table.
func (p *program) printDiffAll(s timeSpan, o diffOptions, changes []tableChange) error {
	if o.asJSON {
		return p.printTableDiffs(s, changes)
	}
	if o.asCSV {
		w := newCSV(p, "table", "state", "added", "removed", "changed")
		for _, t := range changes {
			w.line(t.name, cmp.Or(t.state(), t.notRead()), fmt.Sprint(t.diff.Added), fmt.Sprint(t.diff.Removed), fmt.Sprint(t.diff.Changed))
		}
		return w.flush()
	}
	g := &grid{header: []string{"table", "added", "removed", "changed", "columns"}, numbers: []int{1, 2, 3}, maxWidth: 2 * maxCellWidth}
	same := int64(0)
	var unread []string
	for _, t := range changes {
		switch isSame := t.diff.Same() && t.state() == ""; {
		case isSame && t.unread:
			unread = append(unread, t.name)
			continue
		case isSame:
			same++
			continue
		}
		words := schemaWords(t.schema())
		if state := t.state(); state != "" {
			words = "the table " + state
		}
		g.add(t.name, thousands(t.diff.Added), thousands(t.diff.Removed), thousands(t.diff.Changed), words)
	}
	out := s.title("")
	if len(g.rows) > 0 {
		out += g.String()
	}
	switch {
	case len(g.rows) == 0 && same > 0:
		out += fmt.Sprintf("no difference in %s\n", plural(same, "table"))
	case same > 0:
		out += fmt.Sprintf("no difference in %s more\n", plural(same, "table"))
	}
	if len(unread) > 0 {
		out += fmt.Sprintf("not read by the load that is held, and as before when it is published: %s\n", strings.Join(unread, ", "))
	}
	return p.printText(out)
}

// notRead says that the later load did not read the table.
func (t tableChange) notRead() string {
	if t.unread {
		return "not read"
	}
	return ""
}

// state says that a table came or went; "" for one that was there all the time.
func (t tableChange) state() string {
	switch {
	case t.appeared():
		return "appeared"
	case t.left():
		return "left"
	default:
		return ""
	}
}

// title is the first line of a comparison; table is "" for all.
func (s timeSpan) title(table string) string {
	if table != "" {
		table += ": "
	}
	title := fmt.Sprintf("%s%s → %s\n", table, s.from, s.to)
	if s.from.nothing && s.to.load != nil {
		title += "this is the first load, so everything is new; the next one can be compared with it\n"
	}
	return title
}
