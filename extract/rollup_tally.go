package extract

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/notionlake/notionlake/extract/notion"
)

// A rollupTally computes one rollup of one page: it is given the values of the
// related pages one after the other, in the relation's order.
type rollupTally struct {
	rollup, target *property
	failed         bool // a value is not known, so the rollup is not
	d              decoder

	pages, filled, checked, values int
	numbers                        []float64
	sum                            float64
	first, last                    rolledValue // dates
	seen                           map[string]bool
	list                           []byte
}

func newRollupTally(rollup, target *property) *rollupTally {
	return &rollupTally{rollup: rollup, target: target, seen: map[string]bool{}}
}

// add adds the value of a related page.
func (t *rollupTally) add(raw notion.JSON) {
	t.pages++
	if t.rollup.function == "show_original" {
		t.show(raw)
		return
	}
	v := readRolled(&t.d, t.target.typ, raw)
	if v.unknown && t.rollup.function != "count" {
		t.failed = true
		return
	}
	if t.rollup.function == "show_unique" {
		if key := string(raw); !v.empty() && !t.seen[key] {
			t.seen[key] = true
			t.show(raw)
		}
		return
	}
	t.values += len(v.keys)
	if !v.empty() {
		t.filled++
	}
	if v.check {
		t.checked++
	}
	if t.rollup.function == "unique" {
		for _, key := range v.keys {
			t.seen[key] = true
		}
	}
	if v.numeric {
		t.numbers = append(t.numbers, v.number)
		t.sum += v.number
	}
	if v.date != nil {
		if t.first.date == nil || v.start < t.first.start {
			t.first = v.kept()
		}
		if t.last.date == nil || v.end > t.last.end {
			t.last = v.kept()
		}
	}
}

// kept is the date of v, which shares no memory with the page.
func (v *rolledValue) kept() rolledValue {
	return rolledValue{date: slices.Clone(v.date), start: v.start, end: v.end}
}

// show appends an element to the list, in the form that pages have it in.
func (t *rollupTally) show(raw notion.JSON) {
	if len(t.list) > 0 {
		t.list = append(t.list, ',')
	}
	t.list = append(t.list, `{"type":`...)
	t.list = appendQuoted(t.list, t.target.typ)
	t.list = append(t.list, ',')
	t.list = appendQuoted(t.list, t.target.typ)
	t.list = append(t.list, ':')
	t.list = append(append(t.list, raw...), '}')
}

// result is the rollup as Notion writes it in a page.
func (t *rollupTally) result() notion.JSON {
	typ, value := "number", []byte("null")
	number := func(f float64) {
		if !math.IsNaN(f) && !math.IsInf(f, 0) {
			value = appendDouble(nil, f)
		}
	}
	count := func(n int) { value = strconv.AppendInt(nil, int64(n), 10) }
	share := func(n int) {
		if t.pages > 0 {
			number(float64(n) / float64(t.pages))
		}
	}
	switch t.rollup.function {
	case "count":
		count(t.pages)
	case "count_values":
		count(t.values)
	case "unique":
		count(len(t.seen))
	case "empty":
		count(t.pages - t.filled)
	case "not_empty":
		count(t.filled)
	case "percent_empty":
		share(t.pages - t.filled)
	case "percent_not_empty":
		share(t.filled)
	case "checked":
		count(t.checked)
	case "unchecked":
		count(t.pages - t.checked)
	case "percent_checked":
		share(t.checked)
	case "percent_unchecked":
		share(t.pages - t.checked)
	case "sum":
		number(t.sum)
	case "average", "median", "min", "max", "range":
		if len(t.numbers) > 0 {
			number(t.arithmetic())
		}
	case "earliest_date", "latest_date", "date_range":
		if typ = "date"; t.first.date != nil {
			value = t.date()
		}
	case "show_original", "show_unique":
		typ, value = "array", append(append([]byte{'['}, t.list...), ']')
	}
	out := append(notion.JSON(`{"type":"`), typ...)
	out = append(append(out, `","`...), typ...)
	out = append(append(out, `":`...), value...)
	out = append(out, `,"function":`...)
	return append(appendQuoted(out, t.rollup.function), '}')
}

func (t *rollupTally) arithmetic() float64 {
	if t.rollup.function == "average" {
		return t.sum / float64(len(t.numbers))
	}
	slices.Sort(t.numbers)
	low, high := t.numbers[0], t.numbers[len(t.numbers)-1]
	switch t.rollup.function {
	case "min":
		return low
	case "max":
		return high
	case "range":
		return high - low
	}
	n := len(t.numbers)
	return (t.numbers[(n-1)/2] + t.numbers[n/2]) / 2
}

// date is the earliest or latest date, as it is written, or the span of all.
func (t *rollupTally) date() []byte {
	switch t.rollup.function {
	case "earliest_date":
		return t.first.date
	case "latest_date":
		return t.last.date
	}
	start, zone := t.first.date.Get("start"), t.first.date.Get("time_zone")
	end, endZone := t.last.date.Get("end"), t.last.date.Get("time_zone")
	if end.IsNull() {
		end = t.last.date.Get("start")
	}
	if zone.Text() != endZone.Text() { // of two zones: both ends in UTC
		start, end, zone = utcText(t.first.start), utcText(t.last.end), nil
	}
	if zone.IsNull() {
		zone = notion.JSON("null")
	}
	span := append([]byte(`{"start":`), start...)
	span = append(append(span, `,"end":`...), end...)
	return append(append(append(span, `,"time_zone":`...), zone...), '}')
}

// utcText is an instant as Notion writes it.
func utcText(micros int64) notion.JSON {
	return notion.JSON(`"` + time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000000+00:00") + `"`)
}
