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
