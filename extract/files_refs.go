package extract

import (
	"bytes"
	"iter"
	"regexp"
	"sync"

	"github.com/notionlake/notionlake/extract/notion"
	"github.com/notionlake/notionlake/lake"
)

// Where a file is referred to (_files.source).
const (
	fileInProperty = "property"
	fileInBlock    = "block"
	fileIsIcon     = "icon"
	fileIsCover    = "cover"
	fileInComment  = "comment"
)

// A filePlace is a place where a file is referred to.
type filePlace struct {
	page, block, property, comment string // IDs
	source                         string
	position                       int // in a list, from 0
}

// A fileRef is a reference to a file.
type fileRef struct {
	filePlace
	name lake.Value
	kind string // file or external
	url  string // of Notion's without query and fragment
	// medium: it is to be shown, so a web page in its place is not it.
	medium bool
}

// hosted reports whether Notion hosts the file.
func (r fileRef) hosted() bool { return r.kind == "file" }

// fileOf reads {"type": ..., <type>: {"url": ...}}, as files are written
// everywhere; ok is false for what is no file, such as an emoji.
func fileOf(j notion.JSON, at filePlace, medium bool) (ref fileRef, ok bool) {
	ref = fileRef{filePlace: at, kind: j.Get("type").Text(), medium: medium, name: textOf(j.Get("name"))}
	if ref.kind == "" && j.Get("file").Kind() == '{' { // attachments have no type
		ref.kind = "file"
	}
	if ref.kind != "file" && ref.kind != "external" {
		return ref, false
	}
	url := j.Get(ref.kind).Get("url")
	if url.Kind() != '"' {
		return ref, false
	}
	if ref.url = url.Text(); ref.hosted() {
		ref.url = string(unsigned([]byte(ref.url)))
	}
	return ref, true
}

// pageFiles yields the references of a page object: its icon, its cover, and the
// files in its properties.
func pageFiles(id string, page notion.JSON) iter.Seq[fileRef] {
	return func(yield func(fileRef) bool) {
		for _, source := range []string{fileIsIcon, fileIsCover} {
			if ref, ok := fileOf(page.Get(source), filePlace{page: id, source: source}, true); ok && !yield(ref) {
				return
			}
		}
		for _, property := range page.Get("properties").Fields() {
			if property.Get("type").Text() != "files" {
				continue
			}
			at := filePlace{page: id, property: decodeID(property.Get("id").Text()), source: fileInProperty}
			for file := range property.Get("files").Elems() {
				if ref, ok := fileOf(file, at, false); ok && !yield(ref) {
					return
				}
				at.position++
			}
		}
	}
}

// blockFiles yields the references of a block: the file that it is, and its icon.
func blockFiles(page string, b notion.JSON) iter.Seq[fileRef] {
	return func(yield func(fileRef) bool) {
		typ := b.Get("type").Text()
		payload := b.Get(typ)
		at := filePlace{page: page, block: b.Get("id").Text(), source: fileInBlock}
		if ref, ok := fileOf(payload, at, typ != "file"); ok && !yield(ref) {
			return
		}
		at.source = fileIsIcon
		if ref, ok := fileOf(payload.Get("icon"), at, true); ok {
			yield(ref)
		}
	}
}

// commentFiles yields the attachments of a comment.
func commentFiles(page string, comment notion.JSON) iter.Seq[fileRef] {
	return func(yield func(fileRef) bool) {
		at := filePlace{page: page, comment: comment.Get("id").Text(), source: fileInComment}
		if p := parentRefOf(comment); p.typ == parentBlock {
			at.block = p.id.String()
		}
		for a := range comment.Get("attachments").Elems() {
			if ref, ok := fileOf(a, at, false); ok && !yield(ref) {
				return
			}
			at.position++
		}
	}
}

// textFiles yields the references of what is in and on a page.
func textFiles(page string, t *pageText) iter.Seq[fileRef] {
	return func(yield func(fileRef) bool) {
		comments := func(list []notion.JSON) bool {
			for _, c := range list {
				for ref := range commentFiles(page, c) {
					if !yield(ref) {
						return false
					}
				}
			}
			return true
		}
		if each(t.blocks, func(b *block) bool {
			for ref := range blockFiles(page, b.raw) {
				if !yield(ref) {
					return false
				}
			}
			return comments(b.comments)
		}) {
			comments(t.comments)
		}
	}
}

// A signatures holds, by the URLs of Notion's files as they are kept, the URLs
// with which they can be fetched for an hour. It is safe for concurrent use; a nil
// one takes nothing in.
type signatures struct {
	mu   sync.Mutex
	urls map[string]string
}

// collect takes in the signed URLs in an object as Notion gave it.
func (s *signatures) collect(j notion.JSON) {
	if s == nil || !bytes.Contains(j, expiryMark) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.urls == nil {
		s.urls = map[string]string{}
	}
	s.walk(j)
}

func (s *signatures) walk(j notion.JSON) {
	switch j.Kind() {
	case '[':
		for item := range j.Elems() {
			s.walk(item)
		}
	case '{':
		if url := j.Get("url"); url.Kind() == '"' && j.Get("expiry_time") != nil {
			signed := url.Text()
			s.urls[string(unsigned([]byte(signed)))] = signed
			return
		}
		for _, value := range j.Fields() {
			if c := value.Kind(); c == '{' || c == '[' {
				s.walk(value)
			}
		}
	}
}

// of is the signed URL of a reference, "" where it is not known.
func (s *signatures) of(ref fileRef) string {
	if !ref.hosted() {
		return ref.url
	}
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.urls[ref.url]
}

// fileID is in the path of a URL of Notion's that names one content for ever:
// /<workspace>/<file>/<name>, both UUIDs.
var fileID = regexp.MustCompile(`/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[^/]+$`)

// namesContent reports whether a reference's URL is that of one content for ever.
func (r fileRef) namesContent() bool { return r.hosted() && fileID.MatchString(r.url) }
