package truth

import (
	"maps"
	"slices"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// user is the struct of a user, a partial one completed with what the workspace
// tells of it.
func (l *load) user(tree any) any {
	o, ok := tree.(object)
	if !ok {
		return nil
	}
	id, _ := o["id"].(string)
	l.meet(id, o)
	of := l.told(id)
	if whole(o) {
		of = shown(o)
	}
	return object{"id": id, "name": of["name"], "email": of["email"], "type": of["type"]}
}

// whole reports whether an object shows a user or group in full.
func whole(o object) bool { return o["type"] != nil || o["object"] == "group" }

// shown is what a whole object shows.
func shown(o object) object {
	if o["object"] == "group" {
		return object{"id": o["id"], "type": "group", "name": o["name"]}
	}
	return object{
		"id": o["id"], "type": o["type"], "name": o["name"], "avatar_url": o["avatar_url"],
		"email": member(o["person"], "email"), "owner": member(member(o["bot"], "owner"), "type"),
	}
}

// told is what the workspace tells of a user when asked.
func (l *load) told(id string) object {
	if u := l.m.User(id); u != nil && !u.Removed && u.Type != "group" {
		return modeledUser(u)
	}
	return object{"id": id}
}

func modeledUser(u *notiontest.User) object {
	o := object{"id": u.ID, "type": u.Type, "name": nullable(u.Name), "avatar_url": nullable(u.AvatarURL)}
	switch {
	case u.Type == "person":
		o["email"] = nullable(u.Email)
	case u.Owner == "workspace":
		o["owner"] = "workspace"
	case u.Owner != "":
		o["owner"] = "user"
	}
	return o
}

// users is the table of those that Notion lists and those met.
func (l *load) users(sources []*notiontest.DataSource) Table {
	all := map[string]object{}
	for id, o := range l.met {
		all[id] = l.told(id)
		if whole(o) {
			all[id] = shown(o)
		}
	}
	for _, u := range l.m.Users {
		if !u.Guest && !u.Removed && u.Type != "group" {
			all[u.ID] = modeledUser(u)
		}
	}
	t := l.fixed("_users", Column{Name: "id", Type: "string"}, text("type"), text("name"), text("email"), text("avatar_url"), text("owner"))
	for _, id := range slices.Sorted(maps.Keys(all)) {
		t.add(all[id])
	}
	return t
}

func text(name string) Column { return Column{Name: name, Type: "string"} }

// fixed is an empty table of notionlake's own.
func (l *load) fixed(name string, columns ...Column) Table {
	switch name {
	case "_properties", "_options", "_links":
	default:
		if !l.o.NoRaw {
			columns = append(columns, Column{Name: "_raw", Type: "string", JSON: true, Unchecked: true})
		}
	}
	return Table{Name: name, Key: name, Columns: columns, Rows: []map[string]any{}}
}

// add adds a row; cells that are not given are null.
func (t *Table) add(cells map[string]any) {
	row := map[string]any{}
	for _, c := range t.Columns {
		if !c.Unchecked {
			row[c.Name] = cells[c.Name]
		}
	}
	t.Rows = append(t.Rows, row)
}
