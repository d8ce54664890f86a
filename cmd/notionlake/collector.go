package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// growBytes is how much the heap may grow before the collector runs. A row
// allocates next to nothing, and what lives is a few megabytes at first and
// seventy after 500,000 rows: a share of what lives, as the runtime has it, is
// too little for the one, so that a third of a small load was collecting, and
// too much for the other.
const growBytes = 20 << 20

// littleBytes is up to where the heap may grow at once: below it what lives would be
// gone through again and again while a load of some hundred pages is written.
const littleBytes = 88 << 20

// Where much lives, as with hundreds of thousands of pages, it may grow less: the
// whole is to stay small, and such a load waits for Notion most of the time.
const (
	muchBytes     = 64 << 20
	growMuchBytes = 12 << 20
)

// tuneCollector has the collector run each time the heap has grown by growBytes,
// unless the environment says when.
func tuneCollector(env func(name string) (string, bool)) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if _, set := env(name); set {
			return
		}
	}
	afterCollection()
}

// afterCollection sets the share for the next collection by what lives now, and
// sees to being called after that one: when an object is found to be garbage.
func afterCollection() {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
	}
	metrics.Read(samples)
	bytes := func(n int) int64 { return int64(samples[n].Value.Uint64()) }
	live := bytes(0)
	percent := growPercent(uint64(live))
	debug.SetGCPercent(percent)
	limit := int64(math.MaxInt64)
	if live > muchBytes {
		// What is free goes back to the system rather than that the whole grows. The
		// rest are stacks, gaps between objects and the runtime's own.
		rest := bytes(1) - bytes(2) - bytes(3) - bytes(4)
		limit = live + live*int64(percent)/100 + rest + gapBytes
	}
	debug.SetMemoryLimit(limit)
	runtime.AddCleanup(new([16]byte), func(struct{}) { afterCollection() }, struct{}{})
}

// gapBytes is how much the rest may grow until the next collection.
const gapBytes = 2 << 20

// growPercent is growBytes as a percentage of what lives. At the beginning that
// is nothing; and a huge heap may grow a little more, lest the collector always run.
func growPercent(live uint64) int {
	const least, most = 10, 500
	grow := uint64(growBytes)
	switch {
	case live > muchBytes:
		grow = growMuchBytes
	case live+growBytes < littleBytes:
		grow = littleBytes - live
	}
	return int(max(least, min(most, grow*100/max(live, 1))))
}
