package notiontest

import (
	"net/http"
	"slices"
)

func (x *exchange) me() error {
	u := x.m.User(x.m.Bot)
	if u == nil {
		return errToken
	}
	x.out = x.r.fullUser(x.out, u)
	return nil
}

func (x *exchange) listUsers() error {
	a, err := x.pageArgs()
	if err != nil {
		return err
	}
	if x.s.o.NoUsers {
		return errRestricted
	}
	listed := slices.DeleteFunc(slices.Clone(x.m.Users), func(u *User) bool {
		return u.Guest || u.Removed || u.Type == "group"
	})
	return x.list(a, list{
		kind: "user", binding: "users", n: len(listed),
		each: func(dst []byte, i int) []byte { return x.r.fullUser(dst, listed[i]) },
	})
}

func (x *exchange) getUser() error {
	if x.s.o.NoUsers {
		return errRestricted
	}
	id := x.path["user_id"]
	u := x.m.User(id)
	if u == nil || u.Removed || u.Type == "group" {
		return &refusal{
			status: http.StatusNotFound, code: "object_not_found",
			message: "Could not find user with ID: " + id + ". Make sure your integration has capabilities to read user information. " +
				"With those capabilities, only members and guests in the integration's workspace are visible.",
		}
	}
	x.out = x.r.fullUser(x.out, u)
	return nil
}

func (x *exchange) getDatabase() error {
	if x.s.o.NoContent {
		return errRestricted
	}
	id := x.path["database_id"]
	if d := x.m.databases[id]; d != nil && !d.Unshared {
		x.out = x.r.database(x.out, d)
		return nil
	}
	if _, ok := x.findPage(id); ok {
		return invalid("Provided database_id %s is a page, not a database. "+
			"Use the pages API instead, or pass the ID of the database itself.", id)
	}
	return x.notFound("database", id)
}

func (x *exchange) getSource() error {
	s, err := x.visibleSource()
	if err != nil {
		return err
	}
	x.out = x.r.source(x.out, s)
	return nil
}

func (x *exchange) getPage() error {
	r, err := x.visiblePage()
	if err != nil {
		return err
	}
	if x.r.want, err = x.wanted(x.sourceOf(r)); err != nil {
		return err
	}
	x.out = x.row(x.out, r)
	return nil
}

// visiblePage is the page that the path names.
func (x *exchange) visiblePage() (row, error) {
	if x.s.o.NoContent {
		return row{}, errRestricted
	}
	id := x.path["page_id"]
	if r, ok := x.findPage(id); ok {
		return r, nil
	}
	if d := x.m.databases[id]; d != nil && !d.Unshared {
		return row{}, invalid("Provided ID %s is a database, not a page. Use the retrieve database API instead.", id)
	}
	return row{}, x.notFound("page", id)
}

// findPage finds a page that the connection may read, also one that a Generator makes.
func (x *exchange) findPage(id string) (row, bool) {
	if p := x.m.Pages[id]; p != nil {
		return row{page: p}, x.m.Readable(p)
	}
	for _, s := range x.m.Sources {
		if s.Gen == nil || !x.m.Visible(s) {
			continue
		}
		if i, ok := s.Gen.Index(id); ok {
			return row{gen: s, index: i}, true
		}
	}
	return row{}, false
}

// sourceOf is the data source that a page is a row of; nil if it is none.
func (x *exchange) sourceOf(r row) *DataSource {
	if r.gen != nil {
		return r.gen
	}
	return x.m.sources[r.page.Source]
}

func (x *exchange) listViews() error {
	a, err := x.pageArgs()
	if err != nil {
		return err
	}
	database, source := x.params.Get("database_id"), x.params.Get("data_source_id")
	if (database == "") == (source == "") {
		return invalid("query failed validation: exactly one of query.database_id and query.data_source_id should be defined.")
	}
	if x.s.o.NoContent {
		return errRestricted
	}
	var ids []string
	if source != "" {
		if source, err = x.uuid("query", "data_source_id", source); err != nil {
			return err
		}
		if !x.m.Visible(x.m.sources[source]) {
			return x.notFound("data_source", source)
		}
		ids = append(ids, source)
	} else {
		if database, err = x.uuid("query", "database_id", database); err != nil {
			return err
		}
		d := x.m.databases[database]
		if d == nil || d.Unshared {
			return x.notFound("database", database)
		}
		for _, s := range x.m.VisibleSources(d) {
			ids = append(ids, s.ID)
		}
	}
	var views []View
	for _, id := range ids {
		views = append(views, x.m.Views[id]...)
	}
	return x.list(a, list{
		kind: "view", binding: "views " + database + source, n: len(views),
		each: func(dst []byte, i int) []byte {
			dst = append(dst, `{"object":"view","id":`...)
			return append(appendString(dst, views[i].ID), '}')
		},
	})
}

func (x *exchange) getView() error {
	if x.s.o.NoContent {
		return errRestricted
	}
	id := x.path["view_id"]
	for _, s := range x.m.Sources {
		for _, v := range x.m.Views[s.ID] {
			if v.ID == id && x.m.Visible(s) {
				x.out = x.r.view(x.out, s, v)
				return nil
			}
		}
	}
	return x.notFound("view", id)
}
