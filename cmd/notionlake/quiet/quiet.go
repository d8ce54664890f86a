// Package quiet keeps the garbage collector off while the program's packages set
// themselves up: a library parses 30 MB of tables then, of which nothing is garbage yet.
// It needs no other package of note, so it is set up before those that do.
package quiet

import (
	"os"
	"runtime/debug"
)

// share is what the collector ran by, and whether that was changed.
var (
	share   int
	changed bool
)

func init() {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if _, set := os.LookupEnv(name); set {
			return
		}
	}
	share, changed = debug.SetGCPercent(-1), true
}

// End lets the collector run again: when all packages are set up.
func End() {
	if changed {
		debug.SetGCPercent(share)
	}
}
