package truth

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones must not depend on the machine
)

// dateTime is a date, or a date and time with or without an offset.
var dateTime = regexp.MustCompile(`^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(Z|[+-]\d{2}:\d{2})?)?$`)

// date is the struct of a date value.
func date(tree any) any {
	o, ok := tree.(object)
	if !ok {
		return nil
	}
	end, _ := instant(o["end"], o["time_zone"])
	if o["start"] == nil {
		if end == nil {
			return nil
		}
		return object{"start": nil, "end": end, "date_only": nil, "time_zone": nil}
	}
	start, offset := instant(o["start"], o["time_zone"])
	if start == nil {
		return nil
	}
	only := !strings.Contains(o["start"].(string), "T")
	zone := o["time_zone"]
	switch {
	case only:
		zone = nil
	case zone == nil && offset != "":
		zone = offset
	}
	return object{"start": start, "end": end, "date_only": only, "time_zone": zone}
}

// instant is a cell of type timestamptz and the offset as it was written.
func instant(tree, zone any) (cell any, offset string) {
	s, ok := tree.(string)
	if !ok {
		return nil, ""
	}
	f := dateTime.FindStringSubmatch(s)
	if f == nil {
		return nil, ""
	}
	var n [6]int
	for i := range n {
		n[i], _ = strconv.Atoi(f[i+1]) // digits by the expression, or empty and 0
	}
	if n[3] > 23 || n[4] > 59 || n[5] > 59 {
		return nil, ""
	}
	micros, _ := strconv.Atoi((f[7] + "000000")[:6])
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], micros*1000, time.UTC)
	if y, m, d := t.Date(); y != n[0] || int(m) != n[1] || d != n[2] {
		return nil, ""
	}
	offset = f[8]
	switch {
	case f[4] == "" || offset == "Z":
	case offset != "":
		hours, _ := strconv.Atoi(offset[1:3])
		minutes, _ := strconv.Atoi(offset[4:])
		east := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
		if offset[0] == '+' {
			east = -east
		}
		t = t.Add(east)
	case zone != nil:
		name, _ := zone.(string)
		if t, ok = local(t, name); !ok {
			return nil, ""
		}
	}
	if t.Year() < 1 || t.Year() > 9999 {
		return nil, ""
	}
	return stamp(t), offset
}

// local is the instant at which clocks of the zone showed t. Of two the earlier
// one; where they skipped it, as if they had not been put forward yet.
func local(t time.Time, zone string) (time.Time, bool) {
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "Local" {
		return t, false
	}
	east := func(at time.Time) time.Duration {
		_, seconds := at.In(loc).Zone()
		return time.Duration(seconds) * time.Second
	}
	before, after := east(t.Add(-26*time.Hour)), east(t.Add(26*time.Hour))
	first, second := t.Add(-before), t.Add(-after)
	if second.Before(first) {
		first, second = second, first
	}
	for _, at := range []time.Time{first, second} {
		if at.Add(east(at)).Equal(t) {
			return at, true
		}
	}
	return t.Add(-before), true
}

func stamp(t time.Time) any { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
