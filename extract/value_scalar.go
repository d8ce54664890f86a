package extract

import (
	"time"

	"github.com/notionlake/notionlake/lake"
)

// numberValue reads a number or null.
func numberValue(d *decoder, i int) (lake.Value, int) {
	if c := d.b[i]; c != '-' && c-'0' > 9 {
		return d.nothing(i, "a number")
	}
	end := skip(d.b, i)
	f, exact, ok := parseNumber(d.b[i:end])
	if !ok {
		d.note(notedNumberRange)
		return lake.Value{}, end
	}
	if !exact {
		d.note(notedInexact)
	}
	return lake.FloatValue(f), end
}

// boolValue reads true, false or null.
func boolValue(d *decoder, i int) (lake.Value, int) {
	switch d.b[i] {
	case 't':
		return lake.BoolValue(true), i + len("true")
	case 'f':
		return lake.BoolValue(false), i + len("false")
	}
	return d.nothing(i, "a boolean")
}

// timeValue reads a time or null.
func timeValue(d *decoder, i int) (lake.Value, int) {
	if d.b[i] != '"' {
		return d.nothing(i, "a time")
	}
	s, end := d.str(i)
	t, ok := parseISO(s)
	if !ok {
		d.note(notedDate)
		return lake.Value{}, end
	}
	return d.instant(t, nil), end
}

// instant is the instant of t, which is local time in the zone unless t has an
// offset itself; null and noted where no column may hold it.
func (d *decoder) instant(t isoTime, zone []byte) lake.Value {
	micros := t.utc()
	if len(zone) > 0 && !t.zoned && !t.dateOnly {
		loc := d.location(zone)
		if loc == nil {
			d.note(notedDate)
			return lake.Value{}
		}
		micros = resolve(t.micros, loc)
	}
	if !inRange(micros) {
		d.note(notedDate)
		return lake.Value{}
	}
	return lake.MicrosValue(micros)
}

// location is the time zone of an IANA name, nil if there is none of this name.
func (d *decoder) location(name []byte) *time.Location {
	loc, ok := d.zones[string(name)]
	if !ok {
		if d.zones == nil {
			d.zones = map[string]*time.Location{}
		}
		s := string(name)
		if s != "Local" { // which would be the time zone of this machine
			loc, _ = time.LoadLocation(s)
		}
		d.zones[s] = loc
	}
	return loc
}

// A dateParts is a date property as written; nil parts are null.
type dateParts struct{ start, end, zone []byte }

// How Notion writes a date.
const (
	dateStart = `{"start":"`
	dateEnd   = `,"end":null,"time_zone":null}`
)

// dateParts reads the object at i, which is one.
func (d *decoder) dateParts(i int) (p dateParts, end int) {
	end = i + 1
	if has(d.b, i, dateStart) {
		p.start, end = d.str(i + len(dateStart) - 1)
		if has(d.b, end, dateEnd) {
			return p, end + len(dateEnd)
		}
	}
	for key, at := member(d.b, end); ; key, at = member(d.b, end) {
		if key == nil {
			return p, at
		}
		if d.b[at] != '"' {
			end = skip(d.b, at)
			continue
		}
		switch string(key) {
		case "start":
			p.start, end = d.str(at)
		case "end":
			p.end, end = d.str(at)
		case "time_zone":
			p.zone, end = d.str(at)
		default:
			end = skip(d.b, at)
		}
	}
}

// dateValue reads a date: the struct of start, end, date_only and time_zone. An
// end that no column may hold is null; with such a start the whole date is.
func dateValue(d *decoder, i int) (lake.Value, int) {
	if d.b[i] != '{' {
		return d.nothing(i, "a date")
	}
	p, next := d.dateParts(i)
	var start, end, dateOnly, zone lake.Value
	if p.end != nil {
		if t, ok := parseISO(p.end); ok {
			end = d.instant(t, p.zone)
		} else {
			d.note(notedDate)
		}
	}
	if p.start == nil {
		return d.group(start, end, dateOnly, zone), next
	}
	t, ok := parseISO(p.start)
	if !ok {
		d.note(notedDate)
		return lake.Value{}, next
	}
	if start = d.instant(t, p.zone); start.IsNull() {
		return lake.Value{}, next
	}
	switch {
	case t.dateOnly:
	case len(p.zone) > 0:
		zone = lake.TextBytes(p.zone)
	case t.zoned:
		zone = lake.TextBytes(t.zone)
	}
	return d.group(start, end, lake.BoolValue(t.dateOnly), zone), next
}

// placeValue reads the struct of lat, lon, name and address.
func placeValue(d *decoder, i int) (lake.Value, int) {
	if d.b[i] != '{' {
		return d.nothing(i, "a place")
	}
	var lat, lon, name, address lake.Value
	end := i + 1
	for key, at := member(d.b, end); ; key, at = member(d.b, end) {
		switch string(key) {
		case "lat":
			lat, end = numberValue(d, at)
		case "lon":
			lon, end = numberValue(d, at)
		case "name":
			name, end = stringValue(d, at)
		case "address":
			address, end = stringValue(d, at)
		default:
			if key == nil {
				return d.group(lat, lon, name, address), at
			}
			end = skip(d.b, at)
		}
	}
}

// verificationValue reads the struct of state, verified_by, start and end.
func verificationValue(d *decoder, i int) (lake.Value, int) {
	if d.b[i] != '{' {
		return d.nothing(i, "a verification")
	}
	var state, by, start, until lake.Value
	end := i + 1
	for key, at := member(d.b, end); ; key, at = member(d.b, end) {
		switch string(key) {
		case "state":
			state, end = stringValue(d, at)
		case "verified_by":
			if d.b[at] != '{' {
				_, end = d.nothing(at, "a user")
				continue
			}
			var u userParts
			u, end = readUser(d, at)
			by = textOrNull(u.id)
		case "date":
			var date lake.Value
			if date, end = dateValue(d, at); !date.IsNull() {
				start, until = date.Items()[0], date.Items()[1]
			}
		default:
			if key == nil {
				return d.group(state, by, start, until), at
			}
			end = skip(d.b, at)
		}
	}
}

// textOrNull is the text s, null if s is nil.
func textOrNull(s []byte) lake.Value {
	if s == nil {
		return lake.Value{}
	}
	return lake.TextBytes(s)
}
