package truth

import (
	"maps"
	"slices"
)

// A State is what loads fix for those after them: names and types by ID.
type State struct {
	Tables     map[string]*TableState // by data source ID
	Properties []PropertyState        // those that left included
	// Fixed are the rows of the fixed tables of which some stay with the table of
	// their data source, by table.
	Fixed map[string][]map[string]any
}

// A TableState is what is known of one table.
type TableState struct {
	Name string
	// Base is the name before any suffix, Configured that it is of the configuration.
	Base       string
	Configured bool
	Columns    []*ColumnState
	Rows       []string // IDs
}

// A ColumnState is what is known of the column of a property.
type ColumnState struct {
	Property string // ID
	Base     string // name before any suffix; "" where the name was unusable
	Name     string
	Type     string
	JSON     bool
	Gone     bool // kept as nulls
	// Of a formula or rollup: the Notion type that Type was found for, whether
	// it is a string by mixture, and of which expression.
	Kind       string
	Mixed      bool
	Expression string
}

// A PropertyState is a row of _properties.
type PropertyState struct {
	Source, ID, First, Last string
	Row                     map[string]any
}

// next is a copy to change.
func (s *State) next() *State {
	n := &State{Tables: map[string]*TableState{}}
	if s == nil {
		return n
	}
	n.Properties = slices.Clone(s.Properties)
	n.Fixed = maps.Clone(s.Fixed)
	for id, t := range s.Tables {
		c := *t
		c.Columns = nil
		for _, column := range t.Columns {
			copied := *column
			c.Columns = append(c.Columns, &copied)
		}
		n.Tables[id] = &c
	}
	return n
}
