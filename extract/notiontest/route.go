package notiontest

import (
	"net/http"
	"net/url"
	"strings"
)

// A route is one endpoint. Segments of its path in braces are parameters; those
// that end in _id but for property_id are UUIDs.
type route struct {
	method, path string
	query, body  []string // what it takes beside the path
	serve        func(*exchange) error
}

func (r *route) name() string { return r.method + " " + r.path }

var paging = []string{"start_cursor", "page_size"}

// routes are what a connection that may only read can use.
var routes = []route{
	{"GET", "/v1/users", paging, nil, (*exchange).listUsers},
	{"GET", "/v1/users/me", nil, nil, (*exchange).me},
	{"GET", "/v1/users/{user_id}", nil, nil, (*exchange).getUser},
	{"POST", "/v1/search", nil, []string{"query", "filter", "sort", "start_cursor", "page_size"}, (*exchange).search},
	{"GET", "/v1/databases/{database_id}", nil, nil, (*exchange).getDatabase},
	{"GET", "/v1/data_sources/{data_source_id}", nil, nil, (*exchange).getSource},
	{
		"POST", "/v1/data_sources/{data_source_id}/query",
		[]string{"filter_properties", "filter_properties[]"},
		[]string{"filter", "sorts", "start_cursor", "page_size", "result_type", "is_archived"},
		(*exchange).query,
	},
	{"GET", "/v1/pages/{page_id}", []string{"filter_properties", "filter_properties[]"}, nil, (*exchange).getPage},
	{"GET", "/v1/pages/{page_id}/markdown", []string{"include_transcript"}, nil, (*exchange).getMarkdown},
	{"GET", "/v1/pages/{page_id}/properties/{property_id}", paging, nil, (*exchange).getProperty},
	{"GET", "/v1/blocks/{block_id}", nil, nil, (*exchange).getBlock},
	{"GET", "/v1/blocks/{block_id}/children", paging, nil, (*exchange).listChildren},
	{"GET", "/v1/comments", []string{"block_id", "start_cursor", "page_size"}, nil, (*exchange).listComments},
	{"GET", "/v1/comments/{comment_id}", nil, nil, (*exchange).getComment},
	{"GET", "/v1/views", []string{"database_id", "data_source_id", "start_cursor", "page_size"}, nil, (*exchange).listViews},
	{"GET", "/v1/views/{view_id}", nil, nil, (*exchange).getView},
}

// writes are the endpoints that change something: the connection may not.
var writes = []string{
	"POST /v1/pages", "PATCH /v1/pages/{page_id}", "POST /v1/pages/{page_id}/move", "PATCH /v1/pages/{page_id}/markdown",
	"POST /v1/databases", "PATCH /v1/databases/{database_id}",
	"POST /v1/data_sources", "PATCH /v1/data_sources/{data_source_id}",
	"PATCH /v1/blocks/{block_id}", "DELETE /v1/blocks/{block_id}", "PATCH /v1/blocks/{block_id}/children",
	"POST /v1/comments", "PATCH /v1/comments/{comment_id}", "DELETE /v1/comments/{comment_id}",
	"POST /v1/views", "PATCH /v1/views/{view_id}", "DELETE /v1/views/{view_id}", "POST /v1/file_uploads",
}

// A match is the route of a request and what its path says; write is the name
// of a route that changes something.
type match struct {
	route *route
	write string
	path  map[string]string
}

func (m match) name() string {
	switch {
	case m.route != nil:
		return m.route.name()
	case m.write != "":
		return m.write
	}
	return "unknown"
}

func find(r *http.Request) match {
	got := strings.Split(r.URL.EscapedPath(), "/")
	for i := range routes {
		if r.Method != routes[i].method {
			continue
		}
		if path, ok := fits(routes[i].path, got); ok {
			return match{route: &routes[i], path: path}
		}
	}
	for _, w := range writes {
		method, pattern, _ := strings.Cut(w, " ")
		if r.Method != method {
			continue
		}
		if _, ok := fits(pattern, got); ok {
			return match{write: w}
		}
	}
	return match{}
}

// fits matches a path as it is on the wire: an ID may hold an escaped slash.
func fits(pattern string, got []string) (map[string]string, bool) {
	want := strings.Split(pattern, "/")
	if len(want) != len(got) {
		return nil, false
	}
	params := map[string]string{}
	for i, w := range want {
		name, isParam := strings.CutPrefix(w, "{")
		if !isParam {
			if w != got[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(got[i])
		if err != nil || value == "" {
			return nil, false
		}
		params[strings.TrimSuffix(name, "}")] = value
	}
	return params, true
}
