package extract

import "time"

// The instants that a column of dates may hold: 0001-01-01 to 9999-12-31 UTC.
const (
	minMicros = -62135596800 * 1e6
	maxMicros = 253402300800*1e6 - 1
)

// An isoTime is a date or a date-time as Notion writes them.
type isoTime struct {
	micros   int64 // the time as written, as if it were UTC
	dateOnly bool
	zoned    bool   // an offset or Z is written
	offset   int64  // in seconds east of UTC
	zone     []byte // the offset as written
}

// utc is the instant, where no time zone has a say.
func (t isoTime) utc() int64 { return t.micros - t.offset*1e6 }

// inRange reports whether a column may hold the instant.
func inRange(micros int64) bool { return micros >= minMicros && micros <= maxMicros }

// parseISO reads 2006-01-02, or a date with a time to the minute, second or any
// fraction of it (cut to microseconds), with an offset, Z or neither.
func parseISO(s []byte) (t isoTime, ok bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return t, false
	}
	year, month, day := digits(s[0:4]), digits(s[5:7]), digits(s[8:10])
	if year < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return t, false
	}
	t.micros = daysSince1970(year, month, day) * 86400 * 1e6
	if len(s) == 10 {
		t.dateOnly = true
		return t, true
	}
	if len(s) < 16 || (s[10] != 'T' && s[10] != 't' && s[10] != ' ') || s[13] != ':' {
		return t, false
	}
	hour, minute, second := digits(s[11:13]), digits(s[14:16]), int64(0)
	s = s[16:]
	if len(s) >= 3 && s[0] == ':' {
		second = digits(s[1:3])
		s = s[3:]
	}
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return t, false
	}
	t.micros += (hour*3600 + minute*60 + second) * 1e6
	if len(s) > 1 && s[0] == '.' {
		n := 1
		for scale := int64(1e5); n < len(s) && s[n]-'0' <= 9; n++ {
			t.micros += int64(s[n]-'0') * scale
			scale /= 10
		}
		if n == 1 {
			return t, false
		}
		s = s[n:]
	}
	if len(s) == 0 {
		return t, true
	}
	t.zoned, t.zone = true, s
	t.offset, ok = parseOffset(s)
	return t, ok
}

// parseOffset reads Z, +02:00, +0200 or +02, in seconds.
func parseOffset(s []byte) (seconds int64, ok bool) {
	if len(s) == 1 {
		return 0, s[0] == 'Z' || s[0] == 'z'
	}
	var hours, minutes int64
	switch {
	case s[0] != '+' && s[0] != '-':
		return 0, false
	case len(s) == 3:
		hours = digits(s[1:3])
	case len(s) == 5:
		hours, minutes = digits(s[1:3]), digits(s[3:5])
	case len(s) == 6 && s[3] == ':':
		hours, minutes = digits(s[1:3]), digits(s[4:6])
	default:
		return 0, false
	}
	if hours < 0 || hours > 23 || minutes < 0 || minutes > 59 {
		return 0, false
	}
	seconds = hours*3600 + minutes*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// digits reads decimal digits; -1 if there is anything else.
func digits(s []byte) int64 {
	n := int64(0)
	for _, c := range s {
		if c-'0' > 9 {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

func daysIn(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysSince1970 counts in the proleptic Gregorian calendar, years 0 to 9999.
func daysSince1970(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	year += 400 // so that no division below is of a negative number
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468 - 146097
}

// resolve returns the instant at which the clocks of loc show the local time
// wall. A time that occurs twice is the earlier instant; one that the clocks
// skip is moved forward by as much as they skip.
func resolve(wall int64, loc *time.Location) int64 {
	seconds := wall / 1e6
	if wall%1e6 < 0 {
		seconds--
	}
	// Offsets lie within a day, so the zone in force at wall is among those in
	// force from a day before until a day after wall, read as UTC.
	t := time.Unix(seconds-86400, 0).In(loc)
	_, offset := t.Zone()
	before := int64(offset)
	for {
		_, end := t.ZoneBounds()
		instant := seconds - before
		if end.IsZero() || instant < end.Unix() {
			return wall - before*1e6
		}
		_, offset := end.Zone()
		after := int64(offset)
		if seconds-after < end.Unix() {
			return wall - before*1e6 // in the gap: by the offset before it
		}
		t, before = end, after
	}
}
