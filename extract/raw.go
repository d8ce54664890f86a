package extract

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

var (
	// expiryMark is a member that a raw object is kept without; searched for
	// without its first letter, which the search would stop at too often.
	expiryMark  = []byte(`xpiry_time"`)
	hostedStart = []byte(`{"url":"`)
)

// appendRaw appends the object b as Notion gave it, in one line, without what is
// new with every read: request_id, and of files that Notion hosts expiry_time
// and the query and fragment of the url. Numbers, the order of members and
// members that are not known stay as they are. Nothing is copied where nothing
// is left out: raw is then b itself.
// requested says that b has a request_id.
func appendRaw(dst, b []byte, requested bool) (raw, newDst []byte) {
	if requested || spaced(b) {
		n := len(dst)
		dst, _ = appendClean(dst, b, skipBlank(b, 0), true)
		return dst[n:], dst
	}
	if !bytes.Contains(b, expiryMark) {
		return b, dst
	}
	n, from := len(dst), 0
	for {
		k := bytes.Index(b[from:], expiryMark)
		if k < 0 {
			dst = append(dst, b[from:]...)
			return dst[n:], dst
		}
		start := bytes.LastIndex(b[from:from+k], hostedStart)
		end, ok := 0, false
		if start >= 0 {
			start += from
			dst = append(dst, b[from:start]...)
			dst, end, ok = appendHosted(dst, b, start, from+k)
		}
		if !ok {
			dst, _ = appendClean(dst[:n], b, 0, true)
			return dst[n:], dst
		}
		from = end
	}
}

// spaced reports whether the object is written with blanks between its parts,
// which its first member tells.
func spaced(b []byte) bool {
	if b[0] != '{' || b[1] <= ' ' || bytes.IndexByte(b, '\n') >= 0 {
		return true
	}
	if b[1] == '}' {
		return false
	}
	end := stringEnd(b, 1)
	return b[end] != ':' || b[end+1] <= ' '
}

// appendHosted appends the hosted file {"url":..,"expiry_time":..} at b[i], whose
// expiry_time must be at mark; false where the object is not of this form.
func appendHosted(dst, b []byte, i, mark int) (newDst []byte, end int, ok bool) {
	url := i + len(hostedStart) - 1
	urlEnd := stringEnd(b, url)
	if urlEnd+3 != mark || b[urlEnd] != ',' || b[urlEnd+1] != '"' || b[urlEnd+2] != 'e' {
		return dst, 0, false
	}
	at := mark + len(expiryMark)
	if b[at] != ':' {
		return dst, 0, false
	}
	end = skip(b, at+1)
	dst = append(dst, b[i:url]...)
	return appendUnsigned(dst, b[url:urlEnd]), end, true
}

// appendUnsigned appends the JSON string of a URL without query and fragment.
func appendUnsigned(dst, literal []byte) []byte {
	if bytes.IndexByte(literal, '\\') < 0 {
		if n := bytes.IndexAny(literal, "?#"); n >= 0 {
			return append(append(dst, literal[:n]...), '"')
		}
		return append(dst, literal...)
	}
	url, _ := jsontext.AppendUnquote(nil, literal) // its error speaks of U+FFFD only
	dst, _ = jsontext.AppendQuote(dst, unsigned(url))
	return dst
}

// appendClean is appendRaw for any object: it copies value by value.
func appendClean(dst, b []byte, i int, top bool) (newDst []byte, end int) {
	switch b[i] {
	case '[':
		dst = append(dst, '[')
		at, ok := element(b, i+1)
		for n := 0; ok; n++ {
			if n > 0 {
				dst = append(dst, ',')
			}
			dst, at = appendClean(dst, b, at, false)
			at, ok = element(b, at)
		}
		return append(dst, ']'), at
	case '{':
		hosted := hasMember(b, i, "expiry_time")
		dst = append(dst, '{')
		end = i + 1
		for n := 0; ; {
			key, at := member(b, end)
			if key == nil {
				return append(dst, '}'), at
			}
			if string(key) == "expiry_time" || top && string(key) == "request_id" {
				end = skip(b, at)
				continue
			}
			if n++; n > 1 {
				dst = append(dst, ',')
			}
			dst = append(append(append(dst, '"'), key...), `":`...)
			if hosted && string(key) == "url" && b[at] == '"' {
				end = stringEnd(b, at)
				dst = appendUnsigned(dst, b[at:end])
				continue
			}
			dst, end = appendClean(dst, b, at, false)
		}
	}
	end = skip(b, i)
	return append(dst, b[i:end]...), end
}

// hasMember reports whether the object at b[i] has the member name.
func hasMember(b []byte, i int, name string) bool {
	for key, at := member(b, i+1); key != nil; key, at = member(b, skip(b, at)) {
		if string(key) == name {
			return true
		}
	}
	return false
}

func skipBlank(b []byte, i int) int {
	for b[i] <= ' ' {
		i++
	}
	return i
}
