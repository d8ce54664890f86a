package truth

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"

	"github.com/notionlake/notionlake/extract/notiontest"
)

// Files are the parts of a configuration that say which files are copied.
type Files struct {
	MaxBytes int64    // 0 is 100 MB
	Types    []string // MIME types with *; nil is all
}

// PathOf stands for the path of a copy, of which only the name depends on the model.
func PathOf(sum string) string { return "copy " + sum }

// A copied is what becomes of a file.
type copied struct {
	sum, contentType, etag, modified, reason string
	size                                     int
}

// fileURL is the URL of a file as a cell has it.
func (l *load) fileURL(kind, s string) string {
	if strings.HasPrefix(s, "/") {
		s = l.o.FileBase + s
	}
	if kind == "file" {
		return bare(s)
	}
	return valid(s)
}

// copied is what becomes of the file that a URL leads to. medium: it is to be
// shown, and a web page in its place is not it.
func (l *load) copied(kind, s string, medium bool) copied {
	f := l.m.FileAt(s)
	for n := 0; ; n++ {
		if why := l.blocked(s); why != "" {
			return copied{reason: why}
		}
		if n > 5 {
			return copied{reason: "unreachable"}
		}
		if f == nil || f.Redirect == "" {
			break
		}
		s = f.Redirect
		f = l.m.FileAt(strings.TrimPrefix(s, l.o.FileBase))
	}
	maximum := l.o.Files.MaxBytes
	if maximum == 0 {
		maximum = 100_000_000
	}
	switch {
	case f == nil || f.Status == 404 || f.Status == 410:
		return copied{reason: "not_found"}
	case f.Status == 429 || f.Status >= 500:
		return copied{reason: "unreachable"}
	case f.Status != 0:
		return copied{reason: "refused"}
	}
	c := copied{contentType: media(f.Type), etag: f.ETag, size: len(f.Data)}
	if c.contentType == "" {
		c.contentType = media(http.DetectContentType(f.Data))
	}
	if c.contentType == "" {
		c.contentType = "application/octet-stream"
	}
	if !f.Modified.IsZero() {
		c.modified = f.Modified.UTC().Format(http.TimeFormat)
	}
	wanted := l.o.Files.Types == nil
	for _, t := range l.o.Files.Types {
		ok, err := path.Match(t, c.contentType)
		wanted = wanted || ok && err == nil
	}
	switch {
	case !wanted || medium && c.contentType == "text/html":
		return copied{reason: "type"}
	case int64(c.size) > maximum, f.Length > maximum:
		return copied{reason: "too_large"}
	case f.Length > int64(c.size):
		return copied{reason: "unreachable"}
	}
	sum := sha256.Sum256(f.Data)
	c.sum = hex.EncodeToString(sum[:])
	return c
}

func media(header string) string {
	typ, _, err := mime.ParseMediaType(header)
	if err != nil || strings.HasSuffix(typ, "/octet-stream") {
		return ""
	}
	return typ
}

// blocked is why a URL is not asked, "" if it is.
func (l *load) blocked(s string) string {
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, l.o.FileBase+"/") {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" {
		return "invalid_url"
	}
	a, err := netip.ParseAddr(u.Hostname())
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "blocked"
	case u.Host == "":
		return "invalid_url"
	case err == nil && (a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()):
		return "blocked"
	}
	return ""
}

// files is the table of files.
func (l *load) files(sources []*notiontest.DataSource) Table {
	f := &fileTable{load: l, t: Table{Name: "_files", Key: "_files", Columns: []Column{
		text("page_id"), text("data_source_id"), text("block_id"), text("property_id"), text("comment_id"), text("source"),
		{Name: "position", Type: "long"},
		text("name"), text("kind"), text("url"), text("content_type"),
		{Name: "size", Type: "long"},
		text("sha256"), text("path"), text("etag"), text("last_modified"), text("reason"),
	}, Rows: []map[string]any{}}}
	for _, s := range sources {
		for _, id := range s.Rows {
			p := l.m.Pages[id]
			if !l.m.Readable(p) || p.Trashed || p.Archived && l.o.NoArchived {
				continue
			}
			f.page(s, p)
		}
	}
	for _, id := range l.m.TopPages {
		if p := l.m.Pages[id]; l.o.Content && l.m.Readable(p) && !l.m.InTrash(p) {
			f.page(nil, p)
		}
	}
	return f.t
}

type fileTable struct {
	*load
	t Table
}

func (f *fileTable) page(s *notiontest.DataSource, p *notiontest.Page) {
	at := object{"page_id": p.ID}
	if s != nil {
		at["data_source_id"] = s.ID
		for _, property := range f.m.Shown(s) {
			files, _ := p.Values[property.ID].(notiontest.Files)
			for i, file := range files {
				f.file(at, object{"source": "property", "property_id": valid(property.ID), "position": i, "name": valid(file.Name)}, file, false)
			}
		}
	}
	for source, icon := range map[string]*notiontest.Icon{"icon": p.Icon, "cover": p.Cover} {
		if icon != nil && (icon.Type == "file" || icon.Type == "external") {
			f.file(at, object{"source": source}, notiontest.File{URL: icon.Text, Hosted: icon.Type == "file"}, true)
		}
	}
	if f.o.Content {
		f.comments(at, p.ID, "")
		f.blocks(at, p.ID)
	}
}

func (f *fileTable) blocks(at object, in string) {
	for _, b := range f.m.BlocksIn(in) {
		payload, err := f.payload(b)
		file := b.File
		if kind, _ := member(payload, "type").(string); err == nil && file == nil && (kind == "file" || kind == "external") {
			if url, ok := member(member(payload, kind), "url").(string); ok {
				file = &notiontest.File{URL: url, Hosted: kind == "file"}
				file.Name, _ = member(payload, "name").(string)
			}
		}
		if file != nil {
			more := object{"source": "block", "block_id": b.ID}
			if b.Type == "file" {
				more["name"] = valid(file.Name)
			}
			f.file(at, more, *file, b.Type != "file")
		}
		switch {
		case b.Type == "child_page", b.Type == "child_database", member(member(payload, "synced_from"), "block_id") != nil:
			continue
		}
		if !f.o.NoBlockComments {
			f.comments(at, b.ID, b.ID)
		}
		f.blocks(at, b.ID)
	}
}

// payload is what a block holds.
func (l *load) payload(b *notiontest.Block) (any, error) {
	if b.File == nil {
		return decode([]byte(b.Payload))
	}
	kind := "external"
	if b.File.Hosted {
		kind = "file"
	}
	return object{"type": kind, kind: object{"url": l.fileURL(kind, b.File.URL)}, "caption": []any{}}, nil
}

func (f *fileTable) comments(at object, on, block string) {
	if f.o.NoComments {
		return
	}
	for _, c := range f.m.Comments[on] {
		for i, a := range c.Attachments {
			a.Hosted = true
			f.file(at, object{"source": "comment", "comment_id": c.ID, "block_id": nullable(block), "position": i}, a, false)
		}
	}
}

func (f *fileTable) file(at, more object, file notiontest.File, medium bool) {
	kind := "external"
	if file.Hosted {
		kind = "file"
	}
	row := object{"position": 0, "kind": kind, "url": f.fileURL(kind, file.URL)}
	for _, o := range []object{at, more} {
		for name, value := range o {
			row[name] = value
		}
	}
	row["position"] = json.Number(fmt.Sprint(row["position"]))
	c := f.copied(kind, file.URL, medium)
	if row["reason"] = nullable(c.reason); c.sum != "" {
		row["sha256"], row["path"], row["content_type"], row["size"] = c.sum, PathOf(c.sum), c.contentType, json.Number(fmt.Sprint(c.size))
		row["etag"], row["last_modified"] = nullable(c.etag), nullable(c.modified)
	}
	f.t.add(row)
}
