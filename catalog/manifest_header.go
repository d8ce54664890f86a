package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/twmb/avro"
)

// magic is what an Avro file begins with. Its header, a map, comes next.
var (
	magic  = []byte("Obj\x01")
	header = avro.MustParse(`{"type": "map", "values": "bytes"}`)
)

// checkHeader looks at what a manifest list or manifest says of itself. The library
// reads entries by the names in its schema; other engines go by the field IDs there, and
// refuse what is no text.
func checkHeader(data []byte) error {
	rest, ok := bytes.CutPrefix(data, magic)
	if !ok {
		return errors.New("it is no Avro file")
	}
	var metadata map[string][]byte
	if _, err := header.Decode(rest, &metadata); err != nil {
		return err
	}
	for key, value := range metadata {
		if !utf8.ValidString(key) || !utf8.Valid(value) {
			return fmt.Errorf("%q in its header is no text", key)
		}
	}
	var schema any
	if err := json.Unmarshal(metadata["avro.schema"], &schema); err != nil {
		return err
	}
	if !hasFieldIDs(schema) {
		return errors.New("a field in its header has no ID")
	}
	return nil
}

// hasFieldIDs reports whether each field of each record in a schema has an ID.
func hasFieldIDs(schema any) bool {
	switch s := schema.(type) {
	case []any:
		for _, of := range s {
			if !hasFieldIDs(of) {
				return false
			}
		}
	case map[string]any:
		if fields, ok := s["fields"].([]any); ok {
			for _, f := range fields {
				field, _ := f.(map[string]any)
				if _, ok := field["field-id"].(float64); !ok || !hasFieldIDs(field["type"]) {
					return false
				}
			}
		}
		return hasFieldIDs(s["items"]) && (s["type"] == "record" || hasFieldIDs(s["type"]))
	}
	return true
}
