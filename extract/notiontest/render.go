package notiontest

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// A Version is a Notion-Version.
type Version string

// The versions that are served.
const (
	V20250903 Version = "2025-09-03"
	V20260311 Version = "2026-03-11"
)

// A renderer writes the objects of one answer. sign is new with every request
// and makes URLs of hosted files differ; limit is how many references of a
// relation or people are shown.
type renderer struct {
	m       *Model
	v       Version
	now     time.Time
	sign    uint64
	limit   int
	want    func(*Property) bool // filter_properties; nil is all
	shuffle bool                 // properties of pages in another order than the schema's
	noUsers bool                 // users are shown by ID only
	noEmail bool
	depth   int    // of the rollup in rollups that is being written
	files   string // where the server's own files are
	ttl     time.Duration
}

const comma = ','

func (r *renderer) page(dst []byte, p *Page) []byte {
	if p.raw != "" {
		return append(dst, p.raw...)
	}
	dst = append(dst, `{"object":"page","id":"`...)
	dst = append(dst, p.ID...)
	dst = append(dst, `","created_time":`...)
	dst = appendMinute(dst, p.Created)
	dst = append(dst, `,"last_edited_time":`...)
	dst = appendMinute(dst, p.Edited)
	dst = r.authors(dst, p.CreatedBy, p.EditedBy)
	dst = append(dst, `,"cover":`...)
	dst = r.icon(dst, p.Cover)
	dst = append(dst, `,"icon":`...)
	dst = r.icon(dst, p.Icon)
	dst = append(dst, `,"parent":`...)
	dst = r.parent(dst, p.Parent)
	dst = r.trashed(dst, r.m.inTrash(p))
	dst = append(dst, `,"is_archived":`...)
	dst = appendBool(dst, p.Archived)
	dst = append(dst, `,"is_locked":`...)
	dst = appendBool(dst, p.Locked)
	dst = append(dst, `,"properties":{`...)
	dst = r.properties(dst, p)
	dst = append(dst, `},"url":`...)
	dst = appendString(dst, PageURL(p))
	dst = append(dst, `,"public_url":`...)
	dst = appendNullable(dst, p.PublicURL)
	return append(dst, '}')
}

func (r *renderer) properties(dst []byte, p *Page) []byte {
	s := r.m.sources[p.Source]
	if s == nil {
		if r.want == nil || r.want(&titleProperty) {
			dst = append(dst, `"title":`...)
			dst = r.property(dst, p, &titleProperty)
		}
		return dst
	}
	first := true
	n := len(s.Properties)
	from := 0
	if r.shuffle && n > 0 {
		from = int(hash(r.m.Seed, p.ID) % uint64(n))
	}
	for i := range n {
		prop := s.Properties[(from+i)%n]
		if !r.m.shown(prop) || (r.want != nil && !r.want(prop)) {
			continue
		}
		if !first {
			dst = append(dst, comma)
		}
		first = false
		dst = appendName(dst, prop)
		dst = append(dst, ':')
		dst = r.property(dst, p, prop)
	}
	return dst
}

// titleProperty is the one property of a page that is no row.
var titleProperty = Property{ID: "title", Name: "title", Type: "title"}

// shown reports whether a property is in the schema as the connection sees it:
// a relation to what is not shared is left out.
func (m *Model) shown(p *Property) bool {
	return p.Relation == nil || m.Visible(m.sources[p.Relation.Source])
}

// Shown is the data source's properties as the connection sees them.
func (m *Model) Shown(s *DataSource) []*Property {
	var shown []*Property
	for _, p := range s.Properties {
		if m.shown(p) {
			shown = append(shown, p)
		}
	}
	return shown
}

func appendName(dst []byte, p *Property) []byte {
	if p.NameJSON != "" {
		return append(dst, p.NameJSON...)
	}
	return appendString(dst, p.Name)
}

// property appends a value as it stands in a page: {"id","type",<type>}.
func (r *renderer) property(dst []byte, page *Page, p *Property) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendString(dst, EncodeID(p.ID))
	dst = append(dst, `,"type":`...)
	dst = appendString(dst, p.Type)
	dst = append(dst, comma)
	dst = appendString(dst, p.Type)
	dst = append(dst, ':')
	more := false
	dst, more = r.value(dst, page, p)
	if p.Type == "relation" {
		dst = append(dst, `,"has_more":`...)
		dst = appendBool(dst, more)
	}
	return append(dst, '}')
}

func (r *renderer) authors(dst []byte, created, edited string) []byte {
	dst = append(dst, `,"created_by":{"object":"user","id":"`...)
	dst = append(dst, created...)
	dst = append(dst, `"},"last_edited_by":{"object":"user","id":"`...)
	dst = append(dst, edited...)
	return append(dst, `"}`...)
}

func (r *renderer) trashed(dst []byte, trashed bool) []byte {
	dst = append(dst, `,"in_trash":`...)
	dst = appendBool(dst, trashed)
	if r.v == V20250903 {
		dst = append(dst, `,"archived":`...)
		dst = appendBool(dst, trashed)
	}
	return dst
}

func (r *renderer) parent(dst []byte, p Parent) []byte {
	switch p.Type {
	case "workspace":
		return append(dst, `{"type":"workspace","workspace":true}`...)
	case "data_source_id":
		db := ""
		if s := r.m.sources[p.ID]; s != nil {
			db = s.Database
		}
		return fmt.Appendf(dst, `{"type":"data_source_id","data_source_id":"%s","database_id":"%s"}`, p.ID, db)
	}
	return fmt.Appendf(dst, `{"type":"%s","%s":"%s"}`, p.Type, p.Type, p.ID)
}

func (r *renderer) icon(dst []byte, i *Icon) []byte {
	if i == nil {
		return append(dst, "null"...)
	}
	dst = append(append(append(dst, `{"type":"`...), i.Type...), `","`...)
	dst = append(append(dst, i.Type...), `":`...)
	switch i.Type {
	case "emoji":
		dst = appendString(dst, i.Text)
	case "external":
		dst = append(dst, `{"url":`...)
		dst = append(appendString(dst, r.own(i.Text)), '}')
	case "file":
		dst = r.hosted(dst, i.Text)
	case "custom_emoji":
		dst = append(dst, `{"id":"45ce454c-d427-4f53-9489-e5d0f3d1db6b","name":"bufo","url":`...)
		dst = append(appendString(dst, i.Text), '}')
	case "icon":
		dst = append(dst, `{"name":`...)
		dst = append(appendString(dst, i.Text), `,"color":"blue"}`...)
	default:
		dst = append(dst, "{}"...)
	}
	return append(dst, '}')
}

// hosted appends a file of Notion's, with a signature of this request's.
func (r *renderer) hosted(dst []byte, url string) []byte {
	if isFilePath(url) {
		return r.signed(dst, url)
	}
	h := fnv.New64a()
	h.Write([]byte(url))
	sep := "?"
	if strings.Contains(url, "?") {
		sep = "&"
	}
	signed := fmt.Sprintf("%s%sX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=3600&X-Amz-Signature=%016x%016x",
		url, sep, h.Sum64()^r.sign, mix(r.sign))
	dst = append(dst, `{"url":`...)
	dst = appendString(dst, signed)
	dst = append(dst, `,"expiry_time":"`...)
	dst = r.now.Add(time.Hour).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	return append(dst, `"}`...)
}

// user appends a user as other objects show it.
func (r *renderer) user(dst []byte, id string) []byte {
	u := r.m.users[id]
	if u == nil || u.Removed || u.Partial || r.noUsers {
		return append(append(append(dst, `{"object":"user","id":"`...), id...), `"}`...)
	}
	return r.fullUser(dst, u)
}

func (r *renderer) fullUser(dst []byte, u *User) []byte {
	if u.Type == "group" {
		dst = append(append(append(dst, `{"object":"group","id":"`...), u.ID...), `","name":`...)
		return append(appendNullable(dst, u.Name), '}')
	}
	dst = append(append(append(dst, `{"object":"user","id":"`...), u.ID...), `","name":`...)
	dst = appendNullable(dst, u.Name)
	dst = append(dst, `,"avatar_url":`...)
	dst = appendNullable(dst, u.AvatarURL)
	if u.Type == "person" {
		dst = append(dst, `,"type":"person","person":{`...)
		if u.Email != "" && !r.noEmail {
			dst = append(dst, `"email":`...)
			dst = appendString(dst, u.Email)
		}
		return append(dst, `}}`...)
	}
	dst = append(dst, `,"type":"bot","bot":{`...)
	switch u.Owner {
	case "":
	case "workspace":
		dst = append(dst, `"owner":{"type":"workspace","workspace":true},"workspace_name":`...)
		dst = appendString(dst, r.m.Name)
		dst = append(append(dst, `,"workspace_id":"`...), NewID(r.m.Seed, "workspace")...)
		dst = append(dst, `","workspace_limits":{"max_file_upload_size_in_bytes":5242880}`...)
	default:
		dst = append(dst, `"owner":{"type":"user","user":`...)
		dst = append(r.user(dst, u.Owner), '}')
	}
	return append(dst, `}}`...)
}
