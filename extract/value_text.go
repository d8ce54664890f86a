package extract

import (
	"bytes"

	"github.com/notionlake/notionlake/lake"
)

// stringValue reads a string or null.
func stringValue(d *decoder, i int) (lake.Value, int) {
	if d.b[i] != '"' {
		return d.nothing(i, "a text")
	}
	s, end := d.str(i)
	return lake.TextBytes(s), end
}

// plainStyle is how nearly all runs are annotated.
var plainStyle = []byte(`{"bold":false,"italic":false,"strikethrough":false,"underline":false,"code":false,"color":"default"}`)

// What Notion writes around the content of a plain run, which is its plain text.
const (
	runStart = `{"type":"text","text":{"content":"`
	runEnd   = `,"href":null}`
)

var runMiddle = []byte(`,"link":null},"annotations":` + string(plainStyle) + `,"plain_text":`)

// plainRun reads the run at i if it is written in that way; ok is false if not.
func plainRun(d *decoder, i int) (s []byte, end int, ok bool) {
	if !has(d.b, i, runStart) {
		return nil, 0, false
	}
	at := i + len(runStart) - 1
	end = stringEnd(d.b, at)
	content := d.b[at:end]
	if !bytes.HasPrefix(d.b[end:], runMiddle) {
		return nil, 0, false
	}
	at = end + len(runMiddle)
	if !bytes.HasPrefix(d.b[at:], content) {
		return nil, 0, false
	}
	if end = at + len(content); !has(d.b, end, runEnd) {
		return nil, 0, false
	}
	return d.unquote(at, end), end + len(runEnd), true
}

// textValue reads the runs of a title or rich text and joins them.
func textValue(d *decoder, i int) (lake.Value, int) {
	d.runs = 0
	if d.b[i] != '[' {
		return d.nothing(i, "a list of text runs")
	}
	at, ok := element(d.b, i+1)
	if !ok {
		return lake.TextValue(""), at
	}
	first, at := runText(d, at)
	at, ok = element(d.b, at)
	if !ok {
		return lake.TextBytes(first), at
	}
	// The runs that hold escapes lie in the arena too, so the joined text is
	// built beside it and comes to it at the end.
	joined := append(d.joined[:0], first...)
	for ok {
		var s []byte
		s, at = runText(d, at)
		joined = append(joined, s...)
		at, ok = element(d.b, at)
	}
	d.joined = joined
	n := len(d.text)
	d.text = append(d.text, joined...)
	return lake.TextBytes(d.text[n:len(d.text):len(d.text)]), at
}

// runText reads one run of rich text.
func runText(d *decoder, i int) (s []byte, end int) {
	if d.b[i] != '{' {
		_, end = d.fail(i, "a text run")
		return nil, end
	}
	if s, end, ok := plainRun(d, i); ok {
		return s, end
	}
	for key, at := member(d.b, i+1); ; key, at = member(d.b, end) {
		switch string(key) {
		case "":
			if key == nil {
				return s, at
			}
			end = skip(d.b, at)
		case "plain_text":
			if d.b[at] != '"' {
				_, end = d.nothing(at, "a text")
				continue
			}
			s, end = d.str(at)
		case "annotations":
			if bytes.HasPrefix(d.b[at:], plainStyle) {
				end = at + len(plainStyle)
			} else {
				end = skip(d.b, at)
			}
		case "mention":
			end = mention(d, at)
		default:
			end = skip(d.b, at)
		}
	}
}

// mention counts a mention and tells of the user that it names.
func mention(d *decoder, i int) (end int) {
	typ, at, end := typed(d.b, i)
	if at < 0 {
		return end
	}
	switch string(typ) {
	case "user":
		d.runs++
		if d.b[at] == '{' {
			readUser(d, at)
		}
	case "page", "database":
		d.runs++
	}
	return end
}

// How Notion writes an option, and a reference.
const (
	idMember    = `{"id":"`
	optionName  = `,"name":"`
	optionColor = `,"color":"`
)

// optionValue reads the name of a select or status option.
func optionValue(d *decoder, i int) (lake.Value, int) {
	if has(d.b, i, idMember) {
		if end := stringEnd(d.b, i+len(idMember)-1); has(d.b, end, optionName) {
			at := end + len(optionName) - 1
			if end = stringEnd(d.b, at); has(d.b, end, optionColor) {
				if next := stringEnd(d.b, end+len(optionColor)-1); d.b[next] == '}' {
					return lake.TextBytes(d.unquote(at, end)), next + 1
				}
			}
		}
	}
	return d.field(i, "name", "an option")
}

// field reads the member name, a string or null, of an object.
func (d *decoder) field(i int, name, want string) (lake.Value, int) {
	if d.b[i] != '{' {
		return d.nothing(i, want)
	}
	s, end := d.member(i, name)
	return textOrNull(s), end
}

// member reads the member name of the object at i: nil where it is no string.
func (d *decoder) member(i int, name string) (s []byte, end int) {
	end = i + 1
	for key, at := member(d.b, end); ; key, at = member(d.b, end) {
		if key == nil {
			return s, at
		}
		if string(key) == name {
			s, end = d.optional(at)
		} else {
			end = skip(d.b, at)
		}
	}
}

// optional reads a string; nil for any other value.
func (d *decoder) optional(i int) (s []byte, end int) {
	if d.b[i] != '"' {
		return nil, skip(d.b, i)
	}
	return d.str(i)
}

// optionsValue reads the names of a multi_select.
func optionsValue(d *decoder, i int) (lake.Value, int) {
	return d.each(i, func(d *decoder, i int) int {
		v, end := optionValue(d, i)
		d.stack = append(d.stack, v)
		return end
	})
}

// relationValue reads the page IDs of a relation.
func relationValue(d *decoder, i int) (lake.Value, int) {
	return d.each(i, func(d *decoder, i int) int {
		if has(d.b, i, idMember) {
			at := i + len(idMember) - 1
			if end := stringEnd(d.b, at); d.b[end] == '}' {
				d.stack = append(d.stack, lake.TextBytes(d.unquote(at, end)))
				return end + 1
			}
		}
		v, end := d.field(i, "id", "a reference")
		d.stack = append(d.stack, v)
		return end
	})
}

// uniqueIDValue reads a unique_id as Notion shows it: AB-3, or 3.
func uniqueIDValue(d *decoder, i int) (lake.Value, int) {
	if d.b[i] != '{' {
		return d.nothing(i, "a unique id")
	}
	var prefix, number []byte
	end := i + 1
	for key, at := member(d.b, end); ; key, at = member(d.b, end) {
		if key == nil {
			end = at
			break
		}
		end = skip(d.b, at)
		switch {
		case string(key) == "prefix" && d.b[at] == '"':
			prefix, _ = d.str(at)
		case string(key) == "number" && d.b[at] != 'n':
			number = d.b[at:end]
		}
	}
	switch {
	case number == nil:
		return lake.Value{}, end
	case len(prefix) == 0:
		return lake.TextBytes(number), end
	}
	n := len(d.text)
	d.text = append(append(append(d.text, prefix...), '-'), number...)
	return lake.TextBytes(d.text[n:len(d.text):len(d.text)]), end
}

// jsonValue keeps a value as JSON.
func jsonValue(d *decoder, i int) (lake.Value, int) {
	if d.b[i] == 'n' {
		return lake.Value{}, i + len("null")
	}
	end := skip(d.b, i)
	return d.json(i, end), end
}

// json is d.b[i:end] as JSON, without the signatures of hosted files.
func (d *decoder) json(i, end int) lake.Value {
	if !bytes.Contains(d.b[i:end], expiryMark) {
		return lake.JSONBytes(d.b[i:end])
	}
	n := len(d.text)
	d.text, _ = appendClean(d.text, d.b, i, false)
	return lake.JSONBytes(d.text[n:len(d.text):len(d.text)])
}

// unknownValue is jsonValue of a type that this program does not know.
func unknownValue(d *decoder, i int) (lake.Value, int) {
	v, end := jsonValue(d, i)
	if !v.IsNull() {
		d.note(notedType)
	}
	return v, end
}
