package main

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestGrowPercent(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, 500}, {1 << 20, 500}, {10 << 20, 500}, {30 << 20, 193}, {50 << 20, 76}, {70 << 20, 17}, {100 << 20, 12}, {1 << 30, 10}} {
		if got := growPercent(c.live); got != c.want {
			t.Errorf("growPercent(%d MB) = %d, want %d", c.live>>20, got, c.want)
		}
	}
}

// The share, and where much lives the limit, follow what lives, or is left to the environment.
func TestTuneCollector(t *testing.T) {
	const before = 123
	defer debug.SetGCPercent(debug.SetGCPercent(before))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	tuneCollector(func(name string) (string, bool) { return "", name == "GOGC" })
	if got := debug.SetGCPercent(before); got != before {
		t.Errorf("with GOGC set, the share became %d", got)
	}
	tuneCollector(func(string) (string, bool) { return "", false })
	big := make([]*[1 << 20]byte, 100) // with pointers, or it would not be looked at
	for i := range big {
		big[i] = new([1 << 20]byte)
	}
	for range 100 {
		runtime.GC()                                                   // cleanups run some time after it
		if got := debug.SetGCPercent(before); got >= 10 && got <= 12 { // of 100 MB and a little
			if limit := debug.SetMemoryLimit(-1); limit < 100<<20 || limit > 200<<20 {
				t.Errorf("the limit is %d MB", limit>>20)
			}
			runtime.KeepAlive(big)
			return
		}
	}
	t.Error("the share did not follow what lives")
}
