package lake

import (
	"fmt"
	"slices"
	"time"
)

// A Retention says which published loads are kept. A load is kept if any part of
// it says so, and the newest one always.
type Retention struct {
	// All keeps every load.
	All bool
	// Last is how many of the newest loads are kept.
	Last int
	// Daily, Weekly and Monthly are of how many days, ISO weeks and months, of
	// those that have a load, the newest load is kept. All are in UTC. Loads that
	// lie in the future are kept: the clock was wrong once, and since then the IDs
	// say nothing of days, for each is later than the one before.
	Daily, Weekly, Monthly int
	// Younger keeps every load that is younger.
	Younger time.Duration
	// Named are loads that expire. Where there are any, all others are kept.
	Named []LoadID
}

// clockTolerance is how far the clocks of two machines may be apart.
const clockTolerance = time.Hour

// Empty reports whether nothing but the newest load would be kept.
func (r Retention) Empty() bool {
	return !r.All && r.Last == 0 && !r.byTime() && len(r.Named) == 0
}

// A KeptLoad is a load with the reasons why it is kept.
type KeptLoad struct {
	LoadID  LoadID   `json:"load_id"`
	Reasons []string `json:"reasons"`
}

// byTime says that the times of the loads matter, not only their order.
func (r Retention) byTime() bool {
	return r.Daily > 0 || r.Weekly > 0 || r.Monthly > 0 || r.Younger > 0
}

// Split divides loads, the oldest first, into those that are kept and those that
// expire. Loads count by the time that their IDs say.
func (r Retention) Split(loads []LoadID, now time.Time) (kept []KeptLoad, expired []LoadID) {
	rules := []struct {
		name   string
		left   int
		period func(time.Time) string
		last   string
	}{
		{name: "last", left: r.Last},
		{name: "daily", left: r.Daily, period: func(t time.Time) string { return t.Format(time.DateOnly) }},
		{name: "weekly", left: r.Weekly, period: week},
		{name: "monthly", left: r.Monthly, period: func(t time.Time) string { return t.Format("2006-01") }},
	}
	for i, id := range slices.Backward(loads) {
		at := id.Time()
		var reasons []string
		if i == len(loads)-1 {
			reasons = append(reasons, "newest")
		}
		if r.All {
			reasons = append(reasons, "all")
		}
		future := at.Sub(now) > clockTolerance
		if future && r.byTime() {
			reasons = append(reasons, "future")
		}
		for n := range rules {
			rule := &rules[n]
			if rule.left == 0 || rule.period != nil && future {
				continue
			}
			if rule.period != nil {
				period := rule.period(at)
				if period == rule.last {
					continue
				}
				rule.last = period
			}
			rule.left--
			reasons = append(reasons, rule.name)
		}
		if len(r.Named) > 0 && !slices.Contains(r.Named, id) {
			reasons = append(reasons, "not_named")
		}
		if r.Younger > 0 && !future && now.Sub(at) < r.Younger {
			reasons = append(reasons, "younger")
		}
		if reasons == nil {
			expired = append(expired, id)
			continue
		}
		kept = append(kept, KeptLoad{id, reasons})
	}
	slices.Reverse(kept)
	slices.Reverse(expired)
	return kept, expired
}

func week(t time.Time) string {
	year, week := t.ISOWeek()
	return fmt.Sprintf("%d-%d", year, week)
}
