package notion

import (
	"errors"
	"slices"
	"time"
)

// readMinute reads the rows that were created in the minute from m on, which
// are more than one query gives. seen holds those of them that came so far.
//
// They are read from the other end first, then in parts that together are all
// of them: by the number of a unique_id property, or by what does and what does
// not have a character in its title, divided further and further. The minute is
// whole when no part was cut off and every row that was ever seen in it was seen
// in the parts too, which shows that the parts leave nothing out: but for a row that got
// another title meanwhile, and went from a part that was to be read to one that had been.
// So what was edited since is read at last.
func (r *rows) readMinute(m time.Time, seen *idSet) (whole bool, err error) {
	minute := []any{created("on_or_after", m), created("before", m.Add(time.Minute))}
	if _, err := r.part(and(minute...), byCreation(descending), seen, false); err != nil {
		return false, err
	}
	uniqueID, title, err := r.dividers()
	if err != nil {
		return false, err
	}
	if uniqueID != "" {
		var parts idSet
		if whole, err = r.readByNumber(minute, uniqueID, &parts); err != nil || whole && seen.within(&parts, noEnd) {
			return whole, err
		}
	}
	began := r.c.now().Add(r.c.Stats().Skew).UTC().Truncate(time.Minute).Add(-time.Minute)
	var parts idSet
	if whole, err = r.readByTitle(minute, title, titleCharacters, &parts); err != nil {
		return false, err
	}
	if !whole || !seen.within(&parts, noEnd) {
		return false, nil
	}
	if next := m.Add(time.Minute); began.Before(next) { // as they were made, rows were edited too
		began = next
	}
	since := fields{"timestamp": "last_edited_time", "last_edited_time": fields{"on_or_after": began.Format(time.RFC3339)}}
	cutOff, err := r.part(and(append(minute, since)...), byCreation(ascending), &parts, false)
	return !cutOff && err == nil, err
}

// dividers returns the names of the properties that the rows can be divided by.
func (r *rows) dividers() (uniqueID, title string, err error) {
	source, err := r.c.DataSource(r.ctx, r.id)
	if err != nil {
		return "", "", err
	}
	for name, schema := range source.Get("properties").Fields() {
		switch schema.Get("type").Text() {
		case "unique_id":
			uniqueID = string(name)
		case "title":
			title = string(name)
		}
	}
	return uniqueID, title, nil
}

// readByNumber reads in the order of a unique_id property, each page beginning
// behind the number that the one before ended with. It is not whole if there are
// pages without a number.
func (r *rows) readByNumber(minute []any, name string, parts *idSet) (whole bool, err error) {
	last := -1.0
	l := r.listing(and(minute...), fields{"property": name, "direction": ascending})
	l.after = func(p *page) step {
		highest := last
		for row := range p.all() {
			if n, ok := row.Get("properties").Get(name).Get("unique_id").Get("number").Float(); ok {
				highest = max(highest, n)
			}
		}
		if whole = !p.more && !p.incomplete; whole || highest == last {
			return stop
		}
		last = highest
		l.body.Filter = and(slices.Concat(minute, []any{property(name, "unique_id", "greater_than", last)})...)
		return anew
	}
	err = r.read(&l, func(p *page) error {
		parts.addAll(p)
		return nil
	})
	return whole && err == nil, err
}

// titleCharacters are those that a set of titles is most likely to be divided
// by: numbers of things named in a row, then letters by how common they are.
const titleCharacters = "1234567890eaoinrstlcdumhpgbfywkvxzjq -"

// readByTitle reads what has the first of the characters in its title and what
// has not, and divides both by the next one where they are cut off. What is not cut
// off is read once more if rows may have been skipped.
func (r *rows) readByTitle(filters []any, name, characters string, parts *idSet) (whole bool, err error) {
	var ids idSet
	for again := false; ; again = true {
		ids.clear()
		cutOff, err := r.part(and(filters...), byCreation(ascending), &ids, characters != "")
		if err != nil {
			return false, err
		}
		if cutOff {
			break
		}
		parts.union(&ids)
		there, err := r.stillThere(r.ctx, and(filters...))
		if err != nil {
			return false, err
		}
		parts.union(there) // also what was skipped here and had come before
		if clean, err := r.nothingSkipped(there, &ids, time.Time{}); err != nil || clean || again {
			return clean, err
		}
	}
	if characters == "" || ids.len() == 0 { // there is nothing to divide
		return false, nil
	}
	whole = true
	for _, condition := range []string{"contains", "does_not_contain"} {
		divided := slices.Concat(filters, []any{property(name, "title", condition, characters[:1])})
		w, err := r.readByTitle(divided, name, characters[1:], parts)
		if err != nil {
			return false, err
		}
		whole = whole && w
	}
	return whole, nil
}

// part reads what filter lets through and adds it to ids. It begins again when
// its cursor is refused. With try, a part that turns out to be cut off is left.
func (r *rows) part(filter, sort any, ids *idSet, try bool) (cutOff bool, err error) {
	for restarts := 0; ; restarts++ {
		l := r.listing(filter, sort)
		l.after = func(p *page) step {
			if try && p.incomplete {
				return stop
			}
			return byCursor
		}
		err := r.read(&l, func(p *page) error {
			cutOff = cutOff || p.incomplete
			ids.addAll(p)
			return nil
		})
		if !errors.Is(err, ErrCursor) || restarts == maxRestarts {
			return cutOff, err
		}
	}
}
