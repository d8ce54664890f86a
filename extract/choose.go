package extract

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// sayIdleExcludes tells of names that are to be left out and that nothing has: a slip
// there publishes what somebody wanted to keep out.
func (d *discovery) sayIdleExcludes(ctx context.Context) {
	for _, glob := range d.idleExcludes() {
		d.source.log.WarnContext(ctx, "no data source or database has a name that exclude in the configuration names: nothing is left out for it", "exclude", glob)
	}
}

// idleExcludes are the globs that leave out nothing of what was found.
func (d *discovery) idleExcludes() (globs []string) {
	if o := d.source.options; o.isPart() || o.Databases != nil {
		return nil // not all was looked at
	}
	for _, glob := range d.pick.globs {
		alone, idle := picker{globs: []string{glob}}, true
		for id, f := range d.results {
			idle = idle && !alone.excludesFound(f, d.databaseTitle(f), d.before[id].Table)
		}
		if idle {
			globs = append(globs, glob)
		}
	}
	return globs
}

// choose takes what was found since it was last called, less what is excluded or
// not selected, and names its tables.
func (d *discovery) choose(first bool) ([]*found, error) {
	w := d.workspace
	var fresh []*found
	for _, id := range sortedKeys(d.results) {
		f := d.results[id]
		switch {
		case d.chosen[id]:
			continue
		case d.inTrashedDatabase(f):
			d.missing(candidate{id: id, by: f.by}, reasonTrash)
		case d.pick.excludesFound(f, d.databaseTitle(f), w.before[id].Table):
			d.excluded++
			d.leftOut[id] = true
		default:
			fresh = append(fresh, f)
		}
		d.chosen[id] = true
	}
	if first && len(fresh) == 0 && d.excluded > 0 && !d.hasPages() {
		return nil, fmt.Errorf("%w: it names all %d that were found", ErrAllExcluded, d.excluded)
	}
	if !first && len(w.source.options.Only) > 0 {
		fresh = nil // what pages lead to was not asked for
	}
	w.nameTables(fresh, w.found)
	everything := len(fresh)
	if first {
		var err error
		if fresh, err = d.pick.only(w, fresh, d.databaseTitle); err != nil {
			return nil, err
		}
	}
	shard := w.source.options.Shard
	if first && shard.Of > 0 && everything > 0 && d.allGone() {
		return nil, fmt.Errorf("%w (%d and %d): is the connection one of another workspace?", ErrOtherWorkspace, len(w.gone), everything)
	}
	fresh = slices.DeleteFunc(fresh, func(f *found) bool { return !shard.has(f.id) })
	maps.DeleteFunc(w.gone, func(id, _ string) bool { return !shard.has(id) })
	for _, f := range fresh {
		if f.ds != nil {
			w.sources[f.id] = f.ds
		}
	}
	w.found = append(w.found, fresh...)
	switch {
	case !first || len(w.found) > 0 || w.source.options.AllowEmpty || shard.Of > 0 && everything > 0:
		return fresh, nil
	case len(w.gone) > 0 && (d.excluded == 0 || !d.hasPages()): // whatever else is there: that is no night like others
		return nil, fmt.Errorf("%w: none of the %d tables can be read any more", ErrNothingShared, len(w.gone))
	case d.hasPages():
		return fresh, nil
	}
	return nil, ErrNothingShared
}

// allGone reports whether no data source that has a table can be read any more. One that was
// not looked at, as it was not asked for, may be.
func (d *discovery) allGone() bool {
	for key := range d.before {
		if !strings.HasPrefix(key, "_") && d.gone[key] == "" {
			return false
		}
	}
	return len(d.gone) > 0
}

func (d *discovery) hasPages() bool {
	return d.pagesFound || d.content != nil && !d.content.isEmpty()
}
