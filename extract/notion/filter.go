package notion

import "time"

const (
	ascending  = "ascending"
	descending = "descending"
)

// fields is a JSON object of a request.
type fields map[string]any

func byCreation(direction string) fields {
	return fields{"timestamp": "created_time", "direction": direction}
}

// during is a filter for what was created in the time from one to before the
// other, where zero is open. Nil lets everything through.
func during(from, to time.Time) any {
	var filters []any
	if !from.IsZero() {
		filters = append(filters, created("on_or_after", from))
	}
	if !to.IsZero() {
		filters = append(filters, created("before", to))
	}
	switch len(filters) {
	case 0:
		return nil
	case 1:
		return filters[0]
	}
	return and(filters...)
}

// created is a filter on created_time.
func created(condition string, t time.Time) fields {
	return fields{"timestamp": "created_time", "created_time": fields{condition: t.Format("2006-01-02T15:04:05.000Z")}}
}

// property is a filter on a property of the given type.
func property(name, kind, condition string, value any) fields {
	return fields{"property": name, kind: fields{condition: value}}
}

// and is a filter that holds where all of these do.
func and(filters ...any) fields { return fields{"and": filters} }
