package notion

import (
	"fmt"
	"strconv"
	"strings"
)

// A Rate says how fast requests may be sent. The zero Rate is automatic: it
// starts at the budget that Notion publishes for every plan and learns.
type Rate struct {
	Off       bool
	PerMinute int // > 0: fixed
}

// ParseRate reads auto, off, or a number of requests per minute.
func ParseRate(s string) (Rate, error) {
	switch s = strings.TrimSpace(s); s {
	case "", "auto":
		return Rate{}, nil
	case "off":
		return Rate{Off: true}, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return Rate{}, fmt.Errorf("rate %q: must be auto, off or a number of requests per minute", s)
	}
	return Rate{PerMinute: n}, nil
}

// String returns the form that ParseRate reads.
func (r Rate) String() string {
	switch {
	case r.Off:
		return "off"
	case r.PerMinute > 0:
		return strconv.Itoa(r.PerMinute)
	}
	return "auto"
}
