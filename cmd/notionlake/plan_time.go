package main

import (
	"time"

	"github.com/notionlake/notionlake/extract"
	"github.com/notionlake/notionlake/extract/notion"
)

// A planTime is how long the requests of a load take.
type planTime struct {
	Seconds        float64 `json:"seconds"`
	AtLeastSeconds float64 `json:"at_least_seconds"` // for the requests that are certain
	PerMinute      int     `json:"per_minute"`       // requests that a load begins with; 0: no limit
	Burst          int     `json:"burst"`            // requests that may be sent at once before
	LatencyMillis  float64 `json:"latency_ms"`       // of the requests of the plan
	LimitedBy      string  `json:"limited_by"`       // rate or latency
}

// planTimeOf estimates the time: by the rate, after the burst, or by how long
// Notion takes to answer, whichever is longer. chain is how many requests wait for
// one another; of the others so many are under way at a time as the client allows.
func planTimeOf(total extract.Figure, chain int64, rate notion.Rate, stats notion.Stats) planTime {
	var t planTime
	t.PerMinute, t.Burst = rate.Budget()
	var latency time.Duration
	if stats.Requests > 0 {
		latency = stats.Busy / time.Duration(stats.Requests)
	}
	t.LatencyMillis = float64(latency.Microseconds()) / 1000
	seconds := func(n int64) (float64, string) {
		byLatency := latency.Seconds() * max(float64(min(chain, n)), float64(n)/float64(rate.Parallel()))
		if t.PerMinute > 0 {
			if byRate := float64(max(n-int64(t.Burst), 0)) * 60 / float64(t.PerMinute); byRate >= byLatency {
				return byRate, "rate"
			}
		}
		return byLatency, "latency"
	}
	t.Seconds, t.LimitedBy = seconds(total.N)
	t.AtLeastSeconds, _ = seconds(total.AtLeast)
	return t
}
