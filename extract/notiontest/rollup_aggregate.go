package notiontest

import (
	"slices"
	"time"
)

// aggregate sets what the function of v makes of the cells. Sums run in double
// arithmetic in the relation's order. What would be a division by zero is null.
func aggregate(v *RollupValue, cells []cell) {
	v.Type = "number"
	switch v.Function {
	case "count":
		v.Number = count(len(cells))
	case "count_values":
		n := 0
		for _, c := range cells {
			n += len(c.keys)
		}
		v.Number = count(n)
	case "unique":
		v.Number = count(distinct(cells))
	case "empty":
		v.Number = count(countIf(cells, cell.empty))
	case "not_empty":
		v.Number = count(len(cells) - countIf(cells, cell.empty))
	case "percent_empty":
		v.Number = share(countIf(cells, cell.empty), len(cells))
	case "percent_not_empty":
		v.Number = share(len(cells)-countIf(cells, cell.empty), len(cells))
	case "checked":
		v.Number = count(countIf(cells, checked))
	case "unchecked":
		v.Number = count(len(cells) - countIf(cells, checked))
	case "percent_checked":
		v.Number = share(countIf(cells, checked), len(cells))
	case "percent_unchecked":
		v.Number = share(len(cells)-countIf(cells, checked), len(cells))
	case "count_per_group":
		v.Number = count(countIf(cells, complete))
	case "percent_per_group":
		v.Number = share(countIf(cells, complete), len(cells))
	case "sum", "average", "median", "min", "max", "range":
		v.Number = arithmetic(v.Function, cells)
	case "earliest_date", "latest_date", "date_range":
		v.Type = "date"
		v.Date = dates(v.Function, cells)
	default:
		v.Type = "unsupported"
	}
}

func checked(c cell) bool { return c.check }

// complete: of the groups of a status, the API counts the last.
func complete(c cell) bool { return c.grouped && c.group == 2 }

func countIf(cells []cell, is func(cell) bool) int {
	n := 0
	for _, c := range cells {
		if is(c) {
			n++
		}
	}
	return n
}

// share is the fraction, which Notion shows as percent.
func share(n, of int) Number {
	if of == 0 {
		return ""
	}
	return number(float64(n) / float64(of))
}

func arithmetic(function string, cells []cell) Number {
	var all []float64
	sum := 0.0
	for _, c := range cells {
		if c.numeric {
			all = append(all, c.number)
			sum += c.number
		}
	}
	if function == "sum" {
		return number(sum)
	}
	if len(all) == 0 {
		return ""
	}
	if function == "average" {
		return number(sum / float64(len(all)))
	}
	slices.Sort(all)
	first, last := all[0], all[len(all)-1]
	switch function {
	case "min":
		return number(first)
	case "max":
		return number(last)
	case "range":
		return number(last - first)
	}
	return number((all[(len(all)-1)/2] + all[len(all)/2]) / 2)
}

// dates finds the whole date that starts first or ends last, or the span of all.
func dates(function string, cells []cell) *Date {
	var first, last *Date
	var from, to time.Time
	for _, c := range cells {
		if c.date == nil {
			continue
		}
		start, end := instants(*c.date)
		if first == nil || start.Before(from) {
			first, from = c.date, start
		}
		if last == nil || end.After(to) {
			last, to = c.date, end
		}
	}
	switch {
	case first == nil || function == "earliest_date":
		return first
	case function == "latest_date":
		return last
	}
	span := Date{Start: first.Start, End: last.End, TimeZone: first.TimeZone}
	setText(&span.End, last.Start)
	if first.TimeZone != last.TimeZone {
		const layout = "2006-01-02T15:04:05.000+00:00"
		span = Date{Start: from.UTC().Format(layout), End: to.UTC().Format(layout)}
	}
	return &span
}
