package catalog

import (
	"slices"
	"strings"

	"github.com/apache/iceberg-go"

	"github.com/notionlake/notionlake/lake"
)

// An evolution is the way from one schema of a table to the next.
type evolution struct {
	schema  *iceberg.Schema
	columns columns
	changes []lake.SchemaChange
	changed bool // the schema is another one
	lastID  int  // highest field ID ever used in the table
}

// evolve plans the schema of a table that is to have the columns of want. old is
// its current schema, nil for a new table, and lastID the highest field ID that
// it ever used. Columns are matched by key: a property column by its property
// ID, another one by its name. A type that does not fit and cannot be widened
// gives the column a new field ID in the old one's place. A column that want
// lacks stays, without values, until a wanted column needs its name; with
// retire it leaves at once. No field ID is ever used twice.
func evolve(old *iceberg.Schema, cols columns, lastID int, want lake.Schema, retire bool) evolution {
	e := evolution{columns: cols.clone(), lastID: lastID}
	created := old == nil
	if created {
		old = iceberg.NewSchema(0)
	}
	fields := old.Fields()
	match := matchColumns(fields, e.columns, want)
	names := map[string]bool{} // in lower case: Spark does not tell Name from name
	for _, c := range want.Columns {
		names[strings.ToLower(c.Name)] = true
	}
	properties := map[int]string{}
	for key, id := range e.columns.properties {
		properties[id] = key
	}
	state := map[string]string{}
	changes := make([][]lake.SchemaChange, len(want.Columns))
	seen := make([]bool, len(want.Columns))
	var next []iceberg.NestedField
	var gone []lake.SchemaChange
	for i, f := range fields {
		w := match[i]
		if w >= 0 {
			seen[w] = true
			f, changes[w] = e.follow(f, want.Columns[w], properties)
			next = append(next, f)
			continue
		}
		key, property := properties[f.ID]
		if retire || names[strings.ToLower(f.Name)] {
			if !e.columns.removed[f.ID] { // else the load that kept it has said so
				gone = append(gone, lake.SchemaChange{Kind: lake.RetireColumn, Column: f.Name, From: typeName(f.Type)})
			}
			e.leave(f.ID, properties)
			continue
		}
		if !e.columns.removed[f.ID] {
			e.columns.removed[f.ID] = true
			gone = append(gone, lake.SchemaChange{Kind: lake.RetireColumn, Column: f.Name, From: typeName(f.Type)})
		}
		if !property {
			key = f.Name
		}
		if s, ok := e.columns.state[key]; ok {
			state[key] = s
		}
		f.Required = false
		next = append(next, f)
	}
	for w, c := range want.Columns {
		if c.State != "" {
			state[c.Key] = c.State
		}
		if seen[w] {
			continue
		}
		f := e.create(c)
		// Rows of earlier loads lack it: only a new table can require it.
		f.Required = created && c.Required
		next = append(next, f)
		if !created {
			changes[w] = []lake.SchemaChange{{Kind: lake.AddColumn, Column: c.Name, To: typeName(f.Type)}}
		}
	}
	e.columns.state = state
	e.changes = slices.Concat(append(changes, gone)...)
	e.schema = iceberg.NewSchemaWithIdentifiers(0, identifiers(old, next, want, created), next...)
	e.changed = created || !old.Equals(e.schema)
	return e
}

// matchColumns returns, for every field, the index of the wanted column that it is, -1 for none.
func matchColumns(fields []iceberg.NestedField, cols columns, want lake.Schema) []int {
	byID, byName := map[int]int{}, map[string]int{}
	for i, c := range want.Columns {
		if !c.Property {
			byName[c.Name] = i
		} else if id, ok := cols.properties[c.Key]; ok {
			byID[id] = i
		}
	}
	property := map[int]bool{}
	for _, id := range cols.properties {
		property[id] = true
	}
	match := make([]int, len(fields))
	for i, f := range fields {
		match[i] = -1
		if w, ok := byID[f.ID]; ok {
			match[i] = w
		} else if w, ok := byName[f.Name]; ok && !property[f.ID] {
			match[i] = w
		}
	}
	return match
}

// follow brings the field f to the wanted column c.
func (e *evolution) follow(f iceberg.NestedField, c lake.Column, properties map[int]string) (iceberg.NestedField, []lake.SchemaChange) {
	var changes []lake.SchemaChange
	back := e.columns.removed[f.ID]
	was := f
	switch fit := fits(f.Type, c.Type); {
	case fit == alien:
		e.leave(f.ID, properties)
		f = e.create(c)
		f.Required = false
		if !back {
			changes = append(changes, renamed(was.Name, c.Name)...)
			changes = append(changes, lake.SchemaChange{Kind: lake.RetypeColumn, Column: c.Name, From: typeName(was.Type), To: typeName(f.Type)})
		}
	default:
		delete(e.columns.removed, f.ID)
		f.Name, f.Doc, f.Required = c.Name, c.Doc, f.Required && c.Required
		f.Type = e.take(f.ID, f.Type, c.Type)
		if !back {
			changes = renamed(was.Name, c.Name)
		}
		if fit == narrower {
			changes = append(changes, lake.SchemaChange{Kind: lake.WidenColumn, Column: c.Name, From: typeName(was.Type), To: typeName(f.Type)})
		}
	}
	if back {
		changes = append([]lake.SchemaChange{{Kind: lake.AddColumn, Column: c.Name, To: typeName(f.Type)}}, changes...)
	}
	return f, changes
}

func renamed(from, to string) []lake.SchemaChange {
	if from == to {
		return nil
	}
	return []lake.SchemaChange{{Kind: lake.RenameColumn, Column: to, From: from, To: to}}
}

// leave notes that a column is in the schema no more.
func (e *evolution) leave(id int, properties map[int]string) {
	delete(e.columns.removed, id)
	if key, ok := properties[id]; ok {
		delete(e.columns.properties, key)
		e.columns.former[id] = key
	}
}

// create makes the field of a new column.
func (e *evolution) create(c lake.Column) iceberg.NestedField {
	id := e.newID()
	if c.Property {
		e.columns.properties[c.Key] = id
	}
	return iceberg.NestedField{ID: id, Name: c.Name, Type: e.newType(id, c.Type), Required: c.Required, Doc: c.Doc}
}

func (e *evolution) newID() int {
	e.lastID++
	return e.lastID
}

// newType numbers a type depth first, as iceberg-go would.
func (e *evolution) newType(id int, t lake.Type) iceberg.Type {
	switch t.Kind {
	case lake.List:
		elem := e.newID()
		return &iceberg.ListType{ElementID: elem, Element: e.newType(elem, *t.Elem)}
	case lake.Struct:
		s := &iceberg.StructType{}
		for _, c := range t.Fields {
			s.FieldList = append(s.FieldList, e.newField(c))
		}
		return s
	default:
		e.noteJSON(id, t)
		return primitive(t.Kind)
	}
}

func (e *evolution) newField(c lake.Column) iceberg.NestedField {
	id := e.newID()
	return iceberg.NestedField{ID: id, Name: c.Name, Type: e.newType(id, c.Type), Doc: c.Doc}
}

func (e *evolution) noteJSON(id int, t lake.Type) {
	if t.Kind == lake.JSON {
		e.columns.json[id] = true
	} else {
		delete(e.columns.json, id)
	}
}

// take returns the wanted type with the field IDs of old, which fits it.
func (e *evolution) take(id int, old iceberg.Type, want lake.Type) iceberg.Type {
	switch old := old.(type) {
	case *iceberg.ListType:
		return &iceberg.ListType{ElementID: old.ElementID, Element: e.take(old.ElementID, old.Element, *want.Elem)}
	case *iceberg.StructType:
		s := &iceberg.StructType{}
		for _, f := range old.FieldList {
			c := want.Fields[fieldIndex(want, f.Name)]
			f.Doc, f.Required, f.Type = c.Doc, false, e.take(f.ID, f.Type, c.Type)
			s.FieldList = append(s.FieldList, f)
		}
		for _, c := range want.Fields {
			if !slices.ContainsFunc(old.FieldList, func(f iceberg.NestedField) bool { return f.Name == c.Name }) {
				s.FieldList = append(s.FieldList, e.newField(c))
			}
		}
		return s
	default:
		e.noteJSON(id, want)
		return primitive(want.Kind)
	}
}

// A fit says how a field's type stands to a wanted one.
type fit uint8

const (
	alien    fit = iota // values of the one have no place in the other
	narrower            // the type can be widened to the wanted one
	equal
)

// fits compares. What Iceberg widens and a column can want is int to long, float
// to double, and a struct that gets further children.
func fits(old iceberg.Type, want lake.Type) fit {
	switch old := old.(type) {
	case iceberg.Int32Type:
		if want.Kind == lake.Int64 {
			return narrower
		}
	case iceberg.Float32Type:
		if want.Kind == lake.Float64 {
			return narrower
		}
	case *iceberg.ListType:
		if want.Kind == lake.List {
			return fits(old.Element, *want.Elem)
		}
	case *iceberg.StructType:
		if want.Kind != lake.Struct {
			return alien
		}
		all := equal
		if len(want.Fields) > len(old.FieldList) {
			all = narrower
		}
		for _, f := range old.FieldList {
			i := fieldIndex(want, f.Name)
			if i < 0 {
				return alien
			}
			all = min(all, fits(f.Type, want.Fields[i].Type))
		}
		return all
	default:
		if p := primitive(want.Kind); p != nil && old.Equals(p) {
			return equal
		}
	}
	return alien
}

func fieldIndex(t lake.Type, name string) int {
	return slices.IndexFunc(t.Fields, func(c lake.Column) bool { return c.Name == name })
}

// identifiers are the field IDs of the columns that tell a row: those that are
// wanted and, in an old table, have been so before.
func identifiers(old *iceberg.Schema, fields []iceberg.NestedField, want lake.Schema, created bool) []int {
	ids := []int{}
	for _, f := range fields {
		wanted := slices.ContainsFunc(want.Columns, func(c lake.Column) bool { return c.Name == f.Name && c.Required })
		if wanted && f.Required && (created || slices.Contains(old.IdentifierFieldIDs, f.ID)) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}
