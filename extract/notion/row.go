package notion

import "time"

// A rowHead is what reading needs to know of a row.
type rowHead struct {
	object  string
	id      UUID
	ok      bool // it has an id
	created time.Time
	edited  uint32 // minutes since 1970
}

func (h rowHead) isRow() bool { return h.object == "page" }

func headOf(row JSON) (h rowHead) {
	missing := 4
	for key, value := range row.Fields() {
		switch string(key) {
		case "object":
			if h.object = "page"; string(value) != `"page"` {
				h.object = value.Text()
			}
		case "id":
			h.id, h.ok = value.uuid()
		case "created_time":
			h.created = value.time()
		case "last_edited_time":
			h.edited = minuteOf(value.time())
		default:
			continue
		}
		if missing--; missing == 0 {
			break // the properties, which are most of a row, are not looked at
		}
	}
	return h
}

// minuteOf counts minutes since 1970; what was before is 0.
func minuteOf(t time.Time) uint32 { return uint32(max(t.Unix()/60, 0)) }

// time returns the time that a text is, zero if it is none.
func (j JSON) time() time.Time {
	if j.Kind() != '"' {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, string(j[1:len(j)-1]))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
