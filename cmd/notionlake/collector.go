package main

import (
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
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetGCPercent(growPercent(live[0].Value.Uint64()))
	runtime.AddCleanup(new([16]byte), func(struct{}) { afterCollection() }, struct{}{})
}

// growPercent is growBytes as a percentage of what lives. At the beginning that
// is nothing; and a huge heap may grow a little more, lest the collector always run.
func growPercent(live uint64) int {
	const least, most = 10, 500
	grow := uint64(growBytes)
	if live > muchBytes {
		grow = growMuchBytes
	}
	return int(max(least, min(most, grow*100/max(live, 1))))
}
