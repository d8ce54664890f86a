package extract

import "github.com/notionlake/notionlake/lake"

// A userParts is a user as another object shows it; nil parts are null.
type userParts struct{ id, name, email, typ []byte }

// How Notion writes a person.
const (
	userStart  = `{"object":"user","id":"`
	userName   = `,"name":"`
	userAvatar = `,"avatar_url":"`
)

// readUser reads the user or group at i and tells the sink of it.
func readUser(d *decoder, i int) (u userParts, end int) {
	end = i + 1
	group := false
	if has(d.b, i, userStart) {
		u.id, end = d.str(i + len(userStart) - 1)
		if has(d.b, end, userName) {
			u.name, end = d.str(end + len(userName) - 1)
		}
		if has(d.b, end, userAvatar) {
			end = stringEnd(d.b, end+len(userAvatar)-1)
		}
	}
	for key, at := member(d.b, end); ; key, at = member(d.b, end) {
		if key == nil {
			end = at
			break
		}
		if string(key) == "person" && d.b[at] == '{' {
			u.email, end = d.member(at, "email")
			continue
		}
		if d.b[at] != '"' {
			end = skip(d.b, at)
			continue
		}
		switch string(key) {
		case "object":
			end = stringEnd(d.b, at)
			group = string(d.b[at:end]) == `"group"`
		case "id":
			u.id, end = d.str(at)
		case "name":
			u.name, end = d.str(at)
		case "type":
			u.typ, end = d.str(at)
		default:
			end = stringEnd(d.b, at)
		}
	}
	if group {
		u.typ = groupType
	}
	if d.users != nil && u.id != nil {
		d.users.met(u.id, d.b[i:end], u.typ != nil)
	}
	return u, end
}

var groupType = []byte("group")

// userValue reads the struct of id, name, email and type. What Notion shows as
// an ID only is completed from the directory of users, never from another row.
func userValue(d *decoder, i int) (lake.Value, int) {
	if d.b[i] != '{' {
		return d.nothing(i, "a user")
	}
	u, end := readUser(d, i)
	if u.typ == nil && u.id != nil && d.users != nil {
		if known, ok := d.users.complete(u.id); ok && known != nil {
			return d.group(lake.TextBytes(u.id), known.name, known.email, known.typ), end
		}
	}
	return d.group(textOrNull(u.id), textOrNull(u.name), textOrNull(u.email), textOrNull(u.typ)), end
}

// peopleValue reads a list of users.
func peopleValue(d *decoder, i int) (lake.Value, int) {
	d.runs = 0
	return d.each(i, func(d *decoder, i int) int {
		v, end := userValue(d, i)
		d.stack = append(d.stack, v)
		return end
	})
}

// userIDValue reads the ID of a user.
func userIDValue(d *decoder, i int) (lake.Value, int) {
	if d.b[i] != '{' {
		return d.nothing(i, "a user")
	}
	u, end := readUser(d, i)
	return textOrNull(u.id), end
}

// userIDsValue reads the IDs of people.
func userIDsValue(d *decoder, i int) (lake.Value, int) {
	return d.each(i, func(d *decoder, i int) int {
		v, end := userIDValue(d, i)
		d.stack = append(d.stack, v)
		return end
	})
}
