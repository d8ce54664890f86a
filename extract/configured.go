package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/notionlake/notionlake/extract/notion"
)

// refusedID is Notion's error code where an ID is not that of a database that can
// be retrieved: a page's, or a linked database's.
const refusedID = "validation_error"

// noSources is said of a database that shows no data source to the connection.
const noSources = "the database shows no data source to the connection: it is linked, or its data sources are not shared"

// configured looks for what the configuration names: a database or a data source.
func (d *discovery) configured(ctx context.Context, db Database) error {
	id, err := notion.ParseID(db.ID)
	if err != nil {
		return ofConfig(db, err)
	}
	object, err := d.source.client.Database(ctx, id)
	switch {
	case err == nil:
		return d.configuredDatabase(ctx, db, id, object)
	case fatal(err):
		return ofConfig(db, err)
	case errors.Is(err, notion.ErrNotFound):
		return d.configuredSource(ctx, db, id)
	}
	var refused *notion.Error
	if errors.As(err, &refused) && refused.Code == refusedID {
		if _, pageErr := d.source.client.Page(ctx, id); pageErr == nil {
			return fmt.Errorf("%s %w: give the link of the database itself", config(db), ErrNotDatabase)
		}
		d.problem(problem{kind: KindLinked, objectType: "database", objectID: id, message: refused.Message})
		return nil
	}
	return d.unread(ctx, db, id, err)
}

func (d *discovery) configuredDatabase(ctx context.Context, db Database, id string, object notion.JSON) error {
	c := d.container(id, object)
	if inTrash(object) {
		return d.lost(ctx, db, id, reasonTrash, errors.New(reasonTrash))
	}
	if len(c.sources) == 0 {
		d.problem(problem{
			kind: KindNoSources, objectType: "database", objectID: id,
			message: noSources,
		})
	}
	for _, source := range c.sources {
		d.add(candidate{id: source, by: byConfiguration, configured: db.Name, several: len(c.sources) > 1})
	}
	return d.unlisted(ctx, db, id, c.sources)
}

// unlisted says what became of the data sources that a configured database had at the
// last load and that it does not list now. What belongs to it nevertheless is read.
func (d *discovery) unlisted(ctx context.Context, db Database, id string, listed []string) error {
	tables, err := d.tablesOf(ctx, id)
	if err != nil {
		return err
	}
	for _, key := range tables {
		if key == id || slices.Contains(listed, key) {
			continue
		}
		object, err := d.source.client.DataSource(ctx, key)
		switch {
		case err != nil && fatal(err):
			return ofConfig(db, err)
		case errors.Is(err, notion.ErrNotFound), errors.Is(err, notion.ErrRestricted):
			d.gone[key] = reasonUnshared
		case err != nil:
			d.results[key] = &found{id: key, by: byConfiguration, configured: db.Name, several: len(tables) > 1, err: err}
		case inTrash(object):
			d.gone[key] = reasonTrash
		default:
			d.unlistedSources = append(d.unlistedSources, unlistedSource{
				candidate: candidate{id: key, by: byConfiguration, configured: db.Name, several: len(tables) > 1},
				left:      id, in: object.Get("parent").Get("database_id").Text(), object: bytes.Clone(object),
			})
		}
	}
	return nil
}

// An unlistedSource is a data source that a configured database had at the last load and
// does not list any more.
type unlistedSource struct {
	candidate
	left   string // the database
	in     string // the one to which it belongs now
	object notion.JSON
}

// readUnlisted decides about the data sources that configured databases do not list, once
// all of those have been asked: another one may list them, or they are configured
// themselves. Those that belong to a configured database are read. Others the configuration
// leaves out: without a word where it says so, else that is said.
func (d *discovery) readUnlisted(ctx context.Context) error {
	for _, u := range d.unlistedSources {
		in := slices.IndexFunc(d.source.options.Databases, func(db Database) bool {
			id, err := notion.ParseID(db.ID)
			return err == nil && id == u.in
		})
		switch {
		case d.visited[u.id] || d.results[u.id] != nil:
		case u.in == u.left || u.in == "":
			d.add(u.candidate)
		case in >= 0:
			d.add(candidate{id: u.id, by: byConfiguration, configured: d.source.options.Databases[in].Name, several: true})
		default:
			excluded, err := d.excludesUnlisted(ctx, u)
			switch {
			case err != nil:
				return err
			case excluded:
				d.leftOut[u.id] = true
			default:
				d.gone[u.id] = fmt.Sprintf(reasonMoved, u.in)
			}
		}
	}
	// What is read, by whatever it is in now, says itself what became of it.
	maps.DeleteFunc(d.gone, func(id, _ string) bool { return d.visited[id] || d.results[id] != nil })
	return nil
}

// excludesUnlisted reports whether exclude names the data source or the database that it
// is in now.
func (d *discovery) excludesUnlisted(ctx context.Context, u unlistedSource) (bool, error) {
	switch {
	case d.pick.excludesNothing():
		return false, nil
	case d.pick.excludes(u.id) || d.pick.excludes(u.in):
		return true, nil
	}
	f, title := &found{id: u.id}, ""
	f.ds, _ = parseDataSource(u.object) // else it is known by the name of its table
	switch database, err := d.source.client.Database(ctx, u.in); {
	case err == nil:
		title = plainText(database.Get("title"))
	case fatal(err):
		return false, err
	}
	return d.pick.excludesFound(f, title, d.before[u.id].Table), nil
}

func (d *discovery) configuredSource(ctx context.Context, db Database, id string) error {
	object, err := d.source.client.DataSource(ctx, id)
	switch {
	case err == nil && inTrash(object):
		return d.lost(ctx, db, id, reasonTrash, errors.New(reasonTrash))
	case err == nil:
		d.add(candidate{id: id, by: byConfiguration, configured: db.Name})
		return nil
	case fatal(err):
		return ofConfig(db, err)
	case errors.Is(err, notion.ErrNotFound):
		return d.lost(ctx, db, id, reasonUnshared, err)
	}
	return d.unread(ctx, db, id, err)
}

// Why a table is not read (lake.Table.Unread).
const (
	reasonTrash    = "in the trash"
	reasonUnshared = "not found, or no longer shared with the connection"
	reasonMoved    = "in the database %s now, which the configuration does not name"
)

// lost says of the tables of a configured database why they are not read; where
// there is none, err.
func (d *discovery) lost(ctx context.Context, db Database, id, why string, err error) error {
	tables, readErr := d.tablesOf(ctx, id)
	if readErr != nil {
		return readErr
	}
	if len(tables) == 0 && err != nil {
		return ofConfig(db, err)
	}
	for _, key := range tables {
		d.gone[key] = why
	}
	return nil
}

// unread says of the tables of a configured database that they could not be
// read; where there is none, nothing tells what they would be.
func (d *discovery) unread(ctx context.Context, db Database, id string, err error) error {
	tables, readErr := d.tablesOf(ctx, id)
	if readErr != nil {
		return readErr
	}
	if len(tables) == 0 {
		return ofConfig(db, err)
	}
	for _, key := range tables {
		d.results[key] = &found{id: key, by: byConfiguration, configured: db.Name, several: len(tables) > 1, err: err}
	}
	return nil
}

// tablesOf returns the keys of the tables of a database, or data source, at the last load.
func (d *discovery) tablesOf(ctx context.Context, id string) ([]string, error) {
	if d.parents == nil {
		d.parents = map[string]string{}
		if err := d.readParents(ctx); err != nil {
			return nil, err
		}
	}
	var keys []string
	for key := range d.before {
		if key == id || d.parents[key] == id {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// readParents reads which database the data sources of the last load belonged to.
func (d *discovery) readParents(ctx context.Context) error {
	schema, ok := d.before[keyDataSources]
	if !ok {
		return nil
	}
	cells := newCells(schema)
	for row, err := range d.view.Rows(ctx, keyDataSources) {
		if err != nil {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.without(ctx, fmt.Errorf("data sources of the last load: %w", err), problem{
				kind: KindRowsLost, table: schema.Table,
				message: "the rows of the last load cannot be read: which data sources a database had is not known",
			})
		}
		d.parents[cells.text(row, "id")] = cells.text(row, "database_id")
	}
	return nil
}

// ofConfig says of an error that it is about what the configuration names, and what
// that is unless the error names it.
func ofConfig(d Database, err error) error {
	what := config(d)
	if strings.Contains(err.Error(), d.ID) {
		what = "configured database"
		if d.Name != "" {
			what += fmt.Sprintf(" %q", d.Name)
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// config names what the configuration names, for errors.
func config(d Database) string {
	if d.Name != "" {
		return fmt.Sprintf("configured database %q (%s)", d.Name, d.ID)
	}
	return "configured database " + d.ID
}
