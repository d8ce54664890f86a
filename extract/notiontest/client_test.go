package notiontest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A client asks a server without a socket.
type client struct {
	t    *testing.T
	http *http.Client
}

func newClient(t *testing.T, s *Server) client {
	return client{t, &http.Client{Transport: s.Transport()}}
}

// request makes a request of "METHOD /v1/path" that Notion takes.
func request(to, body string) *http.Request {
	method, path, _ := strings.Cut(to, " ")
	r, err := http.NewRequest(method, "https://api.notion.com"+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Bearer "+DefaultToken)
	r.Header.Set("Notion-Version", string(V20260311))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func (c client) do(r *http.Request) (status int, header http.Header, body string) {
	c.t.Helper()
	resp, err := c.http.Do(r)
	if err != nil {
		c.t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

func (c client) ask(to, body string) (int, object) {
	c.t.Helper()
	status, _, text := c.do(request(to, body))
	return status, parse(c.t, text)
}

// get asks and expects an answer.
func (c client) get(to, body string) object {
	c.t.Helper()
	status, o := c.ask(to, body)
	if status != http.StatusOK {
		c.t.Fatalf("%s %s: %d %v", to, body, status, o["message"])
	}
	return o
}

type object map[string]any

func (o object) str(name string) string {
	s, _ := o[name].(string)
	return s
}

func (o object) more() bool { return o["has_more"] == true }

func (o object) at(names ...string) object {
	for _, name := range names {
		next, _ := o[name].(map[string]any)
		o = next
	}
	return o
}

func (o object) results() []object {
	list, _ := o["results"].([]any)
	all := make([]object, len(list))
	for i, e := range list {
		all[i], _ = e.(map[string]any)
	}
	return all
}

func (o object) ids() []string {
	var ids []string
	for _, e := range o.results() {
		ids = append(ids, e.str("id"))
	}
	return ids
}

// all reads a listing to its end; page checks every page of it.
func (c client) all(to, members string, size int, page func(object)) []object {
	c.t.Helper()
	var all []object
	cursor := ""
	for range 10_000 {
		var o object
		if strings.HasPrefix(to, "POST ") {
			body := fmt.Sprintf(`{"page_size":%d%s%s}`, size, members, optional(`,"start_cursor":%q`, cursor))
			o = c.get(to, body)
		} else {
			join := "?"
			if strings.Contains(to, "?") {
				join = "&"
			}
			o = c.get(fmt.Sprintf("%s%spage_size=%d%s", to, join, size, optional("&start_cursor=%s", cursor)), "")
		}
		all = append(all, o.results()...)
		if page != nil {
			page(o)
		}
		if !o.more() {
			return all
		}
		cursor = o.str("next_cursor")
	}
	c.t.Fatalf("%s does not end", to)
	return nil
}

func optional(format, value string) string {
	if value == "" {
		return ""
	}
	return fmt.Sprintf(format, value)
}

func idsOf(all []object) []string {
	ids := make([]string, len(all))
	for i, o := range all {
		ids[i] = o.str("id")
	}
	return ids
}

const byCreation = `,"sorts":[{"timestamp":"created_time","direction":"ascending"}]`

// A plain workspace has one data source "tasks" of n rows, one created every
// ten seconds.
type plain struct {
	*Workspace
	database, source string
	rows             []string
}

const plainSeed = 7

func newPlain(n int, more ...func(*Tx, *plain)) *plain {
	p := &plain{Workspace: NewWorkspace(plainSeed), database: NewID(plainSeed, "tasks database"), source: NewID(plainSeed, "tasks")}
	p.Update(func(t *Tx) {
		t.AddDatabase(Database{ID: p.database, Title: Plain("Tasks")})
		t.AddSource(DataSource{ID: p.source, Database: p.database, Title: Plain("Tasks"), Properties: []*Property{
			{ID: "title", Name: "Name", Type: "title"},
			{ID: `f\:p`, Name: "Estimate", Type: "number"},
			{ID: "num", Name: "Nr", Type: "unique_id", Prefix: "T"},
		}})
		for i := range n {
			t.Tick(10e9)
			p.rows = append(p.rows, t.AddRow(p.source, Page{Values: map[string]Value{
				"title": Plain(fmt.Sprintf("Task %d", i)), `f\:p`: Number(fmt.Sprint(i % 7)), "num": Unique(i),
			}}))
		}
		for _, f := range more {
			f(t, p)
		}
	})
	return p
}

func (p *plain) query() string { return "POST /v1/data_sources/" + p.source + "/query" }

func parse(t *testing.T, body string) object {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	var o object
	if err := d.Decode(&o); err != nil {
		t.Fatalf("%v in %.500s", err, body)
	}
	return o
}
