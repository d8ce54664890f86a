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
// of them: ranges of a unique_id property, or what does and what does not have a
// character in its title, divided further and further. The minute is whole when
// no part was cut off and every row that was ever seen in it was seen in the
// parts too, which shows that the parts leave nothing out.
func (r *rows) readMinute(m time.Time, seen *idSet) (whole bool, err error) {
	minute := []any{created("on_or_after", m), created("before", m.Add(time.Minute))}
	got, err := r.readPart(part{
		filter: and(minute...),
		sort:   byCreation(descending),
		visit:  func(h rowHead, _ JSON) { seen.add(h.id, 0) },
	})
	if err != nil {
		return false, err
	}
	if !got.cutOff {
		return true, nil
	}
	uniqueID, title, err := r.dividers()
	if err != nil {
		return false, err
	}
	if uniqueID != "" {
		var parts idSet
		if whole, err = r.readByNumber(minute, uniqueID, &parts); err != nil || whole && seen.within(&parts) {
			return whole, err
		}
	}
	var parts idSet
	if whole, err = r.readByTitle(minute, title, titleCharacters, &parts); err != nil {
		return false, err
	}
	return whole && seen.within(&parts), nil
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

// readByNumber reads ranges of a unique_id property, each beginning behind the
// highest number of the one before.
func (r *rows) readByNumber(minute []any, name string, parts *idSet) (whole bool, err error) {
	const none = -1
	for last := float64(none); ; {
		filter, highest := minute, last
		if last != none {
			filter = slices.Concat(minute, []any{property(name, "unique_id", "greater_than", last)})
		}
		got, err := r.readPart(part{
			filter: and(filter...),
			sort:   fields{"property": name, "direction": ascending},
			visit: func(h rowHead, row JSON) {
				parts.add(h.id, 0)
				if n, ok := row.Get("properties").Get(name).Get("unique_id").Get("number").Float(); ok {
					highest = max(highest, n)
				}
			},
		})
		if err != nil || !got.cutOff {
			return err == nil, err
		}
		if highest == last {
			return false, nil
		}
		last = highest
	}
}

// titleCharacters are those that a set of titles is most likely to be divided
// by: numbers of things named in a row, then letters by how common they are.
const titleCharacters = "1234567890eaoinrstlcdumhpgbfywkvxzjq -"

// readByTitle reads what has the first of the characters in its title and what
// has not, and divides both by the next one where they are cut off.
func (r *rows) readByTitle(filter []any, name, characters string, parts *idSet) (whole bool, err error) {
	got, err := r.readPart(part{
		filter: and(filter...),
		sort:   byCreation(ascending),
		visit:  func(h rowHead, _ JSON) { parts.add(h.id, 0) },
		whole:  characters != "",
	})
	if err != nil || !got.cutOff {
		return err == nil, err
	}
	if characters == "" {
		return false, nil
	}
	whole = true
	for _, condition := range []string{"contains", "does_not_contain"} {
		divided := slices.Concat(filter, []any{property(name, "title", condition, characters[:1])})
		w, err := r.readByTitle(divided, name, characters[1:], parts)
		if err != nil {
			return false, err
		}
		whole = whole && w
	}
	return whole, nil
}

// readPart reads a part and begins it again when its cursor is refused.
func (r *rows) readPart(p part) (reading, error) {
	for restarts := 0; ; restarts++ {
		got, err := r.read(p)
		if !errors.Is(err, ErrCursor) || restarts == maxRestarts {
			return got, err
		}
	}
}
