package extract

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// A picker says what of a workspace a load reads.
type picker struct {
	excluded map[string]bool // IDs of data sources and databases
	globs    []string        // of names, in lower case
	wanted   []want          // empty: everything
	all      bool            // every want is known without a search
}

// A want is something that is to be read alone.
type want struct {
	text string
	id   string // a data source or database; "" where the text is a name
}

func newPicker(o Options, before map[string]lake.Schema) (picker, error) {
	p := picker{excluded: map[string]bool{}, all: true}
	for _, s := range o.Exclude {
		if id, err := notion.ParseID(s); err == nil {
			p.excluded[id] = true
			continue
		}
		glob := strings.ToLower(s)
		if _, err := path.Match(glob, ""); err != nil {
			return p, fmt.Errorf("exclude %q: %w", s, err)
		}
		p.globs = append(p.globs, glob)
	}
	for _, s := range o.Only {
		w := want{text: s}
		if id, err := notion.ParseID(s); err == nil {
			w.id = id
		} else {
			for key, t := range before {
				if t.Table == s && !strings.HasPrefix(key, "_") {
					w.id = key
				}
			}
		}
		p.all = p.all && w.id != ""
		p.wanted = append(p.wanted, w)
	}
	return p, nil
}

// direct are the IDs of all that is to be read, nil where it takes a search to find them.
func (p picker) direct() []string {
	if !p.all {
		return nil
	}
	var ids []string
	for _, w := range p.wanted {
		ids = append(ids, w.id)
	}
	return ids
}

func (p picker) excludes(id string) bool { return p.excluded[id] }

func (p picker) excludesNothing() bool { return len(p.excluded)+len(p.globs) == 0 }

// excludesFound reports whether a data source is not read because of its
// database or one of its names.
func (p picker) excludesFound(f *found, database, table string) bool {
	names := []string{f.configured, table, database, snakeCase(database, "t_")}
	if f.ds != nil {
		if p.excluded[f.ds.database] {
			return true
		}
		names = append(names, f.ds.title, snakeCase(f.ds.title, "t_"))
	}
	for _, glob := range p.globs {
		for _, name := range names {
			if ok, _ := path.Match(glob, strings.ToLower(name)); ok && name != "" { // newPicker has tried the glob
				return true
			}
		}
	}
	return false
}

// only keeps of w what is to be read alone. database is the title of a data source's database.
func (p picker) only(w *workspace, list []*found, database func(*found) string) ([]*found, error) {
	if len(p.wanted) == 0 {
		return list, nil
	}
	wanted := slices.Clone(p.wanted)
	for i := range wanted {
		if err := wanted[i].resolve(w, list, database); err != nil {
			return nil, err
		}
	}
	match := func(id, database, table string) bool {
		return slices.ContainsFunc(wanted, func(want want) bool {
			return want.id == id || want.id != "" && want.id == database || want.text == table
		})
	}
	list = slices.DeleteFunc(list, func(f *found) bool { return !match(f.id, f.database(), f.name) })
	for id := range w.gone {
		if !match(id, "", w.before[id].Table) {
			delete(w.gone, id)
		}
	}
	return list, nil
}
