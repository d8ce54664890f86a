package notiontest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func TestRefusals(t *testing.T) {
	p := newPlain(3)
	page, query := "GET /v1/pages/"+p.rows[0], p.query()
	unknown := "38c9ce7b-60a4-8000-8000-000000000000"
	tests := []struct {
		name, to, body string
		change         func(*http.Request)
		status         int
		code, message  string
	}{
		{name: "unknown path", to: "GET /v1/invalid", status: 400, code: "invalid_request_url", message: "Invalid request URL."},
		{name: "unknown path without token", to: "GET /v1/invalid", change: without("Authorization"), status: 400, code: "invalid_request_url"},
		{name: "unknown method", to: "DELETE /v1/users", status: 400, code: "invalid_request_url"},
		{name: "database query of old", to: "POST /v1/databases/" + p.database + "/query", body: `{}`, status: 400, code: "invalid_request_url"},
		{name: "trailing slash", to: "GET /v1/users/", status: 400, code: "invalid_request_url"},
		{name: "no token", to: page, change: without("Authorization"), status: 401, code: "unauthorized", message: "API token is invalid."},
		{name: "other token", to: page, change: with("Authorization", "Bearer x"), status: 401, code: "unauthorized"},
		{name: "basic", to: page, change: with("Authorization", "Basic "+DefaultToken), status: 401, code: "unauthorized"},
		{
			name: "no version", to: page, change: without("Notion-Version"), status: 400, code: "missing_version",
			message: "Notion-Version header failed validation: Notion-Version header should be defined, instead was `undefined`.",
		},
		{name: "unknown version", to: page, change: with("Notion-Version", "2026-04-01"), status: 400, code: "validation_error"},
		{name: "write", to: "PATCH /v1/pages/" + p.rows[0], body: `{}`, status: 403, code: "restricted_resource"},
		{name: "delete", to: "DELETE /v1/blocks/" + p.rows[0], status: 403, code: "restricted_resource"},

		{name: "no JSON", to: query, body: `{"page_size":`, status: 400, code: "invalid_json", message: "Error parsing JSON body."},
		{name: "two objects", to: query, body: `{}{}`, status: 400, code: "invalid_json"},
		{name: "no content type", to: query, body: `{}`, change: without("Content-Type"), status: 400, code: "invalid_json"},
		{name: "array", to: query, body: `[]`, status: 400, code: "validation_error"},
		{name: "unknown member", to: query, body: `{"limit":1}`, message: "body failed validation: body.limit should be not present, instead was `1`."},
		{name: "in_trash", to: query, body: `{"in_trash":true}`, message: "body failed validation: body.in_trash should be not present, instead was `true`."},
		{
			name: "filter_properties in the body", to: query, body: `{"filter_properties":["ID"]}`,
			message: "body failed validation: body.filter_properties should be not present, instead was `[\"ID\"]`.",
		},
		{
			name: "long value is cut", to: query, body: `{"x":"` + strings.Repeat("a", 100) + `"}`,
			message: "body failed validation: body.x should be not present, instead was `\"" + strings.Repeat("a", 54) + "...`.",
		},

		{
			name: "no uuid", to: "GET /v1/pages/not-an-id",
			message: "path failed validation: path.page_id should be a valid uuid, instead was `\"not-an-id\"`.",
		},
		{
			name: "uuid of no version", to: "GET /v1/pages/12345678-1234-1234-1234-123456789abc",
			message: "path failed validation: path.page_id should be a valid uuid, instead was `\"12345678-1234-1234-1234-123456789abc\"`.",
		},
		{name: "nil uuid", to: "GET /v1/pages/00000000-0000-0000-0000-000000000000", status: 404, code: "object_not_found"},
		{
			name: "no page", to: "GET /v1/pages/" + unknown, status: 404, code: "object_not_found",
			message: "Could not find page with ID: " + unknown + ". Make sure the relevant pages and databases are shared with your integration \"Lake exporter\".",
		},
		{name: "no block", to: "GET /v1/blocks/" + unknown + "/children", status: 404, code: "object_not_found"},
		{name: "no user", to: "GET /v1/users/" + unknown, status: 404, code: "object_not_found"},
		{name: "data source as page", to: "GET /v1/pages/" + p.source, status: 404, code: "object_not_found"},
		{name: "data source as database", to: "GET /v1/databases/" + p.source, status: 404, code: "object_not_found"},
		{name: "data source as block", to: "GET /v1/blocks/" + p.source, status: 404, code: "object_not_found"},
		{name: "database as data source", to: "GET /v1/data_sources/" + p.database, status: 404, code: "object_not_found"},
		{
			name: "database as page", to: "GET /v1/pages/" + p.database,
			message: "Provided ID " + p.database + " is a database, not a page. Use the retrieve database API instead.",
		},
		{
			name: "page as database", to: "GET /v1/databases/" + p.rows[0],
			message: "Provided database_id " + p.rows[0] + " is a page, not a database. Use the pages API instead, or pass the ID of the database itself.",
		},

		{name: "page size 101", to: query, body: `{"page_size":101}`, message: "body failed validation: body.page_size should be ≤ `100` or `undefined`, instead was `101`."},
		{name: "page size in words", to: query, body: `{"page_size":"ten"}`, message: "body failed validation: body.page_size should be a number or `undefined`, instead was `\"ten\"`."},
		{name: "page size of a GET", to: "GET /v1/users?page_size=101", message: "query failed validation: query.page_size should be ≤ `100` or `undefined`, instead was `101`."},
		{name: "two page sizes", to: "GET /v1/users?page_size=1&page_size=2", status: 400, code: "validation_error"},
		{name: "page size in the URL of a POST", to: query + "?page_size=1", body: `{}`, status: 400, code: "validation_error"},
		{
			name: "cursor in the URL of a POST", to: "POST /v1/search?start_cursor=abc", body: `{}`,
			message: "query failed validation: query.start_cursor should be not present, instead was `\"abc\"`.",
		},
		{name: "bad cursor", to: "GET /v1/users?start_cursor=bogus", message: "The start_cursor provided is invalid: bogus"},
		{name: "bad cursor of a query", to: query, body: `{"start_cursor":"bogus"}`, message: "The start_cursor provided is invalid: bogus"},
		{
			name: "bad cursor of blocks", to: "GET /v1/blocks/" + p.rows[0] + "/children?start_cursor=bogus",
			message: "query failed validation: query.start_cursor should be a valid uuid or `undefined`, instead was `\"bogus\"`.",
		},
		{name: "cursor null", to: query, body: `{"start_cursor":null}`, status: 400, code: "validation_error"},
		{name: "unknown parameter", to: "GET /v1/users?limit=5", message: "query failed validation: query.limit should be not present, instead was `\"5\"`."},

		{
			name: "filter on no property", to: query, body: `{"filter":{"property":"Colour","number":{"equals":1}}}`,
			message: "Could not find property with name or id: Colour",
		},
		{
			name: "sort by no property", to: query, body: `{"sorts":[{"property":"Colour","direction":"ascending"}]}`,
			message: "Could not find sort property with name or id: Colour",
		},
		{name: "sort without direction", to: query, body: `{"sorts":[{"property":"Nr"}]}`, status: 400, code: "validation_error"},
		{name: "sort by both", to: query, body: `{"sorts":[{"property":"Nr","timestamp":"created_time","direction":"ascending"}]}`, status: 400, code: "validation_error"},
		{name: "sorts is no array", to: query, body: `{"sorts":{}}`, status: 400, code: "validation_error"},
		{
			name: "filter of another type", to: query, body: `{"filter":{"property":"Estimate","rich_text":{"equals":"x"}}}`,
			message: "The property type in the database does not match the property type of the filter provided: database property number does not match filter rich_text",
		},
		{name: "filter nested thrice", to: query, body: `{"filter":{"and":[{"or":[{"and":[]}]}]}}`, status: 400, code: "validation_error"},
		{name: "filter of two conditions", to: query, body: `{"filter":{"property":"Estimate","number":{"equals":1,"less_than":2}}}`, status: 400, code: "validation_error"},
		{name: "filter by no date", to: query, body: `{"filter":{"timestamp":"created_time","created_time":{"on_or_after":"yesterdayish"}}}`, status: 400, code: "validation_error"},
		{name: "filter without condition", to: query, body: `{"filter":{"property":"Estimate"}}`, status: 400, code: "validation_error"},
		{name: "filter null", to: query, body: `{"filter":null}`, status: 400, code: "validation_error"},
		{name: "result type", to: query, body: `{"result_type":"row"}`, status: 400, code: "validation_error"},
		{name: "is_archived", to: query, body: `{"is_archived":"yes"}`, status: 400, code: "validation_error"},
		{name: "filter_properties", to: page + "?filter_properties=Colour", message: "Colour is not a property that exists."},
		{name: "filter_properties encoded twice", to: page + "?filter_properties=f%255C%253Ap", message: `f%5C%3Ap is not a property that exists.`},

		{
			name: "search of old", to: "POST /v1/search", body: `{"filter":{"property":"object","value":"database"}}`,
			message: "body failed validation: body.filter.value should be `\"page\"` or `\"data_source\"`, instead was `\"database\"`.",
		},
		{name: "search sort", to: "POST /v1/search", body: `{"sort":{"timestamp":"created_time","direction":"ascending"}}`, status: 400, code: "validation_error"},
		{name: "comments of nothing", to: "GET /v1/comments", status: 400, code: "validation_error"},
		{name: "views of nothing", to: "GET /v1/views", status: 400, code: "validation_error"},
		{name: "property encoded twice", to: page + "/properties/f%255C%253Ap", message: `f%5C%3Ap is not a property that exists.`},
		{name: "no property", to: page + "/properties/xxxx", status: 404, code: "object_not_found"},
	}
	c := newClient(t, NewServer(p.Workspace, Options{}))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.status == 0 {
				tt.status, tt.code = 400, "validation_error"
			}
			r := request(tt.to, tt.body)
			if tt.change != nil {
				tt.change(r)
			}
			status, header, body := c.do(r)
			e := parse(t, body)
			if status != tt.status || e["status"] != json.Number(strconv.Itoa(tt.status)) || e.str("object") != "error" || e.str("code") != tt.code {
				t.Errorf("got %d %s, want %d %s", status, body, tt.status, tt.code)
			}
			if tt.message != "" && e.str("message") != tt.message {
				t.Errorf("message\n%s, want\n%s", e.str("message"), tt.message)
			}
			if id := e.str("request_id"); id == "" || id != header.Get("X-Notion-Request-Id") {
				t.Errorf("request_id %q, header %q", id, header.Get("X-Notion-Request-Id"))
			}
		})
	}
}

func without(name string) func(*http.Request) { return func(r *http.Request) { r.Header.Del(name) } }

func with(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func TestAccepted(t *testing.T) {
	p := newPlain(3)
	short := strings.ReplaceAll(p.rows[0], "-", "")
	for _, to := range []string{
		"GET /v1/users/me", "GET /v1/users", "GET /v1/users?page_size=0",
		"GET /v1/databases/" + p.database, "GET /v1/data_sources/" + p.source,
		"GET /v1/pages/" + short, "GET /v1/pages/" + strings.ToUpper(p.rows[0]), "GET /v1/blocks/" + short, "GET /v1/blocks/" + p.database,
		"GET /v1/pages/" + short + "?filter_properties=title&filter_properties=f%5C%3Ap",
		"GET /v1/pages/" + short + "?filter_properties[]=Estimate", "GET /v1/pages/" + short + "?filter_properties%5B%5D=Estimate",
		"GET /v1/pages/" + short + "/properties/f%5C%3Ap", "GET /v1/comments?block_id=" + short, "GET /v1/views?data_source_id=" + p.source,
	} {
		newClient(t, NewServer(p.Workspace, Options{})).get(to, "")
	}
	c := newClient(t, NewServer(p.Workspace, Options{}))
	for _, body := range []string{
		``, `{}`, `{"page_size":0}`, `{"page_size":100}`, `{"is_archived":false}`, `{"result_type":"page"}`,
		`{"filter":{"and":[{"or":[{"property":"num","unique_id":{"greater_than":1}}]}]}}`,
		`{"sorts":[{"property":"f\\:p","direction":"descending"},{"timestamp":"last_edited_time","direction":"ascending"}]}`,
	} {
		c.get(p.query(), body)
	}
}

func TestCapabilities(t *testing.T) {
	p := newPlain(1, func(t *Tx, p *plain) {
		t.AddUser(User{ID: NewID(plainSeed, "ada"), Type: "person", Name: "Ada", Email: "ada@example.com"})
		t.AddProperty(p.source, Property{ID: "own", Name: "Owner", Type: "people"}, -1)
		t.Set(p.rows[0], "own", People{NewID(plainSeed, "ada")})
	})
	page, user := "GET /v1/pages/"+p.rows[0], "GET /v1/users/"+NewID(plainSeed, "ada")
	owner := func(o object) object {
		people := o.at("properties", "Owner")["people"].([]any)
		return people[0].(map[string]any)
	}
	tests := []struct {
		name   string
		o      Options
		status map[string]int
		email  bool
		named  bool
	}{
		{"all", Options{}, map[string]int{page: 200, user: 200, "GET /v1/users": 200, "GET /v1/comments?block_id=" + p.rows[0]: 200}, true, true},
		{"no users", Options{NoUsers: true}, map[string]int{user: 403, "GET /v1/users": 403, "GET /v1/users/me": 200}, false, false},
		{"no email", Options{NoEmail: true}, map[string]int{user: 200}, false, true},
		{"no comments", Options{NoComments: true}, map[string]int{"GET /v1/comments?block_id=" + p.rows[0]: 403}, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, NewServer(p.Workspace, tt.o))
			for to, want := range tt.status {
				if status, o := c.ask(to, ""); status != want {
					t.Errorf("%s: %d %v, want %d", to, status, o, want)
				}
			}
			ada := owner(c.get(page, ""))
			if got := ada.at("person").str("email") != ""; got != tt.email {
				t.Errorf("email shown: %v", ada)
			}
			if got := ada.str("name") != ""; got != tt.named {
				t.Errorf("name shown: %v", ada)
			}
		})
	}
	c := newClient(t, NewServer(p.Workspace, Options{NoContent: true}))
	for _, to := range []string{page, "GET /v1/databases/" + p.database, "GET /v1/data_sources/" + p.source, p.query()} {
		if status, _ := c.ask(to, ""); status != 403 {
			t.Errorf("%s without read content: %d", to, status)
		}
	}
}

func TestVersions(t *testing.T) {
	p := newPlain(1)
	c := newClient(t, NewServer(p.Workspace, Options{}))
	for _, to := range []string{"GET /v1/pages/" + p.rows[0], "GET /v1/data_sources/" + p.source, "GET /v1/blocks/" + p.rows[0]} {
		for _, v := range []Version{V20250903, V20260311} {
			r := request(to, "")
			r.Header.Set("Notion-Version", string(v))
			_, _, body := c.do(r)
			o := parse(t, body)
			_, archived := o["archived"]
			if archived != (v == V20250903) || o["in_trash"] != false {
				t.Errorf("%s %s: archived %v, in_trash %v", v, to, o["archived"], o["in_trash"])
			}
		}
	}
}
