package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A yamlDecoder reads a YAML document into a struct by the yaml tags of its
// fields. It is stricter than the library: unknown and duplicate keys are
// errors with line and nearest name, ${NAME} is read from the environment in
// values (after parsing, so that a value can never change the structure), and
// no error shows a value that may be secret.
type yamlDecoder struct {
	file    string
	env     func(string) (string, bool)
	present map[string]string // scalar text by path ("content.pages") of what the file has
	places  map[string]string // by path: the file with line and column of its value
}

// emptyList is the text of a list without elements.
const emptyList = "[]"

// A yamlValue decodes itself.
type yamlValue interface {
	decodeYAML(d *yamlDecoder, n ast.Node, path string) error
}

// decode reads data into the struct that v points to.
func (d *yamlDecoder) decode(data []byte, v any) error {
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var at yaml.Error
		if errors.As(err, &at) && at.GetToken() != nil {
			p := at.GetToken().Position
			return usagef("%s:%d:%d: not YAML: %s%s", d.file, p.Line, p.Column, at.GetMessage(), bareVariable(data, p.Line))
		}
		return usagef("%s: not YAML", d.file)
	}
	if len(file.Docs) > 1 {
		return usagef("%s: one YAML document is expected, there are %d", d.file, len(file.Docs))
	}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if err := d.value(doc.Body, reflect.ValueOf(v).Elem(), ""); err != nil {
			return err
		}
	}
	return nil
}

// bareBraces is a variable without quotes between braces, where YAML takes its own
// braces for a mapping.
var bareBraces = regexp.MustCompile(`[{\[].*[^"'\w}]\$\{`)

// bareVariable says what may be wrong with a line that is not YAML.
func bareVariable(data []byte, line int) string {
	lines := strings.Split(string(data), "\n")
	if line < 1 || line > len(lines) || !bareBraces.MatchString(lines[line-1]) {
		return ""
	}
	return `: between { and } a variable needs quotes: "${NAME}"`
}

// errorAt is a mistake at a node.
func (d *yamlDecoder) errorAt(n ast.Node, path, format string, args ...any) error {
	where := d.place(n)
	if path != "" {
		where += ": " + path
	}
	return usagef("%s: %s", where, fmt.Sprintf(format, args...))
}

// place is where a node is.
func (d *yamlDecoder) place(n ast.Node) string {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return d.file + ":" + strconv.Itoa(t.Position.Line) + ":" + strconv.Itoa(t.Position.Column)
	}
	return d.file
}

// placeOf is where the value at a path is.
func (d *yamlDecoder) placeOf(path string) string {
	if place, ok := d.places[path]; ok {
		return place
	}
	return d.file
}

func (d *yamlDecoder) value(n ast.Node, v reflect.Value, path string) error {
	d.places[path] = d.place(n)
	if own, ok := v.Addr().Interface().(yamlValue); ok {
		return own.decodeYAML(d, n, path)
	}
	if n.Type() == ast.NullType {
		return nil // as if it were not there
	}
	switch v.Kind() {
	case reflect.Struct:
		return d.mapping(n, path, fieldNames(v.Type()), func(key string, value ast.Node, path string) error {
			return d.value(value, v.Field(fieldIndex(v.Type(), key)), path)
		})
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		return d.mapping(n, path, nil, func(key string, value ast.Node, path string) error {
			text, err := d.text(value, path)
			v.SetMapIndex(reflect.ValueOf(key), reflect.ValueOf(text))
			return err
		})
	case reflect.Slice:
		items, ok := n.(*ast.SequenceNode)
		if !ok {
			return d.errorAt(n, path, "a list is expected")
		}
		if len(items.Values) == 0 {
			d.present[path] = emptyList
		}
		for i, item := range items.Values {
			e := reflect.New(v.Type().Elem()).Elem()
			if err := d.value(item, e, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
			v.Set(reflect.Append(v, e))
		}
		return nil
	default:
		text, err := d.text(n, path)
		if err != nil {
			return err
		}
		return d.scalar(n, v, path, text)
	}
}

func (d *yamlDecoder) scalar(n ast.Node, v reflect.Value, path, text string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		switch text {
		case "true", "false":
			v.SetBool(text == "true")
		default:
			return d.errorAt(n, path, "true or false is expected")
		}
	case reflect.Int:
		i, err := strconv.Atoi(text)
		if err != nil {
			return d.errorAt(n, path, "a whole number is expected")
		}
		v.SetInt(int64(i))
	default:
		return d.errorAt(n, path, "not a value of the configuration")
	}
	return nil
}

// mapping calls each for every key of n; known are the keys it may have, nil any.
func (d *yamlDecoder) mapping(n ast.Node, path string, known []string, each func(key string, value ast.Node, path string) error) error {
	var entries []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	default:
		return d.errorAt(n, path, "keys and values are expected")
	}
	lines := map[string]int{}
	for _, e := range entries {
		key := e.Key.GetToken().Value
		if line, twice := lines[key]; twice {
			return d.errorAt(e.Key, path, "duplicate key %q, first in line %d", key, line)
		}
		lines[key] = e.Key.GetToken().Position.Line
		if known != nil && !contains(known, key) {
			return d.errorAt(e.Key, path, "unknown key %q%s", key, suggestKey(key, known))
		}
		below := key
		if path != "" {
			below = path + "." + key
		}
		if err := each(key, e.Value, below); err != nil {
			return err
		}
	}
	return nil
}

func suggestKey(key string, known []string) string {
	if s := suggest(key, known, ""); s != "" {
		return s
	}
	sort.Strings(known)
	return ": there are " + strings.Join(known, ", ")
}

// text is the text of a scalar, with ${NAME} replaced.
func (d *yamlDecoder) text(n ast.Node, path string) (string, error) {
	text, err := d.rawText(n, path)
	if err != nil {
		return "", err
	}
	text, err = expand(text, d.env)
	if err != nil {
		return "", d.errorAt(n, path, "%v", err)
	}
	d.present[path] = text
	return text, nil
}

func (d *yamlDecoder) rawText(n ast.Node, path string) (string, error) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, nil // as it is written: 0x10 stays 0x10
	case *ast.NullNode:
		return "", nil
	default:
		return "", d.errorAt(n, path, "one value is expected")
	}
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces every ${NAME}.
func expand(text string, env func(string) (string, bool)) (string, error) {
	var problem error
	expanded := variable.ReplaceAllStringFunc(text, func(ref string) string {
		name := ref[2 : len(ref)-1]
		value, _ := env(name)
		if problem == nil && !variableName.MatchString(name) {
			problem = fmt.Errorf("%s is not the name of an environment variable", ref)
		} else if problem == nil && value == "" {
			problem = fmt.Errorf("the environment variable %s is not set", name)
		}
		return value
	})
	return expanded, problem
}

func fieldNames(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag != "" {
			names = append(names, tag)
		}
	}
	return names
}

func fieldIndex(t reflect.Type, name string) int {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") == name {
			return i
		}
	}
	return -1
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

// readConfigFile reads a configuration file, which is small.
func readConfigFile(path string) ([]byte, error) {
	const limitBytes = 1 << 20
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, usagef("cannot read config %s: %v", path, reason(err))
	case info.IsDir():
		return nil, usagef("cannot read config %s: it is a directory", path)
	case info.Size() > limitBytes:
		return nil, usagef("cannot read config %s: it has %d bytes, more than a configuration can", path, info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("cannot read config %s: %v", path, reason(err))
	}
	return data, nil
}

// reason is an error of the file system without the path, which its caller names.
func reason(err error) error {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
