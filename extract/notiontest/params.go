package notiontest

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// readBody parses the JSON of a POST; no body is an empty object.
func (x *exchange) readBody(r *http.Request, body []byte) error {
	x.body = map[string]json.RawMessage{}
	if r.Method != http.MethodPost || len(body) == 0 {
		return nil
	}
	if len(body) > maxRequestBytes {
		return invalid("body failed validation: body should be at most %d bytes.", maxRequestBytes)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return errJSON
	}
	if !json.Valid(body) {
		return errJSON
	}
	if bytes.TrimSpace(body)[0] != '{' {
		return invalid("body failed validation: body should be an object, instead was `%s`.", quote(compact(body)))
	}
	if json.Unmarshal(body, &x.body) != nil {
		return errJSON
	}
	return nil
}

// checkParams refuses what the route does not take, and IDs that are none.
func (x *exchange) checkParams() error {
	for _, name := range sorted(x.path) {
		if !strings.HasSuffix(name, "_id") || name == "property_id" {
			continue
		}
		id, err := x.uuid("path", name, x.path[name])
		if err != nil {
			return err
		}
		x.path[name] = id
	}
	for _, name := range sorted(x.params) {
		values := x.params[name]
		if !slices.Contains(x.route.query, name) {
			return should("query", name, "not present", queryJSON(values))
		}
		if len(values) > 1 && !strings.HasPrefix(name, "filter_properties") {
			return should("query", name, "a string or `undefined`", queryJSON(values))
		}
	}
	for _, name := range sorted(x.body) {
		if !slices.Contains(x.route.body, name) {
			return should("body", name, "not present", compact(x.body[name]))
		}
	}
	return nil
}

// uuid checks an ID and writes it as Notion does. An ID of the workspace is
// good whatever its version bits say.
func (x *exchange) uuid(place, name, value string) (string, error) {
	id, ok := normalID(value)
	if ok && (uuidVersion(id) || x.m.knows(id)) {
		return id, nil
	}
	return "", should(place, name, "a valid uuid", jsonString(value))
}

func uuidVersion(id string) bool {
	return id == "00000000-0000-0000-0000-000000000000" ||
		id[14] >= '1' && id[14] <= '8' && strings.IndexByte("89ab", id[19]) >= 0
}

func (m *Model) knows(id string) bool {
	return m.Pages[id] != nil || m.Blocks[id] != nil || m.users[id] != nil || m.databases[id] != nil || m.sources[id] != nil
}

// A pageArgs says which page of a listing is asked for.
type pageArgs struct {
	cursor    string
	hasCursor bool
	size      int
}

const maxPageSize = 100

// pageArgs reads start_cursor and page_size from the query of a GET or the body of a POST.
func (x *exchange) pageArgs() (pageArgs, error) {
	a := pageArgs{size: maxPageSize}
	place, size := "query", x.params.Get("page_size")
	if x.route.method == http.MethodPost {
		place = "body"
		if raw, ok := x.body["page_size"]; ok {
			size = string(raw)
		}
		if raw, ok := x.body["start_cursor"]; ok {
			if json.Unmarshal(raw, &a.cursor) != nil || raw[0] != '"' {
				return a, should("body", "start_cursor", "a string or `undefined`", compact(raw))
			}
			a.hasCursor = true
		}
	} else {
		a.cursor, a.hasCursor = x.params.Get("start_cursor"), x.params.Has("start_cursor")
	}
	if size == "" && !x.params.Has("page_size") {
		return a, nil
	}
	n, err := strconv.ParseFloat(size, 64)
	shown := size
	if place == "query" {
		shown = jsonString(size)
	}
	switch {
	case err != nil:
		return a, should(place, "page_size", "a number or `undefined`", shown)
	case n != float64(int(n)):
		return a, should(place, "page_size", "an integer or `undefined`", size)
	case n > maxPageSize:
		return a, should(place, "page_size", "≤ `100` or `undefined`", size)
	case n < 0:
		return a, should(place, "page_size", "≥ `0` or `undefined`", size)
	case n > 0:
		a.size = int(n)
	}
	return a, nil
}

// wanted are the properties that filter_properties names; nil is all.
func (x *exchange) wanted(s *DataSource) (func(*Property) bool, error) {
	names := append(slices.Clone(x.params["filter_properties"]), x.params["filter_properties[]"]...)
	if len(names) == 0 {
		return nil, nil
	}
	known := []*Property{&titleProperty}
	if s != nil {
		known = x.m.Shown(s)
	}
	ids := map[string]bool{}
	for _, name := range names {
		p := lookup(known, name)
		if p == nil {
			return nil, invalid("%s is not a property that exists.", name)
		}
		ids[p.ID] = true
	}
	return func(p *Property) bool { return ids[p.ID] }, nil
}

// lookup finds a property by ID or name.
func lookup(known []*Property, name string) *Property {
	for _, p := range known {
		if p.ID == name {
			return p
		}
	}
	for _, p := range known {
		if p.Name == name {
			return p
		}
	}
	return nil
}

func sorted[M ~map[string]V, V any](m M) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func queryJSON(values []string) string {
	if len(values) == 1 {
		return jsonString(values[0])
	}
	return string(appendList(nil, values, appendString))
}

func compact(raw []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

// parseQuery refuses what is no query string at all.
func parseQuery(r *http.Request) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errRoute
	}
	return q, nil
}
