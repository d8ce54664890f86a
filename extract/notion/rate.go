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

// Parallel is how many requests are in flight at most: those that come in a second,
// which an answer of Notion seldom takes; at least 8, and at most 32, for memory's
// sake.
func (r Rate) Parallel() int { return max(8, min(r.PerMinute/60, 32)) }

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

// Budget is what a Client begins with: how many requests it sends in a minute, and
// how many at once after a rest. 0: no limit.
func (r Rate) Budget() (perMinute, burst int) {
	switch {
	case r.Off:
		return 0, 0
	case r.PerMinute > 0:
		// The burst is what a sixth of the minute brings, as in Notion's 30 of 180.
		// A little less: requests that come together on their way would be refused.
		return r.PerMinute, max(r.PerMinute/6*49/50, 1)
	}
	return startPerSecond * 60, startBurst
}
