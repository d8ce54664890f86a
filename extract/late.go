package extract

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/notionlake/notionlake/lake"
)

// A lateState is what a late column remembers from load to load (lake.Column.State).
type lateState struct {
	// Type is the type it had, as typeNames writes it.
	Type string `json:"type"`
	// Mixed says that the type is a string because results had several types.
	// It stays one while the configuration is the same.
	Mixed bool `json:"mixed,omitempty"`
	// Configuration is a digest of the formula's expression, or of what the
	// rollup rolls up and how.
	Configuration string `json:"configuration"`
}

// typeNames are the types that a late column can have, as states write them.
var typeNames = []struct {
	name string
	typ  lake.Type
}{
	{"string", stringType},
	{"double", doubleType},
	{"boolean", boolType},
	{"date", dateType},
	{"json", jsonType},
	{"list<string>", stringList},
	{"list<json>", jsonList},
	{"list<double>", doubleList},
	{"list<boolean>", boolList},
	{"list<date>", dateList},
	{"list<timestamptz>", timeList},
}

func typeName(t lake.Type) string {
	for _, n := range typeNames {
		if n.typ.Equal(t) {
			return n.name
		}
	}
	return ""
}

func typeNamed(name string) lake.Type {
	for _, n := range typeNames {
		if n.name == name {
			return n.typ
		}
	}
	return lake.Type{}
}

// A memory is what a late column knows of the loads before.
type memory struct {
	configuration string
	had           lake.Type // zero: nothing is known
	same          bool      // the configuration is the one of the last load
	mixed         bool      // it was a mixture, and the configuration is the same
}

func remember(configuration string, before *lake.Column) memory {
	digest := sha256.Sum256([]byte(configuration))
	m := memory{configuration: hex.EncodeToString(digest[:8])}
	if before == nil {
		return m
	}
	var s lateState
	if json.Unmarshal([]byte(before.State), &s) == nil {
		m.had = typeNamed(s.Type)
		m.same = s.Configuration == m.configuration
		m.mixed = s.Mixed && m.same
	}
	if m.had.Kind == lake.Invalid && typeName(before.Type) != "" {
		m.had = before.Type // the property became a formula or rollup since
	}
	return m
}

func (m memory) state(t lake.Type, mixed bool) string {
	b, err := json.Marshal(lateState{Type: typeName(t), Mixed: mixed, Configuration: m.configuration})
	if err != nil {
		return "" // a struct of texts always encodes
	}
	return string(b)
}

// kinds counts how many bits are set, up to 2.
func kinds(set uint) int {
	switch {
	case set == 0:
		return 0
	case set&(set-1) == 0:
		return 1
	}
	return 2
}

// lateResult keeps a result as JSON, null where Notion could not compute it.
// read looks at the result for what is to be counted.
func lateResult(d *decoder, i int, read func(d *decoder, typ []byte, at int)) (lake.Value, int) {
	if d.b[i] != '{' {
		return d.nothing(i, "a result")
	}
	typ, at, end := typed(d.b, i)
	if at < 0 || string(typ) == "unsupported" || string(typ) == "incomplete" {
		d.note(notedUnsupported)
		return lake.Value{}, end
	}
	read(d, typ, at)
	return lake.JSONBytes(d.b[i:end]), end
}
