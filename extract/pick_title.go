package extract

import (
	"fmt"
	"slices"
	"strings"
)

// A NoMatchError is a text of Options.Only that names no data source, or several.
// It is an ErrNoMatch.
type NoMatchError struct {
	Text string
	// Several are the tables of the data sources that are called so.
	Several []string
	// Tables and Titles are what there is, where nothing is called so.
	Tables, Titles []string
}

func (e *NoMatchError) Error() string {
	if len(e.Several) > 0 {
		return fmt.Sprintf("only %q: %d data sources are called so: name one by its table (%s), its id or its URL", e.Text, len(e.Several), strings.Join(e.Several, ", "))
	}
	return fmt.Sprintf("only %q: %v", e.Text, ErrNoMatch)
}

// Is makes it an ErrNoMatch.
func (e *NoMatchError) Is(target error) bool { return target == ErrNoMatch }

// database is the ID of the database that a data source is in, "" where it is not known.
func (f *found) database() string {
	if f.ds == nil {
		return ""
	}
	return f.ds.database
}

// title is the title in Notion, "" where it is not known.
func (f *found) title() string {
	if f.ds == nil {
		return ""
	}
	return f.ds.title
}

// resolve finds what a want means among what was found: an ID, the name of a table,
// else a title that nothing else has. The title of a database stands for all of its
// data sources.
func (n *want) resolve(w *workspace, list []*found, databaseTitle func(*found) string) error {
	for _, f := range list {
		if n.id != "" && (n.id == f.id || n.id == f.database()) || n.text == f.name {
			return nil
		}
	}
	unknown := &NoMatchError{Text: n.text}
	for id := range w.gone {
		if n.id == id || n.text == w.before[id].Table {
			return nil
		}
		unknown.Tables = append(unknown.Tables, w.before[id].Table)
	}
	for _, f := range list {
		unknown.Tables, unknown.Titles = append(unknown.Tables, f.name), append(unknown.Titles, f.title())
	}
	slices.Sort(unknown.Tables)
	slices.Sort(unknown.Titles)
	for _, way := range []struct {
		title, id func(*found) string
		equal     func(a, b string) bool
	}{
		{(*found).title, func(f *found) string { return f.id }, equalText},
		{(*found).title, func(f *found) string { return f.id }, strings.EqualFold},
		{databaseTitle, (*found).database, equalText},
		{databaseTitle, (*found).database, strings.EqualFold},
	} {
		ids, tables := map[string]bool{}, []string(nil)
		for _, f := range list {
			if t := way.title(f); t != "" && way.equal(strings.TrimSpace(t), strings.TrimSpace(n.text)) {
				ids[way.id(f)], n.id, tables = true, way.id(f), append(tables, f.name)
			}
		}
		switch len(ids) {
		case 0:
		case 1:
			return nil
		default:
			slices.Sort(tables)
			return &NoMatchError{Text: n.text, Several: tables}
		}
	}
	return unknown
}

func equalText(a, b string) bool { return a == b }
