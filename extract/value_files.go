package extract

import (
	"bytes"

	"github.com/notionlake/notionlake/lake"
)

// A fileParts is a file, an icon or a cover; nil parts are null.
type fileParts struct {
	typ, name []byte
	text      []byte // where it is, the emoji, or the name of a native icon
}

// readFile reads the file, icon or cover object at i.
func readFile(d *decoder, i int) (f fileParts, end int) {
	end = i + 1
	for key, at := member(d.b, end); ; key, at = member(d.b, end) {
		switch string(key) {
		case "type":
			f.typ, end = d.optional(at)
		case "name":
			f.name, end = d.optional(at)
		case "emoji":
			f.text, end = d.optional(at)
		case "external", "file", "custom_emoji", "icon":
			if d.b[at] != '{' {
				end = skip(d.b, at)
				continue
			}
			if string(key) == "icon" {
				f.text, end = d.member(at, "name")
				continue
			}
			f.text, end = d.member(at, "url")
			if string(key) != "external" {
				f.text = unsigned(f.text)
			}
		default:
			if key == nil {
				return f, at
			}
			end = skip(d.b, at)
		}
	}
}

// unsigned cuts a URL of Notion's before its query and fragment: they are a
// signature that is new with every read.
func unsigned(url []byte) []byte {
	if n := bytes.IndexAny(url, "?#"); n >= 0 {
		return url[:n]
	}
	return url
}

// filesValue reads a list of files; what is known of their copies is not Notion's.
func filesValue(d *decoder, i int) (lake.Value, int) {
	return d.each(i, func(d *decoder, i int) int {
		if d.b[i] != '{' {
			v, end := d.nothing(i, "a file")
			d.stack = append(d.stack, v)
			return end
		}
		f, end := readFile(d, i)
		var sum, path lake.Value
		if len(d.copies) > 0 {
			if c, ok := d.copies[cellKey(string(f.typ), string(f.text))]; ok {
				sum, path = lake.TextValue(c.sum), lake.TextValue(c.uri)
			}
		}
		d.stack = append(d.stack, d.group(textOrNull(f.name), textOrNull(f.text), textOrNull(f.typ), sum, path))
		return end
	})
}

// fileURLsValue reads where files are.
func fileURLsValue(d *decoder, i int) (lake.Value, int) {
	return d.each(i, func(d *decoder, i int) int {
		if d.b[i] != '{' {
			v, end := d.nothing(i, "a file")
			d.stack = append(d.stack, v)
			return end
		}
		f, end := readFile(d, i)
		d.stack = append(d.stack, textOrNull(f.text))
		return end
	})
}

// iconValue reads an icon or cover: the emoji, the name of a native icon, or
// the URL without its signature.
func iconValue(d *decoder, i int) (lake.Value, int) {
	if d.b[i] != '{' {
		return d.nothing(i, "an icon")
	}
	f, end := readFile(d, i)
	return textOrNull(f.text), end
}
