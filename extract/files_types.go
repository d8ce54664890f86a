package extract

import (
	"errors"
	"path"
	"strings"
)

// A fileReason says why there is no copy of a file, or only that of an earlier
// load (_files.reason).
type fileReason string

const (
	fileBlocked     fileReason = "blocked"     // the URL leads to an address that is not asked
	fileTooLarge    fileReason = "too_large"   // content.files.max_size
	fileOtherType   fileReason = "type"        // content.files.types, or a page about a medium in place of it
	fileNotFound    fileReason = "not_found"   // it is not there any more
	fileRefused     fileReason = "refused"     // the server does not give it
	fileUnreachable fileReason = "unreachable" // no whole answer after all attempts
	fileInvalid     fileReason = "invalid_url"
)

// kind is the kind of the row of _problems.
func (r fileReason) kind() ProblemKind {
	switch r {
	case fileBlocked:
		return KindFileBlocked
	case fileTooLarge:
		return KindFileTooLarge
	case fileOtherType:
		return KindFileType
	default:
		return KindFile
	}
}

// ParseFileType checks what Files.Types may hold: a MIME type with * and ? in it
// (image/*), or one word: the first part of types (image) or the second (pdf).
func ParseFileType(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	_, err := path.Match(s, "")
	first, second, parts := strings.Cut(s, "/")
	if err != nil || first == "" || parts && second == "" || strings.HasPrefix(s, ".") || strings.Count(s, "/") > 1 || strings.ContainsAny(s, " ;,") {
		return "", errors.New("a MIME type (application/pdf), one with * in it (image/*) or a word of it (image, pdf) is expected")
	}
	return s, nil
}

// wantsType reports whether a MIME type is one of those that are to be copied.
func wantsType(types []string, contentType string) bool {
	if types == nil {
		return true
	}
	first, second, _ := strings.Cut(contentType, "/")
	for _, t := range types {
		if !strings.Contains(t, "/") {
			if t == first || t == second {
				return true
			}
			continue
		}
		if ok, _ := path.Match(t, contentType); ok { // the pattern was checked
			return true
		}
	}
	return false
}

// isPageAbout reports whether what a URL gave is a web page where a medium was
// expected: what people paste into such a block is often the page that shows it.
func isPageAbout(medium bool, contentType string) bool {
	return medium && (contentType == "text/html" || contentType == "application/xhtml+xml")
}

// extensionOf is what the name of a copy ends with, by that of the file.
func extensionOf(names ...string) string {
	for _, name := range names {
		ext := strings.ToLower(path.Ext(name))
		if len(ext) >= 2 && len(ext) <= 9 && strings.Trim(ext[1:], "abcdefghijklmnopqrstuvwxyz0123456789") == "" && ext != ".tmp" {
			return ext
		}
	}
	return ""
}
